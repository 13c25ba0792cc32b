//! The tables `console_messages`, `console_reactions` and `console_changes`.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, SqliteConnection};

use super::SqliteStore;
use super::commit::{BEGIN, settle};
use super::error::{from_json, natural, number, parse, store_error, time, to_json, unreadable};
use super::row::row;
use crate::domain::id::{AccountId, MessageId};
use crate::domain::message::{Edited, Sign};
use crate::ports::board::BoardMessage;
use crate::ports::console::{
    ChangeKind, ConsoleStore, KeptMessage, Listing, MessageChange, NewMessage,
};
use crate::ports::store::StoreError;

const WHAT: &str = "a message of the console";

row! {
    struct MessageRow {
        id: String,
        channel: String,
        thread: Option<String>,
        author: String,
        text: String,
        sent: i64,
        edited: String,
        deleted: bool,
        reactions: String,
        replies: u32,
    }
}

impl MessageRow {
    fn message(self) -> Result<KeptMessage, StoreError> {
        let given: Vec<(Sign, String, i64)> = from_json(WHAT, &self.reactions)?;
        let mut reactions = Vec::with_capacity(given.len());
        let mut reacted = Vec::with_capacity(given.len());
        for (sign, account, at) in given {
            reactions.push((sign, parse(WHAT, account)?));
            reacted.push(time(WHAT, at)?);
        }
        let edited: Edited = word(&self.edited)?;
        let board = BoardMessage {
            id: parse(WHAT, self.id)?,
            channel: parse(WHAT, self.channel)?,
            thread: self.thread.map(|thread| parse(WHAT, thread)).transpose()?,
            author: parse(WHAT, self.author)?,
            text: self.text,
            sent: time(WHAT, self.sent)?,
            edited: edited != Edited::No,
            deleted: self.deleted,
            reactions,
            replies: self.replies,
        };
        Ok(KeptMessage { board, edited, reacted })
    }
}

/// Reads a value that is stored as the word serde knows it by.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_value(text.into()).map_err(|error| unreadable(WHAT, error))
}

/// Returns the word that serde knows a value by.
fn as_word<T: serde::Serialize>(value: &T) -> String {
    to_json(value).trim_matches('"').to_owned()
}

row! {
    struct ChangeRow {
        seq: i64,
        kind: String,
        account: String,
        message: String,
        channel: String,
        thread: Option<String>,
    }
}

impl ChangeRow {
    fn change(self) -> Result<MessageChange, StoreError> {
        const WHAT: &str = "a change of the console";
        Ok(MessageChange {
            seq: natural(self.seq),
            kind: match self.kind.as_str() {
                "posted" => ChangeKind::Posted,
                "edited" => ChangeKind::Edited,
                "deleted" => ChangeKind::Deleted,
                "reacted" => ChangeKind::Reacted,
                other => return Err(unreadable(WHAT, format!("{other:?} is no kind of change"))),
            },
            account: parse(WHAT, self.account)?,
            message: parse(WHAT, self.message)?,
            channel: parse(WHAT, self.channel)?,
            thread: self.thread.map(|thread| parse(WHAT, thread)).transpose()?,
        })
    }
}

