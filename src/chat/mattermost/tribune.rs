//! The port, in the server's words.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::MissedTickBehavior;

use super::{Mattermost, identity};
use crate::domain::body::Body;
use crate::domain::channel::Absence;
use crate::domain::id::{ChatChannelId, Platform};
use crate::domain::message::{Message, MessageRef, PostKey, Posted, Reaction, Sign};
use crate::domain::person::Account;
use crate::ports::buttons::Buttons;
use crate::ports::chat::{Chat, ChatError, ChatEvent, Cursor, Destination, TextFile};

/// How often to look whether channels were configured since.
const LOOK: Duration = Duration::from_secs(1);

#[async_trait]
impl Chat for Mattermost {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    async fn next(&self) -> Result<ChatEvent, ChatError> {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                next = self.hints.next() => return next.map_err(|why| self.unreachable(why)),
                // A hint follows, if there is one.
                _ = look.tick() => self.look_for_new_channels(),
            };
        }
    }

    async fn since(&self, cursor: Option<&Cursor>) -> Result<(Vec<Message>, Cursor), ChatError> {
        self.read_since(cursor).await
    }

    async fn post(
        &self,
        to: &Destination,
        body: &Body,
        key: &PostKey,
    ) -> Result<Posted, ChatError> {
        self.post_once(to, body, key).await
    }

    async fn edit(&self, at: &MessageRef, body: &Body) -> Result<Posted, ChatError> {
        self.rewrite(at, body).await
    }

    async fn react(&self, at: &MessageRef, sign: Sign) -> Result<(), ChatError> {
        let me = self.me().await.map_err(|error| self.error(error))?;
        let post = self.existing(at).await?;
        let reacted = self.rest.react(&me.id, &post.id, self.emoji.name(sign)).await;
        reacted.map_err(|error| self.error(error))
    }

    async fn read(&self, at: &MessageRef) -> Result<Option<Message>, ChatError> {
        let Some(post) = self.find(at).await? else { return Ok(None) };
        let messages = self.to_messages(vec![post]).await;
        Ok(messages.map_err(|error| self.error(error))?.pop())
    }

    async fn reactions(&self, at: &MessageRef) -> Result<Vec<Reaction>, ChatError> {
        let post = self.existing(at).await?;
        let me = self.me().await.map_err(|error| self.error(error))?;
        let given = self.rest.reactions(&post.id).await.map_err(|error| self.error(error))?;
        let mut signs: Vec<_> = given
            .into_iter()
            .filter(|given| given.delete_at == 0)
            .filter_map(|given| Some((self.emoji.sign(&given.emoji_name)?, given)))
            .collect();
        let users = self.users(signs.iter().map(|(_, given)| given.user_id.as_str())).await;
        let users = users.map_err(|error| self.error(error))?;
        signs.sort_by_key(|(_, given)| given.given_at());
        let mut found: Vec<Reaction> = Vec::new();
        for (sign, given) in signs {
            let Some(account) = self.account(&given.user_id) else { continue };
            // Two tones of skin by one person are one reaction.
            if found.iter().any(|known| known.sign == sign && known.account == account) {
                continue;
            }
            let kind = identity::of_reaction(&given, users.get(&given.user_id), &me.id);
            let at = Timestamp::from_millisecond(given.given_at()).ok();
            found.push(Reaction { sign, account, kind, at });
        }
        let said = found.iter_mut().map(|reaction| (&reaction.account, &mut reaction.kind));
        let there = self.leave_out_absent(&post.channel_id, said.collect()).await;
        there.map_err(|error| self.error(error))?;
        Ok(found)
    }

    async fn replies(&self, at: &MessageRef) -> Result<Vec<Message>, ChatError> {
        let root = self.existing(at).await?;
        let mut posts = self.rest.thread(&root.id).await.map_err(|error| self.error(error))?;
        posts.retain(|post| post.delete_at == 0 && post.channel_id == root.channel_id);
        let replies = self.to_messages(posts).await;
        let mut replies = replies.map_err(|error| self.error(error))?;
        let said = replies.iter_mut().map(|reply| (&reply.author, &mut reply.kind));
        let there = self.leave_out_absent(&root.channel_id, said.collect()).await;
        there.map_err(|error| self.error(error))?;
        Ok(replies)
    }

    async fn attach(
        &self,
        to: &MessageRef,
        file: &TextFile,
        key: &PostKey,
    ) -> Result<(), ChatError> {
        self.attach_once(to, file, key).await
    }

    fn permalink(&self, at: &MessageRef) -> String {
        // Direct talk belongs to no team: the server sends on to whichever the reader is in.
        let team = self.directory.team_of(at.channel.as_str());
        let team = team.as_deref().unwrap_or("_redirect");
        format!("{}/{team}/pl/{}", self.rest.site(), at.id)
    }

    fn name(&self, account: &Account) -> String {
        let known = self.directory.username(account.id.as_str());
        format!("@{}", known.unwrap_or_else(|| account.id.to_string()))
    }

    fn absent(&self) -> BTreeMap<ChatChannelId, Absence> {
        self.absent.get().into_iter().map(|id| (id, Absence::NotIn)).collect()
    }

    fn buttons(&self) -> Option<&dyn Buttons> {
        self.presses.as_ref().map(|_| self as &dyn Buttons)
    }

    fn own_names(&self) -> Vec<String> {
        self.me.get().map(|me| format!("@{}", me.username)).into_iter().collect()
    }
}
