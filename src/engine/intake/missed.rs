//! Commands that came too late to be looked at: the channel is told once, with how many and whose.

use std::collections::BTreeMap;

use super::giver;
use super::limits::Where;
use crate::domain::id::{ChatChannelId, MessageId, Platform};
use crate::domain::message::{Message, Place, Post};
use crate::domain::reply::intake::{self as reply, Giver};
use crate::engine::{Engine, EngineError};
use crate::ports::store::Change;

/// What was missed in one go, by channel. Each channel's notice is named by the first of its
/// commands and grows while more are found, so that a crash repeats none.
#[derive(Debug, Default)]
pub(super) struct Missed {
    channels: BTreeMap<Where, (MessageId, BTreeMap<Giver, u64>)>,
    told: bool,
}

impl Missed {
    /// Says whether there is something that is not written down yet.
    pub fn is_news(&self) -> bool {
        !self.channels.is_empty() && !self.told
    }

    fn note(&mut self, message: &Message, giver: Giver) {
        let at = &message.at;
        let key = (at.platform.clone(), at.channel.clone());
        let (_, counts) =
            self.channels.entry(key).or_insert_with(|| (at.id.clone(), BTreeMap::new()));
        *counts.entry(giver).or_default() += 1;
        self.told = false;
    }

    /// Returns the notices as they should stand.
    pub fn posts(&mut self) -> Vec<Post> {
        if !self.is_news() {
            return Vec::new();
        }
        self.told = true;
        let notice = |((platform, channel), (first, counts)): (&Where, &(MessageId, _))| Post {
            key: reply::missed_key(platform, channel, first),
            place: Place::Channel(platform.clone(), channel.clone()),
            body: reply::missed(counts),
            seeds: Vec::new(),
        };
        self.channels.iter().map(notice).collect()
    }
}

impl Engine {
    /// Notes a command that is too old, where Tribune speaks at all.
    pub(super) fn note_missed(&self, message: &Message, missed: &mut Missed) {
        tracing::info!(at = ?message.at, sent = %message.sent, "too old to be acted on");
        let Some(snapshot) = self.applied() else { return };
        let at = &message.at;
        if !message.direct && snapshot.repo.channel_at(&at.platform, &at.channel).is_none() {
            return;
        }
        missed.note(message, giver(Some(&snapshot), message));
    }

    /// Says in a channel that not everything there could be listed.
    pub(super) async fn tell_unlisted(
        &self,
        platform: &Platform,
        channel: &ChatChannelId,
    ) -> Result<(), EngineError> {
        let known = self
            .applied()
            .is_some_and(|snapshot| snapshot.repo.channel_at(platform, channel).is_some());
        if !known {
            return Ok(());
        }
        let post = Post {
            key: reply::unlisted_key(platform, channel, self.now()),
            place: Place::Channel(platform.clone(), channel.clone()),
            body: reply::unlisted(),
            seeds: Vec::new(),
        };
        self.ports.store.commit(Change { posts: vec![post], ..Change::default() }).await?;
        self.wake_outbox();
        Ok(())
    }
}
