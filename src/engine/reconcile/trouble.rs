//! A revision that is not applied: one message, edited in place until it is cleared, and the
//! ways in which people let it pass all the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::record::Told;
use super::{Engine, EngineError, Leniency};
use crate::domain::audit::{Entry, Event};
use crate::domain::body::Span;
use crate::domain::channel::Wanted;
use crate::domain::id::{PersonId, Revision, RoleName};
use crate::domain::message::{AuthorKind, Edited, Message, Place, Post, PostKey, Sign};
use crate::domain::person::Principal;
use crate::domain::reply::revision as reply;
use crate::ports::revision::{Fate, RevisionRecord};
use crate::ports::source::Pin;
use crate::ports::store::{Change, SourceState, Trouble, TroubleKind};

/// Admins who must agree to let a revision pass the delta guard.
const AGREEING: usize = 2;

/// Returns the name of the message about a trouble: one for as long as there is trouble. What
/// people can agree to has one of its own, so that nobody agrees to what they did not read.
pub(super) fn key(trouble: &Trouble) -> PostKey {
    let since = trouble.since.as_millisecond();
    PostKey(match trouble.kind {
        TroubleKind::Delta => format!("trouble:{since}:{}", trouble.revision),
        TroubleKind::Bad | TroubleKind::Trust | TroubleKind::Diverged | TroubleKind::Unreadable => {
            format!("trouble:{since}")
        }
    })
}

/// Why a revision cannot be let pass by hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptRefused {
    /// Nothing is held.
    #[error("no revision is held")]
    NothingHeld,
    /// Another one is held.
    #[error("the revision that is held is {0}")]
    Other(Revision),
    /// What is wrong with it cannot be passed over.
    #[error("{0}: mend it by another commit")]
    Bad(String),
    /// It does not descend from the applied revision.
    #[error("history was rewritten: that takes `tribune source rearm`")]
    Diverged,
}

impl Engine {
    /// Keeps a revision from being applied, and says so.
    pub(super) async fn hold(
        &self,
        mut state: SourceState,
        mut trouble: Trouble,
        words: Vec<Vec<Span>>,
    ) -> Result<(), EngineError> {
        if let Some(before) = &state.trouble {
            trouble.since = before.since;
        }
        tracing::warn!(revision = %trouble.revision, why = %trouble.summary, "not applied");
        let entry = Entry {
            at: self.now(),
            actor: None,
            event: Event::RevisionRefused,
            request: None,
            revision: Some(trouble.revision.clone()),
            detail: json!({
                "kind": trouble.kind,
                "why": trouble.summary,
                "problems": trouble.diagnostics.len(),
                "applied": state.applied,
            }),
        };
        self.ports.source.pin(&Pin::Held, Some(&trouble.revision)).await?;
        let record = self.record_held(&state, &trouble, &words).await?;
        let mut posts: Vec<Post> = self.trouble_post(&trouble).await?.into_iter().collect();
        if let Some(before) = state.trouble.take()
            && key(&before) != key(&trouble)
        {
            let place = self.place_of_post(&key(&before), self.operations_place()).await?;
            posts.extend(place.map(|place| Post {
                key: key(&before),
                place,
                body: reply::overtaken(&before.revision, &before.summary, key(&trouble)),
                seeds: Vec::new(),
            }));
        }
        state.trouble = Some(trouble);
        let change = Change {
            audit: vec![entry],
            source: Some(state),
            posts,
            revisions: vec![record],
            ..Change::default()
        };
        self.ports.store.commit(change).await?;
        self.wake_outbox();
        self.wake_ledger();
        Ok(())
    }

    async fn record_held(
        &self,
        state: &SourceState,
        trouble: &Trouble,
        words: &[Vec<Span>],
    ) -> Result<RevisionRecord, EngineError> {
        let commit = self.ports.source.commit(&trouble.revision).await?;
        let before = state.applied.as_ref();
        // What cannot be read has no diff; its record says why.
        let diff = self.diff(before, &trouble.revision).await.unwrap_or_default();
        let (kind, summary) = (trouble.kind, trouble.summary.clone());
        let fate = Fate::Held { kind, summary };
        let diagnostics = &trouble.diagnostics;
        Ok(self
            .record(Told { fate, commit: &commit, before, words, diagnostics, diff: &diff })
            .await)
    }

