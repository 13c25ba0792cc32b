//! The snapshot that decides: what the applied revision says, with the bans that bind
//! provisionally laid over it.
//!
//! INVARIANT: whoever decides gets both in one value, and there is no other way to the snapshot;
//! so nobody can forget the bans that no merge made lasting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;

use crate::domain::ban::Ban;
use crate::domain::id::PersonId;
use crate::policy::Snapshot;

/// The snapshot that decides, and what it is made of.
#[derive(Default)]
pub(super) struct Deciding {
    made_of: Mutex<Parts>,
    made: ArcSwapOption<Snapshot>,
}

#[derive(Default)]
struct Parts {
    applied: Option<Arc<Snapshot>>,
    bans: BTreeMap<PersonId, Ban>,
}

impl Deciding {
    /// Returns the snapshot that decides; `None` before the first.
    pub fn load(&self) -> Option<Arc<Snapshot>> {
        self.made.load_full()
    }

    /// From now on this revision decides; the bans that bind go on. Returns the one before, for
    /// whoever has to take that back.
    pub fn apply(&self, applied: Option<Arc<Snapshot>>) -> Option<Arc<Snapshot>> {
        let mut parts = self.parts();
        let before = std::mem::replace(&mut parts.applied, applied);
        self.make(&parts);
        before
    }

    /// From now on these bans bind provisionally, in place of those before.
    pub fn bind_all(&self, bans: BTreeMap<PersonId, Ban>) {
        let mut parts = self.parts();
        if parts.bans != bans {
            parts.bans = bans;
            self.make(&parts);
        }
    }

    /// From now on this ban binds somebody provisionally, or none does.
    pub fn bind(&self, subject: &PersonId, ban: Option<Ban>) {
        let mut parts = self.parts();
        let before = match ban.clone() {
            Some(ban) => parts.bans.insert(subject.clone(), ban),
            None => parts.bans.remove(subject),
        };
        if before != ban {
            self.make(&parts);
        }
    }

    fn make(&self, parts: &Parts) {
        let made = parts.applied.as_ref().map(|applied| match parts.bans.is_empty() {
            true => Arc::clone(applied),
            false => Arc::new(applied.binding(parts.bans.values().cloned().collect())),
        });
        self.made.store(made);
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.made_of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
