//! The lock of a run: held for as long as anything of its tree may live.
//!
//! The daemon takes the lock before it spawns the supervisor, which inherits it as a descriptor
//! and holds it to its end, so there is no moment in between at which the lock is free and a run
//! still to come. Whoever gets the lock later knows that the supervisor is gone; a supervisor
//! leaves only after its tree did, unless something killed it with `SIGKILL`. For that case the
//! file names the run's work folder, which every process of the run was given as `HOME`, and then,
//! if there are any, the control groups that the supervisor made for it. By these survivors are
//! found; a program that overwrote its environment only by the groups.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Signal, getpid};

use super::{cgroup, tree};

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
    sweep(path).await?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a lock file tells of the run.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    work: PathBuf,
    groups: Vec<PathBuf>,
}

impl Traces {
    /// Reads the content of a lock file. Lines that are no control group of a run are what a
    /// supervisor said when it broke.
    fn parse(content: &[u8]) -> Self {
        let mut lines =
            content.split(|byte| *byte == b'\n').map(|line| Path::new(OsStr::from_bytes(line)));
        let work = lines.next().unwrap_or(Path::new("")).to_owned();
        let groups = lines.filter(|line| cgroup::is_of_a_run(line)).map(Path::to_owned).collect();
        Self { work, groups }
    }

    /// Returns the living processes, this one aside, that bear a trace of the run.
    fn survivors(&self) -> Vec<tree::Process> {
        let mark = [b"HOME=", self.work.as_os_str().as_bytes()].concat();
        let members: Vec<i32> = self.groups.iter().flat_map(|it| cgroup::members(it)).collect();
        let bears = |process: &tree::Process| {
            let number = process.pid.as_raw_nonzero().get();
            members.contains(&number)
                || self.work.is_absolute()
                    && fs::read(format!("/proc/{number}/environ")).is_ok_and(|environ| {
                        environ.split(|byte| *byte == 0).any(|variable| variable == mark)
                    })
        };
        let mut all = tree::all();
        all.retain(|process| process.pid != getpid() && process.lives() && bears(process));
        all
    }
}

/// Kills what a supervisor that died left behind, by the traces in its lock file, until nothing
/// is left.
pub(super) async fn sweep(lock: &Path) -> io::Result<()> {
    let content = match fs::read(lock) {
        Ok(content) => content,
        // Whoever followed the run removed it: nothing is left.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let traces = Traces::parse(&content);
    for _ in 0..SWEEP {
        let left = traces.survivors();
        if left.is_empty() {
            traces.groups.iter().for_each(|group| cgroup::remove(group));
            return Ok(());
        }
        for process in left {
            tree::signal(&process, Signal::KILL);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_without_a_lock_file_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        reap(&folder.path().join("r1.1"), Duration::ZERO).await.unwrap();
    }

    #[test]
    fn only_control_groups_of_runs_are_taken_for_traces() {
        let content = b"/state/work\n/sys/fs/cgroup/pids/tribune-run-7\nthread 'main' panicked\n\
            /sys/fs/cgroup/pids\n/tmp/tribune-run-7\n/sys/fs/cgroup/../tribune-run-7\n";
        let expected = Traces {
            work: "/state/work".into(),
            groups: vec!["/sys/fs/cgroup/pids/tribune-run-7".into()],
        };
        assert_eq!(Traces::parse(content), expected);
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
