//! Time that passes only when a test says so.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tribune::ports::clock::Clock;

/// A clock that stands still, and chance that comes in the same order each time.
#[derive(Debug)]
pub struct FakeClock {
    now: watch::Sender<Timestamp>,
    drawn: AtomicU64,
}

impl FakeClock {
    /// Starts at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { now: watch::Sender::new(now), drawn: AtomicU64::new(0) }
    }

    /// Lets time pass at once and wakes whoever waited for it.
    pub fn pass(&self, time: SignedDuration) {
        self.now.send_modify(|now| *now += time);
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let mut now = self.now.subscribe();
        now.wait_for(|now| *now >= at).await.expect("the clock outlives whoever waits");
    }

    fn random(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let drawn = self.drawn.fetch_add(1, Ordering::SeqCst);
            let digest = Sha256::digest(drawn.to_le_bytes());
            chunk.copy_from_slice(&digest[..chunk.len()]);
        }
    }
}
