//! Schedules: intents that ask for themselves, as the service `scheduler`.
//!
//! An occurrence is taken by moving the mark of its schedule in the same transaction as the
//! request that it makes, so that none is taken twice, whatever crashes. From there on the
//! request is like any other: policy decides, people approve, the gate lets it pass or not.
//!
//! An occurrence makes no request, and that is said, while a freeze window or a pause holds,
//! while the request of an earlier one is open, and if Tribune came too late for it (unless the
//! schedule says otherwise).

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::requests::{Asking, is_conflict};
use super::{Engine, EngineError};
use crate::domain::audit::{Entry, Event};
use crate::domain::body::Span;
use crate::domain::command::Ask;
use crate::domain::id::{IntentName, ServiceId};
use crate::domain::intent::{Intent, Missed, Schedule};
use crate::domain::message::{Place, Post};
use crate::domain::person::Principal;
use crate::domain::reply::{pause as pause_reply, run, schedule as reply, time};
use crate::domain::request::{Mode, Via};
use crate::domain::schedule::{self, Became, Firing, IN_TIME, Mark, Rule, Turn};
use crate::domain::window::freeze;
use crate::policy::Snapshot;
use crate::ports::store::{Change, Conflict, Swap};

/// A schedule as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The intent.
    pub intent: IntentName,
    /// The rule, for people.
    pub rule: String,
    /// When it fires next, jitter included; `None`: never.
    pub next: Option<Timestamp>,
    /// How far it was dealt with; `None`: not looked at yet.
    pub mark: Option<Mark>,
}

impl Planned {
    /// Returns how it stands, for lists.
    pub fn line(&self) -> Vec<Span> {
        reply::line(&self.intent, &self.rule, self.next, self.mark.as_ref())
    }
}

/// An intent with its schedule, read.
struct Scheduled<'a> {
    snapshot: &'a Snapshot,
    intent: &'a Intent,
    schedule: &'a Schedule,
    rule: Rule,
}

/// Returns the service that schedules ask as.
fn scheduler() -> Principal {
    let name: ServiceId = "scheduler".parse().expect("a plain word is a name");
    Principal::Service(name)
}

impl Engine {
    /// Returns every schedule of the applied snapshot, in order of intent.
    pub async fn planned(&self) -> Result<Vec<Planned>, EngineError> {
        let Some(snapshot) = self.applied() else { return Ok(Vec::new()) };
        let (now, marks) = (self.now(), self.ports.store.schedules().await?);
        let planned = scheduled(&snapshot).map(|it| {
            let mark = marks.get(&it.intent.name).filter(|mark| it.counts(mark)).cloned();
            let up_to = mark.as_ref().map_or(now, |mark| mark.up_to);
            Planned {
                intent: it.intent.name.clone(),
                rule: it.schedule.to_string(),
                next: it.turn(up_to, now).next.map(|next| next.fires),
                mark,
            }
        });
        Ok(planned.collect())
    }

