//! What intents act on: hosts, stacks and `local`, in groups and environments.

use std::collections::{BTreeMap, BTreeSet};

use super::id::{EnvironmentName, GroupName, TargetName};

/// The machine that Tribune runs on, as a target.
pub const LOCAL: &str = "local";

/// Everything that can be acted on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// Every target by name, `local` included when an environment names it.
    pub targets: BTreeMap<TargetName, Target>,
    /// Every group with the groups it lies in.
    pub groups: BTreeMap<GroupName, BTreeSet<GroupName>>,
    /// Every environment.
    pub environments: BTreeMap<EnvironmentName, Environment>,
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
        if let Some((target, _)) = self.targets.iter().find(|(target, _)| target.as_str() == name) {
            return BTreeSet::from([target.clone()]);
        }
        self.targets
            .values()
            .filter(|target| self.groups_of(target).iter().any(|group| group.as_str() == name))
            .map(|target| target.name.clone())
            .collect()
    }
}
