//! Who asks: people, services, and the accounts by which they are known elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{AccountId, Flag, ForgeName, PersonId, Platform, RoleName, ServiceId};

/// A human.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name in the policy repo.
    pub id: PersonId,
    /// What people call them.
    pub name: String,
    /// Roles directly given; see [`super::role::Roles::held`] for all of them.
    pub roles: BTreeSet<RoleName>,
    /// Free marks that policies may read.
    pub flags: BTreeSet<Flag>,
    /// Chat accounts by platform. An account belongs to one person at most.
    pub chat: BTreeMap<Platform, BTreeSet<AccountId>>,
    /// Forge accounts by forge. For the local forge these are e-mail addresses of commits.
    pub forge: BTreeMap<ForgeName, BTreeSet<AccountId>>,
    /// SSH keys that sign this person's commits.
    pub signing_keys: Vec<SigningKey>,
}

/// An SSH public key with the time in which it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// In the form of an `authorized_keys` line: type, base64, optional comment.
    pub public: String,
    /// Signatures made before do not count.
    pub valid_after: Option<Timestamp>,
    /// Signatures made after do not count.
    pub valid_before: Option<Timestamp>,
}

/// A non-human principal: an API key, a bot, or one that Tribune itself brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The name in the policy repo.
    pub id: ServiceId,
    /// What it is for.
    pub summary: String,
    /// Who answers for it; it stops working when they are banned, removed or unknown.
    pub owner: Option<PersonId>,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// A human.
    Person(PersonId),
    /// Anything else.
    Service(ServiceId),
}

impl Principal {
    /// Returns the person, if it is one.
    pub fn person(&self) -> Option<&PersonId> {
        match self {
            Self::Person(person) => Some(person),
            Self::Service(_) => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(person) => write!(f, "@{person}"),
            Self::Service(service) => write!(f, "service {service}"),
        }
    }
}

/// An account on a chat platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    /// Where the account lives.
    pub platform: Platform,
    /// Its immutable id there.
    pub id: AccountId,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.platform, self.id)
    }
}
