//! The tables `pauses` and `schedules`: what holds for a while, and what is due at a time.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::error::{from_json, parse, store_error, to_json};
use crate::domain::id::IntentName;
use crate::domain::pause::{ALL, Pause, Scope};
use crate::domain::schedule::Mark;
use crate::ports::store::{Conflict, StoreError, Swap};

/// Checks that no pause holds an intent.
pub(super) async fn check_unpaused(
    on: &mut SqliteConnection,
    intent: &IntentName,
) -> Result<(), StoreError> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT scope FROM pauses WHERE scope IN ($1, $2) LIMIT 1")
            .bind(ALL)
            .bind(intent.as_str())
            .fetch_optional(on)
            .await
            .map_err(store_error)?;
    match row {
        Some(_) => Err(StoreError::Conflict(Conflict::Paused(intent.clone()))),
        None => Ok(()),
    }
}

/// Makes, replaces or lifts a pause that still is what was read.
pub(super) async fn swap_pause(
    on: &mut SqliteConnection,
    swap: &Swap<Scope, Pause>,
) -> Result<(), StoreError> {
    let scope = swap.key.to_string();
    let row: Option<(String,)> = sqlx::query_as("SELECT document FROM pauses WHERE scope = $1")
        .bind(&scope)
        .fetch_optional(&mut *on)
        .await
        .map_err(store_error)?;
    let stored = row.map(|(json,)| from_json("a pause", &json)).transpose()?;
    if stored != swap.before {
        return Err(StoreError::Conflict(Conflict::Pause(swap.key.clone())));
    }
    let query = match &swap.after {
        Some(pause) => sqlx::query(
            "INSERT INTO pauses (scope, until, document) VALUES ($1, $2, $3)
             ON CONFLICT (scope) DO UPDATE SET until = excluded.until,
                 document = excluded.document",
        )
        .bind(scope)
        .bind(pause.until.as_millisecond())
        .bind(to_json(pause)),
        None => sqlx::query("DELETE FROM pauses WHERE scope = $1").bind(scope),
    };
    query.execute(on).await.map_err(store_error)?;
    Ok(())
}

/// Makes, moves or removes the mark of a schedule that still is what was read.
pub(super) async fn swap_mark(
    on: &mut SqliteConnection,
    swap: &Swap<IntentName, Mark>,
) -> Result<(), StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT document FROM schedules WHERE intent = $1")
        .bind(swap.key.as_str())
        .fetch_optional(&mut *on)
        .await
        .map_err(store_error)?;
    let stored = row.map(|(json,)| from_json("a schedule", &json)).transpose()?;
    if stored != swap.before {
        return Err(StoreError::Conflict(Conflict::Schedule(swap.key.clone())));
    }
    let query = match &swap.after {
        Some(mark) => sqlx::query(
            "INSERT INTO schedules (intent, up_to, document) VALUES ($1, $2, $3)
             ON CONFLICT (intent) DO UPDATE SET up_to = excluded.up_to,
                 document = excluded.document",
        )
        .bind(swap.key.as_str())
        .bind(mark.up_to.as_millisecond())
        .bind(to_json(mark)),
        None => sqlx::query("DELETE FROM schedules WHERE intent = $1").bind(swap.key.as_str()),
    };
    query.execute(on).await.map_err(store_error)?;
    Ok(())
}

/// Returns every stored pause.
pub(super) async fn pauses(readers: &SqlitePool) -> Result<Vec<Pause>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT document FROM pauses ORDER BY scope")
        .fetch_all(readers)
        .await
        .map_err(store_error)?;
    rows.iter().map(|(json,)| from_json("a pause", json)).collect()
}

/// Returns the mark of every schedule.
pub(super) async fn marks(readers: &SqlitePool) -> Result<BTreeMap<IntentName, Mark>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT intent, document FROM schedules")
        .fetch_all(readers)
        .await
        .map_err(store_error)?;
    rows.into_iter()
        .map(|(intent, json)| Ok((parse("a schedule", intent)?, from_json("a schedule", &json)?)))
        .collect()
}
