//! Checkpoints: signed statements of how far the chain had grown, kept where the chain is not.
//!
//! A checkpoint is one line of text, the same in the file and in the operations channel:
//!
//! ```text
//! tribune-checkpoint-v1 seq=1000 head=<hash> count=1000 at=2026-01-05T14:20:00Z key=<16 digits> sig=<base64>
//! ```
//!
//! Everything before ` sig=` is what the Ed25519 signature is over. The key is named by the first
//! 16 hexadecimal digits of the SHA-256 of its 32 bytes.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::chain::{Broken, Head, StoredRow};
use crate::domain::digest::Digest;

/// A checkpoint is made at least this often.
pub const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// A checkpoint is made at least after so many rows.
pub const EVERY_ROWS: u64 = 1_000;

const FORMAT: &str = "tribune-checkpoint-v1";

/// How far the chain had grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The last row.
    pub head: Head,
    /// When.
    pub at: Timestamp,
}

/// A checkpoint with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What it states.
    pub checkpoint: Checkpoint,
    /// Which key signed it.
    pub key: String,
    /// The signature, in base64.
    pub signature: String,
}

/// At what moment somebody asks whether a checkpoint is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The daemon has started.
    Start,
    /// Any time between.
    Running,
    /// The daemon is about to stop.
    Stop,
}

/// Says whether a checkpoint is due.
pub fn is_due(last: Option<&Checkpoint>, head: &Head, moment: Moment, now: Timestamp) -> bool {
    match (moment, last) {
        (Moment::Start | Moment::Stop, _) | (Moment::Running, None) => true,
        (Moment::Running, Some(last)) => {
            head.seq >= last.head.seq.saturating_add(EVERY_ROWS)
                || now.duration_since(last.at) >= EVERY
        }
    }
}

impl Checkpoint {
    /// Returns the text that is signed with the key of that name.
    pub fn signed_text(&self, key: &str) -> String {
        let Head { seq, hash, count } = self.head;
        format!("{FORMAT} seq={seq} head={hash} count={count} at={} key={key}", self.at)
    }

    /// Checks the row at the checkpoint's place against it.
    pub fn check(&self, row: &StoredRow) -> Result<(), Broken> {
        if row.seq == self.head.seq && row.hash != self.head.hash {
            let witness = format!("the checkpoint of {}", self.at);
            return Err(Broken::Recomputed { seq: row.seq, witness });
        }
        Ok(())
    }

    /// Checks that the chain is at least as long as it was.
    pub fn check_length(&self, head: Option<&Head>) -> Result<(), Broken> {
        let after = head.map_or(0, |head| head.seq);
        match self.head.seq.saturating_sub(after) {
            0 => Ok(()),
            count => Err(Broken::Missing { after, count }),
        }
    }
}

/// Returns the name of a public key.
pub fn key_name(public: &[u8; 32]) -> String {
    Digest::of(public).to_string()[..16].to_owned()
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sig={}", self.checkpoint.signed_text(&self.key), self.signature)
    }
}

/// The text is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a checkpoint line; one begins with `tribune-checkpoint-v1 seq=`")]
pub struct NotACheckpoint;

impl FromStr for SignedCheckpoint {
    type Err = NotACheckpoint;

    fn from_str(line: &str) -> Result<Self, NotACheckpoint> {
        let mut words = line.trim().split(' ');
        if words.next() != Some(FORMAT) {
            return Err(NotACheckpoint);
        }
        let mut value = |name: &str| {
            let word = words.next().and_then(|word| word.split_once('='));
            word.filter(|(key, _)| *key == name).map(|(_, value)| value).ok_or(NotACheckpoint)
        };
        let seq = value("seq")?.parse().map_err(|_| NotACheckpoint)?;
        let hash = value("head")?.to_owned().try_into().map_err(|_| NotACheckpoint)?;
        let count = value("count")?.parse().map_err(|_| NotACheckpoint)?;
        let at = value("at")?.parse().map_err(|_| NotACheckpoint)?;
        let key = value("key")?.to_owned();
        let signature = value("sig")?.to_owned();
        let checkpoint = Checkpoint { head: Head { seq, hash, count }, at };
        Ok(Self { checkpoint, key, signature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(seq: u64, second: i64) -> Checkpoint {
        let head = Head { seq, hash: Digest::of(b"row"), count: seq };
        Checkpoint { head, at: Timestamp::from_second(second).unwrap() }
    }

    #[test]
    fn a_line_reads_back() {
        let signed = SignedCheckpoint {
            checkpoint: checkpoint(1000, 1_700_000_000),
            key: key_name(&[7; 32]),
            signature: "c2ln".into(),
        };
        assert_eq!(signed.to_string().parse(), Ok(signed));
        assert_eq!("hello".parse::<SignedCheckpoint>(), Err(NotACheckpoint));
    }

    #[test]
    fn a_checkpoint_is_due_at_start_at_stop_hourly_and_after_a_thousand_rows() {
        let last = checkpoint(10, 0);
        let due = |seq, moment, second| {
            let now = checkpoint(seq, second);
            is_due(Some(&last), &now.head, moment, now.at)
        };
        assert!(due(10, Moment::Start, 0) && due(10, Moment::Stop, 0));
        assert!(!due(1009, Moment::Running, 3599));
        assert!(due(1010, Moment::Running, 0));
        assert!(due(10, Moment::Running, 3600));
        assert!(is_due(None, &last.head, Moment::Running, last.at));
    }

    #[test]
    fn a_cut_tail_is_counted() {
        let checkpoint = checkpoint(10, 0);
        let head = Head { seq: 7, ..checkpoint.head };
        assert_eq!(
            checkpoint.check_length(Some(&head)),
            Err(Broken::Missing { after: 7, count: 3 })
        );
        assert_eq!(checkpoint.check_length(Some(&checkpoint.head)), Ok(()));
    }
}
