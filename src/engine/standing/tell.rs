//! From an event to the one transaction that makes it so.

use std::sync::Arc;

use jiff::Timestamp;

use super::rule_of;
use crate::domain::audit::Entry;
use crate::domain::drift::machine::{self, Effect, Event, Note, Observation, Terms};
use crate::domain::drift::{Incident, Leave, Watch, WatchKey};
use crate::domain::id::IncidentId;
use crate::domain::intent::OnDrift;
use crate::domain::message::{Place, Post, PostKey};
use crate::domain::person::Principal;
use crate::domain::press::Offer;
use crate::domain::reply::drift as reply;
use crate::engine::requests::is_conflict;
use crate::engine::{Engine, EngineError};
use crate::policy::Snapshot;
use crate::ports::store::{Change, Conflict};

use super::look::reconciler;

/// How often a step is tried again when somebody else was faster.
const TRIES: usize = 8;

impl Engine {
    /// Lets the machine say what follows from an event, makes that one transaction, and does what
    /// comes after it. `leave`: by which decision it was looked, if that was just found out.
    pub(super) async fn tell(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        key: &WatchKey,
        event: Event,
        leave: Option<Option<Leave>>,
    ) -> Result<Watch, EngineError> {
        let mut tries = 0;
        let (watch, effects) = loop {
            match self.step(snapshot, key, event.clone(), leave).await {
                Err(error) if tries < TRIES => {
                    let moved = is_conflict(&error, |it| matches!(it, Conflict::Watch(_)));
                    if !moved {
                        return Err(error);
                    }
                    tries += 1;
                }
                done => break done?,
            }
        };
        for effect in effects {
            match effect {
                Effect::Repair => self.repair_by_itself(snapshot, key).await?,
                Effect::Moot(request) => {
                    let why = "what it was to repair is as declared again".to_owned();
                    self.make_moot(request, why).await?;
                }
                Effect::Audit { .. } | Effect::Repaint | Effect::Note(_) | Effect::Closed(_) => {}
            }
        }
        Ok(watch)
    }

    async fn step(
        &self,
        snapshot: &Snapshot,
        key: &WatchKey,
        event: Event,
        leave: Option<Option<Leave>>,
    ) -> Result<(Watch, Vec<Effect>), EngineError> {
        let now = self.now();
        let stored = self.ports.store.watch(key).await?;
        let before = stored.unwrap_or_else(|| Watch::new(key.clone(), now));
        let Some(terms) = self.terms(snapshot, key, &before, &event).await? else {
            return Ok((before, Vec::new()));
        };
        let (mut next, effects) = machine::step(&before, event, &terms, now);
        if let Some(leave) = leave {
            next.leave = leave;
        }
        self.set_tick(&next, &terms);
        let same = Watch { checked: before.checked, ..next.clone() } == before;
        if effects.is_empty() && same && before.version > 0 {
            if let Some(at) = next.checked.filter(|_| next.checked != before.checked) {
                self.standings.clocks().looked.push((key.clone(), at));
            }
            return Ok((next, effects));
        }
        let change = self.drift_change(snapshot, &mut next, &effects, now);
        self.ports.store.commit(change).await?;
        next.version += 1;
        self.wake_outbox();
        self.wake_ledger();
        Ok((next, effects))
    }

    fn set_tick(&self, watch: &Watch, terms: &Terms) {
        if let Some(due) = self.standings.clocks().due.get_mut(&watch.key) {
            due.tick = machine::next_tick(watch, terms.remind);
        }
    }

    /// Returns what the machine must know; `None` where nothing can be told any more.
    async fn terms(
        &self,
        snapshot: &Snapshot,
        key: &WatchKey,
        watch: &Watch,
        event: &Event,
    ) -> Result<Option<Terms>, EngineError> {
        let may_open = watch.incident.is_none()
            && match event {
                Event::Observed(Observation::Differs(_)) => true,
                Event::Observed(Observation::Unknown { .. }) => {
                    watch.failures + 1 >= machine::TOLD_AFTER
                }
                _ => false,
            };
        let fresh = if may_open { self.ports.store.next_incident().await? } else { IncidentId(0) };
        let rule = rule_of(snapshot, key);
        let place = match (&watch.incident, rule) {
            (Some(incident), _) => Some(incident.place.clone()),
            (None, Some((intent, _))) => self.drift_place(snapshot, intent),
            (None, None) => None,
        };
        let (on_drift, remind) = rule.map_or((OnDrift::Report, jiff::SignedDuration::MAX), |it| {
            (it.1.on_drift, it.1.remind)
        });
        Ok(place.map(|place| Terms { on_drift, remind, fresh, place }))
    }

