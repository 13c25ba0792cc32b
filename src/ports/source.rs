//! The git repository that holds the policy repo.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::Retry;
use crate::domain::id::{RepoPath, Revision, RunId};
use crate::domain::person::SigningKey;
use crate::domain::repo::{Tree, TreeEntry};
use crate::domain::trust::Signature;

/// Why the source did not give something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The remote cannot be reached; the mirror stays as it is.
    #[error("failed to fetch: {0}")]
    Unreachable(String),
    /// The remote answers and does not let us in.
    #[error("the remote refuses us: {0}")]
    Refused(String),
    /// The remote has no such branch, or no commits.
    #[error("branch {0} has no commits")]
    Empty(String),
    /// The remote is a shallow clone, so its history cannot be checked.
    #[error(
        "the remote is a shallow clone: run `git fetch --unshallow` there, or point at the full repository"
    )]
    Shallow,
    /// The mirror holds no such commit.
    #[error("the mirror holds no commit {0}")]
    NoCommit(Revision),
    /// An object is missing or damaged.
    #[error("git object cannot be read: {0}")]
    Corrupt(String),
    /// The tree holds something that is refused: a symlink, a submodule, an over-size file,
    /// names that differ only by case.
    #[error("{path}: {why}")]
    Unacceptable {
        /// Where.
        path: String,
        /// In words.
        why: String,
    },
    /// The mirror itself does not work: no space, no permission, no `git` program.
    #[error("the mirror of the policy repo does not work: {0}")]
    Broken(String),
}

impl SourceError {
    /// Says whether to try again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable(_) => Retry::Transient,
            Self::Refused(_)
            | Self::Empty(_)
            | Self::Shallow
            | Self::NoCommit(_)
            | Self::Corrupt(_)
            | Self::Unacceptable { .. } => Retry::Rejected,
            Self::Broken(_) => Retry::Broken,
        }
    }
}

/// How one revision lies to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lineage {
    /// The commits after the first up to the second on its first-parent path, oldest first;
    /// empty if they are the same.
    Forward(Vec<Revision>),
    /// The second does not descend from the first by first parents.
    Diverged,
}

/// What a commit says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Which.
    pub revision: Revision,
    /// Its parents.
    pub parents: Vec<Revision>,
    /// Author's name.
    pub author: String,
    /// Author's e-mail address.
    pub email: String,
    /// When it says it was committed.
    pub committed: Timestamp,
    /// First line of its message.
    pub subject: String,
    /// Trailers (`Key: value` lines of the last paragraph) in order.
    pub trailers: Vec<(String, String)>,
}

/// Commits that must not be lost to garbage collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// The applied revision.
    Applied,
    /// A revision that is held.
    Held,
    /// The revision that a run uses.
    Run(RunId),
}

/// A change of files, prepared for people to merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// On top of which revision.
    pub base: Revision,
    /// On which branch; one that is there is replaced.
    pub branch: String,
    /// What each file is to hold; it stays a program if it was one. `None` removes it.
    pub files: BTreeMap<RepoPath, Option<Vec<u8>>>,
    /// The whole message, trailers included.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// How one file differs between two revisions; `None` where it is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Which file.
    pub path: RepoPath,
    /// Its text before.
    pub before: Option<String>,
    /// Its text after.
    pub after: Option<String>,
}

/// Tribune's own mirror of the policy repo.
#[async_trait]
pub trait Source: Send + Sync {
    /// Fetches the watched branch and returns its head. Nothing else changes: pins stay.
    async fn fetch(&self) -> Result<Revision, SourceError>;

    /// Waits until a local repository may have changed; for a remote one, for ever.
    async fn changed(&self);

    /// Returns how `to` lies to `from`, both in the mirror.
    async fn path(&self, from: &Revision, to: &Revision) -> Result<Lineage, SourceError>;

    /// Says whether `ancestor` is part of the history of `revision`.
    async fn contains(&self, revision: &Revision, ancestor: &Revision)
    -> Result<bool, SourceError>;

    /// Returns the merge commits on the first-parent path of `revision`, oldest first.
    async fn merges(&self, revision: &Revision) -> Result<Vec<Commit>, SourceError>;

    /// Returns the commits that a merge brought, oldest first: those that its other parents
    /// reach and its first parent does not.
    async fn brought(&self, merge: &Revision) -> Result<Vec<Commit>, SourceError>;

    /// Returns what a commit says about itself.
    async fn commit(&self, revision: &Revision) -> Result<Commit, SourceError>;

    /// Checks the signature of a commit against `keys`.
    async fn signature(
        &self,
        revision: &Revision,
        keys: &[SigningKey],
    ) -> Result<Signature, SourceError>;

    /// Returns the files of a revision, refusing what [`SourceError::Unacceptable`] lists.
    async fn tree(&self, revision: &Revision) -> Result<Tree, SourceError>;

    /// Returns the content of one file.
    async fn read(&self, entry: &TreeEntry) -> Result<Vec<u8>, SourceError>;

    /// Returns the content of every one of `files`, or why one of them cannot be read.
    async fn read_all(
        &self,
        files: &BTreeMap<RepoPath, TreeEntry>,
    ) -> Result<BTreeMap<RepoPath, Vec<u8>>, SourceError>;

    /// Returns the text files that differ, by path.
    async fn changes(&self, from: &Revision, to: &Revision)
    -> Result<Vec<FileChange>, SourceError>;

    /// Writes `files` below `folder`, which exists and is empty, readable for the owner only and
    /// writable for nobody; [`Source::discard`] removes it again.
    async fn checkout(
        &self,
        files: &BTreeMap<RepoPath, TreeEntry>,
        folder: &Path,
    ) -> Result<(), SourceError>;

    /// Removes a folder that [`Source::checkout`] filled; one that is not there is fine.
    async fn discard(&self, folder: &Path) -> Result<(), SourceError>;

    /// Commits a draft to a branch of the mirror, as Tribune; nothing is pushed. Returns where
    /// people fetch it from.
    async fn draft(&self, draft: &Draft) -> Result<String, SourceError>;

    /// Sets or clears a pin.
    async fn pin(&self, pin: &Pin, revision: Option<&Revision>) -> Result<(), SourceError>;

    /// Lets go of the pins of all runs but `open`, and removes what nothing pinned and not the
    /// observed head reaches and nothing touched for `unreached`. No fetch may be under way.
    async fn tidy(&self, open: &[RunId], unreached: SignedDuration) -> Result<(), SourceError>;

    /// Returns what a pin holds.
    async fn pinned(&self, pin: &Pin) -> Result<Option<Revision>, SourceError>;
}
