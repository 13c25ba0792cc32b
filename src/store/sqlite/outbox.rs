//! The table `posts`: how posts should stand, and how they stand.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::SqliteConnection;
use sqlx::sqlite::{SqlitePool, SqliteQueryResult};

use super::error::{from_json, natural, number, parse, store_error, time, to_json};
use super::row::row;
use crate::domain::body::Body;
use crate::domain::id::Platform;
use crate::domain::message::{MessageRef, Place, Post, PostKey, Posted, Urgency};
use crate::ports::store::{OutboxPost, StoreError, Waiting};

row! {
    struct PostRow {
        key: String,
        place: String,
        body: String,
        seeds: String,
        generation: i64,
        sent_generation: i64,
        sent: Option<String>,
        platform: Option<String>,
        channel: Option<String>,
        message: Option<String>,
        posted_text: Option<String>,
        first_text: Option<String>,
        seeded: bool,
        failures: u32,
        not_before: Option<i64>,
        given_up: i64,
        offers: String,
        round: i64,
        offered: bool,
    }
}

impl PostRow {
    fn post(self) -> Result<OutboxPost, StoreError> {
        const WHAT: &str = "a post";
        let posted = match (self.platform, self.channel, self.message) {
            (Some(platform), Some(channel), Some(id)) => Some(Posted {
                at: MessageRef {
                    platform: parse(WHAT, platform)?,
                    channel: parse(WHAT, channel)?,
                    id: parse(WHAT, id)?,
                },
                text: self.posted_text.unwrap_or_default(),
            }),
            _ => None,
        };
        Ok(OutboxPost {
            post: Post {
                key: PostKey(self.key),
                place: from_json(WHAT, &self.place)?,
                body: from_json(WHAT, &self.body)?,
                seeds: from_json(WHAT, &self.seeds)?,
            },
            posted,
            first_text: self.first_text,
            sent: self.sent.as_deref().map(|sent| from_json(WHAT, sent)).transpose()?,
            generation: natural(self.generation),
            sent_generation: natural(self.sent_generation),
            seeded: self.seeded,
            failures: self.failures,
            given_up: natural(self.given_up),
            offers: from_json(WHAT, &self.offers)?,
            round: natural(self.round),
            offered: self.offered,
            not_before: self.not_before.map(|at| time(WHAT, at)).transpose()?,
        })
    }
}

/// Says how a post should stand.
pub(super) async fn put(on: &mut SqliteConnection, post: &Post) -> Result<(), StoreError> {
    let place = to_json(&post.place);
    let (outlet, thread_of, thread) = match &post.place {
        Place::Channel(platform, _) => (Some(platform), None, None),
        Place::Direct(account) => (Some(&account.platform), None, None),
        Place::Reply(at) => (Some(&at.platform), None, Some(&place)),
        Place::ThreadOf(key) => (None, Some(key.0.as_str()), Some(&place)),
    };
    let done = sqlx::query(
        "INSERT INTO posts (key, place, outlet, thread_of, thread, urgency, body, seeds, generation)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)
         ON CONFLICT (key) DO UPDATE SET
             generation = generation + (body <> excluded.body),
             seeded = seeded AND seeds = excluded.seeds,
             settled = CASE WHEN body = excluded.body THEN settled END,
             body = excluded.body, seeds = excluded.seeds
         WHERE place = excluded.place",
    )
    .bind(&post.key.0)
    .bind(&place)
    .bind(outlet.map(Platform::as_str))
    .bind(thread_of)
    .bind(thread)
    .bind(urgency(&post.key))
    .bind(to_json(&post.body))
    .bind(to_json(&post.seeds))
    .execute(on)
    .await;
    changed(done, &post.key, "would move to another place")
}

/// Returns the place of a post's kind in the order of sending.
fn urgency(key: &PostKey) -> i64 {
    match Urgency::of(key) {
        Urgency::Awaited => 0,
        Urgency::Streaming => 1,
    }
}

/// Returns a post.
pub(super) async fn get(
    readers: &SqlitePool,
    key: &PostKey,
) -> Result<Option<OutboxPost>, StoreError> {
    let row = sqlx::query_as::<_, PostRow>("SELECT * FROM posts WHERE key = $1")
        .bind(&key.0)
        .fetch_optional(readers)
        .await;
    row.map_err(store_error)?.map(PostRow::post).transpose()
}

/// Returns the post that stands at a message.
pub(super) async fn at(
    readers: &SqlitePool,
    at: &MessageRef,
) -> Result<Option<OutboxPost>, StoreError> {
    let row = sqlx::query_as::<_, PostRow>(
        "SELECT * FROM posts WHERE platform = $1 AND channel = $2 AND message = $3",
    )
    .bind(at.platform.as_str())
    .bind(at.channel.as_str())
    .bind(at.id.as_str())
    .fetch_optional(readers)
    .await;
    row.map_err(store_error)?.map(PostRow::post).transpose()
}

