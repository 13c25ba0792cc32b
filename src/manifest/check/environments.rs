//! Environments: each target lies in exactly one.

use std::collections::{BTreeMap, BTreeSet};

use super::super::decode::Placed;
use super::super::raw::inventory::{RawEnvironment, RawEnvironments};
use super::super::report::Report;
use super::hosts::Hosts;
use super::values::Checked;
use crate::domain::diagnostic::Code;
use crate::domain::id::{EnvironmentName, GroupName, RepoPath, TargetName};
use crate::domain::target::{Environment, Inventory, LOCAL, Target};

/// Where each target lies.
type Placement = BTreeMap<TargetName, EnvironmentName>;

/// Checks `inventory/environments.yaml` against the hosts.
pub fn check(
    file: &mut Checked<'_>,
    raw: &RawEnvironments,
    hosts: &Hosts,
    hosts_path: &RepoPath,
) -> Inventory {
    file.version(&raw.version);
    let mut environments = BTreeMap::new();
    let mut placement = Placement::new();
    for (name, environment) in &raw.environments {
        let Some(name) = file.name::<EnvironmentName>(name, environment.key_at) else { continue };
        let summary = file.text(&environment.value.summary, 200);
        place_all(file, &name, &environment.value, hosts, &mut placement);
        environments.insert(name.clone(), Environment { name, summary });
    }
    unplaced(file.report, hosts, hosts_path, &placement);
    Inventory::new(targets(hosts, &placement), hosts.groups.clone(), environments)
}

fn place_all(
    file: &mut Checked<'_>,
    environment: &EnvironmentName,
    raw: &RawEnvironment,
    hosts: &Hosts,
    placement: &mut Placement,
) {
    let mut here: BTreeMap<TargetName, Placed<()>> = BTreeMap::new();
    for group in file.names::<GroupName>(&raw.groups) {
        if !hosts.groups.contains_key(&group.value) {
            let all = hosts.groups.keys().map(GroupName::as_str);
            file.unknown(group.at, Code::UnknownGroup, ("group", group.value.as_str()), all);
        }
        for host in members(hosts, &group.value) {
            here.entry(host).or_insert_with(|| group.with(()));
        }
    }
    for host in file.names::<TargetName>(&raw.hosts) {
        if hosts.hosts.contains_key(&host.value) {
            here.entry(host.value.clone()).or_insert_with(|| host.with(()));
        } else {
            let all = hosts.hosts.keys().map(TargetName::as_str);
            file.unknown(host.at, Code::UnknownTarget, ("host", host.value.as_str()), all);
        }
    }
    if let Some(local) = raw.local.as_ref().filter(|local| local.value) {
        here.insert(LOCAL.parse().expect("`local` is a target name"), local.with(()));
    }
    for (target, place) in here {
        match placement.get(&target) {
            Some(first) => {
                let message = format!("`{target}` lies in `{first}` already");
                file.say(place.at, Code::TwoEnvironments, message);
            }
            None => {
                placement.insert(target, environment.clone());
            }
        }
    }
}

/// Returns every host in a group or in groups that lie in it.
fn members(hosts: &Hosts, group: &GroupName) -> Vec<TargetName> {
    let below: BTreeSet<&GroupName> =
        hosts.groups.keys().filter(|other| hosts.closure(other).contains(group)).collect();
    hosts
        .hosts
        .iter()
        .filter(|(_, host)| host.groups.iter().any(|own| below.contains(own)))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Tells hosts that lie in no environment, one message for all that stand at one place.
fn unplaced(report: &mut Report, hosts: &Hosts, path: &RepoPath, placement: &Placement) {
    let mut by_place: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for (name, host) in hosts.hosts.iter().filter(|(name, _)| !placement.contains_key(*name)) {
        by_place.entry(host.at).or_default().push(name.as_str());
    }
    for (at, names) in by_place {
        let message = match names.as_slice() {
            [one] => format!("the host `{one}` lies in no environment"),
            [first, .., last] => {
                format!("{} hosts, `{first}` to `{last}`, lie in no environment", names.len())
            }
            [] => continue,
        };
        report.say(path, at, Code::NoEnvironment, message);
    }
}

fn targets(hosts: &Hosts, placement: &Placement) -> BTreeMap<TargetName, Target> {
    placement
        .iter()
        .map(|(name, environment)| {
            let host = hosts.hosts.get(name);
            let target = Target {
                name: name.clone(),
                groups: host.map(|host| host.groups.clone()).unwrap_or_default(),
                environment: environment.clone(),
                vars: host.map(|host| hosts.vars_of(host)).unwrap_or_default(),
            };
            (name.clone(), target)
        })
        .collect()
}