    async fn trouble_post(&self, trouble: &Trouble) -> Result<Option<Post>, EngineError> {
        let place = self.place_of_post(&key(trouble), self.operations_place()).await?;
        let Some(place) = place else { return Ok(None) };
        let commit = self.ports.source.commit(&trouble.revision).await?;
        let pull = self.ports.forge.pull_of(&trouble.revision).await.ok().flatten();
        let about = reply::About {
            revision: &commit.revision,
            author: &commit.author,
            subject: &commit.subject,
        };
        let way_out = match trouble.kind {
            TroubleKind::Bad | TroubleKind::Unreadable => reply::WayOut::Mend,
            TroubleKind::Trust => reply::WayOut::Accept,
            TroubleKind::Diverged => reply::WayOut::Rearm,
            TroubleKind::Delta if self.takes_agreement(&place) => reply::WayOut::Agree,
            TroubleKind::Delta => reply::WayOut::Host,
        };
        let seeds = match way_out {
            reply::WayOut::Agree => vec![Sign::Approve],
            reply::WayOut::Mend
            | reply::WayOut::Accept
            | reply::WayOut::Rearm
            | reply::WayOut::Host => Vec::new(),
        };
        let held = reply::Held {
            summary: &trouble.summary,
            diagnostics: &trouble.diagnostics,
            since: trouble.since,
            way_out,
        };
        let body = reply::held(&about, pull.as_ref(), &held);
        Ok(Some(Post { key: key(trouble), place, body, seeds }))
    }

    /// Says whether admins can let pass what is held where it is told: where approvals count.
    fn takes_agreement(&self, place: &Place) -> bool {
        match place {
            Place::Channel(platform, id) => self
                .applied()
                .is_some_and(|it| it.repo.is_good_for(Wanted::Approvals, platform, id)),
            Place::ThreadOf(_) | Place::Reply(_) | Place::Direct(_) => false,
        }
    }

    /// The watched branch is at the applied revision; trouble, if there was any, is over.
    pub(super) async fn nothing_new(
        &self,
        before: SourceState,
        mut state: SourceState,
    ) -> Result<(), EngineError> {
        let Some(trouble) = state.trouble.take() else { return self.note(before, state).await };
        let applied = state.applied.clone();
        let place = self.place_of_post(&key(&trouble), self.operations_place()).await?;
        let posts = place.zip(applied).map(|(place, applied)| Post {
            key: key(&trouble),
            place,
            body: reply::cleared(&trouble.revision, &trouble.summary, &applied),
            seeds: Vec::new(),
        });
        let change =
            Change { source: Some(state), posts: posts.into_iter().collect(), ..Change::default() };
        self.ports.store.commit(change).await?;
        self.wake_outbox();
        Ok(())
    }

    /// Lets the held revision pass what holds it now, in the name of `by`: who accepts what is
    /// not signed has not yet agreed to how much it takes away.
    pub async fn accept(
        self: &Arc<Self>,
        revision: &Revision,
        reason: &str,
        by: &Principal,
    ) -> Result<Result<(), AcceptRefused>, EngineError> {
        let _one_at_a_time = self.reconciling.lock().await;
        let mut state = self.ports.store.source().await?;
        let Some(trouble) = &state.trouble else { return Ok(Err(AcceptRefused::NothingHeld)) };
        if trouble.revision != *revision {
            return Ok(Err(AcceptRefused::Other(trouble.revision.clone())));
        }
        match trouble.kind {
            TroubleKind::Delta => state.agreed.push(revision.clone()),
            TroubleKind::Trust => {
                let way = self.way_to(&state, revision).await?;
                state.accepted.extend(way.unwrap_or_else(|| vec![revision.clone()]));
            }
            TroubleKind::Diverged => return Ok(Err(AcceptRefused::Diverged)),
            TroubleKind::Bad | TroubleKind::Unreadable => {
                return Ok(Err(AcceptRefused::Bad(trouble.summary.clone())));
            }
        }
        self.accepted_by_hand(state, revision, reason, by).await?;
        self.advance(Leniency::No).await?;
        Ok(Ok(()))
    }

    /// Starts anew from a revision that need not descend from the applied one.
    pub async fn rearm(
        self: &Arc<Self>,
        revision: &Revision,
        reason: &str,
        by: &Principal,
    ) -> Result<Result<(), AcceptRefused>, EngineError> {
        let _one_at_a_time = self.reconciling.lock().await;
        let mut state = self.ports.store.source().await?;
        let observed = state.observed.clone();
        if observed.as_ref() != Some(revision) {
            return Ok(Err(match observed {
                Some(observed) => AcceptRefused::Other(observed),
                None => AcceptRefused::NothingHeld,
            }));
        }
        state.accepted.push(revision.clone());
        state.agreed.push(revision.clone());
        self.accepted_by_hand(state, revision, reason, by).await?;
        self.advance(Leniency::Diverged(revision)).await?;
        Ok(Ok(()))
    }

    async fn way_to(
        &self,
        state: &SourceState,
        revision: &Revision,
    ) -> Result<Option<Vec<Revision>>, EngineError> {
        let Some(applied) = &state.applied else { return Ok(None) };
        Ok(match self.ports.source.path(applied, revision).await? {
            crate::ports::source::Lineage::Forward(path) => Some(path),
            crate::ports::source::Lineage::Diverged => None,
        })
    }

