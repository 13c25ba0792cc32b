//! How sending to one platform goes: what it asks for, and how Tribune holds back.
//!
//! A platform that asks to wait is left alone as a whole; that is no failure of any post. Output
//! that streams then takes at most half of what the platform allows, so that what people wait
//! for finds it free, and is edited faster again bit by bit while nothing is refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::domain::id::Platform;
use crate::domain::message::{PostKey, Urgency};

/// Output is edited at least so often, whatever the platform asks for.
const SLOWEST_STREAM: SignedDuration = SignedDuration::from_secs(30);
/// Below this, output is not held back at all.
const FAST_STREAM: SignedDuration = SignedDuration::from_millis(200);
/// A platform that cannot be reached is tried at least so often.
const SLOWEST_TRY: SignedDuration = SignedDuration::from_mins(1);
/// Whoever asks to wait waits at least so long.
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_millis(50);

/// The outlets of every platform that is connected.
#[derive(Debug)]
pub(in crate::engine) struct Outlets(BTreeMap<Platform, Outlet>);

impl Outlets {
    /// Makes one for each platform.
    pub fn new<'a>(platforms: impl Iterator<Item = &'a Platform>) -> Self {
        Self(platforms.map(|platform| (platform.clone(), Outlet::default())).collect())
    }

    /// Returns that of a platform.
    pub fn of(&self, platform: &Platform) -> Option<&Outlet> {
        self.0.get(platform)
    }

    /// Says to all that posts may have changed.
    pub fn wake(&self) {
        for outlet in self.0.values() {
            outlet.wake.notify_one();
        }
    }
}

/// Where the posts of one platform go out.
#[derive(Debug, Default)]
pub(in crate::engine) struct Outlet {
    /// Posts may have changed.
    pub wake: Notify,
    pace: Mutex<Pace>,
}

impl Outlet {
    /// Returns how it goes.
    pub fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How sending to one platform goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::engine) struct Pace {
    held: Option<Held>,
    /// Tries in a row that did not reach the platform.
    failures: u32,
    /// The post that was tried last when it could not be reached.
    stuck_on: Option<PostKey>,
    /// How far edits of output are apart.
    stream_every: SignedDuration,
    streamed: Option<(Timestamp, PostKey)>,
    /// Since when posts wait and none went out.
    stalled: Option<Timestamp>,
}

/// Why nothing is sent for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Held {
    /// Until when.
    pub until: Timestamp,
    /// Why, in words.
    pub why: String,
}

impl Pace {
    /// Returns why nothing is sent now, if so.
    pub fn held(&self, now: Timestamp) -> Option<&Held> {
        self.held.as_ref().filter(|held| held.until > now)
    }

    /// Returns since when posts wait and none goes out.
    pub fn stalled(&self) -> Option<Timestamp> {
        self.stalled
    }

    /// Returns when output may be edited next.
    pub fn next_stream(&self) -> Option<Timestamp> {
        self.streamed.as_ref().map(|(at, _)| *at + self.stream_every)
    }

