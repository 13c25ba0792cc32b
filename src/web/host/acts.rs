//! Acting: each command is audited and announced before it is done.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::views::source_status;
use super::{Host, HostError, Uid};
use crate::domain::audit::checkpoint::SignedCheckpoint;
use crate::domain::duration;
use crate::domain::id::{RequestId, Revision, RunId};
use crate::domain::pause::Scope;
use crate::engine::host::principal;
use crate::engine::pauses::Pausing;
use crate::engine::retention::{Pruned, Until};
use crate::engine::runs::CancelOutcome;
use crate::engine::sessions::SessionError;
use crate::ports::store::Change;
use crate::ports::store::SourceState;
use crate::web::host_api::{
    Done, PauseOrder, Prune, PrunedRows, ResumeOrder, SignInLink, SignedOut, SourceOverride,
    SourceStatus, UnbanOrder, Who, Why,
};

/// Fewer characters than this do not name a revision.
const SHORTEST: usize = 7;

/// POST reconcile.
pub async fn reconcile(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
) -> Result<Json<SourceStatus>, HostError> {
    host.engine.note_host_command(uid, "reconcile", Value::Null).await?;
    host.engine.reconcile().await;
    Ok(Json(source_status(&host.engine).await?))
}

/// POST source accept.
pub async fn accept(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
    Json(given): Json<SourceOverride>,
) -> Result<Json<SourceStatus>, HostError> {
    let (revision, reason) = prepare(&host, uid, "source accept", &given).await?;
    let accepted = host.engine.accept(&revision, &reason, &principal(uid)).await?;
    accepted.map_err(|why| HostError::refused(why).hint("see `tribune source status`"))?;
    Ok(Json(source_status(&host.engine).await?))
}

/// POST source rearm.
pub async fn rearm(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
    Json(given): Json<SourceOverride>,
) -> Result<Json<SourceStatus>, HostError> {
    let (revision, reason) = prepare(&host, uid, "source rearm", &given).await?;
    let armed = host.engine.rearm(&revision, &reason, &principal(uid)).await?;
    armed.map_err(|why| HostError::refused(why).hint("see `tribune source status`"))?;
    Ok(Json(source_status(&host.engine).await?))
}

/// Finds the revision that is meant and writes down that somebody wants it to pass.
async fn prepare(
    host: &Host,
    uid: u32,
    command: &str,
    given: &SourceOverride,
) -> Result<(Revision, String), HostError> {
    let reason = check_reason(&given.reason)?;
    let state = host.engine.ports().store.source().await?;
    let revision = find_revision(&state, &given.revision).ok_or_else(|| {
        HostError::refused(format!("no revision that begins with {:?} is known", given.revision))
            .hint("`tribune source status` names the one that is held")
    })?;
    let detail = json!({ "revision": revision, "reason": reason });
    let command = format!("{command} {}", revision.short());
    host.engine.note_host_command(uid, &command, detail).await?;
    Ok((revision, reason))
}

/// Finds a revision among those that the source knows, by its beginning.
fn find_revision(state: &SourceState, given: &str) -> Option<Revision> {
    if let Ok(whole) = given.parse() {
        return Some(whole);
    }
    let known = [
        state.trouble.as_ref().map(|trouble| &trouble.revision),
        state.observed.as_ref(),
        state.attempted.as_ref(),
    ];
    let mut known = known.into_iter().flatten().filter(|known| known.as_str().starts_with(given));
    (given.len() >= SHORTEST).then(|| known.next().cloned())?
}

pub(super) fn check_reason(reason: &str) -> Result<String, HostError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(HostError::refused("a reason is needed").hint("say it with --reason"));
    }
    Ok(reason.chars().filter(|c| !c.is_control()).take(500).collect())
}

/// POST request cancel.
pub async fn cancel(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
    Path(id): Path<String>,
    Json(given): Json<Why>,
) -> Result<Json<Done>, HostError> {
    let id: RequestId = id.parse().map_err(HostError::refused)?;
    end(&host, uid, id, &format!("request cancel {id}"), &given).await
}

/// POST run kill.
pub async fn kill(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
    Path(run): Path<String>,
    Json(given): Json<Why>,
) -> Result<Json<Done>, HostError> {
    let run: RunId = run.parse().map_err(HostError::refused)?;
    let running = host.engine.ports().store.runs_open().await?;
    if !running.iter().any(|open| open.id == run) {
        return Err(HostError::NotFound(format!("no run {run} is under way")));
    }
    end(&host, uid, run.request, &format!("run kill {run}"), &given).await
}

/// Ends a request, running or not.
async fn end(
    host: &Host,
    uid: u32,
    id: RequestId,
    command: &str,
    given: &Why,
) -> Result<Json<Done>, HostError> {
    let reason = check_reason(&given.reason)?;
    if host.engine.ports().store.request(id).await?.is_none() {
        return Err(HostError::NotFound(format!("there is no request {id}")));
    }
    host.engine.note_host_command(uid, command, json!({ "reason": reason })).await?;
    match host.engine.cancel_from_host(uid, id).await? {
        CancelOutcome::BeforeItRan => Ok(Json(Done { done: format!("{id} is cancelled") })),
        CancelOutcome::WhileItRan => Ok(Json(Done { done: format!("the run of {id} is ended") })),
        CancelOutcome::TooLate(state) => {
            let state = state.as_str().replace('_', " ");
            Err(HostError::refused(format!("{id} is over already: it is {state}")))
        }
    }
}

