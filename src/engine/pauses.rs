//! Pauses: somebody holds an intent, or everything, for a while.
//!
//! What has not started waits (see [`super::runs`]: a dispatch is refused in its transaction
//! while a pause holds), what runs goes on. A pause is announced when it is made, shortly before
//! it ends, and when it is over.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::requests::{is_conflict, merge};
use super::{Engine, EngineError};
use crate::domain::audit::{Entry, Event};
use crate::domain::body::Body;
use crate::domain::id::{ChatChannelId, IntentName, Platform, RequestId};
use crate::domain::message::{Place, Post, PostKey};
use crate::domain::pause::{self, Pause, PauseError, Scope};
use crate::domain::person::Principal;
use crate::domain::reply::pause as reply;
use crate::domain::request::{Request, State};
use crate::ports::store::{Change, Conflict, RequestFilter, Swap};

/// Somebody wants to pause.
#[derive(Debug, Clone)]
pub struct Pausing {
    /// What.
    pub scope: Scope,
    /// For how long from now.
    pub length: SignedDuration,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: Principal,
    /// The channel in which they said so, where it was one.
    pub place: Option<(Platform, ChatChannelId)>,
}

impl Engine {
    /// Returns the pause that holds an intent, if one does.
    pub(super) async fn paused(&self, intent: &IntentName) -> Result<Option<Pause>, EngineError> {
        let pauses = self.ports.store.pauses().await?;
        Ok(pause::holding(&pauses, intent).cloned())
    }

    /// Returns what a card says of the pause that keeps its request from starting, if one does.
    pub(super) async fn pause_of(&self, request: &Request) -> Result<Option<String>, EngineError> {
        if request.state.is_final() {
            return Ok(None);
        }
        Ok(self.paused(&request.intent).await?.as_ref().map(reply::holds))
    }

    /// Returns the pauses that hold.
    pub async fn pauses(&self) -> Result<Vec<Pause>, EngineError> {
        Ok(self.ports.store.pauses().await?)
    }

    /// Pauses, or makes a pause longer, in one transaction with what `change` says of the result.
    /// Whether somebody may was asked before.
    pub async fn pause(
        self: &Arc<Self>,
        wanted: &Pausing,
        change: impl Fn(&Pause) -> Change,
    ) -> Result<Result<Pause, PauseError>, EngineError> {
        loop {
            let now = self.now();
            let stored = self.stored_pause(&wanted.scope).await?;
            let fresh = Pause {
                scope: wanted.scope.clone(),
                by: wanted.by.clone(),
                reason: wanted.reason.clone(),
                since: now,
                until: now,
                place: self.announced_in(wanted),
                warned: false,
            };
            let made = match pause::pause(fresh, wanted.length, stored.as_ref(), now) {
                Ok(made) => made,
                Err(refused) => return Ok(Err(refused)),
            };
            let detail = json!({
                "scope": made.scope, "reason": made.reason, "since": made.since,
                "until": made.until,
            });
            let step = Change {
                audit: vec![self.pause_entry(Event::PauseSet, Some(&made.by), detail, now)],
                posts: announcement(&made, reply::announced(&made)),
                pauses: vec![swap(&made.scope, stored, Some(made.clone()))],
                ..Change::default()
            };
            if self.made(merge(change(&made), step)).await? {
                return Ok(Ok(made));
            }
        }
    }

    /// Lifts a pause, in one transaction with what `change` says of it; `None` if there is none.
    /// Whether somebody may was asked before.
    pub async fn resume(
        self: &Arc<Self>,
        scope: &Scope,
        by: &Principal,
        change: impl Fn(&Pause) -> Change,
    ) -> Result<Option<Pause>, EngineError> {
        loop {
            let now = self.now();
            let stored = self.stored_pause(scope).await?;
            let Some(pause) = stored else { return Ok(None) };
            let step = self.end_of_pause(&pause, Some(by), now).await?;
            if self.made(merge(change(&pause), step)).await? {
                return Ok(Some(pause));
            }
        }
    }

