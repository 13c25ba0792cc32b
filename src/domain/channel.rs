//! Channels: where things may be asked and approved.

use std::collections::{BTreeMap, BTreeSet};

use super::id::{ChannelName, ChatChannelId, EnvironmentName, Platform};
use super::intent::Category;

/// One channel of `inventory/channels.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// The name that commands and policies use.
    pub name: ChannelName,
    /// What the channel is for.
    pub summary: String,
    /// Where it is, by platform.
    pub chat: BTreeMap<Platform, ChatChannelId>,
    /// The environment the channel speaks for, if any.
    pub environment: Option<EnvironmentName>,
    /// Whether only invited people read it.
    pub private: bool,
    /// Categories of intents that may be asked here.
    pub ask: BTreeSet<Category>,
    /// Whether approvals given here count.
    pub approve: bool,
}
