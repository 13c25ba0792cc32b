//! Schedules: how far each was dealt with.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::RequestId;

/// How far the schedule of an intent was dealt with. An occurrence is taken by moving the mark
/// past it, in the same transaction as the request that it makes; so none is taken twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The rule that it counts by; another rule starts anew.
    pub rule: String,
    /// Every occurrence up to and including this time was dealt with.
    pub up_to: Timestamp,
    /// The last occurrence, and what became of it.
    pub last: Option<Occurrence>,
}

/// One time at which a schedule asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The time that the rule names, jitter not included.
    pub at: Timestamp,
    /// What became of it.
    pub became: Became,
}

/// What became of an occurrence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It made this request.
    Asked(RequestId),
    /// It made none, for this reason in words.
    Skipped(String),
}
