//! People's side of the console.

use async_trait::async_trait;

use super::{Console, DIRECT};
use crate::domain::id::{AccountId, ChatChannelId, MessageId};
use crate::domain::message::{Edited, MessageRef, Sign};
use crate::ports::board::{Board, BoardEvent, BoardMessage};
use crate::ports::chat::ChatError;
use crate::ports::console::{Listing, NewMessage};

/// The longest message that people may write, in characters.
const LONGEST: usize = 16_000;

#[async_trait]
impl Board for Console {
    async fn write(
        &self,
        account: &AccountId,
        channel: &ChatChannelId,
        thread: Option<&MessageId>,
        text: &str,
        nonce: &str,
    ) -> Result<MessageRef, ChatError> {
        self.check_person(account)?;
        self.check_text(text)?;
        let thread = match thread {
            Some(id) => Some(self.root_of(channel, id).await?),
            None => None,
        };
        let message = NewMessage {
            channel: channel.clone(),
            thread,
            author: account.clone(),
            text: text.to_owned(),
            sent: self.clock.now(),
            nonce: nonce.to_owned(),
        };
        let id = self.store.keep(&message).await.map_err(|error| self.error(error))?;
        self.ring();
        Ok(self.at(channel, &id))
    }

    async fn rewrite(
        &self,
        account: &AccountId,
        at: &MessageRef,
        text: &str,
    ) -> Result<(), ChatError> {
        self.check_person(account)?;
        self.check_text(text)?;
        self.own(at, account).await?;
        self.store
            .rewrite(&at.id, account, Edited::ByAuthor, text)
            .await
            .map_err(|error| self.error(error))?;
        self.ring();
        Ok(())
    }

    async fn delete(&self, account: &AccountId, at: &MessageRef) -> Result<(), ChatError> {
        self.check_person(account)?;
        self.own(at, account).await?;
        self.store.delete(&at.id, account).await.map_err(|error| self.error(error))?;
        self.ring();
        Ok(())
    }

    async fn add(&self, account: &AccountId, at: &MessageRef, sign: Sign) -> Result<(), ChatError> {
        self.existing(at).await?;
        self.store
            .add(&at.id, account, sign, self.clock.now())
            .await
            .map_err(|error| self.error(error))?;
        self.ring();
        Ok(())
    }

    async fn remove(
        &self,
        account: &AccountId,
        at: &MessageRef,
        sign: Sign,
    ) -> Result<(), ChatError> {
        self.existing(at).await?;
        self.store.remove(&at.id, account, sign).await.map_err(|error| self.error(error))?;
        self.ring();
        Ok(())
    }

    async fn messages(
        &self,
        channel: &ChatChannelId,
        before: Option<&MessageId>,
        limit: u32,
    ) -> Result<Vec<BoardMessage>, ChatError> {
        let which = Listing::Channel { channel: channel.clone(), before: before.cloned(), limit };
        let kept = self.store.list(&which).await.map_err(|error| self.error(error))?;
        Ok(kept.into_iter().map(|kept| kept.board).collect())
    }

    async fn thread(&self, at: &MessageRef) -> Result<Vec<BoardMessage>, ChatError> {
        let which = Listing::Thread(at.id.clone());
        let kept = self.store.list(&which).await.map_err(|error| self.error(error))?;
        let here = kept.into_iter().map(|kept| kept.board);
        Ok(here.filter(|message| message.channel == at.channel).collect())
    }

    async fn message(&self, at: &MessageRef) -> Result<Option<BoardMessage>, ChatError> {
        Ok(self.find_or_trace(at).await?.map(|kept| kept.board))
    }

    fn direct_channel(&self, account: &AccountId) -> ChatChannelId {
        // An account that fills an id on its own has no direct channel; nobody gives such ids.
        let name = format!("{DIRECT}{account}");
        name.parse().unwrap_or_else(|_| {
            name.chars().take(60).collect::<String>().parse().expect("a prefix keeps the rule")
        })
    }

    async fn changes(&self, after: Option<u64>) -> Result<(Vec<BoardEvent>, u64), ChatError> {
        let Some(after) = after else {
            let now = self.store.last_change().await.map_err(|error| self.error(error))?;
            return Ok((Vec::new(), now));
        };
        let changes = self.wait_for_changes(after).await?;
        let last = changes.last().map_or(after, |change| change.seq);
        let events = changes.into_iter().map(|change| BoardEvent {
            seq: change.seq,
            message: self.at(&change.channel, &change.message),
            thread: change.thread,
        });
        Ok((events.collect(), last))
    }
}

impl Console {
    /// Nobody writes as Tribune.
    fn check_person(&self, account: &AccountId) -> Result<(), ChatError> {
        match *account == self.tribune {
            true => Err(self.rejected("this is Tribune's own account")),
            false => Ok(()),
        }
    }

    fn check_text(&self, text: &str) -> Result<(), ChatError> {
        if text.trim().is_empty() {
            return Err(self.rejected("the message is empty"));
        }
        match text.chars().count() {
            count if count > LONGEST => {
                Err(self.rejected(format!("the message is longer than {LONGEST} characters")))
            }
            _ => Ok(()),
        }
    }
}
