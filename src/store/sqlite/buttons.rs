//! Of the table `posts`: what people may press under a post, and whether somebody has.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::error::{number, store_error, to_json};
use super::outbox::changed;
use crate::domain::message::PostKey;
use crate::domain::press::Offer;
use crate::ports::store::{Conflict, StoreError};

/// Says which buttons should stand under a post.
pub(super) async fn put(
    on: &mut SqliteConnection,
    key: &PostKey,
    offers: &[Offer],
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE posts SET offered = offered AND offers = $2, offers = $2 WHERE key = $1",
    )
    .bind(&key.0)
    .bind(to_json(&offers))
    .execute(on)
    .await;
    changed(done, key, "is not known")
}

/// Takes a press of the buttons of a round, once.
pub(super) async fn press(
    on: &mut SqliteConnection,
    key: &PostKey,
    round: u64,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE posts SET round = round + 1, offered = 0
         WHERE key = $1 AND round = $2 AND offers <> '[]'",
    )
    .bind(&key.0)
    .bind(number(round))
    .execute(on)
    .await;
    match done.map_err(store_error)?.rows_affected() {
        0 => Err(StoreError::Conflict(Conflict::Pressed(key.clone()))),
        _ => Ok(()),
    }
}

/// Records that buttons were put under a post, unless others should stand there by now.
pub(super) async fn offered(
    writer: &SqlitePool,
    key: &PostKey,
    round: u64,
    offers: &[Offer],
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE posts SET offered = (round = $2 AND offers = $3), failures = 0, not_before = NULL
         WHERE key = $1",
    )
    .bind(&key.0)
    .bind(number(round))
    .bind(to_json(&offers))
    .execute(writer)
    .await;
    changed(done, key, "is not known")
}
