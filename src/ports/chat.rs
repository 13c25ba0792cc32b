//! A chat platform.
//!
//! Events are hints: the engine acts on what it reads back. An adapter translates and nothing
//! else; it never decides whether somebody may do something.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::SignedDuration;

use super::Retry;
use super::buttons::Buttons;
use crate::domain::body::Body;
use crate::domain::channel::Absence;
use crate::domain::id::{ChatChannelId, Platform};
use crate::domain::message::{Message, MessageRef, PostKey, Posted, Reaction, Sign};
use crate::domain::person::Account;

/// Why a chat platform did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// It cannot be reached, or asks to wait.
    #[error("{platform} cannot be reached: {why}")]
    Unreachable {
        /// Which platform.
        platform: Platform,
        /// In words, without addresses or tokens.
        why: String,
    },
    /// It is there and asks to wait.
    #[error("{platform} asks to wait for {} s", .after.as_secs().max(1))]
    Busy {
        /// Which platform.
        platform: Platform,
        /// For how long from now.
        after: SignedDuration,
    },
    /// It refuses.
    #[error("{platform} refuses: {why}")]
    Rejected {
        /// Which platform.
        platform: Platform,
        /// In words.
        why: String,
    },
}

impl ChatError {
    /// Says whether to try again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } => Retry::Transient,
            Self::Rejected { .. } => Retry::Rejected,
        }
    }
}

/// Something may have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatEvent {
    /// There may be new messages in a channel or in direct messages: list them with `since`.
    Messages,
    /// Reactions on, replies to, or the text of this message may have changed.
    Touched(MessageRef),
    /// The connection was lost and is back: anything may have happened.
    Gap,
    /// What was written in this channel since it was last listed cannot all be listed any more:
    /// people there are told.
    Unlisted(ChatChannelId),
}

/// Where to post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// In a channel.
    Channel(ChatChannelId),
    /// In the thread that begins with this message.
    Thread(MessageRef),
    /// To one account, privately.
    Direct(Account),
}

/// A place in the stream of all messages that Tribune can read on a platform; opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// A text that is too long for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Its name, with an ending.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A chat platform.
#[async_trait]
pub trait Chat: Send + Sync {
    /// Returns the platform's name.
    fn platform(&self) -> &Platform;

    /// Waits for the next hint. Never returns the same hint for ever: it is safe to loop on.
    async fn next(&self) -> Result<ChatEvent, ChatError>;

    /// Returns messages of people after `cursor`, oldest first, and the cursor after them; none
    /// left is an empty list. Without a cursor: no messages, and the cursor of this moment.
    ///
    /// Covers every channel Tribune is in and direct messages to it. Tribune's own are left out.
    async fn since(&self, cursor: Option<&Cursor>) -> Result<(Vec<Message>, Cursor), ChatError>;

    /// Posts. Called again with the same `key` it does not post twice but returns the first.
    async fn post(&self, to: &Destination, body: &Body, key: &PostKey)
    -> Result<Posted, ChatError>;

    /// Replaces the text of one of Tribune's own posts.
    async fn edit(&self, at: &MessageRef, body: &Body) -> Result<Posted, ChatError>;

    /// Puts Tribune's own reaction on a message. Doing it twice is fine.
    async fn react(&self, at: &MessageRef, sign: Sign) -> Result<(), ChatError>;

    /// Returns a message as it is now; `None` if it was deleted or never was.
    async fn read(&self, at: &MessageRef) -> Result<Option<Message>, ChatError>;

    /// Returns the reactions on a message as they are now, withdrawn ones left out. Of one that is
    /// not there it refuses: none at all is what the server says of one that is.
    async fn reactions(&self, at: &MessageRef) -> Result<Vec<Reaction>, ChatError>;

    /// Returns the replies in the thread of a message as they are now, oldest first, deleted
    /// ones left out. Of one that is not there it refuses.
    async fn replies(&self, at: &MessageRef) -> Result<Vec<Message>, ChatError>;

    /// Puts a text file into the thread of a message. Called again with the same `key` it does
    /// not post twice. A platform that takes no files refuses.
    async fn attach(
        &self,
        to: &MessageRef,
        file: &TextFile,
        key: &PostKey,
    ) -> Result<(), ChatError>;

    /// Returns what people click to get to a message.
    fn permalink(&self, at: &MessageRef) -> String;

    /// Returns how an account is named to people; nobody is notified by it.
    fn name(&self, account: &Account) -> String;

    /// Returns the words by which people speak to Tribune at the beginning of a line, in any case
    /// of letters (`@tribune`).
    fn own_names(&self) -> Vec<String>;

    /// Returns the channels of the policy repo that are not heard, and why, as they were when it
    /// was last looked: nothing is asked.
    fn absent(&self) -> BTreeMap<ChatChannelId, Absence> {
        BTreeMap::new()
    }

    /// Returns the platform's buttons, if it shows any.
    fn buttons(&self) -> Option<&dyn Buttons> {
        None
    }
}
