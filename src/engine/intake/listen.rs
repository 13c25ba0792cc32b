//! Listening to a platform: hints as they come, and messages as they are listed.
//!
//! There are two tasks for each platform. One takes hints: what was touched is looked at there and
//! then. The other lists messages, so that a long backlog delays no approval; it lists them now and
//! then without a hint too.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use tokio::sync::Notify;

use super::Taken;
use super::missed::Missed;
use crate::domain::id::Platform;
use crate::domain::message::{MessageRef, PostKey};
use crate::domain::reply::{card, drift};
use crate::engine::{Engine, EngineError, patrol};
use crate::ports::chat::{Chat, ChatEvent};
use crate::ports::store::{Change, Handled};

/// How long to wait before listening again to a chat that failed.
const LISTEN_AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// What the one task tells the other.
#[derive(Debug, Default)]
struct Bell {
    /// Anything may have happened, not only messages.
    gap: AtomicBool,
    rings: Notify,
}

impl Bell {
    fn ring(&self) {
        self.rings.notify_one();
    }

    fn ring_for_gap(&self) {
        self.gap.store(true, Ordering::SeqCst);
        self.ring();
    }
}

impl Engine {
    /// Takes a platform's hints until the engine stops.
    pub(in crate::engine) async fn listen(self: Arc<Self>, platform: Platform) {
        let Some(chat) = self.ports.chats.get(&platform).cloned() else { return };
        let bell = Arc::new(Bell::default());
        bell.ring_for_gap();
        self.spawn("messages", Arc::clone(&self).keep_taking(Arc::clone(&chat), Arc::clone(&bell)));
        loop {
            let heard = match chat.next().await {
                Ok(ChatEvent::Messages) => {
                    bell.ring();
                    Ok(())
                }
                Ok(ChatEvent::Touched(at)) => self.touched(&at).await,
                Ok(ChatEvent::Gap) => {
                    bell.ring_for_gap();
                    Ok(())
                }
                Ok(ChatEvent::Unlisted(channel)) => self.tell_unlisted(&platform, &channel).await,
                Err(error) => Err(EngineError::Chat(error)),
            };
            if let Err(error) = heard {
                self.cannot_hear(&platform, &error);
                self.ports.clock.sleep_until(self.now() + LISTEN_AGAIN).await;
                bell.ring_for_gap();
            }
        }
    }

    /// Takes in messages whenever there may be some.
    async fn keep_taking(self: Arc<Self>, chat: Arc<dyn Chat>, bell: Arc<Bell>) {
        loop {
            tokio::select! {
                () = bell.rings.notified() => {}
                () = self.ports.clock.sleep_until(self.now() + patrol::EVERY) => {}
            }
            let gap = bell.gap.swap(false, Ordering::SeqCst);
            let taken = match self.take_in(chat.as_ref()).await {
                Ok(()) if gap => self.consider_everything(chat.platform()).await,
                taken => taken,
            };
            let Err(error) = taken else {
                if self.hearing.well(chat.platform(), self.now()) {
                    tracing::info!(platform = %chat.platform(), "messages are taken in again");
                }
                continue;
            };
            self.cannot_hear(chat.platform(), &error);
            self.ports.clock.sleep_until(self.now() + LISTEN_AGAIN).await;
            bell.ring_for_gap();
        }
    }

    fn cannot_hear(&self, platform: &Platform, error: &EngineError) {
        self.hearing.failed(platform, self.now(), &error.to_string());
        tracing::warn!(%platform, %error, "failed to take in messages; trying again");
    }

    /// Takes in every message since the last.
    async fn take_in(self: &Arc<Self>, chat: &dyn Chat) -> Result<(), EngineError> {
        let platform = chat.platform();
        let mut missed = Missed::default();
        loop {
            let before = self.ports.store.cursor(platform).await?;
            let (messages, cursor) = chat.since(before.as_ref()).await?;
            let count = messages.len();
            let mut refused = BTreeSet::new();
            let mut seen = Vec::new();
            for (number, message) in messages.into_iter().enumerate() {
                // The last one takes the cursor along: one transaction, so one sync less.
                let alone = number + 1 == count && seen.is_empty() && !missed.is_news();
                let cursor = alone.then(|| (platform.clone(), cursor.clone()));
                match self.handle(chat, &message, cursor).await? {
                    Taken::Done => {}
                    Taken::TooOld => self.note_missed(&message, &mut missed),
                    // Never acted on later either, and written down together: that is cheap.
                    Taken::Refused => {
                        if refused.insert(message.at.clone()) {
                            seen.push(Handled { at: message.at, sent: message.sent });
                        }
                    }
                }
            }
            // What is no command, or was handled before, writes nothing.
            let moved = self.ports.store.cursor(platform).await?.as_ref() != Some(&cursor);
            if moved || !seen.is_empty() || missed.is_news() {
                let (cursor, posts) = (Some((platform.clone(), cursor)), missed.posts());
                self.ports
                    .store
                    .commit(Change { seen, posts, cursor, ..Change::default() })
                    .await?;
                self.wake_outbox();
            }
            if count == 0 {
                return Ok(());
            }
        }
    }

    /// What people did unseen may count for requests, and for what the delta guard holds.
    async fn consider_everything(self: &Arc<Self>, platform: &Platform) -> Result<(), EngineError> {
        if let Err(error) = self.count_any_agreement().await {
            // Whoever agrees next makes it be counted again.
            tracing::warn!(%error, "failed to count who agrees to what is held");
        }
        self.read_all_answers().await?;
        self.consider_all_on(platform).await
    }

    /// Something about a message may have changed: if it is a post of Tribune's, what people say
    /// on it is read.
    async fn touched(self: &Arc<Self>, at: &MessageRef) -> Result<(), EngineError> {
        match self.ports.store.post_at(at).await? {
            Some(post) => self.read_said_on(&post.post.key).await,
            // Perhaps it is not written down yet where that post stands; whoever does reads it.
            None => Ok(()),
        }
    }

    /// Reads what people say on a post of Tribune's: if it is a card, its request is looked at.
    pub(in crate::engine) async fn read_said_on(
        self: &Arc<Self>,
        key: &PostKey,
    ) -> Result<(), EngineError> {
        if let Some((request, _)) = card::parse_key(key) {
            self.consider(request);
        } else if let Some(incident) = drift::parse_key(key) {
            self.drift_touched(incident).await?;
        } else if key.0.starts_with("trouble:") {
            self.count_agreement(key).await?;
        }
        Ok(())
    }
}
