//! Writing history of a policy repo: commits and merges, signed by keys held in this process.
//!
//! For the demo, for tests, and for whatever proposes changes. It writes to a repository of its
//! own, never to the mirror, and needs neither `git` nor `ssh-keygen`. Calls block.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::build::{CheckoutBuilder, TreeUpdateBuilder};
use git2::{BranchType, FileMode, Oid, Repository, RepositoryInitOptions, Time};
use jiff::Timestamp;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};

use crate::domain::id::{RepoPath, Revision};

use super::mirror::revision;
use super::verify::NAMESPACE;

/// Why history was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkbenchError {
    /// The two sides of a merge change the same lines.
    #[error("merging {from} into {into} conflicts in {path}")]
    Conflict {
        /// The branch merged into.
        into: String,
        /// The branch to merge.
        from: String,
        /// The first file that conflicts.
        path: String,
    },
    /// There is no such branch.
    #[error("there is no branch {0}")]
    NoBranch(String),
    /// Writing failed.
    #[error("failed to write history: {0}")]
    Failed(String),
}

impl From<git2::Error> for WorkbenchError {
    fn from(error: git2::Error) -> Self {
        Self::Failed(error.message().to_owned())
    }
}

/// An ed25519 key that signs commits.
pub struct Key(PrivateKey);

impl Key {
    /// Makes the key that belongs to `seed`; the same seed gives the same key.
    pub fn from_seed(seed: &[u8; 32], comment: &str) -> Result<Self, WorkbenchError> {
        let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(seed));
        PrivateKey::new(pair, comment).map(Self).map_err(|error| key_error(&error))
    }

    /// Returns the public key as an `authorized_keys` line, for a person's `signing_keys`.
    pub fn public(&self) -> Result<String, WorkbenchError> {
        self.0.public_key().to_openssh().map_err(|error| key_error(&error))
    }

    /// Returns the private key as the file that `git` and `ssh-keygen` read.
    pub fn private(&self) -> Result<String, WorkbenchError> {
        let text = self.0.to_openssh(LineEnding::LF).map_err(|error| key_error(&error))?;
        Ok(text.to_string())
    }

    fn sign(&self, content: &[u8]) -> Result<String, WorkbenchError> {
        self.0
            .sign(NAMESPACE, HashAlg::Sha512, content)
            .and_then(|signature| signature.to_pem(LineEnding::LF))
            .map(|pem| pem.trim_end().to_owned())
            .map_err(|error| key_error(&error))
    }
}

fn key_error(error: &ssh_key::Error) -> WorkbenchError {
    WorkbenchError::Failed(format!("the signing key: {error}"))
}

/// Who writes, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// When; whole seconds count.
    pub at: Timestamp,
}

/// What a file shall hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it is a program.
    pub executable: bool,
}

impl Content {
    /// Returns the content of an ordinary text file.
    pub fn text(text: impl Into<String>) -> Self {
        Self { bytes: text.into().into_bytes(), executable: false }
    }

    /// Returns the content of a script.
    pub fn program(text: impl Into<String>) -> Self {
        Self { bytes: text.into().into_bytes(), executable: true }
    }
}

/// How a commit is written.
pub struct Writing<'a> {
    /// Subject, and if need be an empty line and more.
    pub message: &'a str,
    /// Trailers below it, in order.
    pub trailers: &'a [(&'a str, &'a str)],
    /// Who.
    pub author: &'a Author,
    /// The key that signs; `None`: unsigned.
    pub key: Option<&'a Key>,
}

/// A repository to write to.
pub struct Workbench {
    repo: Repository,
}

impl Workbench {
    /// Makes a repository with a working tree whose first branch will be `branch`.
    pub fn init(folder: &Path, branch: &str) -> Result<Self, WorkbenchError> {
        let mut options = RepositoryInitOptions::new();
        options.external_template(false).initial_head(branch).mkpath(true);
        Ok(Self { repo: Repository::init_opts(folder, &options)? })
    }

    /// Opens a repository.
    pub fn open(folder: &Path) -> Result<Self, WorkbenchError> {
        Ok(Self { repo: Repository::open(folder)? })
    }

    /// Returns the folder of the repository's own files (`.git`).
    pub fn git_folder(&self) -> PathBuf {
        self.repo.path().to_owned()
    }

    /// Returns the head of a branch.
    pub fn head(&self, branch: &str) -> Result<Revision, WorkbenchError> {
        Ok(revision(self.tip(branch)?.id()))
    }

    /// Makes a branch at the head of another.
    pub fn branch(&self, name: &str, from: &str) -> Result<(), WorkbenchError> {
        self.repo.branch(name, &self.tip(from)?, true)?;
        Ok(())
    }

