//! The tables `watches` and `incidents`.

use jiff::Timestamp;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row, SqliteConnection};

use super::error::{from_json, natural, number, store_error, time, to_json};
use crate::domain::drift::{Incident, Watch, WatchKey};
use crate::domain::id::IncidentId;
use crate::ports::store::{Change, Conflict, IncidentFilter, StoreError};

/// A watch with its open incident.
struct WatchRow {
    version: i64,
    checked: Option<i64>,
    document: String,
    incident: Option<String>,
}

impl FromRow<'_, SqliteRow> for WatchRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            version: row.try_get("version")?,
            checked: row.try_get("checked")?,
            document: row.try_get("document")?,
            incident: row.try_get("incident")?,
        })
    }
}

impl WatchRow {
    fn watch(self) -> Result<Watch, StoreError> {
        const WHAT: &str = "a standing check";
        let incident = self.incident.map(|json| from_json("an incident", &json)).transpose()?;
        Ok(Watch {
            version: natural(self.version),
            checked: self.checked.map(|at| time(WHAT, at)).transpose()?,
            incident,
            ..from_json(WHAT, &self.document)?
        })
    }
}

/// Writes all that a change says about drift.
pub(super) async fn put(on: &mut SqliteConnection, change: &Change) -> Result<(), StoreError> {
    for incident in &change.closed {
        put_incident(on, incident).await?;
    }
    for watch in &change.watches {
        put_watch(on, watch).await?;
    }
    for (key, at) in &change.looked {
        put_looked(on, key, *at).await?;
    }
    for key in &change.unwatch {
        sqlx::query("DELETE FROM watches WHERE intent = $1 AND target = $2")
            .bind(key.intent.as_str())
            .bind(key.target.as_str())
            .execute(&mut *on)
            .await
            .map_err(store_error)?;
    }
    Ok(())
}

async fn put_incident(on: &mut SqliteConnection, incident: &Incident) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO incidents (id, intent, target, opened, closed, document)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (id) DO UPDATE SET closed = excluded.closed, document = excluded.document",
    )
    .bind(number(incident.id.0))
    .bind(incident.key.intent.as_str())
    .bind(incident.key.target.as_str())
    .bind(incident.opened.as_millisecond())
    .bind(incident.closed.as_ref().map(|closed| closed.at.as_millisecond()))
    .bind(to_json(incident))
    .execute(on)
    .await
    .map_err(store_error)?;
    Ok(())
}

async fn put_watch(on: &mut SqliteConnection, watch: &Watch) -> Result<(), StoreError> {
    let stored = Watch { incident: None, version: watch.version + 1, ..watch.clone() };
    let sql = if watch.version == 0 {
        "INSERT INTO watches (intent, target, version, checked, document)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (intent, target) DO NOTHING"
    } else {
        "UPDATE watches SET version = $3, checked = $4, document = $5
         WHERE intent = $1 AND target = $2 AND version = $3 - 1"
    };
    let done = sqlx::query(sql)
        .bind(watch.key.intent.as_str())
        .bind(watch.key.target.as_str())
        .bind(number(stored.version))
        .bind(watch.checked.map(Timestamp::as_millisecond))
        .bind(to_json(&stored))
        .execute(&mut *on)
        .await
        .map_err(store_error)?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Conflict(Conflict::Watch(watch.key.clone())));
    }
    match &watch.incident {
        Some(incident) => put_incident(on, incident).await,
        None => Ok(()),
    }
}

async fn put_looked(
    on: &mut SqliteConnection,
    key: &WatchKey,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE watches SET checked = $3 WHERE intent = $1 AND target = $2")
        .bind(key.intent.as_str())
        .bind(key.target.as_str())
        .bind(at.as_millisecond())
        .execute(on)
        .await
        .map_err(store_error)?;
    Ok(())
}

/// Every watch in order of key, or the one that is named.
const WATCHES: &str = "SELECT watches.version, watches.checked, watches.document,
           incidents.document AS incident
    FROM watches LEFT JOIN incidents ON incidents.intent = watches.intent
     AND incidents.target = watches.target AND incidents.closed IS NULL
    WHERE $1 IS NULL OR (watches.intent = $1 AND watches.target = $2)
    ORDER BY watches.intent, watches.target";

/// Returns every watch in order of key.
pub(super) async fn watches(readers: &SqlitePool) -> Result<Vec<Watch>, StoreError> {
    let rows = sqlx::query_as::<_, WatchRow>(WATCHES)
        .bind(None::<&str>)
        .bind(None::<&str>)
        .fetch_all(readers)
        .await
        .map_err(store_error)?;
    rows.into_iter().map(WatchRow::watch).collect()
}

/// Returns one watch.
pub(super) async fn watch(
    readers: &SqlitePool,
    key: &WatchKey,
) -> Result<Option<Watch>, StoreError> {
    let row = sqlx::query_as::<_, WatchRow>(WATCHES)
        .bind(key.intent.as_str())
        .bind(key.target.as_str())
        .fetch_optional(readers)
        .await
        .map_err(store_error)?;
    row.map(WatchRow::watch).transpose()
}

/// Returns one incident.
pub(super) async fn incident(
    readers: &SqlitePool,
    id: IncidentId,
) -> Result<Option<Incident>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT document FROM incidents WHERE id = $1")
        .bind(number(id.0))
        .fetch_optional(readers)
        .await
        .map_err(store_error)?;
    row.map(|(json,)| from_json("an incident", &json)).transpose()
}

/// Lists incidents, newest first.
pub(super) async fn incidents(
    readers: &SqlitePool,
    filter: &IncidentFilter,
) -> Result<Vec<Incident>, StoreError> {
    let limit = if filter.limit == 0 { -1 } else { i64::from(filter.limit) };
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT document FROM incidents
         WHERE ($1 IS NULL OR intent = $1) AND (NOT $2 OR closed IS NULL)
         ORDER BY id DESC LIMIT $3",
    )
    .bind(filter.intent.as_ref().map(|intent| intent.as_str()))
    .bind(filter.open)
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(store_error)?;
    rows.iter().map(|(json,)| from_json("an incident", json)).collect()
}

/// Returns the highest number that an incident ever had.
pub(super) async fn last_number(readers: &SqlitePool) -> Result<u64, StoreError> {
    let (last,): (i64,) = sqlx::query_as("SELECT coalesce(max(id), 0) FROM incidents")
        .fetch_one(readers)
        .await
        .map_err(store_error)?;
    Ok(natural(last))
}