    /// Announces pauses that end soon and ends those that are over; returns when to look again.
    pub(super) async fn tend_pauses(
        self: &Arc<Self>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, EngineError> {
        for pause in self.ports.store.pauses().await? {
            if pause.is_over(now) {
                let step = self.end_of_pause(&pause, None, now).await?;
                self.made(step).await?;
            } else if pause.next_due() <= now {
                let step = self.warning(&pause, now).await?;
                self.made(step).await?;
            }
        }
        let pauses = self.ports.store.pauses().await?;
        Ok(pauses.iter().map(Pause::next_due).min())
    }

    async fn warning(&self, pause: &Pause, now: Timestamp) -> Result<Change, EngineError> {
        let held = self.held(&pause.scope).await?;
        let body = reply::ends_soon(pause, &held, now);
        let warned = Pause { warned: true, ..pause.clone() };
        Ok(Change {
            posts: news(pause, "soon", body).into_iter().collect(),
            pauses: vec![swap(&pause.scope, Some(pause.clone()), Some(warned))],
            ..Change::default()
        })
    }

    async fn end_of_pause(
        &self,
        pause: &Pause,
        by: Option<&Principal>,
        now: Timestamp,
    ) -> Result<Change, EngineError> {
        let held = self.held(&pause.scope).await?;
        let mut posts = announcement(pause, reply::closed(pause, by, now));
        posts.extend(news(pause, "end", reply::ended(pause, by, &held)));
        let detail = json!({ "scope": pause.scope, "until": pause.until, "waited": held });
        Ok(Change {
            audit: vec![self.pause_entry(Event::PauseEnd, by, detail, now)],
            posts,
            pauses: vec![swap(&pause.scope, Some(pause.clone()), None)],
            ..Change::default()
        })
    }

    /// Makes a step; `false` if somebody else changed the pause meanwhile.
    async fn made(self: &Arc<Self>, step: Change) -> Result<bool, EngineError> {
        match self.ports.store.commit(step).await.map_err(EngineError::from) {
            Ok(_) => {
                self.wake_outbox();
                self.wake_ledger();
                self.wake_calendar();
                self.consider_all().await?;
                Ok(true)
            }
            Err(error) if is_conflict(&error, |it| matches!(it, Conflict::Pause(_))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the requests that a pause keeps from starting.
    async fn held(&self, scope: &Scope) -> Result<Vec<RequestId>, EngineError> {
        // What still lacks approvals waits for people.
        let states = vec![State::Permitted, State::Queued];
        let filter = RequestFilter { states, ..RequestFilter::default() };
        let open = self.ports.store.requests(&filter).await?;
        let covered = open.iter().rev().filter(|request| scope.covers(&request.intent));
        Ok(covered.map(|request| request.id).collect())
    }

    async fn stored_pause(&self, scope: &Scope) -> Result<Option<Pause>, EngineError> {
        let pauses = self.ports.store.pauses().await?;
        Ok(pauses.into_iter().find(|pause| pause.scope == *scope))
    }

    /// Returns where a pause is announced: where it was asked for; what holds everything, and
    /// what was asked for in private or on the host, in the operations channel.
    fn announced_in(&self, wanted: &Pausing) -> Option<(Platform, ChatChannelId)> {
        let operations = || match self.operations_place() {
            Some(Place::Channel(platform, channel)) => Some((platform, channel)),
            Some(Place::ThreadOf(_) | Place::Reply(_) | Place::Direct(_)) | None => None,
        };
        match wanted.scope {
            Scope::All => operations().or_else(|| wanted.place.clone()),
            Scope::Intent(_) => wanted.place.clone().or_else(operations),
        }
    }

    fn pause_entry(
        &self,
        event: Event,
        by: Option<&Principal>,
        detail: serde_json::Value,
        now: Timestamp,
    ) -> Entry {
        let revision = self.applied().map(|snapshot| snapshot.revision.clone());
        Entry { at: now, actor: by.cloned(), event, request: None, revision, detail }
    }
}

fn swap(scope: &Scope, before: Option<Pause>, after: Option<Pause>) -> Swap<Scope, Pause> {
    Swap { key: scope.clone(), before, after }
}

/// Returns the post that announces a pause, which is edited when it is over.
fn announcement(pause: &Pause, body: Body) -> Vec<Post> {
    let place = pause.place.clone().map(|(platform, channel)| Place::Channel(platform, channel));
    place
        .map(|place| Post { key: reply::key(pause), place, body, seeds: Vec::new() })
        .into_iter()
        .collect()
}

/// Returns a message of its own about a pause, so that people see it come.
fn news(pause: &Pause, what: &str, body: Body) -> Option<Post> {
    let (platform, channel) = pause.place.clone()?;
    let until = pause.until.as_millisecond();
    Some(Post {
        key: PostKey(format!("paused:{}:{what}:{until}", pause.scope)),
        place: Place::Channel(platform, channel),
        body,
        seeds: Vec::new(),
    })
}
