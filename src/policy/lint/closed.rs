//! Intents that no policy can ever permit.
//!
//! Said only of what is certain: for each permit of `run`, the conditions that depend on nothing
//! but the intent are evaluated, with evidence that the intent does not take counted as never
//! there. If every permit has such a condition that fails, nobody can ever run the intent.

use std::collections::BTreeSet;

use cedar_policy::pst::{EntityOrSlot, Expr, ResourceConstraint, Var};
use cedar_policy::{Authorizer, Context, Entities, Request, RestrictedExpression};

use crate::domain::diagnostic::{Code, Diagnostic, Place};
use crate::domain::intent::Intent;
use crate::policy::evidence::{Approvals, Cited, Support};
use crate::policy::facts::uid;
use crate::policy::rule::{Conjunct, Rule, RuleEffect, each_below};

use super::Subject;
use super::types::actions;

/// Finds intents that no rule can ever permit.
pub(in crate::policy) fn closed_intents<'a>(
    subject: &Subject<'_>,
    rules: impl Iterator<Item = &'a Rule>,
) -> Vec<Diagnostic> {
    let permits: Vec<&Rule> = rules
        .filter(|rule| {
            rule.effect == RuleEffect::Permit
                && actions(subject.vocabulary, rule).iter().any(|action| action.name == "run")
        })
        .collect();
    let intents = subject.repo.intents.values();
    let closed = intents.filter(|intent| is_closed(subject, intent, &permits));
    closed
        .map(|intent| {
            let message = format!("no policy can ever permit {}", intent.name);
            Diagnostic::new(Code::PolicyIntentClosed, Place::whole(intent.path.clone()), message)
        })
        .collect()
}

fn is_closed(subject: &Subject<'_>, intent: &Intent, permits: &[&Rule]) -> bool {
    let mut about = permits.iter().filter(|rule| is_about(rule, intent));
    match Sample::of(subject, intent) {
        Some(sample) => !about.any(|rule| can_permit(&sample, intent, rule)),
        None => about.next().is_none(),
    }
}

fn is_about(rule: &Rule, intent: &Intent) -> bool {
    match &rule.body.resource {
        ResourceConstraint::Any | ResourceConstraint::Is(_) => true,
        ResourceConstraint::Eq(other)
        | ResourceConstraint::In(other)
        | ResourceConstraint::IsIn(_, other) => match other {
            // Nothing else than intents is ever run.
            EntityOrSlot::Entity(uid) => uid.eid == intent.name.as_str(),
            EntityOrSlot::Slot(_) => false,
        },
    }
}

fn can_permit(sample: &Sample, intent: &Intent, rule: &Rule) -> bool {
    let holds = sample.holding(rule);
    rule.conjuncts.iter().enumerate().all(|(place, conjunct)| {
        !depends_on_intent_alone(intent, conjunct) || holds.contains(&place.to_string())
    })
}

/// Says whether a condition reads nothing but the intent, evidence that the intent never takes,
/// and whether arguments are there at all.
fn depends_on_intent_alone(intent: &Intent, conjunct: &Conjunct) -> bool {
    let mut alone = true;
    let mut contexts = 0;
    each_below(&conjunct.expr, &mut |part| match part {
        Expr::Var(Var::Principal | Var::Action) => alone = false,
        Expr::Var(Var::Context) => contexts += 1,
        Expr::GetAttr { expr, attr } if **expr == Expr::Var(Var::Context) => {
            contexts -= i32::from(is_fixed(intent, attr));
        }
        Expr::HasAttr { expr, attrs } if **expr == Expr::Var(Var::Context) => {
            contexts -= i32::from(is_fixed(intent, attrs.first()));
        }
        _ => {}
    });
    alone && contexts == 0
}

/// Says whether the intent alone settles this part of the context.
fn is_fixed(intent: &Intent, attr: &str) -> bool {
    match attr {
        "approvals" => intent.approval.is_none(),
        "pr" => intent.cite.is_none(),
        _ => false,
    }
}

/// The emptiest question about an intent.
struct Sample {
    request: Request,
    entities: Entities,
}

impl Sample {
    fn of(subject: &Subject<'_>, intent: &Intent) -> Option<Self> {
        let resource = uid("Intent", intent.name.as_str());
        let support = Support::new(subject.repo, intent, &Approvals::default(), Cited::Nothing);
        let approvals = RestrictedExpression::new_entity_uid(support.approvals.clone());
        let context = Context::from_pairs([("approvals".to_owned(), approvals)]).ok()?;
        let named = [resource.clone(), support.approvals, uid("Action", "run")];
        let entities = subject.facts.slice(&named, &support.facts).ok()?;
        // Only conditions that read none of the rest are looked at, so it may be anything.
        let principal = uid("Service", "reconciler");
        let request =
            Request::new(principal, uid("Action", "run"), resource, context, None).ok()?;
        Some(Self { request, entities })
    }

    fn holding(&self, rule: &Rule) -> BTreeSet<String> {
        let response = Authorizer::new().is_authorized(&self.request, &rule.probes, &self.entities);
        response.diagnostics().reason().map(ToString::to_string).collect()
    }
}
