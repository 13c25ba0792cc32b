//! Drift as a pure state machine: a watch and what happened in, the watch after it and what
//! follows out.
//!
//! ```text
//! in sync ──differs──▶ incident ──differs again──▶ same: nothing; another: card edited, said
//!    ▲                    │  cannot tell: said on the card; the difference stays as it was seen
//!    └──── in sync ◀──────┘  ignored: no reminder, no repair, until it lapses or differs anew
//! ```
//!
//! `auto` becomes `ask` for an incident after [`TRIES`] repairs that failed within [`WITHIN`], or
//! once people or policy end a repair before it ran.

mod observed;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Answered, Closed, Difference, Found, Ignored, Incident, Repair, Tried, Watch, WatchKey,
};
use crate::domain::audit;
use crate::domain::id::{ChatChannelId, IncidentId, PersonId, Platform, RequestId};
use crate::domain::intent::OnDrift;
use crate::domain::message::Sign;

/// Failed repairs after which people are asked.
pub const TRIES: usize = 3;

/// The time in which repairs must fail for that.
pub const WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// How soon a repair that failed is tried again at the latest.
const REPAIR_AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// Looks in a row that must fail before people are told.
pub const TOLD_AFTER: u32 = 2;

/// How often the time between looks is doubled while they fail.
const DOUBLED: u32 = 3;

/// What one look came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// It is as declared.
    InSync,
    /// It differs.
    Differs(Difference),
    /// Looking failed.
    Unknown {
        /// Why, in words without times.
        why: String,
    },
    /// Policy does not let Tribune look.
    Denied {
        /// Why, in words.
        why: String,
    },
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody looked.
    Observed(Observation),
    /// A repair was asked for.
    Asked(Repair),
    /// The repair that was asked for has ended.
    Ended {
        /// Which.
        request: RequestId,
        /// Whether it ran.
        ran: bool,
        /// How it ended, in words.
        how: String,
    },
    /// Somebody decided to leave it as it is for a while.
    Ignored(Ignored),
    /// Somebody had what is live prepared to be taken over.
    Kept {
        /// Who.
        by: PersonId,
        /// On which branch.
        branch: String,
        /// Where it is fetched from.
        from: String,
    },
    /// A reaction was dealt with.
    Answered(Answered),
    /// A reaction that was dealt with is no longer there.
    Withdrawn {
        /// Whose.
        who: String,
        /// What it said.
        sign: Sign,
    },
    /// What keeps Tribune from repairing by itself now; `None`: nothing.
    Held(Option<String>),
    /// The intent is no longer checked on this target.
    Removed {
        /// Why, in words.
        why: String,
    },
    /// Time has passed.
    Tick,
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Goes to the audit log.
    Audit {
        /// What.
        event: audit::Event,
        /// By whom, if not by Tribune.
        by: Option<PersonId>,
        /// The rest.
        detail: Value,
    },
    /// The card is posted or edited.
    Repaint,
    /// The thread hears of it.
    Note(Note),
    /// Tribune asks for the repair itself, if nothing holds it.
    Repair,
    /// The repair has nothing left to do, so its request is void.
    Moot(RequestId),
    /// The incident has ended; the watch no longer holds it.
    Closed(Box<Incident>),
}

/// What a thread hears of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It differs in another way than before.
    Changed,
    /// It cannot be told any more.
    CannotTell(String),
    /// It can be told again, and differs as before.
    Back,
    /// Nothing has changed for a while.
    Reminder(Timestamp),
    /// Somebody decided to leave it as it is.
    Ignored(Ignored),
    /// That has ended.
    IgnoreOver,
    /// It differs in another way, so that no longer holds.
    IgnoreLapsed,
    /// Tribune no longer repairs it by itself.
    TurnedToAsk(String),
    /// A repair has ended and it still differs.
    StillDiffers(RequestId),
    /// What is live was prepared.
    Kept {
        /// Who wanted it.
        by: PersonId,
        /// On which branch.
        branch: String,
        /// Where it is fetched from.
        from: String,
    },
    /// It has ended.
    Closed(String),
}

/// What the machine must know beside the watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What the intent says is done about drift.
    pub on_drift: OnDrift,
    /// How often people are told again.
    pub remind: SignedDuration,
    /// The number that a new incident gets.
    pub fresh: IncidentId,
    /// Where its card goes.
    pub place: (Platform, ChatChannelId),
}

/// Returns the watch after `event`, and what follows.
pub fn step(watch: &Watch, event: Event, terms: &Terms, now: Timestamp) -> (Watch, Vec<Effect>) {
    let mut next = watch.clone();
    let mut effects = Vec::new();
    match event {
        Event::Observed(observation) => {
            observed::observed(&mut next, &mut effects, observation, terms, now);
        }
        Event::Removed { why } => {
            next.incident = next.incident.and_then(|it| close(it, &mut effects, why, None, now));
        }
        Event::Tick => tick(&mut next, &mut effects, terms, now),
        other => {
            if let Some(incident) = &mut next.incident {
                told(incident, &mut effects, other, now);
            }
        }
    }
    (next, effects)
}

/// Returns how long after a look the next one is due, chance aside.
pub fn pause(watch: &Watch, every: SignedDuration) -> SignedDuration {
    let failing = watch
        .incident
        .as_ref()
        .is_some_and(|incident| incident.on_drift == OnDrift::Auto && !incident.failed.is_empty());
    match watch.found {
        Found::Unknown => every * (1 << watch.failures.saturating_sub(1).min(DOUBLED)),
        Found::Differs if failing => every.min(REPAIR_AGAIN),
        Found::Unchecked | Found::InSync | Found::Differs | Found::Denied => every,
    }
}

