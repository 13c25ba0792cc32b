//! What the socket on the host speaks: JSON over HTTP, as plain types for both ends.
//!
//! Every call bears `Authorization: Bearer <content of the token file>`. An answer that is not
//! 2xx holds a [`Failure`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ban::Ban;
use crate::domain::file::path::ManagedPath;
use crate::domain::id::{IntentName, PersonId, RequestId, RunId, TargetName};
use crate::domain::pause::{Pause, Scope};
use crate::domain::person::Principal;
use crate::domain::provisional::ProvisionalBan;
use crate::domain::request::{Request, State};
use crate::domain::retention::Retention;
use crate::domain::run::RunRecord;
use crate::domain::schedule::Occurrence;
use crate::engine::status::LoopStatus;
use crate::engine::tuning::SettingsRead;
use crate::ports::store::{SourceState, Stock, Swept};

/// Paths, for both ends.
pub mod path {
    /// GET: [`super::Status`].
    pub const STATUS: &str = "/v1/status";
    /// POST, no body: [`super::SourceStatus`] after the fetch.
    pub const RECONCILE: &str = "/v1/reconcile";
    /// GET: [`super::SourceStatus`].
    pub const SOURCE: &str = "/v1/source";
    /// POST [`super::SourceOverride`]: [`super::SourceStatus`].
    pub const SOURCE_ACCEPT: &str = "/v1/source/accept";
    /// POST [`super::SourceOverride`]: [`super::SourceStatus`].
    pub const SOURCE_REARM: &str = "/v1/source/rearm";
    /// GET with query [`super::RequestQuery`]: list of [`super::RequestLine`], newest first.
    pub const REQUESTS: &str = "/v1/requests";
    /// GET: [`super::RequestDetail`].
    pub const REQUEST: &str = "/v1/requests/{id}";
    /// POST [`super::Why`]: [`super::Done`].
    pub const REQUEST_CANCEL: &str = "/v1/requests/{id}/cancel";
    /// POST [`super::Why`]: [`super::Done`].
    pub const RUN_KILL: &str = "/v1/runs/{id}/kill";
    /// POST [`super::Prune`]: [`super::PrunedRows`].
    pub const AUDIT_PRUNE: &str = "/v1/audit/prune";
    /// GET with query [`super::FileQuery`]: list of `PreviousCopy`, by path, newest first.
    pub const FILES: &str = "/v1/files";
    /// POST [`super::FileRestore`]: the `PreviousCopy` that was put back.
    pub const FILE_RESTORE: &str = "/v1/files/restore";
    /// POST [`super::PauseOrder`]: [`super::Done`].
    pub const PAUSE: &str = "/v1/pause";
    /// POST [`super::ResumeOrder`]: [`super::Done`].
    pub const RESUME: &str = "/v1/resume";
    /// GET: [`super::BanList`].
    pub const BANS: &str = "/v1/bans";
    /// POST [`super::UnbanOrder`]: [`super::Done`].
    pub const UNBAN: &str = "/v1/unban";
    /// POST [`super::Who`]: [`super::SignInLink`].
    pub const LOGIN: &str = "/v1/login";
    /// POST [`super::Who`]: [`super::SignedOut`].
    pub const LOGOUT: &str = "/v1/logout";
}

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version of the program.
    pub version: String,
    /// When the daemon started.
    pub started: Timestamp,
    /// Where people find the console.
    pub console: String,
    /// Where the source stands.
    pub source: SourceStatus,
    /// Requests that are not over, newest first.
    pub open: Vec<RequestLine>,
    /// Runs under way.
    pub running: Vec<RunId>,
    /// People who are signed in to the console, each once.
    pub signed_in: Vec<PersonId>,
    /// Pauses that hold.
    pub pauses: Vec<Pause>,
    /// Provisional bans that bind.
    #[serde(default)]
    pub bans: Vec<ProvisionalBan>,
    /// How schedules stand.
    pub schedules: Vec<Planned>,
    /// The last row of the audit log.
    pub audit_seq: u64,
    /// How runs are contained, in words; says so if that is weaker than it should be.
    pub sandbox: String,
    /// What is kept, and for how long.
    pub kept: Kept,
    /// How the settings were last read again, if they were.
    pub settings: Option<SettingsRead>,
    /// What needs a person, in words; empty: nothing.
    pub warnings: Vec<String>,
    /// How every loop is.
    #[serde(default)]
    pub loops: Vec<LoopStatus>,
}

