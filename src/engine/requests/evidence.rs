//! Reading evidence from the chat server and the forge, as it is there now.
//!
//! Reactions count only on the card of the current digest, typed votes only as unedited replies
//! in its thread. Every vote that does not count is kept with the reason, so that the card can
//! say it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use super::{Engine, EngineError};
use crate::domain::channel::Wanted;
use crate::domain::command::{self, Command, Vocabulary};
use crate::domain::evidence::{Evidence, Ignored, Means, Vote};
use crate::domain::id::{PersonId, RoleName};
use crate::domain::message::{AuthorKind, Edited, Message, MessageRef, Sign};
use crate::domain::person::{Account, Principal};
use crate::domain::reply::card::{self, above_rule};
use crate::domain::request::Request;
use crate::policy::{self, Question, Snapshot};
use crate::ports::chat::{Chat, ChatError};
use crate::ports::store::OutboxPost;

/// What is so about a request, as the world tells it now.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What counts.
    pub evidence: Evidence,
    /// What does not count: whose, and why.
    pub ignored: Vec<(String, Ignored)>,
    /// Why the citation does not count, in words.
    pub citation: Vec<String>,
    /// Why the card is no longer what people approved, if so.
    pub broken: Option<String>,
    /// The card as the store had it then.
    pub card: Option<OutboxPost>,
}

/// Evidence cannot be read now, so the request waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One vote as it stands in the chat, before anybody judged it.
struct RawVote {
    sign: Sign,
    account: Account,
    kind: AuthorKind,
    means: Means,
    at: Timestamp,
    reason: Option<String>,
}

impl Engine {
    /// Reads all evidence for a request. The outer error is the store's.
    pub(in crate::engine) async fn facts(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        now: Timestamp,
    ) -> Result<Result<Facts, Unreadable>, EngineError> {
        let card = self.ports.store.post(&card::key(request.id, request.card)).await?;
        let votes = self.card_votes(snapshot, request, card.as_ref(), now).await;
        let mut facts = Facts { card, ..Facts::default() };
        match votes {
            Ok(Card::Votes(votes)) => self.sort_votes(snapshot, request, votes, &mut facts, now),
            Ok(Card::Broken(why)) => facts.broken = Some(why),
            Err(unreadable) => return Ok(Err(unreadable)),
        }
        if let Some(pull) = &request.cites {
            match self.citation(snapshot, request, pull, now).await? {
                Ok(found) => {
                    facts.evidence.citation = found.citation;
                    facts.citation = found.notes;
                }
                Err(unreadable) => return Ok(Err(unreadable)),
            }
        }
        Ok(Ok(facts))
    }

    async fn card_votes(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        card: Option<&OutboxPost>,
        now: Timestamp,
    ) -> Result<Card, Unreadable> {
        let standing =
            card.and_then(|card| Some((card.posted.as_ref()?, card.first_text.as_ref()?)));
        let Some((posted, first)) = standing else { return Ok(Card::Votes(Vec::new())) };
        let Some(chat) = self.ports.chats.get(&posted.at.platform) else {
            let platform = &posted.at.platform;
            return Err(Unreadable(format!("{platform}, where its card is, is not connected")));
        };
        read_card(chat.as_ref(), &posted.at, first, snapshot, request, now).await
    }

    fn sort_votes(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        votes: Vec<RawVote>,
        facts: &mut Facts,
        now: Timestamp,
    ) {
        let mut counted: BTreeMap<(Sign, PersonId), ()> = BTreeMap::new();
        for vote in votes {
            match judge(snapshot, request, &vote, now) {
                Ok(person) => {
                    // One person counts once, however many accounts and ways they use.
                    if counted.insert((vote.sign, person.clone()), ()).is_none() {
                        let list = match vote.sign {
                            Sign::Approve => &mut facts.evidence.approvals,
                            Sign::Veto => &mut facts.evidence.vetoes,
                            Sign::Keep | Sign::Ignore => continue,
                        };
                        list.push(Vote {
                            person,
                            means: vote.means,
                            at: vote.at,
                            reason: vote.reason,
                        });
                    }
                }
                Err(why) => {
                    let name = self
                        .ports
                        .chats
                        .get(&vote.account.platform)
                        .map(|chat| chat.name(&vote.account))
                        .unwrap_or_else(|| vote.account.to_string());
                    if !facts.ignored.contains(&(name.clone(), why)) {
                        facts.ignored.push((name, why));
                    }
                }
            }
        }
    }
}

/// A card as it stands.
enum Card {
    /// What people said on it.
    Votes(Vec<RawVote>),
    /// Why it is no longer what they were asked.
    Broken(String),
}

