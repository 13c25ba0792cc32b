//! Tribune's side of the simulated server, and the town of the contract suite.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tribune::chat::mattermost::{Config, Emoji, Mattermost, Timing};
use tribune::clock::SystemClock;
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::id::{AccountId, ChatChannelId};
use tribune::domain::message::{Message, MessageRef, PostKey, Posted, Sign};
use tribune::ports::chat::{Chat, ChatError, ChatEvent, Cursor, Destination};

use super::server::{Person, Server, Site};
use crate::contract::chat::Town;

/// Waits that a test can bear.
pub const QUICK: Timing = Timing {
    connect: Duration::from_secs(5),
    request: Duration::from_secs(5),
    again: Duration::from_millis(5),
    most: Duration::from_millis(50),
    steady: Duration::from_secs(60),
    ask: Duration::from_secs(60),
    ping: Duration::from_secs(20),
    silence: Duration::from_secs(50),
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns how to speak to a server.
pub fn config(server: &Server) -> Config {
    Config {
        url: server.url().parse().unwrap(),
        token_file: server.token_file(),
        ca_file: None,
        emoji: Emoji::default(),
        timing: QUICK,
        presses: None,
    }
}

/// Opens the adapter on a server with these channels in the policy repo, by name.
pub fn open(server: &Server, config: Config, channels: &[&str]) -> Mattermost {
    let ids: BTreeSet<ChatChannelId> =
        channels.iter().map(|name| server.lock().channel_id(name).parse().unwrap()).collect();
    Mattermost::open(config, Arc::new(move || ids.clone()), Arc::new(SystemClock)).unwrap()
}

/// Opens the adapter on a server's channel `ops`, and waits until it listens.
pub async fn listening(server: &Server) -> Mattermost {
    let chat = open(server, config(server), &["ops"]);
    wait_for(&chat, &ChatEvent::Gap).await;
    chat
}

/// Returns the next hint; it must come.
pub async fn next(chat: &Mattermost) -> Result<ChatEvent, ChatError> {
    tokio::time::timeout(PATIENCE, chat.next()).await.expect("a hint comes")
}

/// Returns what the next failure to listen says, whatever else is told before.
pub async fn failure(chat: &Mattermost) -> String {
    let heard = async {
        loop {
            if let Err(error) = chat.next().await {
                return error.to_string();
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("it fails")
}

/// Waits for a hint, whatever else is told before.
pub async fn wait_for(chat: &Mattermost, wanted: &ChatEvent) {
    let heard = async { while chat.next().await.as_ref() != Ok(wanted) {} };
    tokio::time::timeout(PATIENCE, heard).await.expect("the hint comes");
}

/// Returns the cursor of this moment.
pub async fn now(chat: &Mattermost) -> Cursor {
    let (messages, cursor) = chat.since(None).await.unwrap();
    assert_eq!(messages, []);
    cursor
}

/// Reads as the engine does: until nothing is left.
pub async fn read(chat: &Mattermost, cursor: &mut Cursor) -> Vec<Message> {
    let mut all = Vec::new();
    loop {
        let (messages, next) = chat.since(Some(cursor)).await.unwrap();
        *cursor = next;
        if messages.is_empty() {
            return all;
        }
        all.extend(messages);
    }
}

/// Returns the texts of messages.
pub fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.text.as_str()).collect()
}

/// Returns a body of one line.
pub fn body(text: &str) -> Body {
    Body(vec![Block::Line(vec![Span::Text(text.into())])])
}

/// Returns a channel to post to.
pub fn channel(server: &Server, name: &str) -> Destination {
    Destination::Channel(server.lock().channel_id(name).parse().unwrap())
}

/// Posts in `ops`.
pub async fn post(
    server: &Server,
    chat: &Mattermost,
    text: &str,
    key: &str,
) -> Result<Posted, ChatError> {
    chat.post(&channel(server, "ops"), &body(text), &PostKey(key.into())).await
}

/// The town of the contract suite.
pub struct MattermostTown {
    server: Server,
    chat: Arc<Mattermost>,
    people: Mutex<BTreeMap<String, Arc<Person>>>,
}

impl MattermostTown {
    fn person(&self, name: &str) -> Arc<Person> {
        let mut people = self.people.lock().unwrap();
        let person = || Arc::new(self.server.person(name));
        Arc::clone(people.entry(name.to_owned()).or_insert_with(person))
    }

    fn at(&self, post: &serde_json::Value) -> MessageRef {
        let id = |name: &str| post[name].as_str().unwrap();
        MessageRef {
            platform: self.chat.platform().clone(),
            channel: id("channel_id").parse().unwrap(),
            id: id("id").parse().unwrap(),
        }
    }
}

fn emoji(sign: Sign) -> &'static str {
    match sign {
        Sign::Approve => "white_check_mark",
        Sign::Veto => "x",
        Sign::Keep => "arrow_left",
        Sign::Ignore => "no_bell",
    }
}

#[async_trait]
impl Town for MattermostTown {
    async fn new() -> Self {
        let server = Server::at(Site::default()).await;
        server.lock().add_channel("other", "town", "O");
        for name in ["ada", "ken", "eve"] {
            drop(server.person(name));
        }
        let presses = Some("https://tribune.example.org/chat/mattermost/press".parse().unwrap());
        let chat = open(&server, Config { presses, ..config(&server) }, &["ops"]);
        wait_for(&chat, &ChatEvent::Gap).await;
        let chat = Arc::new(chat);
        Self { server, chat, people: Mutex::default() }
    }

    fn chat(&self) -> Arc<dyn Chat> {
        Arc::clone(&self.chat) as _
    }

    fn channel(&self, name: &str) -> ChatChannelId {
        self.server.lock().channel_id(name).parse().unwrap()
    }

    fn account(&self, name: &str) -> AccountId {
        self.server.lock().id_of(name).parse().unwrap()
    }

    async fn write(&self, who: &str, channel: &str, text: &str) -> MessageRef {
        let person = self.person(who);
        let channel = match channel.strip_prefix("dm:") {
            Some(_) => {
                let bot = self.server.lock().id_of("tribune");
                person.direct(&bot).await
            }
            None => self.server.lock().channel_id(channel),
        };
        self.at(&person.post(&channel, "", text).await)
    }

    async fn reply(&self, who: &str, to: &MessageRef, text: &str) -> MessageRef {
        let person = self.person(who);
        let post = person.ask("GET", &format!("posts/{}", to.id), serde_json::Value::Null).await;
        // Programs reply to the first post of a thread; the server takes nothing else.
        let root = post["root_id"].as_str().filter(|root| !root.is_empty());
        let root = root.unwrap_or(to.id.as_str());
        self.at(&person.post(to.channel.as_str(), root, text).await)
    }

    async fn rewrite(&self, who: &str, at: &MessageRef, text: &str) {
        self.person(who).edit(at.id.as_str(), text).await;
    }

    async fn delete(&self, who: &str, at: &MessageRef) {
        self.person(who).delete(at.id.as_str()).await;
    }

    async fn add(&self, who: &str, at: &MessageRef, sign: Sign) {
        self.person(who).react(at.id.as_str(), emoji(sign)).await;
    }

    async fn remove(&self, who: &str, at: &MessageRef, sign: Sign) {
        self.person(who).unreact(at.id.as_str(), emoji(sign)).await;
    }
}
