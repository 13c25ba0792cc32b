//! The question whether a request may run.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::evidence::Evidence;
use crate::domain::id::{ChannelName, IntentName, TargetName};
use crate::domain::param::Args;
use crate::domain::person::Principal;
use crate::domain::repo::PolicyRepo;
use crate::domain::request::{Mode, Request, Via};

use super::act::Scene;

/// Whether somebody may run (or check) an intent with arguments on targets, with this evidence.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who asks.
    pub requester: &'a Principal,
    /// Run or check.
    pub mode: Mode,
    /// What is asked for.
    pub intent: &'a IntentName,
    /// With what.
    pub args: &'a Args,
    /// On what; all must be permitted.
    pub targets: &'a BTreeSet<TargetName>,
    /// By what way.
    pub via: Via,
    /// The channel it was typed in.
    pub channel: Option<&'a ChannelName>,
    /// The channel in which people approve: where the card stands.
    pub card_channel: Option<&'a ChannelName>,
    /// What supports it.
    pub evidence: &'a Evidence,
    /// When.
    pub now: Timestamp,
}

impl<'a> Question<'a> {
    /// Returns the question that a stored request puts.
    pub fn of(
        repo: &'a PolicyRepo,
        request: &'a Request,
        evidence: &'a Evidence,
        now: Timestamp,
    ) -> Self {
        let (platform, channel) = &request.card_place;
        Self {
            requester: &request.requester,
            mode: request.mode,
            intent: &request.intent,
            args: &request.args,
            targets: &request.targets,
            via: request.via,
            channel: request.channel.as_ref(),
            card_channel: repo.channel_at(platform, channel).map(|channel| &channel.name),
            evidence,
            now,
        }
    }

    /// Returns the action as policies write it.
    pub(super) fn action(&self) -> &'static str {
        match self.mode {
            Mode::Run => "run",
            Mode::Check => "check",
        }
    }

    /// Returns the circumstances in which it was asked.
    pub(super) fn scene(&self) -> Scene<'a> {
        Scene { via: self.via, channel: self.channel, now: self.now }
    }

    /// Returns the circumstances in which people vote on it.
    pub(super) fn card_scene(&self) -> Scene<'a> {
        Scene { via: Via::Chat, channel: self.card_channel, now: self.now }
    }
}
