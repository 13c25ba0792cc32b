//! The audit log: entries, and the chain of hashes that makes tampering show.

pub mod chain;
pub mod checkpoint;
pub mod prune;
pub mod report;

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

macro_rules! events {
    ($($(#[doc = $doc:literal])* $event:ident = $name:literal,)*) => {
        /// What an audit entry tells.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Event {
            $($(#[doc = $doc])* #[serde(rename = $name)] $event,)*
        }

        impl Event {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$event),*];

            /// Returns the name as rows bear it, `noun.verb`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)*
                }
            }
        }
    };
}

events! {
    /// The daemon started.
    DaemonStart = "daemon.start",
    /// The daemon stopped.
    DaemonStop = "daemon.stop",
    /// A request was made.
    RequestMade = "request.made",
    /// A request was decided, or decided otherwise than before.
    RequestDecided = "request.decided",
    /// A request changed its state for another reason.
    RequestChanged = "request.changed",
    /// Somebody approved.
    VoteApprove = "vote.approve",
    /// Somebody vetoed.
    VoteVeto = "vote.veto",
    /// Somebody withdrew an approval or veto.
    VoteWithdraw = "vote.withdraw",
    /// A run is about to start.
    RunStart = "run.start",
    /// A run ended.
    RunEnd = "run.end",
    /// Somebody wanted to see what they may not.
    ViewDenied = "view.denied",
    /// A banned person was turned away.
    BanRefused = "ban.refused",
    /// Somebody was banned in chat, provisionally.
    BanSet = "ban.set",
    /// A provisional ban ended: it was made lasting or lifted, or its time was over.
    BanEnd = "ban.end",
    /// A branch was prepared that makes a ban lasting, or removes one.
    BanPrepared = "ban.prepared",
    /// Somebody wanted to ban somebody, or to lift a ban, and may not.
    BanDenied = "ban.denied",
    /// An intent, or everything, was paused, or for longer than before.
    PauseSet = "pause.set",
    /// A pause ended: somebody resumed, or its time was over.
    PauseEnd = "pause.end",
    /// Somebody wanted to pause or resume and may not.
    PauseRefused = "pause.refused",
    /// A schedule made no request at one of its times.
    ScheduleSkipped = "schedule.skipped",
    /// A revision was accepted and applied.
    RevisionApplied = "revision.applied",
    /// A revision was refused or held.
    RevisionRefused = "revision.refused",
    /// A held revision was accepted on the host.
    RevisionAccepted = "revision.accepted",
    /// Somebody signed in.
    SessionStart = "session.start",
    /// A sign-in failed.
    SessionRefused = "session.refused",
    /// Somebody signed out, or was.
    SessionEnd = "session.end",
    /// A standing check is permitted from now on, or no longer is.
    DriftDecided = "drift.decided",
    /// A standing check finds something else than before.
    DriftFound = "drift.found",
    /// What a standing check found is gone.
    DriftClosed = "drift.closed",
    /// Somebody, or Tribune, decided what to do about drift.
    DriftAnswered = "drift.answered",
    /// Rows of this log were removed, up to a checkpoint.
    AuditPrune = "audit.prune",
    /// Settings were read again.
    SettingsRead = "settings.read",
    /// A command on the host.
    HostCommand = "host.command",
    /// A caller on the host's socket who did not show the token.
    HostRefused = "host.refused",
}

/// An entry in its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its place, from 1, without gaps; rows before a checkpoint may have been pruned.
    pub seq: u64,
    /// The hash of the row before; zeros for the first.
    pub previous: Digest,
    /// The entry.
    pub entry: Entry,
    /// SHA-256 over sequence, previous hash and entry; see [`chain`].
    pub hash: Digest,
}
