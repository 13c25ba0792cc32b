//! The audit log: entries, and the chain of hashes that makes tampering show.

pub mod chain;
pub mod checkpoint;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::digest::Digest;
use crate::domain::id::{RequestId, Revision};
use crate::domain::person::Principal;

/// Something that is about to happen, as told to the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, milliseconds since 1970.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// Who did it; `None`: Tribune itself.
    pub actor: Option<Principal>,
    /// What, as `noun.verb`.
    pub event: Event,
    /// About which request.
    pub request: Option<RequestId>,
    /// Under which revision of the policy repo.
    pub revision: Option<Revision>,
    /// The rest, by event.
    pub detail: serde_json::Value,
}

/// What an audit entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Event {
    /// The daemon started.
    #[serde(rename = "daemon.start")]
    DaemonStart,
    /// The daemon stopped.
    #[serde(rename = "daemon.stop")]
    DaemonStop,
    /// A request was made.
    #[serde(rename = "request.made")]
    RequestMade,
    /// A request was decided, or decided otherwise than before.
    #[serde(rename = "request.decided")]
    RequestDecided,
    /// A request changed its state for another reason.
    #[serde(rename = "request.changed")]
    RequestChanged,
    /// Somebody approved.
    #[serde(rename = "vote.approve")]
    VoteApprove,
    /// Somebody vetoed.
    #[serde(rename = "vote.veto")]
    VoteVeto,
    /// Somebody withdrew an approval or veto.
    #[serde(rename = "vote.withdraw")]
    VoteWithdraw,
    /// A run is about to start.
    #[serde(rename = "run.start")]
    RunStart,
    /// A run ended.
    #[serde(rename = "run.end")]
    RunEnd,
    /// Somebody wanted to see what they may not.
    #[serde(rename = "view.denied")]
    ViewDenied,
    /// A banned person was turned away.
    #[serde(rename = "ban.refused")]
    BanRefused,
    /// A revision was accepted and applied.
    #[serde(rename = "revision.applied")]
    RevisionApplied,
    /// A revision was refused or held.
    #[serde(rename = "revision.refused")]
    RevisionRefused,
    /// A held revision was accepted on the host.
    #[serde(rename = "revision.accepted")]
    RevisionAccepted,
    /// Somebody signed in.
    #[serde(rename = "session.start")]
    SessionStart,
    /// A sign-in failed.
    #[serde(rename = "session.refused")]
    SessionRefused,
    /// Somebody signed out, or was.
    #[serde(rename = "session.end")]
    SessionEnd,
    /// A command on the host.
    #[serde(rename = "host.command")]
    HostCommand,
}

/// An entry in its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its place, from 1, without gaps.
    pub seq: u64,
    /// The hash of the row before; zeros for the first.
    pub previous: Digest,
    /// The entry.
    pub entry: Entry,
    /// SHA-256 over sequence, previous hash and entry; see [`chain`].
    pub hash: Digest,
}
