//! The table `bans`: bans that were asked for in chat.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::error::{from_json, store_error, to_json};
use crate::domain::id::PersonId;
use crate::domain::provisional::ProvisionalBan;
use crate::ports::store::{Conflict, StoreError, Swap};

/// Checks that exactly these bans bind.
pub(super) async fn check_binding(
    on: &mut SqliteConnection,
    expected: &BTreeMap<PersonId, Timestamp>,
) -> Result<(), StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT document FROM bans WHERE open = 1")
        .fetch_all(on)
        .await
        .map_err(store_error)?;
    let mut binding = BTreeMap::new();
    for (json,) in rows {
        let ban: ProvisionalBan = from_json("a ban", &json)?;
        binding.insert(ban.subject, ban.since);
    }
    match binding == *expected {
        true => Ok(()),
        false => Err(StoreError::Conflict(Conflict::Bans)),
    }
}

/// Makes, replaces or forgets a ban that still is what was read.
pub(super) async fn swap(
    on: &mut SqliteConnection,
    swap: &Swap<PersonId, ProvisionalBan>,
) -> Result<(), StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT document FROM bans WHERE subject = $1")
        .bind(swap.key.as_str())
        .fetch_optional(&mut *on)
        .await
        .map_err(store_error)?;
    let stored = row.map(|(json,)| from_json("a ban", &json)).transpose()?;
    if stored != swap.before {
        return Err(StoreError::Conflict(Conflict::Ban(swap.key.clone())));
    }
    let query = match &swap.after {
        Some(ban) => sqlx::query(
            "INSERT INTO bans (subject, open, document) VALUES ($1, $2, $3)
             ON CONFLICT (subject) DO UPDATE SET open = excluded.open,
                 document = excluded.document",
        )
        .bind(swap.key.as_str())
        .bind(i64::from(ban.is_open()))
        .bind(to_json(ban)),
        None => sqlx::query("DELETE FROM bans WHERE subject = $1").bind(swap.key.as_str()),
    };
    query.execute(on).await.map_err(store_error)?;
    Ok(())
}

/// Returns every ban that is remembered.
pub(super) async fn all(readers: &SqlitePool) -> Result<Vec<ProvisionalBan>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT document FROM bans ORDER BY subject")
        .fetch_all(readers)
        .await
        .map_err(store_error)?;
    rows.iter().map(|(json,)| from_json("a ban", json)).collect()
}
