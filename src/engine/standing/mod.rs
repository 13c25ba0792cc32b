//! Standing intents: each target looked at on its own schedule, and what follows from what is
//! found.
//!
//! Level-triggered: a look says what is so now, the pure machine of `domain::drift` says
//! what follows, and that is one transaction. Looks that find nothing new write nothing but when
//! they were, together, once per round. Each target has its own clock, so one that is broken or
//! busy holds up no other.
//!
//! - `look`: one look, through the gate, as the service `reconciler`
//! - `tell`: from an event to the one transaction that makes it so
//! - `repair`: requests that repair, and what became of them
//! - `answers`: reactions on drift cards, read again from the chat
//! - `commands`: `!drift`
//! - `keep`: what is live, prepared as a branch

mod answers;
mod commands;
mod keep;
mod look;
mod repair;
mod tell;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, Semaphore};

pub(super) use answers::IGNORE_FOR;

use super::{Engine, EngineError};
use crate::domain::drift::machine::Event;
use crate::domain::drift::{Fingerprints, Watch, WatchKey, machine};
use crate::domain::id::{IntentName, Revision};
use crate::domain::intent::{Intent, StandingRule};
use crate::policy::Snapshot;
use crate::ports::store::Change;

/// Looks at the same time.
const AT_ONCE: usize = 8;

/// How long to wait for what holds a target before looking again.
const BUSY_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// How long to wait after the engine itself failed.
const FAILED_AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// What the loop knows beside the store.
#[derive(Debug)]
pub struct Standings {
    clocks: Mutex<Clocks>,
    wake: Notify,
    turns: Semaphore,
    fingerprints: Fingerprints,
}

#[derive(Debug, Default)]
struct Clocks {
    /// The revision that the clocks were set by.
    revision: Option<Revision>,
    due: BTreeMap<WatchKey, Due>,
    /// Looks that changed nothing else, to be written together.
    looked: Vec<(WatchKey, Timestamp)>,
}

/// When something is due for a watch.
#[derive(Debug, Clone, Copy)]
struct Due {
    look: Timestamp,
    tick: Option<Timestamp>,
    /// Somebody looks right now.
    busy: bool,
    /// Somebody wants another look once that is over.
    again: bool,
}

impl Default for Standings {
    fn default() -> Self {
        Self {
            clocks: Mutex::default(),
            wake: Notify::new(),
            turns: Semaphore::new(AT_ONCE),
            fingerprints: Fingerprints::default(),
        }
    }
}

impl Standings {
    fn clocks(&self) -> MutexGuard<'_, Clocks> {
        self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at these as soon as may be.
    fn hurry(&self, keys: impl IntoIterator<Item = WatchKey>, now: Timestamp) {
        let mut clocks = self.clocks();
        for key in keys {
            if let Some(due) = clocks.due.get_mut(&key) {
                due.again = due.busy;
                due.look = due.look.min(now);
            }
        }
        self.wake.notify_one();
    }

    /// Says that a look is over, and when the next one is due.
    fn is_over(&self, key: &WatchKey, next: Timestamp, now: Timestamp) {
        if let Some(due) = self.clocks().due.get_mut(key) {
            due.look = if due.again { now } else { next };
            due.busy = false;
            due.again = false;
        }
        self.wake.notify_one();
    }
}

/// Returns every standing intent on each of its targets.
fn wanted(snapshot: &Snapshot) -> BTreeMap<WatchKey, (&Intent, &StandingRule)> {
    let mut wanted = BTreeMap::new();
    for intent in snapshot.repo.intents.values() {
        let Some(rule) = &intent.standing else { continue };
        for target in rule.targets.iter().flat_map(|name| snapshot.repo.inventory.resolve(name)) {
            wanted.insert(WatchKey { intent: intent.name.clone(), target }, (intent, rule));
        }
    }
    wanted
}

/// Returns the rule by which a watch is checked, if it still is.
fn rule_of<'a>(snapshot: &'a Snapshot, key: &WatchKey) -> Option<(&'a Intent, &'a StandingRule)> {
    let intent = snapshot.repo.intents.get(&key.intent)?;
    let rule = intent.standing.as_ref()?;
    let inventory = &snapshot.repo.inventory;
    let stands = rule.targets.iter().any(|name| inventory.resolve(name).contains(&key.target));
    stands.then_some((intent, rule))
}

