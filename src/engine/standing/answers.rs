//! Reactions on drift cards. As with votes, an event is a hint: what people want is read again
//! from the chat, judged by policy for each of them, and counts once until they take it back.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::domain::channel::Wanted;
use crate::domain::drift::machine::Event;
use crate::domain::drift::{Answered, Found, Ignored, Incident, WatchKey};
use crate::domain::id::{ChannelName, IncidentId, PersonId};
use crate::domain::message::{AuthorKind, Edited, Reaction, Sign};
use crate::domain::person::Principal;
use crate::domain::reply::card::above_rule;
use crate::domain::reply::drift as reply;
use crate::domain::reply::join;
use crate::domain::request::Via;
use crate::engine::{Engine, EngineError};
use crate::policy::{self, Act, ChangeKind, Scene, Snapshot};
use crate::ports::chat::Chat;
use crate::ports::store::IncidentFilter;

/// How long a reaction leaves drift as it is; a command can say something else.
pub(in crate::engine) const IGNORE_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The longest that somebody can say.
pub(super) const LONGEST_IGNORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Who wants something done about drift, and where they said so.
pub(super) struct Wish<'a> {
    pub person: &'a PersonId,
    pub channel: Option<ChannelName>,
}

impl Engine {
    /// Something about the card of an incident may have changed.
    pub(in crate::engine) async fn drift_touched(
        self: &Arc<Self>,
        id: IncidentId,
    ) -> Result<(), EngineError> {
        let Some(snapshot) = self.applied() else { return Ok(()) };
        let Some(incident) = self.ports.store.incident(id).await? else { return Ok(()) };
        if incident.closed.is_some() {
            return Ok(());
        }
        self.read_answers(&snapshot, &incident.key).await
    }

    /// Reads what people want done about every open incident: anything may have been missed.
    pub(in crate::engine) async fn read_all_answers(self: &Arc<Self>) -> Result<(), EngineError> {
        let Some(snapshot) = self.applied() else { return Ok(()) };
        let open = IncidentFilter { open: true, ..IncidentFilter::default() };
        for incident in self.ports.store.incidents(&open).await? {
            self.read_answers(&snapshot, &incident.key).await?;
        }
        Ok(())
    }

    /// Reads what people want done about an open incident, and does what policy lets them.
    pub(super) async fn read_answers(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        key: &WatchKey,
    ) -> Result<(), EngineError> {
        let _one_at_a_time = self.answering.lock().await;
        let Some(incident) = self.open_incident(key).await? else { return Ok(()) };
        let intent = snapshot.repo.intents.get(&key.intent);
        if reply::seeds(&incident, intent).is_empty() {
            return Ok(());
        }
        let reactions = match self.reactions_on(&incident).await? {
            Ok(reactions) => reactions,
            Err(unreadable) => {
                tracing::debug!(incident = %incident.id, %unreadable, "reactions wait");
                return Ok(());
            }
        };
        let shown = |chat: &Reaction| self.shown_account(snapshot, chat);
        for gone in &incident.answered {
            let is_there = |it: &Reaction| shown(it) == gone.who && it.sign == gone.sign;
            if !reactions.iter().any(is_there) {
                let event = Event::Withdrawn { who: gone.who.clone(), sign: gone.sign };
                self.tell(snapshot, key, event, None).await?;
            }
        }
        // One person answers once, however many accounts they have.
        let mut heard = BTreeSet::new();
        for reaction in reactions {
            let who = shown(&reaction);
            let sign = reaction.sign;
            let done = |it: &Answered| it.who == who && it.sign == sign;
            if heard.insert((who.clone(), sign)) && !incident.answered.iter().any(done) {
                self.answer(snapshot, key, reaction, who).await?;
            }
        }
        Ok(())
    }

    /// Acts on one reaction, or says why not. That it was dealt with is written first: what
    /// happens in between is done at most once.
    async fn answer(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        key: &WatchKey,
        reaction: Reaction,
        who: String,
    ) -> Result<(), EngineError> {
        let sign = reaction.sign;
        let Some(incident) = self.open_incident(key).await? else { return Ok(()) };
        let judged = self.judge_reaction(snapshot, &incident, &reaction);
        let refused = judged.as_ref().err().cloned();
        let answered = Answered { who: who.clone(), sign, refused };
        self.tell(snapshot, key, Event::Answered(answered), None).await?;
        let Ok(person) = judged else { return Ok(()) };
        let (platform, id) = &incident.place;
        let channel = snapshot.repo.channel_at(platform, id).map(|it| it.name.clone());
        let wish = Wish { person: &person, channel };
        let outcome = match sign {
            Sign::Approve => {
                let channel = wish.channel.clone();
                let asked = self.repair_for(snapshot, &incident, &person, channel).await?;
                asked.map(|_| ())
            }
            Sign::Keep => self.keep_live(snapshot, &incident, &wish).await?.map(|_| ()),
            Sign::Ignore => self.ignore(snapshot, &incident, &wish, IGNORE_FOR, None).await?,
            Sign::Veto => Ok(()),
        };
        if let Err(why) = outcome {
            // It was taken as dealt with; now the reason is there.
            self.tell(snapshot, key, Event::Withdrawn { who: who.clone(), sign }, None).await?;
            let answered = Answered { who, sign, refused: Some(why) };
            self.tell(snapshot, key, Event::Answered(answered), None).await?;
        }
        Ok(())
    }

