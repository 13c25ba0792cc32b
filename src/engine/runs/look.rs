//! Looking in Tribune's own name, for standing intents: through the gate as any check is, but
//! with no request that is stored, no card and no run record, so that looks that find nothing
//! new leave nothing behind.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::dispatch::{AppliedNow, OUTPUT_PIECES};
use crate::domain::decision::Decision;
use crate::domain::evidence::Evidence;
use crate::domain::id::{RequestId, RunId};
use crate::domain::request::Request;
use crate::domain::run::{self, Check, Outcome};
use crate::engine::{Engine, EngineError};
use crate::policy::Snapshot;
use crate::policy::gate::{self, Plea, Refused};
use crate::ports::executor::{ExecError, Started, Workspace};
use crate::redact::{Cleaner, HeadTail};

/// The number of the requests that standing checks are: none of the store has it.
pub(in crate::engine) const NOBODYS: RequestId = RequestId(0);

/// What looking came to.
pub(in crate::engine) enum Looked {
    /// It was done.
    Done {
        /// How it ended.
        outcome: Outcome,
        /// What it wrote, cleaned and redacted.
        text: String,
        /// Bytes left out of the middle.
        dropped: u64,
    },
    /// Policy does not permit it.
    Denied(Box<Decision>),
    /// A run holds the target.
    Busy,
    /// It could not be done, in words.
    Failed(String),
    /// What it was decided on has changed: look again.
    Again,
}

impl Engine {
    /// Looks at what `request` names; `commit` writes down that policy permits it, where that is
    /// not written already, and returns the row that says so.
    pub(in crate::engine) async fn look_at<C>(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        request: &Request,
        commit: impl FnOnce(Arc<Snapshot>, Decision) -> C,
    ) -> Result<Looked, EngineError>
    where
        C: Future<Output = Result<u64, EngineError>> + Send,
    {
        let Some(intent) = snapshot.repo.intents.get(&request.intent) else {
            return Ok(Looked::Again);
        };
        let attempt = self.runs.looks.fetch_add(1, Ordering::SeqCst);
        let run = RunId { request: NOBODYS, attempt };
        let plan = match run::plan(&snapshot.repo, request, attempt) {
            Ok(plan) => plan,
            Err(error) => return Ok(Looked::Failed(error.to_string())),
        };
        let Some(_held) = self.runs.holds.look(request, intent) else { return Ok(Looked::Busy) };
        let workspace = self.workspace(run);
        // A daemon that ended while it looked has left them; numbers begin anew.
        self.remove_folders(run, &workspace).await;
        let looked = match self.lay_out(&plan, &workspace).await {
            Ok(()) => {
                self.look_through_the_gate(snapshot, request, &plan, &workspace, commit).await
            }
            Err(error) => {
                tracing::error!(%run, %error, "failed to prepare the folders of a check");
                Ok(Looked::Failed("its files could not be laid out".to_owned()))
            }
        };
        self.remove_folders(run, &workspace).await;
        looked
    }

    async fn look_through_the_gate<C>(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        request: &Request,
        plan: &run::Plan,
        workspace: &Workspace,
        commit: impl FnOnce(Arc<Snapshot>, Decision) -> C,
    ) -> Result<Looked, EngineError>
    where
        C: Future<Output = Result<u64, EngineError>> + Send,
    {
        let applied = AppliedNow { engine: self, last: snapshot };
        let none = Evidence::default();
        let plea = Plea { request, attempt: plan.run.attempt, evidence: &none };
        let (sender, output) = mpsc::channel(OUTPUT_PIECES);
        // Nothing may come between the gate and the start.
        let leave = gate::authorize::<Check, _, _>(&applied, plea, || self.now(), commit).await;
        let started = match leave {
            Ok(leave) => self.ports.executor.check(leave, workspace, sender).await,
            Err(Refused::Commit(error)) => return Err(error),
            Err(Refused::Decided(decision)) => return Ok(Looked::Denied(decision)),
            Err(Refused::Plan(error)) => return Ok(Looked::Failed(error.to_string())),
            Err(Refused::Mode(_) | Refused::Digest { .. } | Refused::Overtaken(_)) => {
                return Ok(Looked::Again);
            }
        };
        let limit = usize::try_from(plan.limits.output).unwrap_or(usize::MAX);
        match started {
            Ok(started) => Ok(self.see(started, output, limit).await),
            Err(ExecError::Left(why)) => Ok(Looked::Failed(why)),
            Err(error) => Ok(Looked::Failed(error.to_string())),
        }
    }

    /// Follows a check to its end.
    async fn see(
        &self,
        Started { finished, cancel }: Started,
        mut pieces: mpsc::Receiver<Bytes>,
        limit: usize,
    ) -> Looked {
        let mut cleaner = Cleaner::new(self.redactor.load_full());
        let mut kept = HeadTail::new(limit);
        while let Some(bytes) = pieces.recv().await {
            kept.push(&cleaner.push(&bytes));
        }
        kept.push(&cleaner.finish());
        let outcome = finished.await;
        drop(cancel);
        let mut text = kept.head().to_owned();
        if kept.dropped() > 0 {
            text.push_str("\n[…]\n");
        }
        text.push_str(kept.tail());
        Looked::Done { outcome, text, dropped: kept.dropped() }
    }
}
