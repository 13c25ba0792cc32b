//! `!pause` and `!resume`.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;

use super::{Answer, Given, answer_post, handled_before};
use crate::domain::audit::{Entry, Event};
use crate::domain::body::Body;
use crate::domain::message::MessageRef;
use crate::domain::pause::{self, Pause, PauseError, Scope};
use crate::domain::reply::{answer, pause as reply, standing, time};
use crate::engine::pauses::Pausing;
use crate::engine::{Engine, EngineError};
use crate::policy::{self, Act, Scene};
use crate::ports::store::Change;

impl Engine {
    pub(super) async fn pause_in_chat(
        self: &Arc<Self>,
        given: &Given<'_>,
        scope: Scope,
        length: SignedDuration,
        reason: String,
    ) -> Result<Answer, EngineError> {
        if let Some(refused) = self.may_not_pause(given, &scope, &Act::Pause(scope.intent())) {
            return Ok(refused);
        }
        let at = &given.message.at;
        let place = given.channel.is_some().then(|| (at.platform.clone(), at.channel.clone()));
        let by = given.principal();
        let wanted = Pausing { scope, length, reason, by, place };
        match self.pause(&wanted, |made| told(given, made, reply::done(made))).await {
            Ok(Ok(_)) => Ok(Answer::handled()),
            Ok(Err(error)) => Ok(Answer::say(self.not_paused_longer(&wanted.scope, &error).await?)),
            Err(error) => handled_before(error).map(|()| Answer::handled()),
        }
    }

    async fn not_paused_longer(
        &self,
        scope: &Scope,
        error: &PauseError,
    ) -> Result<Body, EngineError> {
        let pauses = self.pauses().await?;
        let hint = match (error, pauses.iter().find(|pause| pause.scope == *scope)) {
            (PauseError::Shorter { .. }, Some(pause)) => format!(
                "it holds until {}; to end it sooner, `!resume {scope}` first",
                time(pause.until)
            ),
            (PauseError::Shorter { .. }, None) => "try again".to_owned(),
            (PauseError::TooLong, _) => {
                "pause again before it ends, or add a freeze window by pull request".to_owned()
            }
        };
        Ok(answer::refused(error, hint))
    }

    pub(super) async fn resume_in_chat(
        self: &Arc<Self>,
        given: &Given<'_>,
        scope: &Scope,
    ) -> Result<Answer, EngineError> {
        if let Some(refused) = self.may_not_pause(given, scope, &Act::Resume(scope.intent())) {
            return Ok(refused);
        }
        let by = given.principal();
        match self.resume(scope, &by, |lifted| told(given, lifted, reply::lifted(lifted))).await {
            Ok(Some(_)) => Ok(Answer::handled()),
            Ok(None) => {
                let pauses = self.pauses().await?;
                let all = scope.intent().and_then(|it| pause::holding(&pauses, it));
                Ok(Answer::say(reply::not_paused(scope, all)))
            }
            Err(error) => handled_before(error).map(|()| Answer::handled()),
        }
    }

    fn may_not_pause(&self, given: &Given<'_>, scope: &Scope, act: &Act<'_>) -> Option<Answer> {
        let scene = Scene::chat(given.channel.as_ref(), self.now());
        let verdict = policy::may(given.snapshot, &given.principal(), act, &scene);
        (!verdict.allowed).then(|| Answer {
            body: Some(standing::may_not(&verdict.reasons)),
            audit: vec![Entry {
                at: self.now(),
                actor: Some(given.principal()),
                event: Event::PauseRefused,
                request: None,
                revision: Some(given.snapshot.revision.clone()),
                detail: json!({ "scope": scope, "message": given.message.at }),
            }],
            ..Answer::default()
        })
    }
}

/// Returns what belongs to the message: that it was handled, and the answer if what happened is
/// announced elsewhere.
fn told(given: &Given<'_>, pause: &Pause, body: Body) -> Change {
    let MessageRef { platform, channel, .. } = given.message.at.clone();
    let here = given.message.thread.is_none() && pause.place == Some((platform, channel));
    Change {
        posts: (!here).then(|| answer_post(given.message, body)).into_iter().collect(),
        ..given.taken.clone()
    }
}
