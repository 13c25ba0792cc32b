//! What the server's JSON looks like, as far as Tribune reads it.
//!
//! Everything but an id may be missing: versions differ in what they leave out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct User {
    pub id: String,
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub delete_at: i64,
    #[serde(default)]
    pub is_bot: bool,
    #[serde(default)]
    pub remote_id: Option<String>,
}

/// A channel, or direct talk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Channel {
    pub id: String,
    /// `O`: public, `P`: private, `D`: direct, `G`: direct with several.
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub team_id: String,
    #[serde(default)]
    pub last_post_at: i64,
    #[serde(default)]
    pub delete_at: i64,
}

impl Channel {
    /// Says whether only Tribune and one account read it.
    pub fn is_direct(&self) -> bool {
        self.kind == "D"
    }
}

/// That somebody is in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Member {
    pub user_id: String,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Team {
    pub id: String,
    #[serde(default)]
    pub name: String,
}

/// A post.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Post {
    pub id: String,
    #[serde(default)]
    pub create_at: i64,
    #[serde(default)]
    pub edit_at: i64,
    #[serde(default)]
    pub delete_at: i64,
    #[serde(default)]
    pub user_id: String,
    #[serde(default)]
    pub channel_id: String,
    #[serde(default)]
    pub root_id: String,
    /// Set on former versions of a post, which are rows of their own.
    #[serde(default)]
    pub original_id: String,
    #[serde(default)]
    pub message: String,
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub props: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    pub remote_id: Option<String>,
}

impl Post {
    /// Returns a property that is text.
    pub fn prop(&self, name: &str) -> Option<&str> {
        self.props.as_ref()?.get(name)?.as_str()
    }
}

/// Posts, and in which order.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct PostList {
    #[serde(default)]
    pub order: Vec<String>,
    /// More than `order` names: whole threads may come along.
    #[serde(default)]
    pub posts: BTreeMap<String, Post>,
    #[serde(default)]
    pub has_next: bool,
}

impl PostList {
    /// Returns the posts that were asked for, in the server's order.
    pub fn in_order(mut self) -> Vec<Post> {
        self.order.iter().filter_map(|id| self.posts.remove(id)).collect()
    }
}

/// A reaction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Reaction {
    pub user_id: String,
    pub post_id: String,
    #[serde(default)]
    pub emoji_name: String,
    /// When it was given first; whoever reacts may say when that was.
    #[serde(default)]
    pub create_at: i64,
    /// When it was given last, by the server's clock.
    #[serde(default)]
    pub update_at: i64,
    #[serde(default)]
    pub delete_at: i64,
    #[serde(default)]
    pub remote_id: Option<String>,
}

impl Reaction {
    /// Returns when it was given. One that was withdrawn and is given again keeps its first time.
    pub fn given_at(&self) -> i64 {
        if self.update_at == 0 { self.create_at } else { self.update_at }
    }
}

/// A new post.
#[derive(Debug, Serialize)]
pub(super) struct NewPost<'a> {
    pub channel_id: &'a str,
    pub root_id: &'a str,
    pub message: &'a str,
    pub file_ids: &'a [String],
    pub props: BTreeMap<&'static str, &'a str>,
    pub pending_post_id: String,
}

/// The answer to an upload.
#[derive(Debug, Deserialize)]
pub(super) struct Uploaded {
    #[serde(default)]
    pub file_infos: Vec<FileInfo>,
}

/// A file that was taken.
#[derive(Debug, Deserialize)]
pub(super) struct FileInfo {
    pub id: String,
}

/// Why the server refuses.
#[derive(Debug, Default, Deserialize)]
pub(super) struct AppError {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub message: String,
}

/// What comes over the socket: an event, or the answer to something that was sent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Frame {
    #[serde(default)]
    pub event: Option<String>,
    #[serde(default)]
    pub data: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    pub broadcast: Option<Broadcast>,
    #[serde(default)]
    pub seq: Option<i64>,
    #[serde(default)]
    pub seq_reply: Option<i64>,
    #[serde(default)]
    pub status: Option<String>,
}

impl Frame {
    /// Returns what stands in `data` as JSON within a text.
    pub fn inner<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.text(name)?).ok()
    }

    /// Returns a text of `data`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.data.as_ref()?.get(name)?.as_str()
    }
}

/// Where an event belongs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Broadcast {
    #[serde(default)]
    pub channel_id: String,
}

/// Says whether a text is an id as the server gives them: 26 of `a-z` and `0-9`.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}