    /// Sets a branch to a revision, wherever it stood: a force-push.
    pub fn reset(&self, branch: &str, to: &Revision) -> Result<(), WorkbenchError> {
        let id = Oid::from_str(to.as_str())?;
        self.publish(branch, id, "reset")
    }

    /// Commits to a branch: files with content are written, files without are removed. The first
    /// commit of a branch that is not there has no parent.
    pub fn commit(
        &self,
        branch: &str,
        files: &BTreeMap<RepoPath, Option<Content>>,
        writing: &Writing<'_>,
    ) -> Result<Revision, WorkbenchError> {
        let parent = match self.tip(branch) {
            Ok(tip) => Some(tip),
            Err(WorkbenchError::NoBranch(_)) => None,
            Err(error) => return Err(error),
        };
        let baseline = match &parent {
            Some(parent) => parent.tree()?,
            None => self.repo.find_tree(self.repo.treebuilder(None)?.write()?)?,
        };
        let mut update = TreeUpdateBuilder::new();
        for (path, content) in files {
            match content {
                Some(content) => {
                    let mode =
                        if content.executable { FileMode::BlobExecutable } else { FileMode::Blob };
                    update.upsert(path.as_str(), self.repo.blob(&content.bytes)?, mode);
                }
                None => {
                    update.remove(path.as_str());
                }
            }
        }
        let tree = update.create_updated(&self.repo, &baseline)?;
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        let id = self.write(tree, &parents, writing)?;
        self.publish(branch, id, "commit")?;
        Ok(revision(id))
    }

    /// Merges branch `from` into branch `into`, always with a merge commit.
    pub fn merge(
        &self,
        into: &str,
        from: &str,
        writing: &Writing<'_>,
    ) -> Result<Revision, WorkbenchError> {
        let (ours, theirs) = (self.tip(into)?, self.tip(from)?);
        let mut index = self.repo.merge_commits(&ours, &theirs, None)?;
        if let Some(conflict) = index.conflicts()?.next() {
            let conflict = conflict?;
            let side = conflict.our.or(conflict.their).or(conflict.ancestor);
            let path = side.map(|entry| String::from_utf8_lossy(&entry.path).into_owned());
            return Err(WorkbenchError::Conflict {
                into: into.to_owned(),
                from: from.to_owned(),
                path: path.unwrap_or_default(),
            });
        }
        let tree = index.write_tree_to(&self.repo)?;
        let id = self.write(tree, &[&ours, &theirs], writing)?;
        self.publish(into, id, "merge")?;
        Ok(revision(id))
    }

    fn tip(&self, branch: &str) -> Result<git2::Commit<'_>, WorkbenchError> {
        match self.repo.find_branch(branch, BranchType::Local) {
            Ok(found) => Ok(found.get().peel_to_commit()?),
            Err(error) if error.code() == git2::ErrorCode::NotFound => {
                Err(WorkbenchError::NoBranch(branch.to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn write(
        &self,
        tree: Oid,
        parents: &[&git2::Commit<'_>],
        writing: &Writing<'_>,
    ) -> Result<Oid, WorkbenchError> {
        let tree = self.repo.find_tree(tree)?;
        let author = writing.author;
        let when = Time::new(author.at.as_second(), 0);
        let author = git2::Signature::new(&author.name, &author.email, &when)?;
        let message = compose(writing.message, writing.trailers);
        let content = self.repo.commit_create_buffer(&author, &author, &message, &tree, parents)?;
        match writing.key {
            Some(key) => {
                let text = std::str::from_utf8(&content)
                    .map_err(|_| WorkbenchError::Failed("the commit is not text".into()))?;
                Ok(self.repo.commit_signed(text, &key.sign(&content)?, None)?)
            }
            None => Ok(self.repo.odb()?.write(git2::ObjectType::Commit, &content)?),
        }
    }

    /// Moves the branch, and the working tree with it if the branch is checked out.
    fn publish(&self, branch: &str, id: Oid, why: &str) -> Result<(), WorkbenchError> {
        let name = format!("refs/heads/{branch}");
        self.repo.reference(&name, id, true, why)?;
        let is_checked_out = self.repo.find_reference("HEAD")?.symbolic_target()? == Some(&name);
        if is_checked_out && !self.repo.is_bare() {
            self.repo.checkout_head(Some(CheckoutBuilder::new().force().remove_untracked(true)))?;
        }
        Ok(())
    }
}

/// Puts trailers below a message, as `git interpret-trailers` would.
fn compose(message: &str, trailers: &[(&str, &str)]) -> String {
    let mut text = message.trim_end().to_owned();
    text.push('\n');
    if !trailers.is_empty() {
        text.push('\n');
    }
    for (key, value) in trailers {
        text.push_str(&format!("{key}: {value}\n"));
    }
    text
}
