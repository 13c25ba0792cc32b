//! Keeping posts: the chat is made to agree with what the store says should stand there.
//!
//! A post is named by its key, so that a crash between sending and recording posts nothing
//! twice, and edits coalesce: only the newest body is sent. A failure here never changes what
//! happened; it is tried again.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{Engine, EngineError};
use crate::domain::body::{Block, Body, Span};
use crate::domain::id::{PersonId, Platform};
use crate::domain::message::{MessageRef, Place, PostKey};
use crate::domain::person::Account;
use crate::ports::Retry;
use crate::ports::chat::{Chat, ChatError, Destination};
use crate::ports::store::OutboxPost;

/// Posts that one round sends.
const ROUND: u32 = 64;

impl Engine {
    /// Says that posts may have changed.
    pub(super) fn wake_outbox(&self) {
        self.outbox_wake.notify_one();
    }

    /// Sends posts until the engine stops.
    pub(super) async fn keep_posts(self: Arc<Self>) {
        loop {
            match self.send_due().await {
                Ok(0) => {
                    let again = self.now() + SignedDuration::from_secs(5);
                    tokio::select! {
                        () = self.outbox_wake.notified() => {}
                        () = self.ports.clock.sleep_until(again) => {}
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    let again = self.now() + SignedDuration::from_secs(5);
                    self.ports.clock.sleep_until(again).await;
                }
            }
        }
    }

    /// Sends what is due, once; returns how many posts that were.
    pub async fn send_due(&self) -> Result<usize, EngineError> {
        let due = self.ports.store.posts_due(self.now(), ROUND).await?;
        let mut sent = 0;
        for post in &due {
            if let Err(error) = self.send(post).await {
                let wait = match &error {
                    EngineError::Chat(ChatError::Busy { after, .. }) => *after,
                    _ => backoff(post.failures),
                };
                tracing::warn!(post = %post.post.key, %error, "failed to send a post");
                self.ports.store.post_failed(&post.post.key, self.now() + wait).await?;
            }
            sent += 1;
        }
        Ok(sent)
    }

    async fn send(&self, post: &OutboxPost) -> Result<(), EngineError> {
        let key = &post.post.key;
        let Some((chat, destination)) = self.destination(&post.post.place).await? else {
            // Nowhere to send it to, for now: the platform is not connected.
            let again = self.now() + SignedDuration::from_mins(1);
            return Ok(self.ports.store.post_failed(key, again).await?);
        };
        let body = self.fill_in(&post.post.body, chat.platform()).await?;
        let posted = match &post.posted {
            Some(posted) if post.sent.as_ref() == Some(&post.post.body) => posted.clone(),
            Some(posted) => match chat.edit(&posted.at, &body).await {
                Ok(posted) => posted,
                // Deleted by somebody: editing again will not help, and the request that it
                // belongs to notices by itself.
                Err(error) if error.retry() == Retry::Rejected => posted.clone(),
                Err(error) => return Err(error.into()),
            },
            None => chat.post(&destination, &body, key).await?,
        };
        if !post.seeded && !post.post.seeds.is_empty() {
            for seed in &post.post.seeds {
                chat.react(&posted.at, *seed).await?;
            }
            self.ports.store.post_seeded(key).await?;
        }
        self.ports.store.post_sent(key, post.generation, &post.post.body, &posted).await?;
        Ok(())
    }

    async fn destination(
        &self,
        place: &Place,
    ) -> Result<Option<(Arc<dyn Chat>, Destination)>, EngineError> {
        let chat = |platform: &Platform| self.ports.chats.get(platform).cloned();
        Ok(match place {
            Place::Channel(platform, id) => {
                chat(platform).map(|chat| (chat, Destination::Channel(id.clone())))
            }
            Place::Direct(account) => {
                chat(&account.platform).map(|chat| (chat, Destination::Direct(account.clone())))
            }
            Place::Reply(at) => {
                chat(&at.platform).map(|chat| (chat, Destination::Thread(at.clone())))
            }
            Place::ThreadOf(key) => self
                .where_posted(key)
                .await?
                .and_then(|at| chat(&at.platform).map(|chat| (chat, Destination::Thread(at)))),
        })
    }

    /// Returns where a post of Tribune's stands, once it does.
    pub(super) async fn where_posted(
        &self,
        key: &PostKey,
    ) -> Result<Option<MessageRef>, EngineError> {
        let post = self.ports.store.post(key).await?;
        Ok(post.and_then(|post| post.posted).map(|posted| posted.at))
    }

    /// Replaces mentions and references to posts by what the platform understands.
    async fn fill_in(&self, body: &Body, platform: &Platform) -> Result<Body, EngineError> {
        let mut filled = body.clone();
        for block in &mut filled.0 {
            match block {
                Block::Line(spans) => self.fill_in_line(spans, platform).await?,
                Block::List(rows) => {
                    for spans in rows {
                        self.fill_in_line(spans, platform).await?;
                    }
                }
                Block::Code { .. } | Block::Rule => {}
            }
        }
        Ok(filled)
    }

    async fn fill_in_line(
        &self,
        spans: &mut [Span],
        platform: &Platform,
    ) -> Result<(), EngineError> {
        for span in spans {
            match span {
                Span::Post { text, key } => {
                    let link = self
                        .where_posted(key)
                        .await?
                        .and_then(|at| Some(self.ports.chats.get(&at.platform)?.permalink(&at)));
                    *span = match link {
                        Some(url) => Span::Link { text: text.clone(), url },
                        None => Span::Text(text.clone()),
                    };
                }
                Span::Mention(person) => {
                    if let Some(account) = self.reached_by(person, platform) {
                        *span = Span::Account(account);
                    }
                }
                Span::Text(_)
                | Span::Strong(_)
                | Span::Code(_)
                | Span::Person(_)
                | Span::Account(_)
                | Span::Link { .. } => {}
            }
        }
        Ok(())
    }

    /// Returns the account that a person has on a platform.
    fn reached_by(&self, person: &PersonId, platform: &Platform) -> Option<Account> {
        let snapshot = self.applied()?;
        let id = snapshot.repo.people.get(person)?.chat.get(platform)?.first()?.clone();
        Some(Account { platform: platform.clone(), id })
    }
}

/// Returns how long to wait after so many failures in a row: 1 s, doubling, at most 5 minutes.
fn backoff(failures: u32) -> SignedDuration {
    SignedDuration::from_secs(1_i64 << failures.min(8)).min(SignedDuration::from_mins(5))
}
