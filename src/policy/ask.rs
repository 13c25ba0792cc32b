//! Putting one question to Cedar. Every way in which asking can go wrong is an answer that
//! refuses: Cedar itself skips a policy that errs, forbids too, and would fail open.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use cedar_policy_core::ast::{Context as CoreContext, Value};
use jiff::Timestamp;

use crate::domain::id::TargetName;

use super::act::Scene;
use super::compile::Policies;
use super::facts::{Fact, uid};
use super::guard::Glance;
use super::rule::{Rule, RuleEffect};

/// One question in the making.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    principal: EntityUid,
    action: &'static str,
    resource: EntityUid,
    target: Option<EntityUid>,
    via: EntityUid,
    now: Timestamp,
    context: Vec<(&'static str, Value)>,
    /// Whether it was held against the schema before, with other evidence.
    fits: bool,
    /// Entities that the slice must hold.
    pub named: Vec<EntityUid>,
    /// Entities that are not in the policy repo.
    pub extra: Vec<Fact>,
}

/// A question that Cedar can take: the request, and the slice that it needs.
#[derive(Debug)]
pub(super) struct Ready {
    /// The request.
    pub request: Request,
    /// The slice.
    pub entities: Entities,
    /// The action by name.
    pub action: &'static str,
    /// The resource.
    pub resource: EntityUid,
    /// The principal.
    pub principal: EntityUid,
    /// `context.target`, where there is one.
    pub target: Option<EntityUid>,
    /// `context.via`.
    pub via: EntityUid,
}

/// What Cedar answered. The lists hold `@id`s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// These permits hold and no forbid does.
    Allowed(Vec<String>),
    /// These forbids hold; none: no permit does.
    Denied(Vec<String>),
    /// It could not be decided, and why. Counts as a denial.
    Failed(String),
}

impl Answer {
    /// Says whether it is a plain yes.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

impl Ask {
    /// Starts a question with what every context holds.
    pub fn new(
        principal: EntityUid,
        action: &'static str,
        resource: EntityUid,
        scene: &Scene<'_>,
    ) -> Self {
        let named = vec![principal.clone(), uid("Action", action), resource.clone()];
        let (now, context, extra) = (scene.now, vec![], vec![]);
        let (target, via) = (None, uid("Via", scene.via.as_str()));
        let ask = Self {
            principal,
            action,
            resource,
            target,
            via: via.clone(),
            now,
            context,
            fits: false,
            named,
            extra,
        };
        let ask = ask.naming("via", via);
        match scene.channel {
            Some(channel) => ask.naming("channel", uid("Channel", channel.as_str())),
            None => ask,
        }
    }

    /// Adds a value to the context.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.context.push((name, value.into()));
        self
    }

    /// Adds an entity to the context.
    pub fn naming(mut self, name: &'static str, other: EntityUid) -> Self {
        let value = other.as_ref().clone();
        self.named.push(other);
        self.with(name, value)
    }

    /// Adds the target that it is about.
    pub fn on(mut self, target: &TargetName) -> Self {
        let target = uid("Target", target.as_str());
        self.target = Some(target.clone());
        self.naming("target", target)
    }

    /// Adds an entity to the context if there is one.
    pub fn naming_if(self, name: &'static str, other: Option<EntityUid>) -> Self {
        match other {
            Some(other) => self.naming(name, other),
            None => self,
        }
    }

    /// Says that the same question was held against the schema with other evidence: what stands in
    /// for evidence is of the same types, which a property test makes sure of.
    pub fn known_to_fit(mut self) -> Self {
        self.fits = true;
        self
    }

    /// Brings an entity that is not in the policy repo into the slice.
    pub fn bringing(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.extra.extend(facts);
        self
    }
}

impl Policies {
    /// Makes the slice, and the request, which is held against the schema.
    pub(super) fn prepare(&self, ask: &Ask) -> Result<Ready, String> {
        let entities = self.facts.slice(&ask.named, &ask.extra)?;
        let now = ("now", self.moment.at(ask.now)?);
        // Values as they are: making Cedar evaluate them first takes a tenth of a question.
        let values = ask.context.iter().cloned().chain([now]);
        let values: BTreeMap<_, _> = values.map(|(name, value)| (name.into(), value)).collect();
        let context = Context::from(CoreContext::Value(Arc::new(values)));
        let request = Request::new(
            ask.principal.clone(),
            uid("Action", ask.action),
            ask.resource.clone(),
            context,
            (!ask.fits).then_some(&self.schema),
        )
        .map_err(|error| format!("the question does not fit the schema: {error}"))?;
        Ok(Ready {
            request,
            entities,
            action: ask.action,
            resource: ask.resource.clone(),
            principal: ask.principal.clone(),
            target: ask.target.clone(),
            via: ask.via.clone(),
        })
    }

    /// Asks the rules that can matter.
    pub(super) fn answer(&self, ready: &Ready) -> Answer {
        self.answer_and_reach(ready).0
    }

    /// Asks the rules that can matter; says also whether a permit is within reach: not ruled out
    /// at a glance. If none is, no evidence makes it permitted, since a glance sees none.
    pub(super) fn answer_and_reach(&self, ready: &Ready) -> (Answer, bool) {
        let glance = Glance::at(ready);
        let relevant = self.index.relevant(ready.action, &ready.resource);
        let rules: Vec<&Rule> = relevant.filter(|rule| glance.may_hold(&rule.guards)).collect();
        let is_within_reach = rules.iter().any(|rule| rule.effect == RuleEffect::Permit);
        (answer_by(rules.into_iter().map(|rule| &rule.alone), ready), is_within_reach)
    }
}

/// Asks sets of policies as if they were one.
pub(super) fn answer_by<'a>(
    sets: impl IntoIterator<Item = &'a PolicySet>,
    ready: &Ready,
) -> Answer {
    let (mut failures, mut permits, mut forbids) = (vec![], vec![], vec![]);
    for policies in sets {
        let response = Authorizer::new().is_authorized(&ready.request, policies, &ready.entities);
        let reasons = response.diagnostics().reason().map(ToString::to_string);
        match response.decision() {
            Decision::Allow => permits.extend(reasons),
            Decision::Deny => forbids.extend(reasons),
        }
        failures.extend(response.diagnostics().errors().map(ToString::to_string));
    }
    failures.sort();
    permits.sort();
    forbids.sort();
    if !failures.is_empty() {
        Answer::Failed(format!("a policy failed: {}", failures.join("; ")))
    } else if permits.is_empty() || !forbids.is_empty() {
        Answer::Denied(forbids)
    } else {
        Answer::Allowed(permits)
    }
}
