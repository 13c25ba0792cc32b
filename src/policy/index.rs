//! Policies by what they can be about, so that a question meets few of them.
//!
//! Cedar evaluates every policy it is given; leaving out those whose action or resource cannot
//! match changes no answer. A property test compares with everything.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{ActionConstraint, EntityUid, Policy, PolicySet, ResourceConstraint};

use super::vocabulary::ActionType;

/// Policies by action, and by resource where they name one.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Policies of an action that name no single resource.
    general: BTreeMap<&'static str, PolicySet>,
    /// The same and those that name this resource.
    special: BTreeMap<(&'static str, EntityUid), PolicySet>,
    /// For actions that do not exist.
    nothing: PolicySet,
}

impl Index {
    /// Sorts `policies` by the actions of the schema. Their ids differ.
    pub fn of(policies: &[Policy], actions: &[ActionType]) -> Self {
        let mut index = Self::default();
        for action in actions {
            let about: Vec<&Policy> =
                policies.iter().filter(|policy| is_about(policy, action)).collect();
            let named: BTreeSet<EntityUid> =
                about.iter().filter_map(|policy| resource_of(policy)).collect();
            for resource in named {
                let chosen = about.iter().filter(|policy| match resource_of(policy) {
                    Some(other) => other == resource,
                    None => true,
                });
                index.special.insert((action.name, resource.clone()), set_of(chosen.copied()));
            }
            let chosen = about.iter().filter(|policy| resource_of(policy).is_none());
            index.general.insert(action.name, set_of(chosen.copied()));
        }
        index
    }

    /// Returns the policies that can matter to an action on a resource.
    pub fn relevant(&self, action: &'static str, resource: &EntityUid) -> &PolicySet {
        self.special
            .get(&(action, resource.clone()))
            .or_else(|| self.general.get(action))
            .unwrap_or(&self.nothing)
    }
}

/// Returns the one resource that a policy names with `==`.
fn resource_of(policy: &Policy) -> Option<EntityUid> {
    match policy.resource_constraint() {
        ResourceConstraint::Eq(resource) => Some(resource),
        ResourceConstraint::Any
        | ResourceConstraint::In(_)
        | ResourceConstraint::Is(_)
        | ResourceConstraint::IsIn(..) => None,
    }
}

fn is_about(policy: &Policy, action: &ActionType) -> bool {
    let covers = |uid: &EntityUid| {
        let name = uid.id().unescaped();
        name == action.name || name == action.group
    };
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => uid.id().unescaped() == action.name,
        ActionConstraint::In(uids) => uids.iter().any(covers),
    }
}

fn set_of<'a>(policies: impl Iterator<Item = &'a Policy>) -> PolicySet {
    PolicySet::from_policies(policies.cloned()).expect("compiling made sure that the ids differ")
}
