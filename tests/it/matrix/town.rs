//! A homeserver with the rooms `ops` and `other`, Tribune in both, and people.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use tribune::chat::matrix::{Emoji, Matrix, MatrixConfig, Wanted};
use tribune::clock::SystemClock;
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::id::{AccountId, ChatChannelId, Platform};
use tribune::domain::message::{Message, MessageRef, PostKey, Posted, Reaction, Sign};
use tribune::domain::person::Account;
use tribune::ports::chat::{Chat, ChatError, ChatEvent, Cursor, Destination, TextFile};
use tribune::ports::clock::Clock as _;

use crate::contract::chat::Town;
use crate::synapse::people::Person;
use crate::synapse::{Limits, Synapse};

/// What the policy repo is said to want; tests change it.
pub type Wants = Arc<Mutex<Option<Wanted>>>;

/// A homeserver that limits nobody.
pub struct MatrixTown {
    pub chat: Arc<Matrix>,
    pub bot: Person,
    pub people: BTreeMap<&'static str, Person>,
    pub ops: String,
    pub other: String,
    pub wants: Wants,
    pub folder: tempfile::TempDir,
    pub url: String,
    directs: Mutex<BTreeMap<String, String>>,
}

impl MatrixTown {
    /// Makes a town on a server, with rooms of a version.
    pub async fn on(server: &Synapse, version: Option<&str>) -> Self {
        let bot = Person::register(server, "tribune").await;
        let mut people = BTreeMap::new();
        for name in ["ada", "ken", "eve"] {
            people.insert(name, Person::register(server, name).await);
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), &bot.token).unwrap();
        let mut rooms = Vec::new();
        for name in ["ops", "other"] {
            let invited = if name == "ops" {
                vec![&bot.id, &people["ken"].id, &people["eve"].id]
            } else {
                vec![&bot.id]
            };
            let mut body = json!({ "preset": "private_chat", "name": name, "invite": invited });
            if let Some(version) = version {
                body["room_version"] = version.into();
            }
            rooms.push(people["ada"].make_room(body).await);
        }
        for name in ["ken", "eve"] {
            people[name].join(&rooms[0]).await;
        }
        let accounts = people.values().map(|person| person.id.parse().unwrap()).collect();
        let wanted =
            Wanted { rooms: rooms.iter().map(|it| it.parse().unwrap()).collect(), accounts };
        let wants: Wants = Arc::new(Mutex::new(Some(wanted)));
        let url = server.url();
        let chat = tribune(&url, folder.path(), &wants);
        chat.since(None).await.unwrap();
        let (other, ops) = (rooms.pop().unwrap(), rooms.pop().unwrap());
        let directs = Mutex::default();
        Self { chat: Arc::new(chat), bot, people, ops, other, wants, folder, url, directs }
    }

    /// Returns Tribune as it is after a restart: nothing in memory.
    pub fn restarted(&self) -> Matrix {
        tribune(&self.url, self.folder.path(), &self.wants)
    }

    pub fn at(&self, room: &str, event: &str) -> MessageRef {
        let platform: Platform = "matrix".parse().unwrap();
        MessageRef { platform, channel: room.parse().unwrap(), id: event.parse().unwrap() }
    }

    pub fn account_of(&self, name: &str) -> Account {
        Account { platform: "matrix".parse().unwrap(), id: self.people[name].id.parse().unwrap() }
    }

    /// Posts a card into `ops`.
    pub async fn card(&self, key: &str) -> MessageRef {
        let to = Destination::Channel(self.ops.parse().unwrap());
        self.chat.post(&to, &body("a card"), &PostKey(key.into())).await.unwrap().at
    }

    /// Returns the direct room with somebody, who has come.
    pub async fn direct(&self, who: &str) -> String {
        if let Some(room) = self.directs.lock().unwrap().get(who) {
            return room.clone();
        }
        let to = Destination::Direct(self.account_of(who));
        let key = PostKey(format!("hello {who}"));
        let posted = loop {
            match self.chat.post(&to, &body("hello"), &key).await {
                Err(ChatError::Busy { after, .. }) => wait(after).await,
                other => break other.unwrap(),
            }
        };
        let room = posted.at.channel.to_string();
        self.people[who].join(&room).await;
        self.directs.lock().unwrap().insert(who.to_owned(), room.clone());
        room
    }
}

/// Waits as long as a server asks for.
async fn wait(after: jiff::SignedDuration) {
    SystemClock.sleep_until(SystemClock.now() + after).await;
}

/// Returns Tribune on a server.
pub fn tribune(url: &str, folder: &std::path::Path, wants: &Wants) -> Matrix {
    let config = MatrixConfig {
        homeserver: url.parse().unwrap(),
        token_file: folder.join("token"),
        ca_file: None,
        emoji: Emoji::default(),
        machines: vec!["@_*:*".to_owned()],
        instance: "test".to_owned(),
    };
    let wants = Arc::clone(wants);
    let wants = Arc::new(move || wants.lock().unwrap().clone());
    Matrix::new(config, Arc::new(SystemClock), wants).unwrap()
}

pub fn body(text: &str) -> Body {
    Body(vec![Block::Line(vec![Span::Text(text.into())])])
}

/// Returns the emoji of a sign, as people's keyboards have it.
fn key(sign: Sign) -> &'static str {
    match sign {
        Sign::Approve => "✅",
        Sign::Veto => "❌",
        Sign::Keep => "⬅️",
        Sign::Ignore => "🔕",
    }
}

#[async_trait]
impl Town for MatrixTown {
    async fn new() -> Self {
        Self::on(Synapse::shared(Limits::None), None).await
    }

    fn chat(&self) -> Arc<dyn Chat> {
        self.chat.clone()
    }

