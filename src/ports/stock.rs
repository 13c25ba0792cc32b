//! What the store keeps, and what of it is not needed any more.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What to remove for good, the oldest first. What is asked for and not there is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forget {
    /// What.
    pub what: Old,
    /// At most so many at once, so that nobody waits long for the store.
    pub limit: u32,
}

/// Something that is not needed any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Old {
    /// That messages which were written before were handled.
    Messages(Timestamp),
    /// Sign-in links and sessions whose time was over before.
    SignIns(Timestamp),
    /// The output of runs that ended before; the runs stay.
    Output(Timestamp),
    /// Requests that ended before, with their runs and posts. Never the newest, whose number
    /// must not be given again; never the uses of pull requests.
    Requests(Timestamp),
    /// Incidents of drift that were over before, with their posts. Never the newest, whose number
    /// must not be given again.
    Incidents(Timestamp),
    /// Posts that are said once ([`is_said_once`](crate::domain::retention::is_said_once)) and
    /// have stood as they should since before. Those that a sweep sees so for the first time are
    /// noted as of `now`. Never one in whose thread another stands.
    Posts {
        /// Since before when.
        before: Timestamp,
        /// The present time.
        now: Timestamp,
    },
    /// Threads of the built-in console in which nothing was written since before, with their
    /// reactions and the list of their changes. Never one with the message of a post that is kept.
    Console(Timestamp),
    /// Audit rows before this one. That it is the row of a signed checkpoint, and that an audit
    /// row tells of the removal, is the caller's business.
    Audit(u64),
}

/// How the last sweep went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Swept {
    /// When it ended; `None`: there was none.
    pub at: Option<Timestamp>,
    /// What it removed, by kind, in the words of `status`.
    pub removed: BTreeMap<String, u64>,
    /// When the mirror was last cleaned.
    pub mirror: Option<Timestamp>,
    /// The audit row up to which a prune that was begun still has to go.
    pub pruning: Option<u64>,
}

/// How much is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stock {
    /// Handled messages.
    pub messages: u64,
    /// Sign-in links and sessions.
    pub sign_ins: u64,
    /// Runs whose output is there.
    pub outputs: u64,
    /// Requests, open ones too.
    pub requests: u64,
    /// Posts.
    pub posts: u64,
    /// Messages of the built-in console.
    pub console: u64,
    /// Audit rows.
    pub audit: u64,
    /// The first audit row that is there; 0: none.
    pub audit_first: u64,
}
