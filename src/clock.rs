//! The system's time and randomness.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::ports::clock::Clock;

/// Time and randomness of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The longest single sleep: the system's clock may be set while Tribune waits.
const STEP: Duration = Duration::from_secs(30);

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one home of the present time")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = at.duration_since(self.now());
            if left.is_zero() || left.is_negative() {
                return;
            }
            // A millisecond more, since `now` is cut to whole ones.
            let left = left.unsigned_abs() + Duration::from_millis(1);
            tokio::time::sleep(left.min(STEP)).await;
        }
    }

    fn random(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the kernel always gives random bytes once it has booted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_is_in_whole_milliseconds() {
        assert_eq!(SystemClock.now().subsec_nanosecond() % 1_000_000, 0);
    }

    #[tokio::test]
    async fn a_time_that_is_past_is_not_waited_for() {
        SystemClock.sleep_until(Timestamp::UNIX_EPOCH).await;
        let soon = SystemClock.now() + jiff::SignedDuration::from_millis(5);
        SystemClock.sleep_until(soon).await;
        assert!(SystemClock.now() >= soon);
    }
}
