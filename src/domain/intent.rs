//! Intents: the named, typed, allow-listed operations.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::file::FileRule;
use super::id::{ChannelName, IntentName, ObjectId, ParamName, RepoPath, RoleName, SecretName};
use super::param::{Args, Param};

/// One file of `intents/`.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// The name people type.
    pub name: IntentName,
    /// One line for help.
    pub summary: String,
    /// What kind of effect it has.
    pub category: Category,
    /// 0 (harmless) to 3, for policies to read.
    pub risk: u8,
    /// Declared parameters.
    pub params: BTreeMap<ParamName, Param>,
    /// Groups, hosts, stacks or `local` that a request may name.
    pub targets: Vec<String>,
    /// Other ways to type it.
    pub aliases: Vec<Alias>,
    /// The label a cited pull request must bear.
    pub label: Option<String>,
    /// How a pull request may serve as evidence; `None`: it may not.
    pub cite: Option<Cite>,
    /// How people may approve; `None`: they may not.
    pub approval: Option<ApprovalRule>,
    /// Where cards of requests stand that nobody made in chat.
    pub channel: Option<ChannelName>,
    /// When it asks for itself.
    pub schedule: Option<Schedule>,
    /// What is executed.
    pub run: Executor,
    /// How to look without acting, where the executor does not know by itself; see
    /// [`Intent::can_check`].
    pub check: Option<CheckCommand>,
    /// More paths of the repository that the run may read.
    pub reads: Vec<RepoPath>,
    /// Whether a run that was interrupted may be tried again.
    pub idempotent: bool,
    /// The whole environment of the run; values may hold `{param}`.
    pub env: BTreeMap<String, String>,
    /// Secrets put into the environment by name, upper-cased with `-` as `_`.
    pub secrets: Vec<SecretName>,
    /// What the run may touch outside its tree.
    pub sandbox: Sandbox,
    /// Time, output, memory and processes.
    pub limits: Limits,
    /// What excludes what.
    pub concurrency: Concurrency,
    /// When it may not start.
    pub windows: Vec<Window>,
    /// How it is also checked by Tribune itself; `None`: only when somebody asks.
    pub standing: Option<StandingRule>,
    /// The file it comes from.
    pub path: RepoPath,
    /// The content of that file.
    pub blob: ObjectId,
}

impl Intent {
    /// Says whether it can be looked at without acting.
    pub fn can_check(&self) -> bool {
        match self.run {
            Executor::Argv(_) => self.check.is_some(),
            Executor::File(_) => true,
        }
    }
}

/// What kind of effect an intent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Looks only.
    Read,
    /// Changes something that can be changed back.
    Change,
    /// Destroys something.
    Destroy,
}

impl Category {
    /// All of them, mildest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Change, Self::Destroy];

    /// Returns the name as files and policies write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Destroy => "destroy",
        }
    }
}

/// Another way to type an intent: words and holes, `restart {service} on {target}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias(pub Vec<AliasWord>);

/// One word of an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AliasWord {
    /// Typed as it stands.
    Literal(String),
    /// Any one word, which becomes the argument of that name.
    Param(ParamName),
    /// Any one word, which becomes the target.
    Target,
}

/// How a pull request serves as evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cite {
    /// Counted from when Tribune first saw the merge.
    pub within: SignedDuration,
    /// How many runs one pull request supports.
    pub uses: u32,
    /// Whether it must name this intent and these arguments.
    pub bind: bool,
}

/// How people approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRule {
    /// Each is filled by as many different people as it counts; nobody fills two.
    pub slots: Vec<Slot>,
    /// Approvals must arrive within this time of the request.
    pub collect: SignedDuration,
    /// The run must start within this time of being permitted.
    pub execute: SignedDuration,
    /// One ❌ from these roles ends the request.
    pub veto: Vec<RoleName>,
    /// Whom to mention.
    pub notify: Notify,
}

