//! Rounds: every open request is decided again, because something has changed that all depend on.
//!
//! A round keeps the chats and the store usable for whoever asks meanwhile: it looks at a few
//! requests at a time on each platform, so that one which is slow or away delays no other, and
//! hints about single requests do not queue behind it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use tokio::sync::{Notify, Semaphore};

use crate::domain::id::Platform;
use crate::engine::clocks::WAITING;
use crate::engine::{Engine, EngineError};
use crate::ports::store::RequestFilter;

/// How many requests with cards on one platform are looked at at once.
const AT_ONCE: usize = 8;

/// How long rounds and posts wait at most for a platform that tells what was written meanwhile.
const CATCH_UP: SignedDuration = SignedDuration::from_secs(10);

/// Rounds that are under way.
#[derive(Debug, Default)]
pub struct Rounds {
    left: AtomicUsize,
    over: Notify,
}

/// One request of a round; dropping it is what counts, whichever way its look ended.
struct Turn(Arc<Rounds>);

impl Rounds {
    /// Returns how many requests are still to be looked at.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }

    /// Waits until none is under way.
    pub(super) async fn over(&self) {
        loop {
            let over = self.over.notified();
            tokio::pin!(over);
            over.as_mut().enable();
            if self.left() == 0 {
                return;
            }
            over.await;
        }
    }

    fn turn(self: &Arc<Self>) -> Turn {
        self.left.fetch_add(1, Ordering::SeqCst);
        Turn(Arc::clone(self))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.0.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.over.notify_waiters();
        }
    }
}

impl Engine {
    /// Looks at every open request again: the policy repo, or something else that all depend
    /// on, has changed.
    pub async fn consider_all(self: &Arc<Self>) -> Result<(), EngineError> {
        self.names.outdate();
        self.begin_round(|_| true).await
    }

    /// Looks at every open request again whose card is on a platform: what people did there may
    /// have been missed.
    pub(in crate::engine) async fn consider_all_on(
        self: &Arc<Self>,
        platform: &Platform,
    ) -> Result<(), EngineError> {
        self.begin_round(|place| place == platform).await
    }

    async fn begin_round(
        self: &Arc<Self>,
        is_meant: impl Fn(&Platform) -> bool,
    ) -> Result<(), EngineError> {
        let filter = RequestFilter { states: WAITING.to_vec(), ..RequestFilter::default() };
        let mut places: BTreeMap<Platform, Arc<Semaphore>> = BTreeMap::new();
        let open = self.ports.store.requests(&filter).await?;
        for request in open.into_iter().filter(|request| is_meant(&request.card_place.0)) {
            let platform = request.card_place.0;
            let place = places.entry(platform.clone());
            let place = Arc::clone(place.or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))));
            let (engine, turn) = (Arc::clone(self), self.rounds.turn());
            self.spawn("request", async move {
                engine.let_catch_up(&platform).await;
                let _at_once = place.acquire().await;
                engine.reconsider_or_again(request.id).await;
                drop(turn);
            });
        }
        Ok(())
    }

    /// After a start, what people wrote meanwhile comes first: a server that has much to tell has
    /// no time to be asked about every card, nor to be told what may be otherwise a moment later.
    pub(in crate::engine) async fn let_catch_up(&self, platform: &Platform) {
        if self.ports.chats.contains_key(platform) {
            tokio::select! {
                () = self.hearing.once(platform) => {}
                () = self.ports.clock.sleep_until(self.now() + CATCH_UP) => {}
            }
        }
    }

    /// Returns how many open requests are still to be decided again in the round under way; 0:
    /// none is.
    pub fn left_in_round(&self) -> usize {
        self.rounds.left()
    }
}