    async fn accepted_by_hand(
        &self,
        state: SourceState,
        revision: &Revision,
        reason: &str,
        by: &Principal,
    ) -> Result<(), EngineError> {
        let now = self.now();
        let entry = Entry {
            at: now,
            actor: Some(by.clone()),
            event: Event::RevisionAccepted,
            request: None,
            revision: Some(revision.clone()),
            detail: json!({ "reason": reason }),
        };
        let post = self.operations_place().map(|place| Post {
            key: PostKey(format!("accepted:{revision}:{}", now.as_millisecond())),
            place,
            body: reply::accepted(revision, by, reason),
            seeds: Vec::new(),
        });
        let commit = self.ports.source.commit(revision).await?;
        let fate = Fate::LetPass { by: by.clone(), reason: reason.to_owned() };
        let before = state.applied.as_ref();
        let told = Told { fate, commit: &commit, before, words: &[], diagnostics: &[], diff: "" };
        let record = self.record(told).await;
        let change = Change {
            audit: vec![entry],
            source: Some(state),
            posts: post.into_iter().collect(),
            revisions: vec![record],
            ..Change::default()
        };
        self.ports.store.commit(change).await?;
        self.wake_outbox();
        self.wake_ledger();
        Ok(())
    }

    /// Counts the agreement with what is held now, if anything is.
    pub(in crate::engine) async fn count_any_agreement(
        self: &Arc<Self>,
    ) -> Result<(), EngineError> {
        match self.ports.store.source().await?.trouble {
            Some(trouble) => self.count_agreement(&key(&trouble)).await,
            None => Ok(()),
        }
    }

    /// Returns the addresses of everybody who wrote something between the applied revision and
    /// this one.
    async fn authors(
        &self,
        state: &SourceState,
        revision: &Revision,
    ) -> Result<BTreeSet<String>, EngineError> {
        let source = &self.ports.source;
        let way = self.way_to(state, revision).await?.unwrap_or_else(|| vec![revision.clone()]);
        let mut authors = BTreeSet::new();
        for step in way {
            authors.insert(source.commit(&step).await?.email);
            authors.extend(source.brought(&step).await?.into_iter().map(|commit| commit.email));
        }
        Ok(authors)
    }

    /// Counts the admins who agree, on its message, to what the delta guard holds; two let it
    /// pass. Admins are those of the last accepted snapshot, and its authors are none of them.
    pub(in crate::engine) async fn count_agreement(
        self: &Arc<Self>,
        post: &PostKey,
    ) -> Result<(), EngineError> {
        let state = self.ports.store.source().await?;
        let Some(trouble) = state.trouble.as_ref().filter(|trouble| key(trouble) == *post) else {
            return Ok(());
        };
        let Some(at) = self.where_posted(post).await? else { return Ok(()) };
        let (Some(chat), Some(snapshot)) = (self.ports.chats.get(&at.platform), self.applied())
        else {
            return Ok(());
        };
        let place = Place::Channel(at.platform.clone(), at.channel.clone());
        if trouble.kind != TroubleKind::Delta || !self.takes_agreement(&place) {
            return Ok(());
        }
        // Nobody agrees to what they could not read.
        let told = self.ports.store.post(post).await?.and_then(|it| it.posted);
        let read = chat.read(&at).await?;
        let ours = |it: &Message| {
            it.edited != Edited::ByOther && told.is_some_and(|told| told.text == it.text)
        };
        if !read.as_ref().is_some_and(ours) {
            tracing::warn!(post = %post, "what is held is not told as Tribune wrote it");
            return Ok(());
        }
        let authors = self.authors(&state, &trouble.revision).await?;
        let admin: RoleName = "admin".parse().expect("a valid role name");
        let now = self.now();
        let mut agreeing: Vec<PersonId> = Vec::new();
        for reaction in chat.reactions(&at).await? {
            let person = snapshot.repo.person_of(&reaction.account);
            let Some(person) = person.filter(|_| reaction.kind == AuthorKind::Human) else {
                continue;
            };
            let wrote = person.forge.values().flatten().any(|id| authors.contains(id.as_str()));
            let banned =
                snapshot.repo.live_ban(&Principal::Person(person.id.clone()), now).is_some();
            if reaction.sign == Sign::Approve
                && snapshot.repo.roles_of(&person.id).contains(&admin)
                && !wrote
                && !banned
                && !agreeing.contains(&person.id)
            {
                agreeing.push(person.id.clone());
            }
        }
        if agreeing.len() < AGREEING {
            return Ok(());
        }
        let names: Vec<String> = agreeing.iter().map(|person| format!("@{person}")).collect();
        let reason = format!("{} agreed in chat", crate::domain::reply::join(&names, "and"));
        let by = Principal::Person(agreeing[0].clone());
        if let Err(refused) = self.accept(&trouble.revision, &reason, &by).await? {
            tracing::warn!(%refused, "agreement came too late");
        }
        Ok(())
    }
}
