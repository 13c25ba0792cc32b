//! The table `audit`.

use futures_util::TryStreamExt;
use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::error::{digest, from_json, natural, number, store_error};
use super::row::row;
use crate::domain::audit::chain::{StoredRow, chain};
use crate::domain::audit::{Entry, Row};
use crate::domain::canonical::canonical_json;
use crate::ports::store::{AuditFilter, StoreError};

row! {
    struct AuditRow {
        seq: i64,
        previous: String,
        hash: String,
        entry: String,
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
    let mut query =
        QueryBuilder::<Sqlite>::new("SELECT seq, previous, hash, entry FROM audit WHERE seq > ");
    query.push_bind(number(filter.after));
    if filter.before != 0 {
        query.push(" AND seq < ").push_bind(number(filter.before));
    }
    if let Some(request) = filter.request {
        query.push(" AND request = ").push_bind(number(request.0));
    }
    if let Some(person) = &filter.person {
        query.push(" AND person = ").push_bind(person.as_str().to_owned());
    }
    if let Some(since) = filter.since {
        query.push(" AND at >= ").push_bind(since.as_millisecond());
    }
    if !filter.events.is_empty() {
        let mut names = query.push(" AND event IN (").separated(", ");
        for event in &filter.events {
            names.push_bind(event.as_str());
        }
        query.push(")");
    }
    if let Some(text) = &filter.text {
        query.push(" AND instr(lower(entry), ").push_bind(text.to_ascii_lowercase()).push(") > 0");
    }
    let limit = if filter.limit == 0 { -1 } else { i64::from(filter.limit) };
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(limit);
    let rows = query.build_query_as::<AuditRow>().fetch_all(readers).await.map_err(store_error)?;
    rows.into_iter().rev().map(AuditRow::row).collect()
}

/// Returns one row.
pub(super) async fn get(readers: &SqlitePool, seq: u64) -> Result<Option<Row>, StoreError> {
    const SQL: &str = "SELECT seq, previous, hash, entry FROM audit WHERE seq = $1";
    let row = sqlx::query_as::<_, AuditRow>(SQL).bind(number(seq)).fetch_optional(readers).await;
    row.map_err(store_error)?.map(AuditRow::row).transpose()
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
