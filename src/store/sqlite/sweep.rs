//! Removing for good what is not needed any more, in pieces; and counting what is kept.

use jiff::Timestamp;
use sqlx::sqlite::{SqliteArguments, SqlitePool};
use sqlx::{Sqlite, SqliteConnection};

use super::error::{from_json, natural, number, store_error, to_json};
use crate::domain::id::{IncidentId, RequestId};
use crate::domain::message::PostKey;
use crate::domain::retention::{SAID_ONCE, posts_of, posts_of_incident};
use crate::ports::store::{Forget, Old, Stock, StoreError, Swept};

/// Posts that are noted at once as standing as they should; that is less work than removing.
const NOTED: i64 = 10_000;

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

/// Removes what is old, and returns how much that was.
pub(super) async fn forget(on: &mut SqliteConnection, forget: &Forget) -> Result<u64, StoreError> {
    let limit = i64::from(forget.limit);
    match &forget.what {
        Old::Messages(before) => {
            const SQL: &str = "DELETE FROM seen WHERE (platform, channel, message) IN
                (SELECT platform, channel, message FROM seen WHERE sent < $1
                 ORDER BY sent LIMIT $2)";
            run(on, aged(SQL, *before, limit)).await
        }
        Old::SignIns(before) => {
            const TOKENS: &str = "DELETE FROM tokens WHERE hash IN
                (SELECT hash FROM tokens WHERE until < $1 ORDER BY until LIMIT $2)";
            const SESSIONS: &str = "DELETE FROM sessions WHERE hash IN
                (SELECT hash FROM sessions WHERE until < $1 ORDER BY until LIMIT $2)";
            let tokens = run(on, aged(TOKENS, *before, limit)).await?;
            let left = limit - number(tokens);
            Ok(tokens + run(on, aged(SESSIONS, *before, left)).await?)
        }
        Old::Output(before) => {
            const SQL: &str = "UPDATE runs SET output = 0, document =
                    json_set(document, '$.head', '', '$.tail', '', '$.forgotten', json('true'))
                WHERE rowid IN (SELECT rowid FROM runs WHERE output = 1 AND ended < $1
                                ORDER BY ended LIMIT $2)";
            run(on, aged(SQL, *before, limit)).await
        }
        Old::Requests(before) => forget_requests(on, *before, limit).await,
        Old::Incidents(before) => forget_incidents(on, *before, limit).await,
        Old::Posts { before, now } => forget_posts(on, *before, *now, limit).await,
        Old::Console(before) => forget_threads(on, *before, limit).await,
        Old::Audit(row) => {
            const SQL: &str = "DELETE FROM audit WHERE seq IN
                (SELECT seq FROM audit WHERE seq < $1 ORDER BY seq LIMIT $2)";
            run(on, sqlx::query(SQL).bind(number(*row)).bind(limit)).await
        }
    }
}

