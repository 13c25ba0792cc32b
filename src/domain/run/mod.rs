//! Runs: one execution of a permitted request, as a value that an executor can follow.

mod plan;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::plan::{PlanError, plan};
pub(super) use self::plan::{files, intent_of, work};
use super::file::FileWork;
use super::id::{IntentName, RepoPath, RunId, SecretName, TargetName};
use super::intent::{Limits, Sandbox};
use super::repo::TreeEntry;

/// What to execute. Everything is resolved: no holes, no names that need looking up, but secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which run it is.
    pub run: RunId,
    /// Which intent.
    pub intent: IntentName,
    /// What is done.
    pub work: Work,
    /// The whole environment, secrets aside.
    pub env: BTreeMap<String, String>,
    /// Secrets to add to it.
    pub secrets: Vec<SecretName>,
    /// Files it may read.
    pub files: BTreeMap<RepoPath, TreeEntry>,
    /// What it may touch beyond them.
    pub sandbox: Sandbox,
    /// What it may use.
    pub limits: Limits,
}

/// What a plan does; each kind has its executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Command lines in order; the first that fails ends the run.
    Commands(Vec<Command>),
    /// A file or folder is made equal to one of the policy repo, or compared with it.
    File(FileWork),
}

impl Plan {
    /// Returns the command lines; none if it does something else.
    pub fn commands(&self) -> &[Command] {
        match &self.work {
            Work::Commands(commands) => commands,
            Work::File(_) => &[],
        }
    }

    /// Returns what it does as people read it, secrets never in it.
    pub fn shown(&self) -> Vec<String> {
        match &self.work {
            Work::Commands(commands) => commands.iter().map(Command::shown).collect(),
            Work::File(work) => vec![work.to_string()],
        }
    }
}

impl Command {
    /// Returns the words as a shell would take them.
    fn shown(&self) -> String {
        let words = self.argv.iter().map(String::as_str);
        shlex::try_join(words).unwrap_or_else(|_| format!("{:?}", self.argv))
    }
}

/// One command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The target it is for, if the command is per target.
    pub target: Option<TargetName>,
    /// The words. The first is a path in the tree or a program on the settings' fixed PATH.
    pub argv: Vec<String>,
    /// The exit code that means "differs" rather than failure; only of checks.
    pub drift_exit: Option<i32>,
}

/// A permitted request as something to execute. A type apart from [`Check`], so that leave to
/// look is never leave to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run(pub Plan);

/// A permitted request as something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check(pub Plan);

/// One run as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Which.
    pub id: RunId,
    /// When it was dispatched.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Command lines as shown to people, secrets never in them.
    pub commands: Vec<String>,
    /// The first bytes of cleaned, redacted output.
    pub head: String,
    /// The last bytes, if more came than is kept in `head`.
    pub tail: String,
    /// Bytes left out between the two.
    pub dropped: u64,
    /// Whether head and tail were removed, as old as they were.
    #[serde(default)]
    pub forgotten: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every command exited 0.
    Succeeded,
    /// A check found that the world differs.
    Differs,
    /// A command did not.
    Failed {
        /// How.
        how: Failure,
        /// The target it was for.
        target: Option<TargetName>,
    },
    /// It took too long and was killed.
    TimedOut,
    /// Somebody ended it.
    Cancelled,
    /// Its supervisor died.
    Interrupted,
}

/// How a command failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It exited with this code.
    Exit(i32),
    /// This signal ended it.
    Signal(i32),
    /// Its tree used more memory than allowed.
    Memory,
    /// Its tree had more processes than allowed.
    Processes,
    /// It could not be started: why.
    NotStarted(String),
    /// It could not do what it should, and changed no more than it said: why.
    NotDone(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "it exited with {code}"),
            Self::Signal(signal) => write!(f, "signal {signal} ended it"),
            Self::Memory => f.write_str("it used more memory than its limit"),
            Self::Processes => f.write_str("it had more processes than its limit"),
            Self::NotStarted(why) => write!(f, "it could not be started: {why}"),
            Self::NotDone(why) => f.write_str(why),
        }
    }
}
