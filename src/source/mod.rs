//! The policy repo's git repository, seen through a mirror of our own.
//!
//! The `git` program is the only transport: it runs with a closed environment and fetches the
//! watched branch into `refs/tribune/observed` of a bare repository in the state folder. Objects
//! are read from there with libgit2, which never speaks to a remote. What must not be lost is
//! pinned by refs (`refs/tribune/applied`, `held`, `run/<id>`), so that it survives whatever
//! becomes of the remote: a force-push is fetched like any other and refused by its lineage.
//!
//! Nothing here decides. Whether a revision is trusted is `domain::trust`'s business; this module
//! says who signed what (`verify`).

mod checkout;
mod draft;
mod history;
mod mirror;
mod remote;
mod transport;
mod tree;
mod verify;
mod watch;
pub mod workbench;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;

use crate::domain::id::{RepoPath, Revision, RunId};
use crate::domain::person::SigningKey;
use crate::domain::repo::{Tree, TreeEntry};
use crate::domain::trust::Signature;
use crate::ports::source::{Commit, Draft, FileChange, Lineage, Pin, Source, SourceError};

use mirror::Mirror;
pub use remote::{Remote, RemoteError};
use transport::Transport;
use watch::Watch;

/// How to reach the repository, and where to keep the mirror.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Where the repository is.
    pub remote: Remote,
    /// The watched branch, without `refs/heads/`.
    pub branch: String,
    /// The folder of the mirror; made if absent, and nobody else's.
    pub mirror: PathBuf,
    /// For ssh: the private key to use; `None`: whatever `ssh` finds for the daemon's user.
    pub ssh_key: Option<PathBuf>,
    /// For ssh: the hosts that are known; `None`: the daemon's user's own list.
    pub known_hosts: Option<PathBuf>,
    /// For https: certificates of the authorities that may vouch for the server; `None`: those of
    /// the machine.
    pub ca_file: Option<PathBuf>,
    /// How long one fetch may take.
    pub timeout: Duration,
}

/// The policy repo in a mirror.
pub struct GitSource {
    transport: Transport,
    mirror: Mirror,
    watch: Watch,
}

impl GitSource {
    /// Opens the mirror, making it if it is not there, and watches a local repository.
    ///
    /// Locks that a killed predecessor left in the mirror are removed, so there must be one
    /// `GitSource` per mirror at a time.
    pub async fn open(settings: SourceSettings) -> Result<Self, SourceError> {
        let mirror = Mirror::open(settings.mirror.clone()).await?;
        let watch = Watch::start(&settings.remote);
        Ok(Self { transport: Transport::new(settings)?, mirror, watch })
    }
}

#[async_trait]
impl Source for GitSource {
    async fn fetch(&self) -> Result<Revision, SourceError> {
        self.transport.fetch().await?;
        self.mirror.observed().await
    }

    async fn changed(&self) {
        self.watch.changed().await;
    }

    async fn path(&self, from: &Revision, to: &Revision) -> Result<Lineage, SourceError> {
        let (from, to) = (from.clone(), to.clone());
        self.mirror.with(move |repo| history::path(repo, &from, &to)).await
    }

    async fn contains(
        &self,
        revision: &Revision,
        ancestor: &Revision,
    ) -> Result<bool, SourceError> {
        let (revision, ancestor) = (revision.clone(), ancestor.clone());
        self.mirror.with(move |repo| history::contains(repo, &revision, &ancestor)).await
    }

    async fn merges(&self, revision: &Revision) -> Result<Vec<Commit>, SourceError> {
        let revision = revision.clone();
        self.mirror.with(move |repo| history::merges(repo, &revision)).await
    }

    async fn brought(&self, merge: &Revision) -> Result<Vec<Commit>, SourceError> {
        let merge = merge.clone();
        self.mirror.with(move |repo| history::brought(repo, &merge)).await
    }

    async fn commit(&self, revision: &Revision) -> Result<Commit, SourceError> {
        let revision = revision.clone();
        self.mirror.with(move |repo| history::describe(&mirror::commit(repo, &revision)?)).await
    }

    async fn signature(
        &self,
        revision: &Revision,
        keys: &[SigningKey],
    ) -> Result<Signature, SourceError> {
        let (revision, keys) = (revision.clone(), keys.to_vec());
        self.mirror.with(move |repo| verify::signature(repo, &revision, &keys)).await
    }

    async fn tree(&self, revision: &Revision) -> Result<Tree, SourceError> {
        let revision = revision.clone();
        self.mirror.with(move |repo| tree::list(repo, &revision)).await
    }

    async fn read(&self, entry: &TreeEntry) -> Result<Vec<u8>, SourceError> {
        let object = entry.object.clone();
        self.mirror.with(move |repo| tree::read(repo, &object)).await
    }

    async fn read_all(
        &self,
        files: &BTreeMap<RepoPath, TreeEntry>,
    ) -> Result<BTreeMap<RepoPath, Vec<u8>>, SourceError> {
        let files = files.clone();
        let all = move |repo: &git2::Repository| {
            files
                .into_iter()
                .map(|(path, entry)| Ok((path, tree::read(repo, &entry.object)?)))
                .collect()
        };
        self.mirror.with(all).await
    }

    async fn changes(
        &self,
        from: &Revision,
        to: &Revision,
    ) -> Result<Vec<FileChange>, SourceError> {
        let (from, to) = (from.clone(), to.clone());
        self.mirror.with(move |repo| tree::changes(repo, &from, &to)).await
    }

    async fn checkout(
        &self,
        files: &BTreeMap<RepoPath, TreeEntry>,
        folder: &Path,
    ) -> Result<(), SourceError> {
        let (files, folder) = (files.clone(), folder.to_owned());
        self.mirror.with(move |repo| checkout::write(repo, &files, &folder)).await
    }

    async fn discard(&self, folder: &Path) -> Result<(), SourceError> {
        let folder = folder.to_owned();
        mirror::blocking(move || checkout::remove(&folder)).await
    }

    async fn draft(&self, draft: &Draft) -> Result<String, SourceError> {
        let draft = draft.clone();
        self.mirror.with(move |repo| draft::write(repo, &draft)).await?;
        Ok(self.mirror.folder().display().to_string())
    }

    async fn pin(&self, pin: &Pin, revision: Option<&Revision>) -> Result<(), SourceError> {
        self.mirror.pin(pin, revision).await
    }

    async fn tidy(&self, open: &[RunId], unreached: SignedDuration) -> Result<(), SourceError> {
        self.mirror.unpin_runs(open).await?;
        self.transport.collect(unreached).await
    }

    async fn pinned(&self, pin: &Pin) -> Result<Option<Revision>, SourceError> {
        self.mirror.pinned(pin).await
    }
}
