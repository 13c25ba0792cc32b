//! Pauses: somebody holds an intent, or everything, for a while.
//!
//! A pause holds what has not started; what runs goes on. It always ends: by itself at `until`,
//! or when somebody resumes. Making it longer is pausing again, making it shorter is resuming.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::duration;
use super::id::{ChatChannelId, IdError, IntentName, Platform};
use super::person::Principal;

/// The word for everything. No intent may bear it.
pub const ALL: &str = "all";

/// How long a pause lasts at most. Whoever needs more says so again in time.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How long before its end a pause is announced to lapse, at most.
const WARNING: SignedDuration = SignedDuration::from_mins(10);

/// What is paused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// Every intent.
    All,
    /// One intent.
    Intent(IntentName),
}

impl Scope {
    /// Returns the intent; `None`: everything.
    pub fn intent(&self) -> Option<&IntentName> {
        match self {
            Self::All => None,
            Self::Intent(intent) => Some(intent),
        }
    }

    /// Returns it in words: the intent, or `everything`.
    pub fn words(&self) -> String {
        self.intent().map_or("everything".to_owned(), ToString::to_string)
    }

    /// Says whether it covers an intent.
    pub fn covers(&self, intent: &IntentName) -> bool {
        self.intent().is_none_or(|own| own == intent)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(ALL),
            Self::Intent(intent) => intent.fmt(f),
        }
    }
}

impl FromStr for Scope {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text == ALL { Ok(Self::All) } else { text.parse().map(Self::Intent) }
    }
}

impl TryFrom<String> for Scope {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

/// A pause that somebody made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// What it holds.
    pub scope: Scope,
    /// Who paused, or made it longer last.
    pub by: Principal,
    /// Why, as typed.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When it ends. What it holds starts once the end was recorded and told, not a moment before.
    pub until: Timestamp,
    /// Where it is announced; `None`: no chat could be reached when it was made.
    pub place: Option<(Platform, ChatChannelId)>,
    /// Whether its coming end was announced.
    pub warned: bool,
}

/// Why a pause was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PauseError {
    /// It would last too long.
    #[error("a pause lasts at most {}", duration::short(LONGEST))]
    TooLong,
    /// It would end an earlier pause sooner.
    #[error("{} is paused for longer already", .scope.words())]
    Shorter {
        /// What is paused.
        scope: Scope,
    },
}

impl Pause {
    /// Says whether its time is over, so that its end is to be recorded.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until <= now
    }

    /// Returns when its coming end is announced: ten minutes before, or at three quarters of a
    /// short one.
    pub fn warn_at(&self) -> Timestamp {
        let before = WARNING.min(self.until.duration_since(self.since) / 4);
        self.until.checked_sub(before).unwrap_or(self.since)
    }

    /// Returns when something is next due to be said of it.
    pub fn next_due(&self) -> Timestamp {
        if self.warned { self.until } else { self.warn_at() }
    }
}

/// Returns the pause that results from pausing for `length` where `earlier` may hold already.
///
/// A pause that holds is only ever made longer; it keeps its beginning.
pub fn pause(
    wanted: Pause,
    length: SignedDuration,
    earlier: Option<&Pause>,
    now: Timestamp,
) -> Result<Pause, PauseError> {
    if length > LONGEST {
        return Err(PauseError::TooLong);
    }
    let until = now.checked_add(length).unwrap_or(Timestamp::MAX);
    match earlier.filter(|earlier| !earlier.is_over(now)) {
        Some(earlier) if until < earlier.until => Err(PauseError::Shorter { scope: wanted.scope }),
        Some(earlier) => Ok(Pause {
            since: earlier.since,
            until,
            place: earlier.place.clone(),
            warned: false,
            ..wanted
        }),
        None => Ok(Pause { since: now, until, warned: false, ..wanted }),
    }
}

/// Returns the pause that holds an intent, the one that ends last. A pause holds until its end is
/// recorded, so that whoever starts then was waiting and is told so.
pub fn holding<'a>(pauses: &'a [Pause], intent: &IntentName) -> Option<&'a Pause> {
    pauses.iter().filter(|pause| pause.scope.covers(intent)).max_by_key(|pause| pause.until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minute * 60).expect("a time")
    }

    fn wanted(scope: &str) -> Pause {
        Pause {
            scope: scope.parse().expect("a scope"),
            by: Principal::Person("ada".parse().expect("a name")),
            reason: "storage moves".to_owned(),
            since: at(0),
            until: at(0),
            place: None,
            warned: true,
        }
    }

    fn minutes(minutes: i64) -> SignedDuration {
        SignedDuration::from_mins(minutes)
    }

    #[test]
    fn a_pause_is_made_longer_and_never_shorter() {
        let first = pause(wanted("restart"), minutes(60), None, at(0)).expect("made");
        assert_eq!((first.since, first.until, first.warned), (at(0), at(60), false));
        let refused = pause(wanted("restart"), minutes(30), Some(&first), at(10));
        assert_eq!(refused, Err(PauseError::Shorter { scope: first.scope.clone() }));
        let longer = pause(wanted("restart"), minutes(60), Some(&first), at(10)).expect("longer");
        assert_eq!((longer.since, longer.until), (at(0), at(70)));
        // One that is over is no limit.
        let anew = pause(wanted("restart"), minutes(5), Some(&first), at(60)).expect("anew");
        assert_eq!((anew.since, anew.until), (at(60), at(65)));
    }

    #[test]
    fn a_pause_always_ends() {
        assert!(pause(wanted("all"), LONGEST, None, at(0)).is_ok());
        let longer = LONGEST + SignedDuration::from_secs(1);
        assert_eq!(pause(wanted("all"), longer, None, at(0)), Err(PauseError::TooLong));
    }

    #[test]
    fn its_end_is_announced_ten_minutes_before_or_at_three_quarters() {
        let long = pause(wanted("all"), minutes(120), None, at(0)).expect("made");
        assert_eq!(long.warn_at(), at(110));
        let short = pause(wanted("all"), minutes(4), None, at(0)).expect("made");
        assert_eq!(short.warn_at(), at(3));
        assert_eq!(Pause { warned: true, ..short }.next_due(), at(4));
    }

    #[test]
    fn all_holds_every_intent_and_one_holds_itself() {
        let all = pause(wanted("all"), minutes(10), None, at(0)).expect("made");
        let one = pause(wanted("restart"), minutes(20), None, at(0)).expect("made");
        let pauses = [all, one];
        let held = |intent: &str| {
            let intent = intent.parse().expect("a name");
            holding(&pauses, &intent).map(|pause| pause.until)
        };
        assert_eq!(held("restart"), Some(at(20)));
        assert_eq!(held("look"), Some(at(10)));
    }
}
