//! Managed files: what stood where Tribune wrote, and putting it back.

use axum::extract::{Query, State};
use axum::{Extension, Json};
use serde_json::json;

use super::acts::check_reason;
use super::{Host, HostError, Uid};
use crate::domain::file::PreviousCopy;
use crate::ports::copies::CopiesError;
use crate::web::host_api::{FileQuery, FileRestore};

/// GET files.
pub async fn list(
    State(host): State<Host>,
    Query(query): Query<FileQuery>,
) -> Result<Json<Vec<PreviousCopy>>, HostError> {
    let listed = host.engine.ports().copies.list(query.path.as_ref()).await;
    listed.map(Json).map_err(told)
}

/// POST files restore. Audited and announced before it is done.
pub async fn restore(
    State(host): State<Host>,
    Extension(Uid(uid)): Extension<Uid>,
    Json(given): Json<FileRestore>,
) -> Result<Json<PreviousCopy>, HostError> {
    let reason = check_reason(&given.reason)?;
    let FileRestore { path, number, .. } = given;
    let detail = json!({ "path": path, "number": number, "reason": reason });
    let which = number.map_or(String::new(), |number| format!(" --to {number}"));
    host.engine.note_host_command(uid, &format!("file restore {path}{which}"), detail).await?;
    let restored = host.engine.ports().copies.restore(&path, number).await;
    restored.map(Json).map_err(told)
}

fn told(error: CopiesError) -> HostError {
    match error {
        CopiesError::Refused(why) => HostError::refused(why),
        CopiesError::Broken(_) => HostError::Trouble(error.to_string()),
    }
}