    /// Says whose reaction it is, or why it does not count.
    fn judge_reaction(
        &self,
        snapshot: &Snapshot,
        incident: &Incident,
        reaction: &Reaction,
    ) -> Result<PersonId, String> {
        match reaction.kind {
            AuthorKind::Human => {}
            AuthorKind::Tribune | AuthorKind::Machine => {
                return Err("it is not a person's account".to_owned());
            }
            AuthorKind::Deactivated => return Err("the account was closed".to_owned()),
            AuthorKind::Absent => return Err("they are no longer in this channel".to_owned()),
        }
        let person = snapshot
            .repo
            .person_of(&reaction.account)
            .ok_or_else(|| "nobody in the policy repo has this account".to_owned())?;
        let principal = Principal::Person(person.id.clone());
        if snapshot.repo.live_ban(&principal, self.now()).is_some() {
            return Err("they are banned".to_owned());
        }
        let (platform, id) = &incident.place;
        let Some(channel) = snapshot.repo.channel_at(platform, id) else {
            return Err("this channel is not in the policy repo any more".to_owned());
        };
        if !channel.is_good_for(Wanted::Requests, platform) {
            let on = channel.good_for(Wanted::Requests);
            return Err(match on.is_empty() {
                true => "answers are not taken in this channel".to_owned(),
                false => {
                    let on: Vec<String> = on.iter().map(ToString::to_string).collect();
                    format!("answers are taken on {} only", join(&on, "and"))
                }
            });
        }
        if reaction.at.is_some_and(|at| at < incident.changed) {
            return Err("it was given before this was found; react once more".to_owned());
        }
        if incident.found != Found::Differs && reaction.sign != Sign::Ignore {
            return Err("nobody can tell what differs now".to_owned());
        }
        Ok(person.id.clone())
    }

    /// Leaves an incident as it is for a while, if policy lets the person decide that.
    pub(super) async fn ignore(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        incident: &Incident,
        wish: &Wish<'_>,
        length: SignedDuration,
        reason: Option<String>,
    ) -> Result<Result<(), String>, EngineError> {
        if length > LONGEST_IGNORE {
            return Ok(Err("drift can be ignored for 30 days at most".to_owned()));
        }
        let now = self.now();
        let scene = Scene { via: Via::Chat, channel: wish.channel.as_ref(), now };
        let principal = Principal::Person(wish.person.clone());
        let act = Act::Ignore(&incident.key.intent, &incident.key.target);
        if !policy::may(snapshot, &principal, &act, &scene).allowed {
            return Ok(Err("policy does not let them ignore it".to_owned()));
        }
        let until = now.checked_add(length).unwrap_or(jiff::Timestamp::MAX);
        let ignored = Ignored { by: wish.person.clone(), until, reason };
        self.tell(snapshot, &incident.key, Event::Ignored(ignored), None).await?;
        self.wake_standing();
        Ok(Ok(()))
    }

    /// Says whether policy lets a person propose what is live.
    pub(super) fn may_keep(&self, snapshot: &Snapshot, wish: &Wish<'_>) -> bool {
        let scene = Scene { via: Via::Chat, channel: wish.channel.as_ref(), now: self.now() };
        let principal = Principal::Person(wish.person.clone());
        let act = Act::Propose(ChangeKind::File, None);
        policy::may(snapshot, &principal, &act, &scene).allowed
    }

    /// Reads the reactions on a card that is still Tribune's own.
    async fn reactions_on(
        &self,
        incident: &Incident,
    ) -> Result<Result<Vec<Reaction>, String>, EngineError> {
        let Some(post) = self.ports.store.post(&reply::key(incident.id)).await? else {
            return Ok(Ok(Vec::new()));
        };
        let (Some(posted), Some(first)) = (post.posted, post.first_text) else {
            return Ok(Ok(Vec::new()));
        };
        let Some(chat) = self.ports.chats.get(&posted.at.platform) else {
            return Ok(Err(format!("{} is not connected", posted.at.platform)));
        };
        Ok(read(chat.as_ref(), &posted.at, &first).await)
    }

    /// Returns whose reaction it is: a person of the policy repo, or an account. What is no
    /// person's own account now does not stand in the way of one that is.
    fn shown_account(&self, snapshot: &Snapshot, reaction: &Reaction) -> String {
        let account = &reaction.account;
        match snapshot.repo.person_of(account) {
            Some(person) if reaction.kind == AuthorKind::Human => format!("@{}", person.id),
            Some(_) | None => account.to_string(),
        }
    }
}

async fn read(
    chat: &dyn Chat,
    at: &crate::domain::message::MessageRef,
    first: &str,
) -> Result<Vec<Reaction>, String> {
    let message = match chat.read(at).await {
        Ok(Some(message)) => message,
        Ok(None) => return Ok(Vec::new()),
        // What is not shown is not taken back: it would be acted on again once it is shown.
        Err(error) => return Err(error.to_string()),
    };
    // On a card that somebody else changed, nobody knows what people reacted to.
    if message.edited == Edited::ByOther || above_rule(&message.text) != above_rule(first) {
        return Err("somebody else changed its card".to_owned());
    }
    let mut reactions = chat.reactions(at).await.map_err(|error| error.to_string())?;
    reactions
        .retain(|reaction| reaction.kind != AuthorKind::Tribune && reaction.sign != Sign::Veto);
    Ok(reactions)
}