    /// Returns the place in `keys` of the output whose turn it is.
    pub fn turn<'a>(&self, keys: impl Iterator<Item = &'a PostKey>) -> usize {
        let last = self.streamed.as_ref().map(|(_, key)| key);
        let turn = keys.enumerate().min_by_key(|(_, key)| (Some(*key) <= last, *key));
        turn.map_or(0, |(place, _)| place)
    }

    /// A post was sent.
    pub fn sent(&mut self, key: &PostKey, now: Timestamp) {
        (self.held, self.stuck_on, self.stalled, self.failures) = (None, None, None, 0);
        if Urgency::of(key) == Urgency::Streaming {
            self.streamed = Some((now, key.clone()));
            let faster = self.stream_every * 7 / 8;
            self.stream_every = if faster < FAST_STREAM { SignedDuration::ZERO } else { faster };
        }
    }

    /// Nothing waits.
    pub fn rests(&mut self) {
        self.stalled = None;
    }

    /// The platform asks to wait.
    pub fn busy(&mut self, after: SignedDuration, why: String, now: Timestamp) {
        let after = after.max(SHORTEST_WAIT);
        self.stream_every = self.stream_every.max(after * 2).min(SLOWEST_STREAM);
        self.hold(after, why, now);
        // It is there.
        (self.failures, self.stuck_on) = (0, None);
    }

    /// The platform could not be reached. Returns when to try this post again if it is the second
    /// time in a row with it, so that the next one shows whether it is the post.
    pub fn unreachable(&mut self, key: &PostKey, why: String, now: Timestamp) -> Option<Timestamp> {
        let wait = SignedDuration::from_secs(1 << self.failures.min(6)).min(SLOWEST_TRY);
        self.failures += 1;
        self.hold(wait, why, now);
        if self.stuck_on.as_ref() == Some(key) {
            self.stuck_on = None;
            return Some(now + wait * 2);
        }
        self.stuck_on = Some(key.clone());
        None
    }

    /// A post could not be sent, for a reason of its own.
    pub fn failed(&mut self, now: Timestamp) {
        self.stalled.get_or_insert(now);
    }

    fn hold(&mut self, wait: SignedDuration, why: String, now: Timestamp) {
        self.held = Some(Held { until: now + wait, why });
        self.failed(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key(name: &str) -> PostKey {
        PostKey(name.to_owned())
    }

    #[test]
    fn a_busy_platform_waits_as_long_as_it_asks_and_output_takes_half_of_what_it_allows() {
        let mut pace = Pace::default();
        pace.sent(&key("out:r1.1"), at(0));
        assert_eq!(pace.next_stream(), Some(at(0)));
        pace.busy(SignedDuration::from_secs(5), "asks to wait".into(), at(0));
        assert_eq!(pace.held(at(4)).map(|held| held.until), Some(at(5)));
        assert_eq!(pace.held(at(5)), None);
        assert_eq!(pace.next_stream(), Some(at(10)));
        pace.busy(SignedDuration::from_mins(10), "asks to wait".into(), at(5));
        assert_eq!(pace.next_stream(), Some(at(30)), "output is never forgotten");
    }

    #[test]
    fn output_becomes_fast_again_while_nothing_is_refused() {
        let mut pace = Pace::default();
        pace.busy(SignedDuration::from_secs(5), "asks to wait".into(), at(0));
        for second in 10..50 {
            pace.sent(&key("out:r1.1"), at(second));
        }
        assert_eq!(pace.next_stream(), Some(at(49)));
    }

    #[test]
    fn the_outputs_take_turns() {
        let mut pace = Pace::default();
        let (one, two, three) = (key("out:r1.1"), key("out:r2.1"), key("out:r3.1"));
        assert_eq!(pace.turn([&one, &two, &three].into_iter()), 0);
        pace.sent(&one, at(0));
        assert_eq!(pace.turn([&one, &two, &three].into_iter()), 1);
        pace.sent(&two, at(1));
        assert_eq!(pace.turn([&one, &three].into_iter()), 1);
        pace.sent(&three, at(2));
        assert_eq!(pace.turn([&one, &two].into_iter()), 0);
    }

    #[test]
    fn a_platform_that_is_away_is_tried_less_and_less_often() {
        let mut pace = Pace::default();
        let mut now = at(0);
        let waits: Vec<i64> = (0..9)
            .map(|_| {
                pace.unreachable(&key("card"), "away".into(), now);
                let until = pace.held(now).unwrap().until;
                let wait = until.duration_since(now).as_secs();
                now = until;
                wait
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pace.stalled(), Some(at(0)));
        pace.sent(&key("card"), now);
        assert_eq!((pace.stalled(), pace.held(now)), (None, None));
    }

    #[test]
    fn a_post_that_fails_twice_in_a_row_lets_the_next_one_try() {
        let mut pace = Pace::default();
        assert_eq!(pace.unreachable(&key("a"), "away".into(), at(0)), None);
        assert_eq!(pace.unreachable(&key("a"), "away".into(), at(1)), Some(at(5)));
        assert_eq!(pace.unreachable(&key("b"), "away".into(), at(3)), None);
    }
}