    fn channel(&self, name: &str) -> ChatChannelId {
        let room = if name == "ops" { &self.ops } else { &self.other };
        room.parse().unwrap()
    }

    fn account(&self, name: &str) -> AccountId {
        let id = if name == "tribune" { &self.bot.id } else { &self.people[name].id };
        id.parse().unwrap()
    }

    async fn write(&self, who: &str, channel: &str, text: &str) -> MessageRef {
        let room = match channel.strip_prefix("dm:") {
            Some(name) => self.direct(name).await,
            None => self.channel(channel).to_string(),
        };
        let event = self.people[who].send(&room, text).await;
        self.at(&room, &event)
    }

    async fn reply(&self, who: &str, to: &MessageRef, text: &str) -> MessageRef {
        // Clients put a reply to a reply into the same thread.
        let read = self.chat.read(to).await.unwrap();
        let root = read.and_then(|message| message.thread).unwrap_or_else(|| to.id.clone());
        let event = self.people[who].reply(to.channel.as_str(), root.as_str(), text).await;
        self.at(to.channel.as_str(), &event)
    }

    async fn rewrite(&self, who: &str, at: &MessageRef, text: &str) {
        self.people[who].edit(at.channel.as_str(), at.id.as_str(), text).await;
    }

    async fn delete(&self, who: &str, at: &MessageRef) {
        self.people[who].redact(at.channel.as_str(), at.id.as_str()).await;
    }

    async fn add(&self, who: &str, at: &MessageRef, sign: Sign) {
        let content = json!({ "m.relates_to":
            { "rel_type": "m.annotation", "event_id": at.id.as_str(), "key": key(sign) } });
        let txn = format!("{}{}", at.id, key(sign));
        let path = ["rooms", at.channel.as_str(), "send", "m.reaction", &txn];
        // The second time it is one that is there already.
        let (status, answer) =
            self.people[who].try_call(reqwest::Method::PUT, &path, content).await;
        let is_double = answer["errcode"] == "M_DUPLICATE_ANNOTATION";
        assert!(status.is_success() || is_double, "{answer}");
    }

    async fn remove(&self, who: &str, at: &MessageRef, sign: Sign) {
        self.people[who].unreact(at.channel.as_str(), at.id.as_str(), key(sign)).await;
    }
}

/// A homeserver with the limits that it has by default: whoever is told to wait waits.
pub struct LimitedTown(MatrixTown);

#[async_trait]
impl Town for LimitedTown {
    async fn new() -> Self {
        Self(MatrixTown::on(Synapse::shared(Limits::Default), None).await)
    }

    fn chat(&self) -> Arc<dyn Chat> {
        Arc::new(Patient(self.0.chat.clone()))
    }

    fn channel(&self, name: &str) -> ChatChannelId {
        self.0.channel(name)
    }

    fn account(&self, name: &str) -> AccountId {
        self.0.account(name)
    }

    async fn write(&self, who: &str, channel: &str, text: &str) -> MessageRef {
        self.0.write(who, channel, text).await
    }

    async fn reply(&self, who: &str, to: &MessageRef, text: &str) -> MessageRef {
        self.0.reply(who, to, text).await
    }

    async fn rewrite(&self, who: &str, at: &MessageRef, text: &str) {
        self.0.rewrite(who, at, text).await;
    }

    async fn delete(&self, who: &str, at: &MessageRef) {
        self.0.delete(who, at).await;
    }

    async fn add(&self, who: &str, at: &MessageRef, sign: Sign) {
        self.0.add(who, at, sign).await;
    }

    async fn remove(&self, who: &str, at: &MessageRef, sign: Sign) {
        self.0.remove(who, at, sign).await;
    }
}

/// Does again what the platform asked to wait for, as the outbox does.
struct Patient(Arc<Matrix>);

macro_rules! patiently {
    ($call:expr) => {
        loop {
            match $call.await {
                Err(ChatError::Busy { after, .. }) => wait(after).await,
                other => break other,
            }
        }
    };
}

#[async_trait]
impl Chat for Patient {
    fn platform(&self) -> &Platform {
        self.0.platform()
    }

    async fn next(&self) -> Result<ChatEvent, ChatError> {
        self.0.next().await
    }

    async fn since(&self, cursor: Option<&Cursor>) -> Result<(Vec<Message>, Cursor), ChatError> {
        self.0.since(cursor).await
    }

    async fn post(
        &self,
        to: &Destination,
        body: &Body,
        key: &PostKey,
    ) -> Result<Posted, ChatError> {
        patiently!(self.0.post(to, body, key))
    }

    async fn edit(&self, at: &MessageRef, body: &Body) -> Result<Posted, ChatError> {
        patiently!(self.0.edit(at, body))
    }

    async fn react(&self, at: &MessageRef, sign: Sign) -> Result<(), ChatError> {
        patiently!(self.0.react(at, sign))
    }

    async fn read(&self, at: &MessageRef) -> Result<Option<Message>, ChatError> {
        self.0.read(at).await
    }

    async fn reactions(&self, at: &MessageRef) -> Result<Vec<Reaction>, ChatError> {
        self.0.reactions(at).await
    }

    async fn replies(&self, at: &MessageRef) -> Result<Vec<Message>, ChatError> {
        self.0.replies(at).await
    }

    async fn attach(
        &self,
        to: &MessageRef,
        file: &TextFile,
        key: &PostKey,
    ) -> Result<(), ChatError> {
        patiently!(self.0.attach(to, file, key))
    }

    fn permalink(&self, at: &MessageRef) -> String {
        self.0.permalink(at)
    }

    fn name(&self, account: &Account) -> String {
        self.0.name(account)
    }

    fn own_names(&self) -> Vec<String> {
        self.0.own_names()
    }
}
