//! What intents act on: hosts, stacks and `local`, in groups and environments.

use std::collections::{BTreeMap, BTreeSet};

use super::id::{EnvironmentName, GroupName, TargetName};

/// The machine that Tribune runs on, as a target.
pub const LOCAL: &str = "local";

/// Everything that can be acted on. What is put in after [`Inventory::new`] made it is in no
/// group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// Every target by name, `local` included when an environment names it.
    pub targets: BTreeMap<TargetName, Target>,
    /// Every group with the groups it lies in.
    pub groups: BTreeMap<GroupName, BTreeSet<GroupName>>,
    /// Every environment.
    pub environments: BTreeMap<EnvironmentName, Environment>,
    /// Every group that has any target, directly or not, with all of them.
    members: BTreeMap<GroupName, BTreeSet<TargetName>>,
}

/// One host, stack or `local`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name.
    pub name: TargetName,
    /// Groups it is directly in.
    pub groups: BTreeSet<GroupName>,
    /// The one environment it belongs to.
    pub environment: EnvironmentName,
    /// Its inventory variables, merged from its groups as Ansible does; opaque to Tribune, part of digests.
    pub vars: BTreeMap<String, serde_json::Value>,
}

/// An environment of `inventory/environments.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The name.
    pub name: EnvironmentName,
    /// What it is.
    pub summary: String,
}

impl Inventory {
    /// Returns an inventory of these.
    pub fn new(
        targets: BTreeMap<TargetName, Target>,
        groups: BTreeMap<GroupName, BTreeSet<GroupName>>,
        environments: BTreeMap<EnvironmentName, Environment>,
    ) -> Self {
        let mut inventory = Self { targets, groups, environments, members: BTreeMap::new() };
        let mut members: BTreeMap<GroupName, BTreeSet<TargetName>> = BTreeMap::new();
        for target in inventory.targets.values() {
            for group in inventory.groups_of(target) {
                members.entry(group).or_default().insert(target.name.clone());
            }
        }
        inventory.members = members;
        inventory
    }

    /// Returns the environments that targets, named one by one or as groups, lie in.
    pub fn environments_of(&self, names: &[String]) -> Vec<&Environment> {
        let targets = names.iter().flat_map(|name| self.resolve(name));
        let found: BTreeSet<&EnvironmentName> = targets
            .filter_map(|target| self.targets.get(&target).map(|target| &target.environment))
            .collect();
        found.into_iter().filter_map(|name| self.environments.get(name)).collect()
    }

    /// Returns `group` and every group it lies in.
    pub fn group_closure(&self, group: &GroupName) -> BTreeSet<GroupName> {
        let mut found = BTreeSet::new();
        let mut open = vec![group.clone()];
        while let Some(next) = open.pop() {
            if found.insert(next.clone())
                && let Some(parents) = self.groups.get(&next)
            {
                open.extend(parents.iter().cloned());
            }
        }
        found
    }

    /// Returns every group that `target` lies in, directly or not.
    pub fn groups_of(&self, target: &Target) -> BTreeSet<GroupName> {
        target.groups.iter().flat_map(|group| self.group_closure(group)).collect()
    }

    /// Returns the targets that `name` means: one target, or all of a group; empty if it is neither.
    pub fn resolve(&self, name: &str) -> BTreeSet<TargetName> {
        if let Ok(target) = name.parse::<TargetName>()
            && self.targets.contains_key(&target)
        {
            return BTreeSet::from([target]);
        }
        let group = name.parse::<GroupName>();
        group.ok().and_then(|group| self.members.get(&group)).cloned().unwrap_or_default()
    }
}
