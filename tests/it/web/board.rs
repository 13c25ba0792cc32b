//! A board in memory, as strict as the real one.

use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;
use tribune::domain::id::{AccountId, ChatChannelId, MessageId, Platform};
use tribune::domain::message::{MessageRef, Sign};
use tribune::ports::board::{Board, BoardEvent, BoardMessage};
use tribune::ports::chat::ChatError;

/// The account of Tribune.
pub const TRIBUNE: &str = "tribune";

pub struct FakeBoard {
    rows: Mutex<Vec<Row>>,
    seq: watch::Sender<u64>,
    events: Mutex<Vec<BoardEvent>>,
}

struct Row {
    message: BoardMessage,
    nonce: String,
}

impl Default for FakeBoard {
    fn default() -> Self {
        Self { rows: Mutex::default(), seq: watch::Sender::new(0), events: Mutex::default() }
    }
}

pub fn platform() -> Platform {
    "console".parse().unwrap()
}

fn refused(why: &str) -> ChatError {
    ChatError::Rejected { platform: platform(), why: why.to_owned() }
}

impl FakeBoard {
    fn happened(&self, at: &BoardMessage) {
        let mut events = self.events.lock().unwrap();
        let seq = events.len() as u64 + 1;
        let message = reference(at);
        events.push(BoardEvent { seq, message, thread: at.thread.clone() });
        drop(events);
        self.seq.send_replace(seq);
    }

    fn change<T>(
        &self,
        at: &MessageRef,
        edit: impl FnOnce(&mut BoardMessage) -> Result<T, ChatError>,
    ) -> Result<T, ChatError> {
        let mut rows = self.rows.lock().unwrap();
        let row = rows
            .iter_mut()
            .find(|row| reference(&row.message) == *at)
            .ok_or_else(|| refused("there is no such message"))?;
        let done = edit(&mut row.message)?;
        let changed = row.message.clone();
        drop(rows);
        self.happened(&changed);
        Ok(done)
    }

    fn counted(&self, message: &BoardMessage, rows: &[Row]) -> BoardMessage {
        let replies = rows
            .iter()
            .filter(|row| row.message.thread.as_ref() == Some(&message.id) && !row.message.deleted)
            .count();
        BoardMessage { replies: replies as u32, ..message.clone() }
    }
}

fn reference(message: &BoardMessage) -> MessageRef {
    MessageRef { platform: platform(), channel: message.channel.clone(), id: message.id.clone() }
}

#[async_trait]
impl Board for FakeBoard {
    async fn write(
        &self,
        account: &AccountId,
        channel: &ChatChannelId,
        thread: Option<&MessageId>,
        text: &str,
        nonce: &str,
    ) -> Result<MessageRef, ChatError> {
        let mut rows = self.rows.lock().unwrap();
        if let Some(row) =
            rows.iter().find(|row| row.nonce == nonce && row.message.author == *account)
        {
            return Ok(reference(&row.message));
        }
        let number = rows.len() as i64 + 1;
        let message = BoardMessage {
            id: number.to_string().parse().unwrap(),
            channel: channel.clone(),
            thread: thread.cloned(),
            author: account.clone(),
            text: text.to_owned(),
            sent: Timestamp::from_second(1_790_000_000 + number * 47).unwrap(),
            edited: false,
            deleted: false,
            reactions: Vec::new(),
            replies: 0,
        };
        rows.push(Row { message: message.clone(), nonce: nonce.to_owned() });
        drop(rows);
        self.happened(&message);
        Ok(reference(&message))
    }

    async fn rewrite(
        &self,
        account: &AccountId,
        at: &MessageRef,
        text: &str,
    ) -> Result<(), ChatError> {
        self.change(at, |message| {
            if message.author != *account {
                return Err(refused("this message is somebody else's"));
            }
            message.text = text.to_owned();
            message.edited = true;
            Ok(())
        })
    }

    async fn delete(&self, account: &AccountId, at: &MessageRef) -> Result<(), ChatError> {
        self.change(at, |message| {
            if message.author != *account {
                return Err(refused("this message is somebody else's"));
            }
            message.text.clear();
            message.deleted = true;
            Ok(())
        })
    }

    async fn add(&self, account: &AccountId, at: &MessageRef, sign: Sign) -> Result<(), ChatError> {
        self.change(at, |message| {
            let given = (sign, account.clone());
            if !message.reactions.contains(&given) {
                message.reactions.push(given);
            }
            Ok(())
        })
    }

    async fn remove(
        &self,
        account: &AccountId,
        at: &MessageRef,
        sign: Sign,
    ) -> Result<(), ChatError> {
        self.change(at, |message| {
            message.reactions.retain(|given| *given != (sign, account.clone()));
            Ok(())
        })
    }

    async fn messages(
        &self,
        channel: &ChatChannelId,
        before: Option<&MessageId>,
        limit: u32,
    ) -> Result<Vec<BoardMessage>, ChatError> {
        let rows = self.rows.lock().unwrap();
        let before = before.and_then(|id| rows.iter().position(|row| row.message.id == *id));
        let mut found: Vec<BoardMessage> = rows[..before.unwrap_or(rows.len())]
            .iter()
            .filter(|row| row.message.channel == *channel && row.message.thread.is_none())
            .rev()
            .take(limit as usize)
            .map(|row| self.counted(&row.message, &rows))
            .collect();
        found.reverse();
        Ok(found)
    }

    async fn thread(&self, at: &MessageRef) -> Result<Vec<BoardMessage>, ChatError> {
        let rows = self.rows.lock().unwrap();
        Ok(rows
            .iter()
            .filter(|row| {
                let message = &row.message;
                message.channel == at.channel
                    && (message.id == at.id || message.thread.as_ref() == Some(&at.id))
            })
            .map(|row| self.counted(&row.message, &rows))
            .collect())
    }

    async fn message(&self, at: &MessageRef) -> Result<Option<BoardMessage>, ChatError> {
        let rows = self.rows.lock().unwrap();
        let found = rows.iter().find(|row| reference(&row.message) == *at);
        Ok(found.map(|row| self.counted(&row.message, &rows)))
    }

    fn direct_channel(&self, account: &AccountId) -> ChatChannelId {
        format!("direct:{account}").parse().unwrap()
    }

    async fn changes(&self, after: Option<u64>) -> Result<(Vec<BoardEvent>, u64), ChatError> {
        let mut seq = self.seq.subscribe();
        let Some(after) = after else { return Ok((Vec::new(), *seq.borrow())) };
        let now =
            *seq.wait_for(|seq| *seq > after).await.map_err(|_| refused("the board is gone"))?;
        let events = self.events.lock().unwrap();
        Ok((events.iter().filter(|event| event.seq > after).cloned().collect(), now))
    }
}