    /// Returns the change that a step makes.
    fn drift_change(
        &self,
        snapshot: &Snapshot,
        next: &mut Watch,
        effects: &[Effect],
        now: Timestamp,
    ) -> Change {
        let mut change = Change::default();
        for effect in effects {
            match effect {
                Effect::Audit { event, by, detail } => change.audit.push(Entry {
                    at: now,
                    actor: Some(by.clone().map_or_else(reconciler, Principal::Person)),
                    event: *event,
                    request: None,
                    revision: Some(snapshot.revision.clone()),
                    detail: detail.clone(),
                }),
                Effect::Note(note) if !matches!(note, Note::Closed(_)) => {
                    if let Some(incident) = &mut next.incident {
                        incident.notes += 1;
                        change.posts.push(note_post(incident, note));
                    }
                }
                Effect::Closed(closed) => {
                    let mut closed = Incident::clone(closed);
                    closed.notes += 1;
                    let why = closed.closed.as_ref().map(|it| it.why.clone()).unwrap_or_default();
                    change.posts.extend(self.drift_posts(snapshot, &closed, now));
                    change.offers.extend(self.drift_offers(&closed));
                    change.posts.push(note_post(&closed, &Note::Closed(why)));
                    change.closed.push(closed);
                }
                Effect::Note(_) | Effect::Repaint | Effect::Repair | Effect::Moot(_) => {}
            }
        }
        if let Some(incident) = &next.incident {
            // The card comes before what is said in its thread.
            let notes = std::mem::take(&mut change.posts);
            change.posts = self.drift_posts(snapshot, incident, now);
            change.offers.extend(self.drift_offers(incident));
            change.posts.extend(notes);
        }
        change.watches.push(next.clone());
        change
    }

    /// Returns the card of an incident, and the whole difference in its thread.
    fn drift_posts(&self, snapshot: &Snapshot, incident: &Incident, now: Timestamp) -> Vec<Post> {
        let (platform, channel) = incident.place.clone();
        let key = reply::key(incident.id);
        let intent = snapshot.repo.intents.get(&incident.key.intent);
        let mut posts = vec![Post {
            key: key.clone(),
            place: Place::Channel(platform, channel),
            body: reply::card(incident, intent, now),
            seeds: reply::seeds(incident, intent),
        }];
        if let Some(difference) = &incident.difference {
            posts.push(Post {
                key: reply::diff_key(incident.id),
                place: Place::ThreadOf(key),
                body: reply::whole(difference, self.options.output_shown * 3),
                seeds: Vec::new(),
            });
        }
        posts
    }

    /// Returns what people may press under the card of an incident, where it has buttons.
    fn drift_offers(&self, incident: &Incident) -> Option<(PostKey, Vec<Offer>)> {
        let has_buttons = self.has_buttons(&incident.place.0);
        has_buttons.then(|| (reply::key(incident.id), reply::offers(incident)))
    }

    /// Closes and forgets what no standing intent asks for any more.
    pub(super) async fn unwatch(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        key: &WatchKey,
    ) -> Result<(), EngineError> {
        let why = "it is no longer checked: the intent has changed".to_owned();
        self.tell(snapshot, key, Event::Removed { why }, None).await?;
        let change = Change { unwatch: vec![key.clone()], ..Change::default() };
        self.ports.store.commit(change).await?;
        Ok(())
    }
}

fn note_post(incident: &Incident, note: &Note) -> Post {
    Post {
        key: reply::note_key(incident.id, incident.notes),
        place: Place::ThreadOf(reply::key(incident.id)),
        body: reply::note(incident, note),
        seeds: Vec::new(),
    }
}
