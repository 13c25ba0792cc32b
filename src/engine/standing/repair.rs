//! Requests that repair: asked for by people or by Tribune, through the machinery of any request.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::look::{denied, reconciler};
use super::{rule_of, wanted};
use crate::domain::command::Ask;
use crate::domain::decision::Outcome;
use crate::domain::drift::machine::Event;
use crate::domain::drift::{Incident, Repair, WatchKey};
use crate::domain::evidence::Evidence;
use crate::domain::id::{ChannelName, PersonId, RequestId};
use crate::domain::intent::StandingRule;
use crate::domain::person::Principal;
use crate::domain::reply::{drift as reply, time};
use crate::domain::request::{Mode, Request, State, Via};
use crate::domain::window::freeze;
use crate::engine::requests::{AskRefused, Asking};
use crate::engine::{Engine, EngineError};
use crate::policy::{self, Question, Snapshot};
use crate::ports::store::{Change, RequestFilter};

/// States of requests that are not over.
const OPEN: [State; 5] =
    [State::Requested, State::NeedsApproval, State::Permitted, State::Queued, State::Running];

impl Engine {
    /// Asks for the repair in Tribune's own name, unless something holds it.
    pub(super) async fn repair_by_itself(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        key: &WatchKey,
    ) -> Result<(), EngineError> {
        let Some((intent, rule)) = rule_of(snapshot, key) else { return Ok(()) };
        let Some(incident) = self.open_incident(key).await? else { return Ok(()) };
        let now = self.now();
        let frozen = freeze(&intent.windows, now).map(|freeze| {
            let until = freeze.until.map_or(String::new(), |at| format!(" until {}", time(at)));
            format!("a freeze window holds{until}")
        });
        let held = match frozen {
            Some(frozen) => Some(frozen),
            None => self
                .refusal(snapshot, key, rule, &reconciler(), Via::Reconciler, None)
                .map(|why| format!("policy does not let Tribune repair it: {why}")),
        };
        if held.is_some() {
            self.tell_soon(snapshot, key, Event::Held(held)).await?;
            return Ok(());
        }
        let repair = match self.repair_under_way(key).await? {
            Some(request) => request,
            None => {
                let by = reconciler();
                match self
                    .ask_for_repair(snapshot, &incident, rule, by, Via::Reconciler, None)
                    .await?
                {
                    Ok(request) => request,
                    Err(refused) => {
                        let why = Some(refused.to_string());
                        self.tell_soon(snapshot, key, Event::Held(why)).await?;
                        return Ok(());
                    }
                }
            }
        };
        self.tell_soon(snapshot, key, Event::Asked(Repair { request: repair, by: None })).await?;
        // It may have ended before anybody knew whose it was.
        self.look_after(repair).await;
        Ok(())
    }

    /// Asks for the repair in the name of a person, who thereby is the requester and approves
    /// nothing. The outer `Err` says why not, in words.
    pub(super) async fn repair_for(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        incident: &Incident,
        person: &PersonId,
        channel: Option<ChannelName>,
    ) -> Result<Result<RequestId, String>, EngineError> {
        let key = &incident.key;
        let Some((_, rule)) = rule_of(snapshot, key) else {
            return Ok(Err("it is no longer a standing intent".to_owned()));
        };
        if let Some(repair) = &incident.repair {
            return Ok(Err(format!("{} is under way already", repair.request)));
        }
        let by = Principal::Person(person.clone());
        if let Some(why) = self.refusal(snapshot, key, rule, &by, Via::Chat, channel.as_ref()) {
            return Ok(Err(why));
        }
        match self.ask_for_repair(snapshot, incident, rule, by, Via::Chat, channel).await? {
            Ok(request) => {
                let repair = Repair { request, by: Some(person.clone()) };
                self.tell_soon(snapshot, key, Event::Asked(repair)).await?;
                self.look_after(request).await;
                Ok(Ok(request))
            }
            Err(refused) => Ok(Err(refused.to_string())),
        }
    }

