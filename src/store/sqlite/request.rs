//! The tables `requests`, `runs` and `uses`.

use jiff::Timestamp;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row, SqliteConnection};

use super::error::{from_json, natural, number, store_error, to_json};
use crate::domain::evidence::PullRef;
use crate::domain::id::{RequestId, RunId};
use crate::domain::request::Request;
use crate::domain::run::RunRecord;
use crate::ports::store::{Conflict, RequestFilter, RunFilter, StoreError, Use};

/// A row of which only the document is needed.
struct Document(String);

impl FromRow<'_, SqliteRow> for Document {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self(row.try_get("document")?))
    }
}

/// Inserts a new request, or replaces one that still has the version it was read with.
pub(super) async fn put(on: &mut SqliteConnection, request: &Request) -> Result<(), StoreError> {
    let stored = Request { version: request.version + 1, ..request.clone() };
    let sql = if request.version == 0 {
        "INSERT INTO requests (id, version, state, person, document, ended)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (id) DO NOTHING"
    } else {
        "UPDATE requests SET version = $2, state = $3, person = $4, document = $5, ended = $6
         WHERE id = $1 AND version = $2 - 1"
    };
    let done = sqlx::query(sql)
        .bind(number(stored.id.0))
        .bind(number(stored.version))
        .bind(stored.state.as_str())
        .bind(stored.requester.person().map(|person| person.as_str()))
        .bind(to_json(&stored))
        .bind(ended(&stored).map(|at| at.as_millisecond()))
        .execute(on)
        .await
        .map_err(store_error)?;
    match done.rows_affected() {
        0 => Err(StoreError::Conflict(Conflict::Request(request.id))),
        _ => Ok(()),
    }
}

/// Returns when a request ended for good; one that is being ended has not.
fn ended(request: &Request) -> Option<Timestamp> {
    let over = request.state.is_final();
    over.then(|| request.ended.as_ref().map_or(request.asked, |ending| ending.at))
}

/// Returns a request.
pub(super) async fn get(
    readers: &SqlitePool,
    id: RequestId,
) -> Result<Option<Request>, StoreError> {
    let row = sqlx::query_as::<_, Document>("SELECT document FROM requests WHERE id = $1")
        .bind(number(id.0))
        .fetch_optional(readers)
        .await
        .map_err(store_error)?;
    row.map(|row| from_json("a request", &row.0)).transpose()
}

/// Lists requests, newest first.
pub(super) async fn list(
    readers: &SqlitePool,
    filter: &RequestFilter,
) -> Result<Vec<Request>, StoreError> {
    let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
    let limit = if filter.limit == 0 { -1 } else { i64::from(filter.limit) };
    let rows = sqlx::query_as::<_, Document>(
        "SELECT document FROM requests
         WHERE ($1 = '[]' OR state IN (SELECT value FROM json_each($1)))
           AND ($2 IS NULL OR person = $2)
           AND ($3 IS NULL OR id < $3)
           AND ($4 IS NULL OR json_extract(document, '$.intent') = $4)
         ORDER BY id DESC LIMIT $5",
    )
    .bind(to_json(&states))
    .bind(filter.requester.as_ref().map(|person| person.as_str()))
    .bind(filter.before.map(|before| number(before.0)))
    .bind(filter.intent.as_ref().map(|intent| intent.as_str()))
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(store_error)?;
    rows.iter().map(|row| from_json("a request", &row.0)).collect()
}

/// Returns the highest number that a request ever had, as far as anything tells of it.
pub(super) async fn last_number(readers: &SqlitePool) -> Result<u64, StoreError> {
    let (last,): (i64,) = sqlx::query_as(
        "SELECT max((SELECT coalesce(max(id), 0) FROM requests),
                    (SELECT coalesce(max(request), 0) FROM audit))",
    )
    .fetch_one(readers)
    .await
    .map_err(store_error)?;
    Ok(natural(last))
}