/// POST audit prune.
pub async fn prune(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
    Json(given): Json<Prune>,
) -> Result<Json<PrunedRows>, HostError> {
    let reason = check_reason(&given.reason)?;
    let until = parse_until(&given.until, host.engine.now())?;
    let detail = json!({ "until": given.until, "reason": reason });
    let command = match until {
        Until::Row(row) => format!("audit prune --until {row}"),
        Until::Before(at) => format!("audit prune --until {at}"),
    };
    host.engine.note_host_command(uid, &command, detail).await?;
    let pruned = host.engine.prune_audit(until, Some(principal(uid)), &reason).await?;
    let pruned = pruned.map_err(|why| HostError::refused(why).hint("nothing was removed"))?;
    let Pruned { rows, up_to, checkpoint } = pruned;
    Ok(Json(PrunedRows { rows, up_to, checkpoint }))
}

/// Reads a row's number, a checkpoint line, or an age.
fn parse_until(text: &str, now: Timestamp) -> Result<Until, HostError> {
    if let Ok(row) = text.parse() {
        return Ok(Until::Row(row));
    }
    if let Ok(line) = text.parse::<SignedCheckpoint>() {
        return Ok(Until::Row(line.checkpoint.head.seq));
    }
    duration::parse(text).map(|age| Until::Before(now - age)).map_err(|_| {
        HostError::refused(format!("{text:?} is no row, checkpoint line or age"))
            .hint("for example --until 90d, or --until 12000 for the checkpoint over that row")
    })
}

/// POST pause.
pub async fn pause(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
    Json(given): Json<PauseOrder>,
) -> Result<Json<Done>, HostError> {
    let reason = check_reason(&given.reason)?;
    let length = duration::parse(&given.length).map_err(HostError::refused)?;
    let scope = known_scope(&host, given.scope)?;
    let detail = json!({ "scope": scope, "length": given.length, "reason": reason });
    host.engine.note_host_command(uid, &format!("pause {scope} {}", given.length), detail).await?;
    let wanted = Pausing { scope, length, reason, by: principal(uid), place: None };
    let made = host.engine.pause(&wanted, |_| Change::default()).await?;
    let made = made.map_err(|error| {
        HostError::refused(error).hint("`tribune status` says until when; `tribune resume` ends it")
    })?;
    Ok(Json(Done { done: format!("{} is paused until {}", made.scope.words(), made.until) }))
}

/// Returns the scope if it is everything or an intent that there is.
fn known_scope(host: &Host, scope: Scope) -> Result<Scope, HostError> {
    let intents = host.engine.applied().map(|snapshot| snapshot.repo.intents.clone());
    match (scope.intent(), intents) {
        (Some(intent), Some(intents)) if !intents.contains_key(intent) => {
            Err(HostError::NotFound(format!("there is no intent {intent}")))
        }
        (Some(_) | None, Some(_) | None) => Ok(scope),
    }
}

/// POST resume.
pub async fn resume(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
    Json(given): Json<ResumeOrder>,
) -> Result<Json<Done>, HostError> {
    let scope = given.scope;
    let detail = json!({ "scope": scope });
    host.engine.note_host_command(uid, &format!("resume {scope}"), detail).await?;
    match host.engine.resume(&scope, &principal(uid), |_| Change::default()).await? {
        Some(_) => Ok(Json(Done { done: format!("{} goes on", scope.words()) })),
        None => Err(HostError::refused(format!("{} is not paused", scope.words()))
            .hint("`tribune status` lists what is")),
    }
}

/// POST unban.
pub async fn unban(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
    Json(given): Json<UnbanOrder>,
) -> Result<Json<Done>, HostError> {
    let (person, reason) = (given.person, check_reason(&given.reason)?);
    let detail = json!({ "person": person, "reason": reason });
    host.engine.note_host_command(uid, &format!("unban @{person}"), detail).await?;
    let (by, reason) = (principal(uid), Some(reason.as_str()));
    match host.engine.lift_ban(&person, &by, reason, |_| Change::default()).await? {
        Some(_) => Ok(Json(Done { done: format!("the provisional ban on @{person} is lifted") })),
        None => Err(HostError::refused(format!("@{person} is not banned provisionally"))
            .hint("`tribune ban list` says who is; a ban of a file is lifted by merging that the file is removed")),
    }
}

/// POST login.
pub async fn login(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
    Json(who): Json<Who>,
) -> Result<Json<SignInLink>, HostError> {
    let person = who.person;
    let detail = json!({ "person": person });
    host.engine.note_host_command(uid, &format!("login @{person}"), detail).await?;
    let (url, until) = host.engine.sign_in_link(&person).await.map_err(session_error)?;
    Ok(Json(SignInLink { person, url, until }))
}

/// POST logout.
pub async fn logout(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
    Json(who): Json<Who>,
) -> Result<Json<SignedOut>, HostError> {
    let person = who.person;
    let detail = json!({ "person": person });
    host.engine.note_host_command(uid, &format!("logout @{person}"), detail).await?;
    let ended = host.engine.sessions().sign_out_everywhere(&person).await.map_err(session_error)?;
    Ok(Json(SignedOut { ended }))
}

fn session_error(error: SessionError) -> HostError {
    match error {
        SessionError::Store(error) => error.into(),
        refusal => HostError::refused(refusal),
    }
}
