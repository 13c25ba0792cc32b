//! The table `revisions`: what became of revisions of the policy repo.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::error::{from_json, natural, number, store_error, to_json};
use crate::ports::revision::{RECORDS_KEPT, RevisionFilter, RevisionRecord};
use crate::ports::store::StoreError;

/// Adds a record and forgets what is too old to be kept.
pub(super) async fn add(
    on: &mut SqliteConnection,
    record: &RevisionRecord,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO revisions (seq, revision, document, diff)
         VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM revisions), $1, $2, $3)",
    )
    .bind(record.revision.as_str())
    .bind(to_json(record))
    .bind(&record.diff)
    .execute(&mut *on)
    .await
    .map_err(store_error)?;
    sqlx::query("DELETE FROM revisions WHERE seq <= (SELECT MAX(seq) FROM revisions) - $1")
        .bind(number(RECORDS_KEPT))
        .execute(on)
        .await
        .map_err(store_error)?;
    Ok(())
}

/// Lists records without their diffs, newest first.
pub(super) async fn list(
    readers: &SqlitePool,
    filter: &RevisionFilter,
) -> Result<Vec<RevisionRecord>, StoreError> {
    let before = if filter.before == 0 { u64::MAX } else { filter.before };
    let limit = if filter.limit == 0 { -1 } else { i64::from(filter.limit) };
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT seq, document FROM revisions
         WHERE seq < $1 AND ($2 IS NULL OR revision = $2) ORDER BY seq DESC LIMIT $3",
    )
    .bind(number(before))
    .bind(filter.revision.as_ref().map(|revision| revision.as_str()))
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(store_error)?;
    rows.into_iter().map(|(seq, document)| record(seq, &document, String::new())).collect()
}

/// Returns one record, whole.
pub(super) async fn get(
    readers: &SqlitePool,
    seq: u64,
) -> Result<Option<RevisionRecord>, StoreError> {
    let row: Option<(i64, String, String)> =
        sqlx::query_as("SELECT seq, document, diff FROM revisions WHERE seq = $1")
            .bind(number(seq))
            .fetch_optional(readers)
            .await
            .map_err(store_error)?;
    row.map(|(seq, document, diff)| record(seq, &document, diff)).transpose()
}

fn record(seq: i64, document: &str, diff: String) -> Result<RevisionRecord, StoreError> {
    let read: RevisionRecord = from_json("what became of a revision", document)?;
    Ok(RevisionRecord { seq: natural(seq), diff, ..read })
}
