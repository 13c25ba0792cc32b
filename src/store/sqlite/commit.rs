//! One change, one transaction.
//!
//! `BEGIN IMMEDIATE` takes the write lock first, so nothing that is checked here can move before
//! the end. Every refusal returns before `COMMIT`; dropping the transaction undoes it.

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, Sqlite, SqliteConnection};

use super::error::store_error;
use super::{
    audit, ban, buttons, calendar, drift, outbox, request, revision, session, source, sweep,
};
use crate::ports::store::{Change, Receipt, StoreError};

/// Begins a transaction that writes.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

/// Applies a change whole, or not at all.
pub(super) async fn commit(writer: &SqlitePool, change: Change) -> Result<Receipt, StoreError> {
    let mut connection = writer.acquire().await.map_err(store_error)?;
    let outcome = in_transaction(&mut connection, &change).await;
    settle(connection, outcome)
}

async fn in_transaction(on: &mut SqliteConnection, change: &Change) -> Result<Receipt, StoreError> {
    let mut transaction = on.begin_with(BEGIN).await.map_err(store_error)?;
    let receipt = apply(&mut transaction, change).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(receipt)
}

/// Lets go of a connection that wrote, or tried to.
///
/// After some errors, a full disk among them, SQLite has ended the transaction by itself, and the
/// connection no longer knows whether it is in one. Such a connection is closed; the next writer
/// gets a new one.
pub(super) fn settle<T>(
    mut connection: PoolConnection<Sqlite>,
    outcome: Result<T, StoreError>,
) -> Result<T, StoreError> {
    if matches!(outcome, Err(StoreError::Full | StoreError::Broken(_))) {
        connection.close_on_drop();
    }
    outcome
}

async fn apply(on: &mut SqliteConnection, change: &Change) -> Result<Receipt, StoreError> {
    source::check(on, &change.expect).await?;
    let audit = audit::append(on, &change.audit).await?;
    let mut receipt = Receipt { audit, forgotten: 0 };
    for value in &change.requests {
        request::put(on, value).await?;
    }
    for value in &change.runs {
        request::put_run(on, value).await?;
    }
    for value in &change.uses {
        request::take_use(on, value).await?;
    }
    for value in &change.posts {
        outbox::put(on, value).await?;
    }
    for (key, offers) in &change.offers {
        buttons::put(on, key, offers).await?;
    }
    if let Some((key, round)) = &change.pressed {
        buttons::press(on, key, *round).await?;
    }
    for value in &change.seen {
        source::mark_seen(on, value).await?;
    }
    if let Some((platform, cursor)) = &change.cursor {
        source::put_cursor(on, platform, cursor).await?;
    }
    if let Some(state) = &change.source {
        source::put(on, state).await?;
    }
    for (revision, at) in &change.sightings {
        source::put_sighting(on, revision, *at).await?;
    }
    for value in &change.revisions {
        revision::add(on, value).await?;
    }
    if let Some(token) = &change.token {
        session::put_token(on, token).await?;
    }
    if let Some((hash, at)) = &change.consume {
        session::consume(on, hash, *at).await?;
    }
    if let Some(session) = &change.session {
        session::put(on, session).await?;
    }
    for hash in &change.end_sessions {
        session::end(on, hash).await?;
    }
    drift::put(on, change).await?;
    if let Some(forget) = &change.forget {
        receipt.forgotten = sweep::forget(on, forget).await?;
    }
    if let Some(swept) = &change.swept {
        sweep::put(on, swept).await?;
    }
    for swap in &change.pauses {
        calendar::swap_pause(on, swap).await?;
    }
    for swap in &change.bans {
        ban::swap(on, swap).await?;
    }
    for swap in &change.schedules {
        calendar::swap_mark(on, swap).await?;
    }
    Ok(receipt)
}
