//! What a person may see, asked of the snapshot that is applied now.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::Applied;
use crate::domain::audit::{Entry, Event};
use crate::domain::drift::Incident;
use crate::domain::id::{ChannelName, ChatChannelId, IntentName, PersonId, Platform};
use crate::domain::intent::Intent;
use crate::domain::person::Principal;
use crate::domain::request::Request;
use crate::policy::{Act, Could, Page, Scene, Viewed, may, may_ask_for, visible_intents, who_may};
use crate::ports::clock::Clock;
use crate::ports::store::{Change, Store, StoreError};

/// How many people are named to somebody who may not see something.
const NAMED: usize = 8;

/// Asks policy who may see what.
pub struct Viewing {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    applied: Applied,
    asked_in: Option<ChannelName>,
}

impl Viewing {
    /// Asks the snapshot that `applied` gives.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, applied: Applied) -> Self {
        Self { store, clock, applied, asked_in: None }
    }

    /// Asks what may be seen by a command that somebody typed in `channel`.
    pub fn asked_in(self, channel: Option<ChannelName>) -> Self {
        Self { asked_in: channel, ..self }
    }

    /// Says whether somebody may `view` a channel. Asking is not audited: lists ask for all.
    pub fn may_view(&self, person: &PersonId, channel: &ChannelName) -> bool {
        self.may(person, Viewed::Channel(channel))
    }

    /// Says whether somebody may `view` a page. Asking is not audited: navigation asks for all.
    pub fn may_see(&self, person: &PersonId, page: Page) -> bool {
        self.may(person, Viewed::Page(page))
    }

    /// Says whether somebody may `view` an intent. Asking is not audited: lists ask for all.
    pub fn may_view_intent(&self, person: &PersonId, intent: &IntentName) -> bool {
        self.may(person, Viewed::Intent(intent))
    }

    fn may(&self, person: &PersonId, viewed: Viewed<'_>) -> bool {
        let Some(snapshot) = (self.applied)() else { return false };
        let principal = Principal::Person(person.clone());
        may(&snapshot, &principal, &Act::View(viewed), &self.scene()).allowed
    }

    /// Says whether somebody may see a request and what it did: whoever asked for it; else who may
    /// `view` its intent and the channels it was typed in and its card stands in. Of what is in no
    /// channel, or in none that there still is, whoever may `administer` too.
    pub fn may_view_request(&self, person: &PersonId, request: &Request) -> bool {
        if request.requester.person() == Some(person) {
            return true;
        }
        self.may_view_at(person, &request.intent, &request.card_place, request.channel.as_ref())
    }

    /// Says whether somebody may see an incident of drift: who may `view` its intent and the
    /// channel of its card.
    pub fn may_view_incident(&self, person: &PersonId, incident: &Incident) -> bool {
        self.may_view_at(person, &incident.key.intent, &incident.place, None)
    }

    fn may_view_at(
        &self,
        person: &PersonId,
        intent: &IntentName,
        (platform, id): &(Platform, ChatChannelId),
        typed_in: Option<&ChannelName>,
    ) -> bool {
        let Some(snapshot) = (self.applied)() else { return false };
        let repo = &snapshot.repo;
        if repo.intents.contains_key(intent) && !self.may_view_intent(person, intent) {
            return false;
        }
        let card = repo.channel_at(platform, id).map(|channel| &channel.name);
        let typed = typed_in.filter(|name| repo.channels.contains_key(*name));
        let lost = card.is_none() || (typed_in.is_some() && typed.is_none());
        let all = card.into_iter().chain(typed).all(|name| self.may_view(person, name));
        all && (!lost || self.may_administer(person))
    }

    /// Says whether somebody may `administer`.
    pub fn may_administer(&self, person: &PersonId) -> bool {
        let Some(snapshot) = (self.applied)() else { return false };
        let principal = Principal::Person(person.clone());
        may(&snapshot, &principal, &Act::Administer, &self.scene()).allowed
    }

    /// Returns who may `view` something that somebody else may not.
    pub fn who_may(&self, viewed: Viewed<'_>) -> Could {
        let Some(snapshot) = (self.applied)() else { return Could::default() };
        who_may(&snapshot, &Act::View(viewed), &self.scene(), NAMED)
    }

    fn scene(&self) -> Scene<'_> {
        Scene::chat(self.asked_in.as_ref(), self.clock.now())
    }

    /// Writes to the audit log that somebody wanted to see what they may not.
    pub async fn note_denied(&self, person: &PersonId, what: &str) -> Result<(), StoreError> {
        let entry = Entry {
            at: self.clock.now(),
            actor: Some(Principal::Person(person.clone())),
            event: Event::ViewDenied,
            request: None,
            revision: (self.applied)().map(|snapshot| snapshot.revision.clone()),
            detail: json!({ "what": what, "where": "console" }),
        };
        self.store.commit(Change { audit: vec![entry], ..Change::default() }).await?;
        Ok(())
    }

    /// Says whether somebody could ask for an intent in a channel: policy does not rule it out, and
    /// the channel takes such requests.
    pub fn may_ask_for(
        &self,
        person: &PersonId,
        channel: Option<&ChannelName>,
        intent: &Intent,
    ) -> bool {
        let Some(snapshot) = (self.applied)() else { return false };
        let taken = match channel.and_then(|name| snapshot.repo.channels.get(name)) {
            Some(channel) => channel.ask.contains(&intent.category),
            None => true,
        };
        let principal = Principal::Person(person.clone());
        let scene = Scene::chat(channel, self.clock.now());
        taken && may_ask_for(&snapshot, &principal, &scene, intent)
    }

    /// Returns the intents that somebody could ask for in a channel, as `!help` lists them there.
    pub fn may_ask(
        &self,
        person: &PersonId,
        channel: Option<&ChannelName>,
    ) -> BTreeSet<IntentName> {
        let Some(snapshot) = (self.applied)() else { return BTreeSet::new() };
        let principal = Principal::Person(person.clone());
        let scene = Scene::chat(channel, self.clock.now());
        visible_intents(&snapshot, &principal, &scene).into_iter().collect()
    }
}