    /// As [`Engine::tell`], where what follows cannot be another repair.
    async fn tell_soon(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        key: &WatchKey,
        event: Event,
    ) -> Result<(), EngineError> {
        Box::pin(self.tell(snapshot, key, event, None)).await.map(|_| ())
    }

    async fn ask_for_repair(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        incident: &Incident,
        rule: &StandingRule,
        requester: Principal,
        via: Via,
        channel: Option<ChannelName>,
    ) -> Result<Result<RequestId, AskRefused>, EngineError> {
        let asking = Asking {
            requester,
            via,
            channel,
            message: None,
            card_place: self.card_place_for(snapshot, &incident.key.intent, &incident.place),
            ask: repair_ask(&incident.key, rule),
        };
        self.ask(asking, Change::default()).await
    }

    /// Returns why policy would not let somebody repair, whatever evidence came; `None`: it would.
    fn refusal(
        &self,
        snapshot: &Snapshot,
        key: &WatchKey,
        rule: &StandingRule,
        by: &Principal,
        via: Via,
        channel: Option<&ChannelName>,
    ) -> Option<String> {
        let intent = snapshot.repo.intents.get(&key.intent)?;
        let none = Evidence::default();
        let question = Question {
            requester: by,
            mode: Mode::Run,
            intent: &key.intent,
            args: &rule.args,
            targets: &BTreeSet::from([key.target.clone()]),
            via,
            channel,
            card_channel: intent.channel.as_ref(),
            evidence: &none,
            now: self.now(),
        };
        let decision = policy::decide(snapshot, &question);
        (decision.outcome == Outcome::Deny).then(|| denied(&decision))
    }

    /// Returns a repair that an earlier daemon asked for and had no time to write down.
    async fn repair_under_way(&self, key: &WatchKey) -> Result<Option<RequestId>, EngineError> {
        let filter = RequestFilter { states: OPEN.to_vec(), ..RequestFilter::default() };
        let open = self.ports.store.requests(&filter).await?;
        let own = |it: &Request| {
            it.via == Via::Reconciler
                && it.intent == key.intent
                && it.targets.iter().eq([&key.target])
        };
        Ok(open.into_iter().find(own).map(|it| it.id))
    }

    pub(super) async fn open_incident(
        &self,
        key: &WatchKey,
    ) -> Result<Option<Incident>, EngineError> {
        Ok(self.ports.store.watch(key).await?.and_then(|watch| watch.incident))
    }

    /// Takes note of a repair that has ended.
    pub(super) async fn hear_of_repair(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        key: &WatchKey,
    ) -> Result<(), EngineError> {
        let Some(incident) = self.open_incident(key).await? else { return Ok(()) };
        let Some(repair) = incident.repair else { return Ok(()) };
        let Some(request) = self.ports.store.request(repair.request).await? else {
            return Ok(());
        };
        if request.state.is_final() {
            let ran = request.attempts > 0;
            let how = reply::ended(&request);
            let event = Event::Ended { request: request.id, ran, how };
            self.tell_soon(snapshot, key, event).await?;
        }
        Ok(())
    }

    /// Looks soon at what a request that has ended acted on, if that is watched.
    pub(in crate::engine) async fn look_after(self: &Arc<Self>, id: RequestId) {
        let Some(snapshot) = self.applied() else { return };
        let request = match self.ports.store.request(id).await {
            Ok(Some(request)) if request.state.is_final() => request,
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(request = %id, %error, "looked at again on its own schedule only");
                return;
            }
        };
        let touched = |key: &WatchKey| {
            request.targets.contains(&key.target)
                && (key.intent == request.intent || request.attempts > 0)
        };
        let keys = wanted(&snapshot).into_keys().filter(touched);
        self.standings.hurry(keys.collect::<Vec<_>>(), self.now());
    }
}

fn repair_ask(key: &WatchKey, rule: &StandingRule) -> Ask {
    Ask {
        mode: Mode::Run,
        intent: key.intent.clone(),
        targets: vec![key.target.to_string()],
        args: rule.args.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
        cites: None,
    }
}
