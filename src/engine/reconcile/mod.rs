//! The policy repo to the applied snapshot: fetch, verify, load, check, swap.
//!
//! Attempted, applied and observed are three different revisions. Verify first, then advance:
//! nothing is written of a new revision before its whole way is trusted, it loads without an
//! error, and the delta guard lets it pass; then one transaction applies it. Until then, and
//! after a restart, the last good snapshot decides.

mod apply;
mod guard;
mod record;
mod trouble;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::load::{LoadError, Loaded, load_revision};
use super::{Engine, EngineError};
use crate::domain::body::Span;
use crate::domain::id::Revision;
use crate::domain::trust::{Distrust, Signers, TrustMode};
use crate::policy::Snapshot;
use crate::ports::Retry;
use crate::ports::source::{Lineage, SourceError};
use crate::ports::store::{Change, SourceState, Trouble, TroubleKind};

/// Why a revision is not applied.
enum Obstacle {
    /// It is wrong, or not to be trusted, or too much at once; what it would change is known in
    /// words if it could be loaded.
    Held(Trouble, Vec<Vec<Span>>),
    /// It cannot be read now; nothing is said of it.
    Later(SourceError),
}

/// What may be passed over because a person said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leniency<'a> {
    /// Nothing.
    No,
    /// That this one revision does not descend from the applied one.
    Diverged(&'a Revision),
}

impl Engine {
    /// Reconciles until the engine stops: on the interval, when a local repository changes, and
    /// when asked.
    pub(super) async fn keep_source(self: Arc<Self>) {
        loop {
            let next = self.now() + self.jittered(self.tuning().fetch_every);
            tokio::select! {
                () = self.ports.clock.sleep_until(next) => {}
                () = self.ports.source.changed() => {}
                () = self.source_wake.notified() => {}
            }
            self.reconcile().await;
        }
    }

    /// Asks for a fetch, soon.
    pub fn wake_source(&self) {
        self.source_wake.notify_one();
    }

    /// Adds up to a tenth by chance, so that many daemons do not fetch in step.
    pub(super) fn jittered(&self, every: SignedDuration) -> SignedDuration {
        let mut byte = [0_u8; 1];
        self.ports.clock.random(&mut byte);
        every + every / 10 * i32::from(byte[0]) / 255
    }

    /// Loads what was applied when the daemon last ran, whatever the remote has become.
    pub(super) async fn restore_applied(&self) -> Result<(), EngineError> {
        let Some(applied) = self.ports.store.source().await?.applied else { return Ok(()) };
        match load_revision(self.ports.source.as_ref(), &applied).await {
            Ok(loaded) => drop(self.deciding.apply(Some(Arc::new(loaded.snapshot)))),
            Err(error) => {
                tracing::error!(revision = %applied, %error, "the applied revision cannot be loaded; nothing is permitted");
            }
        }
        Ok(())
    }

    /// Fetches once and applies what may be applied. What went wrong is recorded and said, and
    /// returned with the state.
    pub async fn reconcile(self: &Arc<Self>) -> SourceState {
        let _one_at_a_time = self.reconciling.lock().await;
        if let Err(error) = self.advance(Leniency::No).await {
            tracing::error!(%error, "failed to reconcile the policy repo");
        }
        self.ports.store.source().await.unwrap_or_default()
    }

    async fn advance(self: &Arc<Self>, leniency: Leniency<'_>) -> Result<(), EngineError> {
        let mut state = self.ports.store.source().await?;
        let before = state.clone();
        let observed = match self.ports.source.fetch().await {
            Ok(observed) => observed,
            Err(error) => return self.unfetched(state, error).await,
        };
        let now = self.now();
        state.unreachable = None;
        state.observed = Some(observed.clone());
        state.fetched_at = Some(now);
        if state.applied.as_ref() == Some(&observed) && self.applied().is_some() {
            return self.nothing_new(before, state).await;
        }
        if leniency == Leniency::No && self.is_wrong_still(&state, &observed, now).await? {
            return self.note(before, state).await;
        }
        state.attempted = Some(observed.clone());
        // What was pushed since a person named a revision is not what they spoke of.
        let target = match (leniency, &state.applied, &self.options.start) {
            (Leniency::Diverged(named), ..) => named.clone(),
            (Leniency::No, None, Some(start)) => start.clone(),
            (Leniency::No, ..) => observed,
        };
        match self.try_revision(&state, &target, leniency, now).await? {
            Ok(loaded) => {
                let more = state.observed.as_ref() != Some(&target);
                self.apply(state, loaded, now).await?;
                if more { Box::pin(self.advance(Leniency::No)).await } else { Ok(()) }
            }
            Err(Obstacle::Held(trouble, words)) => self.hold(state, trouble, words).await,
            Err(Obstacle::Later(error)) => self.unfetched(state, error).await,
        }
    }

