//! Reading `inventory/hosts.yaml`, an ordinary Ansible inventory.
//!
//! Only `hosts`, `children` and `vars` are read, everywhere else Ansible may have what it likes.
//! Variables are opaque: they are merged as Ansible merges them and become part of digests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::yaml::{At, Node, Yaml};
use super::ranges;
use super::values::Checked;
use crate::domain::diagnostic::Code;
use crate::domain::id::{GroupName, TargetName};
use crate::domain::target::LOCAL;

/// The group that every host is in.
const ALL: &str = "all";
/// The group of hosts that are in no other.
const UNGROUPED: &str = "ungrouped";
/// More hosts than this are a mistake in a range.
const MAX_HOSTS: usize = 5_000;

type Vars = BTreeMap<String, Value>;

/// What `hosts.yaml` says.
#[derive(Debug, Default)]
pub struct Hosts {
    /// Groups that each host is directly in, its own variables, and where it stands first.
    pub hosts: BTreeMap<TargetName, Host>,
    /// Groups with the groups they lie in.
    pub groups: BTreeMap<GroupName, BTreeSet<GroupName>>,
    vars: BTreeMap<GroupName, Vars>,
    priority: BTreeMap<GroupName, i64>,
    places: BTreeMap<GroupName, At>,
}

/// One host.
#[derive(Debug)]
pub struct Host {
    /// Where it is named first.
    pub at: At,
    /// Groups that it is directly in.
    pub groups: BTreeSet<GroupName>,
    own: Vars,
}

/// Checks the inventory.
pub fn check(file: &mut Checked<'_>, tree: &Node) -> Hosts {
    let mut hosts = Hosts::default();
    let Yaml::Map(groups) = &tree.value else {
        file.say(tree.at, Code::HostShape, "an inventory is a mapping of groups");
        return hosts;
    };
    for group in groups {
        hosts.group(file, &group.key, group.key_at, &group.value, None);
    }
    hosts.finish(file);
    hosts
}

impl Hosts {
    fn group(
        &mut self,
        file: &mut Checked<'_>,
        name: &str,
        at: At,
        body: &Node,
        parent: Option<&GroupName>,
    ) {
        let Some(name) = file.name::<GroupName>(name, at) else { return };
        self.places.entry(name.clone()).or_insert(at);
        self.groups.entry(name.clone()).or_default().extend(parent.cloned());
        let Some(parts) = mapping(file, body, &format!("the group `{name}`")) else { return };
        for part in parts {
            match part.key.as_str() {
                "vars" => {
                    let vars = mapping(file, &part.value, "`vars`").unwrap_or_default();
                    self.group_vars(&name, vars);
                }
                "children" => {
                    for child in names(file, &part.value, "`children`") {
                        self.group(file, child.0, child.1, child.2, Some(&name));
                    }
                }
                "hosts" => {
                    for (pattern, at, vars) in names(file, &part.value, "`hosts`") {
                        self.host(file, (pattern, at), vars, &name);
                    }
                }
                _ => {}
            }
        }
    }

    fn group_vars(&mut self, group: &GroupName, vars: &[super::super::yaml::Entry]) {
        for entry in vars {
            if entry.key == "ansible_group_priority" {
                if let Yaml::Integer(priority) = entry.value.value {
                    let priority = i64::try_from(priority).unwrap_or(i64::MAX);
                    self.priority.insert(group.clone(), priority);
                }
                continue;
            }
            let vars = self.vars.entry(group.clone()).or_default();
            vars.insert(entry.key.clone(), opaque(&entry.value));
        }
    }

    fn host(
        &mut self,
        file: &mut Checked<'_>,
        (pattern, at): (&str, At),
        vars: &Node,
        group: &GroupName,
    ) {
        let vars = mapping(file, vars, &format!("the host `{pattern}`")).unwrap_or_default();
        let room = MAX_HOSTS.saturating_sub(self.hosts.len());
        let names = match ranges::expand(pattern, room) {
            Ok(names) => names,
            Err(error) => return file.say(at, Code::HostRange, error.to_string()),
        };
        for name in names {
            if name == LOCAL {
                let message = "`local` is the machine that Tribune runs on";
                file.say(at, Code::NameReserved, message);
                continue;
            }
            let Some(name) = file.name::<TargetName>(&name, at) else { return };
            let host = self.hosts.entry(name).or_insert_with(|| Host {
                at,
                groups: BTreeSet::new(),
                own: Vars::new(),
            });
            host.groups.insert(group.clone());
            host.own.extend(vars.iter().map(|var| (var.key.clone(), opaque(&var.value))));
        }
    }

