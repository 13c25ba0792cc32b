//! What the daemon tells systemd, if that started it (`Type=notify`).
//!
//! Without systemd nothing is told, and nothing is waited for. A message that cannot be sent is
//! logged and changes nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Requests are taken.
pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("taking requests")]);
}

/// The settings are read again.
pub fn reading_again() {
    tell(&[NotifyState::Status("reading the settings again")]);
}

/// No new run is started; those under way get their grace.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("waiting for runs to end")]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

/// Says to systemd that the daemon is alive, as often as the unit asks for (`WatchdogSec=`).
#[derive(Debug)]
pub struct Watchdog(Option<Interval>);

impl Watchdog {
    /// Learns how often.
    pub fn new() -> Self {
        Self(sd_notify::watchdog_enabled().map(|within| {
            let mut every = interval((within / 2).max(Duration::from_millis(1)));
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            every
        }))
    }

    /// Waits until it is time to say so again; for ever where nobody wants to know.
    pub async fn next(&mut self) {
        match &mut self.0 {
            Some(every) => {
                every.tick().await;
            }
            None => std::future::pending().await,
        }
    }

    /// Says so.
    pub fn alive(&self) {
        tell(&[NotifyState::Watchdog]);
    }
}
