//! Messages that come in and posts that go out.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::body::Body;
use super::id::{ChatChannelId, MessageId, Platform};
use super::person::Account;

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageRef {
    /// On which platform.
    pub platform: Platform,
    /// In which channel.
    pub channel: ChatChannelId,
    /// Which message.
    pub id: MessageId,
}

/// A message as a chat server has it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Where it is.
    pub at: MessageRef,
    /// The first message of its thread, if it is a reply.
    pub thread: Option<MessageId>,
    /// Who wrote it.
    pub author: Account,
    /// What kind of account that is.
    pub kind: AuthorKind,
    /// Whether only its author and Tribune read it.
    pub direct: bool,
    /// The text as the server returns it.
    pub text: String,
    /// When it was written, by the server's clock.
    pub sent: Timestamp,
    /// Whether anyone changed it since.
    pub edited: Edited,
    /// Whom the text mentions, as the server understands it.
    pub mentions: Vec<Mentioned>,
}

/// A mention that stands in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mentioned {
    /// The word of the text (`@ada`, `<@U12>`), without spaces.
    pub typed: String,
    /// Whom it means.
    pub account: Account,
}

/// Whether a message is still as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edited {
    /// It is.
    No,
    /// Its author changed it.
    ByAuthor,
    /// Somebody else did, such as an administrator of the server.
    ByOther,
}

/// What kind of account wrote or reacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorKind {
    /// A person's own account.
    Human,
    /// Tribune itself.
    Tribune,
    /// Any other bot, webhook or bridge.
    Machine,
    /// A person's account that the server has closed.
    Deactivated,
    /// A person's account that is no longer where the message stands.
    Absent,
}

/// One reaction as a chat server has it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// What it says.
    pub sign: Sign,
    /// Whose.
    pub account: Account,
    /// What kind of account that is.
    pub kind: AuthorKind,
    /// When it was given, where the server tells.
    pub at: Option<Timestamp>,
}

/// What a reaction says. Adapters map their emoji to it, skin tones and all, and drop the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// ✅
    Approve,
    /// ❌
    Veto,
    /// ⬅️: what is live shall stay. Of drift cards.
    Keep,
    /// 🔕: leave it as it is for a while. Of drift cards.
    Ignore,
}

/// The name of a post that Tribune keeps up: one per card, output, notice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PostKey(pub String);

impl fmt::Display for PostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What goes first where a platform takes only so much at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// People wait for it: cards, answers, notices, verdicts.
    Awaited,
    /// It grows by itself, and only its newest state matters: the output of runs, also as files.
    Streaming,
}

impl Urgency {
    /// Returns how urgent a post of that name is.
    pub fn of(key: &PostKey) -> Self {
        let streams = [OUTPUT, FILE].iter().any(|start| key.0.starts_with(start));
        if streams { Self::Streaming } else { Self::Awaited }
    }
}

/// How the names of posts that hold the output of runs begin.
pub const OUTPUT: &str = "out:";

/// How the names of posts begin that are files with the output of runs.
pub const FILE: &str = "file:";

/// Where a post belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In a channel.
    Channel(Platform, ChatChannelId),
    /// In the thread of another post of Tribune's.
    ThreadOf(PostKey),
    /// In the thread of somebody's message.
    Reply(MessageRef),
    /// To one account, privately.
    Direct(Account),
}

/// A post as it should stand. The outbox makes the chat agree: it posts, edits, or does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Its name.
    pub key: PostKey,
    /// Where it belongs. Never changes for one key.
    pub place: Place,
    /// What it should say.
    pub body: Body,
    /// Reactions that Tribune puts under it, so that people only need to click.
    pub seeds: Vec<Sign>,
}

/// A post as the chat server took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Where it is.
    pub at: MessageRef,
    /// The text as the server returned it.
    pub text: String,
}
