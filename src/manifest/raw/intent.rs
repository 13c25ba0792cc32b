//! An intent, as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::decode::Placed;
use super::Scalar;

/// One intent: `intents/NAME.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawIntent {
    /// The version of this format: 1.
    pub version: Placed<i64>,
    /// The name that people type; the file has the same.
    pub intent: Placed<String>,
    /// One line for help.
    pub summary: Placed<String>,
    /// What kind of effect it has.
    pub category: Placed<RawCategory>,
    /// 0 (harmless) to 3, for policies to read.
    pub risk: Placed<i64>,
    /// Parameters by name; a name has one type in the whole policy repo.
    #[serde(default)]
    pub params: BTreeMap<String, Placed<RawParam>>,
    /// Groups, hosts or `local`; a request names one or more of them.
    pub targets: Placed<Vec<Placed<String>>>,
    /// Other ways to type it, such as `restart {service} on {target}`.
    #[serde(default)]
    pub aliases: Vec<Placed<String>>,
    /// The label that a cited pull request must bear.
    pub label: Option<Placed<String>>,
    /// How a pull request may serve as evidence; without it, none may.
    pub cite: Option<Placed<RawCite>>,
    /// How people may approve; without it, they may not.
    pub approval: Option<Placed<RawApproval>>,
    /// The channel in which cards of requests stand that nobody made in chat.
    pub channel: Option<Placed<String>>,
    /// When it asks for itself, as the service `scheduler`; needs `channel`.
    pub schedule: Option<Placed<RawSchedule>>,
    /// What is executed.
    pub run: Placed<RawRun>,
    /// How `argv` looks without acting; without it there is no `!check`. `file` always can.
    pub check: Option<RawCheck>,
    /// More paths of the policy repo that a run may read; words that are paths come along anyhow.
    #[serde(default)]
    pub reads: Vec<Placed<String>>,
    /// Whether a plan is part of what is approved; this version knows only `false`.
    pub plan: Option<Placed<bool>>,
    /// Whether a run that was interrupted may be tried again.
    #[serde(default)]
    pub idempotent: bool,
    /// The whole environment of a run; values may hold `{param}` and `{target}`.
    #[serde(default)]
    pub env: BTreeMap<String, Placed<String>>,
    /// Secrets that settings map to values; put into the environment in upper case, `-` as `_`.
    #[serde(default)]
    pub secrets: Vec<Placed<String>>,
    /// What a run may touch outside its own folders.
    pub sandbox: Option<RawSandbox>,
    /// What a run may use.
    pub limits: Option<RawLimits>,
    /// What excludes what.
    pub concurrency: Option<RawConcurrency>,
    /// Times in which it may not start.
    #[serde(default)]
    pub windows: Vec<Placed<RawWindow>>,
    /// How Tribune itself checks it again and again.
    pub standing: Option<Placed<RawStanding>>,
}

/// What kind of effect an intent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawCategory {
    /// Looks only.
    Read,
    /// Changes something that can be changed back.
    Change,
    /// Destroys something.
    Destroy,
}

/// One parameter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawParam {
    /// Its type.
    pub r#type: Placed<RawType>,
    /// What it is for, shown in help.
    pub summary: Option<Placed<String>>,
    /// The value taken when none is given; without one the parameter is required.
    pub default: Option<Placed<Scalar>>,
    /// The only values allowed (string).
    pub r#enum: Option<Placed<Vec<Placed<String>>>>,
    /// A regular expression that the whole value must match (string).
    pub pattern: Option<Placed<String>>,
    /// Least number of characters (string).
    pub min_length: Option<Placed<i64>>,
    /// Greatest number of characters (string); 256 if not given, 4096 at most.
    pub max_length: Option<Placed<i64>>,
    /// Whether a value may begin with `-` (string).
    pub allow_dash: Option<Placed<bool>>,
    /// Least value (integer).
    pub min: Option<Placed<i64>>,
    /// Greatest value (integer).
    pub max: Option<Placed<i64>>,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
}

/// How a pull request may serve as evidence.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCite {
    /// How long a merge serves, from when Tribune first saw it: `7d`.
    pub within: Placed<String>,
    /// How many runs one pull request supports; 1 if not given.
    pub uses: Option<Placed<i64>>,
    /// Whether it must name this intent, these arguments and targets; `true` if not given.
    pub bind: Option<Placed<bool>>,
}

/// How people may approve.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawApproval {
    /// Who is wanted; each place is filled by a different person.
    pub slots: Placed<Vec<Placed<RawSlot>>>,
    /// Approvals must arrive within this time; `30m` if not given.
    pub collect: Option<Placed<String>>,
    /// The run must start within this time of being permitted; `15m` if not given.
    pub execute: Option<Placed<String>>,
    /// Roles of which one ❌ ends the request.
    #[serde(default)]
    pub veto: Vec<Placed<String>>,
    /// Whom to mention; `role` if not given.
    pub notify: Option<RawNotify>,
}

/// One kind of approver.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSlot {
    /// The role that a person must hold.
    pub role: Placed<String>,
    /// How many such people; 1 if not given.
    pub count: Option<Placed<i64>>,
}

