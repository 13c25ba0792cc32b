//! Posting once, whatever the network does.
//!
//! Three things hold it together. The server itself knows for half a minute which pending id it
//! has taken, so that a request that is sent twice in a row is one post. Each post bears its key
//! among its properties, so that it is found again also by another process. And before the first
//! post to a channel, and again after each whose fate is not known, Tribune looks through its own
//! recent posts there; from then on it knows them all, since nobody else posts as it.
//!
//! The server does not ask whose a pending id is: what bears one that somebody took before is not
//! posted, and answered with what that one posted, which people would then react to. So nobody
//! can tell a pending id beforehand, and an answer that is not Tribune's own post is no post.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::api::PAGE;
use super::intake::{anchor_of, check_anchor};
use super::rest::{RestError, Token};
use super::wire::{NewPost, Post, is_id};
use super::{Mattermost, cut};
use crate::domain::body::{Block, Body, Span};
use crate::domain::message::{MessageRef, PostKey, Posted};
use crate::ports::chat::{ChatError, Destination, TextFile};

/// The property that bears the key.
pub(super) const KEY: &str = "tribune_key";
/// Pages that are looked through at most.
const PAGES: usize = 5;
/// Further back nobody looks, in milliseconds: a post that is tried again is not that old.
const BACK: i64 = 24 * 60 * 60 * 1_000;
/// Posts that are known by key; the oldest are forgotten beyond that.
const KNOWN: usize = 20_000;

/// Tribune's own posts by key.
#[derive(Default)]
pub(super) struct Own {
    /// Channels that were looked through.
    looked: BTreeSet<String>,
    /// Posts by channel and key.
    posts: BTreeMap<(String, String), String>,
    order: VecDeque<(String, String)>,
}

impl Own {
    fn add(&mut self, channel: &str, key: &str, post: &str) {
        let place = (channel.to_owned(), key.to_owned());
        if self.posts.insert(place.clone(), post.to_owned()).is_none() {
            self.order.push_back(place);
        }
        while self.order.len() > KNOWN {
            if let Some(oldest) = self.order.pop_front() {
                self.posts.remove(&oldest);
            }
        }
    }
}

/// A post that is to be there once.
struct Once<'a> {
    channel: String,
    root: String,
    text: String,
    files: Vec<String>,
    key: &'a PostKey,
}

impl Mattermost {
    /// As `Chat::post`.
    pub(super) async fn post_once(
        &self,
        to: &Destination,
        body: &Body,
        key: &PostKey,
    ) -> Result<Posted, ChatError> {
        let (channel, root) = self.place_of(to).await?;
        let text = self.text_of(body).await?;
        self.create_once(Once { channel, root, text, files: Vec::new(), key }).await
    }

    /// As `Chat::attach`.
    pub(super) async fn attach_once(
        &self,
        to: &MessageRef,
        file: &TextFile,
        key: &PostKey,
    ) -> Result<(), ChatError> {
        let (channel, root) = self.place_of(&Destination::Thread(to.clone())).await?;
        {
            let mut own = self.own.lock().await;
            self.look_through(&mut own, &channel).await.map_err(|error| self.error(error))?;
            if own.posts.contains_key(&(channel.clone(), digest(&key.0))) {
                return Ok(());
            }
        }
        let uploaded = self.rest.upload(&channel, &file.name, &file.text).await;
        let files = vec![uploaded.map_err(|error| self.error(error))?];
        let once = Once { channel, root, text: String::new(), files, key };
        self.create_once(once).await.map(drop)
    }

    /// As `Chat::edit`.
    pub(super) async fn rewrite(&self, at: &MessageRef, body: &Body) -> Result<Posted, ChatError> {
        let me = self.me().await.map_err(|error| self.error(error))?;
        if self.existing(at).await?.user_id != me.id {
            return Err(self.rejected("only its author may change a message"));
        }
        let text = self.text_of(body).await?;
        self.hints.wrote(at.id.as_str(), &text);
        let post = self.rest.patch(at.id.as_str(), &text).await;
        self.posted(post.map_err(|error| self.error(error))?)
    }

    /// Returns the channel and the first post of the thread.
    async fn place_of(&self, to: &Destination) -> Result<(String, String), ChatError> {
        match to {
            Destination::Channel(channel) => Ok((channel.to_string(), String::new())),
            Destination::Thread(at) => {
                let post = self.existing(at).await?;
                let root = if post.root_id.is_empty() { post.id } else { post.root_id };
                Ok((post.channel_id, root))
            }
            Destination::Direct(account) if account.platform == self.platform => {
                let me = self.me().await.map_err(|error| self.error(error))?;
                let channel = self.direct_with(&me.id, account.id.as_str()).await;
                Ok((channel.map_err(|error| self.error(error))?, String::new()))
            }
            Destination::Direct(_) => Err(self.rejected("the account is on another platform")),
        }
    }

    /// Renders a body within the size that the server takes.
    pub(super) async fn text_of(&self, body: &Body) -> Result<String, ChatError> {
        let most = match self.size.get() {
            Some(size) => size,
            None => {
                let size = self.rest.post_size().await.map_err(|error| self.error(error))?;
                self.size.set(Some(size));
                size
            }
        };
        let mut names = super::render::Names::new();
        for account in accounts_of(body).filter(|account| account.platform == self.platform) {
            let id = account.id.as_str();
            if self.directory.username(id).is_none() {
                self.users([id]).await.map_err(|error| self.error(error))?;
            }
            if let Some(name) = self.directory.username(id) {
                names.insert(account.id.clone(), name);
            }
        }
        cut::fit(body, &names, most).ok_or_else(|| {
            self.rejected(format!("what people would approve is longer than {most} characters"))
        })
    }