    /// Says whether this revision was tried, and what was wrong with it still is. Nothing but who
    /// may sign changes without another revision: bans begin and end.
    async fn is_wrong_still(
        &self,
        state: &SourceState,
        observed: &Revision,
        now: Timestamp,
    ) -> Result<bool, EngineError> {
        let tried = state.trouble.as_ref().filter(|it| it.revision == *observed);
        let Some(trouble) = tried.filter(|it| !state.is_let_pass(it)) else { return Ok(false) };
        let (Some(from), Some(snapshot)) = (&state.applied, self.applied()) else {
            return Ok(true);
        };
        if trouble.kind != TroubleKind::Trust {
            return Ok(true);
        }
        let distrusted = match self.ports.source.path(from, observed).await {
            Ok(Lineage::Forward(path)) => self.verify(&snapshot, &path, &state.accepted, now).await,
            Ok(Lineage::Diverged) => return Ok(true),
            Err(error) => Err(error),
        };
        Ok(!matches!(distrusted, Ok(Ok(()))))
    }

    /// Verifies and loads a revision without changing anything.
    async fn try_revision(
        &self,
        state: &SourceState,
        target: &Revision,
        leniency: Leniency<'_>,
        now: Timestamp,
    ) -> Result<Result<Loaded, Obstacle>, EngineError> {
        let trouble = |kind, summary, diagnostics| {
            let revision = target.clone();
            Trouble { revision, kind, summary, diagnostics, since: now }
        };
        let held = |kind, summary: String| {
            Ok(Err(Obstacle::Held(trouble(kind, summary, Vec::new()), Vec::new())))
        };
        let applied = self.applied();
        if let (Some(from), Some(snapshot)) = (&state.applied, &applied) {
            let path = match self.ports.source.path(from, target).await {
                Ok(Lineage::Forward(path)) => path,
                Ok(Lineage::Diverged) if leniency == Leniency::Diverged(target) => Vec::new(),
                Ok(Lineage::Diverged) => {
                    let summary = format!(
                        "it does not descend from the applied revision {}: history was rewritten",
                        from.short()
                    );
                    return held(TroubleKind::Diverged, summary);
                }
                Err(error) => return Ok(Err(unreadable(target, error, now))),
            };
            match self.verify(snapshot, &path, &state.accepted, now).await {
                Ok(Ok(())) => {}
                Ok(Err(distrust)) => return held(TroubleKind::Trust, distrust.to_string()),
                Err(error) => return Ok(Err(unreadable(target, error, now))),
            }
        }
        let loaded = match load_revision(self.ports.source.as_ref(), target).await {
            Ok(loaded) => loaded,
            Err(LoadError::Source(error)) => return Ok(Err(unreadable(target, error, now))),
            Err(LoadError::Wrong(diagnostics)) => {
                let summary = match diagnostics.len() {
                    1 => "it has a problem".to_owned(),
                    count => format!("it has {count} problems"),
                };
                let trouble = trouble(TroubleKind::Bad, summary, diagnostics);
                return Ok(Err(Obstacle::Held(trouble, Vec::new())));
            }
        };
        if !state.agreed.contains(target)
            && let Some(summary) = guard::objection(state, &loaded.snapshot, now)
        {
            let words = guard::words(applied.as_deref(), &loaded.snapshot, now);
            let trouble = trouble(TroubleKind::Delta, summary, Vec::new());
            return Ok(Err(Obstacle::Held(trouble, words)));
        }
        Ok(Ok(loaded))
    }

    /// Checks every commit on the way against the trust mode, with the keys of the last accepted
    /// snapshot.
    async fn verify(
        &self,
        snapshot: &Snapshot,
        path: &[Revision],
        accepted: &[Revision],
        now: Timestamp,
    ) -> Result<Result<(), Distrust>, SourceError> {
        if self.options.trust == TrustMode::FastForward {
            return Ok(Ok(()));
        }
        let signers = Signers::of_revisions(&snapshot.repo, now);
        for revision in path.iter().filter(|revision| !accepted.contains(revision)) {
            let signature = self.ports.source.signature(revision, &signers.keys).await?;
            if let Err(distrust) = self.options.trust.check(revision, &signature) {
                return Ok(Err(distrust));
            }
        }
        Ok(Ok(()))
    }

    async fn unfetched(
        &self,
        mut state: SourceState,
        error: SourceError,
    ) -> Result<(), EngineError> {
        tracing::warn!(%error, "the policy repo cannot be fetched");
        let before = self.ports.store.source().await?;
        state.unreachable = Some(error.to_string());
        self.note(before, state).await
    }

    /// Stores the state if it says anything new.
    async fn note(&self, before: SourceState, state: SourceState) -> Result<(), EngineError> {
        let fetched_only = SourceState { fetched_at: state.fetched_at, ..before.clone() };
        let stale = |at: Option<Timestamp>| {
            at.is_none_or(|at| self.now().duration_since(at) > SignedDuration::from_secs(30))
        };
        if state == before || (state == fetched_only && !stale(before.fetched_at)) {
            return Ok(());
        }
        self.ports.store.commit(Change { source: Some(state), ..Change::default() }).await?;
        Ok(())
    }
}

/// Sorts what cannot be read into what a person must mend and what time may.
fn unreadable(revision: &Revision, error: SourceError, now: Timestamp) -> Obstacle {
    match error.retry() {
        Retry::Transient | Retry::Broken => Obstacle::Later(error),
        Retry::Rejected => {
            let trouble = Trouble {
                revision: revision.clone(),
                kind: TroubleKind::Unreadable,
                summary: error.to_string(),
                diagnostics: Vec::new(),
                since: now,
            };
            Obstacle::Held(trouble, Vec::new())
        }
    }
}
