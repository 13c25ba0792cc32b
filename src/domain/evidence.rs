//! Evidence: what supports a request, as read from the chat server and the forge.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::id::{Flag, PersonId, Revision};

/// All evidence in hand for one request. Facts only: whether it suffices is for policy to say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// One per person, in the order in which they voted. Requester, bots, banned and unknown
    /// people are already left out; see [`Ignored`].
    pub approvals: Vec<Vote>,
    /// People who reacted ❌ or typed `!deny`, under the same rule.
    pub vetoes: Vec<Vote>,
    /// The cited pull request, if it could be read and is not used up.
    pub citation: Option<Citation>,
}

/// One person's approval or veto.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vote {
    /// Whose.
    pub person: PersonId,
    /// How it was given.
    pub means: Means,
    /// When it was given, as far as the platform tells, else when it was first seen.
    pub at: Timestamp,
    /// A reason that was typed with it.
    pub reason: Option<String>,
}

/// How a vote was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// A reaction on the card.
    Reaction,
    /// A reply in the card's thread.
    Typed,
}

/// Why a reaction or reply does not count; shown on the card, so that nobody wonders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    /// The requester's own.
    Requester,
    /// A bot's, webhook's or bridge's.
    NotHuman,
    /// Nobody in the policy repo has this account.
    Unknown,
    /// Somebody banned.
    Banned,
    /// Nobody approves in this channel.
    Channel,
    /// Somebody whom policy lets fill no slot.
    NotEligible,
}

/// Which pull request: a number on the policy repo's forge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PullRef {
    /// The repository; empty: the policy repo itself.
    pub repo: String,
    /// Its number there.
    pub number: u64,
}

impl fmt::Display for PullRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repo, self.number)
    }
}

/// What the forge says about a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// Which.
    pub pull: PullRef,
    /// Its title.
    pub title: String,
    /// Whether it was merged.
    pub merged: bool,
    /// The branch it was merged into.
    pub base: String,
    /// Its labels now.
    pub labels: BTreeSet<String>,
    /// Who wrote it, if known to the policy repo.
    pub author: Option<PersonId>,
    /// Whoever else wrote a commit of it.
    pub contributors: BTreeSet<PersonId>,
    /// Who merged it, proved by signature or forge.
    pub merged_by: Option<PersonId>,
    /// Who approved its final head, proved by the forge; empty on the local forge.
    pub approved_by: BTreeSet<PersonId>,
    /// The commit that merged it.
    pub merge: Option<Revision>,
    /// The command it names, as people type it, for `cite.bind`.
    pub command: Option<String>,
    /// Who put the label on it, if the forge tells.
    pub labelled_by: Option<PersonId>,
}

/// A cited pull request with what Tribune knows about it; becomes Cedar's `context.pr`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// What the forge says.
    pub pull: Pull,
    /// Flags of the author.
    pub author_flags: BTreeSet<Flag>,
    /// Time since Tribune first saw the merge.
    pub age: SignedDuration,
    /// Whether the merge is part of the applied revision's history.
    pub in_history: bool,
    /// Whether somebody other than requester and authors, known, unbanned and eligible to
    /// `approve`, approved or merged it.
    pub independent_review: bool,
    /// Whether it names this intent, these arguments and these targets.
    pub bound: bool,
}
