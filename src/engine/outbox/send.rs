//! Sending one post: where it goes, what it says there, and what was sent.

use std::sync::Arc;

use crate::domain::body::{Block, Body, Span};
use crate::domain::id::{PersonId, Platform, RunId};
use crate::domain::message::{MessageRef, Place, PostKey, Posted};
use crate::domain::person::Account;
use crate::domain::reply::{card, run as reply};
use crate::domain::request::State;
use crate::engine::{Engine, EngineError};
use crate::ports::Retry;
use crate::ports::chat::{Chat, ChatError, Destination, TextFile};
use crate::ports::store::{OutboxPost, StoreError};

/// The generation of a body that is the post's first.
const FIRST: u64 = 1;

impl Engine {
    /// Makes the chat agree with a post, and writes down that it does. Where it stands is written
    /// before the seeds are put: people may react as soon as they see it.
    pub(super) async fn send(
        self: &Arc<Self>,
        chat: &dyn Chat,
        post: &OutboxPost,
    ) -> Result<(), EngineError> {
        let (key, store) = (&post.post.key, &self.ports.store);
        if let Some(run) = reply::parse_file_key(key) {
            return self.send_file(chat, post, run).await;
        }
        if post.posted.is_none() && self.calls_for_nothing(key).await? {
            return Ok(store.post_given_up(key, post.generation).await?);
        }
        let posted = self.bring_about(chat, post).await?;
        if post.posted.is_none() || post.sent_generation < post.generation {
            store.post_sent(key, post.generation, &post.post.body, &posted).await?;
        }
        if post.posted.is_none() {
            self.read_said_before(key.clone());
        }
        if !post.seeded && !post.post.seeds.is_empty() {
            for seed in &post.post.seeds {
                match chat.react(&posted.at, *seed).await {
                    Ok(()) => {}
                    // People can react without them.
                    Err(error @ ChatError::Rejected { .. }) => {
                        tracing::warn!(post = %key, %error, "a seed cannot be put");
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            store.post_seeded(key).await?;
        }
        if !post.offered {
            self.put_buttons(chat, post, &posted.at).await?;
        }
        Ok(())
    }

    /// Says whether a post calls people to a request that waits for them no longer.
    async fn calls_for_nothing(&self, key: &PostKey) -> Result<bool, EngineError> {
        let Some((request, card)) = card::parse_call_key(key) else { return Ok(false) };
        let request = self.ports.store.request(request).await?;
        Ok(request.is_none_or(|it| it.state != State::NeedsApproval || it.card != card))
    }

    /// Reads what people said on a post before it was written down where it stands: nobody knew
    /// then whom the hint concerned.
    fn read_said_before(self: &Arc<Self>, key: PostKey) {
        let engine = Arc::clone(self);
        self.spawn("first look", async move {
            if let Err(error) = engine.read_said_on(&key).await {
                tracing::warn!(post = %key, %error, "failed to read what is said on a post");
            }
        });
    }

    /// Puts the output of a run into a thread as a file, as it is kept: cleaned and redacted.
    async fn send_file(
        &self,
        chat: &dyn Chat,
        post: &OutboxPost,
        run: RunId,
    ) -> Result<(), EngineError> {
        let (key, store) = (&post.post.key, &self.ports.store);
        let record = store.run(run).await?.filter(|record| !record.forgotten);
        let to = self.destination(&post.post.place).await?;
        if let (Some(record), Destination::Thread(root)) = (record, to) {
            let file = TextFile { name: reply::file_name(run), text: reply::file_text(&record) };
            match chat.attach(&root, &file, key).await {
                Ok(()) => {}
                // It takes none; the post of the output says where the rest is.
                Err(error @ ChatError::Rejected { .. }) => {
                    tracing::debug!(post = %key, %error, "no file is put");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(store.post_given_up(key, post.generation).await?)
    }

    async fn bring_about(&self, chat: &dyn Chat, post: &OutboxPost) -> Result<Posted, EngineError> {
        let body = match &post.posted {
            Some(posted) if post.sent.as_ref() == Some(&post.post.body) => {
                return Ok(posted.clone());
            }
            Some(_) | None => self.fill_in(&post.post.body, chat.platform()).await?,
        };
        let posted = match &post.posted {
            Some(posted) => posted.clone(),
            None => {
                let to = self.destination(&post.post.place).await?;
                let posted = chat.post(&to, &body, &post.post.key).await?;
                // A body that never changed is the one that stands there. Another may have been
                // sent before, by a call whose answer was lost or by a daemon that died.
                if post.generation == FIRST {
                    return Ok(posted);
                }
                posted
            }
        };
        match chat.edit(&posted.at, &body).await {
            Ok(posted) => Ok(posted),
            // Deleted by somebody: editing again will not help, and the request that it
            // belongs to notices by itself.
            Err(error) if error.retry() == Retry::Rejected => Ok(posted),
            Err(error) => Err(error.into()),
        }
    }

    /// Says whether a post belongs to a thread whose first message is not there any more.
    pub(super) async fn has_lost_its_thread(
        &self,
        chat: &dyn Chat,
        post: &OutboxPost,
    ) -> Result<bool, EngineError> {
        let Destination::Thread(root) = self.destination(&post.post.place).await? else {
            return Ok(false);
        };
        // Whether it is there is not known while it cannot be read.
        Ok(matches!(chat.read(&root).await, Ok(None)))
    }

    async fn destination(&self, place: &Place) -> Result<Destination, EngineError> {
        Ok(match place {
            Place::Channel(_, id) => Destination::Channel(id.clone()),
            Place::Direct(account) => Destination::Direct(account.clone()),
            Place::Reply(at) => Destination::Thread(at.clone()),
            Place::ThreadOf(key) => match self.where_posted(key).await? {
                Some(at) => Destination::Thread(at),
                // The store gives out none that waits for its root.
                None => return Err(StoreError::Broken(format!("post {key} is not there")).into()),
            },
        })
    }

    /// Returns where a post of Tribune's stands, once it does.
    pub(in crate::engine) async fn where_posted(
        &self,
        key: &PostKey,
    ) -> Result<Option<MessageRef>, EngineError> {
        let post = self.ports.store.post(key).await?;
        Ok(post.and_then(|post| post.posted).map(|posted| posted.at))
    }

    /// Replaces mentions and references to posts by what the platform understands.
    pub(in crate::engine) async fn fill_in(
        &self,
        body: &Body,
        platform: &Platform,
    ) -> Result<Body, EngineError> {
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