    /// Takes every occurrence that is due; returns when the next one is.
    pub(super) async fn tend_schedules(
        self: &Arc<Self>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, EngineError> {
        let Some(snapshot) = self.applied().filter(|_| !self.is_draining()) else {
            return Ok(None);
        };
        let marks = self.ports.store.schedules().await?;
        for (intent, mark) in &marks {
            let gone = snapshot.repo.intents.get(intent).is_none_or(|it| it.schedule.is_none());
            if gone {
                self.move_mark(intent, Some(mark), None).await?;
            }
        }
        let mut next = None;
        for it in scheduled(&snapshot) {
            let at = match self.tend(&it, marks.get(&it.intent.name), now).await {
                Ok(at) => at,
                Err(error) if is_conflict(&error, |it| matches!(it, Conflict::Schedule(_))) => {
                    Some(now)
                }
                Err(error) => {
                    let intent = &it.intent.name;
                    tracing::error!(%intent, %error, "a schedule cannot go on; trying again");
                    Some(now + super::calendar::AGAIN)
                }
            };
            next = [next, at].into_iter().flatten().min();
        }
        Ok(next)
    }

    async fn tend(
        self: &Arc<Self>,
        it: &Scheduled<'_>,
        mark: Option<&Mark>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, EngineError> {
        let Some(known) = mark.filter(|mark| it.counts(mark)) else {
            // What a rule named before it was in force is nothing that anybody missed.
            let fresh = Mark::new(it.schedule, now);
            self.move_mark(&it.intent.name, mark, Some(fresh)).await?;
            return Ok(it.turn(now, now).next.map(|next| next.fires));
        };
        let turn = it.turn(known.up_to, now);
        if let Some(due) = turn.due {
            self.take(it, known, due, &turn, now).await?;
        }
        Ok(turn.next.map(|next| next.fires))
    }

    async fn move_mark(
        &self,
        intent: &IntentName,
        before: Option<&Mark>,
        after: Option<Mark>,
    ) -> Result<(), EngineError> {
        let swap = Swap { key: intent.clone(), before: before.cloned(), after };
        self.ports.store.commit(Change { schedules: vec![swap], ..Change::default() }).await?;
        Ok(())
    }

    /// Takes an occurrence: makes its request, or says why it makes none.
    async fn take(
        self: &Arc<Self>,
        it: &Scheduled<'_>,
        mark: &Mark,
        due: Firing,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let moved = |became| Swap {
            key: it.intent.name.clone(),
            before: Some(mark.clone()),
            after: Some(mark.after(due.at, became)),
        };
        let card_place = self.card_place_of(it.snapshot, it.intent);
        let why = match (self.why_not(it, mark, due, turn, now).await?, card_place) {
            (Some(why), _) => why,
            (None, None) => "its channel is on no chat that is connected".to_owned(),
            (None, Some(card_place)) => {
                let asking = Asking {
                    requester: scheduler(),
                    via: Via::Schedule,
                    channel: None,
                    message: None,
                    card_place,
                    ask: it.ask(),
                };
                let taken =
                    |id| Change { schedules: vec![moved(Became::Asked(id))], ..Change::default() };
                match self.ask_with(asking, taken).await? {
                    Ok(_) => return Ok(()),
                    Err(refused) => refused.to_string(),
                }
            }
        };
        self.skip(it, moved(Became::Skipped(why.clone())), due, turn, &why, now).await
    }

    /// Says why an occurrence makes no request, if something is against it.
    async fn why_not(
        &self,
        it: &Scheduled<'_>,
        mark: &Mark,
        due: Firing,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<Option<String>, EngineError> {
        let late = now.duration_since(due.fires) > IN_TIME;
        if late && it.schedule.missed == Missed::Skip {
            let more = match turn.earlier {
                0 => String::new(),
                more => format!(", as it was for {more} before"),
            };
            return Ok(Some(format!("Tribune was not there then{more}")));
        }
        if let Some(pause) = self.paused(&it.intent.name).await? {
            return Ok(Some(pause_reply::holds(&pause)));
        }
        if let Some(freeze) = freeze(&it.intent.windows, now) {
            let until = freeze.until.map_or(String::new(), |at| format!(" until {}", time(at)));
            return Ok(Some(format!("a freeze window holds{until}: {}", freeze.window)));
        }
        let Some(before) = mark.asked else { return Ok(None) };
        let open = self.ports.store.request(before).await?.filter(|it| !it.state.is_final());
        Ok(open.map(|request| {
            let state = run::state_words(request.state);
            format!("the request of the time before, {before}, is not over: {state}")
        }))
    }

    async fn skip(
        &self,
        it: &Scheduled<'_>,
        moved: Swap<IntentName, Mark>,
        due: Firing,
        turn: &Turn,
        why: &str,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let skips = moved.after.as_ref().and_then(|mark| mark.skips);
        let fresh = self
            .card_place_of(it.snapshot, it.intent)
            .map(|(platform, channel)| Place::Channel(platform, channel))
            .or_else(|| self.operations_place());
        let place = match &skips {
            Some(skips) => self.place_of_post(&reply::key(&it.intent.name, skips), fresh).await?,
            None => None,
        };
        let post = place.zip(skips).map(|(place, skips)| Post {
            key: reply::key(&it.intent.name, &skips),
            place,
            body: reply::skipped(
                &it.intent.name,
                due.at,
                &skips,
                why,
                turn.next.map(|next| next.fires),
            ),
            seeds: Vec::new(),
        });
        let entry = Entry {
            at: now,
            actor: Some(scheduler()),
            event: Event::ScheduleSkipped,
            request: None,
            revision: Some(it.snapshot.revision.clone()),
            detail: json!({
                "intent": it.intent.name, "at": due.at, "why": why, "missed": turn.earlier,
            }),
        };
        let change = Change {
            audit: vec![entry],
            posts: post.into_iter().collect(),
            schedules: vec![moved],
            ..Change::default()
        };
        self.ports.store.commit(change).await?;
        self.wake_outbox();
        self.wake_ledger();
        Ok(())
    }
}

/// Returns every schedule of a snapshot. The loader has read their rules before.
fn scheduled(snapshot: &Snapshot) -> impl Iterator<Item = Scheduled<'_>> {
    snapshot.repo.intents.values().filter_map(move |intent| {
        let schedule = intent.schedule.as_ref()?;
        let rule = Rule::parse(&schedule.cron, &schedule.zone).ok()?;
        Some(Scheduled { snapshot, intent, schedule, rule })
    })
}

impl Scheduled<'_> {
    /// Says whether a mark counts by the present rule.
    fn counts(&self, mark: &Mark) -> bool {
        mark.rule == self.schedule.to_string()
    }

    fn turn(&self, up_to: Timestamp, now: Timestamp) -> Turn {
        schedule::turn(&self.intent.name, self.schedule, &self.rule, up_to, now)
    }

    fn ask(&self) -> Ask {
        Ask {
            mode: Mode::Run,
            intent: self.intent.name.clone(),
            targets: self.schedule.targets.clone(),
            args: self.schedule.args.clone(),
            cites: None,
        }
    }
}
