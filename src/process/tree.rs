//! The processes that descend from this one: counting them, and ending them all.
//!
//! This process is a child subreaper, so whatever a run starts stays below it, however often it
//! forks and whatever sessions it makes: an orphan becomes this process's child. Hence the one
//! sure sign that nothing is left: `wait` says that there is no child.
//!
//! Reading `/proc` gives no instant picture. For counting that is near enough. For killing it is
//! made up for by stopping everything first (what is stopped cannot fork), by looking again until
//! nothing new shows, and by going on until `wait` says so. A process is signalled through a
//! descriptor that was checked against its start time, so a number that was given to another
//! process in between is never hit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, getpid, pidfd_open, pidfd_send_signal, wait,
};

/// How often the killing looks again for stopped processes to be gone.
const PAUSE: Duration = Duration::from_millis(5);

/// One process as `/proc` tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    /// Its number.
    pub(super) pid: Pid,
    /// Its parent's number.
    parent: i32,
    /// Whether it has ended and waits for its parent to notice.
    ended: bool,
    /// When it started, in ticks since boot; with the number, its identity.
    start: u64,
    /// Threads.
    threads: u64,
    /// Pages of memory.
    pages: u64,
}

impl Process {
    /// Says whether it has not ended.
    pub(super) fn lives(&self) -> bool {
        !self.ended
    }
}

/// What a tree uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    /// Living processes.
    pub(super) processes: u64,
    /// Bytes of resident memory; what processes share counts for each.
    pub(super) memory: u64,
}

/// Returns what the descendants of this process use, where a page of memory has `page` bytes.
pub(super) fn usage(page: u64) -> Usage {
    descendants().iter().filter(|process| !process.ended).fold(Usage::default(), |sum, process| {
        Usage {
            processes: sum.processes + 1,
            memory: sum.memory.saturating_add(process.pages.saturating_mul(page)),
        }
    })
}

/// Returns the bytes in a page of memory, as the kernel told this process when it started it.
pub(super) fn page_size() -> u64 {
    const AT_PAGESZ: usize = 6;
    const WORD: usize = size_of::<usize>();
    let vector = fs::read("/proc/self/auxv").unwrap_or_default();
    let mut words = vector.chunks_exact(WORD).map(|word| {
        usize::from_ne_bytes(word.try_into().expect("chunks have the length of a word"))
    });
    while let (Some(kind), Some(value)) = (words.next(), words.next()) {
        if kind == AT_PAGESZ {
            return value as u64;
        }
    }
    4096
}

/// Takes the exit status of every child that has ended, and says whether children are left.
pub(super) fn reap(mut seen: impl FnMut(Pid, WaitStatus)) -> Left {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => seen(pid, status),
            Ok(None) => return Left::Some,
            Err(Errno::INTR) => {}
            Err(_) => return Left::None,
        }
    }
}

/// Whether this process has children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It has.
    Some,
    /// It has not, so it has no descendants either.
    None,
}

/// Kills every descendant of this process and returns once none is left.
pub(super) fn kill_all(mut seen: impl FnMut(Pid, WaitStatus)) {
    while reap(&mut seen) == Left::Some {
        stop_all();
        for process in descendants() {
            signal(&process, Signal::KILL);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Stops every descendant, looking again until a look shows nothing new.
fn stop_all() {
    let mut stopped = BTreeSet::new();
    loop {
        let mut new = false;
        for process in descendants().iter().filter(|process| !process.ended) {
            if stopped.insert((process.pid.as_raw_nonzero(), process.start)) {
                new = true;
                signal(process, Signal::STOP);
            }
        }
        if !new {
            return;
        }
    }
}

/// Signals a process if it is still the one that was seen.
pub(super) fn signal(process: &Process, signal: Signal) {
    let Ok(handle) = pidfd_open(process.pid, PidfdFlags::empty()) else { return };
    if read(process.pid).is_some_and(|now| now.start == process.start) {
        // It may have ended by itself, which is what is wanted.
        pidfd_send_signal(&handle, signal).ok();
    }
}

/// Returns every descendant of this process.
pub(super) fn descendants() -> Vec<Process> {
    below(getpid().as_raw_nonzero().get(), all())
}

/// Returns what of `processes` descends from `root`.
fn below(root: i32, processes: Vec<Process>) -> Vec<Process> {
    let mut children: BTreeMap<i32, Vec<Process>> = BTreeMap::new();
    for process in processes {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        for process in children.remove(&parent).unwrap_or_default() {
            open.push(process.pid.as_raw_nonzero().get());
            found.push(process);
        }
    }
    found
}

/// Returns how many tasks (processes and threads) this process's user has.
pub(super) fn tasks() -> u64 {
    let user = rustix::process::getuid().as_raw();
    let owned = |process: &Process| {
        let folder = format!("/proc/{}", process.pid.as_raw_nonzero());
        fs::metadata(folder).is_ok_and(|meta| meta.uid() == user)
    };
    all().iter().filter(|process| owned(process)).map(|process| process.threads).sum()
}

/// Returns every process there is.
pub(super) fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|number| read(Pid::from_raw(number)?))
        .collect()
}

/// Returns one process, if it is there.
fn read(pid: Pid) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
}

/// Reads a line of `/proc/PID/stat`. The name in brackets may hold anything, brackets included,
/// so fields are counted from the last bracket.
fn parse(stat: &str) -> Option<Process> {
    let pid = stat.split_once(' ')?.0.parse().ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Process {
        pid: Pid::from_raw(pid)?,
        parent: fields.get(1)?.parse().ok()?,
        ended: matches!(*fields.first()?, "Z" | "X"),
        threads: number(17)?,
        start: number(19)?,
        pages: number(21)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32) -> Process {
        let pid = Pid::from_raw(pid).unwrap();
        Process { pid, parent, ended: false, threads: 0, start: 0, pages: 0 }
    }

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) Z 1 (b) S 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 555 1000 42 1 0";
        let expected = Process { threads: 1, start: 555, pages: 42, ..process(7, 3) };
        assert_eq!(parse(stat), Some(expected));
    }

    #[test]
    fn descendants_are_found_at_any_depth_and_strangers_are_not() {
        let all = vec![process(9, 5), process(2, 1), process(5, 2), process(3, 1)];
        let found: Vec<i32> =
            below(2, all).iter().map(|it| it.pid.as_raw_nonzero().get()).collect();
        assert_eq!(found, [5, 9]);
    }

    #[test]
    fn a_page_has_a_power_of_two_of_bytes() {
        assert!(page_size() >= 4096 && page_size().is_power_of_two());
    }

    #[test]
    fn this_process_is_among_all() {
        let me = all().into_iter().find(|it| it.pid == getpid()).unwrap();
        assert!(me.pages > 0 && !me.ended);
    }
}
