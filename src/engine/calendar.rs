//! What is due at a time and belongs to no request: ends of pauses and
//! provisional bans, occurrences of schedules.
//!
//! One loop. It sleeps until the next thing is due, or until it is woken because something that
//! it looks at has changed.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Engine, EngineError};

/// How long to sleep at most where nothing is due.
const AT_MOST: SignedDuration = SignedDuration::from_hours(24);

/// How long to wait after something failed.
pub(super) const AGAIN: SignedDuration = SignedDuration::from_secs(5);

impl Engine {
    /// Says that pauses, bans, schedules or the rules of schedules have changed.
    pub(super) fn wake_calendar(&self) {
        self.calendar_wake.notify_one();
    }

    /// Does what is due until the engine stops.
    pub(super) async fn keep_calendar(self: Arc<Self>) {
        loop {
            let next = match self.turn_page().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(%error, "what is due cannot be read");
                    self.now() + AGAIN
                }
            };
            tokio::select! {
                () = self.calendar_wake.notified() => {}
                () = self.ports.clock.sleep_until(next) => {}
            }
        }
    }

    async fn turn_page(self: &Arc<Self>) -> Result<Timestamp, EngineError> {
        let now = self.now();
        let pauses = self.tend_pauses(now).await?;
        let bans = self.tend_bans(now).await?;
        let schedules = self.tend_schedules(now).await?;
        Ok([pauses, bans, schedules].into_iter().flatten().min().unwrap_or(now + AT_MOST))
    }
}
