//! Mattermost, servers 10 and 11, by its REST and its socket.
//!
//! The socket only hints (`socket`); what counts is read back by REST each time. Nothing is
//! remembered that could be wrong when it counts: whether an account is a person's and still
//! open, which reactions stand and what a post says are asked of the server anew. Names are kept
//! until the server says that they changed, and used to speak of somebody, never to know them.
//!
//! What the server does not tell: who edited a post. Somebody who may edit the posts of others
//! can change Tribune's card; that shows because the text differs from what the server returned
//! when Tribune wrote it. Posts of people that were edited, by whom ever, are told as edited.

mod api;
mod buttons;
mod cut;
mod directory;
mod emoji;
mod hints;
mod identity;
mod intake;
mod look;
mod places;
mod posting;
mod render;
mod rest;
mod slot;
mod socket;
mod tribune;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use url::Url;

use self::directory::Directory;
use self::hints::Hints;
use self::intake::Listed;
use self::posting::Own;
use self::rest::{Rest, RestError};
use self::slot::Slot;
use self::socket::Listener;
use self::wire::Post;
use super::tls::{self, TlsError};
use crate::domain::id::{ChatChannelId, Platform};
use crate::domain::message::{AuthorKind, Message, MessageRef};
use crate::domain::person::Account;
use crate::ports::chat::{ChatError, Cursor};
use crate::ports::clock::Clock;

pub use self::buttons::render_buttons;
pub use self::emoji::Emoji;
pub use self::look::{Look, LookError, look};
pub use self::render::{Names, render};

/// Mattermost's name among platforms.
pub const PLATFORM: &str = "mattermost";

/// Where the server is and how Tribune speaks to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The address of the site, as people type it, with its path if it has one.
    pub url: Url,
    /// The file with the token of the bot account.
    pub token_file: PathBuf,
    /// Certificates of authorities beside the machine's.
    pub ca_file: Option<PathBuf>,
    /// Which emoji count.
    pub emoji: Emoji,
    /// How long to wait for what.
    pub timing: Timing,
    /// Where the server tells Tribune of presses; without it no post has buttons.
    pub presses: Option<Url>,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// To connect, and for the socket to be accepted.
    pub connect: Duration,
    /// For an answer.
    pub request: Duration,
    /// Before the first further attempt; doubles with each.
    pub again: Duration,
    /// The longest wait between attempts.
    pub most: Duration,
    /// After so long a connection counts as held.
    pub steady: Duration,
    /// How often to ask for messages while there is no connection.
    pub ask: Duration,
    /// How often to show the server that Tribune listens.
    pub ping: Duration,
    /// How long the server may say nothing.
    pub silence: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(10),
            request: seconds(30),
            again: Duration::from_millis(250),
            most: seconds(15),
            steady: seconds(5),
            ask: seconds(5),
            ping: seconds(20),
            silence: seconds(50),
        }
    }
}

/// Returns which channels the policy repo names, whenever it is asked.
pub type Configured = Arc<dyn Fn() -> BTreeSet<ChatChannelId> + Send + Sync>;

/// Why Mattermost cannot be spoken to at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MattermostError {
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no client.
    #[error("failed to prepare an HTTP client")]
    Client,
}

/// A Mattermost server, seen by one bot account.
pub struct Mattermost {
    platform: Platform,
    rest: Arc<Rest>,
    hints: Arc<Hints>,
    directory: Arc<Directory>,
    configured: Configured,
    emoji: Emoji,
    presses: Option<Url>,
    /// The bot account, once the server told it.
    me: Arc<Slot<Option<Me>>>,
    /// How many characters a post may have, once the server told it.
    size: Slot<Option<usize>>,
    /// The channels that are read, as they were listed last.
    listed: Slot<Option<Listed>>,
    /// Channels that are configured and not heard, as of that list.
    absent: Slot<BTreeSet<ChatChannelId>>,
    /// When the server last said that nobody can move threads.
    unmoved: Slot<Option<Instant>>,
    /// Channels that were configured when it was last looked.
    read_of: Slot<BTreeSet<ChatChannelId>>,
    /// The time of the newest post of each channel when it was last read.
    newest: Slot<BTreeMap<String, i64>>,
    /// The cursor that was told last.
    last_cursor: Slot<Option<Cursor>>,
    own: tokio::sync::Mutex<Own>,
    listening: AbortHandle,
}

