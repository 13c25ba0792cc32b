//! Following a run: output into its thread as it comes, and what is written when it ends.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use tokio::sync::mpsc;

use crate::domain::body::Body;
use crate::domain::message::{Place, Post};
use crate::domain::reply::{card, run as reply};
use crate::domain::request::State;
use crate::domain::request::machine::{self, Event};
use crate::domain::run::{Outcome, RunRecord};
use crate::engine::requests::Standing;
use crate::engine::{Engine, EngineError};
use crate::ports::executor::Workspace;
use crate::ports::store::{Change, RequestFilter};
use crate::redact::{Cleaner, HeadTail};

/// How long to wait before writing again what could not be written.
const WRITE_AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// Puts the output so far into the record of its run.
fn with_output(record: &RunRecord, kept: &HeadTail) -> RunRecord {
    RunRecord {
        head: kept.head().to_owned(),
        tail: kept.tail().to_owned(),
        dropped: kept.dropped(),
        ..record.clone()
    }
}

impl Engine {
    /// Follows a run to its end, writes how it ended, and frees what it held.
    pub(super) async fn follow(
        self: Arc<Self>,
        record: RunRecord,
        workspace: Workspace,
        mut finished: BoxFuture<'static, Outcome>,
        mut pieces: mpsc::Receiver<Bytes>,
    ) {
        let mut cleaner = Cleaner::new(self.redactor.load_full());
        let mut kept = HeadTail::new(self.output_limit(&record).await);
        let mut dirty = false;
        let mut next_edit = self.now();
        let mut open = true;
        let outcome = loop {
            let edit = dirty.then_some(next_edit);
            tokio::select! {
                biased;
                // First, so that output without end is shown as it comes.
                () = self.wait_for_edit(edit), if edit.is_some() => {
                    dirty = false;
                    next_edit = self.now() + self.options.edit_every;
                    self.show(with_output(&record, &kept)).await;
                }
                piece = pieces.recv(), if open => match piece {
                    Some(bytes) => {
                        let text = cleaner.push(&bytes);
                        dirty |= !text.is_empty();
                        kept.push(&text);
                    }
                    None => open = false,
                },
                outcome = &mut finished, if !open => break outcome,
            }
        };
        kept.push(&cleaner.finish());
        let record = with_output(&record, &kept);
        self.clear(record.id, &workspace).await;
        self.finish(record, outcome).await;
    }

    async fn wait_for_edit(&self, at: Option<jiff::Timestamp>) {
        match at {
            Some(at) => self.ports.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    async fn output_limit(&self, record: &RunRecord) -> usize {
        const DEFAULT: u64 = 256 * 1024;
        let request = self.ports.store.request(record.id.request).await.ok().flatten();
        let limit = request.and_then(|request| {
            Some(self.applied()?.repo.intents.get(&request.intent)?.limits.output)
        });
        usize::try_from(limit.unwrap_or(DEFAULT)).unwrap_or(usize::MAX)
    }

    /// Shows the output so far. A failure here never changes the run.
    async fn show(&self, record: RunRecord) {
        match self.output_post(&record).await {
            Ok(post) => {
                let change = Change { posts: vec![post], runs: vec![record], ..Change::default() };
                if let Err(error) = self.ports.store.commit(change).await {
                    tracing::warn!(%error, "failed to show output");
                }
                self.wake_outbox();
            }
            Err(error) => tracing::warn!(%error, "failed to show output"),
        }
    }

    async fn output_post(&self, record: &RunRecord) -> Result<Post, EngineError> {
        let request = self.ports.store.request(record.id.request).await?;
        let number = request.map_or(1, |request| request.card);
        Ok(Post {
            key: reply::output_key(record.id),
            place: Place::ThreadOf(card::key(record.id.request, number)),
            body: reply::output(record, self.options.output_shown),
            seeds: Vec::new(),
        })
    }

    /// Writes how a run ended; does not give up, since nothing else would say it.
    async fn finish(self: &Arc<Self>, record: RunRecord, outcome: Outcome) {
        let id = record.id.request;
        loop {
            let held = self.locks.lock(id).await;
            match self.finish_under_lock(record.clone(), outcome.clone()).await {
                Ok(()) => break,
                Err(error) => {
                    tracing::error!(run = %record.id, %error, "failed to write how a run ended");
                }
            }
            drop(held);
            self.ports.clock.sleep_until(self.now() + WRITE_AGAIN).await;
        }
        self.runs.is_over(id);
        self.look_after(id).await;
        self.wake_queued().await;
    }

    /// Writes how a run ended. The caller holds the lock of its request.
    pub(super) async fn finish_under_lock(
        &self,
        record: RunRecord,
        outcome: Outcome,
    ) -> Result<(), EngineError> {
        let now = self.now();
        let Some(request) = self.ports.store.request(record.id.request).await? else {
            return Ok(());
        };
        if request.state != State::Running {
            return Ok(());
        }
        let snapshot = self.applied();
        let intent = snapshot.as_ref().and_then(|it| it.repo.intents.get(&request.intent));
        // Ended, and nobody asked for it: the daemon is stopping.
        let interrupted = outcome == Outcome::Interrupted
            || (outcome == Outcome::Cancelled && request.ended.is_none());
        let (event, outcome) = if interrupted {
            let retry = match intent {
                Some(intent) if intent.idempotent => machine::Retry::Again,
                Some(_) | None => machine::Retry::Never,
            };
            (Event::SupervisorLost { retry }, Outcome::Interrupted)
        } else {
            (Event::Ended(outcome.clone()), outcome)
        };
        let execute = intent.and_then(|it| it.approval.as_ref()).map(|rule| rule.execute);
        let (next, effects) = machine::step(&request, event, execute, now)?;
        let record = RunRecord { ended: Some(now), outcome: Some(outcome), ..record };
        let post = self.output_post(&record).await?;
        let file = reply::is_cut(&record, self.options.output_shown).then(|| Post {
            key: reply::file_key(record.id, None),
            place: post.place.clone(),
            body: Body::default(),
            seeds: Vec::new(),
        });
        match snapshot {
            Some(snapshot) => {
                let standing = Standing::default();
                let change =
                    self.change(&snapshot, &request, &next, effects, &standing, now).await?;
                let mut change = change.unwrap_or_default();
                change.runs.push(record);
                change.posts.push(post);
                change.posts.extend(file);
                self.ports.store.commit(change).await?;
            }
            None => self.commit_without_snapshot(next.clone(), effects, now).await?,
        }
        self.wake_outbox();
        self.wake_ledger();
        self.keep_clock(&next);
        Ok(())
    }

    /// Looks at everything that waits for its turn: something was given back.
    pub(in crate::engine) async fn wake_queued(self: &Arc<Self>) {
        let states = vec![State::Permitted, State::Queued];
        let filter = RequestFilter { states, ..RequestFilter::default() };
        match self.ports.store.requests(&filter).await {
            Ok(mut waiting) => {
                waiting.sort_by_key(|request| request.permitted);
                for request in waiting {
                    self.consider(request.id);
                }
            }
            Err(error) => tracing::error!(%error, "queued requests cannot be read"),
        }
    }
}
