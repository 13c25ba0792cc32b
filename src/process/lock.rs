//! The lock of a run: held for as long as anything of its tree may live.
//!
//! The daemon takes the lock before it spawns the supervisor, which inherits it as a descriptor
//! and holds it to its end, so there is no moment in between at which the lock is free and a run
//! still to come. Whoever gets the lock later knows that the supervisor is gone; a supervisor
//! leaves only after its tree did, unless something killed it with `SIGKILL`. For that case the
//! file names the run's work folder: every process of the run was given it as `HOME`, by which
//! survivors are found.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Signal, getpid};

use super::tree;

/// How often a taken lock is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// How long killing survivors may take before it is called a failure.
const SWEEP: u32 = 250;

/// Takes the lock of a run that is about to start.
pub(super) fn take(path: &Path, work: &Path) -> io::Result<File> {
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    file.set_len(0)?;
    file.write_all(work.as_os_str().as_bytes())?;
    file.write_all(b"\n")?;
    Ok(file)
}

/// Makes sure that nothing of a run is left: waits for its supervisor to go, for at most
/// `patience`, then kills what it may have left behind. Nothing to do if there is no lock file.
///
/// # Errors
///
/// `TimedOut` if the lock was not free in time, or something cannot be killed.
pub async fn reap(path: &Path, patience: Duration) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let locked = async {
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(Errno::WOULDBLOCK | Errno::INTR) => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(io::Error::from(error)),
            }
        }
    };
    tokio::time::timeout(patience, locked).await.map_err(|_| io::ErrorKind::TimedOut)??;
    sweep(&work_of(&file)?).await?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns the work folder that a lock file names: its first line.
fn work_of(mut file: &File) -> io::Result<PathBuf> {
    let mut content = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut content)?;
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(line)))
}

/// Kills every process whose `HOME` is `work`, until none is left.
pub(super) async fn sweep(work: &Path) -> io::Result<()> {
    if !work.is_absolute() {
        return Ok(());
    }
    for _ in 0..SWEEP {
        let left = survivors(work);
        if left.is_empty() {
            return Ok(());
        }
        for process in left {
            tree::signal(&process, Signal::KILL);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Returns the living processes, this one aside, that were given `work` as `HOME`.
fn survivors(work: &Path) -> Vec<tree::Process> {
    let mark = [b"HOME=", work.as_os_str().as_bytes()].concat();
    tree::all()
        .into_iter()
        .filter(|process| process.pid != getpid())
        .filter(|process| {
            fs::read(format!("/proc/{}/environ", process.pid.as_raw_nonzero()))
                .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|it| it == mark))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_without_a_lock_file_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        reap(&folder.path().join("r1.1"), Duration::ZERO).await.unwrap();
    }

    #[tokio::test]
    async fn a_held_lock_is_waited_for_and_a_free_one_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r1.1");
        let lock = take(&path, Path::new("/nowhere/work")).unwrap();
        let early = reap(&path, Duration::from_millis(30)).await.unwrap_err();
        assert_eq!(early.kind(), io::ErrorKind::TimedOut);
        drop(lock);
        reap(&path, Duration::from_secs(10)).await.unwrap();
        assert!(!path.exists());
    }
}
