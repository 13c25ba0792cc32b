//! What is old goes: handled messages, sign-ins, output, requests, incidents of drift, posts,
//! threads of the console, audit rows up to a checkpoint, and objects of the mirror that nothing
//! reaches.
//!
//! One sweep at a time, in pieces so small that no dispatch waits long for the store. Each piece
//! is whole or nothing; a sweep that was cut short goes on with the next. Nothing is removed that
//! an open request, a live post or a message that could still be acted on needs: the store never
//! removes a request that is open or the newest, only posts that are said once go by their age,
//! and a message that is old enough to be forgotten is too old to be acted on.

mod prune;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

pub use self::prune::{PruneRefused, Pruned, Until};
use super::{Engine, EngineError};
use crate::domain::retention::{Retention, before};
use crate::ports::store::{Change, Forget, Old, StoreError, Swept};

/// How many things one transaction removes.
const PIECE: u32 = 256;
/// How long after the start the first sweep is, so that it is in nobody's way.
const AT_FIRST: SignedDuration = SignedDuration::from_mins(2);
/// How often the mirror is cleaned.
const MIRROR_EVERY: SignedDuration = SignedDuration::from_hours(24);

impl Engine {
    /// Sweeps until the engine stops.
    pub(super) async fn keep_only_so_long(self: Arc<Self>) {
        let mut next = self.now() + AT_FIRST;
        loop {
            tokio::select! {
                () = self.ports.clock.sleep_until(next) => {}
                () = self.retention_wake.notified() => {
                    // What is kept has changed: the next sweep is soon.
                    next = next.min(self.now() + AT_FIRST);
                    continue;
                }
            }
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "a sweep was cut short; the next goes on with it");
            }
            next = self.now() + self.jittered(self.tuning().retention.every);
        }
    }

    /// Removes what is older than settings say, and writes down what that was.
    pub async fn sweep(&self) -> Result<Swept, EngineError> {
        let _one_at_a_time = self.sweeping.lock().await;
        let now = self.now();
        let kept = self.tuning().retention;
        let mut removed = BTreeMap::new();
        for (name, what) in old(&kept, now) {
            let count = self.forget(what).await?;
            if count > 0 {
                removed.insert(name.to_owned(), count);
            }
        }
        let rows = self.prune_by_age(&kept, now).await?;
        if rows > 0 {
            removed.insert("audit".to_owned(), rows);
        }
        let mut swept = self.ports.store.swept().await?;
        if let Some(unreached) = kept.mirror
            && swept.mirror.is_none_or(|last| now.duration_since(last) >= MIRROR_EVERY)
        {
            self.tidy_mirror(unreached).await?;
            swept.mirror = Some(now);
        }
        swept.at = Some(now);
        swept.removed = removed;
        let change = Change { swept: Some(swept.clone()), ..Change::default() };
        self.ports.store.commit(change).await?;
        tracing::debug!(removed = ?swept.removed, "swept");
        Ok(swept)
    }

    /// Removes one kind of thing, piece by piece; returns how many.
    async fn forget(&self, what: Old) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let forget = Some(Forget { what: what.clone(), limit: PIECE });
            let change = Change { forget, ..Change::default() };
            let count = self.ports.store.commit(change).await?.forgotten;
            all += count;
            if count < u64::from(PIECE) {
                return Ok(all);
            }
            // Whoever waits for the store comes first.
            tokio::task::yield_now().await;
        }
    }

    /// Lets go of what runs that are over pinned, and packs the mirror.
    async fn tidy_mirror(&self, unreached: SignedDuration) -> Result<(), EngineError> {
        let _no_fetch = self.reconciling.lock().await;
        // A run that is being prepared uses the applied revision, which has a pin of its own.
        let open = self.ports.store.runs_open().await?;
        let open: Vec<_> = open.into_iter().map(|run| run.id).collect();
        Ok(self.ports.source.tidy(&open, unreached).await?)
    }
}

/// Returns what is too old by now.
fn old(kept: &Retention, now: Timestamp) -> Vec<(&'static str, Old)> {
    let by = |kept: Option<SignedDuration>| kept.and_then(|kept| before(now, kept));
    let messages = kept.messages_before(now).map(Old::Messages);
    let posts = by(kept.posts).map(|before| Old::Posts { before, now });
    let all = [
        ("messages", messages),
        ("sign-ins", by(kept.sign_ins).map(Old::SignIns)),
        ("output", by(kept.output).map(Old::Output)),
        ("requests", by(kept.requests).map(Old::Requests)),
        ("incidents", by(kept.requests).map(Old::Incidents)),
        ("posts", posts),
        // After the posts, which hold their messages.
        ("messages of the console", by(kept.console).map(Old::Console)),
    ];
    all.into_iter().filter_map(|(name, what)| Some((name, what?))).collect()
}
