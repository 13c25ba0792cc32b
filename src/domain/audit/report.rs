//! What verifying the audit log found.

use std::fmt;
use std::path::PathBuf;

use super::chain::{Broken, Head};
use super::checkpoint::Checkpoint;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// With the chain in the store.
    Chain(Broken),
    /// With the audit file.
    RowsFile(Broken),
    /// With a line of a checkpoint file.
    Checkpoint {
        /// Which file.
        file: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// In words.
        why: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain(broken) => broken.fmt(f),
            Self::RowsFile(broken) => write!(f, "in the audit file {broken}"),
            Self::Checkpoint { file, line, why } => {
                write!(f, "{}:{line}: this checkpoint does not count: {why}", file.display())
            }
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The last row of the store; `None`: it has none.
    pub head: Option<Head>,
    /// How many rows before the first one were pruned.
    pub pruned: u64,
    /// How many rows the audit file has that were compared.
    pub compared: u64,
    /// Checkpoints that are believed and agree.
    pub checkpoints: usize,
    /// The last of them.
    pub last_checkpoint: Option<Checkpoint>,
    /// What is wrong; the chain first. Empty: nothing.
    pub findings: Vec<Finding>,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
}

impl Report {
    /// Says whether nothing is wrong.
    pub fn is_fine(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "wrong: {finding}")?;
        }
        match &self.head {
            Some(head) if self.is_fine() => {
                let rows = head.count - self.pruned;
                writeln!(f, "the chain is whole: {rows} rows, head {}", head.hash)?;
                if self.pruned > 0 {
                    writeln!(f, "it begins at row {}, up to which it was pruned", self.pruned + 1)?;
                }
            }
            Some(head) => writeln!(f, "the last row is {}", head.seq)?,
            None => writeln!(f, "there are no rows")?,
        }
        writeln!(f, "the audit file agrees on {} rows", self.compared)?;
        match &self.last_checkpoint {
            Some(last) => writeln!(
                f,
                "{} checkpoints agree, the last over row {} of {}",
                self.checkpoints, last.head.seq, last.at
            )?,
            None => writeln!(f, "no checkpoint was compared")?,
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}
