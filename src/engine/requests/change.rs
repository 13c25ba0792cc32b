//! From a step of the state machine to the one transaction that makes it so.

use std::borrow::Cow;

use jiff::Timestamp;

use super::evidence::Facts;
use super::names::{Who, some_of};
use super::{Engine, EngineError};
use crate::domain::audit::Entry;
use crate::domain::body::{Block, Body};
use crate::domain::command;
use crate::domain::decision::Decision;
use crate::domain::id::{GroupName, PersonId, RoleName};
use crate::domain::intent::{Intent, Notify};
use crate::domain::message::{Place, Post, PostKey, Sign};
use crate::domain::person::Principal;
use crate::domain::reply::named::Named;
use crate::domain::reply::{card, run as run_reply};
use crate::domain::request::machine::Effect;
use crate::domain::request::{Request, State};
use crate::policy::{self, Question, Snapshot};
use crate::ports::store::{Change, OutboxPost};

/// How a request stands, beside what is stored of it.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The decision just taken.
    pub decision: Option<Decision>,
    /// The facts it was taken on.
    pub facts: Facts,
    /// Why evidence could not be read.
    pub trouble: Option<String>,
    /// What keeps it from starting.
    pub waits_for: Option<String>,
}

impl Engine {
    /// Returns the change that a step makes; `None` if nothing is different.
    pub(in crate::engine) async fn change(
        &self,
        snapshot: &Snapshot,
        before: &Request,
        next: &Request,
        effects: Vec<Effect>,
        standing: &Standing,
        now: Timestamp,
    ) -> Result<Option<Change>, EngineError> {
        let who = self.whom_to_name(snapshot, next, standing, now);
        let mut change = Change { requests: vec![next.clone()], ..Change::default() };
        change.posts.extend(self.card_post(snapshot, next, standing, &who, now).await?);
        if effects.is_empty() && before == next {
            let mut same = true;
            for post in &change.posts {
                let stored = self.stored(&post.key, standing).await?;
                same &= stored.is_some_and(|stored| stored.post.body == post.body);
            }
            if same {
                return Ok(None);
            }
        }
        let has_buttons = self.has_buttons(&next.card_place.0);
        if has_buttons && !change.posts.is_empty() {
            change.offers.push((card::key(next.id, next.card), card::offers(next)));
        }
        for effect in effects {
            match effect {
                Effect::Audit { event, by, detail } => change.audit.push(Entry {
                    at: now,
                    actor: by.map(Principal::Person),
                    event,
                    request: Some(next.id),
                    revision: Some(snapshot.revision.clone()),
                    detail,
                }),
                Effect::NewCard => {
                    let closed = self.closed_card(before, next).await?;
                    let key = closed.as_ref().map(|post| post.key.clone());
                    change.offers.extend(key.filter(|_| has_buttons).map(|key| (key, Vec::new())));
                    change.posts.extend(closed);
                }
                Effect::Remind => {
                    change.posts.extend(call(snapshot, next, &who, card::Again::Reminder));
                }
                Effect::Finish => change.posts.extend(self.outcome_post(snapshot, next, now)),
                Effect::Repaint | Effect::Dispatch => {}
            }
        }
        if next.state == State::NeedsApproval {
            change.posts.extend(call(snapshot, next, &who, card::Again::First));
        }
        Ok(Some(change))
    }

    /// Returns a post; the card is not read a second time.
    async fn stored<'a>(
        &self,
        key: &PostKey,
        standing: &'a Standing,
    ) -> Result<Option<Cow<'a, OutboxPost>>, EngineError> {
        match &standing.facts.card {
            Some(card) if card.post.key == *key => Ok(Some(Cow::Borrowed(card))),
            Some(_) | None => Ok(self.ports.store.post(key).await?.map(Cow::Owned)),
        }
    }

    /// Returns the posts of a request's current card.
    async fn card_post(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        standing: &Standing,
        who: &[Named],
        now: Timestamp,
    ) -> Result<Vec<Post>, EngineError> {
        let key = card::key(request.id, request.card);
        let (platform, channel) = request.card_place.clone();
        let command = command::Ask::of(request).to_string();
        let groups = groups_of(snapshot, request);
        let stored = self.stored(&key, standing).await?;
        // INVARIANT: what people approve is repeated to the letter, whatever the policy repo
        // says by now. An intent that is gone leaves only the stored text.
        let head = match (&stored, snapshot.repo.intents.get(&request.intent)) {
            (Some(stored), _) => above_rule(&stored.post.body),
            (None, Some(intent)) => card::head(request, intent, &groups, &command),
            (None, None) => return Ok(Vec::new()),
        };
        let status = card::Status {
            decision: standing.decision.as_ref(),
            ignored: standing.facts.ignored.clone(),
            who: who.to_vec(),
            waits_for: standing.waits_for.clone(),
            trouble: standing.trouble.clone(),
            citation: standing.facts.citation.clone(),
            ban: snapshot.repo.live_ban(&request.requester, now),
        };
        let seeds = match snapshot.repo.intents.get(&request.intent).map(takes_votes) {
            Some(true) => vec![Sign::Approve, Sign::Veto],
            Some(false) | None => Vec::new(),
        };
        let mut posts = vec![Post {
            key: key.clone(),
            place: Place::Channel(platform, channel),
            body: card::card(head, request, &status, now),
            seeds: stored.map_or(seeds, |stored| stored.post.seeds.clone()),
        }];
        if request.targets.len() > card::MANY_TARGETS {
            posts.push(Post {
                key: PostKey(format!("{key}:targets")),
                place: Place::ThreadOf(key),
                body: card::target_list(request),
                seeds: Vec::new(),
            });
        }
        Ok(posts)
    }

    /// Returns the old card as it stands from now on: closed, with a link to the new one.
    async fn closed_card(
        &self,
        before: &Request,
        next: &Request,
    ) -> Result<Option<Post>, EngineError> {
        let stored = self.ports.store.post(&card::key(before.id, before.card)).await?;
        Ok(stored.map(|stored| Post {
            body: card::closed(above_rule(&stored.post.body), card::key(next.id, next.card)),
            ..stored.post
        }))
    }

    /// Returns what the requester hears privately when a request has ended.
    fn outcome_post(&self, snapshot: &Snapshot, request: &Request, now: Timestamp) -> Option<Post> {
        // In a direct message the card itself says it.
        request.channel.as_ref()?;
        let person = snapshot.repo.people.get(request.requester.person()?)?;
        let asked_on = request.message.as_ref().map_or(&request.card_place.0, |it| &it.platform);
        let account = self.account_of(person, Some(asked_on))?;
        let command = command::Ask::of(request).to_string();
        let card = card::key(request.id, request.card);
        let ban = snapshot.repo.live_ban(&request.requester, now);
        Some(Post {
            key: run_reply::outcome_key(request.id),
            place: Place::Direct(account),
            body: run_reply::outcome(request, &command, card, ban, now),
            seeds: Vec::new(),
        })
    }
}

