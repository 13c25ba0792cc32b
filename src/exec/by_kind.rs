//! The one executor that the engine sees: it gives each plan to the executor of its kind.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::domain::id::RunId;
use crate::domain::run::{Check, Run, Work};
use crate::policy::gate::Authorized;
use crate::ports::executor::{ExecError, Executor, Started, Workspace};

/// One executor per kind of work.
pub struct ByKind {
    /// Runs command lines.
    pub argv: Arc<dyn Executor>,
    /// Manages files.
    pub file: Arc<dyn Executor>,
}

impl ByKind {
    fn of(&self, work: &Work) -> &dyn Executor {
        match work {
            Work::Commands(_) => self.argv.as_ref(),
            Work::File(_) => self.file.as_ref(),
        }
    }
}

#[async_trait]
impl Executor for ByKind {
    async fn run(
        &self,
        run: Authorized<Run>,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError> {
        self.of(&run.what().0.work).run(run, workspace, output).await
    }

    async fn check(
        &self,
        check: Authorized<Check>,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError> {
        self.of(&check.what().0.work).check(check, workspace, output).await
    }

    async fn reap(&self, run: RunId) -> Result<(), ExecError> {
        // Which kind it was is not known any more.
        self.argv.reap(run).await?;
        self.file.reap(run).await
    }
}
