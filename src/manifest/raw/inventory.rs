//! The kinds of `inventory/`, as they are written.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

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
    /// Where it is: platform to the channel's id there, or to its id and what may be done there.
    #[serde(default)]
    pub chat: BTreeMap<String, Placed<RawSpot>>,
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

/// Where a channel is on one platform.
#[derive(Debug)]
pub enum RawSpot {
    /// `platform: id`: everything that the channel is for.
    Id(String),
    /// `platform: { id: …, may: […] }`.
    Place(RawPlace),
}

/// Where a channel is on one platform, and what may be done there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPlace {
    /// The channel's id there.
    pub id: Placed<String>,
    /// What may be done there; without it, everything that the channel is for.
    pub may: Option<Placed<Vec<Placed<RawMay>>>>,
}

/// What may be done in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawMay {
    /// Give commands that do something.
    Request,
    /// Approve, veto, and let pass what the delta guard holds.
    Approve,
}

impl<'de> Deserialize<'de> for RawSpot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = RawSpot;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a mapping with `id` and `may`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<RawSpot, E> {
                Ok(RawSpot::Id(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawSpot, A::Error> {
                RawPlace::deserialize(MapAccessDeserializer::new(map)).map(RawSpot::Place)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for RawSpot {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Spot".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "string" }, generator.subschema_for::<RawPlace>()]
        })
    }
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
