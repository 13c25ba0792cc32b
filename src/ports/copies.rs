//! Previous copies of managed files: what stood where Tribune wrote.

use async_trait::async_trait;

use super::Retry;
use crate::domain::file::PreviousCopy;
use crate::domain::file::path::ManagedPath;

/// Why a copy was not listed or restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopiesError {
    /// There is no such copy, or it cannot be put where it was: a person must act.
    #[error("{0}")]
    Refused(String),
    /// The folder of the copies does not work.
    #[error("previous copies cannot be read: {0}")]
    Broken(String),
}

impl CopiesError {
    /// Says whether to try again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Refused(_) => Retry::Rejected,
            Self::Broken(_) => Retry::Broken,
        }
    }
}

/// Previous copies of managed files.
#[async_trait]
pub trait Copies: Send + Sync {
    /// Returns what is kept of `path` and everything below it, or of everything; by path, newest
    /// first.
    async fn list(&self, path: Option<&ManagedPath>) -> Result<Vec<PreviousCopy>, CopiesError>;

    /// Puts a copy back where it stood, with its permissions and owner, and returns it: the one of
    /// that number, or the newest. What stands there now is kept as a copy first. Roots hold here
    /// as they do for runs.
    async fn restore(
        &self,
        path: &ManagedPath,
        number: Option<u64>,
    ) -> Result<PreviousCopy, CopiesError>;
}
