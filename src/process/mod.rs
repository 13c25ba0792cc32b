//! Starting processes: the only place in the crate that does.
//!
//! [`command`] runs a short helper program (`git`, a probe) to its end. [`supervised`] runs what
//! an intent names: the daemon starts a *supervisor*, which holds the run's lock, counts and kills
//! its tree, and starts for each command a *sandbox*, which gives up everything and becomes the
//! program. Both are this binary again, entered through [`entry`], so that no code runs between
//! `fork` and `exec` and nothing here needs `unsafe`.
//!
//! Nothing here knows what a request or an intent is; nothing inherits the daemon's environment or
//! descriptors; and whatever is started is killed with everything that it started.

use std::ffi::OsString;
use std::process::ExitCode;

pub mod background;
pub mod cgroup;
pub mod command;
pub mod lock;
mod pidfd;
pub mod sandbox;
pub mod supervised;
mod supervisor;
mod tree;
mod view;
pub mod wire;

/// The hidden subcommand of the supervisor.
const SUPERVISE: &str = "__supervise";

/// The hidden subcommand of the sandbox.
const SANDBOX: &str = "__sandbox";

/// Runs the supervisor or the sandbox if the command line says so, and returns its exit code.
/// Must come before anything else in `main`: before threads, before a runtime.
pub fn entry(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    match args.nth(1)?.to_str()? {
        SUPERVISE => Some(supervisor::main()),
        SANDBOX => Some(sandbox::main()),
        _ => None,
    }
}