/// Returns the mention of people who could fill what is missing, once per card.
fn call(snapshot: &Snapshot, request: &Request, who: &[Named], again: card::Again) -> Option<Post> {
    let rule = snapshot.repo.intents.get(&request.intent)?.approval.as_ref()?;
    if rule.notify == Notify::Nobody || request.state != State::NeedsApproval {
        return None;
    }
    let mut people: Vec<PersonId> = who.iter().flat_map(|it| &it.people).cloned().collect();
    people.sort();
    people.dedup();
    if people.is_empty() {
        return None;
    }
    // The first call keeps saying what it said: it mentions people once, not as slots fill.
    let body = match again {
        card::Again::First if !request.votes.is_empty() => return None,
        card::Again::First | card::Again::Reminder => card::call(request.id, &people, again),
    };
    Some(Post {
        key: card::call_key(request.id, request.card, again),
        place: Place::ThreadOf(card::key(request.id, request.card)),
        body,
        seeds: Vec::new(),
    })
}

/// Says whether votes on a card of this intent can mean something.
pub(in crate::engine) fn takes_votes(intent: &Intent) -> bool {
    intent.approval.as_ref().is_some_and(|rule| !rule.slots.is_empty() || !rule.veto.is_empty())
}

fn above_rule(body: &Body) -> Vec<Block> {
    body.0.iter().take_while(|block| **block != Block::Rule).cloned().collect()
}

/// Returns the groups by which the targets were named.
pub(super) fn groups_of(snapshot: &Snapshot, request: &Request) -> Vec<GroupName> {
    let groups = &snapshot.repo.inventory.groups;
    let named = |name: &String| groups.keys().find(|group| group.as_str() == name);
    request.asked_targets.iter().filter_map(named).cloned().collect()
}

/// Returns who could have asked for what was denied.
fn who_could_ask(
    snapshot: &Snapshot,
    request: &Request,
    standing: &Standing,
    now: Timestamp,
) -> Who {
    if standing.decision.is_none() || snapshot.repo.live_ban(&request.requester, now).is_some() {
        return Who::new();
    }
    let question = Question::of(&snapshot.repo, request, &standing.facts.evidence, now);
    let could = policy::could_run(snapshot, &question);
    let holds = |role: &RoleName, person: &PersonId| snapshot.repo.roles_of(person).contains(role);
    let by_role = could.roles.iter().map(|role| {
        let people = could.people.iter().filter(|person| holds(role, person));
        (role.clone(), people.cloned().collect())
    });
    some_of(request.id, by_role)
}

impl Engine {
    /// Returns who could fill what is missing or, of a denied request, who could have asked.
    fn whom_to_name(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        standing: &Standing,
        now: Timestamp,
    ) -> Who {
        match request.state {
            State::Denied => who_could_ask(snapshot, request, standing, now),
            _ => self.names(snapshot, request, &standing.facts.evidence, now),
        }
    }

    /// Writes a step of a request while no policy repo is applied: clocks only.
    pub(in crate::engine) async fn commit_without_snapshot(
        &self,
        next: Request,
        effects: Vec<Effect>,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let audit = effects.into_iter().filter_map(|effect| match effect {
            Effect::Audit { event, by, detail } => Some(Entry {
                at: now,
                actor: by.map(Principal::Person),
                event,
                request: Some(next.id),
                revision: None,
                detail,
            }),
            Effect::Repaint
            | Effect::NewCard
            | Effect::Remind
            | Effect::Dispatch
            | Effect::Finish => None,
        });
        let change = Change { audit: audit.collect(), requests: vec![next], ..Change::default() };
        self.ports.store.commit(change).await?;
        Ok(())
    }
}
