//! What keeps strangers from filling the audit log: one row a while, and how many it stands for.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

/// Rows about strangers are at least so far apart.
const PAUSE: SignedDuration = SignedDuration::from_secs(10);

/// Counts what is held back.
#[derive(Debug, Default)]
pub struct Dam(Mutex<Behind>);

#[derive(Debug, Default)]
struct Behind {
    last: Option<Timestamp>,
    more: u64,
}

impl Dam {
    /// Returns how many were held back since the last row, if it is time for another; else holds
    /// this one back.
    pub fn pass(&self, now: Timestamp) -> Option<u64> {
        let mut behind = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        if behind.last.is_some_and(|last| now < last + PAUSE) {
            behind.more += 1;
            return None;
        }
        behind.last = Some(now);
        Some(std::mem::take(&mut behind.more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_a_while_tells_of_all() {
        let (dam, start) = (Dam::default(), Timestamp::UNIX_EPOCH);
        let at = |seconds| dam.pass(start + SignedDuration::from_secs(seconds));
        assert_eq!([0, 1, 9, 10, 11, 100].map(at), [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