/// Whom a waiting request mentions.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawNotify {
    /// Nobody.
    Nobody,
    /// People who could approve, once, and again at half of `collect`.
    Role,
}

/// What is executed: exactly one executor.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRun {
    /// A program and its words, on the machine that Tribune runs on; no shell.
    pub argv: Option<Placed<Vec<Placed<String>>>>,
    /// A file or folder of that machine, made equal to one of the policy repo.
    pub file: Option<Placed<RawFile>>,
}

/// A managed file or folder.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFile {
    /// The file or folder of the policy repo that says how it should be.
    pub source: Placed<String>,
    /// Where it stands: a root of the settings (`file.roots`) and the path below it, such as
    /// `managed/motd`; `{param}` fills a name or a part of one.
    pub path: Placed<String>,
    /// Permissions of files in octal, such as "0640"; if not given, "0644", and "0755" for programs.
    pub mode: Option<Placed<String>>,
    /// Permissions of folders in octal; "0755" if not given.
    pub directory_mode: Option<Placed<String>>,
    /// The user that owns it, by name or number; whoever does, if not given.
    pub owner: Option<Placed<String>>,
    /// Its group, by name or number; whichever it has, if not given.
    pub group: Option<Placed<String>>,
    /// Whether `{param}` in the content is filled; `{{param}}` is then the text `{param}`.
    #[serde(default)]
    pub template: bool,
    /// Whether only hashes and counts of lines are ever shown.
    #[serde(default)]
    pub sensitive: bool,
    /// Whether what stands in the folder and not in the policy repo is removed.
    pub prune: Option<Placed<bool>>,
}

/// How to look without acting.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCheck {
    /// A program and its words.
    pub argv: Placed<Vec<Placed<String>>>,
    /// The exit code that says "differs"; 2 if not given.
    pub drift_exit: Option<Placed<i64>>,
}

/// What a run may touch outside its own folders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSandbox {
    /// Absolute paths that it may read beside the system folders.
    #[serde(default)]
    pub read: Vec<Placed<String>>,
    /// Absolute paths that it may write.
    #[serde(default)]
    pub write: Vec<Placed<String>>,
}

/// What a run may use.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLimits {
    /// Time; `5m` if not given.
    pub timeout: Option<Placed<String>>,
    /// Output that is kept; `256KiB` if not given.
    pub output: Option<Placed<String>>,
    /// Memory of all its processes; `512MiB` if not given.
    pub memory: Option<Placed<String>>,
    /// Number of its processes; 64 if not given.
    pub processes: Option<Placed<i64>>,
}

/// What excludes what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawConcurrency {
    /// What a run holds while it runs; `target` if not given.
    pub per: Option<RawPer>,
    /// What happens when it is held by another; `queue` if not given.
    pub on_busy: Option<RawOnBusy>,
}

/// What a run holds.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawPer {
    /// Each of its targets, against every intent.
    Target,
    /// The intent.
    Intent,
    /// Nothing.
    Nothing,
}

/// What happens to a request whose target is held.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawOnBusy {
    /// It waits.
    Queue,
    /// It is denied, naming the holder.
    Refuse,
}

/// When an intent asks for itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSchedule {
    /// Five fields of cron, or six with seconds first.
    pub cron: Placed<String>,
    /// The time zone, such as `Europe/Berlin`.
    pub zone: Placed<String>,
    /// What it asks to act on; may be left out where the intent acts on one target only.
    #[serde(default)]
    pub targets: Vec<Placed<String>>,
    /// Arguments by name.
    #[serde(default)]
    pub args: BTreeMap<String, Placed<Scalar>>,
    /// By how much it asks later at most, `1h` at most; not at all if not given.
    pub jitter: Option<Placed<String>>,
    /// What becomes of a time for which Tribune was not there; `skip` if not given.
    pub missed: Option<RawMissed>,
}

/// What becomes of a time for which Tribune was not there.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawMissed {
    /// It is left out.
    Skip,
    /// It is asked for as soon as Tribune is there again, once for all that were missed.
    RunOnce,
}

/// A freeze window.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWindow {
    /// Five fields of cron; no run starts in a minute that matches.
    pub deny: Placed<String>,
    /// The time zone, such as `Europe/Berlin`.
    pub zone: Placed<String>,
}

/// How Tribune itself checks an intent again and again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawStanding {
    /// How often each target is looked at: `15m`.
    pub every: Placed<String>,
    /// Which of the intent's targets.
    pub targets: Placed<Vec<Placed<String>>>,
    /// With which arguments; those with a default may be left out.
    #[serde(default)]
    pub args: BTreeMap<String, Placed<Scalar>>,
    /// What is done about a difference.
    pub on_drift: Placed<RawOnDrift>,
    /// How often people are told again of what has not changed; `24h` if not given.
    pub remind: Option<Placed<String>>,
}

/// What is done about a difference.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawOnDrift {
    /// It is told.
    Report,
    /// People are asked: repair, keep what is live, or ignore.
    Ask,
    /// Tribune repairs it, if policy lets it; never what destroys.
    Auto,
}