/// Returns when the next [`Event::Tick`] is worth sending, if ever.
pub fn next_tick(watch: &Watch, remind: SignedDuration) -> Option<Timestamp> {
    let incident = watch.incident.as_ref()?;
    Some(match &incident.ignored {
        Some(ignored) => ignored.until,
        None => incident.told.checked_add(remind).unwrap_or(Timestamp::MAX),
    })
}

/// Ends an incident. Always gives `None`: the watch holds it no longer.
fn close(
    incident: Incident,
    effects: &mut Vec<Effect>,
    why: String,
    repair: Option<RequestId>,
    now: Timestamp,
) -> Option<Incident> {
    effects.push(Effect::Audit {
        event: audit::Event::DriftClosed,
        by: None,
        detail: whole(&incident.key, Some(incident.id), json!({ "why": why, "repair": repair })),
    });
    effects.extend(incident.repair.as_ref().map(|repair| Effect::Moot(repair.request)));
    effects.push(Effect::Note(Note::Closed(why.clone())));
    let closed = Some(Closed { at: now, why, repair });
    effects.push(Effect::Closed(Box::new(Incident { closed, ..incident })));
    None
}

/// What people and requests do to an open incident.
fn told(incident: &mut Incident, effects: &mut Vec<Effect>, event: Event, now: Timestamp) {
    match event {
        Event::Asked(repair) => {
            let detail = json!({ "repair": repair.request });
            effects.push(answered(incident, repair.by.clone(), detail));
            effects.push(Effect::Repaint);
            incident.held = None;
            incident.repair = Some(repair);
        }
        Event::Ended { request, ran, how } => {
            let Some(repair) = incident.repair.take_if(|repair| repair.request == request) else {
                return;
            };
            let by_tribune = repair.by.is_none();
            let why = format!("{request} {how}");
            incident.tried = Some(Tried { repair, how, unjudged: ran });
            effects.push(Effect::Repaint);
            if !ran && by_tribune && incident.on_drift == OnDrift::Auto {
                turn_to_ask(incident, effects, why);
            }
        }
        Event::Ignored(ignored) => {
            let detail = json!({ "ignore_until": ignored.until, "reason": ignored.reason });
            effects.push(answered(incident, Some(ignored.by.clone()), detail));
            effects.extend([Effect::Repaint, Effect::Note(Note::Ignored(ignored.clone()))]);
            incident.told = now;
            incident.ignored = Some(ignored);
        }
        Event::Kept { by, branch, from } => {
            effects.push(answered(incident, Some(by.clone()), json!({ "branch": branch })));
            incident.branch = Some(branch.clone());
            effects.extend([Effect::Repaint, Effect::Note(Note::Kept { by, branch, from })]);
        }
        Event::Answered(done) => {
            let is_in = |it: &Answered| it.who == done.who && it.sign == done.sign;
            if !incident.answered.iter().any(is_in) {
                if let Some(why) = &done.refused {
                    let detail = json!({ "refused": done.sign, "who": done.who, "why": why });
                    effects.push(answered(incident, None, detail));
                }
                incident.answered.push(done);
                effects.push(Effect::Repaint);
            }
        }
        Event::Withdrawn { who, sign } => {
            let before = incident.answered.len();
            incident.answered.retain(|it| it.who != who || it.sign != sign);
            if incident.answered.len() != before {
                effects.push(Effect::Repaint);
            }
        }
        Event::Held(why) => {
            if incident.held != why {
                incident.held = why;
                effects.push(Effect::Repaint);
            }
        }
        Event::Observed(_) | Event::Removed { .. } | Event::Tick => {}
    }
}

fn turn_to_ask(incident: &mut Incident, effects: &mut Vec<Effect>, why: String) {
    incident.on_drift = OnDrift::Ask;
    incident.turned = true;
    incident.held = Some(why.clone());
    effects.push(answered(incident, None, json!({ "turned": "ask", "why": why })));
    effects.extend([Effect::Repaint, Effect::Note(Note::TurnedToAsk(why))]);
}

fn tick(next: &mut Watch, effects: &mut Vec<Effect>, terms: &Terms, now: Timestamp) {
    let due = next_tick(next, terms.remind).is_some_and(|at| at <= now);
    let Some(incident) = next.incident.as_mut().filter(|_| due) else { return };
    let note = match incident.ignored.take() {
        Some(_) => Note::IgnoreOver,
        None => Note::Reminder(incident.changed),
    };
    incident.told = now;
    effects.extend([Effect::Repaint, Effect::Note(note)]);
}

fn answered(incident: &Incident, by: Option<PersonId>, detail: Value) -> Effect {
    let detail = whole(&incident.key, Some(incident.id), detail);
    Effect::Audit { event: audit::Event::DriftAnswered, by, detail }
}

/// Returns what a row tells: about which watch and incident, and the rest.
fn whole(key: &WatchKey, incident: Option<IncidentId>, detail: Value) -> Value {
    let mut row = json!({ "intent": key.intent, "target": key.target });
    if let (Some(row), Value::Object(detail)) = (row.as_object_mut(), detail) {
        row.extend(incident.map(|id| ("incident".to_owned(), json!(id))));
        row.extend(detail);
    }
    row
}

#[cfg(test)]
mod tests;