    /// Adds the groups that Ansible adds, and tells cycles and clashes.
    fn finish(&mut self, file: &mut Checked<'_>) {
        let all: GroupName = ALL.parse().expect("`all` is a group name");
        let ungrouped: GroupName = UNGROUPED.parse().expect("`ungrouped` is a group name");
        for (group, parents) in &mut self.groups {
            parents.remove(group);
            if parents.is_empty() && *group != all {
                parents.insert(all.clone());
            }
        }
        for host in self.hosts.values_mut() {
            if host.groups.iter().all(|group| *group == all) {
                self.groups.entry(ungrouped.clone()).or_default().insert(all.clone());
                host.groups.insert(ungrouped.clone());
            }
            if host.groups.len() > 1 {
                host.groups.remove(&all);
            }
        }
        self.groups.entry(all).or_default();
        if let Some(group) = self.groups.keys().find(|group| self.is_circular(group)) {
            let at = self.places.get(group).copied().unwrap_or_default();
            file.say(at, Code::GroupCycle, format!("the group `{group}` lies in itself"));
        }
        for (name, host) in &self.hosts {
            if self.groups.keys().any(|group| group.as_str() == name.as_str()) {
                let message = format!("`{name}` is both a host and a group");
                file.say(host.at, Code::NameClash, message);
            }
        }
    }

    /// Returns everything that `targets` of an intent can name.
    pub fn names(&self) -> BTreeSet<String> {
        let groups = self.groups.keys().map(ToString::to_string);
        let hosts = self.hosts.keys().map(ToString::to_string);
        groups.chain(hosts).chain([LOCAL.to_owned()]).collect()
    }

    /// Returns `group` and every group it lies in.
    pub fn closure(&self, group: &GroupName) -> BTreeSet<GroupName> {
        let mut found = BTreeSet::new();
        let mut open = vec![group.clone()];
        while let Some(next) = open.pop() {
            if found.insert(next.clone()) {
                open.extend(self.groups.get(&next).into_iter().flatten().cloned());
            }
        }
        found
    }

    fn is_circular(&self, group: &GroupName) -> bool {
        self.groups[group].iter().any(|parent| self.closure(parent).contains(group))
    }

    /// Returns how far a group lies below `all` on its longest way; a cycle ends the count.
    fn depth(&self, group: &GroupName, left: usize) -> usize {
        let parents = self.groups.get(group).into_iter().flatten();
        let above = parents.map(|parent| match left {
            0 => 0,
            left => 1 + self.depth(parent, left - 1),
        });
        above.max().unwrap_or(0)
    }

    /// Returns a host's variables: outer groups first, then by priority and name, then its own.
    pub fn vars_of(&self, host: &Host) -> Vars {
        let mut groups: BTreeSet<GroupName> = BTreeSet::new();
        for group in &host.groups {
            groups.extend(self.closure(group));
        }
        let mut order: Vec<_> = groups
            .into_iter()
            .map(|group| {
                let priority = self.priority.get(&group).copied().unwrap_or(1);
                (self.depth(&group, 24), priority, group)
            })
            .collect();
        order.sort();
        let mut vars = Vars::new();
        for (.., group) in order {
            vars.extend(self.vars.get(&group).into_iter().flatten().map(own));
        }
        vars.extend(host.own.iter().map(own));
        vars
    }
}

fn own((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// Returns the entries of a mapping; nothing at all is an empty one.
fn mapping<'a>(
    file: &mut Checked<'_>,
    node: &'a Node,
    what: &str,
) -> Option<&'a [super::super::yaml::Entry]> {
    match &node.value {
        Yaml::Map(map) => Some(map),
        Yaml::Null => Some(&[]),
        _ => {
            file.say(node.at, Code::HostShape, format!("{what} must be a mapping"));
            None
        }
    }
}

/// Returns names with what belongs to them; a single text is a name with nothing.
fn names<'a>(file: &mut Checked<'_>, node: &'a Node, what: &str) -> Vec<(&'a str, At, &'a Node)> {
    const NOTHING: &Node = &Node { at: At { line: 0, column: 0 }, value: Yaml::Null };
    match &node.value {
        Yaml::Text(name) => vec![(name, node.at, NOTHING)],
        _ => mapping(file, node, what)
            .unwrap_or_default()
            .iter()
            .map(|entry| (entry.key.as_str(), entry.key_at, &entry.value))
            .collect(),
    }
}

/// Turns any value into JSON; what it means is Ansible's business.
fn opaque(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(*value),
        Yaml::Integer(value) => match i64::try_from(*value) {
            Ok(value) => Value::from(value),
            Err(_) => Value::String(value.to_string()),
        },
        Yaml::Float(value) => Value::from(*value),
        Yaml::Text(value) => Value::String(value.clone()),
        Yaml::List(list) => Value::Array(list.iter().map(opaque).collect()),
        Yaml::Map(map) => Value::Object(
            map.iter().map(|entry| (entry.key.clone(), opaque(&entry.value))).collect(),
        ),
    }
}
