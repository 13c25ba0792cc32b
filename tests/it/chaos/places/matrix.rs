//! A room of a real homeserver.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Chance, PEOPLE, Place, Seen};
use crate::synapse::people::Person;
use crate::synapse::{Limits, Synapse};

const APPROVE: &str = "✅";

pub struct OnMatrix {
    /// A server that may be killed, and else the one of all tests.
    own: Option<Synapse>,
    bot: Person,
    people: BTreeMap<&'static str, Person>,
    room: String,
    folder: tempfile::TempDir,
}

impl OnMatrix {
    /// A room on the server of all tests.
    pub async fn shared() -> Self {
        Self::on(None).await
    }

    /// A room on a server of its own, which may be killed.
    pub async fn own() -> Self {
        let server = tokio::task::block_in_place(|| Synapse::begin(Limits::None));
        Self::on(Some(server)).await
    }

    async fn on(own: Option<Synapse>) -> Self {
        let server = match &own {
            Some(server) => server,
            None => tokio::task::block_in_place(|| Synapse::shared(Limits::None)),
        };
        let bot = Person::register(server, "tribune").await;
        let mut people = BTreeMap::new();
        for name in PEOPLE {
            people.insert(name, Person::register(server, name).await);
        }
        let invited: Vec<&String> =
            [&bot].into_iter().chain(people.values()).map(|person| &person.id).collect();
        let invited: Vec<_> = invited.into_iter().filter(|id| **id != people["ken"].id).collect();
        let room = json!({ "preset": "private_chat", "name": "ops", "invite": invited });
        let room = people["ken"].make_room(room).await;
        for name in ["radia", "grace"] {
            people[name].join(&room).await;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), &bot.token).unwrap();
        Self { own, bot, people, room, folder }
    }

    fn homeserver(&self) -> &Synapse {
        self.own.as_ref().unwrap_or_else(|| Synapse::shared(Limits::None))
    }
}

/// Returns a message as it stands; edits themselves are none.
fn message(event: &Value) -> Option<Seen> {
    let relation = &event["content"]["m.relates_to"];
    if event["type"] != "m.room.message" || relation["rel_type"] == "m.replace" {
        return None;
    }
    let edit = &event["unsigned"]["m.relations"]["m.replace"]["content"]["m.new_content"];
    let content = if edit.is_object() { edit } else { &event["content"] };
    let word = |value: &Value| value.as_str().map(str::to_owned);
    Some(Seen {
        id: word(&event["event_id"])?,
        root: word(&relation["event_id"]).filter(|_| relation["rel_type"] == "m.thread"),
        text: word(&content["body"])?,
        key: word(&event["content"]["org.tribune.key"])?.split_once('/')?.1.to_owned(),
    })
}

#[async_trait]
impl Place for OnMatrix {
    fn platform(&self) -> &'static str {
        "matrix"
    }

    fn server(&self) -> SocketAddr {
        let url: reqwest::Url = self.homeserver().url().parse().unwrap();
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
        self.people[name].react(&self.room, id, APPROVE).await;
    }

    async fn withdraw(&self, name: &str, id: &str) {
        self.people[name].unreact(&self.room, id, APPROVE).await;
    }

    async fn seen(&self) -> Vec<Seen> {
        let events = self.people["ken"].timeline(&self.room).await;
        let own = events.iter().filter(|event| event["sender"] == self.bot.id.as_str());
        own.filter_map(message).collect()
    }

    async fn restart(&mut self) {
        let server = self.own.as_ref().expect("nobody kills the server of all tests");
        tokio::task::block_in_place(|| {
            server.stop();
            server.start();
        });
    }

    fn confuse(&self, _: Chance) {
        // Its answers are whole or not there: only the network can be confused.
    }
}
