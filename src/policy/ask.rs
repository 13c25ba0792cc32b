//! Putting one question to Cedar. Every way in which asking can go wrong is an answer that
//! refuses: Cedar itself skips a policy that errs, forbids too, and would fail open.

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression,
};

use jiff::Timestamp;

use super::act::Scene;
use super::compile::Policies;
use super::facts::{Fact, uid};

/// One question in the making.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    principal: EntityUid,
    action: &'static str,
    resource: EntityUid,
    now: Timestamp,
    context: Vec<(String, RestrictedExpression)>,
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
        let ask = Self { principal, action, resource, now, context, named, extra }
            .naming("via", uid("Via", scene.via.as_str()));
        match scene.channel {
            Some(channel) => ask.naming("channel", uid("Channel", channel.as_str())),
            None => ask,
        }
    }

    /// Adds a value to the context.
    pub fn with(mut self, name: &str, value: RestrictedExpression) -> Self {
        self.context.push((name.to_owned(), value));
        self
    }

    /// Adds an entity to the context.
    pub fn naming(mut self, name: &str, other: EntityUid) -> Self {
        self.named.push(other.clone());
        self.with(name, RestrictedExpression::new_entity_uid(other))
    }

    /// Adds an entity to the context if there is one.
    pub fn naming_if(self, name: &str, other: Option<EntityUid>) -> Self {
        match other {
            Some(other) => self.naming(name, other),
            None => self,
        }
    }

    /// Brings an entity that is not in the policy repo into the slice.
    pub fn bringing(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.extra.extend(facts);
        self
    }
}

impl Policies {
    /// Makes the slice, and the request, which is checked against the schema.
    pub(super) fn prepare(&self, ask: &Ask) -> Result<Ready, String> {
        let entities = self.facts.slice(&ask.named, &ask.extra)?;
        let now = ("now".to_owned(), self.moment.at(ask.now));
        let context = Context::from_pairs(ask.context.iter().cloned().chain([now]))
            .map_err(|error| format!("the context cannot be told to cedar: {error}"))?;
        let request = Request::new(
            ask.principal.clone(),
            uid("Action", ask.action),
            ask.resource.clone(),
            context,
            Some(&self.schema),
        )
        .map_err(|error| format!("the question does not fit the schema: {error}"))?;
        Ok(Ready {
            request,
            entities,
            action: ask.action,
            resource: ask.resource.clone(),
            principal: ask.principal.clone(),
        })
    }

    /// Asks the policies that can matter.
    pub(super) fn answer(&self, ready: &Ready) -> Answer {
        answer_by(self.index.relevant(ready.action, &ready.resource), ready)
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
