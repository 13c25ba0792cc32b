//! `!drift`: what differs, and what to do about it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;

use super::answers::Wish;
use super::rule_of;
use crate::domain::command::Drift;
use crate::domain::decision::Outcome;
use crate::domain::drift::{Found, Incident, Watch, WatchKey};
use crate::domain::evidence::Evidence;
use crate::domain::id::{IncidentId, IntentName};
use crate::domain::reply::{answer as said, drift as reply};
use crate::domain::request::{Mode, Via};
use crate::engine::intake::{Answer, Given};
use crate::engine::{Engine, EngineError};
use crate::policy::{self, Act, Question, Scene, Viewed};
use crate::ports::store::IncidentFilter;

impl Engine {
    /// Answers `!drift`.
    pub(in crate::engine) async fn drift(
        self: &Arc<Self>,
        given: &Given<'_>,
        command: Drift,
    ) -> Result<Answer, EngineError> {
        match command {
            Drift::Overview => {
                let watches = self.visible_watches(given, None).await?;
                Ok(Answer::say(reply::overview(&watches)))
            }
            Drift::OfIntent(intent) => self.drift_history(given, intent).await,
            Drift::OfIncident(id) => Ok(match self.visible_incident(given, id).await? {
                Ok(incident) => {
                    let intent = given.snapshot.repo.intents.get(&incident.key.intent);
                    Answer::say(reply::incident(&incident, intent, self.now()))
                }
                Err(answer) => answer,
            }),
            Drift::Check(intent) => Ok(self.look_now(given, intent.as_ref())),
            Drift::Repair(id) => self.repair_in_chat(given, id).await,
            Drift::Keep(id) => self.keep_in_chat(given, id).await,
            Drift::Ignore { incident, length, reason } => {
                self.ignore_in_chat(given, incident, length, reason).await
            }
        }
    }

    async fn visible_watches(
        &self,
        given: &Given<'_>,
        intent: Option<&IntentName>,
    ) -> Result<Vec<Watch>, EngineError> {
        let mut watches = self.ports.store.watches().await?;
        watches.retain(|watch| {
            intent.is_none_or(|intent| watch.key.intent == *intent)
                && self.sees_drift_of(given, &watch.key.intent)
        });
        Ok(watches)
    }

    fn sees_drift_of(&self, given: &Given<'_>, intent: &IntentName) -> bool {
        // An intent that is gone is nobody's secret any more; policy knows nothing of it.
        if !given.snapshot.repo.intents.contains_key(intent) {
            return self.may_administer(given);
        }
        let scene = Scene::chat(given.channel.as_ref(), self.now());
        let act = Act::View(Viewed::Intent(intent));
        policy::may(given.snapshot, &given.principal(), &act, &scene).allowed
    }

    async fn drift_history(
        &self,
        given: &Given<'_>,
        intent: IntentName,
    ) -> Result<Answer, EngineError> {
        let watches = self.visible_watches(given, Some(&intent)).await?;
        let stands =
            given.snapshot.repo.intents.get(&intent).is_some_and(|it| it.standing.is_some());
        if watches.is_empty() || !self.sees_drift_of(given, &intent) {
            let why = match stands {
                true => format!("{intent} has not been looked at, or you may not see it"),
                false => format!("{intent} is no standing intent"),
            };
            return Ok(Answer::say(said::refused(&why, "`!drift` lists what is looked at")));
        }
        let filter = IncidentFilter { intent: Some(intent), open: false, limit: 15 };
        let incidents = self.ports.store.incidents(&filter).await?;
        Ok(Answer::say(reply::history(&watches, &incidents)))
    }

    pub(in crate::engine) async fn visible_incident(
        &self,
        given: &Given<'_>,
        id: IncidentId,
    ) -> Result<Result<Incident, Answer>, EngineError> {
        let found = self.ports.store.incident(id).await?;
        let found = found.filter(|incident| self.sees_drift_of(given, &incident.key.intent));
        Ok(found.ok_or_else(|| {
            let why = format!("there is no incident {id}, or you may not see it");
            Answer::say(said::refused(&why, "`!drift` lists what differs"))
        }))
    }

