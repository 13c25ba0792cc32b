//! Runs: from permitted to ended. The only caller of the gate.

mod dispatch;
mod follow;
mod holds;
mod look;
mod recover;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use serde_json::json;
use tokio::sync::{Notify, oneshot};

use self::holds::Holds;
pub(super) use self::look::{Looked, NOBODYS};
use super::locks::Held;
use super::{Engine, EngineError};
use crate::domain::audit::{Entry, Event};
use crate::domain::id::{PersonId, RequestId};
use crate::domain::person::Principal;
use crate::domain::request::machine;
use crate::domain::request::{Ending, State};
use crate::ports::store::Change;

/// What runs now, in this process.
#[derive(Debug, Default)]
pub struct Running {
    holds: Holds,
    /// Looks begun since the start; each has a number of its own.
    looks: AtomicU32,
    cancels: Mutex<BTreeMap<RequestId, Option<oneshot::Sender<()>>>>,
    ended: Notify,
}

impl Running {
    /// Gives back what a request holds; it will not run, or has.
    pub(super) fn forget(&self, request: RequestId) {
        self.holds.give_back(request);
    }

    fn began(&self, request: RequestId, cancel: oneshot::Sender<()>) {
        let mut cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        cancels.insert(request, Some(cancel));
    }

    fn is_over(&self, request: RequestId) {
        self.holds.give_back(request);
        let mut cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        cancels.remove(&request);
        self.ended.notify_waiters();
    }

    /// Ends a run: the executor ends it when the sender drops.
    fn end(&self, request: RequestId) {
        let mut cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cancel) = cancels.get_mut(&request) {
            *cancel = None;
        }
    }

    fn end_all(&self) {
        let mut cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        for cancel in cancels.values_mut() {
            *cancel = None;
        }
    }

    /// Waits until nobody looks any more at what some run waits for.
    pub(super) async fn looks_ended(&self) {
        self.holds.seen().await;
    }

    /// Returns the requests that run now.
    pub fn requests(&self) -> Vec<RequestId> {
        let cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        cancels.keys().copied().collect()
    }
}

/// What a try to dispatch came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dispatched {
    /// Nothing more to do now: it runs, waits, or has ended.
    Settled,
    /// What it was decided on has changed: decide again.
    Again,
}

impl Dispatched {
    pub(super) fn is_settled(self) -> bool {
        self == Self::Settled
    }
}

/// Whether there was anything to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It had not started and never will.
    BeforeItRan,
    /// Its run is being ended.
    WhileItRan,
    /// It was over already.
    TooLate(State),
}

impl Engine {
    /// Returns what runs now.
    pub fn running(&self) -> Vec<RequestId> {
        self.runs.requests()
    }

    /// Ends a request, running or not, in the name of `by`, in one transaction with `change` (the
    /// message that is thereby handled). Where it is too late nothing is committed.
    pub async fn cancel(
        self: &Arc<Self>,
        id: RequestId,
        by: &Principal,
        change: Change,
    ) -> Result<CancelOutcome, EngineError> {
        let held = self.locks.lock(id).await;
        let Some(request) = self.ports.store.request(id).await? else {
            return Ok(CancelOutcome::TooLate(State::Void));
        };
        let now = self.now();
        let asked = Entry {
            at: now,
            actor: Some(by.clone()),
            event: Event::RequestChanged,
            request: Some(id),
            revision: self.applied().map(|snapshot| snapshot.revision.clone()),
            detail: json!({ "cancel": request.state }),
        };
        let person = by.person().cloned();
        if request.state.is_final() {
            return Ok(CancelOutcome::TooLate(request.state));
        }
        if request.state == State::Running {
            let mut next = request.clone();
            next.ended = Some(Ending { at: now, by: person, why: "being ended".to_owned() });
            let step = Change { audit: vec![asked], requests: vec![next], ..Change::default() };
            self.ports.store.commit(super::requests::merge(change, step)).await?;
            self.runs.end(id);
            drop(held);
            return Ok(CancelOutcome::WhileItRan);
        }
        self.cancel_waiting(&held, request, person, asked, change).await?;
        Ok(CancelOutcome::BeforeItRan)
    }

    async fn cancel_waiting(
        self: &Arc<Self>,
        held: &Held,
        request: crate::domain::request::Request,
        person: Option<PersonId>,
        asked: Entry,
        change: Change,
    ) -> Result<(), EngineError> {
        let now = self.now();
        let event = machine::Event::Cancelled { by: person };
        let (next, effects) = machine::step(&request, event, None, now)?;
        let Some(snapshot) = self.applied() else {
            self.commit_without_snapshot(next, effects, now).await?;
            return Ok(());
        };
        let standing = super::requests::Standing::default();
        let step = self.change(&snapshot, &request, &next, effects, &standing, now).await?;
        let mut step = step.unwrap_or_default();
        step.audit.insert(0, asked);
        self.ports.store.commit(super::requests::merge(change, step)).await?;
        self.runs.forget(held.request());
        self.look_after(held.request()).await;
        self.wake_outbox();
        self.wake_ledger();
        Ok(())
    }

    /// Lets running things end within the grace, then ends them.
    pub(super) async fn drain_runs(&self) {
        let until = self.now() + self.tuning().grace;
        while !self.runs.requests().is_empty() {
            let ended = self.runs.ended.notified();
            tokio::select! {
                () = ended => {}
                () = self.ports.clock.sleep_until(until) => {
                    if self.now() >= until {
                        break;
                    }
                }
            }
        }
        self.runs.end_all();
        let last = self.now() + SignedDuration::from_secs(5);
        while !self.runs.requests().is_empty() && self.now() < last {
            tokio::select! {
                () = self.runs.ended.notified() => {}
                () = self.ports.clock.sleep_until(last) => {}
            }
        }
    }
}
