//! The kinds of `inventory/`, as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::decode::Placed;
use super::OneOrMany;
use super::intent::RawCategory;

/// One person: `inventory/people/NAME.yaml`. The file's name is the person's name, for life.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPerson {
    /// The version of this format: 1.
    pub version: Placed<i64>,
    /// What people call them.
    pub name: Placed<String>,
    /// Roles they hold; roles that those lie in come along.
    #[serde(default)]
    pub roles: Vec<Placed<String>>,
    /// Free marks that policies may read.
    #[serde(default)]
    pub flags: Vec<Placed<String>>,
    /// Chat accounts: platform to account id, or to a list of ids.
    #[serde(default)]
    pub chat: BTreeMap<String, Placed<OneOrMany>>,
    /// Forge accounts: forge to account id, or to a list; for `local` e-mail addresses of commits.
    #[serde(default)]
    pub forge: BTreeMap<String, Placed<OneOrMany>>,
    /// SSH keys that sign their commits.
    #[serde(default)]
    pub signing_keys: Vec<Placed<RawSigningKey>>,
}

/// A key that signs commits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSigningKey {
    /// The line of the `.pub` file.
    pub key: Placed<String>,
    /// Signatures made before this time do not count.
    pub valid_after: Option<Placed<String>>,
    /// Signatures made after this time do not count.
    pub valid_before: Option<Placed<String>>,
}

/// One service: `inventory/services/NAME.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawService {
    /// The version of this format: 1.
    pub version: Placed<i64>,
    /// What it is for.
    pub summary: Placed<String>,
    /// The person who answers for it; it stops working when they are banned or removed.
    pub owner: Option<Placed<String>>,
}

/// One ban: `inventory/bans/ANY-NAME.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBan {
    /// The version of this format: 1.
    pub version: Placed<i64>,
    /// The person who is banned; give this or `service`.
    pub person: Option<Placed<String>>,
    /// The service that is banned; give this or `person`.
    pub service: Option<Placed<String>>,
    /// The person who decided it.
    pub by: Placed<String>,
    /// Why; the banned person reads it.
    pub reason: Placed<String>,
    /// When it ends, such as `2026-12-01T09:00:00Z`; without it, never.
    pub until: Option<Placed<String>>,
}

/// All roles: `inventory/roles.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRoles {
    /// The version of this format: 1.
    pub version: Placed<i64>,
    /// Role to what it lies in.
    pub roles: BTreeMap<String, Placed<RawRole>>,
}

/// One role.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRole {
    /// Roles that this one lies in: who holds this one holds those too.
    #[serde(default)]
    pub r#in: Vec<Placed<String>>,
}

/// All channels: `inventory/channels.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawChannels {
    /// The version of this format: 1.
    pub version: Placed<i64>,
    /// Channel name to channel.
    pub channels: BTreeMap<String, Placed<RawChannel>>,
}

/// One channel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawChannel {
    /// What the channel is for.
    pub summary: Placed<String>,
    /// Where it is: platform to the channel's id there.
    #[serde(default)]
    pub chat: BTreeMap<String, Placed<String>>,
    /// The environment that it speaks for.
    pub environment: Option<Placed<String>>,
    /// Whether only invited people read it.
    #[serde(default)]
    pub private: bool,
    /// Categories of intents that may be asked here.
    #[serde(default)]
    pub ask: Vec<Placed<RawCategory>>,
    /// Whether approvals given here count.
    #[serde(default)]
    pub approve: bool,
}

/// All environments: `inventory/environments.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawEnvironments {
    /// The version of this format: 1.
    pub version: Placed<i64>,
    /// Environment name to what lies in it; each target lies in exactly one.
    pub environments: BTreeMap<String, Placed<RawEnvironment>>,
}

/// One environment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawEnvironment {
    /// What it is.
    pub summary: Placed<String>,
    /// Groups of `hosts.yaml`, with all their hosts.
    #[serde(default)]
    pub groups: Vec<Placed<String>>,
    /// Single hosts of `hosts.yaml`.
    #[serde(default)]
    pub hosts: Vec<Placed<String>>,
    /// Whether the machine that Tribune runs on lies in it, as the target `local`.
    pub local: Option<Placed<bool>>,
}