    async fn create_once(&self, once: Once<'_>) -> Result<Posted, ChatError> {
        // One at a time: two of the same key must not pass each other.
        let mut own = self.own.lock().await;
        self.look_through(&mut own, &once.channel).await.map_err(|error| self.error(error))?;
        let key = digest(&once.key.0);
        if let Some(id) = own.posts.get(&(once.channel.clone(), key.clone())) {
            return self.standing(&once.channel, id).await;
        }
        let me = self.me().await.map_err(|error| self.error(error))?;
        let token = self.rest.token().map_err(|error| self.error(error))?;
        let new = NewPost {
            channel_id: &once.channel,
            root_id: &once.root,
            message: &once.text,
            file_ids: &once.files,
            props: BTreeMap::from([(KEY, key.as_str())]),
            pending_post_id: format!("{}:{}", me.id, pending(&token, &once.key.0)),
        };
        match self.rest.create(&new).await {
            Ok(post)
                if post.user_id != me.id
                    || post.channel_id != once.channel
                    || post.prop(KEY) != Some(&key) =>
            {
                own.looked.remove(&once.channel);
                Err(self.unreachable("it answers with the post of somebody else".to_owned()))
            }
            Ok(post) => {
                own.add(&once.channel, &key, &post.id);
                self.hints.wrote(&post.id, &post.message);
                self.posted(post)
            }
            Err(error @ RestError::Unknown(_)) => {
                // It may stand there, or arrive yet: whoever calls again looks first.
                own.looked.remove(&once.channel);
                Err(self.error(error))
            }
            Err(error) => Err(self.error(error)),
        }
    }

    /// Learns which of its own posts stand in a channel, once.
    async fn look_through(&self, own: &mut Own, channel: &str) -> Result<(), RestError> {
        if own.looked.contains(channel) {
            return Ok(());
        }
        let me = self.me().await?;
        let (mut before, mut oldest): (Option<String>, Option<String>) = (None, None);
        let mut newest = None;
        for _ in 0..PAGES {
            let page = match self.rest.posts(channel, before.as_deref(), PAGE).await {
                Ok(page) => page,
                // Posting there tells why.
                Err(RestError::Refused { .. }) => return Ok(()),
                Err(error) => return Err(error),
            };
            check_anchor(&page, before.as_deref(), oldest.as_deref())?;
            for post in page.iter().filter(|post| post.user_id == me.id) {
                if let Some(key) = post.prop(KEY) {
                    own.add(channel, key, &post.id);
                }
            }
            let Some(last) = page.last() else { break };
            let end = *newest.get_or_insert(page.first().map_or(0, |it| it.create_at)) - BACK;
            if page.len() < PAGE || last.create_at < end {
                break;
            }
            oldest = Some(last.id.clone());
            before = anchor_of(&page).map(|post| post.id.clone());
        }
        own.looked.insert(channel.to_owned());
        Ok(())
    }

    /// Returns a post of its own that was there; if somebody deleted it since, without text.
    async fn standing(&self, channel: &str, id: &str) -> Result<Posted, ChatError> {
        match self.rest.post(id).await {
            Ok(post) => self.posted(post),
            Err(error) if error.is_missing() => {
                let at = self.at(channel, id);
                let at = at.ok_or_else(|| self.rejected("its ids have no form of ids"))?;
                Ok(Posted { at, text: String::new() })
            }
            Err(error) => Err(self.error(error)),
        }
    }

    fn posted(&self, post: Post) -> Result<Posted, ChatError> {
        let at = self.at(&post.channel_id, &post.id);
        let at = at.ok_or_else(|| self.rejected("its ids have no form of ids"))?;
        Ok(Posted { at, text: post.message })
    }

    /// Returns a post that is there and in the channel it is said to be in.
    pub(super) async fn find(&self, at: &MessageRef) -> Result<Option<Post>, ChatError> {
        if at.platform != self.platform || !is_id(at.id.as_str()) {
            return Ok(None);
        }
        match self.rest.post(at.id.as_str()).await {
            Ok(post) => Ok(Some(post).filter(|post| {
                post.delete_at == 0
                    && post.original_id.is_empty()
                    && post.channel_id == at.channel.as_str()
            })),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(self.error(error)),
        }
    }

    pub(super) async fn existing(&self, at: &MessageRef) -> Result<Post, ChatError> {
        self.find(at).await?.ok_or_else(|| self.rejected("there is no such message"))
    }
}

/// Returns a name of fixed length for a key.
fn digest(key: &str) -> String {
    hex::encode(&Sha256::digest(key.as_bytes())[..16])
}

/// Returns what the server is to know a post by until it stands: the same each time, and known to
/// nobody who has not the token.
fn pending(token: &Token, key: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.reveal().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(key.as_bytes());
    hex::encode(&mac.finalize().into_bytes()[..16])
}

fn accounts_of(body: &Body) -> impl Iterator<Item = &crate::domain::person::Account> {
    let lines = body.0.iter().flat_map(|block| match block {
        Block::Line(spans) => std::slice::from_ref(spans),
        Block::List(items) => items.as_slice(),
        Block::Code { .. } | Block::Rule => &[],
    });
    lines.flatten().filter_map(|span| match span {
        Span::Account(account) => Some(account),
        Span::Text(_)
        | Span::Strong(_)
        | Span::Code(_)
        | Span::Person(_)
        | Span::Mention(_)
        | Span::Post { .. }
        | Span::Link { .. } => None,
    })
}
