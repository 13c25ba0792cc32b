//! Pruning: rows before a checkpoint's row are removed for good. That row stays as the new first
//! one, the signed checkpoint vouches for it, and an audit row tells who removed what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::chain::{Broken, StoredRow};
use super::checkpoint::Checkpoint;
use super::{Entry, Event};
use crate::domain::digest::Digest;
use crate::domain::person::Principal;

/// A removal of rows, as its audit row tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prune {
    /// The row that is the first from then on.
    pub up_to: u64,
    /// Its hash.
    pub head: Digest,
    /// How many rows were removed.
    pub rows: u64,
    /// When the checkpoint over that row was signed.
    pub checkpoint: Timestamp,
    /// Why.
    pub reason: String,
}

impl Prune {
    /// Returns the audit entry that tells of it; `by` is `None` where retention does it.
    pub fn entry(&self, at: Timestamp, by: Option<Principal>) -> Entry {
        let detail = serde_json::to_value(self).unwrap_or(Value::Null);
        Entry { at, actor: by, event: Event::AuditPrune, request: None, revision: None, detail }
    }
}

/// A removal that a verified row tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What was removed.
    pub prune: Prune,
    /// When.
    pub at: Timestamp,
    /// Who did it; `None`: Tribune, by its retention.
    pub by: Option<Principal>,
}

impl Told {
    /// Reads it from a row, if that is one that tells of a removal.
    pub fn of(row: &StoredRow) -> Option<Self> {
        let entry: Entry = serde_json::from_str(&row.entry).ok()?;
        let prune = (entry.event == Event::AuditPrune)
            .then(|| serde_json::from_value(entry.detail).ok())
            .flatten()?;
        Some(Self { prune, at: entry.at, by: entry.actor })
    }
}

/// Says whether a chain may begin with row `first`: nothing is missing before it, or a row of the
/// chain tells that it was pruned and a checkpoint that is believed vouches for the row up to
/// which it was. A prune that was cut short leaves a `first` before that row.
pub fn check_beginning(
    first: u64,
    told: &[Told],
    checkpoints: &[Checkpoint],
) -> Result<(), Broken> {
    if first <= 1 {
        return Ok(());
    }
    let pruned: Vec<&Prune> =
        told.iter().map(|told| &told.prune).filter(|prune| prune.up_to >= first).collect();
    if pruned.is_empty() {
        return Err(Broken::Missing { after: 0, count: first - 1 });
    }
    let vouched = |prune: &&Prune| {
        let same = |it: &Checkpoint| it.head.seq == prune.up_to && it.head.hash == prune.head;
        checkpoints.iter().any(same)
    };
    match pruned.iter().any(vouched) {
        true => Ok(()),
        false => Err(Broken::Unvouched { seq: pruned[0].up_to }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::chain::Head;

    fn prune(up_to: u64) -> Told {
        let (head, checkpoint) = (Digest::of(b"row"), Timestamp::UNIX_EPOCH);
        let prune = Prune { up_to, head, rows: up_to - 1, checkpoint, reason: "old".into() };
        Told { prune, at: checkpoint, by: None }
    }

    fn checkpoint(seq: u64, of: &[u8]) -> Checkpoint {
        let head = Head { seq, hash: Digest::of(of), count: seq };
        Checkpoint { head, at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_beginning_needs_a_row_that_tells_and_a_checkpoint_that_vouches() {
        let signed = [checkpoint(5, b"row")];
        assert_eq!(check_beginning(1, &[], &[]), Ok(()));
        assert_eq!(check_beginning(5, &[prune(5)], &signed), Ok(()));
        assert_eq!(check_beginning(3, &[prune(5)], &signed), Ok(()), "it was cut short");
        let missing = |count| Err(Broken::Missing { after: 0, count });
        assert_eq!(check_beginning(5, &[], &signed), missing(4));
        assert_eq!(check_beginning(6, &[prune(5)], &signed), missing(5), "more than was told");
        let unvouched = Err(Broken::Unvouched { seq: 5 });
        assert_eq!(check_beginning(5, &[prune(5)], &[]), unvouched);
        assert_eq!(check_beginning(5, &[prune(5)], &[checkpoint(5, b"other")]), unvouched);
    }

    #[test]
    fn a_row_that_tells_of_a_prune_reads_back() {
        let told = prune(5);
        let entry = told.prune.entry(told.at, None);
        let row = crate::domain::audit::chain::chain(None, entry);
        assert_eq!(Told::of(&StoredRow::from(&row)), Some(told));
    }
}
