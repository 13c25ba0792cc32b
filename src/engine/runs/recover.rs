//! After a start: whatever an earlier daemon left running is ended for good, and said.
//!
//! A run that is `running` in the store was dispatched, so it may have acted. First its
//! supervisor's lock is taken, so that nothing of it is left; only then does its request become
//! `interrupted`, or, where the intent is idempotent, go through the gate again.

use std::sync::Arc;

use crate::domain::run::{Outcome, RunRecord};
use crate::engine::{Engine, EngineError};

impl Engine {
    /// Ends what an earlier daemon started. Nothing is dispatched before this is done.
    pub(in crate::engine) async fn recover_runs(self: &Arc<Self>) -> Result<(), EngineError> {
        for record in self.ports.store.runs_open().await? {
            let run = record.id;
            if let Err(error) = self.ports.executor.reap(run).await {
                // Whether it still acts is unknown, so its targets stay held: fail closed.
                tracing::error!(%run, %error, "an earlier run cannot be ended; its targets stay held");
                self.hold_unreaped(&record).await?;
                continue;
            }
            self.finish_under_lock(record, Outcome::Interrupted).await?;
            self.clear(run, &self.workspace(run)).await;
        }
        Ok(())
    }

    async fn hold_unreaped(&self, record: &RunRecord) -> Result<(), EngineError> {
        let Some(request) = self.ports.store.request(record.id.request).await? else {
            return Ok(());
        };
        let Some(snapshot) = self.applied() else { return Ok(()) };
        if let Some(intent) = snapshot.repo.intents.get(&request.intent)
            && let Err(holder) = self.runs.holds.take(&request, intent)
        {
            tracing::warn!(request = %request.id, ?holder, "held by another already");
        }
        Ok(())
    }
}
