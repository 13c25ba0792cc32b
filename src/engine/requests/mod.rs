//! One request at a time, under its own lock, decided on what is so now.
//!
//! [`Engine::reconsider`] is the whole life of a request before it runs: read the request, the
//! applied snapshot, the card, the forge; let the state machine say what follows; make that one
//! transaction. Whatever happens in the world only causes it to be called again.

mod ask;
mod change;
mod citation;
mod evidence;
mod names;
mod round;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

pub(super) use self::ask::merge;
pub use self::ask::{AskRefused, Asking, FIRST_CARD};
pub(super) use self::change::Standing;
pub(super) use self::change::takes_votes;
pub(super) use self::evidence::Facts;
pub use self::names::Names;
pub use self::round::Rounds;
use super::locks::Held;
use super::{Engine, EngineError};
use crate::domain::digest;
use crate::domain::id::{RequestId, TargetName};
use crate::domain::intent::Intent;
use crate::domain::request::machine::{self, Effect, Event};
use crate::domain::request::{Request, State};
use crate::policy::{self, Question, Snapshot};
use crate::ports::store::{Conflict, StoreError};

/// How often a step is tried again when somebody else was faster.
const TRIES: usize = 8;

/// How long to wait before reading evidence again that could not be read.
const UNREADABLE_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// What one look at a request came to.
enum Look {
    /// Nothing more to do now.
    Done,
    /// Something changed on which the rest depends: look again at once.
    Again,
    /// It may be dispatched.
    Dispatch(Box<Request>),
}

impl Engine {
    /// Looks at a request again, soon.
    pub fn consider(self: &Arc<Self>, request: RequestId) {
        let engine = Arc::clone(self);
        self.spawn("request", async move { engine.reconsider_or_again(request).await });
    }

    async fn reconsider_or_again(self: &Arc<Self>, request: RequestId) {
        if let Err(error) = self.reconsider(request).await {
            tracing::error!(%request, %error, "failed to decide; trying again");
            self.look_again(request, self.now() + UNREADABLE_AGAIN);
        }
    }

    /// Decides a request on what is so now, and dispatches it if it may run.
    pub async fn reconsider(self: &Arc<Self>, id: RequestId) -> Result<(), EngineError> {
        let held = self.locks.lock(id).await;
        for _ in 0..TRIES {
            match self.look(&held).await {
                Ok(Look::Done) => return Ok(()),
                Ok(Look::Again) => {}
                Ok(Look::Dispatch(request)) => {
                    if self.dispatch(&held, *request).await?.is_settled() {
                        return Ok(());
                    }
                }
                Err(EngineError::Store(StoreError::Conflict(conflict))) => {
                    tracing::debug!(request = %id, %conflict, "deciding again");
                }
                Err(error) => return Err(error),
            }
        }
        // Everything keeps moving; come back when it has settled.
        self.look_again(id, self.now() + SignedDuration::from_secs(1));
        Ok(())
    }

    async fn look(self: &Arc<Self>, held: &Held) -> Result<Look, EngineError> {
        let Some(request) = self.ports.store.request(held.request()).await? else {
            return Ok(Look::Done);
        };
        if request.state.is_final() || request.state == State::Running {
            return Ok(Look::Done);
        }
        let now = self.now();
        let Some(snapshot) = self.applied() else {
            // Nothing decides, so nothing is permitted; clocks go on.
            return self.tick_only(&request, now).await;
        };
        let ticked = machine::step(&request, Event::Tick, None, now)?;
        if ticked.0.state.is_final() {
            return self.settle(&snapshot, &request, ticked, Standing::default(), now).await;
        }
        if let Some(why) = gone(&snapshot, &request) {
            let step = machine::step(&request, Event::Gone { why }, None, now)?;
            return self.settle(&snapshot, &request, step, Standing::default(), now).await;
        }
        let intent = &snapshot.repo.intents[&request.intent];
        let execute = intent.approval.as_ref().map(|rule| rule.execute);
        if let Some(redigested) = redigest(&snapshot, &request) {
            let event = Event::Redigested(redigested.digest);
            let (mut next, effects) = machine::step(&request, event, execute, now)?;
            next.targets = redigested.targets;
            self.settle(&snapshot, &request, (next, effects), Standing::default(), now).await?;
            return Ok(Look::Again);
        }
        let facts = match self.facts(&snapshot, &request, now).await? {
            Ok(facts) => facts,
            Err(unreadable) => {
                let standing =
                    Standing { trouble: Some(unreadable.to_string()), ..Standing::default() };
                self.look_again(request.id, now + UNREADABLE_AGAIN);
                return self.settle(&snapshot, &request, ticked, standing, now).await;
            }
        };
        let (event, decision) = self.weigh(&snapshot, &ticked.0, &facts, now);
        let (next, mut effects) = machine::step(&ticked.0, event, execute, now)?;
        effects.extend(ticked.1);
        let waits_for = self.pause_of(&next).await?;
        let standing = Standing { decision, facts, waits_for, ..Standing::default() };
        self.settle(&snapshot, &request, (next, effects), standing, now).await
    }

