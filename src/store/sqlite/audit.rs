//! The table `audit`.

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::error::{digest, from_json, natural, number, store_error};
use crate::domain::audit::chain::{StoredRow, chain};
use crate::domain::audit::{Entry, Row};
use crate::domain::canonical::canonical_json;
use crate::ports::store::{AuditFilter, StoreError};

struct AuditRow {
    seq: i64,
    previous: String,
    hash: String,
    entry: String,
}

impl FromRow<'_, SqliteRow> for AuditRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            seq: row.try_get("seq")?,
            previous: row.try_get("previous")?,
            hash: row.try_get("hash")?,
            entry: row.try_get("entry")?,
        })
    }
}

impl AuditRow {
    fn stored(self) -> Result<StoredRow, StoreError> {
        Ok(StoredRow {
            seq: natural(self.seq),
            previous: digest("an audit row's previous hash", self.previous)?,
            hash: digest("an audit row's hash", self.hash)?,
            entry: self.entry,
        })
    }

    fn row(self) -> Result<Row, StoreError> {
        let stored = self.stored()?;
        Ok(Row {
            seq: stored.seq,
            previous: stored.previous,
            entry: from_json("an audit entry", &stored.entry)?,
            hash: stored.hash,
        })
    }
}

const HEAD: &str = "SELECT seq, previous, hash, entry FROM audit ORDER BY seq DESC LIMIT 1";

/// Appends entries to the chain and returns their numbers.
pub(super) async fn append(
    on: &mut SqliteConnection,
    entries: &[Entry],
) -> Result<Vec<u64>, StoreError> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let last = sqlx::query_as::<_, AuditRow>(HEAD).fetch_optional(&mut *on).await;
    let mut last = last.map_err(store_error)?.map(AuditRow::row).transpose()?;
    let mut numbers = Vec::with_capacity(entries.len());
    for entry in entries {
        let row = chain(last.as_ref(), entry.clone());
        sqlx::query("INSERT INTO audit (seq, previous, hash, entry) VALUES ($1, $2, $3, $4)")
            .bind(number(row.seq))
            .bind(row.previous.to_string())
            .bind(row.hash.to_string())
            .bind(canonical_json(&row.entry))
            .execute(&mut *on)
            .await
            .map_err(store_error)?;
        numbers.push(row.seq);
        last = Some(row);
    }
    Ok(numbers)
}

/// Lists rows, oldest first.
pub(in crate::store) async fn list(
    readers: &SqlitePool,
    filter: &AuditFilter,
) -> Result<Vec<Row>, StoreError> {
    let limit = if filter.limit == 0 { -1 } else { i64::from(filter.limit) };
    let rows = sqlx::query_as::<_, AuditRow>(
        "SELECT seq, previous, hash, entry FROM audit
         WHERE seq > $1
           AND ($2 IS NULL OR request = $2)
           AND ($3 IS NULL OR person = $3)
           AND ($4 IS NULL OR at >= $4)
         ORDER BY seq DESC LIMIT $5",
    )
    .bind(number(filter.after))
    .bind(filter.request.map(|id| number(id.0)))
    .bind(filter.person.as_ref().map(|person| person.as_str()))
    .bind(filter.since.map(|since| since.as_millisecond()))
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(store_error)?;
    rows.into_iter().rev().map(AuditRow::row).collect()
}

/// Returns the last row.
pub(super) async fn head(readers: &SqlitePool) -> Result<Option<Row>, StoreError> {
    let row = sqlx::query_as::<_, AuditRow>(HEAD).fetch_optional(readers).await;
    row.map_err(store_error)?.map(AuditRow::row).transpose()
}

/// Gives every row to `each` with its number, oldest first, until it says otherwise; a row that
/// is no row any more is `None`. One statement, so one moment of the store.
pub(in crate::store) async fn scan<E>(
    readers: &SqlitePool,
    mut each: impl FnMut(u64, Option<StoredRow>) -> Result<(), E>,
) -> Result<Result<(), E>, StoreError> {
    let mut rows =
        sqlx::query_as::<_, AuditRow>("SELECT seq, previous, hash, entry FROM audit ORDER BY seq")
            .fetch(readers);
    while let Some(row) = rows.try_next().await.map_err(store_error)? {
        if let Err(error) = each(natural(row.seq), row.stored().ok()) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}
