//! Whether the daemon does its work, for whoever watches it from outside.
//!
//! What stands here is told to anybody who asks, so it names no address, person or secret. It is
//! cheap: answers are kept for a second, and the store is really written to only now and then.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Engine;
use super::status::{Fact, Health, LoopStatus};
use crate::domain::id::Platform;
use crate::ports::store::StoreError;

/// For how long an answer is given again.
const KEPT: SignedDuration = SignedDuration::from_secs(1);
/// The store is written to at most so often.
const WRITE_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// Posts that wait so long while none goes out do not move.
const STALLED: SignedDuration = SignedDuration::from_mins(2);
/// Fetches that may fail in a row before the source is stale.
const FETCHES: i32 = 3;
/// However often it is fetched, a source is not stale before.
const FRESH: SignedDuration = SignedDuration::from_mins(5);

/// Whether the daemon does its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether everything is as it should be.
    pub ready: bool,
    /// When that was looked at.
    pub at: Timestamp,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What: `source`, `store`, `outbox`, `chat <platform>`.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// Seconds since it was last seen well; of what is not well, since it is not. `None`: it is
    /// not known.
    pub age: Option<u64>,
    /// How it is, in words.
    pub reason: String,
}

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    answer: Mutex<Option<Readiness>>,
    written: Mutex<Option<Written>>,
    /// Probes that come at once wait for one look.
    looking: tokio::sync::Mutex<()>,
}

/// How the store last took a write.
#[derive(Debug, Clone)]
struct Written {
    tried: Timestamp,
    /// Since when it is as it is.
    since: Timestamp,
    wrong: Option<&'static str>,
}

fn age(since: Timestamp, now: Timestamp) -> Option<u64> {
    u64::try_from(now.duration_since(since).as_secs()).ok()
}

fn locked<T>(it: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Returns whether the daemon does its work.
    pub async fn readiness(&self) -> Readiness {
        let looking = self.health.looking.lock().await;
        let now = self.now();
        let fresh = |it: &Readiness| now.duration_since(it.at) < KEPT;
        if let Some(kept) = locked(&self.health.answer).clone().filter(fresh) {
            return kept;
        }
        let mut checks = vec![self.source_check(now).await, self.store_check(now).await];
        checks.push(self.outbox_check(now));
        checks.extend(self.ports.chats.keys().map(|platform| self.chat_check(platform, now)));
        let ready = checks.iter().all(|check| check.ok);
        let answer = Readiness { ready, at: now, checks };
        *locked(&self.health.answer) = Some(answer.clone());
        drop(looking);
        answer
    }

    /// Returns it as a row of `status`.
    pub(super) async fn readiness_status(&self) -> LoopStatus {
        let Readiness { ready, at: _, checks } = self.readiness().await;
        let bad: Vec<&str> =
            checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
        let row = match ready {
            true => LoopStatus::new("health", Health::Good, "ready"),
            false => {
                LoopStatus::new("health", Health::Trying, format!("not ready: {}", bad.join(", ")))
            }
        };
        checks.into_iter().fold(row, |row, check| {
            let age = check.age.map(|age| format!(" ({age} s)")).unwrap_or_default();
            row.with(&check.name, Fact::Text(format!("{}{age}", check.reason)))
        })
    }

    async fn source_check(&self, now: Timestamp) -> Check {
        let check = |ok, age, reason: &str| {
            let (name, reason) = ("source".to_owned(), reason.to_owned());
            Check { name, ok, age, reason }
        };
        let Ok(state) = self.ports.store.source().await else {
            return check(false, None, "the store cannot be read");
        };
        let fetched = state.fetched_at.and_then(|at| age(at, now));
        if self.applied().is_none() {
            return check(false, fetched, "no revision of the policy repo is applied");
        }
        let stale = (self.tuning().fetch_every * FETCHES).max(FRESH);
        match state.fetched_at {
            None => check(false, None, "the policy repo was not fetched yet"),
            Some(at) if now.duration_since(at) > stale => {
                check(false, fetched, "the policy repo was not fetched for long")
            }
            Some(_) if state.trouble.is_some() => check(
                true,
                fetched,
                "the newest revision is not applied; the last good one decides",
            ),
            Some(_) => check(true, fetched, "fresh"),
        }
    }

    /// Writes to the store, unless it was written to a moment ago.
    async fn store_check(&self, now: Timestamp) -> Check {
        let before = locked(&self.health.written).clone();
        let recent = |it: &Written| now.duration_since(it.tried) < WRITE_EVERY;
        let written = match before.clone().filter(recent) {
            Some(written) => written,
            None => {
                let wrong = match self.ports.store.probe(now).await {
                    Ok(()) => None,
                    Err(StoreError::Full) => Some("its disk is full"),
                    Err(StoreError::Broken(_) | StoreError::Conflict(_)) => {
                        Some("it cannot be written")
                    }
                };
                let same = before.filter(|it| it.wrong.is_some() && it.wrong == wrong);
                let written = Written { tried: now, since: same.map_or(now, |it| it.since), wrong };
                *locked(&self.health.written) = Some(written.clone());
                written
            }
        };
        Check {
            name: "store".to_owned(),
            ok: written.wrong.is_none(),
            age: age(written.since, now),
            reason: written.wrong.unwrap_or("writable").to_owned(),
        }
    }

    fn outbox_check(&self, now: Timestamp) -> Check {
        let outlets = self.ports.chats.keys().filter_map(|platform| self.outlets.of(platform));
        let stalled = outlets.filter_map(|outlet| outlet.pace().stalled()).min();
        let stalled = stalled.filter(|since| now.duration_since(*since) >= STALLED);
        Check {
            name: "outbox".to_owned(),
            ok: stalled.is_none(),
            age: stalled.and_then(|since| age(since, now)),
            reason: match stalled {
                Some(_) => "messages wait and none goes out".to_owned(),
                None => "moving".to_owned(),
            },
        }
    }

    fn chat_check(&self, platform: &Platform, now: Timestamp) -> Check {
        let (ok, age, reason) = match self.hearing.of(platform) {
            None => (false, age(self.started, now), "connecting"),
            Some(Ok(at)) => (true, age(at, now), "connected"),
            Some(Err((since, _))) => (false, age(since, now), "not connected"),
        };
        // What people must set right elsewhere is no reason to take the daemon out of service.
        let reason = match self.unheard(platform).len() {
            0 => reason.to_owned(),
            1 => format!("{reason}; 1 channel is not heard"),
            many => format!("{reason}; {many} channels are not heard"),
        };
        Check { name: format!("chat {platform}"), ok, age, reason }
    }
}
