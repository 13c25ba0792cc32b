//! The sandbox: becoming the program of an intent, with nothing but what it was given.
//!
//! `tribune __sandbox` is this binary started anew by a supervisor: one thread, no runtime, no
//! fork to come. It reads its job from a socket on its standard input, gives up everything, and
//! replaces itself by the program. That it does so in a process of its own, rather than between
//! `fork` and `exec` of the daemon, is what lets all of it be ordinary safe code.
//!
//! If the program cannot be started the reason goes back over the socket; the socket closing
//! without a word means that it was.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit, setsid, umask};
use rustix::stdio::{dup2_stdin, stdin};
use rustix::thread::{
    CapabilitySet, capabilities, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

use super::view::{self, NEEDED_ABI, SCOPES_ABI, ViewError};
use super::wire::{Job, Level, read_line};

/// Open files a run may have.
const FILES: u64 = 4096;

/// What no run may do, root's included: load code into the kernel, reach other processes' memory
/// and environment, name files past their paths, make devices, raise its limits.
const ARMS: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::SYS_MODULE)
    .union(CapabilitySet::SYS_RAWIO)
    .union(CapabilitySet::SYS_RESOURCE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::BPF);

/// What this machine offers to hold runs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The Landlock ABI; 0: the kernel has no Landlock, or it is switched off.
    pub landlock_abi: u32,
}

/// Asks the running kernel.
pub fn probe() -> Probe {
    Probe { landlock_abi: view::abi() }
}

/// Whether runs are started on a kernel that cannot hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weak {
    /// They are not.
    Refused,
    /// They are: settings say `exec.weak_sandbox = true`.
    Allowed,
}

/// Why runs are not started here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this kernel cannot keep a run from the rest of the machine: it has Landlock ABI {found}, \
     needed is {NEEDED_ABI} (Linux 6.2); use a newer kernel, or accept the risk with \
     exec.weak_sandbox = true"
)]
pub struct TooWeak {
    /// The ABI that the kernel has.
    pub found: u32,
}

impl Probe {
    /// Says whether runs are started here only if settings allow a weak sandbox.
    pub fn needs_weak(self) -> bool {
        self.landlock_abi < NEEDED_ABI
    }

    /// Says whether signals to, and abstract sockets of, processes outside are held too.
    pub fn holds_signals(self) -> bool {
        self.landlock_abi >= SCOPES_ABI
    }

    /// Returns how runs are held here.
    pub fn level(self, weak: Weak) -> Result<Level, TooWeak> {
        match weak {
            _ if !self.needs_weak() => Ok(Level::Required { scopes: self.holds_signals() }),
            Weak::Allowed => Ok(Level::BestEffort),
            Weak::Refused => Err(TooWeak { found: self.landlock_abi }),
        }
    }
}

