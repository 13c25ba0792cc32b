//! The port, on Matrix.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::render::percent;
use super::{Matrix, locked};
use crate::domain::body::Body;
use crate::domain::channel::Absence;
use crate::domain::id::{ChatChannelId, Platform};
use crate::domain::message::{Message, MessageRef, PostKey, Posted, Reaction, Sign};
use crate::domain::person::Account;
use crate::ports::chat::{Chat, ChatError, ChatEvent, Cursor, Destination, TextFile};

/// How long the server waits for something to happen.
const POLL: Duration = Duration::from_secs(30);
/// Answers from before a restart that are read over at most; what they hide is polled for.
const ANSWERS_AGAIN: usize = 20;

#[async_trait]
impl Chat for Matrix {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    async fn next(&self) -> Result<ChatEvent, ChatError> {
        loop {
            if let Some(hint) = locked(&self.stream).next_hint() {
                return Ok(hint);
            }
            self.pull(POLL).await?;
        }
    }

    async fn since(&self, cursor: Option<&Cursor>) -> Result<(Vec<Message>, Cursor), ChatError> {
        let Some(Cursor(place)) = cursor else {
            self.pull(Duration::ZERO).await?;
            let mut stream = locked(&self.stream);
            let place = stream.position().map(str::to_owned);
            let place = place.ok_or_else(|| self.unreachable("nothing was read yet"))?;
            stream.hand_out(&place);
            return Ok((Vec::new(), Cursor(place)));
        };
        let is_new = {
            let mut stream = locked(&self.stream);
            let (messages, to) = stream.after(place).unwrap_or_else(|| (Vec::new(), place.clone()));
            if !messages.is_empty() || stream.is_waited_for(place) {
                return Ok((messages, Cursor(to)));
            }
            let is_new = !stream.knows(place);
            if is_new {
                stream.begin_at(place);
            }
            stream.hand_out(place);
            is_new
        };
        self.pull(Duration::ZERO).await?;
        if is_new {
            self.pull_to_the_end().await?;
        }
        let found = locked(&self.stream).after(place);
        let (messages, place) = found.unwrap_or_else(|| (Vec::new(), place.clone()));
        Ok((messages, Cursor(place)))
    }

    async fn post(
        &self,
        to: &Destination,
        body: &Body,
        key: &PostKey,
    ) -> Result<Posted, ChatError> {
        self.send_post(to, body, key).await
    }

    async fn edit(&self, at: &MessageRef, body: &Body) -> Result<Posted, ChatError> {
        self.send_edit(at, body).await
    }

    async fn react(&self, at: &MessageRef, sign: Sign) -> Result<(), ChatError> {
        self.send_reaction(at, sign).await
    }

    async fn read(&self, at: &MessageRef) -> Result<Option<Message>, ChatError> {
        self.read_message(at).await
    }

    async fn reactions(&self, at: &MessageRef) -> Result<Vec<Reaction>, ChatError> {
        self.read_reactions(at).await
    }

    async fn replies(&self, at: &MessageRef) -> Result<Vec<Message>, ChatError> {
        self.read_replies(at).await
    }

    async fn attach(
        &self,
        to: &MessageRef,
        file: &TextFile,
        key: &PostKey,
    ) -> Result<(), ChatError> {
        self.send_file(to, file, key).await
    }

    fn permalink(&self, at: &MessageRef) -> String {
        let (room, event) = (percent(at.channel.as_str()), percent(at.id.as_str()));
        format!("https://matrix.to/#/{room}/{event}{}", self.via())
    }

    fn name(&self, account: &Account) -> String {
        account.id.to_string()
    }

    fn absent(&self) -> BTreeMap<ChatChannelId, Absence> {
        self.rooms.absent()
    }

    fn own_names(&self) -> Vec<String> {
        self.me.get().map(|me| me.names.clone()).unwrap_or_default()
    }
}

impl Matrix {
    /// Reads on until nothing more comes. A server may answer the same questions as it did minutes
    /// ago, before a restart, so that what is newer only comes after all of those.
    async fn pull_to_the_end(&self) -> Result<(), ChatError> {
        for _ in 0..ANSWERS_AGAIN {
            let before = locked(&self.stream).position().map(str::to_owned);
            self.pull(Duration::ZERO).await?;
            if locked(&self.stream).position() == before.as_deref() {
                break;
            }
        }
        Ok(())
    }

    /// Returns what people click to get to a room.
    pub(super) fn room_link(&self, room: &ChatChannelId) -> String {
        format!("https://matrix.to/#/{}{}", percent(room.as_str()), self.via())
    }

    /// Ids of rooms do not always say any more where a room is.
    fn via(&self) -> String {
        let me = self.me.get();
        me.map(|me| format!("?via={}", percent(&me.server))).unwrap_or_default()
    }
}
