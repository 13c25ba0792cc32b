//! Why: the rules that decided, or the permits that came nearest and what each lacked.

use std::collections::BTreeSet;

use cedar_policy::pst::{self, EntityOrSlot, PrincipalConstraint, ResourceConstraint};
use cedar_policy::{AuthorizationError, Authorizer, EntityUid, PolicyId};

use crate::domain::decision::{Effect, Reason};

use super::Snapshot;
use super::ask::{Answer, Ready};
use super::rule::{Rule, RuleEffect};
use super::wording::{Scope, lacking};

/// At most so many permits that came near are told.
const NEAREST: usize = 3;

/// Returns a reason of Tribune's own.
pub(super) fn refuses(text: String) -> Reason {
    Reason { rule: None, effect: Effect::Refuses, text, lacks: vec![] }
}

/// Returns the reasons for an answer. `who` is how the principal is called.
pub(super) fn told(snapshot: &Snapshot, ready: &Ready, answer: &Answer, who: &str) -> Vec<Reason> {
    let cite = |ids: &[String], effect| {
        let rules = ids.iter().filter_map(|id| snapshot.policies.rule(id));
        rules.map(|rule| of_rule(rule, effect, vec![])).collect()
    };
    match answer {
        Answer::Allowed(permits) => cite(permits, Effect::Permits),
        Answer::Denied(forbids) if forbids.is_empty() => nearest(snapshot, ready, who),
        Answer::Denied(forbids) => cite(forbids, Effect::Forbids),
        Answer::Failed(why) => vec![refuses(why.clone())],
    }
}

/// Returns the permits that came nearest, and what each lacked. A permit that is about other
/// intents or targets is told only where nothing comes nearer.
pub(super) fn nearest(snapshot: &Snapshot, ready: &Ready, who: &str) -> Vec<Reason> {
    let relevant = snapshot.policies.index.relevant(ready.action, &ready.resource);
    let permits = relevant.filter(|rule| rule.effect == RuleEffect::Permit);
    let mut found: Vec<(Distance, Reason)> = permits
        .filter_map(|rule| Some((rule, lacks(snapshot, rule, ready, who)?)))
        .filter(|(_, (_, lacks))| !lacks.is_empty())
        .map(|(rule, (distance, lacks))| (distance, of_rule(rule, Effect::WouldPermit, lacks)))
        .collect();
    found.sort_by(|(far, one), (farther, other)| (far, &one.rule).cmp(&(farther, &other.rule)));
    let Some((nearest, _)) = found.first() else {
        return vec![refuses(format!("no policy permits {who} to {} this", ready.action))];
    };
    let about = nearest.fixed;
    let near = found.into_iter().filter(|(distance, _)| distance.fixed == about);
    near.take(NEAREST).map(|(_, reason)| reason).collect()
}

/// How far a permit is from holding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Distance {
    /// Conditions that nothing but another intent would meet.
    fixed: usize,
    /// All others.
    open: usize,
}

fn of_rule(rule: &Rule, effect: Effect, lacks: Vec<String>) -> Reason {
    Reason { rule: Some(rule.at.clone()), effect, text: rule.reason.clone(), lacks }
}

/// Returns what a permit lacks, in words; `None` if it is about others or something else.
fn lacks(
    snapshot: &Snapshot,
    rule: &Rule,
    ready: &Ready,
    who: &str,
) -> Option<(Distance, Vec<String>)> {
    let mut lacks = vec![];
    let mut distance = Distance::default();
    match scope(&rule.body.principal, ready)? {
        Scope::Holds => {}
        Scope::Lacks(text) => {
            lacks.push(format!("{who} {text}"));
            distance.open += 1;
        }
    }
    if !is_about_resource(&rule.body.resource, ready) {
        return None;
    }
    let (holds, erred) = probe(rule, ready);
    for (place, conjunct) in rule.conjuncts.iter().enumerate() {
        // What errs stands behind a guard that does not hold, and that is told already.
        if !holds.contains(&place) && (!erred.contains(&place) || lacks.is_empty()) {
            lacks.push(lacking(snapshot, conjunct, ready, who));
            let counted =
                if conjunct.is_fixed() { &mut distance.fixed } else { &mut distance.open };
            *counted += 1;
        }
    }
    lacks.dedup();
    Some((distance, lacks))
}

/// Returns the places of a rule's conjuncts that hold, and of those that fail to be evaluated.
fn probe(rule: &Rule, ready: &Ready) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let response = Authorizer::new().is_authorized(&ready.request, &rule.probes, &ready.entities);
    let place = |id: &PolicyId| id.to_string().parse().ok();
    let holds = response.diagnostics().reason().filter_map(place).collect();
    let errors = response.diagnostics().errors().filter_map(|error| match error {
        AuthorizationError::PolicyEvaluationError(error) => place(error.policy_id()),
    });
    (holds, errors.collect())
}

/// Says whether the principal is in a rule's scope; `None` if the rule is about others.
fn scope(constraint: &PrincipalConstraint, ready: &Ready) -> Option<Scope> {
    let kind = ready.principal.type_name().to_string();
    let is = |entity_type: &pst::EntityType| entity_type.to_string() == kind;
    match constraint {
        PrincipalConstraint::Any => Some(Scope::Holds),
        PrincipalConstraint::Is(entity_type) => is(entity_type).then_some(Scope::Holds),
        PrincipalConstraint::Eq(other) => {
            (entity_of(other)? == ready.principal).then_some(Scope::Holds)
        }
        PrincipalConstraint::In(other) => within(&entity_of(other)?, ready),
        PrincipalConstraint::IsIn(entity_type, other) => {
            is(entity_type).then(|| within(&entity_of(other)?, ready)).flatten()
        }
    }
}

fn within(other: &EntityUid, ready: &Ready) -> Option<Scope> {
    if *other == ready.principal || ready.entities.is_ancestor_of(other, &ready.principal) {
        return Some(Scope::Holds);
    }
    let kind = other.type_name().to_string();
    (kind == "Role" && ready.principal.type_name().to_string() == "Person")
        .then(|| Scope::Lacks(format!("does not hold role {}", other.id().unescaped())))
}

fn is_about_resource(constraint: &ResourceConstraint, ready: &Ready) -> bool {
    let is = |entity_type: &pst::EntityType| {
        entity_type.to_string() == ready.resource.type_name().to_string()
    };
    let within = |other: &EntityOrSlot| {
        entity_of(other).is_some_and(|other| {
            other == ready.resource || ready.entities.is_ancestor_of(&other, &ready.resource)
        })
    };
    match constraint {
        ResourceConstraint::Any => true,
        ResourceConstraint::Is(entity_type) => is(entity_type),
        ResourceConstraint::Eq(other) | ResourceConstraint::In(other) => within(other),
        ResourceConstraint::IsIn(entity_type, other) => is(entity_type) && within(other),
    }
}

/// Returns the entity of a constraint; templates were refused when compiling.
pub(super) fn entity_of(constraint: &EntityOrSlot) -> Option<EntityUid> {
    match constraint {
        EntityOrSlot::Entity(entity) => entity_uid(entity),
        EntityOrSlot::Slot(_) => None,
    }
}

/// Returns Cedar's other form of an entity's name.
pub(super) fn entity_uid(entity: &pst::EntityUID) -> Option<EntityUid> {
    let kind = entity.ty.to_string().parse().ok()?;
    Some(EntityUid::from_type_name_and_id(kind, cedar_policy::EntityId::new(&entity.eid)))
}