impl Engine {
    /// Looks at every standing intent until the engine stops.
    pub(super) async fn keep_standing(self: Arc<Self>) {
        loop {
            let next = match self.round().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(%error, "standing intents cannot be looked after");
                    self.now() + FAILED_AGAIN
                }
            };
            tokio::select! {
                () = self.standings.wake.notified() => {}
                () = self.runs.looks_ended() => self.wake_queued().await,
                () = self.ports.clock.sleep_until(next) => {}
            }
        }
    }

    /// Starts what is due, and returns when something is next.
    async fn round(self: &Arc<Self>) -> Result<Timestamp, EngineError> {
        let now = self.now();
        let Some(snapshot) = self.applied() else { return Ok(now + SignedDuration::from_mins(1)) };
        if self.standings.clocks().revision.as_ref() != Some(&snapshot.revision) {
            self.set_clocks(&snapshot, now).await?;
        }
        let (looks, ticks, mut next) = self.due_now(now);
        for key in ticks {
            let told = self.tell(&snapshot, &key, Event::Tick, None).await;
            if let Err(error) = told {
                tracing::error!(watch = %key, %error, "failed to remind of drift");
                next = next.min(now + FAILED_AGAIN);
            }
        }
        for key in looks {
            let engine = Arc::clone(self);
            self.spawn("look", async move { engine.look_at_watch(key).await });
        }
        self.write_looked().await?;
        Ok(next)
    }

    /// Takes what is due, and says when the next is.
    fn due_now(&self, now: Timestamp) -> (Vec<WatchKey>, Vec<WatchKey>, Timestamp) {
        let (mut looks, mut ticks) = (Vec::new(), Vec::new());
        let mut next = now + SignedDuration::from_mins(1);
        for (key, due) in &mut self.standings.clocks().due {
            if !due.busy && due.look <= now {
                due.busy = true;
                looks.push(key.clone());
            } else if !due.busy {
                next = next.min(due.look);
            }
            match due.tick {
                Some(at) if at <= now => {
                    due.tick = None;
                    ticks.push(key.clone());
                }
                Some(at) => next = next.min(at),
                None => {}
            }
        }
        (looks, ticks, next)
    }

    /// Sets the clocks by a snapshot: what is new is looked at soon, what stays keeps its time
    /// unless what is checked changed, what is gone is closed.
    async fn set_clocks(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let wanted = wanted(snapshot);
        let stored: BTreeMap<WatchKey, Watch> =
            self.ports.store.watches().await?.into_iter().map(|it| (it.key.clone(), it)).collect();
        for key in stored.keys().filter(|key| !wanted.contains_key(*key)) {
            self.unwatch(snapshot, key).await?;
        }
        let mut clocks = self.standings.clocks();
        let first = clocks.revision.is_none();
        clocks.revision = Some(snapshot.revision.clone());
        clocks.due.retain(|key, _| wanted.contains_key(key));
        for (key, (_, rule)) in wanted {
            let watch = stored.get(&key);
            let tick = watch.and_then(|watch| machine::next_tick(watch, rule.remind));
            // What was looked at before a restart is due when it would have been. A new revision
            // may have changed what is declared, so everything is looked at again.
            let look = watch.filter(|_| first).and_then(|watch| {
                watch.checked?.checked_add(machine::pause(watch, rule.every)).ok()
            });
            let look = look.unwrap_or(now);
            let due =
                clocks.due.entry(key).or_insert(Due { look, tick, busy: false, again: false });
            due.again = due.busy;
            due.look = due.look.min(look);
            due.tick = tick;
        }
        Ok(())
    }

    /// Writes when targets were looked at where nothing else came of it: once for all of them.
    async fn write_looked(&self) -> Result<(), EngineError> {
        let looked = {
            let mut clocks = self.standings.clocks();
            // Wait for the rest of the round, so that a round is one write.
            if clocks.due.values().any(|due| due.busy) && clocks.looked.len() < 1_000 {
                return Ok(());
            }
            std::mem::take(&mut clocks.looked)
        };
        if !looked.is_empty() {
            self.ports.store.commit(Change { looked, ..Change::default() }).await?;
        }
        Ok(())
    }

    /// Says that the clocks of standing intents may have changed.
    pub(super) fn wake_standing(&self) {
        self.standings.wake.notify_one();
    }

    /// Returns what is looked at, of one intent or of all.
    fn standing_keys(&self, intent: Option<&IntentName>) -> BTreeSet<WatchKey> {
        let of_intent = |key: &&WatchKey| intent.is_none_or(|intent| key.intent == *intent);
        self.standings.clocks().due.keys().filter(of_intent).cloned().collect()
    }

    /// Returns a time up to a tenth later, so that looks spread out.
    fn spread(&self, after: SignedDuration) -> Timestamp {
        let mut bytes = [0; 2];
        self.ports.clock.random(&mut bytes);
        let part = i64::from(u16::from_le_bytes(bytes));
        let tenth = i64::try_from(after.as_millis()).unwrap_or(i64::MAX) / 10;
        let extra = SignedDuration::from_millis(tenth / i64::from(u16::MAX) * part);
        let now = self.now();
        now.checked_add(after.saturating_add(extra)).unwrap_or(Timestamp::MAX)
    }
}
