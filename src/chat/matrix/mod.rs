//! Matrix as a chat platform, over the client-server API (v1.11 or newer).
//!
//! - `api`: one call at a time, with deadlines and the token
//! - `event`: what events say; `mention`: whom they mention; `emoji`: which sign they are
//! - `render`: bodies as Matrix shows them
//! - `stream`: what was read and not yet asked for; `sync`: reading on; `reading`: what
//!   was read comes to
//! - `rooms`: which rooms Tribune is in, and what each is; `direct`: rooms with one person
//! - `send`: posts and edits, none of them twice
//! - `evidence`: messages, reactions and replies as they are on the server now
//!
//! Nothing is ever missed: the server's token says where reading stopped, also over a restart of
//! either side, and what a `/sync` leaves out is listed. What people did is never counted from
//! memory: reactions, replies and texts are read from the server when they are asked for.
//!
//! Not handled: encrypted rooms (refused, and told so) and spaces.

mod api;
mod direct;
mod emoji;
mod event;
mod evidence;
mod mention;
mod reading;
mod render;
mod rooms;
mod send;
mod stream;
mod sync;
mod tribune;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use regex::RegexSet;
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use self::api::{Api, Call, Failure};
use self::direct::Directs;
use self::rooms::Rooms;
use self::send::Sent;
use self::stream::{Relations, Stream};
use crate::domain::id::{AccountId, ChatChannelId, MessageId, Platform};
use crate::domain::message::{AuthorKind, MessageRef};
use crate::domain::person::Account;
use crate::ports::chat::ChatError;
use crate::ports::clock::Clock;

pub use self::emoji::Emoji;

/// The platform's name.
pub const PLATFORM: &str = "matrix";

/// The path that calls of the client-server API begin with.
const CLIENT: [&str; 3] = ["_matrix", "client", "v3"];

/// How to reach a homeserver, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixConfig {
    /// Its address; it may have a path.
    pub homeserver: Url,
    /// The file with the access token.
    pub token_file: PathBuf,
    /// An authority to trust beside those of the machine.
    pub ca_file: Option<PathBuf>,
    /// Which emoji say what.
    pub emoji: Emoji,
    /// Accounts that are no people: ids in which `*` stands for anything.
    pub machines: Vec<String>,
    /// Names this Tribune among all that ever used the account, so that posts of another are
    /// never taken for its own.
    pub instance: String,
}

/// What the policy repo wants of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Rooms to be in.
    pub rooms: BTreeSet<ChatChannelId>,
    /// Accounts of people.
    pub accounts: BTreeSet<AccountId>,
}

/// Says what is wanted now; `None`: not known yet.
pub type Wants = Arc<dyn Fn() -> Option<Wanted> + Send + Sync>;

/// Tribune's own account.
#[derive(Debug, Clone)]
struct Me {
    id: String,
    /// The name of its server.
    server: String,
    names: Vec<String>,
}

/// A Matrix homeserver, as one account sees it.
pub struct Matrix {
    api: Api,
    clock: Arc<dyn Clock>,
    platform: Platform,
    emoji: Emoji,
    machines: RegexSet,
    instance: String,
    wants: Wants,
    me: OnceCell<Me>,
    stream: Mutex<Stream>,
    /// Held by whoever reads on.
    reads: tokio::sync::Mutex<()>,
    relations: Mutex<Relations>,
    rooms: Rooms,
    directs: Directs,
    sent: Sent,
}

impl Matrix {
    /// Prepares to speak to a homeserver; nothing is sent yet.
    pub fn new(config: MatrixConfig, clock: Arc<dyn Clock>, wants: Wants) -> Result<Self, String> {
        let ca_file = config.ca_file.as_deref();
        let api = Api::new(config.homeserver, config.token_file, ca_file, Arc::clone(&clock))?;
        Ok(Self {
            api,
            clock,
            platform: PLATFORM.parse().expect("a literal that keeps the rule"),
            emoji: config.emoji,
            machines: machines(&config.machines)?,
            instance: config.instance,
            wants,
            me: OnceCell::new(),
            stream: Mutex::default(),
            reads: tokio::sync::Mutex::default(),
            relations: Mutex::default(),
            rooms: Rooms::default(),
            directs: Directs::default(),
            sent: Sent::default(),
        })
    }