/// One write, with what it adds to the list of changes.
enum Write<'a> {
    Keep(&'a NewMessage),
    Rewrite(&'a MessageId, &'a AccountId, Edited, &'a str),
    Delete(&'a MessageId, &'a AccountId),
    Add(&'a MessageId, &'a AccountId, Sign, Timestamp),
    Remove(&'a MessageId, &'a AccountId, Sign),
}

async fn write(writer: &SqlitePool, write: Write<'_>) -> Result<MessageId, StoreError> {
    let mut connection = writer.acquire().await.map_err(store_error)?;
    let outcome = in_transaction(&mut connection, write).await;
    settle(connection, outcome)
}

async fn in_transaction(
    on: &mut SqliteConnection,
    write: Write<'_>,
) -> Result<MessageId, StoreError> {
    let mut transaction = on.begin_with(BEGIN).await.map_err(store_error)?;
    let id = apply(&mut transaction, write).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(id)
}

async fn apply(on: &mut SqliteConnection, write: Write<'_>) -> Result<MessageId, StoreError> {
    match write {
        Write::Keep(message) => keep(on, message).await,
        Write::Rewrite(id, by, edited, text) => {
            let done = sqlx::query(
                "UPDATE console_messages SET text = $2, edited = $3
                 WHERE id = $1 AND deleted = 0 AND text <> $2",
            )
            .bind(id.as_str())
            .bind(text)
            .bind(as_word(&edited))
            .execute(&mut *on)
            .await
            .map_err(store_error)?;
            note_if(on, done.rows_affected(), id, by, "edited").await
        }
        Write::Delete(id, by) => {
            sqlx::query("DELETE FROM console_reactions WHERE message = $1")
                .bind(id.as_str())
                .execute(&mut *on)
                .await
                .map_err(store_error)?;
            let done = sqlx::query(
                "UPDATE console_messages SET text = '', deleted = 1 WHERE id = $1 AND deleted = 0",
            )
            .bind(id.as_str())
            .execute(&mut *on)
            .await
            .map_err(store_error)?;
            note_if(on, done.rows_affected(), id, by, "deleted").await
        }
        Write::Add(id, account, sign, at) => {
            let done = sqlx::query(
                "INSERT INTO console_reactions (message, account, sign, at)
                 SELECT id, $2, $3, $4 FROM console_messages WHERE id = $1 AND deleted = 0
                 ON CONFLICT DO NOTHING",
            )
            .bind(id.as_str())
            .bind(account.as_str())
            .bind(as_word(&sign))
            .bind(at.as_millisecond())
            .execute(&mut *on)
            .await
            .map_err(store_error)?;
            note_if(on, done.rows_affected(), id, account, "reacted").await
        }
        Write::Remove(id, account, sign) => {
            let done = sqlx::query(
                "DELETE FROM console_reactions WHERE message = $1 AND account = $2 AND sign = $3",
            )
            .bind(id.as_str())
            .bind(account.as_str())
            .bind(as_word(&sign))
            .execute(&mut *on)
            .await
            .map_err(store_error)?;
            note_if(on, done.rows_affected(), id, account, "reacted").await
        }
    }
}

async fn keep(on: &mut SqliteConnection, message: &NewMessage) -> Result<MessageId, StoreError> {
    let before: Option<(String,)> =
        sqlx::query_as("SELECT id FROM console_messages WHERE author = $1 AND nonce = $2")
            .bind(message.author.as_str())
            .bind(&message.nonce)
            .fetch_optional(&mut *on)
            .await
            .map_err(store_error)?;
    if let Some((id,)) = before {
        return parse(WHAT, id);
    }
    // Ten digits, so that ids sort as they were written.
    let (id,): (String,) = sqlx::query_as(
        "INSERT INTO console_messages (id, channel, thread, author, nonce, text, sent)
         VALUES (printf('m%010d', (SELECT coalesce(max(ord), 0) + 1 FROM console_messages)),
                 $1, $2, $3, $4, $5, $6)
         RETURNING id",
    )
    .bind(message.channel.as_str())
    .bind(message.thread.as_ref().map(|thread| thread.as_str()))
    .bind(message.author.as_str())
    .bind(&message.nonce)
    .bind(&message.text)
    .bind(message.sent.as_millisecond())
    .fetch_one(&mut *on)
    .await
    .map_err(store_error)?;
    let id = parse(WHAT, id)?;
    note_if(on, 1, &id, &message.author, "posted").await
}

/// Adds to the list of changes if anything changed.
async fn note_if(
    on: &mut SqliteConnection,
    changed: u64,
    id: &MessageId,
    by: &AccountId,
    kind: &str,
) -> Result<MessageId, StoreError> {
    if changed > 0 {
        sqlx::query("INSERT INTO console_changes (message, account, kind) VALUES ($1, $2, $3)")
            .bind(id.as_str())
            .bind(by.as_str())
            .bind(kind)
            .execute(on)
            .await
            .map_err(store_error)?;
    }
    Ok(id.clone())
}

/// Everything of a message, its reactions as one JSON list.
macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "SELECT m.*,
                (SELECT count(*) FROM console_messages r
                 WHERE r.thread = m.id AND r.deleted = 0) AS replies,
                (SELECT coalesce(json_group_array(json_array(sign, account, at)), '[]')
                 FROM (SELECT * FROM console_reactions WHERE message = m.id ORDER BY ord))
                    AS reactions
             FROM console_messages m ",
            $rest
        )
    };
}