/// One kind of approver that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// Who fills it: anybody who holds the role and whom policy lets `approve`.
    pub role: RoleName,
    /// How many of them.
    pub count: u32,
}

/// Whom a waiting request mentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notify {
    /// Nobody.
    Nobody,
    /// Eligible people, once, and again at half of `collect`; never the requester.
    Role,
}

/// What an intent executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executor {
    /// A program on the machine that Tribune runs on.
    Argv(Vec<ArgvWord>),
    /// A file or folder of that machine, made equal to one of the policy repo.
    File(FileRule),
}

/// One word of a command line: literal text and holes, never split again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgvWord(pub Vec<ArgvPart>);

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgvPart {
    /// Text as it stands.
    Literal(String),
    /// The argument of that name.
    Param(ParamName),
    /// The target; a command with it runs once per target.
    Target,
}

/// How to look without acting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckCommand {
    /// The command line.
    pub argv: Vec<ArgvWord>,
    /// The exit code that says "differs"; 0 says "as declared", anything else is a failure.
    pub drift_exit: i32,
}

/// How an intent is also checked on a schedule, and what is done about what is found.
#[derive(Debug, Clone, PartialEq)]
pub struct StandingRule {
    /// How often each target is looked at.
    pub every: SignedDuration,
    /// Which of the intent's targets, as written.
    pub targets: Vec<String>,
    /// With which arguments, defaults filled in.
    pub args: Args,
    /// What is done about a difference.
    pub on_drift: OnDrift,
    /// How often people are told again of what has not changed.
    pub remind: SignedDuration,
}

/// What is done about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDrift {
    /// It is told.
    Report,
    /// People are asked what shall be.
    Ask,
    /// Tribune asks for the repair itself.
    Auto,
}

impl OnDrift {
    /// Returns the name as files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Ask => "ask",
            Self::Auto => "auto",
        }
    }
}

/// What a run may touch outside its tree and its private work folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sandbox {
    /// Absolute paths it may read beside the system folders.
    pub read: Vec<PathBuf>,
    /// Absolute paths it may write.
    pub write: Vec<PathBuf>,
}

/// What a run may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time of the whole run.
    pub timeout: SignedDuration,
    /// Bytes of output kept (first and last half); beyond it the run goes on.
    pub output: u64,
    /// Bytes of resident memory of the run's whole tree.
    pub memory: u64,
    /// Processes of the run's whole tree.
    pub processes: u32,
}

/// Which runs exclude one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concurrency {
    /// What is held while running.
    pub per: Per,
    /// What happens when it is held by another.
    pub on_busy: OnBusy,
}

/// What a run holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// Each of its targets, against every intent.
    Target,
    /// The intent.
    Intent,
    /// Nothing.
    Nothing,
}

/// What happens to a request whose target is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBusy {
    /// It waits.
    Queue,
    /// It is denied, naming the holder.
    Refuse,
}

/// When an intent asks for itself, as the service `scheduler`.
///
/// Displays as its rule, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// As written: five fields of cron, or six with seconds first.
    pub cron: String,
    /// An IANA zone name.
    pub zone: String,
    /// Targets as a request would name them; empty where the intent has only one.
    pub targets: Vec<String>,
    /// Arguments as a request would give them.
    pub args: BTreeMap<ParamName, String>,
    /// By how much it asks later at most; how much exactly hangs on the occurrence.
    pub jitter: SignedDuration,
    /// What becomes of an occurrence for which Tribune was not there.
    pub missed: Missed,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.cron, self.zone)
    }
}

/// What becomes of an occurrence for which Tribune was not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// It is left out.
    Skip,
    /// It is asked for once Tribune is there again, once for all that were missed.
    RunOnce,
}

/// A freeze window: no run starts in a minute that matches.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// As written, five fields of cron.
    pub deny: String,
    /// An IANA zone name.
    pub zone: String,
}
