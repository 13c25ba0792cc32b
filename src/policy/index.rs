//! Policies by what they can be about, so that a question meets few of them.
//!
//! Cedar evaluates every policy it is given; leaving out those whose action or resource cannot
//! match changes no answer. A property test compares with everything.

use std::collections::BTreeMap;

use cedar_policy::{ActionConstraint, EntityUid, Policy, PolicySet, ResourceConstraint};

use super::vocabulary::ActionType;

/// Policies by action, and by resource where they name one. Each policy stands once per action:
/// a question is put to both sets, which costs less than a set for every resource.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Policies of an action that name no single resource.
    general: BTreeMap<&'static str, PolicySet>,
    /// Those that name this one.
    special: BTreeMap<(&'static str, EntityUid), PolicySet>,
}

impl Index {
    /// Sorts `policies` by the actions of the schema. Their ids differ.
    pub fn of(policies: &[Policy], actions: &[ActionType]) -> Self {
        let mut index = Self::default();
        for policy in policies {
            let resource = resource_of(policy);
            for action in actions.iter().filter(|action| is_about(policy, action)) {
                let set = match &resource {
                    Some(resource) => {
                        index.special.entry((action.name, resource.clone())).or_default()
                    }
                    None => index.general.entry(action.name).or_default(),
                };
                set.add(policy.clone()).expect("compiling made sure that the ids differ");
            }
        }
        index
    }

    /// Returns the policies that can matter to an action on a resource.
    pub fn relevant(
        &self,
        action: &'static str,
        resource: &EntityUid,
    ) -> impl Iterator<Item = &PolicySet> {
        let general = self.general.get(action);
        general.into_iter().chain(self.special.get(&(action, resource.clone())))
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
