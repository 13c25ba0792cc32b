//! What the daemon, the supervisor and the sandbox say to one another: JSON, one value a line.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// One run, whole, as the daemon hands it to a supervisor. Holds secrets: never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Command lines in order; the first that fails ends the run.
    pub commands: Vec<Command>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub cwd: PathBuf,
    /// What the file system looks like from inside.
    pub view: View,
    /// Whether the kernel must hold it.
    pub level: Level,
    /// What the whole tree may use.
    pub limits: Limits,
}

/// One command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program, an absolute path.
    pub program: PathBuf,
    /// The words, the first of which is the name the program sees.
    pub argv: Vec<String>,
    /// Exit codes that do not end the run, beside 0.
    pub accepted: Vec<i32>,
}

/// What a run may touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The pinned tree: read and execute.
    pub tree: PathBuf,
    /// The private work folder: everything.
    pub work: PathBuf,
    /// More that may be read.
    pub read: Vec<PathBuf>,
    /// More that may be written.
    pub write: Vec<PathBuf>,
    /// What is never shown, whatever the system folders and the two lists above say: the state
    /// folder, secret files. The tree and the work folder may lie within.
    pub hidden: Vec<PathBuf>,
}

/// Whether a run may start on a kernel that cannot hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Files are held by Landlock, or nothing starts.
    Required {
        /// Signals and abstract sockets too.
        scopes: bool,
    },
    /// What the kernel offers is used, even if that is nothing.
    BestEffort,
}

/// What the whole tree of a run may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// From the first start to the last end.
    pub timeout: Duration,
    /// Bytes of resident memory, added up over the tree.
    pub memory: u64,
    /// Processes at one time.
    pub processes: u32,
}

/// How a run ended, said once nothing of its tree is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Every command ended with 0 or an accepted code: these.
    Done {
        /// In order.
        codes: Vec<i32>,
    },
    /// A command ended with another code.
    Exited {
        /// Which, counted from 0.
        command: usize,
        /// The code.
        code: i32,
    },
    /// A signal ended a command.
    Signalled {
        /// Which command.
        command: usize,
        /// The signal's number.
        signal: i32,
    },
    /// A command could not be started.
    NotStarted {
        /// Which.
        command: usize,
        /// Why.
        why: String,
    },
    /// It took too long.
    TimedOut,
    /// The daemon closed the lifeline, or is gone.
    Cancelled,
    /// The tree used too much memory.
    Memory {
        /// While which command ran.
        command: usize,
    },
    /// The tree had too many processes.
    Processes {
        /// While which command ran.
        command: usize,
    },
    /// The supervisor is gone and did not say; what it left behind was looked for and killed.
    Lost,
}

/// What a supervisor tells the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// A command was started.
    Started {
        /// Which.
        command: usize,
    },
    /// The run ended and nothing of it is left.
    Ended(End),
}

/// What a supervisor hands to the sandbox: one command and everything around it.
#[derive(Serialize, Deserialize)]
pub(super) struct Job {
    /// The command.
    pub(super) command: Command,
    /// See [`Spec::env`].
    pub(super) env: BTreeMap<String, String>,
    /// See [`Spec::cwd`].
    pub(super) cwd: PathBuf,
    /// See [`Spec::view`].
    pub(super) view: View,
    /// See [`Spec::level`].
    pub(super) level: Level,
    /// How many tasks (processes and threads) the user may have, this run's included.
    pub(super) tasks: u64,
    /// Files into which it writes `0` to join the run's control group.
    pub(super) doors: Vec<PathBuf>,
    /// The scheduling priority to run at.
    pub(super) nice: i32,
}

/// Returns a value as one line.
pub(super) fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Reads one line, byte by byte so that nothing behind it is taken, and returns its value. An end
/// before the line's end is an error: half a spec is no spec.
pub(super) fn read_line<T: DeserializeOwned>(mut from: impl Read) -> io::Result<T> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        from.read_exact(&mut byte)?;
        if byte[0] == b'\n' {
            return Ok(serde_json::from_slice(&line)?);
        }
        line.push(byte[0]);
    }
}
