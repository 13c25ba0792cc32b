//! Commands that tell something about people, intents and the policy repo.

use std::collections::BTreeSet;

use super::{Answer, Given};
use crate::domain::arguments::arguments;
use crate::domain::command::{Ask, COMMANDS, Topic};
use crate::domain::evidence::Evidence;
use crate::domain::id::PersonId;
use crate::domain::intent::Intent;
use crate::domain::pause;
use crate::domain::person::Principal;
use crate::domain::reply::{answer as reply, standing};
use crate::domain::request::Via;
use crate::engine::{Engine, EngineError};
use crate::policy::{self, Question, Scene};

impl Engine {
    pub(super) fn help(&self, given: &Given<'_>, topic: Option<Topic>) -> Answer {
        let (snapshot, principal) = (given.snapshot, given.principal());
        let scene = Scene::chat(given.channel.as_ref(), self.now());
        let may_ask = |intent: &Intent| policy::may_ask_for(snapshot, &principal, &scene, intent);
        let repo = &snapshot.repo;
        Answer::say(match topic {
            None => {
                let intents = repo.intents.values().filter(|intent| may_ask(intent));
                reply::help(&COMMANDS, &intents.collect::<Vec<_>>())
            }
            Some(Topic::Command(word)) => reply::help_command(word),
            Some(Topic::Intent(name)) => match repo.intents.get(&name) {
                Some(intent) => {
                    let environments = repo.inventory.environments_of(&intent.targets);
                    reply::help_intent(intent, &environments, may_ask(intent))
                }
                None => {
                    reply::refused(&format!("there is no intent {name}"), "`!intents` lists them")
                }
            },
        })
    }

    pub(super) async fn intents(&self, given: &Given<'_>) -> Result<Answer, EngineError> {
        let scene = Scene::chat(given.channel.as_ref(), self.now());
        let visible: BTreeSet<_> =
            policy::visible_intents(given.snapshot, &given.principal(), &scene)
                .into_iter()
                .collect();
        let (pauses, planned) = (self.pauses().await?, self.planned().await?);
        let all: Vec<_> = given
            .snapshot
            .repo
            .intents
            .values()
            .map(|intent| reply::IntentLine {
                intent,
                may: visible.contains(&intent.name),
                paused: pause::holding(&pauses, &intent.name),
                next: planned.iter().find(|it| it.intent == intent.name).and_then(|it| it.next),
            })
            .collect();
        Ok(Answer::say(reply::intents(&all)))
    }

    pub(super) fn who_am_i(&self, given: &Given<'_>) -> Answer {
        let repo = &given.snapshot.repo;
        let (roles, services) =
            (repo.roles_of(&given.person.id), repo.services_of(&given.person.id));
        let channel = given.channel.as_ref().and_then(|name| repo.channels.get(name));
        let here = Some(reply::Here { account: &given.message.author, channel });
        Answer::say(reply::who(given.person, &roles, &services, None, here))
    }

    pub(super) fn who_is(&self, given: &Given<'_>, person: &PersonId) -> Answer {
        let repo = &given.snapshot.repo;
        let Some(found) = repo.people.get(person) else {
            return Answer::say(reply::nobody(person));
        };
        let ban = repo.live_ban(&Principal::Person(person.clone()), self.now());
        Answer::say(reply::who(found, &repo.roles_of(person), &repo.services_of(person), ban, None))
    }

    pub(super) fn ban_list(&self, given: &Given<'_>) -> Answer {
        let now = self.now();
        let live: Vec<_> = given.snapshot.repo.bans.iter().filter(|ban| ban.is_live(now)).collect();
        Answer::say(reply::ban_list(&live))
    }

    /// What would happen if somebody asked.
    pub(super) fn why_if(
        &self,
        given: &Given<'_>,
        person: &PersonId,
        ask: Ask,
    ) -> Result<Answer, EngineError> {
        let repo = &given.snapshot.repo;
        let Some(intent) = repo.intents.get(&ask.intent) else {
            let said = format!("there is no intent {}", ask.intent);
            return Ok(Answer::say(reply::refused(&said, "`!intents` lists them")));
        };
        let args = match arguments(intent, &ask.args) {
            Ok(args) => args,
            Err(wrong) => {
                let said: Vec<String> = wrong.iter().map(ToString::to_string).collect();
                let hint = format!("`!help {}` shows its parameters", intent.name);
                return Ok(Answer::say(reply::refused(&said.join("; "), hint)));
            }
        };
        let names = if ask.targets.is_empty() { &intent.targets } else { &ask.targets };
        let targets: BTreeSet<_> =
            names.iter().flat_map(|name| repo.inventory.resolve(name)).collect();
        let requester = Principal::Person(person.clone());
        let evidence = Evidence::default();
        let question = Question {
            requester: &requester,
            mode: ask.mode,
            intent: &ask.intent,
            args: &args,
            targets: &targets,
            via: Via::Chat,
            channel: given.channel.as_ref(),
            card_channel: given.channel.as_ref(),
            evidence: &evidence,
            now: self.now(),
        };
        let decision = policy::decide(given.snapshot, &question);
        Ok(Answer::say(standing::would(person, &ask.to_string(), &decision)))
    }
}
