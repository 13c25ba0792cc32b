//! Drift: what a standing intent finds on one target, and the incident that it makes of it.
//!
//! A [`Watch`] is one standing intent on one target, kept for as long as the intent stands. While
//! there is something to tell, it holds an [`Incident`]: one card, edited until it is closed.
//! [`machine::step`] says what follows from what was found.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::id::{ChatChannelId, IncidentId, IntentName, PersonId, Platform, RequestId, TargetName};
use super::intent::OnDrift;

pub mod fingerprint;
pub mod machine;
pub mod patch;

pub use fingerprint::Fingerprints;

/// One standing intent on one target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WatchKey {
    /// Which intent.
    pub intent: IntentName,
    /// On what.
    pub target: TargetName,
}

impl fmt::Display for WatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.intent, self.target)
    }
}

/// What is known of one standing intent on one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Which.
    pub key: WatchKey,
    /// Raised by each commit; a commit names the version it read.
    pub version: u64,
    /// What the last look found.
    pub found: Found,
    /// Since when it has been finding that.
    pub since: Timestamp,
    /// When the last look ended; `None`: never looked.
    pub checked: Option<Timestamp>,
    /// Looks in a row that could not tell.
    pub failures: u32,
    /// Why it cannot be told, or why policy does not let Tribune look, in words.
    pub why: Option<String>,
    /// The decision that looks are permitted by; `None`: none is.
    pub leave: Option<Leave>,
    /// What is wrong, while something is.
    pub incident: Option<Incident>,
}

/// The decision by which a target is looked at, as it was written down. It holds for one digest;
/// the gate decides anew at each look, and this only says that it need not be written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// The audit row.
    pub audit: u64,
    /// What was decided on.
    pub digest: Digest,
}

/// What looking at a target came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Nobody looked yet.
    Unchecked,
    /// It is as declared.
    InSync,
    /// It differs.
    Differs,
    /// Looking failed, so nobody can tell.
    Unknown,
    /// Policy does not let Tribune look.
    Denied,
}

impl Found {
    /// Returns the name as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::InSync => "in sync",
            Self::Differs => "differs",
            Self::Unknown => "cannot tell",
            Self::Denied => "may not look",
        }
    }
}

/// How a target differs from what is declared, redacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The same for the same difference, whenever it is seen: see [`fingerprint`].
    pub fingerprint: Digest,
    /// What the check said: where it can, a unified diff from live to declared.
    pub text: String,
    /// Bytes left out of the middle of `text`.
    pub dropped: u64,
    /// Whether a part is hidden: something looked like a secret, or the file is sensitive. What
    /// is hidden is never proposed to be taken over.
    pub concealed: bool,
}

/// Something wrong with one target, from when it was found until it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number.
    pub id: IncidentId,
    /// Which intent on which target.
    pub key: WatchKey,
    /// Where its card stands.
    pub place: (Platform, ChatChannelId),
    /// Since when.
    pub opened: Timestamp,
    /// What the last look found: differs, or cannot tell.
    pub found: Found,
    /// The last difference that was seen; `None`: it could never be told.
    pub difference: Option<Difference>,
    /// How many different differences there were.
    pub differences: u32,
    /// When what is found last changed. A reaction given before does not count.
    pub changed: Timestamp,
    /// Why it cannot be told, in words.
    pub why: Option<String>,
    /// What is done about it now: `auto` that failed too often has become `ask`.
    pub on_drift: OnDrift,
    /// Whether Tribune has given up `auto`. It stays so until the intent says something else.
    #[serde(default)]
    pub turned: bool,
    /// Why `on_drift` is no longer what the intent says, or does not act, in words.
    pub held: Option<String>,
    /// Whether it is left as it is for a while.
    pub ignored: Option<Ignored>,
    /// The repair that was asked for and has not ended.
    pub repair: Option<Repair>,
    /// The last repair that has ended.
    pub tried: Option<Tried>,
    /// When repairs failed, within the last hour.
    pub failed: Vec<Timestamp>,
    /// The branch on which what is live was prepared to be taken over.
    pub branch: Option<String>,
    /// Reactions that were acted on or refused; each counts once.
    pub answered: Vec<Answered>,
    /// When people were last told of it.
    pub told: Timestamp,
    /// Notes in its thread so far.
    pub notes: u32,
    /// How it ended; `None`: it has not.
    pub closed: Option<Closed>,
}

/// Somebody decided to leave a difference as it is for a while. It holds for that difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// Who.
    pub by: PersonId,
    /// Until when.
    pub until: Timestamp,
    /// Why, as typed.
    pub reason: Option<String>,
}

/// A request that should make a target as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// Which request.
    pub request: RequestId,
    /// Who asked; `None`: Tribune itself.
    pub by: Option<PersonId>,
}

/// A repair that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Which, and whose.
    pub repair: Repair,
    /// How it ended, in words.
    pub how: String,
    /// Whether the next look says what it came to.
    pub unjudged: bool,
}

/// A reaction that was dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Whose: a person, or an account as the platform names it.
    pub who: String,
    /// What it says.
    pub sign: super::message::Sign,
    /// Why it came to nothing, in words; `None`: it was acted on.
    pub refused: Option<String>,
}

impl Watch {
    /// Returns a standing intent on a target at which nobody has looked.
    pub fn new(key: WatchKey, now: Timestamp) -> Self {
        Self {
            key,
            version: 0,
            found: Found::Unchecked,
            since: now,
            checked: None,
            failures: 0,
            why: None,
            leave: None,
            incident: None,
        }
    }
}

/// How an incident ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When.
    pub at: Timestamp,
    /// Why, in words.
    pub why: String,
    /// The repair that ended it, if one did.
    pub repair: Option<RequestId>,
}
