//! Applying a revision: one transaction, then the swap, then everything open is decided again.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::record::Told;
use super::{Engine, EngineError, guard, trouble};
use crate::domain::audit::{Entry, Event};
use crate::domain::body::{Span, plain};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::id::Revision;
use crate::domain::message::{Place, Post, PostKey};
use crate::domain::reply::revision as reply;
use crate::engine::load::Loaded;
use crate::ports::revision::Fate;
use crate::ports::source::{Commit, Lineage, Pin};
use crate::ports::store::{Change, Expect, SourceState};

/// What is announced of an applied revision.
struct News<'a> {
    commit: &'a Commit,
    words: &'a [Vec<Span>],
    warnings: &'a [Diagnostic],
    diff: &'a str,
}

impl Engine {
    pub(super) async fn apply(
        self: &Arc<Self>,
        mut state: SourceState,
        loaded: Loaded,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let old = self.applied();
        let snapshot = Arc::new(loaded.snapshot);
        let previous = state.applied.replace(snapshot.revision.clone());
        let trouble = state.trouble.take();
        state.applied_at = Some(now);
        state.accepted.clear();
        state.agreed.clear();
        guard::remember(&mut state, &snapshot, now);
        let commit = self.ports.source.commit(&snapshot.revision).await?;
        let words = guard::words(old.as_deref(), &snapshot, now);
        let diff = self.diff(previous.as_ref(), &snapshot.revision).await?;
        let record = self
            .record(Told {
                fate: Fate::Applied,
                commit: &commit,
                before: previous.as_ref(),
                words: &words,
                diagnostics: &loaded.warnings,
                diff: &diff,
            })
            .await;
        let mut change = Change {
            expect: previous.clone().map(Expect::Applied).into_iter().collect(),
            audit: vec![Entry {
                at: now,
                actor: None,
                event: Event::RevisionApplied,
                request: None,
                revision: Some(snapshot.revision.clone()),
                detail: json!({
                    "previous": previous,
                    "author": commit.author,
                    "subject": commit.subject,
                    "changes": words.iter().map(|line| plain(line)).collect::<Vec<_>>(),
                }),
            }],
            sightings: self.sightings(previous.as_ref(), &snapshot.revision, now).await?,
            source: Some(state),
            revisions: vec![record],
            ..Change::default()
        };
        // The message about what was wrong stays where it is, wherever news go from now on.
        let told_in = match &trouble {
            Some(trouble) => self.place_of_post(&trouble::key(trouble), None).await?,
            None => None,
        };
        // News go to the operations channel of the snapshot that comes into force.
        let before = self.deciding.apply(Some(Arc::clone(&snapshot)));
        if let Some(trouble) = &trouble {
            let place = told_in.or_else(|| self.operations_place());
            let body = reply::cleared(&trouble.revision, &trouble.summary, &snapshot.revision);
            let key = trouble::key(trouble);
            change.posts.extend(place.map(|place| Post { key, place, body, seeds: Vec::new() }));
        }
        let news = News { commit: &commit, words: &words, warnings: &loaded.warnings, diff: &diff };
        change.posts.extend(self.news(previous.as_ref(), news, now));
        if let Err(error) = self.ports.store.commit(change).await {
            // INVARIANT: what decides is what the store says is applied.
            self.deciding.apply(before);
            return Err(error.into());
        }
        self.ports.source.pin(&Pin::Applied, Some(&snapshot.revision)).await?;
        self.ports.source.pin(&Pin::Held, None).await?;
        tracing::info!(revision = %snapshot.revision, "applied");
        self.wake_outbox();
        self.wake_ledger();
        self.wake_standing();
        self.wake_calendar();
        self.consider_all().await
    }

    fn news(&self, previous: Option<&Revision>, news: News<'_>, now: Timestamp) -> Vec<Post> {
        let Some(place) = self.operations_place() else { return Vec::new() };
        let News { commit, words, warnings, diff } = news;
        let mut posts = Vec::new();
        // A revision that comes into force once more is news once more.
        let key = PostKey(format!("revision:{}:{}", commit.revision, now.as_millisecond()));
        let about = reply::About {
            revision: &commit.revision,
            author: &commit.author,
            subject: &commit.subject,
        };
        posts.push(Post {
            key: key.clone(),
            place,
            body: reply::applied(&about, previous, words, warnings),
            seeds: Vec::new(),
        });
        if !diff.is_empty() {
            posts.push(Post {
                key: PostKey(format!("{key}:diff")),
                place: Place::ThreadOf(key),
                body: reply::diff(diff, self.options.output_shown),
                seeds: Vec::new(),
            });
        }
        posts
    }

    /// Returns the merges that are seen for the first time. Those that were there before the
    /// first start count from when they say they were made.
    async fn sightings(
        &self,
        previous: Option<&Revision>,
        revision: &Revision,
        now: Timestamp,
    ) -> Result<Vec<(Revision, Timestamp)>, EngineError> {
        let source = &self.ports.source;
        let Some(previous) = previous else {
            let merges = source.merges(revision).await?;
            let seen = merges.into_iter().map(|merge| (merge.revision, merge.committed.min(now)));
            return Ok(seen.collect());
        };
        Ok(match source.path(previous, revision).await? {
            Lineage::Forward(path) => path.into_iter().map(|commit| (commit, now)).collect(),
            Lineage::Diverged => {
                let merges = source.merges(revision).await?;
                merges.into_iter().map(|merge| (merge.revision, now)).collect()
            }
        })
    }
}