fn aged(sql: &'static str, before: Timestamp, limit: i64) -> Query<'static> {
    sqlx::query(sql).bind(before.as_millisecond()).bind(limit)
}

async fn run(on: &mut SqliteConnection, query: Query<'_>) -> Result<u64, StoreError> {
    Ok(query.execute(on).await.map_err(store_error)?.rows_affected())
}

async fn forget_requests(
    on: &mut SqliteConnection,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    let old: Vec<(i64,)> = sqlx::query_as(
        "SELECT id FROM requests
         WHERE ended < $1 AND id < (SELECT max(id) FROM requests) ORDER BY ended LIMIT $2",
    )
    .bind(before.as_millisecond())
    .bind(limit)
    .fetch_all(&mut *on)
    .await
    .map_err(store_error)?;
    for (id,) in &old {
        let (outcome, starts) = posts_of(RequestId(natural(*id)));
        forget_posts_named(on, &outcome, &starts).await?;
        run(on, sqlx::query("DELETE FROM runs WHERE request = $1").bind(id)).await?;
        run(on, sqlx::query("DELETE FROM requests WHERE id = $1").bind(id)).await?;
    }
    Ok(old.len() as u64)
}

async fn forget_incidents(
    on: &mut SqliteConnection,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    let old: Vec<(i64,)> = sqlx::query_as(
        "SELECT id FROM incidents
         WHERE closed < $1 AND id < (SELECT max(id) FROM incidents) ORDER BY closed LIMIT $2",
    )
    .bind(before.as_millisecond())
    .bind(limit)
    .fetch_all(&mut *on)
    .await
    .map_err(store_error)?;
    for (id,) in &old {
        let (card, others) = posts_of_incident(IncidentId(natural(*id)));
        forget_posts_named(on, &card, &[others]).await?;
        run(on, sqlx::query("DELETE FROM incidents WHERE id = $1").bind(id)).await?;
    }
    Ok(old.len() as u64)
}

/// Removes the post of that name, and those whose names, or whose threads' names, begin so.
async fn forget_posts_named(
    on: &mut SqliteConnection,
    name: &PostKey,
    starts: &[String],
) -> Result<(), StoreError> {
    run(on, sqlx::query("DELETE FROM posts WHERE key = $1").bind(name.0.as_str())).await?;
    for start in starts {
        // The names that begin so lie between it and the same with a higher last character.
        const SQL: &str = "DELETE FROM posts
            WHERE (key >= $1 AND key < $2) OR (thread_of >= $1 AND thread_of < $2)";
        let end = format!("{start}\u{10ffff}");
        run(on, sqlx::query(SQL).bind(start.as_str()).bind(end)).await?;
    }
    Ok(())
}

/// Notes the posts that stand as they should, then removes those noted long ago.
async fn forget_posts(
    on: &mut SqliteConnection,
    before: Timestamp,
    now: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    for start in SAID_ONCE {
        let end = format!("{start}\u{10ffff}");
        let note = sqlx::query(
            "UPDATE posts SET settled = $3 WHERE ord IN
                (SELECT ord FROM posts WHERE key >= $1 AND key < $2 AND settled IS NULL
                    AND (given_up >= generation
                         OR (message IS NOT NULL AND sent_generation >= generation
                             AND (seeded = 1 OR seeds = '[]'))) LIMIT $4)",
        );
        let note = note.bind(start).bind(end).bind(now.as_millisecond()).bind(NOTED);
        run(on, note).await?;
    }
    const SQL: &str = "DELETE FROM posts WHERE ord IN
        (SELECT p.ord FROM posts p WHERE p.settled < $1
            AND NOT EXISTS (SELECT 1 FROM posts t WHERE t.thread_of = p.key)
         ORDER BY p.settled LIMIT $2)";
    run(on, aged(SQL, before, limit)).await
}

/// Removes threads of the console of which no message is young or that of a post that is kept.
async fn forget_threads(
    on: &mut SqliteConnection,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    const OLD: &str = "SELECT id FROM console_messages m
        WHERE m.thread IS NULL AND m.sent < $1
          AND NOT EXISTS (SELECT 1 FROM console_messages r WHERE r.thread = m.id AND r.sent >= $1)
          AND NOT EXISTS (SELECT 1 FROM posts p WHERE p.platform = 'console'
                            AND p.channel = m.channel AND p.message = m.id)
          AND NOT EXISTS (SELECT 1 FROM console_messages r JOIN posts p ON p.platform = 'console'
                            AND p.channel = r.channel AND p.message = r.id WHERE r.thread = m.id)
        ORDER BY m.sent LIMIT $2";
    let roots: Vec<(String,)> = sqlx::query_as(OLD)
        .bind(before.as_millisecond())
        .bind(limit)
        .fetch_all(&mut *on)
        .await
        .map_err(store_error)?;
    let mut all = 0;
    for (root,) in &roots {
        for sql in [
            "DELETE FROM console_changes WHERE message IN
                (SELECT id FROM console_messages WHERE id = $1 OR thread = $1)",
            "DELETE FROM console_reactions WHERE message IN
                (SELECT id FROM console_messages WHERE id = $1 OR thread = $1)",
        ] {
            run(on, sqlx::query(sql).bind(root)).await?;
        }
        // Replies first: they refer to the message that begins their thread.
        for sql in [
            "DELETE FROM console_messages WHERE thread = $1",
            "DELETE FROM console_messages WHERE id = $1",
        ] {
            all += run(on, sqlx::query(sql).bind(root)).await?;
        }
    }
    Ok(all)
}

/// Records how a sweep went.
pub(super) async fn put(on: &mut SqliteConnection, swept: &Swept) -> Result<(), StoreError> {
    let query = sqlx::query(
        "INSERT INTO sweep (id, document) VALUES (1, $1)
         ON CONFLICT (id) DO UPDATE SET document = excluded.document",
    );
    run(on, query.bind(to_json(swept))).await?;
    Ok(())
}

/// Returns how the last sweep went.
pub(super) async fn swept(readers: &SqlitePool) -> Result<Swept, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT document FROM sweep")
        .fetch_optional(readers)
        .await
        .map_err(store_error)?;
    row.map_or_else(|| Ok(Swept::default()), |(json,)| from_json("the last sweep", &json))
}

/// Writes the one row of the table `probe`.
pub(super) async fn probe(writer: &SqlitePool, now: Timestamp) -> Result<(), StoreError> {
    let query = sqlx::query(
        "INSERT INTO probe (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
    );
    query.bind(now.as_millisecond()).execute(writer).await.map_err(store_error)?;
    Ok(())
}

/// Counts what is kept.
pub(super) async fn stock(readers: &SqlitePool) -> Result<Stock, StoreError> {
    let (messages, sign_ins, outputs, requests, posts, console, audit, first): (
        i64,
        i64,
        i64,
        i64,
        i64,
        i64,
        i64,
        i64,
    ) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM seen),
                (SELECT count(*) FROM tokens) + (SELECT count(*) FROM sessions),
                (SELECT count(*) FROM runs WHERE output = 1 AND ended IS NOT NULL),
                (SELECT count(*) FROM requests),
                (SELECT count(*) FROM posts),
                (SELECT count(*) FROM console_messages),
                (SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM audit),
                (SELECT coalesce(min(seq), 0) FROM audit)",
    )
    .fetch_one(readers)
    .await
    .map_err(store_error)?;
    Ok(Stock {
        messages: natural(messages),
        sign_ins: natural(sign_ins),
        outputs: natural(outputs),
        requests: natural(requests),
        posts: natural(posts),
        console: natural(console),
        audit: natural(audit),
        audit_first: natural(first),
    })
}
