//! Control groups, where this process may make some: a stop behind the supervisor's own counting.
//!
//! The supervisor names and ends a run that passes its limits, the same way on every machine. What
//! it cannot do is to be quicker than a tree that grows between two looks. A control group can, so
//! one is made around a run wherever that is possible, with limits somewhat above those of the
//! run. A machine without is no worse held in what a run can keep, only in how far it can shoot
//! past.
//!
//! Version 2 needs a delegated subtree with the process in a leaf of it (for systemd
//! `Delegate=pids memory` and `DelegateSubgroup=daemon`); version 1 a hierarchy that may be
//! written, which in practice means root.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::getpid;

/// Where systemd and everybody else mount the hierarchies.
const MOUNT: &str = "/sys/fs/cgroup";

/// How the names of our groups begin.
const PREFIX: &str = "tribune-";

/// The purpose of a run's group.
pub(super) const RUN: &str = "run";

/// How often, and after which pauses, an emptied group is removed before it is left behind.
const REMOVALS: (u32, Duration) = (20, Duration::from_millis(5));

/// What a group allows: more than the run's own limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caps {
    /// Tasks: processes and threads.
    pub(super) tasks: u64,
    /// Bytes.
    pub(super) memory: u64,
}

/// Which kind of control group runs get here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A delegated one.
    V2,
    /// One per controller.
    V1,
    /// None: the supervisor's counting stands alone.
    None,
}

/// Finds out by making one, which is removed again.
pub fn probe() -> Kind {
    let caps = Caps { tasks: 64, memory: 64 << 20 };
    let Some(group) = Group::make("probe", caps) else { return Kind::None };
    let kind = group.kind;
    group.remove();
    kind
}

/// The control group of one run.
#[derive(Debug)]
pub(super) struct Group {
    kind: Kind,
    /// One folder in version 2, one per controller in version 1.
    folders: Vec<PathBuf>,
    /// The file that tells how often memory ran out.
    events: PathBuf,
}

impl Group {
    /// Makes a group below the one that this process is in, or says that it cannot be.
    pub(super) fn make(purpose: &str, caps: Caps) -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let name = format!("{PREFIX}{purpose}-{}", getpid().as_raw_nonzero());
        Self::make_v2(&own, &name, caps).or_else(|| Self::make_v1(&own, &name, caps))
    }

    fn make_v2(own: &str, name: &str, caps: Caps) -> Option<Self> {
        // Beside this process's own group, never in it: a group that holds processes cannot hand
        // controllers down. Only a delegated parent will do, which is not the service manager's.
        let leaf = Path::new(MOUNT).join(path_in(own, "")?);
        let parent = leaf.parent()?;
        is_delegated(parent).then_some(())?;
        fs::write(parent.join("cgroup.subtree_control"), "+pids +memory").ok()?;
        let folder = parent.join(name);
        let group = Self {
            kind: Kind::V2,
            events: folder.join("memory.events"),
            folders: vec![fresh(folder).ok()?],
        };
        group.set(&[("pids.max", caps.tasks), ("memory.max", caps.memory)])
    }

    fn make_v1(own: &str, name: &str, caps: Caps) -> Option<Self> {
        let folder = |controller: &str| {
            Some(Path::new(MOUNT).join(controller).join(path_in(own, controller)?).join(name))
        };
        let (pids, memory) = (folder("pids")?, folder("memory")?);
        let mut group =
            Self { kind: Kind::V1, events: memory.join("memory.oom_control"), folders: vec![] };
        for folder in [pids, memory] {
            match fresh(folder) {
                Ok(folder) => group.folders.push(folder),
                Err(_) => {
                    group.remove();
                    return None;
                }
            }
        }
        group.set(&[("pids.max", caps.tasks), ("memory.limit_in_bytes", caps.memory)])
    }

    /// Writes each limit into the folder that has its file; without one of them it is no group.
    fn set(self, limits: &[(&str, u64)]) -> Option<Self> {
        let set = |(file, value): &(&str, u64)| {
            let there = self.folders.iter().map(|it| it.join(file)).find(|it| it.exists());
            there.is_some_and(|file| fs::write(file, value.to_string()).is_ok())
        };
        if limits.iter().all(set) {
            return Some(self);
        }
        self.remove();
        None
    }

    /// Returns the files into which a process writes `0` to join.
    pub(super) fn doors(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.join("cgroup.procs")).collect()
    }

    /// Returns the folders.
    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Says whether the kernel killed a member because memory ran out.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        fs::read_to_string(&self.events).is_ok_and(|text| kills(&text) > 0)
    }

    /// Removes the group, whose processes are gone.
    pub(super) fn remove(self) {
        self.folders.iter().for_each(|folder| remove(folder));
    }
}

/// Removes the folder of a group whose processes are gone. One that the kernel still holds stays
/// behind, empty.
pub(super) fn remove(folder: &Path) {
    let (times, pause) = REMOVALS;
    for _ in 0..times {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => std::thread::sleep(pause),
            _ => break,
        }
    }
}

/// Says whether a path is the folder of a run's group.
pub(super) fn is_of_a_run(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    path.starts_with(MOUNT)
        && path.components().all(|part| part != std::path::Component::ParentDir)
        && name.is_some_and(|name| name.starts_with(&format!("{PREFIX}{RUN}-")))
}

/// Returns the numbers of the processes in a group.
pub(super) fn members(folder: &Path) -> Vec<i32> {
    let procs = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    procs.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Makes a folder, in place of one that an earlier process of the same number left.
fn fresh(folder: PathBuf) -> io::Result<PathBuf> {
    match fs::create_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_dir(&folder)?;
            fs::create_dir(&folder)?;
        }
        made => made?,
    }
    Ok(folder)
}

/// Says whether systemd handed a group over to whoever runs in it.
fn is_delegated(group: &Path) -> bool {
    let mut mark = [0; 1];
    rustix::fs::getxattr(group, "user.delegate", &mut mark).is_ok_and(|length| length == 1)
        && mark == *b"1"
}

/// Returns this process's place in the hierarchy of a controller (`""`: version 2), relative to
/// its mount. A place outside what is mounted here is none.
fn path_in(own: &str, controller: &str) -> Option<PathBuf> {
    own.lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once(':')?;
            rest.split_once(':')
        })
        .find(|(controllers, _)| controllers.split(',').any(|it| it == controller))
        .map(|(_, path)| path.trim_start_matches('/'))
        .filter(|path| !path.split('/').any(|part| part == ".."))
        .map(PathBuf::from)
}

/// Returns how often a member was killed, from `memory.events` or `memory.oom_control`.
fn kills(events: &str) -> u64 {
    events
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "8:pids:/\n4:memory:/a/b\n2:cpu,cpuacct:/c\n0::/user.slice/x\n";

    #[test]
    fn the_place_in_each_hierarchy_is_found() {
        let at = |controller: &str| path_in(HYBRID, controller);
        assert_eq!(at("pids"), Some("".into()));
        assert_eq!(at("memory"), Some("a/b".into()));
        assert_eq!(at("cpuacct"), Some("c".into()));
        assert_eq!(at(""), Some("user.slice/x".into()));
        assert_eq!(at("blkio"), None);
        assert_eq!(path_in("0::/../outside\n", ""), None);
    }

    #[test]
    fn kills_are_read_from_both_versions() {
        assert_eq!(kills("low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n"), 1);
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), 2);
        assert_eq!(kills("oom_kill_disable 0\n"), 0);
    }
}
