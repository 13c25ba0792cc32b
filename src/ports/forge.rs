//! A forge: where pull requests live.

use async_trait::async_trait;

use super::Retry;
use crate::domain::evidence::{Pull, PullRef};
use crate::domain::id::Revision;
use crate::domain::repo::PolicyRepo;

/// Why a forge did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// It cannot be reached.
    #[error("the forge cannot be reached: {0}")]
    Unreachable(String),
    /// There is no such pull request.
    #[error("there is no pull request {0}")]
    NotFound(PullRef),
    /// It is there and cannot serve as evidence, and why.
    #[error("{pull} does not count: {why}")]
    Refused {
        /// Which.
        pull: PullRef,
        /// In words.
        why: String,
    },
}

impl ForgeError {
    /// Says whether to try again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable(_) => Retry::Transient,
            Self::NotFound(_) | Self::Refused { .. } => Retry::Rejected,
        }
    }
}

/// Reads pull requests. Accounts and keys are looked up in the given (applied) policy repo.
#[async_trait]
pub trait Forge: Send + Sync {
    /// Returns a pull request as it is now, seen from revision `head`.
    async fn pull(
        &self,
        pull: &PullRef,
        head: &Revision,
        repo: &PolicyRepo,
    ) -> Result<Pull, ForgeError>;

    /// Returns the pull request that a commit belongs to, for messages about bad revisions.
    async fn pull_of(&self, revision: &Revision) -> Result<Option<PullRef>, ForgeError>;
}