    /// Asks the server which API it speaks, who Tribune is there and in how many rooms, and
    /// returns that in words.
    pub async fn greet(&self) -> Result<String, ChatError> {
        let path = ["_matrix", "client", "versions"];
        let answer = match self.api.call(Call::get(&path)).await {
            Err(Failure::Refused { .. }) => {
                return Err(self.rejected("what answers at that address is no homeserver"));
            }
            answer => answer.map_err(|failure| self.failed(failure))?,
        };
        let versions: Vec<&str> = answer["versions"]
            .as_array()
            .map(|list| list.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        match versions.last() {
            Some(newest) if versions.contains(&"v1.11") => {
                let (me, rooms) = (self.me().await?, self.joined().await?.len());
                Ok(format!("{} in {rooms} rooms, on a server that speaks {newest}", me.id))
            }
            newest => Err(self.rejected(format!(
                "the server speaks {} and not v1.11 of the client-server API; update it",
                newest.unwrap_or(&"no version")
            ))),
        }
    }

    /// Returns Tribune's own account; asks the server the first time.
    async fn me(&self) -> Result<&Me, ChatError> {
        self.me.get_or_try_init(|| self.ask_who()).await
    }

    async fn ask_who(&self) -> Result<Me, ChatError> {
        let path = [&CLIENT[..], &["account", "whoami"]].concat();
        let answer = self.api.call(Call::get(&path)).await.map_err(|it| self.unreadable(it))?;
        let id = answer["user_id"].as_str().unwrap_or_default().to_owned();
        let Some((local, server)) = id.strip_prefix('@').and_then(|rest| rest.split_once(':'))
        else {
            return Err(self.unreachable("it does not say whose the access token is"));
        };
        let path = [&CLIENT[..], &["profile", &id, "displayname"]].concat();
        let shown = match self.api.call(Call::get(&path)).await {
            Ok(answer) => answer["displayname"].as_str().unwrap_or_default().to_owned(),
            Err(Failure::Refused { .. }) => String::new(),
            Err(failure) => return Err(self.unreadable(failure)),
        };
        let mut names = vec![id.clone(), format!("@{local}")];
        if !shown.trim().is_empty() {
            names.extend([format!("@{}", shown.trim()), shown.trim().to_owned()]);
        }
        self.api.bind(&id);
        self.load_directs(&id).await?;
        tracing::info!(account = %id, "connected to Matrix");
        Ok(Me { server: server.to_owned(), names, id })
    }

    fn kind(&self, sender: &str) -> AuthorKind {
        if self.me.get().is_some_and(|me| me.id == sender) {
            AuthorKind::Tribune
        } else if self.machines.is_match(sender) {
            AuthorKind::Machine
        } else {
            AuthorKind::Human
        }
    }

    fn is_me(&self, sender: &str) -> bool {
        self.kind(sender) == AuthorKind::Tribune
    }

    fn account(&self, id: &str) -> Option<Account> {
        Some(Account { platform: self.platform.clone(), id: id.parse().ok()? })
    }

    fn at(&self, room: &ChatChannelId, event: &str) -> Option<MessageRef> {
        let id: MessageId = event.parse().ok()?;
        Some(MessageRef { platform: self.platform.clone(), channel: room.clone(), id })
    }

    fn unreachable(&self, why: impl Into<String>) -> ChatError {
        ChatError::Unreachable { platform: self.platform.clone(), why: why.into() }
    }

    fn rejected(&self, why: impl Into<String>) -> ChatError {
        ChatError::Rejected { platform: self.platform.clone(), why: why.into() }
    }

    /// What a failure means for something that is done.
    fn failed(&self, failure: Failure) -> ChatError {
        match failure {
            Failure::Unreachable(why) => self.unreachable(why),
            Failure::Busy(after) => ChatError::Busy { platform: self.platform.clone(), after },
            Failure::Refused { why, .. } => self.rejected(why),
        }
    }

    /// What a failure means for something that is read: that the server says no is no proof that
    /// nothing is there, so it cannot be read now.
    fn unreadable(&self, failure: Failure) -> ChatError {
        match failure {
            Failure::Refused { why, .. } => self.unreachable(why),
            other => self.failed(other),
        }
    }
}

/// Makes patterns of ids of what settings say.
fn machines(patterns: &[String]) -> Result<RegexSet, String> {
    let patterns = patterns.iter().map(|pattern| {
        let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
        format!("^{}$", parts.join(".*"))
    });
    RegexSet::new(patterns).map_err(|_| "matrix.machines holds patterns that are too long".into())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_whole_ids() {
        let set = machines(&["@_*:*".into(), "@ci.bot:hs.test".into()]).unwrap();
        for id in ["@_slack_U1:hs.test", "@ci.bot:hs.test"] {
            assert!(set.is_match(id), "{id}");
        }
        for id in ["@ada:hs.test", "@cixbot:hs.test", "@a@_x:hs.test", "@ci.bot:hs.test.evil"] {
            assert!(!set.is_match(id), "{id}");
        }
        assert!(!machines(&[]).unwrap().is_match("@ada:hs.test"));
    }
}
