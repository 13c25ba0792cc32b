//! Where things are posted: of a channel's places, the one that is good for it; and by which of
//! their accounts people are reached.
//!
//! A channel may be on several platforms of unequal strength. What people approve stands where
//! approving is possible, what they answer to where asking is. The console comes last: whoever
//! put a channel on another platform looks there.

use super::requests::takes_votes;
use super::{Engine, EngineError};
use crate::domain::channel::{Absence, Channel, Wanted};
use crate::domain::id::{ChannelName, ChatChannelId, IntentName, Platform};
use crate::domain::intent::Intent;
use crate::domain::message::{Place, PostKey};
use crate::domain::person::{Account, Person};
use crate::policy::Snapshot;

/// Where a channel is on one platform.
pub(super) type Stand = (Platform, ChatChannelId);

impl Engine {
    /// Returns where news of the policy repo and the daemon go: where two admins can let pass
    /// what is held, if the operations channel has such a place; nowhere if it is on no platform
    /// that is connected.
    pub(super) fn operations_place(&self) -> Option<Place> {
        let snapshot = self.applied()?;
        let channel = snapshot.repo.channels.get(&self.options.operations)?;
        self.best_place(channel, Wanted::Approvals)
            .map(|(platform, id)| Place::Channel(platform, id))
    }

    /// Returns where cards of an intent stand that nobody asked for in chat: in its channel.
    pub(super) fn card_place_of(&self, snapshot: &Snapshot, intent: &Intent) -> Option<Stand> {
        let channel = snapshot.repo.channels.get(intent.channel.as_ref()?)?;
        self.best_place(channel, Wanted::Approvals)
    }

    /// Returns where drift of an intent is told, and people say what should become of it.
    pub(super) fn drift_place(&self, snapshot: &Snapshot, intent: &Intent) -> Option<Stand> {
        let channel = snapshot.repo.channels.get(intent.channel.as_ref()?)?;
        self.best_place(channel, Wanted::Requests)
    }

    /// Returns where the card stands of what was asked for in a place: there, unless people vote
    /// on it and votes count in other places of that channel; then in the best of those.
    pub(super) fn card_place_for(
        &self,
        snapshot: &Snapshot,
        intent: &IntentName,
        asked: &Stand,
    ) -> Stand {
        let (platform, id) = asked;
        let votes = snapshot.repo.intents.get(intent).is_some_and(takes_votes);
        let elsewhere = snapshot.repo.channel_at(platform, id).filter(|channel| {
            votes && channel.approve && !channel.is_good_for(Wanted::Approvals, platform)
        });
        let best = elsewhere
            .and_then(|it| Some((it, self.best_place(it, Wanted::Approvals)?)))
            .filter(|(channel, (on, _))| channel.is_good_for(Wanted::Approvals, on));
        best.map_or_else(|| asked.clone(), |(_, place)| place)
    }

    /// Returns the place of a channel that is best for something, of those that are connected;
    /// where none is good for it, any.
    fn best_place(&self, channel: &Channel, wanted: Wanted) -> Option<Stand> {
        let connected =
            channel.chat.iter().filter(|(platform, _)| self.ports.chats.contains_key(*platform));
        let best = connected.min_by_key(|(platform, spot)| {
            (
                !channel.is_good_for(wanted, platform),
                self.hearing.is_failing(platform) || self.is_unheard(platform, &spot.id),
                **platform == self.options.console,
            )
        });
        best.map(|(platform, spot)| (platform.clone(), spot.id.clone()))
    }

    /// Returns the channels of the applied policy repo whose place on a platform is not heard.
    pub(super) fn unheard(&self, platform: &Platform) -> Vec<(ChannelName, Absence)> {
        let absent = self.ports.chats.get(platform).map(|chat| chat.absent()).unwrap_or_default();
        let Some(snapshot) = self.applied().filter(|_| !absent.is_empty()) else {
            return Vec::new();
        };
        let why = |channel: &Channel| absent.get(&channel.chat.get(platform)?.id).copied();
        let channels = snapshot.repo.channels.values();
        channels.filter_map(|channel| Some((channel.name.clone(), why(channel)?))).collect()
    }

    /// Says whether it is known that a place is not heard: nothing can be posted there either.
    pub(super) fn is_unheard(&self, platform: &Platform, id: &ChatChannelId) -> bool {
        self.ports.chats.get(platform).is_some_and(|chat| chat.absent().contains_key(id))
    }

    /// Returns where a post stays that is edited in place: where it is, else in `fresh`.
    pub(super) async fn place_of_post(
        &self,
        key: &PostKey,
        fresh: Option<Place>,
    ) -> Result<Option<Place>, EngineError> {
        Ok(self.ports.store.post(key).await?.map(|post| post.post.place).or(fresh))
    }

    /// Returns the account by which a person is reached, on `platform` if they have one there.
    pub(super) fn account_of(
        &self,
        person: &Person,
        platform: Option<&Platform>,
    ) -> Option<Account> {
        let on = |platform: &Platform| {
            let id = person.chat.get(platform)?.first()?.clone();
            self.ports
                .chats
                .contains_key(platform)
                .then(|| Account { platform: platform.clone(), id })
        };
        let others = || {
            let (console, chats): (Vec<_>, Vec<_>) =
                person.chat.keys().partition(|platform| **platform == self.options.console);
            chats.into_iter().chain(console).find_map(on)
        };
        platform.and_then(on).or_else(others)
    }
}
