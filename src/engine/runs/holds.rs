//! Who holds which target while running.
//!
//! Kept in memory: whatever an earlier daemon held is free, since its runs are reaped before
//! anything is dispatched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::domain::id::{IntentName, RequestId, TargetName};
use crate::domain::intent::{Intent, Per};
use crate::domain::request::Request;

/// Something that one run at a time holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Target(TargetName),
    Intent(IntentName),
}

/// What is held, and by which request.
#[derive(Debug, Default)]
pub struct Holds(Mutex<BTreeMap<Thing, RequestId>>);

impl Holds {
    /// Takes all that `request` needs, or nothing: then returns the request that is in the way.
    pub fn take(&self, request: &Request, intent: &Intent) -> Result<(), RequestId> {
        let things: BTreeSet<Thing> = match intent.concurrency.per {
            Per::Target => request.targets.iter().cloned().map(Thing::Target).collect(),
            Per::Intent => BTreeSet::from([Thing::Intent(intent.name.clone())]),
            Per::Nothing => BTreeSet::new(),
        };
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let other = things.iter().find_map(|thing| held.get(thing));
        if let Some(other) = other.filter(|other| **other != request.id) {
            return Err(*other);
        }
        held.extend(things.into_iter().map(|thing| (thing, request.id)));
        Ok(())
    }

    /// Gives back all that `request` holds.
    pub fn give_back(&self, request: RequestId) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, holder| *holder != request);
    }
}
