//! Audit files in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use tribune::domain::audit::Row;
use tribune::domain::audit::checkpoint::{Checkpoint, SignedCheckpoint};
use tribune::ports::ledger::{Ledger, LedgerError};

/// Rows and checkpoints, each added in order.
#[derive(Default)]
pub struct FakeLedger(Mutex<(Vec<Row>, Vec<Checkpoint>)>);

#[async_trait]
impl Ledger for FakeLedger {
    async fn last_row(&self) -> Result<u64, LedgerError> {
        Ok(self.0.lock().unwrap().0.last().map_or(0, |row| row.seq))
    }

    async fn append(&self, rows: &[Row]) -> Result<(), LedgerError> {
        let mut files = self.0.lock().unwrap();
        for row in rows {
            let expected = files.0.last().map_or(row.seq, |last| last.seq + 1);
            assert_eq!(row.seq, expected, "rows follow one another");
            files.0.push(row.clone());
        }
        Ok(())
    }

    async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError> {
        Ok(self.0.lock().unwrap().1.last().copied())
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, LedgerError> {
        Ok(self.0.lock().unwrap().1.clone())
    }

    async fn sign(&self, checkpoint: Checkpoint) -> Result<SignedCheckpoint, LedgerError> {
        self.0.lock().unwrap().1.push(checkpoint);
        Ok(SignedCheckpoint { checkpoint, key: "test".into(), signature: "test".into() })
    }
}
