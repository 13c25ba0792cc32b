//! The built-in console as a chat platform, without HTTP.
//!
//! Two sides on one set of tables (`ports::console`): `Chat` is Tribune's, `Board` is
//! people's, which the web page uses. Accounts are plain names; `tribune` is Tribune itself and
//! nobody else may write as it. The direct channel of an account is `dm:<account>`.
//!
//! Whoever waits is woken within the process: everything that writes to the console goes through
//! one value of [`Console`]. What was missed is found again by number.

mod board;
mod render;
mod tribune;

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};

pub use self::render::render;
use crate::domain::id::{AccountId, ChatChannelId, MessageId, Platform};
use crate::domain::message::MessageRef;
use crate::ports::Retry;
use crate::ports::chat::{ChatError, ChatEvent};
use crate::ports::clock::Clock;
use crate::ports::console::{ConsoleStore, KeptMessage, MessageChange};
use crate::ports::store::StoreError;

/// The console's name among platforms.
pub const PLATFORM: &str = "console";

/// The account that Tribune writes as.
pub const TRIBUNE: &str = "tribune";

/// Direct channels are named so, followed by the account.
pub const DIRECT: &str = "dm:";

/// How many changes or messages are read at once.
const BATCH: u32 = 200;

/// The console.
pub struct Console {
    store: Arc<dyn ConsoleStore>,
    clock: Arc<dyn Clock>,
    platform: Platform,
    tribune: AccountId,
    /// Rings after each change; the value is how many there were since the start.
    bell: watch::Sender<u64>,
    hints: Mutex<Hints>,
}

/// Hints that are still to be given, and the last change that was turned into hints.
struct Hints {
    after: u64,
    waiting: VecDeque<ChatEvent>,
}

impl Console {
    /// Opens the console. What changes from now on is hinted at.
    pub async fn open(
        store: Arc<dyn ConsoleStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ChatError> {
        let platform: Platform = PLATFORM.parse().expect("a literal that keeps the rule");
        let after = store.last_change().await.map_err(|error| chat_error(&platform, error))?;
        Ok(Self {
            store,
            clock,
            platform,
            tribune: TRIBUNE.parse().expect("a literal that keeps the rule"),
            bell: watch::Sender::new(0),
            hints: Mutex::new(Hints { after, waiting: VecDeque::new() }),
        })
    }

    fn error(&self, error: StoreError) -> ChatError {
        chat_error(&self.platform, error)
    }

    fn rejected(&self, why: impl Into<String>) -> ChatError {
        ChatError::Rejected { platform: self.platform.clone(), why: why.into() }
    }

    /// Wakes everybody who waits for a change.
    fn ring(&self) {
        self.bell.send_modify(|count| *count += 1);
    }

    fn at(&self, channel: &ChatChannelId, id: &MessageId) -> MessageRef {
        MessageRef { platform: self.platform.clone(), channel: channel.clone(), id: id.clone() }
    }

    /// Returns a message that is there, not deleted, and in the channel it is said to be in.
    async fn find(&self, at: &MessageRef) -> Result<Option<KeptMessage>, ChatError> {
        let found = self.find_or_trace(at).await?;
        Ok(found.filter(|kept| !kept.board.deleted))
    }

    /// As [`Self::find`], deleted ones too.
    async fn find_or_trace(&self, at: &MessageRef) -> Result<Option<KeptMessage>, ChatError> {
        if at.platform != self.platform {
            return Ok(None);
        }
        let found = self.store.get(&at.id).await.map_err(|error| self.error(error))?;
        Ok(found.filter(|kept| kept.board.channel == at.channel))
    }

    async fn existing(&self, at: &MessageRef) -> Result<KeptMessage, ChatError> {
        self.find(at).await?.ok_or_else(|| self.rejected("there is no such message"))
    }

    async fn own(&self, at: &MessageRef, account: &AccountId) -> Result<(), ChatError> {
        match self.existing(at).await?.board.author == *account {
            true => Ok(()),
            false => Err(self.rejected("only its author may change a message")),
        }
    }

    /// Returns the first message of the thread that `id` belongs to.
    async fn root_of(
        &self,
        channel: &ChatChannelId,
        id: &MessageId,
    ) -> Result<MessageId, ChatError> {
        let kept = self.existing(&self.at(channel, id)).await?;
        Ok(kept.board.thread.unwrap_or(kept.board.id))
    }

    /// Returns changes after a number, waiting until there is one.
    async fn wait_for_changes(&self, after: u64) -> Result<Vec<MessageChange>, ChatError> {
        let mut bell = self.bell.subscribe();
        loop {
            bell.borrow_and_update();
            let changes =
                self.store.changes(after, BATCH).await.map_err(|error| self.error(error))?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            if bell.changed().await.is_err() {
                return Err(self.rejected("the console is closed"));
            }
        }
    }
}

fn chat_error(platform: &Platform, error: StoreError) -> ChatError {
    let (platform, why) = (platform.clone(), error.to_string());
    match error.retry() {
        Retry::Transient | Retry::Broken => ChatError::Unreachable { platform, why },
        Retry::Rejected => ChatError::Rejected { platform, why },
    }
}
