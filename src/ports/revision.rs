//! What became of revisions of the policy repo, for people to look up later.
//!
//! A record is a copy of what was announced: nothing is decided by it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::TroubleKind;
use crate::domain::body::Span;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::evidence::PullRef;
use crate::domain::id::Revision;
use crate::domain::person::Principal;

/// How many records a store keeps: the newest ones.
pub const RECORDS_KEPT: u64 = 2_000;

/// What became of a revision at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRecord {
    /// Its place among all records, from 1; 0 in a record that is not stored yet.
    pub seq: u64,
    /// Which revision.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// What became of it.
    pub fate: Fate,
    /// Its author's name.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
    /// When it says it was committed.
    pub committed: Timestamp,
    /// The pull request that brought it.
    pub pull: Option<PullRef>,
    /// The revision that was applied until then, which words and diff compare with.
    pub before: Option<Revision>,
    /// What it changes, in words, one line each.
    pub words: Vec<Vec<Span>>,
    /// What `check` says about it.
    pub diagnostics: Vec<Diagnostic>,
    /// Characters of the diff that are not kept.
    pub diff_cut: u64,
    /// The unified diff, redacted; empty in lists.
    #[serde(skip)]
    pub diff: String,
}

/// What became of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It decides from then on.
    Applied,
    /// It was refused or held.
    Held {
        /// Why, by kind.
        kind: TroubleKind,
        /// Why, in one line.
        summary: String,
    },
    /// Somebody let it pass in spite of a guard.
    LetPass {
        /// Who.
        by: Principal,
        /// Why, in their words.
        reason: String,
    },
}

/// Which records to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RevisionFilter {
    /// Only before this one; 0: all.
    pub before: u64,
    /// Only of this revision.
    pub revision: Option<Revision>,
    /// At most so many; 0: all.
    pub limit: u32,
}
