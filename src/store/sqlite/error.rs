//! SQLite's errors in the words of the port, and values in the form of columns.

use std::fmt::Display;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::digest::Digest;
use crate::ports::store::StoreError;

/// SQLITE_FULL.
const FULL: i32 = 13;
/// SQLITE_IOERR_SHMSIZE: the shared index beside the log could not grow.
const SHM_SIZE: i32 = 4874;
/// SQLITE_BUSY.
const BUSY: i32 = 5;

/// Says in the port's words what went wrong.
pub(super) fn store_error(error: sqlx::Error) -> StoreError {
    let code = match &error {
        sqlx::Error::Database(inner) => inner.code().and_then(|code| code.parse::<i32>().ok()),
        _ => None,
    };
    match code {
        Some(SHM_SIZE) => StoreError::Full,
        Some(code) if code & 0xff == FULL => StoreError::Full,
        Some(code) if code & 0xff == BUSY => {
            StoreError::Broken("another program keeps the database locked; end it".into())
        }
        _ => {
            tracing::error!(%error, "the database refused");
            StoreError::Broken(match error {
                sqlx::Error::Database(inner) => inner.message().to_owned(),
                sqlx::Error::PoolTimedOut => "no connection became free in time".into(),
                _ => "the database file cannot be used; see the daemon's log".into(),
            })
        }
    }
}

/// A stored value that cannot be read.
pub(super) fn unreadable(what: impl Display, error: impl Display) -> StoreError {
    StoreError::Broken(format!("{what} cannot be read back: {error}"))
}

/// Returns a value as the JSON that is stored of it.
pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data with text keys serialises")
}

/// Reads a value from the JSON that is stored of it.
pub(super) fn from_json<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| unreadable(what, error))
}

/// Reads an identifier.
pub(super) fn parse<T>(what: &str, text: String) -> Result<T, StoreError>
where
    T: TryFrom<String, Error: Display>,
{
    T::try_from(text).map_err(|error| unreadable(what, error))
}

/// Reads a time.
pub(super) fn time(what: &str, millisecond: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millisecond).map_err(|error| unreadable(what, error))
}

/// Reads a hash.
pub(super) fn digest(what: &str, text: String) -> Result<Digest, StoreError> {
    parse(what, text)
}

/// Returns a number as a column holds it. SQLite has no number above `i64::MAX`.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads a number.
pub(super) fn natural(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
