//! Commands that make, repeat or end requests, or have the policy repo looked at.

use std::sync::Arc;

use super::{Answer, Given, answer_post, handled_before};
use crate::domain::command::Ask;
use crate::domain::id::RequestId;
use crate::domain::reply::{answer as reply, card, standing};
use crate::domain::request::{Request, Via};
use crate::engine::requests::{AskRefused, Asking, FIRST_CARD};
use crate::engine::runs::CancelOutcome;
use crate::engine::{Engine, EngineError};
use crate::policy::{self, Act, Scene};
use crate::ports::store::Change;

impl Engine {
    pub(super) async fn ask_in_chat(
        self: &Arc<Self>,
        given: &Given<'_>,
        ask: Ask,
    ) -> Result<Answer, EngineError> {
        let at = &given.message.at;
        let asked = (at.platform.clone(), at.channel.clone());
        let card_place = self.card_place_for(given.snapshot, &ask.intent, &asked);
        let moved = (card_place != asked).then(|| card_place.0.clone());
        let asking = Asking {
            requester: given.principal(),
            via: Via::Chat,
            channel: given.channel.clone(),
            message: Some(at.clone()),
            card_place,
            ask: ask.clone(),
        };
        let taken = |id| {
            let link = moved.zip(given.channel.as_ref()).map(|(platform, channel)| {
                let card = card::key(id, FIRST_CARD);
                answer_post(given.message, reply::card_elsewhere(id, card, channel, &platform))
            });
            Change { posts: link.into_iter().collect(), ..given.taken.clone() }
        };
        match self.ask_with(asking, taken).await {
            Ok(Ok(_)) => Ok(Answer::handled()),
            Ok(Err(refused)) => Ok(Answer::say(reply::refused(&refused, hint(&refused, &ask)))),
            Err(error) => handled_before(error).map(|()| Answer::handled()),
        }
    }

    pub(super) async fn again(
        self: &Arc<Self>,
        given: &Given<'_>,
        id: RequestId,
    ) -> Result<Answer, EngineError> {
        match self.visible(given, id).await? {
            Ok(request) => self.ask_in_chat(given, Ask::of(&request)).await,
            Err(answer) => Ok(answer),
        }
    }

    pub(super) async fn cancel_in_chat(
        self: &Arc<Self>,
        given: &Given<'_>,
        id: RequestId,
    ) -> Result<Answer, EngineError> {
        let request = match self.visible(given, id).await? {
            Ok(request) => request,
            Err(answer) => return Ok(answer),
        };
        if request.state.is_final() {
            return Ok(Answer::say(standing::too_late(id, request.state)));
        }
        if request.requester != given.principal() && !self.may_administer(given) {
            return Ok(Answer::say(standing::may_not_cancel(&request)));
        }
        match self.cancel(id, &given.principal(), given.taken.clone()).await {
            Ok(CancelOutcome::TooLate(state)) => Ok(Answer::say(standing::too_late(id, state))),
            Ok(CancelOutcome::BeforeItRan | CancelOutcome::WhileItRan) => Ok(Answer::handled()),
            Err(error) => handled_before(error).map(|()| Answer::handled()),
        }
    }

    /// Fetches beside the intake, which goes on with what others say: the answer says that it
    /// looks, and what came of it as soon as that is known.
    pub(super) async fn reconcile_in_chat(
        self: &Arc<Self>,
        given: &Given<'_>,
    ) -> Result<Answer, EngineError> {
        let message = given.message.clone();
        let first = answer_post(&message, standing::reconciling());
        let change = Change { posts: vec![first], ..given.taken.clone() };
        if let Err(error) = self.ports.store.commit(change).await {
            return handled_before(error.into()).map(|()| Answer::handled());
        }
        self.wake_outbox();
        let engine = Arc::clone(self);
        self.spawn("reconcile", async move {
            let state = engine.reconcile().await;
            let body = standing::reconciled(
                state.applied.as_ref(),
                state.observed.as_ref(),
                state.trouble.as_ref().map(|trouble| trouble.summary.as_str()),
                state.unreachable.as_deref(),
            );
            let posts = vec![answer_post(&message, body)];
            match engine.ports.store.commit(Change { posts, ..Change::default() }).await {
                Ok(_) => engine.wake_outbox(),
                Err(error) => tracing::warn!(%error, "what came of a fetch is not said"),
            }
        });
        Ok(Answer::handled())
    }

    pub(in crate::engine) fn may_administer(&self, given: &Given<'_>) -> bool {
        let scene = Scene::chat(given.channel.as_ref(), self.now());
        policy::may(given.snapshot, &given.principal(), &Act::Administer, &scene).allowed
    }

    /// Returns a request that the person may see, or the answer that they may not.
    pub(super) async fn visible(
        &self,
        given: &Given<'_>,
        id: RequestId,
    ) -> Result<Result<Request, Answer>, EngineError> {
        let Some(request) = self.ports.store.request(id).await? else {
            return Ok(Err(Answer::say(standing::no_request(id))));
        };
        if self.viewing(given).may_view_request(&given.person.id, &request) {
            return Ok(Ok(request));
        }
        Ok(Err(Answer {
            body: Some(standing::may_not_view(id)),
            audit: vec![self.view_denied(given, id)],
            ..Answer::default()
        }))
    }
}

/// Says what to type instead.
fn hint(refused: &AskRefused, ask: &Ask) -> String {
    match refused {
        AskRefused::NoSnapshot => {
            "try again in a moment, or ask who looks after Tribune".to_owned()
        }
        AskRefused::NoIntent(_) => "`!intents` lists them".to_owned(),
        AskRefused::Arguments(_) => format!("`!help {}` shows its parameters", ask.intent),
        AskRefused::NoTarget { offered, .. } => {
            let target = offered.first().map_or("<target>", String::as_str);
            let example = Ask { targets: vec![target.to_owned()], ..ask.clone() };
            format!("type `{example}`")
        }
        AskRefused::Target { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
        AskRefused::Target { .. } => format!("`!help {}` shows its targets", ask.intent),
        AskRefused::NoCheck(intent) => {
            format!("`!run {intent}` acts; there is no way to look first")
        }
        AskRefused::Plan(_) => "ask an admin to look at the intent's file".to_owned(),
        AskRefused::Channel { .. } => "ask in another channel: `!help` there shows more".to_owned(),
        AskRefused::NobodyApproves { .. } => {
            "ask who looks after Tribune to connect it, or ask in another channel".to_owned()
        }
        AskRefused::Unheard { .. } => {
            "ask who looks after Tribune: `tribune status` says what to do".to_owned()
        }
        AskRefused::Direct(_) => "ask in a channel where people can see it".to_owned(),
        AskRefused::TooLong { .. } => "ask for fewer targets or shorter arguments".to_owned(),
    }
}
