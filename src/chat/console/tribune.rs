//! Tribune's side of the console.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{BATCH, Console, DIRECT, render};
use crate::domain::body::Body;
use crate::domain::id::{AccountId, ChatChannelId, MessageId, Platform};
use crate::domain::message::{
    AuthorKind, Edited, Mentioned, Message, MessageRef, PostKey, Posted, Reaction, Sign,
};
use crate::domain::person::Account;
use crate::ports::board::Board;
use crate::ports::chat::{Chat, ChatError, ChatEvent, Cursor, Destination, TextFile};
use crate::ports::console::{ChangeKind, KeptMessage, Listing, MessageChange, NewMessage};

#[async_trait]
impl Chat for Console {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    async fn next(&self) -> Result<ChatEvent, ChatError> {
        let mut hints = self.hints.lock().await;
        loop {
            if let Some(hint) = hints.waiting.pop_front() {
                return Ok(hint);
            }
            let changes = self.wait_for_changes(hints.after).await?;
            if let Some(last) = changes.last() {
                hints.after = last.seq;
            }
            hints.waiting = self.hints_of(&changes);
        }
    }

    async fn since(&self, cursor: Option<&Cursor>) -> Result<(Vec<Message>, Cursor), ChatError> {
        let Some(cursor) = cursor else {
            let end = self.store.end().await.map_err(|error| self.error(error))?;
            return Ok((Vec::new(), Cursor(end.to_string())));
        };
        let place = cursor.0.parse().map_err(|_| self.rejected("the cursor is not its own"))?;
        let which = Listing::After { place, except: self.tribune.clone(), limit: BATCH };
        let kept = self.store.list(&which).await.map_err(|error| self.error(error))?;
        let place = match kept.last() {
            Some(last) => self.store.place(&last.board.id).await,
            None => Ok(place),
        };
        let cursor = Cursor(place.map_err(|error| self.error(error))?.to_string());
        Ok((kept.into_iter().map(|kept| self.message(kept)).collect(), cursor))
    }

    async fn post(
        &self,
        to: &Destination,
        body: &Body,
        key: &PostKey,
    ) -> Result<Posted, ChatError> {
        let (channel, thread) = match to {
            Destination::Channel(channel) => (channel.clone(), None),
            Destination::Thread(root) => {
                (root.channel.clone(), Some(self.root_of(&root.channel, &root.id).await?))
            }
            Destination::Direct(account) if account.platform == self.platform => {
                (self.direct_channel(&account.id), None)
            }
            Destination::Direct(_) => {
                return Err(self.rejected("the account is on another platform"));
            }
        };
        let message = NewMessage {
            channel,
            thread,
            author: self.tribune.clone(),
            text: render(body),
            sent: self.clock.now(),
            nonce: key.0.clone(),
        };
        let id = self.store.keep(&message).await.map_err(|error| self.error(error))?;
        self.ring();
        self.posted(&self.at(&message.channel, &id)).await
    }

    async fn edit(&self, at: &MessageRef, body: &Body) -> Result<Posted, ChatError> {
        self.own(at, &self.tribune).await?;
        self.store
            .rewrite(&at.id, &self.tribune, Edited::ByAuthor, &render(body))
            .await
            .map_err(|error| self.error(error))?;
        self.ring();
        self.posted(at).await
    }

    async fn react(&self, at: &MessageRef, sign: Sign) -> Result<(), ChatError> {
        self.add(&self.tribune, at, sign).await
    }

    async fn read(&self, at: &MessageRef) -> Result<Option<Message>, ChatError> {
        Ok(self.find(at).await?.map(|kept| self.message(kept)))
    }

    async fn reactions(&self, at: &MessageRef) -> Result<Vec<Reaction>, ChatError> {
        let kept = self.existing(at).await?;
        let given = kept.board.reactions.into_iter().zip(kept.reacted);
        Ok(given
            .map(|((sign, account), at)| Reaction {
                sign,
                kind: self.kind(&account),
                account: self.account(account),
                at: Some(at),
            })
            .collect())
    }

    async fn replies(&self, at: &MessageRef) -> Result<Vec<Message>, ChatError> {
        self.existing(at).await?;
        let which = Listing::Thread(at.id.clone());
        let kept = self.store.list(&which).await.map_err(|error| self.error(error))?;
        Ok(kept
            .into_iter()
            .filter(|kept| kept.board.thread.is_some() && !kept.board.deleted)
            .filter(|kept| kept.board.channel == at.channel)
            .map(|kept| self.message(kept))
            .collect())
    }

    fn permalink(&self, at: &MessageRef) -> String {
        format!("/m/{}/{}", at.channel, at.id)
    }

    async fn attach(&self, _: &MessageRef, _: &TextFile, _: &PostKey) -> Result<(), ChatError> {
        Err(self.rejected("the console takes no files"))
    }

    fn name(&self, account: &Account) -> String {
        format!("@{}", account.id)
    }

    fn own_names(&self) -> Vec<String> {
        vec![format!("@{}", self.tribune)]
    }
}

impl Console {
    fn account(&self, id: AccountId) -> Account {
        Account { platform: self.platform.clone(), id }
    }

    fn kind(&self, account: &AccountId) -> AuthorKind {
        match *account == self.tribune {
            true => AuthorKind::Tribune,
            false => AuthorKind::Human,
        }
    }

    fn message(&self, kept: KeptMessage) -> Message {
        let KeptMessage { board, edited, .. } = kept;
        Message {
            at: self.at(&board.channel, &board.id),
            thread: board.thread,
            kind: self.kind(&board.author),
            author: self.account(board.author),
            direct: board.channel.as_str().starts_with(DIRECT),
            mentions: self.mentions(&board.text),
            text: board.text,
            sent: board.sent,
            edited,
        }
    }

    /// An account is mentioned by its name, as a word of the text.
    fn mentions(&self, text: &str) -> Vec<Mentioned> {
        let words = text.split_whitespace().map(|word| word.trim_end_matches([',', ':']));
        words
            .filter_map(|typed| {
                let id = typed.strip_prefix('@')?.parse().ok()?;
                Some(Mentioned { typed: typed.to_owned(), account: self.account(id) })
            })
            .collect()
    }

    async fn posted(&self, at: &MessageRef) -> Result<Posted, ChatError> {
        let kept = self.find_or_trace(at).await?;
        let kept = kept.ok_or_else(|| self.rejected("the message went elsewhere before"))?;
        Ok(Posted { at: at.clone(), text: kept.board.text })
    }

    /// Turns changes by others than Tribune into hints, each once.
    fn hints_of(&self, changes: &[MessageChange]) -> std::collections::VecDeque<ChatEvent> {
        let mut messages = false;
        let mut touched = BTreeSet::new();
        for change in changes.iter().filter(|change| change.account != self.tribune) {
            let mut touch = |channel: &ChatChannelId, id: &MessageId| {
                touched.insert(self.at(channel, id));
            };
            match change.kind {
                ChangeKind::Posted => messages = true,
                ChangeKind::Edited | ChangeKind::Deleted | ChangeKind::Reacted => {
                    touch(&change.channel, &change.message);
                }
            }
            if let Some(root) = &change.thread {
                touch(&change.channel, root);
            }
        }
        let new = messages.then_some(ChatEvent::Messages);
        new.into_iter().chain(touched.into_iter().map(ChatEvent::Touched)).collect()
    }
}