/// Why the program was not started.
#[derive(Debug, thiserror::Error)]
enum SandboxError {
    #[error("the job cannot be read: {0}")]
    Job(io::Error),
    #[error("{0}")]
    View(#[from] ViewError),
    #[error("{what}: {why}")]
    Kernel { what: &'static str, why: io::Error },
    #[error("{program} cannot be started: {why}")]
    Exec { program: String, why: io::Error },
}

/// Runs the sandbox; returns only if the program was not started.
pub(super) fn main() -> ExitCode {
    let Ok(daemon) = stdin().try_clone_to_owned() else { return ExitCode::FAILURE };
    match enter(&daemon) {
        Ok(never) => match never {},
        Err(error) => {
            let mut socket = File::from(daemon);
            // If nobody listens, nobody can be told: the supervisor is gone.
            socket.write_all(error.to_string().as_bytes()).ok();
            ExitCode::FAILURE
        }
    }
}

/// Gives up everything and becomes the program.
#[expect(clippy::disallowed_methods, reason = "this module is where an intent's program starts")]
fn enter(daemon: &OwnedFd) -> Result<Infallible, SandboxError> {
    let job: Job = daemon
        .try_clone()
        .and_then(|socket| read_line(File::from(socket)))
        .map_err(SandboxError::Job)?;
    for door in &job.doors {
        // The group is a stop behind the supervisor's counting: without it that stands alone.
        fs::write(door, "0").ok();
    }
    detach()?;
    limit(job.tasks, job.nice)?;
    set_no_new_privs(true).map_err(kernel("no_new_privs cannot be set"))?;
    disarm()?;
    view::restrict(&job.view, job.level)?;
    close_fds::set_fds_cloexec(3, &[]);
    let why = std::process::Command::new(&job.command.program)
        .arg0(job.command.argv.first().map_or("", String::as_str))
        .args(job.command.argv.iter().skip(1))
        .env_clear()
        .envs(&job.env)
        .current_dir(&job.cwd)
        .exec();
    Err(SandboxError::Exec { program: job.command.program.display().to_string(), why })
}

/// Leaves the supervisor's session and terminal, and reads nothing from now on.
fn detach() -> Result<(), SandboxError> {
    setsid().map_err(kernel("a session cannot be made"))?;
    let null = File::open("/dev/null")
        .map_err(|why| SandboxError::Kernel { what: "/dev/null cannot be opened", why })?;
    dup2_stdin(null).map_err(kernel("the standard input cannot be closed"))?;
    umask(Mode::WGRP | Mode::WOTH);
    Ok(())
}

/// Sets the limits that the kernel keeps per process. Never `RLIMIT_AS`: programs reserve far
/// more addresses than they use memory.
/// `RLIMIT_NPROC` counts what the whole user has, and not at all for root: it is a stop for fork
/// bombs between two looks of the supervisor, not the limit of the run.
fn limit(tasks: u64, nice: i32) -> Result<(), SandboxError> {
    setpriority_process(None, nice).map_err(kernel("the priority cannot be set"))?;
    lower(Resource::Nproc, tasks).map_err(kernel("tasks cannot be limited"))?;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(kernel("core files cannot be switched off"))?;
    lower(Resource::Nofile, FILES).map_err(kernel("open files cannot be limited"))
}

/// Lowers a limit for good; one that is lower already stays.
fn lower(resource: Resource, most: u64) -> Result<(), Errno> {
    let most = getrlimit(resource).maximum.unwrap_or(most).min(most);
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
}

/// Gives up the capabilities by which root could look into, or step out of, what holds the run.
/// A daemon that is not root has none of them.
fn disarm() -> Result<(), SandboxError> {
    let mut sets = capabilities(None).map_err(kernel("capabilities cannot be read"))?;
    for capability in (sets.permitted & ARMS).iter() {
        // Without the right to do this it is enough that no_new_privs keeps them from coming back.
        remove_capability_from_bounding_set(capability).ok();
    }
    sets.permitted -= ARMS;
    sets.effective -= ARMS;
    sets.inheritable -= ARMS;
    set_capabilities(None, sets).map_err(kernel("capabilities cannot be given up"))
}

/// Returns a function that says what the kernel would not do.
fn kernel(what: &'static str) -> impl FnOnce(Errno) -> SandboxError {
    move |why| SandboxError::Kernel { what, why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_kernel_is_refused_unless_settings_accept_it() {
        let old = Probe { landlock_abi: 2 };
        assert_eq!(old.level(Weak::Refused), Err(TooWeak { found: 2 }));
        assert_eq!(old.level(Weak::Allowed), Ok(Level::BestEffort));
        let message = TooWeak { found: 2 }.to_string();
        assert!(message.contains("exec.weak_sandbox = true"), "{message}");
    }

    #[test]
    fn a_weak_sandbox_is_never_taken_where_a_strong_one_is_possible() {
        let five = Probe { landlock_abi: 5 };
        assert_eq!(five.level(Weak::Allowed), Ok(Level::Required { scopes: false }));
        let six = Probe { landlock_abi: 6 };
        assert_eq!(six.level(Weak::Refused), Ok(Level::Required { scopes: true }));
    }
}
