//! Channels: where things may be asked and approved.
//!
//! A channel may be on several platforms, and platforms are not equally sure of who somebody is.
//! So each place of a channel has a strength of its own: what may be done from there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

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
    pub chat: BTreeMap<Platform, Spot>,
    /// The environment the channel speaks for, if any.
    pub environment: Option<EnvironmentName>,
    /// Whether only invited people read it.
    pub private: bool,
    /// Categories of intents that may be asked here.
    pub ask: BTreeSet<Category>,
    /// Whether approvals given here count, in the places that may approve.
    pub approve: bool,
}

/// Where a channel is on one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Its id there.
    pub id: ChatChannelId,
    /// What may be done from there.
    pub may: Strength,
}

/// What may be done from one place of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Strength {
    /// Whether commands that do something are taken there.
    pub request: bool,
    /// Whether reactions and typed votes count there.
    pub approve: bool,
}

impl Strength {
    /// What a place has that declares none.
    pub const BOTH: Self = Self { request: true, approve: true };
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.request, self.approve) {
            (true, true) => "request, approve",
            (true, false) => "request",
            (false, true) => "approve",
            (false, false) => "nothing",
        })
    }
}

/// What a place of a channel is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// To ask, and to say what should become of drift.
    Requests,
    /// To approve.
    Approvals,
}

/// Why a place of a channel is not heard, though the platform is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// Tribune is not in it, or there is no such place, or not any more.
    NotIn,
    /// What is written there cannot be read.
    Encrypted,
}

impl Channel {
    /// Says whether the place of this channel on a platform is good for something.
    pub fn is_good_for(&self, wanted: Wanted, platform: &Platform) -> bool {
        self.chat.get(platform).is_some_and(|spot| self.serves(wanted, spot))
    }

    /// Returns the platforms on which this channel is good for something, in order of name.
    pub fn good_for(&self, wanted: Wanted) -> Vec<&Platform> {
        let good = self.chat.iter().filter(|(_, spot)| self.serves(wanted, spot));
        good.map(|(platform, _)| platform).collect()
    }

    fn serves(&self, wanted: Wanted, spot: &Spot) -> bool {
        match wanted {
            Wanted::Requests => spot.may.request,
            Wanted::Approvals => self.approve && spot.may.approve,
        }
    }
}
