//! The real source: the suite of the port, and what only git repositories can do to it.

mod damage;
mod drafts;
mod reading;
mod remote;
mod signatures;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tempfile::TempDir;
use tribune::domain::id::Revision;
use tribune::ports::source::{Source, SourceError};
use tribune::process::command::{self, Spec};
use tribune::source::workbench::{Author, Content, Workbench, Writing};
use tribune::source::{GitSource, Remote, SourceSettings};

use super::source::{Host, Push, files, key, source_suite};

/// A repository and a mirror in a temporary folder.
pub struct GitHost {
    place: TempDir,
    source: Arc<GitSource>,
}

impl GitHost {
    fn repo(&self) -> PathBuf {
        self.place.path().join("policy")
    }

    fn mirror(&self) -> PathBuf {
        self.place.path().join("mirror.git")
    }

    /// Removes all that Tribune has of the repository.
    pub fn lose_mirror(&self) {
        std::fs::remove_dir_all(self.mirror()).unwrap();
    }

    fn workbench(&self) -> Workbench {
        Workbench::open(&self.repo()).unwrap()
    }

    /// Adds an entry of any mode to `main`, as only plumbing can.
    async fn commit_raw(&self, entries: &[u8]) -> Revision {
        let repo = self.repo();
        git_with(&repo, &["update-index", "-z", "--index-info"], entries).await;
        git(&repo, &["commit", "--quiet", "--message", "raw"]).await;
        git(&repo, &["rev-parse", "HEAD"]).await.parse().unwrap()
    }
}

/// Opens a source with its mirror in the given folder.
pub async fn open(remote: &str, mirror: PathBuf) -> Result<GitSource, SourceError> {
    GitSource::open(SourceSettings {
        remote: Remote::parse(remote).unwrap(),
        branch: "main".into(),
        mirror,
        ssh_key: None,
        known_hosts: None,
        ca_file: None,
        timeout: Duration::from_secs(30),
    })
    .await
}

#[async_trait]
impl Host for GitHost {
    async fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let repo = place.path().join("policy");
        Workbench::init(&repo, "main").unwrap();
        let source = open(repo.to_str().unwrap(), place.path().join("mirror.git")).await.unwrap();
        Self { place, source: Arc::new(source) }
    }

    fn source(&self) -> Arc<dyn Source> {
        self.source.clone()
    }

    async fn restart(&mut self) {
        let remote = self.repo();
        self.source = Arc::new(open(remote.to_str().unwrap(), self.mirror()).await.unwrap());
    }

    fn commit(
        &self,
        branch: &str,
        changes: &[(&str, Option<Content>)],
        push: &Push<'_>,
    ) -> Revision {
        written(push, |writing| self.workbench().commit(branch, &files(changes), writing).unwrap())
    }

    fn branch(&self, name: &str, from: &str) {
        self.workbench().branch(name, from).unwrap();
    }

    fn merge(&self, into: &str, from: &str, push: &Push<'_>) -> Revision {
        written(push, |writing| self.workbench().merge(into, from, writing).unwrap())
    }

    async fn force_push(&self, to: &Revision) {
        let repo = self.repo();
        let lost = git(&repo, &["rev-parse", "HEAD"]).await;
        self.workbench().reset("main", to).unwrap();
        git(&repo, &["reflog", "expire", "--expire=now", "--all"]).await;
        git(&repo, &["gc", "--quiet", "--prune=now"]).await;
        let (ok, _) = try_git(&repo, &["cat-file", "-e", &lost], b"").await;
        assert!(!ok, "the remote has lost {lost}");
    }
}

fn written(push: &Push<'_>, write: impl FnOnce(&Writing<'_>) -> Revision) -> Revision {
    let author = Author {
        name: push.author.into(),
        email: format!("{}@example.org", push.author),
        at: Timestamp::from_second(push.at).unwrap(),
    };
    let key = push.key.map(key);
    let (message, trailers) = (push.message, push.trailers);
    write(&Writing { message, trailers, author: &author, key: key.as_ref() })
}

/// Runs `git` in a repository and returns what it prints; it must succeed.
async fn git(repo: &Path, words: &[&str]) -> String {
    git_with(repo, words, b"").await
}

async fn git_with(repo: &Path, words: &[&str], input: &[u8]) -> String {
    let (ok, said) = try_git(repo, words, input).await;
    assert!(ok, "git {words:?}: {said}");
    said
}

async fn try_git(repo: &Path, words: &[&str], input: &[u8]) -> (bool, String) {
    let mut argv = vec!["git", "-c", "user.name=ada", "-c", "user.email=ada@example.org"];
    argv.extend(words);
    run(repo, &argv, input).await
}

/// Runs a program in a folder that is also its home; says whether it succeeded, and its output.
pub async fn run(folder: &Path, argv: &[&str], input: &[u8]) -> (bool, String) {
    let spec = Spec::new(argv)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .cwd(folder)
        .stdin(input);
    let output = command::run(&spec).await.unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8_lossy(&said).trim().to_owned())
}

source_suite!(GitHost);
