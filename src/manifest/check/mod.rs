//! From what is written to what is meant: names resolved, limits checked, problems told.
//!
//! Each file here takes the raw values of its kinds and gives domain values; a value with a
//! problem is left out, and names that a broken file declares still count as declared, so that
//! one mistake is told once.

pub mod bans;
pub mod channels;
pub mod environments;
pub mod hosts;
pub mod intents;
pub mod people;
mod ranges;
pub mod roles;
pub mod values;

use std::collections::BTreeSet;

use crate::domain::id::{ChannelName, EnvironmentName, PersonId, RoleName, ServiceId};
use crate::domain::target::Inventory;

/// The environment in which more must be said: what citations are for, and who may approve where.
pub const PRODUCTION: &str = "prod";

/// Names that other files may use. `None`: the file that declares them is broken, and nothing
/// is said about names of that kind.
#[derive(Debug, Default)]
pub struct Known {
    /// People, those with broken files too.
    pub people: BTreeSet<PersonId>,
    /// Services, those with broken files too.
    pub services: BTreeSet<ServiceId>,
    /// Roles.
    pub roles: Option<BTreeSet<RoleName>>,
    /// Channels.
    pub channels: Option<BTreeSet<ChannelName>>,
    /// Environments.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// Everything that `targets` of an intent can name.
    pub targets: Option<BTreeSet<String>>,
    /// Targets and groups, every target in its environment.
    pub inventory: Option<Inventory>,
}