    /// Says what the facts mean: a broken card, a veto, or a decision.
    pub(super) fn weigh(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        facts: &Facts,
        now: Timestamp,
    ) -> (Event, Option<crate::domain::decision::Decision>) {
        if let Some(why) = &facts.broken {
            return (Event::CardBroken { why: why.clone() }, None);
        }
        if let Some(veto) = facts.evidence.vetoes.first() {
            return (Event::Vetoed(veto.clone()), None);
        }
        let question = Question::of(&snapshot.repo, request, &facts.evidence, now);
        let decision = policy::decide(snapshot, &question);
        let approvals = facts.evidence.approvals.clone();
        (Event::Decided { decision: decision.clone(), approvals }, Some(decision))
    }

    /// Ends a request that has nothing left to do, unless it runs or has ended.
    pub(super) async fn make_moot(
        self: &Arc<Self>,
        id: RequestId,
        why: String,
    ) -> Result<(), EngineError> {
        let _held = self.locks.lock(id).await;
        let Some(request) = self.ports.store.request(id).await? else { return Ok(()) };
        let Some(snapshot) = self.applied() else { return Ok(()) };
        if request.state.is_final() || request.state == State::Running {
            return Ok(());
        }
        let now = self.now();
        let step = machine::step(&request, Event::Moot { why }, None, now)?;
        self.settle(&snapshot, &request, step, Standing::default(), now).await?;
        Ok(())
    }

    async fn tick_only(&self, request: &Request, now: Timestamp) -> Result<Look, EngineError> {
        let (next, effects) = machine::step(request, Event::Tick, None, now)?;
        if !effects.is_empty() {
            self.commit_without_snapshot(next, effects, now).await?;
        }
        Ok(Look::Done)
    }

    /// Makes a step one transaction, and says what comes next.
    async fn settle(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        before: &Request,
        (next, effects): (Request, Vec<Effect>),
        standing: Standing,
        now: Timestamp,
    ) -> Result<Look, EngineError> {
        let dispatch = effects.contains(&Effect::Dispatch);
        let finished = effects.contains(&Effect::Finish);
        let change = self.change(snapshot, before, &next, effects, &standing, now).await?;
        let mut stored = next;
        if let Some(change) = change {
            self.ports.store.commit(change).await?;
            stored.version += 1;
            self.wake_outbox();
            self.wake_ledger();
        }
        self.keep_clock(&stored);
        if finished {
            self.runs.forget(before.id);
            self.names.forget(before.id);
            self.look_after(before.id).await;
        }
        Ok(if dispatch { Look::Dispatch(Box::new(stored)) } else { Look::Done })
    }
}

/// What a request would be over now, if that differs from its digest.
struct Redigested {
    digest: digest::Digest,
    targets: BTreeSet<TargetName>,
}

fn redigest(snapshot: &Snapshot, request: &Request) -> Option<Redigested> {
    let targets: BTreeSet<TargetName> = request
        .asked_targets
        .iter()
        .flat_map(|name| snapshot.repo.inventory.resolve(name))
        .collect();
    let now = Request { targets: targets.clone(), ..request.clone() };
    let digest = digest::digest_of(&snapshot.repo, &now).ok()?;
    (digest != request.digest).then_some(Redigested { digest, targets })
}

/// Says why the policy repo no longer has what was asked for, if so.
fn gone(snapshot: &Snapshot, request: &Request) -> Option<String> {
    let Some(intent) = snapshot.repo.intents.get(&request.intent) else {
        return Some(format!("there is no intent {} any more", request.intent));
    };
    if let Some(why) = misfit(intent, request) {
        return Some(why);
    }
    let missing: Vec<String> = request
        .asked_targets
        .iter()
        .filter(|name| {
            let found = snapshot.repo.inventory.resolve(name);
            found.is_empty() || !ask::is_offered(&snapshot.repo, intent, &found)
        })
        .cloned()
        .collect();
    if !missing.is_empty() {
        return Some(format!(
            "{} no longer acts on {}",
            request.intent,
            crate::domain::reply::join(&missing, "and")
        ));
    }
    digest::digest_of(&snapshot.repo, request).err().map(|error| error.to_string())
}

/// Says how the arguments do not fit the intent's parameters any more, if they do not.
fn misfit(intent: &Intent, request: &Request) -> Option<String> {
    let given: BTreeSet<_> = request.args.keys().collect();
    let wanted: BTreeSet<_> = intent.params.keys().collect();
    if given != wanted {
        return Some(format!("the parameters of {} have changed: ask again", request.intent));
    }
    request.args.iter().find_map(|(name, value)| {
        intent.params[name]
            .parse(&value.to_string())
            .err()
            .map(|error| format!("{name} of {} no longer fits: {error}", request.intent))
    })
}

/// Says whether a store error means that somebody else was faster with exactly this.
pub(super) fn is_conflict(error: &EngineError, wanted: fn(&Conflict) -> bool) -> bool {
    matches!(error, EngineError::Store(StoreError::Conflict(conflict)) if wanted(conflict))
}
