//! A channel of the simulated server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{Chance, PEOPLE, Place, Seen};
use crate::mattermost::server::{Person, Server, Trick};

const APPROVE: &str = "white_check_mark";

pub struct OnMattermost {
    server: Server,
    people: BTreeMap<&'static str, Person>,
    channel: String,
    confused: Mutex<Option<Chance>>,
}

impl OnMattermost {
    pub async fn new() -> Self {
        let server = Server::start().await;
        let people = PEOPLE.map(|name| (name, server.person(name))).into();
        let channel = server.lock().channel_id("ops");
        Self { server, people, channel, confused: Mutex::new(None) }
    }

    /// The next event meets with something. Here the server's clock goes as everybody's does.
    fn befall(&self) -> bool {
        self.server.lock().catch_up();
        let mut confused = self.confused.lock().unwrap();
        let Some(chance) = confused.as_mut() else { return false };
        let tricks = [Trick::Lose, Trick::Double, Trick::Swap, Trick::Break];
        let which = chance.below(5);
        if let Some(trick) = usize::try_from(which).ok().and_then(|at| tricks.get(at)) {
            self.server.lock().tricks.push_back(*trick);
        }
        true
    }

    /// What was held back comes after something else.
    async fn chatter(&self) {
        self.people["ken"].post(&self.channel, "", "lovely weather").await;
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
        let confused = self.befall();
        self.people[name].post(&self.channel, "", text).await;
        if confused {
            self.chatter().await;
        }
    }

    async fn approve(&self, name: &str, id: &str) {
        let confused = self.befall();
        self.people[name].react(id, APPROVE).await;
        if confused {
            self.chatter().await;
        }
    }

    async fn withdraw(&self, name: &str, id: &str) {
        let confused = self.befall();
        self.people[name].unreact(id, APPROVE).await;
        if confused {
            self.chatter().await;
        }
    }

    async fn seen(&self) -> Vec<Seen> {
        let state = self.server.lock();
        let bot = state.id_of("tribune");
        let mut own: Vec<_> = state
            .posts
            .values()
            .filter(|post| post.channel_id == self.channel && post.user_id == bot)
            .filter(|post| post.delete_at == 0 && post.original_id.is_empty())
            .filter(|post| !post.kind.starts_with("system_"))
            .collect();
        own.sort_by_key(|post| (post.create_at, post.number));
        let seen = own.into_iter().map(|post| Seen {
            id: post.id.clone(),
            root: Some(post.root_id.clone()).filter(|root| !root.is_empty()),
            text: post.message.clone(),
            key: post.props["tribune_key"].as_str().unwrap_or_default().to_owned(),
        });
        seen.collect()
    }

    async fn restart(&mut self) {
        self.server.stop().await;
        self.server.start_again().await;
    }

    fn confuse(&self, chance: Chance) {
        *self.confused.lock().unwrap() = Some(chance);
    }
}
