//! A homeserver with two rooms: somebody and Tribune are in the one, somebody and the echo in the
//! other, so that neither reads what the other answers.

use std::cell::Cell;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::time::{sleep, timeout};
use tribune::app::{Addresses, App};
use tribune::ports::store::RequestFilter;
use tribune::settings::Settings;

use super::PATIENCE;
use super::client::{Client, Heard, UNTAKEN};
use super::room::texts_of;
use crate::ground::Ground;
use crate::sample::repo::{Size, Texts, policy_repo};
use crate::synapse::people::Person;
use crate::synapse::{Limits, Synapse};

/// The largest `delay` that an intent of the sample takes.
const DELAYS: usize = 600;

pub struct Town {
    server: Arc<Synapse>,
    ground: Ground,
    bot: Person,
    person: Person,
    client: Arc<Client>,
    heard: broadcast::Sender<Heard>,
    apps: Vec<String>,
    asked: Cell<usize>,
    pub tribune_room: String,
    pub echo_room: String,
}

impl Town {
    pub async fn build() -> Self {
        let server = Arc::new(Synapse::begin(Limits::None));
        let bot = Person::register(&server, "tribune").await;
        let echo = Person::register(&server, "echo").await;
        let person = Person::register(&server, "somebody").await;
        let mut rooms = vec![];
        for with in [&bot, &echo] {
            let room = json!({ "preset": "private_chat", "invite": [with.id] });
            rooms.push(person.make_room(room).await);
        }
        let (echo_room, tribune_room) = (rooms.pop().unwrap(), rooms.pop().unwrap());
        echo.join(&echo_room).await;
        let mut texts = policy_repo(&Size::new(100, 40, 40));
        move_in(&mut texts, &person.id, &tribune_room);
        let apps = texts
            .keys()
            .filter_map(|path| path.strip_prefix("intents/restart-")?.strip_suffix(".yaml"))
            .map(str::to_owned)
            .collect();
        let ground = Ground::of(&texts);
        fs::write(ground.state().with_file_name("token"), &bot.token).unwrap();
        let client = Arc::new(Client::new(&server.url(), &person));
        let heard = broadcast::Sender::new(UNTAKEN);
        let (listening, tells) = (Arc::clone(&client), heard.clone());
        tokio::spawn(async move { listening.listen(tells).await });
        let echoing = Client::new(&server.url(), &echo);
        tokio::spawn(async move { echoing.echo().await });
        let asked = Cell::new(0);
        Self { server, ground, bot, person, client, heard, apps, asked, tribune_room, echo_room }
    }

    pub fn settings(&self) -> Settings {
        let homeserver = self.server.url();
        self.ground.settings_with(&format!(
            "[matrix]\nhomeserver = \"{homeserver}\"\ntoken_file = \"token\"\n"
        ))
    }

    /// Starts Tribune; returns when it is in its room and knows from where on it reads.
    pub async fn start(&self) -> App {
        let app = App::start(&self.settings(), Addresses::Shared).await.unwrap();
        let (platform, begun) = ("matrix".parse().unwrap(), Instant::now());
        let path = ["rooms", &self.tribune_room, "state", "m.room.member", &self.bot.id];
        while app.engine().ports().store.cursor(&platform).await.unwrap().is_none()
            || self.person.call(Method::GET, &path, Value::Null).await["membership"] != "join"
        {
            assert!(begun.elapsed() < PATIENCE, "Tribune does not come");
            sleep(Duration::from_millis(20)).await;
        }
        app
    }

    /// Stops the homeserver and starts it again.
    pub async fn restart_server(&self) {
        let server = Arc::clone(&self.server);
        let again = move || {
            server.stop();
            server.start();
        };
        tokio::task::spawn_blocking(again).await.unwrap();
    }

    /// Returns a command that nobody gave yet, and what only its card says.
    pub fn command(&self) -> (String, String) {
        let number = self.asked.replace(self.asked.get() + 1);
        let (app, delay) = (&self.apps[number / DELAYS], number % DELAYS + 1);
        let text = format!("!run restart-{app} on {app}-pro01 delay={delay}");
        // Cards name every argument.
        (text.clone(), format!("{text} graceful=true"))
    }

    /// Returns how many commands there were.
    pub fn asked(&self) -> usize {
        self.asked.get()
    }

    /// Writes, and returns how long it takes until somebody else says the mark in the same room.
    pub async fn asks(&self, room: &str, text: &str, mark: &str) -> Duration {
        let mut heard = self.heard.subscribe();
        let begun = Instant::now();
        let answer = async {
            loop {
                let Heard { at, room: in_room, event } = heard.recv().await.unwrap();
                let said = event["content"]["body"].as_str().unwrap_or_default();
                let by_other = event["sender"] != self.person.id.as_str();
                if by_other && in_room == room && said.contains(mark) {
                    break at - begun;
                }
            }
        };
        let (took, ()) =
            tokio::join!(timeout(Duration::from_secs(30), answer), self.client.send(room, text));
        took.unwrap_or_else(|_| panic!("no answer to {text}"))
    }

    /// Writes so many messages to Tribune, one of `every` a command; returns the marks of those.
    pub async fn write(&self, count: usize, every: usize) -> Vec<String> {
        let mut marks = vec![];
        for number in 0..count {
            if number % every == every - 1 {
                let (text, mark) = self.command();
                self.client.send(&self.tribune_room, &text).await;
                marks.push(mark);
            } else {
                let text = format!("it is {number} degrees outside");
                self.client.send(&self.tribune_room, &text).await;
            }
        }
        marks
    }

    /// Returns what Tribune said in its room, edits left out.
    pub async fn cards(&self) -> Vec<String> {
        texts_of(&self.client, &self.tribune_room, &self.bot.id).await
    }
}

/// Gives somebody who may ask an account on Matrix, and the channel of production a room.
fn move_in(texts: &mut Texts, account: &str, room: &str) {
    let is_banned = |id: &str| texts.contains_key(&format!("inventory/bans/{id}.yaml"));
    let asks = |text: &str| text.contains("flags: []") && text.contains("roles: [team-");
    let found = texts.iter().find_map(|(path, text)| {
        let id = path.strip_prefix("inventory/people/")?.strip_suffix(".yaml")?;
        (asks(text) && !is_banned(id)).then(|| (path.clone(), id.to_owned()))
    });
    let (path, id) = found.unwrap();
    let mut put = |path: &str, console: &str, matrix: &str| {
        let before = format!("{{ console: {console} }}");
        let after = format!("{{ console: {console}, matrix: \"{matrix}\" }}");
        let text = texts[path].replace(&before, &after);
        assert_ne!(text, texts[path], "{path} does not name {console}");
        texts.insert(path.to_owned(), text);
    };
    put(&path, &id, account);
    put("inventory/channels.yaml", "prod", room);
}

/// Returns how many requests were made: they are numbered from one on.
pub async fn requests(app: &App) -> usize {
    let newest = RequestFilter { limit: 1, ..RequestFilter::default() };
    let found = app.engine().ports().store.requests(&newest).await.unwrap();
    found.first().map_or(0, |request| usize::try_from(request.id.0).unwrap())
}
