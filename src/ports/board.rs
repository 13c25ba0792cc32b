//! The built-in console as the web page uses it: people's side of a chat platform.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::id::{AccountId, ChatChannelId, MessageId};
use crate::domain::message::{MessageRef, Sign};
use crate::ports::chat::ChatError;

/// A message with all that a page shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardMessage {
    /// Which.
    pub id: MessageId,
    /// In which channel.
    pub channel: ChatChannelId,
    /// The first message of its thread, if it is a reply.
    pub thread: Option<MessageId>,
    /// Who wrote it; `tribune` is Tribune.
    pub author: AccountId,
    /// Markdown.
    pub text: String,
    /// When.
    pub sent: Timestamp,
    /// Whether it was changed since.
    pub edited: bool,
    /// Whether it was deleted; the text is then empty.
    pub deleted: bool,
    /// Reactions in the order they came: sign and account.
    pub reactions: Vec<(Sign, AccountId)>,
    /// How many replies its thread has.
    pub replies: u32,
}

/// Something changed on the board; `seq` grows, so that a page can catch up after a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardEvent {
    /// Its place among all changes.
    pub seq: u64,
    /// The message that is new or changed.
    pub message: MessageRef,
    /// The thread it belongs to, if it is a reply.
    pub thread: Option<MessageId>,
}

/// People's side of the console. The caller has checked who `account` is and what they may see.
#[async_trait]
pub trait Board: Send + Sync {
    /// Writes a message. `nonce` makes a repeated call return the first message.
    async fn write(
        &self,
        account: &AccountId,
        channel: &ChatChannelId,
        thread: Option<&MessageId>,
        text: &str,
        nonce: &str,
    ) -> Result<MessageRef, ChatError>;

    /// Changes one of the account's own messages.
    async fn rewrite(
        &self,
        account: &AccountId,
        at: &MessageRef,
        text: &str,
    ) -> Result<(), ChatError>;

    /// Deletes one of the account's own messages.
    async fn delete(&self, account: &AccountId, at: &MessageRef) -> Result<(), ChatError>;

    /// Adds a reaction; twice is fine.
    async fn add(&self, account: &AccountId, at: &MessageRef, sign: Sign) -> Result<(), ChatError>;

    /// Takes a reaction back; twice is fine.
    async fn remove(
        &self,
        account: &AccountId,
        at: &MessageRef,
        sign: Sign,
    ) -> Result<(), ChatError>;

    /// Returns the newest `limit` top-level messages of a channel before `before`, oldest first.
    async fn messages(
        &self,
        channel: &ChatChannelId,
        before: Option<&MessageId>,
        limit: u32,
    ) -> Result<Vec<BoardMessage>, ChatError>;

    /// Returns a message and its replies, oldest first.
    async fn thread(&self, at: &MessageRef) -> Result<Vec<BoardMessage>, ChatError>;

    /// Returns one message.
    async fn message(&self, at: &MessageRef) -> Result<Option<BoardMessage>, ChatError>;

    /// Returns the channel in which `account` and Tribune talk privately.
    fn direct_channel(&self, account: &AccountId) -> ChatChannelId;

    /// Returns changes after `seq`, waiting until there is at least one; `None` starts now and
    /// returns at once with no changes and the present `seq`.
    async fn changes(&self, after: Option<u64>) -> Result<(Vec<BoardEvent>, u64), ChatError>;
}
