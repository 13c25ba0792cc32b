//! The audit log outside the store: a file with a line per row, and signed checkpoints.
//!
//! The store has the truth; these files let somebody notice when it is changed behind our back.
//! The key that signs is kept outside the store.

use async_trait::async_trait;

use super::Retry;
use crate::domain::audit::Row;
use crate::domain::audit::checkpoint::{Checkpoint, SignedCheckpoint};

/// Why a ledger file was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit file cannot be written: {0}")]
pub struct LedgerError(pub String);

impl LedgerError {
    /// Says whether to try again.
    pub fn retry(&self) -> Retry {
        Retry::Broken
    }
}

/// Writes the audit files. Lines are only ever added.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Returns the sequence number of the last row in the file; 0 if there is none.
    async fn last_row(&self) -> Result<u64, LedgerError>;

    /// Appends rows, which follow the last one in the file if it has any, and returns once they are on disk.
    async fn append(&self, rows: &[Row]) -> Result<(), LedgerError>;

    /// Returns the last checkpoint that was written.
    async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError>;

    /// Returns the checkpoints that were written and signed with the ledger's own key, oldest
    /// first; others do not count.
    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, LedgerError>;

    /// Signs a checkpoint, appends it, and returns it as it stands in the file.
    async fn sign(&self, checkpoint: Checkpoint) -> Result<SignedCheckpoint, LedgerError>;
}
