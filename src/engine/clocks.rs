//! Waking what has waited long enough: collect and execute clocks, reminders, windows, retries.
//!
//! What a request waits for is in the request itself; only retries are kept here, in memory,
//! since a restart looks at every open request anyway.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::{Engine, EngineError};
use crate::domain::id::RequestId;
use crate::domain::request::State;
use crate::domain::request::machine::next_tick;
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

    /// Says that the clocks of some request may have changed.
    pub(super) fn wake_clocks(&self) {
        self.clocks.wake.notify_one();
    }

    /// Wakes requests until the engine stops.
    pub(super) async fn keep_time(self: Arc<Self>) {
        loop {
            let next = match self.tick().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(%error, "open requests cannot be read");
                    self.now() + SignedDuration::from_secs(5)
                }
            };
            tokio::select! {
                () = self.clocks.wake.notified() => {}
                () = self.ports.clock.sleep_until(next) => {}
            }
        }
    }

    /// Looks at every request that is due, and returns when the next one is.
    async fn tick(self: &Arc<Self>) -> Result<Timestamp, EngineError> {
        let now = self.now();
        let filter = RequestFilter { states: WAITING.to_vec(), ..RequestFilter::default() };
        let mut due = self.take_due(now);
        let mut next = now + SignedDuration::from_mins(1);
        for request in self.ports.store.requests(&filter).await? {
            match next_tick(&request) {
                Some(at) if at <= now => due.push(request.id),
                Some(at) => next = next.min(at),
                None => {}
            }
        }
        for request in due {
            self.consider(request);
        }
        let again = self.clocks.again.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(again.values().copied().chain([next]).min().unwrap_or(next))
    }

    fn take_due(&self, now: Timestamp) -> Vec<RequestId> {
        let mut again = self.clocks.again.lock().unwrap_or_else(PoisonError::into_inner);
        let due: Vec<RequestId> =
            again.iter().filter(|(_, at)| **at <= now).map(|(request, _)| *request).collect();
        again.retain(|_, at| *at > now);
        due
    }
}
