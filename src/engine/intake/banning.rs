//! `!ban` and `!unban`.
//!
//! Policy says who may, by role; the host says what is so: whether it is a second ban within a
//! week, and whether who lifts it is who asked for it.

use std::sync::Arc;

use serde_json::json;

use super::{Answer, Given, answer_post, handled_before};
use crate::domain::audit::{Entry, Event};
use crate::domain::body::Body;
use crate::domain::duration::Length;
use crate::domain::id::PersonId;
use crate::domain::message::MessageRef;
use crate::domain::person::Principal;
use crate::domain::provisional::{self, ProvisionalBan, Refused, Wanted};
use crate::domain::reply::{ban as reply, standing};
use crate::engine::{Engine, EngineError};
use crate::policy::{self, Act, ChangeKind, Scene};
use crate::ports::store::Change;

impl Engine {
    pub(super) async fn ban_in_chat(
        self: &Arc<Self>,
        given: &Given<'_>,
        subject: PersonId,
        reason: String,
        length: Length,
    ) -> Result<Answer, EngineError> {
        let by = given.person.id.clone();
        if by == subject {
            return Ok(self.not_banned(given, &subject, &Refused::Oneself));
        }
        let banned = Principal::Person(subject.clone());
        if let Some(ban) = given.snapshot.repo.live_ban(&banned, self.now()) {
            let why = Refused::Banned(Box::new(ban.clone()));
            return Ok(self.not_banned(given, &subject, &why));
        }
        let bans = self.provisional_bans().await?;
        let earlier = provisional::earlier(&bans, &subject, self.now());
        let act = Act::Ban { subject: &subject, again: earlier.is_some() };
        if let Some(mut refused) = self.may_not_ban(given, &subject, &act) {
            if let (Some(body), Some(earlier)) = (&mut refused.body, earlier) {
                body.0.push(reply::second(earlier));
            }
            return Ok(refused);
        }
        let wanted = Wanted { subject, by, reason, length, place: None };
        match self.ban(given.snapshot, &wanted, |made| told(given, made, reply::done(made))).await {
            Ok(Ok(_)) => Ok(Answer::handled()),
            Ok(Err(why)) => Ok(self.not_banned(given, &wanted.subject, &why)),
            Err(error) => handled_before(error).map(|()| Answer::handled()),
        }
    }

    fn not_banned(&self, given: &Given<'_>, subject: &PersonId, why: &Refused) -> Answer {
        let entry = self.denied(given, subject, &why.to_string());
        Answer { body: Some(reply::not_banned(why)), audit: vec![entry], ..Answer::default() }
    }

    pub(super) async fn unban_in_chat(
        self: &Arc<Self>,
        given: &Given<'_>,
        subject: &PersonId,
    ) -> Result<Answer, EngineError> {
        let of_files = self.bans_of_files(given.snapshot, subject);
        let Some(ban) = self.provisional_ban(subject).await? else {
            return match of_files.is_empty() {
                true => Ok(Answer::say(reply::nothing_to_lift(subject))),
                false => self.unban_by_merge(given, subject).await,
            };
        };
        let act = Act::Unban { subject, issued: ban.by == given.person.id };
        if let Some(refused) = self.may_not_ban(given, subject, &act) {
            return Ok(refused);
        }
        let by = given.principal();
        // The announcement that changes with it may be far above.
        let said = |lifted: &ProvisionalBan| answer(given, reply::lifted(lifted, &of_files));
        match self.lift_ban(subject, &by, None, said).await {
            Ok(Some(_)) => Ok(Answer::handled()),
            Ok(None) => Ok(Answer::say(reply::nothing_to_lift(subject))),
            Err(error) => handled_before(error).map(|()| Answer::handled()),
        }
    }

    /// Prepares that a ban of the policy repo is lifted: what widens rights takes effect by merge
    /// alone.
    async fn unban_by_merge(
        self: &Arc<Self>,
        given: &Given<'_>,
        subject: &PersonId,
    ) -> Result<Answer, EngineError> {
        if let Some(refused) =
            self.may_not_ban(given, subject, &Act::Propose(ChangeKind::Unban, Some(subject)))
        {
            return Ok(refused);
        }
        let bans = self.bans_of_files(given.snapshot, subject);
        let by = &given.person.id;
        Ok(Answer::say(match self.prepare_removal(given.snapshot, subject, by, &bans).await? {
            Ok(prepared) => reply::removal(subject, &bans, &prepared),
            Err(error) => {
                tracing::warn!(%subject, %error, "the branch that lifts a ban cannot be prepared");
                reply::no_removal(&bans)
            }
        }))
    }

    fn may_not_ban(&self, given: &Given<'_>, subject: &PersonId, act: &Act<'_>) -> Option<Answer> {
        let scene = Scene::chat(given.channel.as_ref(), self.now());
        let verdict = policy::may(given.snapshot, &given.principal(), act, &scene);
        (!verdict.allowed).then(|| Answer {
            body: Some(standing::may_not(&verdict.reasons)),
            audit: vec![self.denied(given, subject, act.name())],
            ..Answer::default()
        })
    }

    fn denied(&self, given: &Given<'_>, subject: &PersonId, why: &str) -> Entry {
        Entry {
            at: self.now(),
            actor: Some(given.principal()),
            event: Event::BanDenied,
            request: None,
            revision: Some(given.snapshot.revision.clone()),
            detail: json!({ "subject": subject, "why": why, "message": given.message.at }),
        }
    }
}

/// Returns what belongs to the message: that it was handled, and the answer if what happened is
/// announced elsewhere.
fn told(given: &Given<'_>, ban: &ProvisionalBan, body: Body) -> Change {
    let MessageRef { platform, channel, .. } = given.message.at.clone();
    let here = given.message.thread.is_none() && ban.place == Some((platform, channel));
    if here { given.taken.clone() } else { answer(given, body) }
}

fn answer(given: &Given<'_>, body: Body) -> Change {
    Change { posts: vec![answer_post(given.message, body)], ..given.taken.clone() }
}