/// Returns posts to send on a platform, those that people wait for first, oldest first.
pub(super) async fn due(
    readers: &SqlitePool,
    platform: &Platform,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<OutboxPost>, StoreError> {
    let rows = sqlx::query_as::<_, PostRow>(
        "SELECT p.* FROM posts p
         WHERE p.given_up < p.generation
           AND (p.sent_generation < p.generation OR (p.seeded = 0 AND p.seeds <> '[]')
                OR p.offered = 0)
           AND (p.not_before IS NULL OR p.not_before <= $1)
           AND (p.outlet = $3 OR EXISTS (
                   SELECT 1 FROM posts r
                   WHERE r.key = p.thread_of AND r.message IS NOT NULL AND r.platform = $3))
           AND (p.thread IS NULL OR p.message IS NOT NULL OR NOT EXISTS (
                   SELECT 1 FROM posts e
                   WHERE e.thread = p.thread AND e.message IS NULL AND e.ord < p.ord
                     AND e.urgency <= p.urgency AND e.given_up < e.generation
                     AND e.not_before > $1))
         ORDER BY p.urgency, p.ord LIMIT $2",
    )
    .bind(now.as_millisecond())
    .bind(i64::from(limit))
    .bind(platform.as_str())
    .fetch_all(readers)
    .await
    .map_err(store_error)?;
    rows.into_iter().map(PostRow::post).collect()
}

/// Counts posts that wait, by platform.
pub(super) async fn waiting(
    readers: &SqlitePool,
) -> Result<BTreeMap<Platform, Waiting>, StoreError> {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT coalesce(p.outlet, r.platform) AS platform, count(*), sum(p.failures > 0)
         FROM posts p LEFT JOIN posts r ON r.key = p.thread_of AND r.message IS NOT NULL
         WHERE p.given_up < p.generation
           AND (p.sent_generation < p.generation OR (p.seeded = 0 AND p.seeds <> '[]')
                OR p.offered = 0)
           AND coalesce(p.outlet, r.platform) IS NOT NULL
         GROUP BY 1",
    )
    .fetch_all(readers)
    .await
    .map_err(store_error)?;
    let waiting = |(platform, posts, failing): (String, i64, i64)| {
        let waiting = Waiting { posts: natural(posts), failing: natural(failing) };
        Ok((parse("a post", platform)?, waiting))
    };
    rows.into_iter().map(waiting).collect()
}

/// Records that a generation was sent. One that is older than what was recorded changes nothing.
pub(super) async fn sent(
    writer: &SqlitePool,
    key: &PostKey,
    generation: u64,
    sent: &Body,
    posted: &Posted,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE posts SET
             sent = CASE WHEN sent_generation <= $2 THEN $3 ELSE sent END,
             posted_text = CASE WHEN sent_generation <= $2 THEN $4 ELSE posted_text END,
             sent_generation = max(sent_generation, $2),
             first_text = coalesce(first_text, $4),
             platform = $5, channel = $6, message = $7,
             failures = 0, not_before = NULL
         WHERE key = $1",
    )
    .bind(&key.0)
    .bind(number(generation))
    .bind(to_json(sent))
    .bind(&posted.text)
    .bind(posted.at.platform.as_str())
    .bind(posted.at.channel.as_str())
    .bind(posted.at.id.as_str())
    .execute(writer)
    .await;
    changed(done, key, "is not known")
}

/// Records that seeds were put under a post.
pub(super) async fn seeded(writer: &SqlitePool, key: &PostKey) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE posts SET seeded = 1, failures = 0, not_before = NULL WHERE key = $1")
            .bind(&key.0)
            .execute(writer)
            .await;
    changed(done, key, "is not known")
}

/// Records that sending failed.
pub(super) async fn failed(
    writer: &SqlitePool,
    key: &PostKey,
    not_before: Timestamp,
) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE posts SET failures = failures + 1, not_before = $2 WHERE key = $1")
            .bind(&key.0)
            .bind(not_before.as_millisecond())
            .execute(writer)
            .await;
    changed(done, key, "is not known")
}

/// Records that a generation is not tried any more.
pub(super) async fn given_up(
    writer: &SqlitePool,
    key: &PostKey,
    generation: u64,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE posts SET given_up = max(given_up, $2) WHERE key = $1")
        .bind(&key.0)
        .bind(number(generation))
        .execute(writer)
        .await;
    changed(done, key, "is not known")
}

pub(super) fn changed(
    done: Result<SqliteQueryResult, sqlx::Error>,
    key: &PostKey,
    otherwise: &str,
) -> Result<(), StoreError> {
    match done.map_err(store_error)?.rows_affected() {
        0 => Err(StoreError::Broken(format!("post {key} {otherwise}"))),
        _ => Ok(()),
    }
}
