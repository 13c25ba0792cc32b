//! What a principal may do beside running: voting, viewing, banning, proposing, pausing.

use jiff::Timestamp;

use crate::domain::id::{ChannelName, IntentName, PersonId, RoleName, TargetName};
use crate::domain::param::Args;
use crate::domain::request::Via;

/// Something that policy is asked about, other than `run` and `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act<'a> {
    /// Approve a request, filling a slot.
    Approve(Ballot<'a>),
    /// Veto a request.
    Veto(Ballot<'a>),
    /// See something.
    View(Viewed<'a>),
    /// Ban a person, provisionally.
    Ban {
        /// Whom.
        subject: &'a PersonId,
        /// Whether they were banned in chat within the last week.
        again: bool,
    },
    /// Lift a person's provisional ban.
    Unban {
        /// Whose.
        subject: &'a PersonId,
        /// Whether the same person asked for the ban.
        issued: bool,
    },
    /// Propose a change of the policy repo, about somebody if it is about a person.
    Propose(ChangeKind, Option<&'a PersonId>),
    /// Leave drift of an intent on a target as it is for a while.
    Ignore(&'a IntentName, &'a TargetName),
    /// Pause an intent, or everything.
    Pause(Option<&'a IntentName>),
    /// Resume an intent, or everything.
    Resume(Option<&'a IntentName>),
    /// Administer this instance.
    Administer,
}

/// What a vote is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ballot<'a> {
    /// The role of the slot, or the role by which the veto is given.
    pub role: Option<&'a RoleName>,
    /// The intent that is asked for.
    pub intent: &'a IntentName,
    /// One of its targets.
    pub target: &'a TargetName,
    /// Its arguments.
    pub args: &'a Args,
    /// The person who asked.
    pub requester: Option<&'a PersonId>,
}

/// What is viewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewed<'a> {
    /// Requests and runs of an intent.
    Intent(&'a IntentName),
    /// A channel.
    Channel(&'a ChannelName),
    /// A page.
    Page(Page),
}

/// A page or listing that is not about one intent or channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Page {
    /// Requests.
    Requests,
    /// Runs and their output.
    Runs,
    /// What may be asked for.
    Intents,
    /// Where the world differs from what the policy repo says.
    Drift,
    /// The audit log.
    Audit,
    /// Whether Tribune is well, and where the source stands.
    Status,
    /// The policy repo's revisions and what each changed.
    Policy,
    /// People, their roles, bans.
    People,
}

impl Page {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Requests,
        Self::Runs,
        Self::Intents,
        Self::Drift,
        Self::Audit,
        Self::Status,
        Self::Policy,
        Self::People,
    ];

    /// Returns the name as policies write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Runs => "runs",
            Self::Intents => "intents",
            Self::Drift => "drift",
            Self::Audit => "audit",
            Self::Status => "status",
            Self::Policy => "policy",
            Self::People => "people",
        }
    }
}

/// What kind of change is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// A ban.
    Ban,
    /// The end of a ban.
    Unban,
    /// A person: roles, flags, accounts.
    Person,
    /// An intent.
    Intent,
    /// A policy.
    Policy,
    /// A file that an intent puts in place: what is live, to be declared.
    File,
}

impl ChangeKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ban, Self::Unban, Self::Person, Self::Intent, Self::Policy, Self::File];

    /// Returns the name as policies write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ban => "ban",
            Self::Unban => "unban",
            Self::Person => "person",
            Self::Intent => "intent",
            Self::Policy => "policy",
            Self::File => "file",
        }
    }
}

/// The circumstances in which something is asked; every context holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene<'a> {
    /// By what way.
    pub via: Via,
    /// The channel it was typed in; `None` elsewhere.
    pub channel: Option<&'a ChannelName>,
    /// When.
    pub now: Timestamp,
}

impl<'a> Scene<'a> {
    /// Returns the scene of a command typed in a channel, or in a direct message.
    pub fn chat(channel: Option<&'a ChannelName>, now: Timestamp) -> Self {
        Self { via: Via::Chat, channel, now }
    }
}

impl Act<'_> {
    /// Returns the action as policies write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Approve(_) => "approve",
            Self::Veto(_) => "veto",
            Self::View(_) => "view",
            Self::Ban { .. } => "ban",
            Self::Unban { .. } => "unban",
            Self::Propose(..) => "propose",
            Self::Ignore(..) => "ignore",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Administer => "administer",
        }
    }
}
