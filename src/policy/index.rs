//! Rules by what they can be about, so that a question meets few of them.
//!
//! Cedar evaluates every policy it is given; leaving out those whose action or resource cannot
//! match changes no answer. A property test compares with everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{ActionConstraint, EntityUid, Policy, ResourceConstraint};

use super::rule::Rule;
use super::sight::Sight;
use super::vocabulary::ActionType;

/// Rules by action, and by resource where they name one. Each rule stands once per action.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Rules of an action that name no single resource.
    general: BTreeMap<&'static str, Shelf>,
    /// Those that name this one.
    special: BTreeMap<(&'static str, EntityUid), Shelf>,
}

/// Rules that are asked together.
#[derive(Debug, Clone, Default)]
struct Shelf {
    rules: Vec<Arc<Rule>>,
    /// What they can see of people.
    sight: Sight,
}

impl Index {
    /// Sorts `rules` by the actions of the schema.
    pub fn of<'a>(rules: impl Iterator<Item = &'a Arc<Rule>>, actions: &[ActionType]) -> Self {
        let mut index = Self::default();
        for rule in rules {
            let (resource, sight) = (resource_of(&rule.policy), Sight::of(rule));
            for action in actions.iter().filter(|action| is_about(&rule.policy, action)) {
                let shelf = match &resource {
                    Some(resource) => {
                        index.special.entry((action.name, resource.clone())).or_default()
                    }
                    None => index.general.entry(action.name).or_default(),
                };
                shelf.sight.add(&sight);
                shelf.rules.push(Arc::clone(rule));
            }
        }
        index
    }

    /// Returns the rules that can matter to an action on a resource.
    pub fn relevant(
        &self,
        action: &'static str,
        resource: &EntityUid,
    ) -> impl Iterator<Item = &Rule> {
        self.shelves(action, resource).flat_map(|shelf| &shelf.rules).map(AsRef::as_ref)
    }

    /// Returns what those rules can see of people.
    pub fn sight(&self, action: &'static str, resource: &EntityUid) -> Sight {
        let mut sight = Sight::default();
        self.shelves(action, resource).for_each(|shelf| sight.add(&shelf.sight));
        sight
    }

    fn shelves(&self, action: &'static str, resource: &EntityUid) -> impl Iterator<Item = &Shelf> {
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
