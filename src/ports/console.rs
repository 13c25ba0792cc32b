//! What the built-in console keeps: the tables of a small chat server.
//!
//! The store implements it; `chat::console` makes a chat platform of it. Nothing here knows who
//! may do what: the console does.

use async_trait::async_trait;
use jiff::Timestamp;

use super::board::BoardMessage;
use super::store::StoreError;
use crate::domain::id::{AccountId, ChatChannelId, MessageId};
use crate::domain::message::{Edited, Sign};

/// A message to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// In which channel.
    pub channel: ChatChannelId,
    /// The first message of its thread, which is in the same channel and no reply itself.
    pub thread: Option<MessageId>,
    /// Who writes it.
    pub author: AccountId,
    /// Markdown.
    pub text: String,
    /// When.
    pub sent: Timestamp,
    /// Unique for the author: the second time nothing is kept.
    pub nonce: String,
}

/// A message as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// As people see it; reactions in the order they came, the text empty once it is deleted.
    pub board: BoardMessage,
    /// Who changed the text, if anybody did.
    pub edited: Edited,
    /// When each of the board's reactions was given, in the same order.
    pub reacted: Vec<Timestamp>,
}

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Posted,
    /// Its text was changed.
    Edited,
    /// It was deleted.
    Deleted,
    /// A reaction came or went.
    Reacted,
}

/// One change of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageChange {
    /// Its place among all changes, from 1.
    pub seq: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// Who did it.
    pub account: AccountId,
    /// To which message.
    pub message: MessageId,
    /// The channel it is in.
    pub channel: ChatChannelId,
    /// The thread it belongs to, if it is a reply.
    pub thread: Option<MessageId>,
}

/// Which messages to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// The newest top-level ones of a channel before another, at most so many.
    Channel {
        /// Which channel.
        channel: ChatChannelId,
        /// Only before this one.
        before: Option<MessageId>,
        /// At most so many.
        limit: u32,
    },
    /// One message and its replies.
    Thread(MessageId),
    /// Those of everybody but one account, after the message at a place, deleted ones left out,
    /// the oldest so many.
    After {
        /// After which place; see [`ConsoleStore::end`].
        place: u64,
        /// Whose to leave out.
        except: AccountId,
        /// At most so many.
        limit: u32,
    },
}

/// What the console keeps. Each call that writes is whole or nothing, and on disk when it returns.
#[async_trait]
pub trait ConsoleStore: Send + Sync {
    /// Keeps a message, or finds the one that its author wrote with the same nonce before.
    async fn keep(&self, message: &NewMessage) -> Result<MessageId, StoreError>;

    /// Changes a text. `edited` says who does: the account is the author or not.
    async fn rewrite(
        &self,
        id: &MessageId,
        by: &AccountId,
        edited: Edited,
        text: &str,
    ) -> Result<(), StoreError>;

    /// Deletes a message: its text and reactions are gone, its place stays.
    async fn delete(&self, id: &MessageId, by: &AccountId) -> Result<(), StoreError>;

    /// Adds a reaction; twice changes nothing.
    async fn add(
        &self,
        id: &MessageId,
        account: &AccountId,
        sign: Sign,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Takes a reaction back; twice changes nothing.
    async fn remove(
        &self,
        id: &MessageId,
        account: &AccountId,
        sign: Sign,
    ) -> Result<(), StoreError>;

    /// Returns a message, deleted ones too.
    async fn get(&self, id: &MessageId) -> Result<Option<KeptMessage>, StoreError>;

    /// Lists messages, oldest first.
    async fn list(&self, which: &Listing) -> Result<Vec<KeptMessage>, StoreError>;

    /// Returns the place of a message among all messages; 0 if it is not there.
    async fn place(&self, id: &MessageId) -> Result<u64, StoreError>;

    /// Returns the place of the last message; 0 if there is none.
    async fn end(&self) -> Result<u64, StoreError>;

    /// Returns changes after `seq`, oldest first, at most `limit`.
    async fn changes(&self, after: u64, limit: u32) -> Result<Vec<MessageChange>, StoreError>;

    /// Returns the number of the last change; 0 if there is none.
    async fn last_change(&self) -> Result<u64, StoreError>;
}
