//! The tables `tokens` and `sessions`.

use jiff::Timestamp;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::error::{digest, parse, store_error, time};
use super::row::row;
use crate::domain::digest::Digest;
use crate::ports::store::{Conflict, Session, SignInToken, StoreError};

row! {
    struct SessionRow {
        hash: String,
        person: String,
        host: String,
        since: i64,
        until: i64,
    }
}

impl SessionRow {
    fn session(self) -> Result<Session, StoreError> {
        const WHAT: &str = "a session";
        Ok(Session {
            hash: digest(WHAT, self.hash)?,
            person: parse(WHAT, self.person)?,
            host: self.host,
            since: time(WHAT, self.since)?,
            until: time(WHAT, self.until)?,
        })
    }
}

/// Adds a sign-in token.
pub(super) async fn put_token(
    on: &mut SqliteConnection,
    token: &SignInToken,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO tokens (hash, person, until) VALUES ($1, $2, $3)")
        .bind(token.hash.to_string())
        .bind(token.person.as_str())
        .bind(token.until.as_millisecond())
        .execute(on)
        .await
        .map_err(store_error)?;
    Ok(())
}

/// Consumes a sign-in token, once.
pub(super) async fn consume(
    on: &mut SqliteConnection,
    hash: &Digest,
    at: Timestamp,
) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE tokens SET used = $2 WHERE hash = $1 AND used IS NULL AND until > $2")
            .bind(hash.to_string())
            .bind(at.as_millisecond())
            .execute(on)
            .await
            .map_err(store_error)?;
    match done.rows_affected() {
        0 => Err(StoreError::Conflict(Conflict::Seen)),
        _ => Ok(()),
    }
}

/// Returns a sign-in token that was not consumed.
pub(super) async fn token(
    readers: &SqlitePool,
    hash: &Digest,
) -> Result<Option<SignInToken>, StoreError> {
    let row: Option<(String, i64)> =
        sqlx::query_as("SELECT person, until FROM tokens WHERE hash = $1 AND used IS NULL")
            .bind(hash.to_string())
            .fetch_optional(readers)
            .await
            .map_err(store_error)?;
    row.map(|(person, until)| {
        Ok(SignInToken {
            hash: *hash,
            person: parse("a sign-in token", person)?,
            until: time("a sign-in token", until)?,
        })
    })
    .transpose()
}

/// Adds or replaces a session.
pub(super) async fn put(on: &mut SqliteConnection, session: &Session) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sessions (hash, person, host, since, until) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (hash) DO UPDATE SET person = excluded.person, host = excluded.host,
             since = excluded.since, until = excluded.until",
    )
    .bind(session.hash.to_string())
    .bind(session.person.as_str())
    .bind(&session.host)
    .bind(session.since.as_millisecond())
    .bind(session.until.as_millisecond())
    .execute(on)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Ends a session; one that is not there has ended.
pub(super) async fn end(on: &mut SqliteConnection, hash: &Digest) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE hash = $1")
        .bind(hash.to_string())
        .execute(on)
        .await
        .map_err(store_error)?;
    Ok(())
}

/// Returns a session.
pub(super) async fn get(
    readers: &SqlitePool,
    hash: &Digest,
) -> Result<Option<Session>, StoreError> {
    let row = sqlx::query_as::<_, SessionRow>("SELECT * FROM sessions WHERE hash = $1")
        .bind(hash.to_string())
        .fetch_optional(readers)
        .await;
    row.map_err(store_error)?.map(SessionRow::session).transpose()
}

/// Returns every session, oldest first.
pub(super) async fn list(readers: &SqlitePool) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query_as::<_, SessionRow>("SELECT * FROM sessions ORDER BY since, hash")
        .fetch_all(readers)
        .await
        .map_err(store_error)?;
    rows.into_iter().map(SessionRow::session).collect()
}
