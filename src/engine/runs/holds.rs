//! Who holds which target while running, and who looks at it.
//!
//! A run holds its targets alone; looks share them, since they change nothing. A run for which
//! looks are in the way is let in before further looks, so that looking never starves acting.
//!
//! Kept in memory: whatever an earlier daemon held is free, since its runs are reaped before
//! anything is dispatched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::id::{IntentName, RequestId, TargetName};
use crate::domain::intent::{Intent, Per};
use crate::domain::request::Request;

/// Something that one run at a time holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Target(TargetName),
    Intent(IntentName),
}

/// What is held, and by whom.
#[derive(Debug, Default)]
pub struct Holds {
    table: Mutex<Table>,
    /// Somebody stopped looking at what a run waits for.
    seen: Notify,
}

#[derive(Debug, Default)]
struct Table {
    runs: BTreeMap<Thing, RequestId>,
    looks: BTreeMap<Thing, usize>,
    waiting: BTreeMap<Thing, RequestId>,
}

/// What is in the way of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InTheWay {
    /// The run of this request.
    Run(RequestId),
    /// Looks, which are over soon.
    Looks,
}

/// Looks at things for as long as it lives.
#[derive(Debug)]
pub struct Look<'a> {
    holds: &'a Holds,
    things: BTreeSet<Thing>,
}

fn things(request: &Request, intent: &Intent) -> BTreeSet<Thing> {
    match intent.concurrency.per {
        Per::Target => request.targets.iter().cloned().map(Thing::Target).collect(),
        Per::Intent => BTreeSet::from([Thing::Intent(intent.name.clone())]),
        Per::Nothing => BTreeSet::new(),
    }
}

impl Holds {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all that `request` needs, or nothing: then returns what is in the way.
    pub fn take(&self, request: &Request, intent: &Intent) -> Result<(), InTheWay> {
        let things = things(request, intent);
        let mut table = self.table();
        let other = things.iter().find_map(|thing| table.runs.get(thing));
        if let Some(other) = other.filter(|other| **other != request.id) {
            return Err(InTheWay::Run(*other));
        }
        if things.iter().any(|thing| table.looks.contains_key(thing)) {
            table.waiting.extend(things.into_iter().map(|thing| (thing, request.id)));
            return Err(InTheWay::Looks);
        }
        table.waiting.retain(|_, waits| *waits != request.id);
        table.runs.extend(things.into_iter().map(|thing| (thing, request.id)));
        Ok(())
    }

    /// Gives back all that `request` holds, or waits for.
    pub fn give_back(&self, request: RequestId) {
        let mut table = self.table();
        table.runs.retain(|_, holder| *holder != request);
        table.waiting.retain(|_, waits| *waits != request);
    }

    /// Looks at all that `request` names; `None` while a run holds any of it, or waits for it.
    pub fn look(&self, request: &Request, intent: &Intent) -> Option<Look<'_>> {
        let things = things(request, intent);
        let mut table = self.table();
        let taken =
            |thing: &Thing| table.runs.contains_key(thing) || table.waiting.contains_key(thing);
        if things.iter().any(taken) {
            return None;
        }
        for thing in &things {
            *table.looks.entry(thing.clone()).or_default() += 1;
        }
        Some(Look { holds: self, things })
    }

    /// Waits until somebody stopped looking at what a run waits for.
    pub async fn seen(&self) {
        self.seen.notified().await;
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        let mut table = self.holds.table();
        for thing in &self.things {
            if let Some(count) = table.looks.get_mut(thing) {
                *count -= 1;
                if *count == 0 {
                    table.looks.remove(thing);
                }
            }
        }
        if self.things.iter().any(|thing| table.waiting.contains_key(thing)) {
            self.holds.seen.notify_one();
        }
    }
}
