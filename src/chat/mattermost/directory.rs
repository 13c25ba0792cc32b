//! Names of accounts, channels and teams, as last heard.
//!
//! Only names come from here, never whether an account is a person's or still open: that is
//! asked of the server each time it counts.

use std::collections::{BTreeMap, BTreeSet};

use super::Mattermost;
use super::rest::RestError;
use super::slot::Slot;
use super::wire::{Channel, Team, User};
use crate::domain::message::AuthorKind;
use crate::domain::person::Account;

/// Names that are kept of one kind; beyond it all are forgotten and asked for again.
const KEPT: usize = 10_000;

/// What was heard.
pub(super) struct Directory {
    known: Slot<Known>,
}

#[derive(Default)]
struct Known {
    /// Usernames by id.
    users: BTreeMap<String, String>,
    channels: BTreeMap<String, Channel>,
    /// Names of teams by id.
    teams: BTreeMap<String, String>,
    /// Channels of direct talk by account.
    direct: BTreeMap<String, String>,
}

impl Directory {
    /// Knows nobody.
    pub fn new() -> Self {
        Self { known: Slot::new(Known::default()) }
    }

    /// Takes down how accounts are called.
    pub fn heard_users<'a>(&self, users: impl IntoIterator<Item = &'a User>) {
        self.known.with(|known| {
            if known.users.len() > KEPT {
                known.users.clear();
            }
            let named = users.into_iter().map(|user| (user.id.clone(), user.username.clone()));
            known.users.extend(named);
        });
    }

    /// Takes down which channels and teams there are.
    pub fn heard_channels(&self, channels: &[Channel], teams: &[Team]) {
        self.known.with(|known| {
            if known.channels.len() > KEPT {
                known.channels.clear();
            }
            let channels = channels.iter().map(|channel| (channel.id.clone(), channel.clone()));
            known.channels.extend(channels);
            known.teams.extend(teams.iter().map(|team| (team.id.clone(), team.name.clone())));
        });
    }

    /// Forgets a channel that has changed.
    pub fn forget_channel(&self, id: &str) {
        self.known.with(|known| known.channels.remove(id));
    }

    /// Forgets how an account is called.
    pub fn forget_user(&self, id: &str) {
        self.known.with(|known| known.users.remove(id));
    }

    /// Returns how an account is called, if that was heard.
    pub fn username(&self, id: &str) -> Option<String> {
        self.known.with(|known| known.users.get(id).cloned())
    }

    /// Returns the name of the team that a channel belongs to; direct talk belongs to none.
    pub fn team_of(&self, channel: &str) -> Option<String> {
        self.known.with(|known| {
            let team = &known.channels.get(channel)?.team_id;
            known.teams.get(team).filter(|name| !name.is_empty()).cloned()
        })
    }
}

impl Mattermost {
    /// Returns a channel, as heard or asked for.
    pub(super) async fn channel(&self, id: &str) -> Result<Channel, RestError> {
        if let Some(known) = self.directory.known.with(|known| known.channels.get(id).cloned()) {
            return Ok(known);
        }
        let channel = self.rest.channel(id).await?;
        self.directory.heard_channels(std::slice::from_ref(&channel), &[]);
        Ok(channel)
    }

    /// Returns the channel of direct talk with an account.
    pub(super) async fn direct_with(&self, own: &str, account: &str) -> Result<String, RestError> {
        if let Some(known) = self.directory.known.with(|known| known.direct.get(account).cloned()) {
            return Ok(known);
        }
        let channel = self.rest.direct(own, account).await?;
        self.directory.heard_channels(std::slice::from_ref(&channel), &[]);
        self.directory.known.with(|known| {
            known.direct.insert(account.to_owned(), channel.id.clone());
        });
        Ok(channel.id)
    }

    /// Marks who is no longer in a channel: what they said there stays, and they could not take it
    /// back.
    pub(super) async fn leave_out_absent(
        &self,
        channel: &str,
        said: Vec<(&Account, &mut AuthorKind)>,
    ) -> Result<(), RestError> {
        let mut people = said;
        people.retain(|(_, kind)| **kind == AuthorKind::Human);
        let ids: BTreeSet<&str> = people.iter().map(|(account, _)| account.id.as_str()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let members = self.rest.members(channel, &ids.into_iter().collect::<Vec<_>>()).await?;
        for (account, kind) in people {
            if !members.iter().any(|member| member.user_id == account.id.as_str()) {
                *kind = AuthorKind::Absent;
            }
        }
        Ok(())
    }

    /// Returns accounts as the server has them now, by id.
    pub(super) async fn users<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, User>, RestError> {
        let ids: BTreeSet<&str> = ids.into_iter().filter(|id| super::wire::is_id(id)).collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = self.rest.users(&ids.into_iter().collect::<Vec<_>>()).await?;
        self.directory.heard_users(&found);
        Ok(found.into_iter().map(|user| (user.id.clone(), user)).collect())
    }
}