/// Tribune's own account.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Me {
    id: String,
    username: String,
}

impl Mattermost {
    /// Begins to listen. The server need not be there yet.
    pub fn open(
        config: Config,
        configured: Configured,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MattermostError> {
        let tls = tls::client_config(config.ca_file.as_deref())?;
        let Config { url, token_file, emoji, timing, presses, .. } = config;
        let rest = Rest::new(url, token_file, tls.clone(), timing, Arc::clone(&clock))?;
        let platform: Platform = PLATFORM.parse().expect("a literal that keeps the rule");
        let (rest, hints) = (Arc::new(rest), Arc::new(Hints::new()));
        let (directory, me) = (Arc::new(Directory::new()), Arc::new(Slot::new(None)));
        let listener = Listener {
            platform: platform.clone(),
            rest: Arc::clone(&rest),
            hints: Arc::clone(&hints),
            directory: Arc::clone(&directory),
            me: Arc::clone(&me),
            configured: Arc::clone(&configured),
            tls: Arc::new(tls),
            timing,
            clock,
        };
        let listening = tokio::spawn(listener.run()).abort_handle();
        let (size, last_cursor, listed) = (Slot::new(None), Slot::new(None), Slot::new(None));
        let absent = Slot::new(BTreeSet::new());
        let (read_of, newest) = (Slot::new(BTreeSet::new()), Slot::new(BTreeMap::new()));
        let own = tokio::sync::Mutex::new(Own::default());
        Ok(Self {
            platform,
            rest,
            hints,
            directory,
            configured,
            emoji,
            presses,
            me,
            size,
            listed,
            absent,
            unmoved: Slot::new(None),
            read_of,
            newest,
            last_cursor,
            own,
            listening,
        })
    }

    /// Returns Tribune's own account.
    async fn me(&self) -> Result<Me, RestError> {
        if let Some(me) = self.me.get() {
            return Ok(me);
        }
        let user = self.rest.me().await?;
        if !user.is_bot {
            tracing::warn!(platform = %self.platform, "the token is a person's, not a bot's");
        }
        self.rest.bind(&user.id);
        let me = Me { id: user.id, username: user.username };
        self.me.set(Some(me.clone()));
        Ok(me)
    }

    fn account(&self, id: &str) -> Option<Account> {
        Some(Account { platform: self.platform.clone(), id: id.parse().ok()? })
    }

    fn at(&self, channel: &str, id: &str) -> Option<MessageRef> {
        let (channel, id) = (channel.parse().ok()?, id.parse().ok()?);
        Some(MessageRef { platform: self.platform.clone(), channel, id })
    }

    fn message(
        &self,
        post: Post,
        kind: AuthorKind,
        direct: bool,
        named: &BTreeMap<String, String>,
    ) -> Option<Message> {
        let thread = match post.root_id.as_str() {
            "" => None,
            root => Some(root.parse().ok()?),
        };
        Some(Message {
            at: self.at(&post.channel_id, &post.id)?,
            thread,
            author: self.account(&post.user_id)?,
            kind,
            direct,
            sent: Timestamp::from_millisecond(post.create_at).ok()?,
            edited: identity::edited(&post),
            mentions: self.mentions_in(&post.message, named),
            text: post.message,
        })
    }

    fn error(&self, error: RestError) -> ChatError {
        let platform = self.platform.clone();
        match error {
            RestError::Unreachable(why) => ChatError::Unreachable { platform, why },
            RestError::Unknown(why) => {
                ChatError::Unreachable { platform, why: format!("{why}; it may have been done") }
            }
            RestError::Busy(after) => {
                let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::from_mins(5));
                ChatError::Busy { platform, after }
            }
            RestError::Refused { why, .. } => ChatError::Rejected { platform, why },
        }
    }

    fn rejected(&self, why: impl Into<String>) -> ChatError {
        ChatError::Rejected { platform: self.platform.clone(), why: why.into() }
    }

    fn unreachable(&self, why: String) -> ChatError {
        ChatError::Unreachable { platform: self.platform.clone(), why }
    }
}

impl Drop for Mattermost {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
