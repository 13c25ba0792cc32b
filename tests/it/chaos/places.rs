//! A chat server that both Tribune and people use, and what people see there.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::mattermost::server::{Person as Poster, Server};
use crate::synapse::people::Person;
use crate::synapse::{Limits, Synapse};

/// A message of Tribune's as people see it now.
pub struct Seen {
    pub id: String,
    pub text: String,
}

/// A chat server with one channel, in which ken and grace are.
#[async_trait]
pub trait Place: Send + Sync {
    fn platform(&self) -> &'static str;

    /// Returns where the server listens.
    fn server(&self) -> SocketAddr;

    /// Returns the settings by which Tribune reaches it through another address.
    fn settings(&self, through: SocketAddr) -> String;

    fn id_of(&self, name: &str) -> String;

    fn channel(&self) -> String;

    /// Somebody writes into the channel.
    async fn say(&self, name: &str, text: &str);

    /// Somebody reacts to a message with what approves.
    async fn approve(&self, name: &str, id: &str);

    /// Returns Tribune's messages of the channel that stand in no thread, oldest first.
    async fn posts(&self) -> Vec<Seen>;

    /// Returns Tribune's messages in a thread, oldest first.
    async fn replies(&self, root: &str) -> Vec<Seen>;
}

/// A room of a real homeserver.
pub struct OnMatrix {
    homeserver: &'static Synapse,
    bot: Person,
    people: BTreeMap<&'static str, Person>,
    room: String,
    folder: tempfile::TempDir,
}

impl OnMatrix {
    pub async fn new() -> Self {
        let homeserver = Synapse::shared(Limits::None);
        let bot = Person::register(homeserver, "tribune").await;
        let mut people = BTreeMap::new();
        for name in ["ken", "grace"] {
            people.insert(name, Person::register(homeserver, name).await);
        }
        let invited = [&bot.id, &people["grace"].id];
        let room = json!({ "preset": "private_chat", "name": "ops", "invite": invited });
        let room = people["ken"].make_room(room).await;
        people["grace"].join(&room).await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), &bot.token).unwrap();
        Self { homeserver, bot, people, room, folder }
    }

    /// Returns Tribune's messages, edits taken in, each with the thread that it stands in.
    async fn messages(&self) -> Vec<(Option<String>, Seen)> {
        let events = self.people["ken"].timeline(&self.room).await;
        let own = events.iter().filter(|event| event["sender"] == self.bot.id.as_str());
        own.filter_map(message).collect()
    }
}

/// Returns a message as it stands, and the first of its thread; edits themselves are none.
fn message(event: &Value) -> Option<(Option<String>, Seen)> {
    let relation = &event["content"]["m.relates_to"];
    if event["type"] != "m.room.message" || relation["rel_type"] == "m.replace" {
        return None;
    }
    let edit = &event["unsigned"]["m.relations"]["m.replace"]["content"]["m.new_content"];
    let content = if edit.is_object() { edit } else { &event["content"] };
    let thread = (relation["rel_type"] == "m.thread").then(|| relation["event_id"].as_str());
    let seen = Seen {
        id: event["event_id"].as_str()?.to_owned(),
        text: content["body"].as_str()?.to_owned(),
    };
    Some((thread.flatten().map(str::to_owned), seen))
}

#[async_trait]
impl Place for OnMatrix {
    fn platform(&self) -> &'static str {
        "matrix"
    }

    fn server(&self) -> SocketAddr {
        let url: reqwest::Url = self.homeserver.url().parse().unwrap();
        SocketAddr::from(([127, 0, 0, 1], url.port().unwrap()))
    }

    fn settings(&self, through: SocketAddr) -> String {
        let token = self.folder.path().join("token");
        format!("[matrix]\nhomeserver = \"http://{through}\"\ntoken_file = {token:?}\n")
    }

    fn id_of(&self, name: &str) -> String {
        self.people[name].id.clone()
    }

    fn channel(&self) -> String {
        self.room.clone()
    }

    async fn say(&self, name: &str, text: &str) {
        self.people[name].send(&self.room, text).await;
    }

    async fn approve(&self, name: &str, id: &str) {
        self.people[name].react(&self.room, id, "✅").await;
    }

    async fn posts(&self) -> Vec<Seen> {
        let all = self.messages().await.into_iter();
        all.filter(|(thread, _)| thread.is_none()).map(|(_, seen)| seen).collect()
    }

    async fn replies(&self, root: &str) -> Vec<Seen> {
        let all = self.messages().await.into_iter();
        all.filter(|(thread, _)| thread.as_deref() == Some(root)).map(|(_, seen)| seen).collect()
    }
}

/// A channel of the simulated server.
pub struct OnMattermost {
    server: Server,
    people: BTreeMap<&'static str, Poster>,
    channel: String,
}

impl OnMattermost {
    pub async fn new() -> Self {
        let server = Server::start().await;
        let people = ["ken", "grace"].map(|name| (name, server.person(name))).into();
        let channel = server.lock().channel_id("ops");
        Self { server, people, channel }
    }

    /// Returns Tribune's posts of the channel, each with the thread that it stands in.
    fn own(&self) -> Vec<(String, Seen)> {
        let state = self.server.lock();
        let bot = state.id_of("tribune");
        let mut own: Vec<_> = state
            .posts
            .values()
            .filter(|post| post.channel_id == self.channel && post.user_id == bot)
            .filter(|post| post.delete_at == 0 && !post.kind.starts_with("system_"))
            .collect();
        own.sort_by_key(|post| (post.create_at, post.number));
        own.into_iter()
            .map(|post| {
                let seen = Seen { id: post.id.clone(), text: post.message.clone() };
                (post.root_id.clone(), seen)
            })
            .collect()
    }
}

#[async_trait]
impl Place for OnMattermost {
    fn platform(&self) -> &'static str {
        "mattermost"
    }

    fn server(&self) -> SocketAddr {
        let url: reqwest::Url = self.server.url().parse().unwrap();
        SocketAddr::from(([127, 0, 0, 1], url.port().unwrap()))
    }

    fn settings(&self, through: SocketAddr) -> String {
        let token = self.server.token_file();
        format!("[mattermost]\nurl = \"http://{through}\"\ntoken_file = {token:?}\n")
    }

    fn id_of(&self, name: &str) -> String {
        self.server.lock().id_of(name)
    }

    fn channel(&self) -> String {
        self.channel.clone()
    }

    async fn say(&self, name: &str, text: &str) {
        self.people[name].post(&self.channel, "", text).await;
    }

    async fn approve(&self, name: &str, id: &str) {
        self.people[name].react(id, "white_check_mark").await;
    }

    async fn posts(&self) -> Vec<Seen> {
        self.own().into_iter().filter(|(root, _)| root.is_empty()).map(|(_, seen)| seen).collect()
    }

    async fn replies(&self, root: &str) -> Vec<Seen> {
        self.own().into_iter().filter(|(at, _)| at == root).map(|(_, seen)| seen).collect()
    }
}
