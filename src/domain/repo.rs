//! The policy repo of one revision, parsed and cross-checked: plain data, immutable.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::ban::{Ban, Bans};
use super::channel::{Channel, Wanted};
use super::id::{
    AccountId, ChannelName, ChatChannelId, ForgeName, IntentName, ObjectId, PersonId, Platform,
    RepoPath, RoleName, ServiceId,
};
use super::intent::Intent;
use super::person::{Account, Person, Principal, Service};
use super::role::Roles;
use super::target::Inventory;

/// Everything that one revision says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PolicyRepo {
    /// Every person.
    pub people: BTreeMap<PersonId, Person>,
    /// Every declared service; the built-in ones are not listed.
    pub services: BTreeMap<ServiceId, Service>,
    /// Every role.
    pub roles: Roles,
    /// Every ban, ended ones included; those that bind provisionally too, where they were added.
    pub bans: Bans,
    /// Every channel.
    pub channels: BTreeMap<ChannelName, Channel>,
    /// Hosts, groups, environments.
    pub inventory: Inventory,
    /// Every intent.
    pub intents: BTreeMap<IntentName, Intent>,
    /// Cedar files in order of path.
    pub policies: Vec<PolicyFile>,
    /// Every file of the revision, for digests and checkouts.
    pub tree: Tree,
}

/// One file of `policies/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Where it stands.
    pub path: RepoPath,
    /// Its text.
    pub text: String,
}

/// The files of one revision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree(pub BTreeMap<RepoPath, TreeEntry>);

/// One file of a revision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct TreeEntry {
    /// The blob.
    pub object: ObjectId,
    /// Whether git says that it is a program.
    pub executable: bool,
    /// Bytes.
    pub size: u64,
}

impl Tree {
    /// Returns `path` itself if it is a file, or every file below it.
    pub fn below(&self, path: &RepoPath) -> BTreeMap<RepoPath, TreeEntry> {
        // Names with the same beginning lie together, those below `path` among them.
        self.0
            .range(path..)
            .take_while(|(file, _)| file.as_str().starts_with(path.as_str()))
            .filter(|(file, _)| file.is_within(path))
            .map(|(file, entry)| (file.clone(), entry.clone()))
            .collect()
    }
}

impl PolicyRepo {
    /// Returns the person that a chat account belongs to.
    pub fn person_of(&self, account: &Account) -> Option<&Person> {
        self.people.values().find(|person| {
            person.chat.get(&account.platform).is_some_and(|ids| ids.contains(&account.id))
        })
    }

    /// Returns the person that a forge account belongs to.
    pub fn person_of_forge(&self, forge: &ForgeName, account: &AccountId) -> Option<&Person> {
        self.people
            .values()
            .find(|person| person.forge.get(forge).is_some_and(|ids| ids.contains(account)))
    }

    /// Returns every role that a person holds, nested ones included.
    pub fn roles_of(&self, person: &PersonId) -> BTreeSet<RoleName> {
        self.people.get(person).map(|person| self.roles.held(&person.roles)).unwrap_or_default()
    }

    /// Returns the services that a person answers for.
    pub fn services_of(&self, person: &PersonId) -> Vec<&Service> {
        self.services.values().filter(|service| service.owner.as_ref() == Some(person)).collect()
    }

    /// Returns the live ban on `subject` that lasts longest.
    pub fn live_ban(&self, subject: &Principal, now: Timestamp) -> Option<&Ban> {
        self.bans.live(subject, now)
    }

    /// Returns the channel that a chat channel is.
    pub fn channel_at(&self, platform: &Platform, id: &ChatChannelId) -> Option<&Channel> {
        let stands = |channel: &&Channel| channel.chat.get(platform).is_some_and(|it| it.id == *id);
        self.channels.values().find(stands)
    }

    /// Says whether a chat channel is good for something; one that nobody declared is not.
    pub fn is_good_for(&self, wanted: Wanted, platform: &Platform, id: &ChatChannelId) -> bool {
        self.channel_at(platform, id).is_some_and(|it| it.is_good_for(wanted, platform))
    }
}
