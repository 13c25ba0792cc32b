//! The tables `source`, `sightings`, `seen` and `cursors`: what was taken in from outside.

use jiff::Timestamp;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::error::{from_json, store_error, time, to_json};
use super::{ban, calendar};
use crate::domain::id::{Platform, Revision};
use crate::domain::message::MessageRef;
use crate::ports::chat::Cursor;
use crate::ports::store::{Conflict, Expect, Handled, SourceState, StoreError};

/// Checks what a change expects.
pub(super) async fn check(on: &mut SqliteConnection, expect: &[Expect]) -> Result<(), StoreError> {
    for expected in expect {
        let revision = match expected {
            Expect::Applied(revision) => revision,
            Expect::Unpaused(intent) => {
                calendar::check_unpaused(on, intent).await?;
                continue;
            }
            Expect::Bans(bans) => {
                ban::check_binding(on, bans).await?;
                continue;
            }
        };
        let row: Option<(Option<String>,)> = sqlx::query_as("SELECT applied FROM source")
            .fetch_optional(&mut *on)
            .await
            .map_err(store_error)?;
        let applied = row.and_then(|(applied,)| applied);
        if applied.as_deref() != Some(revision.as_str()) {
            return Err(StoreError::Conflict(Conflict::Applied));
        }
    }
    Ok(())
}

/// Records where the source stands.
pub(super) async fn put(on: &mut SqliteConnection, state: &SourceState) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO source (id, applied, document) VALUES (1, $1, $2)
         ON CONFLICT (id) DO UPDATE SET applied = excluded.applied, document = excluded.document",
    )
    .bind(state.applied.as_ref().map(|revision| revision.as_str()))
    .bind(to_json(state))
    .execute(on)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Returns where the source stands.
pub(super) async fn get(readers: &SqlitePool) -> Result<SourceState, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT document FROM source")
        .fetch_optional(readers)
        .await
        .map_err(store_error)?;
    row.map_or_else(|| Ok(SourceState::default()), |(json,)| from_json("the source's state", &json))
}

/// Records when a merge was first seen.
pub(super) async fn put_sighting(
    on: &mut SqliteConnection,
    revision: &Revision,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO sightings (revision, at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(revision.as_str())
        .bind(at.as_millisecond())
        .execute(on)
        .await
        .map_err(store_error)?;
    Ok(())
}

/// Returns when a merge was first seen.
pub(super) async fn first_seen(
    readers: &SqlitePool,
    revision: &Revision,
) -> Result<Option<Timestamp>, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT at FROM sightings WHERE revision = $1")
        .bind(revision.as_str())
        .fetch_optional(readers)
        .await
        .map_err(store_error)?;
    row.map(|(at,)| time("a sighting", at)).transpose()
}

/// Records that a message was handled, once.
pub(super) async fn mark_seen(
    on: &mut SqliteConnection,
    message: &Handled,
) -> Result<(), StoreError> {
    let Handled { at, sent } = message;
    let done = sqlx::query(
        "INSERT INTO seen (platform, channel, message, sent) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
    )
    .bind(at.platform.as_str())
    .bind(at.channel.as_str())
    .bind(at.id.as_str())
    .bind(sent.as_millisecond())
    .execute(on)
    .await
    .map_err(store_error)?;
    match done.rows_affected() {
        0 => Err(StoreError::Conflict(Conflict::Seen)),
        _ => Ok(()),
    }
}

/// Records how far a platform's messages were taken in.
pub(super) async fn put_cursor(
    on: &mut SqliteConnection,
    platform: &Platform,
    cursor: &Cursor,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO cursors (platform, cursor) VALUES ($1, $2)
         ON CONFLICT (platform) DO UPDATE SET cursor = excluded.cursor",
    )
    .bind(platform.as_str())
    .bind(&cursor.0)
    .execute(on)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Says whether a message was handled.
pub(super) async fn is_handled(readers: &SqlitePool, at: &MessageRef) -> Result<bool, StoreError> {
    let (handled,): (bool,) = sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM seen
                        WHERE platform = $1 AND channel = $2 AND message = $3)",
    )
    .bind(at.platform.as_str())
    .bind(at.channel.as_str())
    .bind(at.id.as_str())
    .fetch_one(readers)
    .await
    .map_err(store_error)?;
    Ok(handled)
}

/// Returns how far a platform's messages were taken in.
pub(super) async fn cursor(
    readers: &SqlitePool,
    platform: &Platform,
) -> Result<Option<Cursor>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT cursor FROM cursors WHERE platform = $1")
        .bind(platform.as_str())
        .fetch_optional(readers)
        .await
        .map_err(store_error)?;
    Ok(row.map(|(cursor,)| Cursor(cursor)))
}