/// Inserts or replaces a run.
pub(super) async fn put_run(on: &mut SqliteConnection, run: &RunRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO runs (request, attempt, started, ended, document, output)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (request, attempt)
         DO UPDATE SET started = excluded.started, ended = excluded.ended,
                       document = excluded.document, output = excluded.output",
    )
    .bind(number(run.id.request.0))
    .bind(i64::from(run.id.attempt))
    .bind(run.started.as_millisecond())
    .bind(run.ended.map(|ended| ended.as_millisecond()))
    .bind(to_json(run))
    .bind(!run.forgotten)
    .execute(on)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Returns a run.
pub(super) async fn run(readers: &SqlitePool, id: RunId) -> Result<Option<RunRecord>, StoreError> {
    let row = sqlx::query_as::<_, Document>(
        "SELECT document FROM runs WHERE request = $1 AND attempt = $2",
    )
    .bind(number(id.request.0))
    .bind(i64::from(id.attempt))
    .fetch_optional(readers)
    .await
    .map_err(store_error)?;
    row.map(|row| from_json("a run", &row.0)).transpose()
}

/// Lists runs without their output, those of the newest requests first.
pub(super) async fn runs(
    readers: &SqlitePool,
    filter: &RunFilter,
) -> Result<Vec<RunRecord>, StoreError> {
    let limit = if filter.limit == 0 { -1 } else { i64::from(filter.limit) };
    let rows = sqlx::query_as::<_, Document>(
        "SELECT json_set(document, '$.head', '', '$.tail', '') AS document FROM runs
         WHERE (NOT $1 OR ended IS NULL)
           AND ($2 IS NULL OR (request, attempt) < ($2, $3))
         ORDER BY request DESC, attempt DESC LIMIT $4",
    )
    .bind(filter.open)
    .bind(filter.before.map(|before| number(before.request.0)))
    .bind(filter.before.map(|before| i64::from(before.attempt)))
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(store_error)?;
    rows.iter().map(|row| from_json("a run", &row.0)).collect()
}

/// Returns runs that have not ended, oldest first.
pub(super) async fn runs_open(readers: &SqlitePool) -> Result<Vec<RunRecord>, StoreError> {
    let rows = sqlx::query_as::<_, Document>(
        "SELECT document FROM runs WHERE ended IS NULL ORDER BY started, request, attempt",
    )
    .fetch_all(readers)
    .await
    .map_err(store_error)?;
    rows.iter().map(|row| from_json("a run", &row.0)).collect()
}

/// Takes a use of a citation for a request, once.
pub(super) async fn take_use(on: &mut SqliteConnection, use_: &Use) -> Result<(), StoreError> {
    // No foreign key says so: uses stay when their requests go.
    let known: Option<(i64,)> = sqlx::query_as("SELECT id FROM requests WHERE id = $1")
        .bind(number(use_.request.0))
        .fetch_optional(&mut *on)
        .await
        .map_err(store_error)?;
    if known.is_none() {
        return Err(StoreError::Broken(format!("{} is not known", use_.request)));
    }
    let done = sqlx::query(
        "INSERT INTO uses (repo, number, request)
         SELECT $1, $2, $3
         WHERE (SELECT count(*) FROM uses WHERE repo = $1 AND number = $2 AND request <> $3) < $4
         ON CONFLICT (repo, number, request) DO UPDATE SET request = excluded.request",
    )
    .bind(&use_.pull.repo)
    .bind(number(use_.pull.number))
    .bind(number(use_.request.0))
    .bind(i64::from(use_.limit))
    .execute(on)
    .await
    .map_err(store_error)?;
    match done.rows_affected() {
        0 => Err(StoreError::Conflict(Conflict::Used(use_.pull.clone()))),
        _ => Ok(()),
    }
}

/// Returns the requests that used a pull request, in the order of use.
pub(super) async fn uses(
    readers: &SqlitePool,
    pull: &PullRef,
) -> Result<Vec<RequestId>, StoreError> {
    let rows: Vec<(i64,)> =
        sqlx::query_as("SELECT request FROM uses WHERE repo = $1 AND number = $2 ORDER BY ord")
            .bind(&pull.repo)
            .bind(number(pull.number))
            .fetch_all(readers)
            .await
            .map_err(store_error)?;
    Ok(rows.into_iter().map(|(id,)| RequestId(natural(id))).collect())
}