async fn list(readers: &SqlitePool, which: &Listing) -> Result<Vec<KeptMessage>, StoreError> {
    let (sql, first, second, third) = match which {
        Listing::Channel { channel, before, limit } => (
            select_messages!(
                "WHERE m.ord IN (
                     SELECT ord FROM console_messages
                     WHERE channel = $1 AND thread IS NULL AND ($2 IS NULL OR id < $2)
                     ORDER BY ord DESC LIMIT $3)
                 ORDER BY m.ord"
            ),
            channel.as_str().to_owned(),
            before.as_ref().map(|before| before.as_str().to_owned()),
            i64::from(*limit),
        ),
        Listing::Thread(root) => (
            select_messages!("WHERE m.id = $1 OR m.thread = $1 ORDER BY m.ord LIMIT $3"),
            root.as_str().to_owned(),
            None,
            -1,
        ),
        Listing::After { place, except, limit } => (
            select_messages!(
                "WHERE m.ord > CAST($1 AS INTEGER) AND m.author <> $2 AND m.deleted = 0
                 ORDER BY m.ord LIMIT $3"
            ),
            place.to_string(),
            Some(except.as_str().to_owned()),
            i64::from(*limit),
        ),
    };
    let rows = sqlx::query_as::<_, MessageRow>(sql)
        .bind(first)
        .bind(second)
        .bind(third)
        .fetch_all(readers)
        .await
        .map_err(store_error)?;
    rows.into_iter().map(MessageRow::message).collect()
}

/// Runs a query for one number.
async fn one_number(readers: &SqlitePool, sql: &'static str, id: &str) -> Result<u64, StoreError> {
    let row: Option<(i64,)> =
        sqlx::query_as(sql).bind(id).fetch_optional(readers).await.map_err(store_error)?;
    Ok(row.map_or(0, |(found,)| natural(found)))
}

#[async_trait]
impl ConsoleStore for SqliteStore {
    async fn keep(&self, message: &NewMessage) -> Result<MessageId, StoreError> {
        write(&self.writer, Write::Keep(message)).await
    }

    async fn rewrite(
        &self,
        id: &MessageId,
        by: &AccountId,
        edited: Edited,
        text: &str,
    ) -> Result<(), StoreError> {
        write(&self.writer, Write::Rewrite(id, by, edited, text)).await.map(drop)
    }

    async fn delete(&self, id: &MessageId, by: &AccountId) -> Result<(), StoreError> {
        write(&self.writer, Write::Delete(id, by)).await.map(drop)
    }

    async fn add(
        &self,
        id: &MessageId,
        account: &AccountId,
        sign: Sign,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        write(&self.writer, Write::Add(id, account, sign, at)).await.map(drop)
    }

    async fn remove(
        &self,
        id: &MessageId,
        account: &AccountId,
        sign: Sign,
    ) -> Result<(), StoreError> {
        write(&self.writer, Write::Remove(id, account, sign)).await.map(drop)
    }

    async fn get(&self, id: &MessageId) -> Result<Option<KeptMessage>, StoreError> {
        let row = sqlx::query_as::<_, MessageRow>(select_messages!("WHERE m.id = $1"))
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await;
        row.map_err(store_error)?.map(MessageRow::message).transpose()
    }

    async fn list(&self, which: &Listing) -> Result<Vec<KeptMessage>, StoreError> {
        list(&self.readers, which).await
    }

    async fn place(&self, id: &MessageId) -> Result<u64, StoreError> {
        let sql = "SELECT ord FROM console_messages WHERE id = $1";
        one_number(&self.readers, sql, id.as_str()).await
    }

    async fn end(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(max(ord), 0) FROM console_messages";
        one_number(&self.readers, sql, "").await
    }

    async fn changes(&self, after: u64, limit: u32) -> Result<Vec<MessageChange>, StoreError> {
        let rows = sqlx::query_as::<_, ChangeRow>(
            "SELECT c.seq, c.kind, c.account, c.message, m.channel, m.thread
             FROM console_changes c JOIN console_messages m ON m.id = c.message
             WHERE c.seq > $1 ORDER BY c.seq LIMIT $2",
        )
        .bind(number(after))
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .map_err(store_error)?;
        rows.into_iter().map(ChangeRow::change).collect()
    }

    async fn last_change(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM console_changes";
        one_number(&self.readers, sql, "").await
    }
}
