//! Requests and the states they go through.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decision::Outcome;
use super::digest::Digest;
use super::evidence::{PullRef, Vote};
use super::id::{
    ChannelName, ChatChannelId, IntentName, PersonId, Platform, RequestId, TargetName,
};
use super::message::MessageRef;
use super::param::Args;
use super::person::Principal;

pub mod machine;

/// One principal asking for one intent with arguments on targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// Raised by each commit; a commit names the version it read.
    pub version: u64,
    /// Who asked.
    pub requester: Principal,
    /// By what way.
    pub via: Via,
    /// The channel it was asked in; `None` in a direct message and outside chat.
    pub channel: Option<ChannelName>,
    /// The message that asked.
    pub message: Option<MessageRef>,
    /// Where its card stands.
    pub card_place: (Platform, ChatChannelId),
    /// Run or check.
    pub mode: Mode,
    /// What is asked for.
    pub intent: IntentName,
    /// With what.
    pub args: Args,
    /// Targets as they were typed: hosts or groups.
    pub asked_targets: Vec<String>,
    /// Targets they mean.
    pub targets: BTreeSet<TargetName>,
    /// The pull request it cites.
    pub cites: Option<PullRef>,
    /// The digest of its current card.
    pub digest: Digest,
    /// Which card is current, from 1.
    pub card: u32,
    /// Where it stands.
    pub state: State,
    /// When it was asked.
    pub asked: Timestamp,
    /// Approvals must arrive before; `None` where the intent takes none.
    pub collect_by: Option<Timestamp>,
    /// When it was permitted.
    pub permitted: Option<Timestamp>,
    /// The run must start before.
    pub execute_by: Option<Timestamp>,
    /// Whether the reminder at half of `collect` was sent.
    pub reminded: bool,
    /// The last outcome that was written to the audit log.
    pub outcome: Option<Outcome>,
    /// Votes that were written to the audit log.
    pub votes: Vec<Vote>,
    /// Attempts so far.
    pub attempts: u32,
    /// What to say of its end: who, why.
    pub ended: Option<Ending>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// Who ended it, if a person did.
    pub by: Option<PersonId>,
    /// Why, in words.
    pub why: String,
}

/// Whether to act or to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Act.
    Run,
    /// Look what would change.
    Check,
}

/// By what way a request or command came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A message.
    Chat,
    /// HTTP.
    Api,
    /// A schedule.
    Schedule,
    /// Tribune's own repairing.
    Reconciler,
    /// The socket on the host.
    Host,
}

impl Via {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Chat, Self::Api, Self::Schedule, Self::Reconciler, Self::Host];

    /// Returns the name as policies write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Api => "api",
            Self::Schedule => "schedule",
            Self::Reconciler => "reconciler",
            Self::Host => "host",
        }
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted, not yet decided.
    Requested,
    /// Waits for evidence.
    NeedsApproval,
    /// May run.
    Permitted,
    /// May run and waits for its turn.
    Queued,
    /// Runs.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Took too long.
    TimedOut,
    /// Ended by a person.
    Cancelled,
    /// Its supervisor died.
    Interrupted,
    /// Policy says no.
    Denied,
    /// Somebody with a veto said no.
    Vetoed,
    /// A clock ran out.
    Expired,
    /// What people approved is no longer what stands there.
    Void,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Requested,
        Self::NeedsApproval,
        Self::Permitted,
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Interrupted,
        Self::Denied,
        Self::Vetoed,
        Self::Expired,
        Self::Void,
    ];

    /// Says whether nothing more will happen.
    pub fn is_final(self) -> bool {
        match self {
            Self::Requested
            | Self::NeedsApproval
            | Self::Permitted
            | Self::Queued
            | Self::Running => false,
            Self::Succeeded
            | Self::Failed
            | Self::TimedOut
            | Self::Cancelled
            | Self::Interrupted
            | Self::Denied
            | Self::Vetoed
            | Self::Expired
            | Self::Void => true,
        }
    }

    /// Returns the name as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::NeedsApproval => "needs_approval",
            Self::Permitted => "permitted",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Denied => "denied",
            Self::Vetoed => "vetoed",
            Self::Expired => "expired",
            Self::Void => "void",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_shown_by_the_name_it_is_stored_under() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
