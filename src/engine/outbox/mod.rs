//! Keeping posts: the chat is made to agree with what the store says should stand there.
//!
//! A post is named by its key, so that a crash between sending and recording posts nothing
//! twice, and edits coalesce: only the newest body is sent. A failure here never changes what
//! happened; it is tried again.
//!
//! Each platform has a loop of its own, so that one that is slow, busy or down delays no other.
//! Within one, what people wait for goes before what streams, and streams take turns.

mod buttons;
mod outlet;
mod send;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Engine, EngineError};
use crate::domain::id::Platform;
use crate::domain::message::Urgency;
use crate::ports::chat::{Chat, ChatError};
use crate::ports::store::OutboxPost;

use outlet::Outlet;
pub(super) use outlet::Outlets;

/// Posts that one round looks at.
const ROUND: u32 = 64;
/// How often to look without a reason.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// A post that is refused is tried again at least so often.
const SLOWEST_REFUSED: SignedDuration = SignedDuration::from_hours(1);
/// Tries after which a post that is refused is given up; about a day.
const MOST_REFUSALS: u32 = 36;

/// What a round came to.
enum Round {
    /// Something was done: look again at once.
    Again,
    /// Nothing can be done before that moment, unless posts change.
    Rest(Timestamp),
    /// Nothing can be done before that moment, whatever changes.
    Held(Timestamp),
}

/// Whether the round may go on after a post.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Held,
}

impl Engine {
    /// Says that posts may have changed.
    pub(super) fn wake_outbox(&self) {
        self.outlets.wake();
    }

    /// Sends the posts of a platform until the engine stops.
    pub(super) async fn keep_posts(self: Arc<Self>, platform: Platform) {
        let Some(chat) = self.ports.chats.get(&platform).cloned() else { return };
        let Some(outlet) = self.outlets.of(&platform) else { return };
        self.let_catch_up(&platform).await;
        loop {
            match self.send_due(chat.as_ref(), outlet).await {
                Ok(Round::Again) => {}
                Ok(Round::Rest(until)) => tokio::select! {
                    () = outlet.wake.notified() => {}
                    () = self.ports.clock.sleep_until(until) => {}
                },
                Ok(Round::Held(until)) => self.ports.clock.sleep_until(until).await,
                Err(error) => {
                    tracing::error!(%platform, %error, "the outbox cannot be read");
                    self.ports.clock.sleep_until(self.now() + LOOK_AGAIN).await;
                }
            }
        }
    }

    /// Sends what people wait for, or else the output whose turn it is.
    async fn send_due(
        self: &Arc<Self>,
        chat: &dyn Chat,
        outlet: &Outlet,
    ) -> Result<Round, EngineError> {
        let now = self.now();
        if let Some(held) = outlet.pace().held(now) {
            return Ok(Round::Held(held.until));
        }
        let due = self.ports.store.posts_due(chat.platform(), now, ROUND).await?;
        let awaited = |post: &&OutboxPost| Urgency::of(&post.post.key) == Urgency::Awaited;
        let awaited: Vec<&OutboxPost> = due.iter().filter(awaited).collect();
        for post in &awaited {
            if self.try_one(chat, outlet, post).await? == Going::Held {
                return Ok(Round::Again);
            }
        }
        if !awaited.is_empty() {
            return Ok(Round::Again);
        }
        let turn = outlet.pace().turn(due.iter().map(|post| &post.post.key));
        let Some(post) = due.get(turn) else {
            outlet.pace().rests();
            return Ok(Round::Rest(now + LOOK_AGAIN));
        };
        let next = outlet.pace().next_stream();
        if let Some(next) = next.filter(|next| *next > now) {
            return Ok(Round::Rest(next));
        }
        self.try_one(chat, outlet, post).await?;
        Ok(Round::Again)
    }

    async fn try_one(
        self: &Arc<Self>,
        chat: &dyn Chat,
        outlet: &Outlet,
        post: &OutboxPost,
    ) -> Result<Going, EngineError> {
        match self.send(chat, post).await {
            Ok(()) => {
                outlet.pace().sent(&post.post.key, self.now());
                Ok(Going::On)
            }
            Err(EngineError::Chat(error)) => self.put_off(chat, outlet, post, &error).await,
            Err(error) => Err(error),
        }
    }

    /// A post could not be sent: says when it is tried again, if ever.
    async fn put_off(
        &self,
        chat: &dyn Chat,
        outlet: &Outlet,
        post: &OutboxPost,
        error: &ChatError,
    ) -> Result<Going, EngineError> {
        let (key, now, why) = (&post.post.key, self.now(), error.to_string());
        match error {
            ChatError::Busy { after, .. } => {
                tracing::info!(post = %key, %error, "a platform asks to wait");
                outlet.pace().busy(*after, why, now);
                Ok(Going::Held)
            }
            ChatError::Unreachable { .. } => {
                tracing::warn!(post = %key, %error, "failed to send a post");
                let put_off = outlet.pace().unreachable(key, why, now);
                if let Some(until) = put_off {
                    self.ports.store.post_failed(key, until).await?;
                }
                Ok(Going::Held)
            }
            ChatError::Rejected { .. } => {
                outlet.pace().failed(now);
                if post.failures >= MOST_REFUSALS || self.has_lost_its_thread(chat, post).await? {
                    tracing::warn!(post = %key, %error, "a post is given up");
                    self.ports.store.post_given_up(key, post.generation).await?;
                } else {
                    tracing::warn!(post = %key, %error, "a post is refused; it is tried again");
                    let again = now + refused_for(post.failures);
                    self.ports.store.post_failed(key, again).await?;
                }
                Ok(Going::On)
            }
        }
    }
}

/// Returns how long to wait after so many refusals: 1 s, doubling, at most an hour.
fn refused_for(failures: u32) -> SignedDuration {
    SignedDuration::from_secs(1_i64 << failures.min(12)).min(SLOWEST_REFUSED)
}
