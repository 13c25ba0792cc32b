//! The mirror: a bare repository of our own, its refs, and reading from it off the async threads.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use git2::{ErrorClass, ErrorCode, Oid, Repository, RepositoryInitOptions};

use crate::domain::id::{Revision, RunId};
use crate::ports::source::{Pin, SourceError};

use super::transport::OBSERVED;

/// The configuration file of our `git` processes, inside the mirror.
const GIT_CONFIG: &str = "tribune.gitconfig";

/// A bare repository that only Tribune writes.
pub(super) struct Mirror {
    folder: PathBuf,
}

impl Mirror {
    /// Opens the mirror, making it if it is not there.
    pub(super) async fn open(folder: PathBuf) -> Result<Self, SourceError> {
        let mirror = Self { folder: folder.clone() };
        blocking(move || {
            fs::create_dir_all(&folder).map_err(|error| broken(&folder, &error))?;
            let private = fs::Permissions::from_mode(0o700);
            fs::set_permissions(&folder, private).map_err(|error| broken(&folder, &error))?;
            sweep(&folder);
            if Repository::open_bare(&folder).is_err() {
                let mut options = RepositoryInitOptions::new();
                options.bare(true).external_template(false);
                Repository::init_opts(&folder, &options).map_err(|error| read_error(&error))?;
            }
            Ok(())
        })
        .await?;
        Ok(mirror)
    }

    /// Returns where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads from the repository, on a thread that may block.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Repository) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let folder = self.folder.clone();
        blocking(move || {
            let repo = Repository::open_bare(&folder).map_err(|error| read_error(&error))?;
            read(&repo)
        })
        .await
    }

    /// Returns the head that was last fetched.
    pub(super) async fn observed(&self) -> Result<Revision, SourceError> {
        let found = self.with(|repo| resolve(repo, OBSERVED)).await?;
        found.ok_or_else(|| SourceError::Corrupt(format!("{OBSERVED} is gone from the mirror")))
    }

    /// Sets or clears a pin.
    pub(super) async fn pin(
        &self,
        pin: &Pin,
        revision: Option<&Revision>,
    ) -> Result<(), SourceError> {
        let (name, revision) = (ref_name(pin), revision.cloned());
        self.with(move |repo| match revision {
            Some(revision) => {
                let id = commit(repo, &revision)?.id();
                let made = repo.reference(&name, id, true, "pinned by tribune");
                made.map(drop).map_err(|error| read_error(&error))
            }
            None => match repo.find_reference(&name) {
                Ok(mut found) => found.delete().map_err(|error| read_error(&error)),
                Err(error) if error.code() == ErrorCode::NotFound => Ok(()),
                Err(error) => Err(read_error(&error)),
            },
        })
        .await
    }

    /// Lets go of the pins of all runs but `open`.
    pub(super) async fn unpin_runs(&self, open: &[RunId]) -> Result<(), SourceError> {
        let kept: Vec<String> = open.iter().map(|run| ref_name(&Pin::Run(*run))).collect();
        self.with(move |repo| {
            let pins = repo.references_glob("refs/tribune/run/*");
            for pin in pins.map_err(|error| read_error(&error))? {
                let mut pin = pin.map_err(|error| read_error(&error))?;
                let is_kept = pin.name().is_ok_and(|name| kept.iter().any(|kept| kept == name));
                if !is_kept {
                    pin.delete().map_err(|error| read_error(&error))?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Returns what a pin holds.
    pub(super) async fn pinned(&self, pin: &Pin) -> Result<Option<Revision>, SourceError> {
        let name = ref_name(pin);
        self.with(move |repo| resolve(repo, &name)).await
    }
}

/// Runs `work` where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(SourceError::Broken("reading it was cut short".into())),
    }
}

fn ref_name(pin: &Pin) -> String {
    match pin {
        Pin::Applied => "refs/tribune/applied".into(),
        Pin::Held => "refs/tribune/held".into(),
        Pin::Run(run) => format!("refs/tribune/run/{run}"),
    }
}

fn resolve(repo: &Repository, name: &str) -> Result<Option<Revision>, SourceError> {
    match repo.refname_to_id(name) {
        Ok(id) => Ok(Some(revision(id))),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(read_error(&error)),
    }
}

/// Returns the commit, or says that the mirror does not hold it.
pub(super) fn commit<'r>(
    repo: &'r Repository,
    revision: &Revision,
) -> Result<git2::Commit<'r>, SourceError> {
    let id = oid(revision.as_str())?;
    repo.find_commit(id).map_err(|error| match error.code() {
        ErrorCode::NotFound => SourceError::NoCommit(revision.clone()),
        _ => read_error(&error),
    })
}

/// Turns our object names into libgit2's.
pub(super) fn oid(text: &str) -> Result<Oid, SourceError> {
    Oid::from_str(text).map_err(|_| SourceError::Corrupt(format!("{text} is no object name")))
}

/// Turns libgit2's object names into ours.
pub(super) fn revision(id: Oid) -> Revision {
    id.to_string().parse().expect("libgit2 prints object names in full and in lower case")
}

/// Says what libgit2 complains of: damage, or a mirror that does not work.
pub(super) fn read_error(error: &git2::Error) -> SourceError {
    let why: String = error.message().chars().filter(|c| !c.is_control()).take(200).collect();
    match error.class() {
        ErrorClass::Os | ErrorClass::Filesystem | ErrorClass::Config | ErrorClass::NoMemory => {
            SourceError::Broken(why)
        }
        _ => SourceError::Corrupt(why),
    }
}

/// Says that a file operation below the mirror or a checkout failed.
pub(super) fn broken(path: &Path, error: &std::io::Error) -> SourceError {
    SourceError::Broken(format!("{}: {}", path.display(), error.kind()))
}

/// Returns the path of the configuration file of our `git` processes.
pub(super) fn git_config(mirror: &Path) -> PathBuf {
    mirror.join(GIT_CONFIG)
}

/// Writes the configuration file of our `git` processes.
pub(super) fn write_git_config(mirror: &Path, text: &str) -> Result<(), SourceError> {
    let path = git_config(mirror);
    fs::write(&path, text).map_err(|error| broken(&path, &error))
}

/// Removes what a killed `git` or daemon leaves behind and the next would stumble over.
pub(super) fn sweep(mirror: &Path) {
    let refs = ["", "refs/tribune", "refs/tribune/run"];
    for folder in refs.map(|folder| mirror.join(folder)) {
        remove_where(&folder, |name| name.ends_with(".lock"));
    }
    remove_where(&mirror.join("objects/pack"), |name| name.starts_with("tmp_"));
}

/// Removes the files of a folder that `matches`; one that resists is left for its user to report.
fn remove_where(folder: &Path, matches: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(&matches) {
            fs::remove_file(entry.path()).ok();
        }
    }
}
