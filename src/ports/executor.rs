//! Executing what policy has authorized.

use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::Retry;
use crate::domain::id::RunId;
use crate::domain::run::{Check, Outcome, Run};
use crate::policy::gate::Authorized;

/// Why nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// This machine cannot run it safely; a person must act.
    #[error("{0}")]
    Refused(String),
    /// Something broke before the program was started.
    #[error("{0}")]
    NotStarted(String),
    /// Something of an earlier daemon's run is still there: its target is not free.
    #[error("{0}")]
    Left(String),
}

impl ExecError {
    /// Says whether to try again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Refused(_) => Retry::Rejected,
            Self::NotStarted(_) => Retry::Broken,
            Self::Left(_) => Retry::Transient,
        }
    }
}

/// Folders that were made for one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The pinned tree, read-only to the run, and its working directory.
    pub tree: PathBuf,
    /// A private, empty folder that the run may write; `HOME` and `TMPDIR` point here.
    pub work: PathBuf,
}

/// A run under way.
pub struct Started {
    /// Resolves once the run and every process it left are gone, however it ended.
    pub finished: BoxFuture<'static, Outcome>,
    /// Ends it: sending or dropping kills the whole tree; the outcome is then `Cancelled`.
    pub cancel: tokio::sync::oneshot::Sender<()>,
}

/// Executes.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Starts a run at once. Raw output goes to `output` in order; the executor never waits for
    /// a slow reader without bound, and never blocks the run for ever.
    async fn run(
        &self,
        run: Authorized<Run>,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError>;

    /// Starts a check at once, without the run's secrets.
    async fn check(
        &self,
        check: Authorized<Check>,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError>;

    /// Makes sure that nothing of a run that an earlier daemon started is still there. Returns
    /// once its supervisor's lock is free; kills what is left if need be. Only then may the run
    /// be called interrupted and its target be freed.
    async fn reap(&self, run: RunId) -> Result<(), ExecError>;
}