    /// Returns an incident that is open and visible.
    async fn open_and_visible(
        &self,
        given: &Given<'_>,
        id: IncidentId,
    ) -> Result<Result<Incident, Answer>, EngineError> {
        Ok(match self.visible_incident(given, id).await? {
            Ok(incident) if incident.closed.is_some() => {
                let why = format!("{id} has cleared already");
                Err(Answer::say(said::refused(&why, "`!drift` lists what differs")))
            }
            other => other,
        })
    }

    /// Looks soon at what the person may check.
    fn look_now(self: &Arc<Self>, given: &Given<'_>, intent: Option<&IntentName>) -> Answer {
        let keys: BTreeSet<WatchKey> = self.standing_keys(intent);
        let keys: Vec<WatchKey> =
            keys.into_iter().filter(|key| self.may_check(given, key)).collect();
        let count = keys.len();
        self.standings.hurry(keys, self.now());
        Answer::say(reply::looking(count))
    }

    fn may_check(&self, given: &Given<'_>, key: &WatchKey) -> bool {
        let Some((intent, rule)) = rule_of(given.snapshot, key) else { return false };
        let none = Evidence::default();
        let question = Question {
            requester: &given.principal(),
            mode: Mode::Check,
            intent: &key.intent,
            args: &rule.args,
            targets: &BTreeSet::from([key.target.clone()]),
            via: Via::Chat,
            channel: given.channel.as_ref(),
            card_channel: intent.channel.as_ref(),
            evidence: &none,
            now: self.now(),
        };
        policy::decide(given.snapshot, &question).outcome == Outcome::Permit
    }

    async fn repair_in_chat(
        self: &Arc<Self>,
        given: &Given<'_>,
        id: IncidentId,
    ) -> Result<Answer, EngineError> {
        let incident = match self.open_and_visible(given, id).await? {
            Ok(incident) => incident,
            Err(answer) => return Ok(answer),
        };
        if incident.found != Found::Differs {
            let why = "nobody can tell what differs now";
            return Ok(Answer::say(said::refused(why, "`!drift check` looks again")));
        }
        let _one_at_a_time = self.answering.lock().await;
        let asked = self
            .repair_for(given.snapshot, &incident, &given.person.id, given.channel.clone())
            .await?;
        Ok(Answer::say(match asked {
            Ok(request) => reply::repairing(id, request),
            Err(why) => said::refused(&why, format!("`!drift {id}` shows how it stands")),
        }))
    }

    async fn keep_in_chat(
        self: &Arc<Self>,
        given: &Given<'_>,
        id: IncidentId,
    ) -> Result<Answer, EngineError> {
        let incident = match self.open_and_visible(given, id).await? {
            Ok(incident) => incident,
            Err(answer) => return Ok(answer),
        };
        let wish = Wish { person: &given.person.id, channel: given.channel.clone() };
        Ok(Answer::say(match self.keep_live(given.snapshot, &incident, &wish).await? {
            Ok(body) => body,
            Err(why) => said::refused(&why, format!("`!drift {id}` shows how it stands")),
        }))
    }

    async fn ignore_in_chat(
        self: &Arc<Self>,
        given: &Given<'_>,
        id: IncidentId,
        length: SignedDuration,
        reason: Option<String>,
    ) -> Result<Answer, EngineError> {
        let incident = match self.open_and_visible(given, id).await? {
            Ok(incident) => incident,
            Err(answer) => return Ok(answer),
        };
        let wish = Wish { person: &given.person.id, channel: given.channel.clone() };
        let until = self.now().checked_add(length).unwrap_or(jiff::Timestamp::MAX);
        let done = self.ignore(given.snapshot, &incident, &wish, length, reason).await?;
        Ok(Answer::say(match done {
            Ok(()) => reply::ignoring(id, until),
            Err(why) => said::refused(&why, format!("`!drift {id}` shows how it stands")),
        }))
    }
}