/// What is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// For how long.
    pub retention: Retention,
    /// How much there is.
    pub stock: Stock,
    /// How the last sweep went.
    pub swept: Swept,
}

/// Up to where to prune the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prune {
    /// The row of a checkpoint, a checkpoint line, or an age such as `90d`.
    pub until: String,
    /// Why; goes to the audit log and the operations channel.
    pub reason: String,
}

/// What a prune removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunedRows {
    /// How many rows.
    pub rows: u64,
    /// The row that is the first now.
    pub up_to: u64,
    /// When the checkpoint over it was signed.
    pub checkpoint: Timestamp,
}

/// Where the source stands, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// The repository as settings name it, without user name, password or query.
    pub url: String,
    /// The watched branch.
    pub branch: String,
    /// Observed, attempted, applied and what is wrong.
    pub state: SourceState,
    /// What to do next, in words, if anything.
    pub hint: Option<String>,
}

/// A decision about the source that a person takes on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceOverride {
    /// Which revision, in full or its first 7 characters or more.
    pub revision: String,
    /// Why; goes to the audit log and the operations channel.
    pub reason: String,
}

/// Which previous copies of managed files to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileQuery {
    /// Only of this file, or of what stands below this folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<ManagedPath>,
}

/// A previous copy that is to be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRestore {
    /// Of which file.
    pub path: ManagedPath,
    /// Which; the newest if not given.
    #[serde(default)]
    pub number: Option<u64>,
    /// Why; goes to the audit log and the operations channel.
    pub reason: String,
}

/// Which requests to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RequestQuery {
    /// Only those that are not over.
    #[serde(default)]
    pub open: bool,
    /// Only by this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<PersonId>,
    /// At most so many; 0: 50.
    #[serde(default)]
    pub limit: u32,
}

/// A request in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLine {
    /// Its number.
    pub id: RequestId,
    /// Where it stands.
    pub state: State,
    /// Who asked.
    pub requester: Principal,
    /// For what.
    pub intent: IntentName,
    /// On what.
    pub targets: Vec<TargetName>,
    /// The canonical command, as people type it.
    pub command: String,
    /// When.
    pub asked: Timestamp,
}

/// A request with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestDetail {
    /// The canonical command, as people type it.
    pub command: String,
    /// The request.
    pub request: Request,
    /// Why it stands where it does, one line each, as `!why` says it.
    pub why: Vec<String>,
    /// Its runs, first attempt first.
    pub runs: Vec<RunRecord>,
}

/// Why somebody does something on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// In words; goes to the audit log and the request's thread.
    pub reason: String,
}

/// What to pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseOrder {
    /// An intent or everything.
    pub scope: Scope,
    /// For how long, as people type it: `2h`.
    pub length: String,
    /// Why; goes to the audit log, the announcement and the cards of what waits.
    pub reason: String,
}

/// What to let go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeOrder {
    /// An intent or everything.
    pub scope: Scope,
}

/// Who is banned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanList {
    /// Every ban that holds, provisional ones too.
    pub bans: Vec<Ban>,
    /// More on the provisional ones.
    pub provisional: Vec<ProvisionalBan>,
}

/// Whose provisional ban to lift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnbanOrder {
    /// Whose.
    pub person: PersonId,
    /// Why; goes to the audit log.
    pub reason: String,
}

/// A schedule as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The intent.
    pub intent: IntentName,
    /// The rule, for people.
    pub rule: String,
    /// When it asks next; `None`: never.
    pub next: Option<Timestamp>,
    /// The last time that it named, and what became of it.
    pub last: Option<Occurrence>,
}

/// Something was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// What, in words.
    pub done: String,
}

/// Whom a command is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The person.
    pub person: PersonId,
}

/// A link that signs somebody in, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInLink {
    /// Whom.
    pub person: PersonId,
    /// Where to.
    pub url: String,
    /// When it stops working.
    pub until: Timestamp,
}

/// Sessions were ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOut {
    /// How many.
    pub ended: u32,
}

/// Why the daemon did not do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// What happened, in words.
    pub error: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
