//! How many commands one person, and one channel, may give in a while.
//!
//! Whoever gives more is told once, and is then not heard until a time that the answer names; what
//! is refused is not acted on later either. Reactions, and votes in threads, are read where they
//! stand and are not limited. Whom a flood is told is forgotten with it, so that this stays small.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as Measure;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use jiff::{SignedDuration, Timestamp};

use crate::domain::id::{ChatChannelId, Platform};
use crate::domain::reply::intake::{Flood, Giver};
use crate::engine::tuning::Manners;
use crate::ports::clock::Clock;

/// How long a flood lasts at least, and for how long nobody is told twice.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// Givers that are kept apart; beyond, strangers who come are counted as one. Whom the policy repo
/// names is never one of those: however many strangers there are, they silence nobody else.
const MOST_NAMES: usize = 10_000;
/// What is over is forgotten every so many commands.
const FORGET_EVERY: u32 = 256;

/// The engine's clock, as `governor` reads one.
#[derive(Clone)]
struct Measured(Arc<dyn Clock>);

impl Measure for Measured {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::try_from(self.0.now().duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default()
    }
}

type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, Measured, NoOpMiddleware<Duration>>;

/// Where a command was given.
pub(super) type Where = (Platform, ChatChannelId);

/// Whether a command is heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It is.
    Free,
    /// It is not, and its giver knows that already.
    Refused,
    /// It is not, and its giver is to be told.
    Told(Flood),
}

/// Counts commands.
pub(in crate::engine) struct Turnstile {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    manners: Manners,
    people: Limiter<Option<Giver>>,
    channels: Limiter<Where>,
    /// Until when somebody is not heard.
    floods: BTreeMap<Option<Giver>, Timestamp>,
    /// Until when somebody is not told again that a channel is full.
    told: BTreeMap<(Where, Option<Giver>), Timestamp>,
    passed: u32,
}

fn limiter<K: std::hash::Hash + Eq + Clone>(a_minute: u32, clock: &Arc<dyn Clock>) -> Limiter<K> {
    let quota = Quota::per_minute(NonZeroU32::new(a_minute).unwrap_or(NonZeroU32::MIN));
    RateLimiter::hashmap_with_clock(quota, Measured(Arc::clone(clock)))
}

impl State {
    fn new(manners: &Manners, clock: &Arc<dyn Clock>) -> Self {
        Self {
            manners: manners.clone(),
            people: limiter(manners.per_person, clock),
            channels: limiter(manners.per_channel, clock),
            floods: BTreeMap::new(),
            told: BTreeMap::new(),
            passed: 0,
        }
    }

    fn forget(&mut self, now: Timestamp) {
        self.passed = 0;
        self.people.retain_recent();
        self.channels.retain_recent();
        self.floods.retain(|_, until| *until > now);
        self.told.retain(|_, until| *until > now);
    }
}

impl Turnstile {
    /// Begins to count.
    pub fn new(manners: &Manners, clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::new(State::new(manners, &clock));
        Self { clock, state }
    }

    /// Counts a command of somebody, and says whether it is heard. Other limits than before begin
    /// anew.
    pub(super) fn pass(&self, who: &Giver, at: &Where, manners: &Manners) -> Passage {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.manners != *manners {
            *state = State::new(manners, &self.clock);
        }
        state.passed += 1;
        if state.passed >= FORGET_EVERY {
            state.forget(now);
        }
        let who = match who {
            Giver::Stranger(_) if state.people.len() >= MOST_NAMES => None,
            Giver::Stranger(_) | Giver::Person(_) => Some(who.clone()),
        };
        if state.floods.get(&who).is_some_and(|until| *until > now) {
            return Passage::Refused;
        }
        if state.people.check_key(&who).is_err() {
            let until = now + PAUSE;
            state.floods.insert(who, until);
            return Passage::Told(Flood::Person { limit: manners.per_person, until });
        }
        if state.channels.check_key(at).is_ok() {
            return Passage::Free;
        }
        let told = state.told.insert((at.clone(), who), now + PAUSE);
        match told.filter(|until| *until > now) {
            Some(_) => Passage::Refused,
            None => Passage::Told(Flood::Channel { limit: manners.per_channel }),
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::domain::person::Account;

    #[derive(Default)]
    struct Hands(Mutex<i64>);

    #[async_trait]
    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(*self.0.lock().unwrap()).unwrap()
        }

        async fn sleep_until(&self, _: Timestamp) {}

        fn random(&self, _: &mut [u8]) {}
    }

    fn turnstile(per_person: u32, per_channel: u32) -> (Turnstile, Manners, Arc<Hands>) {
        let hands = Arc::new(Hands::default());
        *hands.0.lock().unwrap() = 1_000_000;
        let late_after = SignedDuration::from_mins(10);
        let manners = Manners { late_after, per_person, per_channel };
        (Turnstile::new(&manners, Arc::clone(&hands) as _), manners, hands)
    }

    fn person(name: &str) -> Giver {
        Giver::Person(name.parse().unwrap())
    }

    fn stranger(number: usize) -> Giver {
        let id = format!("stranger{number}").parse().unwrap();
        Giver::Stranger(Account { platform: "console".parse().unwrap(), id })
    }

    fn ops() -> Where {
        ("console".parse().unwrap(), "ops".parse().unwrap())
    }

    #[test]
    fn who_gives_too_many_is_told_once_and_heard_again_after_a_while() {
        let (turnstile, manners, hands) = turnstile(2, 100);
        let pass = |who| turnstile.pass(&person(who), &ops(), &manners);
        assert_eq!([pass("ken"), pass("ken")], [Passage::Free, Passage::Free]);
        assert!(matches!(pass("ken"), Passage::Told(Flood::Person { limit: 2, .. })));
        assert_eq!(pass("ken"), Passage::Refused);
        assert_eq!(pass("ada"), Passage::Free, "others are heard");
        *hands.0.lock().unwrap() += 59;
        assert_eq!(pass("ken"), Passage::Refused);
        *hands.0.lock().unwrap() += 1;
        assert_eq!(pass("ken"), Passage::Free);
    }

    #[test]
    fn a_full_channel_is_told_to_each_once_and_who_floods_does_not_fill_it() {
        let (turnstile, manners, _) = turnstile(2, 3);
        let pass = |who| turnstile.pass(&person(who), &ops(), &manners);
        for _ in 0..50 {
            pass("ken");
        }
        assert_eq!(pass("ada"), Passage::Free);
        assert!(matches!(pass("ada"), Passage::Told(Flood::Channel { limit: 3 })));
        assert!(matches!(pass("grace"), Passage::Told(Flood::Channel { .. })));
        assert_eq!(pass("grace"), Passage::Refused);
    }

    #[test]
    fn it_stays_small_whoever_comes() {
        let (turnstile, manners, hands) = turnstile(2, 1_000_000);
        for number in 0..3 * MOST_NAMES {
            turnstile.pass(&stranger(number), &ops(), &manners);
        }
        assert!(turnstile.state.lock().unwrap().people.len() <= MOST_NAMES + 1);
        assert_eq!(turnstile.pass(&stranger(MOST_NAMES * 3), &ops(), &manners), Passage::Refused);
        assert_eq!(turnstile.pass(&person("ada"), &ops(), &manners), Passage::Free);
        *hands.0.lock().unwrap() += 120;
        for _ in 0..FORGET_EVERY {
            turnstile.pass(&person("ken"), &ops(), &manners);
        }
        assert!(turnstile.state.lock().unwrap().people.len() <= 2);
    }
}
