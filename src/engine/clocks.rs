//! Waking what has waited long enough: collect and execute clocks, reminders, windows, retries.
//!
//! What a request waits for is in the request itself; when to look at it is kept here, in memory,
//! since a restart looks at every open request anyway.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::{Engine, EngineError};
use crate::domain::id::RequestId;
use crate::domain::request::machine::next_tick;
use crate::domain::request::{Request, State};
use crate::ports::store::RequestFilter;

/// States of requests that are not over and do not run.
pub(super) const WAITING: [State; 4] =
    [State::Requested, State::NeedsApproval, State::Permitted, State::Queued];

/// Requests to look at again, and when.
#[derive(Debug, Default)]
pub struct Clocks {
    again: Mutex<BTreeMap<RequestId, Timestamp>>,
    wake: Notify,
}

impl Engine {
    /// Looks at a request again at `at`, or sooner if somebody asked for sooner.
    pub(super) fn look_again(&self, request: RequestId, at: Timestamp) {
        let mut again = self.clocks.again.lock().unwrap_or_else(PoisonError::into_inner);
        again.entry(request).and_modify(|before| *before = (*before).min(at)).or_insert(at);
        self.clocks.wake.notify_one();
    }

    /// Looks at a request again when its next clock runs out.
    pub(super) fn keep_clock(&self, request: &Request) {
        let due = next_tick(request).filter(|at| *at > self.now());
        if let Some(at) = due {
            self.look_again(request.id, at);
        }
    }

    /// Wakes requests until the engine stops.
    pub(super) async fn keep_time(self: Arc<Self>) {
        loop {
            // Whatever wrote a request kept its clock; now and then all are looked through.
            let all_again = self.now() + SignedDuration::from_mins(1);
            if let Err(error) = self.keep_all_clocks().await {
                tracing::error!(%error, "open requests cannot be read");
            }
            while self.now() < all_again {
                let next = self.tick().map_or(all_again, |next| next.min(all_again));
                tokio::select! {
                    () = self.clocks.wake.notified() => {}
                    () = self.ports.clock.sleep_until(next) => {}
                }
            }
        }
    }

    async fn keep_all_clocks(self: &Arc<Self>) -> Result<(), EngineError> {
        let filter = RequestFilter { states: WAITING.to_vec(), ..RequestFilter::default() };
        for request in self.ports.store.requests(&filter).await? {
            if let Some(at) = next_tick(&request) {
                self.look_again(request.id, at);
            }
        }
        Ok(())
    }

    /// Looks at every request that is due, and returns when the next one is.
    fn tick(self: &Arc<Self>) -> Option<Timestamp> {
        for request in self.take_due(self.now()) {
            self.consider(request);
        }
        let again = self.clocks.again.lock().unwrap_or_else(PoisonError::into_inner);
        again.values().copied().min()
    }

    fn take_due(&self, now: Timestamp) -> Vec<RequestId> {
        let mut again = self.clocks.again.lock().unwrap_or_else(PoisonError::into_inner);
        let due: Vec<RequestId> =
            again.iter().filter(|(_, at)| **at <= now).map(|(request, _)| *request).collect();
        again.retain(|_, at| *at > now);
        due
    }
}