async fn read_card(
    chat: &dyn Chat,
    at: &MessageRef,
    first: &str,
    snapshot: &Snapshot,
    request: &Request,
    now: Timestamp,
) -> Result<Card, Unreadable> {
    let Some(message) = readable(chat.read(at).await)? else {
        return Ok(Card::Broken("its card was deleted".to_owned()));
    };
    let changed =
        message.edited == Edited::ByOther || above_rule(&message.text) != above_rule(first);
    if changed {
        return Ok(Card::Broken("somebody else changed its card".to_owned()));
    }
    let mut votes = Vec::new();
    for reaction in readable(chat.reactions(at).await)? {
        let is_vote = matches!(reaction.sign, Sign::Approve | Sign::Veto);
        if reaction.kind == AuthorKind::Tribune || !is_vote {
            continue;
        }
        votes.push(RawVote {
            sign: reaction.sign,
            account: reaction.account,
            kind: reaction.kind,
            means: Means::Reaction,
            at: reaction.at.unwrap_or(now),
            reason: None,
        });
    }
    let mut replies = readable(chat.replies(at).await)?;
    replies.retain(|reply| reply.kind != AuthorKind::Tribune);
    if !replies.is_empty() {
        let vocabulary = Vocabulary { bot: chat.own_names(), ..Vocabulary::of(&snapshot.repo) };
        votes.extend(replies.into_iter().filter_map(|it| typed_vote(it, request, &vocabulary)));
    }
    votes.sort_by_key(|vote| vote.at);
    Ok(Card::Votes(votes))
}

/// INVARIANT: a platform that refuses to show something does not say that nothing is there: a
/// veto that cannot be read must not be missed, and a card is gone only where the server says so.
fn readable<T>(result: Result<T, ChatError>) -> Result<T, Unreadable> {
    result.map_err(|error| Unreadable(error.to_string()))
}

/// Returns the vote that a reply in the card's thread is, if it is one. Edited means withdrawn.
fn typed_vote(reply: Message, request: &Request, words: &Vocabulary) -> Option<RawVote> {
    if reply.edited != Edited::No {
        return None;
    }
    let (sign, reason) = match command::parse(&reply.text, words) {
        Ok(Some(Command::Approve(id))) if id == request.id => (Sign::Approve, None),
        Ok(Some(Command::Deny { request: id, reason })) if id == request.id => (Sign::Veto, reason),
        Ok(_) | Err(_) => return None,
    };
    Some(RawVote {
        sign,
        account: reply.author,
        kind: reply.kind,
        means: Means::Typed,
        at: reply.sent,
        reason,
    })
}

/// Says whose vote it is, or why it does not count. Tribune's own seeds are dropped before.
fn judge(
    snapshot: &Snapshot,
    request: &Request,
    vote: &RawVote,
    now: Timestamp,
) -> Result<PersonId, Ignored> {
    match vote.kind {
        AuthorKind::Human => {}
        AuthorKind::Tribune | AuthorKind::Machine => return Err(Ignored::NotHuman),
        AuthorKind::Deactivated => return Err(Ignored::Deactivated),
        AuthorKind::Absent => return Err(Ignored::Absent),
    }
    let person = snapshot.repo.person_of(&vote.account).ok_or(Ignored::Unknown)?;
    if request.requester.person() == Some(&person.id) {
        return Err(Ignored::Requester);
    }
    if snapshot.repo.live_ban(&Principal::Person(person.id.clone()), now).is_some() {
        return Err(Ignored::Banned);
    }
    let (platform, id) = &request.card_place;
    match snapshot.repo.channel_at(platform, id) {
        Some(channel) if channel.is_good_for(Wanted::Approvals, platform) => {}
        Some(channel) if channel.approve => return Err(Ignored::Place),
        Some(_) | None => return Err(Ignored::Channel),
    }
    let none = Evidence::default();
    let question = Question::of(&snapshot.repo, request, &none, now);
    let may = match vote.sign {
        Sign::Approve => may_fill_any(snapshot, &question, &person.id),
        Sign::Veto => may_veto(snapshot, &question, vote, &person.id),
        Sign::Keep | Sign::Ignore => false,
    };
    may.then(|| person.id.clone()).ok_or(Ignored::NotEligible)
}

/// Says whether policy lets a person fill any slot of the intent; where it has none, whether
/// they may approve it by a role that they hold.
fn may_fill_any(snapshot: &Snapshot, question: &Question<'_>, person: &PersonId) -> bool {
    let rule = snapshot.repo.intents.get(question.intent).and_then(|it| it.approval.as_ref());
    let roles: BTreeSet<RoleName> = match rule {
        Some(rule) => rule.slots.iter().map(|slot| slot.role.clone()).collect(),
        None => snapshot.repo.roles_of(person),
    };
    roles.iter().any(|role| policy::may_fill(snapshot, question, person, role))
}

/// Says whether policy lets this veto end the request.
fn may_veto(
    snapshot: &Snapshot,
    question: &Question<'_>,
    vote: &RawVote,
    person: &PersonId,
) -> bool {
    let veto = Vote {
        person: person.clone(),
        means: vote.means,
        at: vote.at,
        reason: vote.reason.clone(),
    };
    let evidence = Evidence { vetoes: vec![veto], ..Evidence::default() };
    let question = Question { evidence: &evidence, ..*question };
    !policy::standing_vetoes(snapshot, &question).is_empty()
}
