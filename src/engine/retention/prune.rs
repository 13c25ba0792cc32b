//! Pruning the audit log, by hand on the host or by age.
//!
//! Rows go up to the row of a checkpoint that the ledger signed; that row stays. The transaction
//! that begins it writes who prunes what and how far it must go, so that a prune which is cut
//! short is told of from its first removed row on, and the next sweep ends it.

use jiff::Timestamp;

use super::PIECE;
use crate::domain::audit::checkpoint::Checkpoint;
use crate::domain::audit::prune::Prune;
use crate::domain::person::Principal;
use crate::domain::retention::{Retention, before};
use crate::engine::{Engine, EngineError};
use crate::ports::store::{Change, Forget, Old, Swept};

/// Up to where to prune.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The checkpoint over this row.
    Row(u64),
    /// The last checkpoint that was signed before.
    Before(Timestamp),
}

/// What a prune removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// How many rows.
    pub rows: u64,
    /// The row that is the first now.
    pub up_to: u64,
    /// When the checkpoint over it was signed.
    pub checkpoint: Timestamp,
}

/// Why nothing was pruned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PruneRefused {
    /// There is no such checkpoint.
    #[error("no checkpoint over row {row} was signed with the key of settings{}", or_before(.nearest))]
    NoCheckpoint {
        /// Which row.
        row: u64,
        /// The checkpoint before it.
        nearest: Option<u64>,
    },
    /// Nothing is as old.
    #[error("no row lies before a checkpoint that is as old as that")]
    NothingThere,
    /// The store has another row there than the checkpoint says.
    #[error("row {0} is not the one that its checkpoint tells of; run `tribune audit verify`")]
    Disagrees(u64),
    /// The rows are nowhere else.
    #[error("the audit file ends with row {0}: rows that it lacks are not removed")]
    FileBehind(u64),
}

fn or_before(row: &Option<u64>) -> String {
    row.map_or(String::new(), |row| format!("; the nearest before is over row {row}"))
}

impl Engine {
    /// Removes audit rows before a checkpoint, in the name of `by` (`None`: retention).
    pub async fn prune_audit(
        &self,
        until: Until,
        by: Option<Principal>,
        reason: &str,
    ) -> Result<Result<Pruned, PruneRefused>, EngineError> {
        let _one_at_a_time = self.sweeping.lock().await;
        self.prune(until, by, reason).await
    }

    /// Ends a prune that was cut short, then prunes by age; returns how many rows went.
    pub(super) async fn prune_by_age(
        &self,
        kept: &Retention,
        now: Timestamp,
    ) -> Result<u64, EngineError> {
        let rest = match self.ports.store.swept().await?.pruning {
            Some(row) => self.end_prune(row).await?,
            None => 0,
        };
        let Some(until) = kept.audit.and_then(|kept| before(now, kept)) else { return Ok(rest) };
        match self.prune(Until::Before(until), None, "older than retention.audit").await? {
            Ok(pruned) => Ok(rest + pruned.rows),
            Err(PruneRefused::NothingThere) => Ok(rest),
            Err(refused) => {
                tracing::warn!(%refused, "the audit log is not pruned");
                Ok(rest)
            }
        }
    }

    /// The caller holds the lock of sweeps.
    async fn prune(
        &self,
        until: Until,
        by: Option<Principal>,
        reason: &str,
    ) -> Result<Result<Pruned, PruneRefused>, EngineError> {
        let checkpoint = match self.checkpoint_for(until).await? {
            Ok(checkpoint) => checkpoint,
            Err(refused) => return Ok(Err(refused)),
        };
        let head = checkpoint.head;
        let first = self.ports.store.stock().await?.audit_first;
        if first == 0 || head.seq <= first {
            return Ok(Err(PruneRefused::NothingThere));
        }
        let row = self.ports.store.audit_row(head.seq).await?;
        if row.is_none_or(|row| row.hash != head.hash) {
            return Ok(Err(PruneRefused::Disagrees(head.seq)));
        }
        let file_ends = self.ports.ledger.last_row().await?;
        if file_ends < head.seq {
            return Ok(Err(PruneRefused::FileBehind(file_ends)));
        }
        let prune = Prune {
            up_to: head.seq,
            head: head.hash,
            rows: head.seq - first,
            checkpoint: checkpoint.at,
            reason: reason.to_owned(),
        };
        let swept = self.ports.store.swept().await?;
        let change = Change {
            audit: vec![prune.entry(self.now(), by)],
            forget: Some(Forget { what: Old::Audit(head.seq), limit: PIECE }),
            swept: Some(Swept { pruning: Some(head.seq), ..swept }),
            ..Change::default()
        };
        self.ports.store.commit(change).await?;
        self.wake_ledger();
        self.end_prune(head.seq).await?;
        Ok(Ok(Pruned { rows: prune.rows, up_to: head.seq, checkpoint: checkpoint.at }))
    }

    /// Removes what is left before `row`, and notes that nothing is.
    async fn end_prune(&self, row: u64) -> Result<u64, EngineError> {
        let rows = self.forget(Old::Audit(row)).await?;
        let swept = Swept { pruning: None, ..self.ports.store.swept().await? };
        self.ports.store.commit(Change { swept: Some(swept), ..Change::default() }).await?;
        Ok(rows)
    }

    async fn checkpoint_for(
        &self,
        until: Until,
    ) -> Result<Result<Checkpoint, PruneRefused>, EngineError> {
        let all = self.ports.ledger.checkpoints().await?;
        let newest = |fits: &dyn Fn(&Checkpoint) -> bool| {
            all.iter().copied().filter(|it| fits(it)).max_by_key(|it| it.head.seq)
        };
        Ok(match until {
            Until::Row(row) => newest(&|it| it.head.seq == row).ok_or_else(|| {
                let nearest = newest(&|it| it.head.seq < row).map(|it| it.head.seq);
                PruneRefused::NoCheckpoint { row, nearest }
            }),
            Until::Before(at) => newest(&|it| it.at < at).ok_or(PruneRefused::NothingThere),
        })
    }
}
