//! What the server keeps, and who may see what.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::UnboundedSender;
use tribune::clock::SystemClock;
use tribune::ports::clock::Clock as _;

use super::Tokens;
use super::line::Cut;

pub type Token = String;

/// An account.
#[derive(Debug, Clone)]
pub struct User {
    pub id: String,
    pub username: String,
    pub delete_at: i64,
    pub is_bot: bool,
    pub is_admin: bool,
    pub remote_id: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Channel {
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub team: String,
    pub members: BTreeSet<String>,
    pub create_at: i64,
    pub last_post_at: i64,
}

/// A post, or a former version of one.
#[derive(Debug, Clone)]
pub struct Post {
    pub number: u64,
    pub id: String,
    pub create_at: i64,
    pub update_at: i64,
    pub edit_at: i64,
    pub delete_at: i64,
    pub user_id: String,
    pub channel_id: String,
    pub root_id: String,
    pub original_id: String,
    pub message: String,
    pub kind: String,
    pub props: Value,
    pub file_ids: Vec<String>,
    pub remote_id: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Reaction {
    pub user_id: String,
    pub post_id: String,
    pub emoji: String,
    pub create_at: i64,
    pub update_at: i64,
    pub delete_at: i64,
    pub remote_id: Option<String>,
}

impl Reaction {
    /// Says whether the database has one row for both.
    pub fn is_same(&self, other: &Self) -> bool {
        let key = |it: &Self| (it.user_id.clone(), it.post_id.clone(), it.emoji.clone());
        key(self) == key(other)
    }
}

/// What befalls one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is answered with this status and nothing is done.
    Status(u16),
    /// The server asks to wait so many seconds.
    Busy(u64),
    /// The connection breaks before anything is done.
    Before,
    /// It is done, and the connection breaks before the answer.
    After,
    /// It is done, and the answer is a 502 of some proxy.
    Lost,
    /// The post that it names with `before` is deleted for good right before; waits for one that
    /// names any.
    Gone,
}

/// What befalls one event on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trick {
    /// Its number is taken and it never comes.
    Lose,
    /// It comes twice, the second time with a number of its own.
    Double,
    /// It comes after the next one.
    Swap,
    /// The connection breaks instead.
    Break,
}

/// One socket.
pub struct Socket {
    pub user: String,
    pub token: Token,
    pub seq: i64,
    pub out: UnboundedSender<Option<String>>,
    /// An event that waits for the next.
    pub held: Option<Value>,
}

pub struct State {
    pub users: BTreeMap<String, User>,
    pub teams: BTreeMap<String, String>,
    pub channels: BTreeMap<String, Channel>,
    pub posts: BTreeMap<String, Post>,
    pub reactions: Vec<Reaction>,
    /// What the server remembers of the reactions under a post.
    pub cached: BTreeMap<String, Value>,
    pub files: BTreeMap<String, (String, String)>,
    pub tokens: Tokens,
    pub sockets: Vec<Socket>,
    /// Open connections.
    pub cuts: Vec<Cut>,
    /// Logins over the socket so far.
    pub logins: usize,
    /// Whether sockets are closed right after login.
    pub is_flapping: bool,
    /// Whether sockets say nothing.
    pub is_silent: bool,
    pub pending: BTreeMap<String, (String, Instant)>,
    /// How long pending ids are known.
    pub remembers: Duration,
    pub post_size: usize,
    /// For how many seconds a text may be edited.
    pub edit_limit: Option<i64>,
    /// Whether the feature of moving threads is on, and whether there is a license for it.
    pub moves_threads: bool,
    pub is_licensed: bool,
    /// Posts that the database from which is read does not have yet.
    pub behind: BTreeSet<String>,
    pub asked: BTreeMap<String, usize>,
    pub wrong: Vec<String>,
    /// What befalls the next requests whose method and path begin so.
    pub faults: VecDeque<(String, Fault)>,
    pub tricks: VecDeque<Trick>,
    pub emoji: BTreeSet<String>,
    /// What stands behind the addresses of proxies, by origin.
    pub fronts: BTreeMap<String, String>,
    /// Hosts of its own network that integrations may be on.
    pub allowed: BTreeSet<String>,
    /// What was shown to whom alone.
    pub shown: Vec<(String, String)>,
    numbers: u64,
    now: i64,
    /// Whether time stands still.
    pub is_frozen: bool,
}

impl State {
    pub fn new() -> Self {
        let tones = ["light", "medium_light", "medium", "medium_dark", "dark"];
        let tones = tones.iter().map(|tone| format!("+1_{tone}_skin_tone"));
        let plain = ["white_check_mark", "x", "arrow_left", "no_bell", "+1", "thumbsup", "eyes"];
        let now = SystemClock.now().as_millisecond();
        Self {
            users: BTreeMap::new(),
            teams: BTreeMap::new(),
            channels: BTreeMap::new(),
            posts: BTreeMap::new(),
            reactions: Vec::new(),
            cached: BTreeMap::new(),
            files: BTreeMap::new(),
            tokens: BTreeMap::new(),
            sockets: Vec::new(),
            cuts: Vec::new(),
            logins: 0,
            is_flapping: false,
            is_silent: false,
            pending: BTreeMap::new(),
            remembers: Duration::from_secs(30),
            post_size: 16_383,
            edit_limit: None,
            moves_threads: false,
            is_licensed: false,
            behind: BTreeSet::new(),
            asked: BTreeMap::new(),
            wrong: Vec::new(),
            faults: VecDeque::new(),
            tricks: VecDeque::new(),
            emoji: plain.iter().map(ToString::to_string).chain(tones).collect(),
            fronts: BTreeMap::new(),
            allowed: BTreeSet::new(),
            shown: Vec::new(),
            numbers: 0,
            // Far enough back that a test which lets time pass does not overtake the real clock.
            now: now - 130_000,
            is_frozen: false,
        }
    }

    /// Returns the next number.
    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Returns a new id: 26 of `a-z` and `0-9` without `l` and `v`, as the real one's.
    pub fn new_id(&mut self) -> String {
        const LETTERS: &[u8] = b"ybndrfg8ejkmcpqxot1uwisza345h769";
        let digest = Sha256::digest(self.number().to_be_bytes());
        digest.iter().take(26).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
    }

    /// Returns the time; each moment comes once unless time stands still.
    pub fn tick(&mut self) -> i64 {
        if !self.is_frozen {
            self.now += 1;
        }
        self.now
    }

    /// Returns the time.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Catches up with the real clock.
    pub fn catch_up(&mut self) {
        self.now = self.now.max(SystemClock.now().as_millisecond());
    }

    /// Lets time pass.
    pub fn pass(&mut self, milliseconds: i64) {
        self.now += milliseconds;
    }

    pub fn add_team(&mut self, name: &str) {
        let id = self.new_id();
        self.teams.insert(id, name.to_owned());
    }

    pub fn add_user(&mut self, name: &str, is_bot: bool) -> String {
        let id = self.new_id();
        let user = User {
            id: id.clone(),
            username: name.to_owned(),
            delete_at: 0,
            is_bot,
            is_admin: false,
            remote_id: None,
        };
        self.users.insert(id.clone(), user);
        id
    }

    pub fn add_channel(&mut self, name: &str, team: &str, kind: &'static str) -> String {
        let (id, create_at) = (self.new_id(), self.tick());
        let team = self.teams.iter().find(|(_, known)| *known == team).unwrap().0.clone();
        let channel = Channel {
            id: id.clone(),
            name: name.to_owned(),
            kind,
            team,
            members: BTreeSet::new(),
            create_at,
            last_post_at: 0,
        };
        self.channels.insert(id.clone(), channel);
        id
    }

    /// Puts somebody into a channel, which the server says there.
    pub fn join(&mut self, name: &str, channel: &str) {
        let (user, id) = (self.id_of(name), self.channel_id(channel));
        self.channels.get_mut(&id).unwrap().members.insert(user.clone());
        let text = format!("{name} joined the channel.");
        self.store_post(&user, &id, "", &text, "system_join_channel", json!({}), Vec::new());
        let data = json!({ "user_id": user, "team_id": "" });
        self.tell("user_added", data, &id);
    }

    pub fn user_named(&self, name: &str) -> Option<&User> {
        self.users.values().find(|user| user.username == name)
    }

    pub fn id_of(&self, name: &str) -> String {
        self.user_named(name).unwrap_or_else(|| panic!("nobody is called {name}")).id.clone()
    }

    /// Returns a channel's id by its name; `dm:<name>` is direct talk with the bot.
    pub fn channel_id(&self, name: &str) -> String {
        let found = self.channels.values().find(|channel| channel.name == name);
        found.unwrap_or_else(|| panic!("no channel is called {name}")).id.clone()
    }

    pub fn new_token(&mut self, name: &str) -> Token {
        let (token, user) = (self.new_id(), self.id_of(name));
        self.tokens.insert(token.clone(), user);
        token
    }

    /// Changes an account and tells everybody.
    pub fn change_user(&mut self, name: &str, change: impl FnOnce(&mut User)) {
        let id = self.id_of(name);
        let user = self.users.get_mut(&id).unwrap();
        change(user);
        let data = json!({ "user": user_json(user) });
        self.tell("user_updated", data, "");
    }

    /// Returns the direct talk of two accounts; opened if it was not.
    pub fn direct(&mut self, one: &str, other: &str) -> String {
        let members = BTreeSet::from([one.to_owned(), other.to_owned()]);
        let known = self.channels.values().find(|it| it.kind == "D" && it.members == members);
        if let Some(known) = known {
            return known.id.clone();
        }
        let (id, create_at) = (self.new_id(), self.tick());
        let name = members.iter().map(String::as_str).collect::<Vec<_>>().join("__");
        let channel = Channel {
            id: id.clone(),
            name,
            kind: "D",
            team: String::new(),
            members,
            create_at,
            last_post_at: 0,
        };
        self.channels.insert(id.clone(), channel);
        self.tell("direct_added", json!({ "teammate_id": other, "creator_id": one }), &id);
        id
    }

    pub fn is_member(&self, user: &str, channel: &str) -> bool {
        self.channels.get(channel).is_some_and(|channel| channel.members.contains(user))
    }

    /// Tells an event to who may know of it: the members of a channel, or everybody.
    pub fn tell(&mut self, event: &str, data: Value, channel: &str) {
        let broadcast = json!({ "omit_users": null, "user_id": "", "channel_id": channel, "team_id": "", "connection_id": "", "omit_connection_id": "" });
        let members = self.channels.get(channel).map(|channel| channel.members.clone());
        let trick = match event {
            "posted" | "reaction_added" | "reaction_removed" | "post_edited" | "post_deleted" => {
                self.tricks.pop_front()
            }
            _ => None,
        };
        let tokens = &self.tokens;
        // A socket whose token is worth nothing any more stays open, and hears nothing.
        for socket in self.sockets.iter_mut().filter(|it| tokens.contains_key(&it.token)) {
            if members.as_ref().is_some_and(|members| !members.contains(&socket.user)) {
                continue;
            }
            let message = json!({ "event": event, "data": data, "broadcast": broadcast });
            socket.tell(message, trick);
        }
    }

    /// Tells an event to one account.
    pub fn tell_one(&mut self, event: &str, data: Value, user: &str) {
        let broadcast = json!({ "omit_users": null, "user_id": user, "channel_id": "", "team_id": "", "connection_id": "", "omit_connection_id": "" });
        let tokens = &self.tokens;
        let hears = |it: &&mut Socket| it.user == user && tokens.contains_key(&it.token);
        for socket in self.sockets.iter_mut().filter(hears) {
            socket.send(json!({ "event": event, "data": data, "broadcast": broadcast }));
        }
    }

    /// Breaks every connection.
    pub fn drop_sockets(&mut self) {
        for socket in self.sockets.drain(..) {
            // Whoever listened may be gone.
            socket.out.send(None).ok();
        }
        self.cuts.drain(..).for_each(|cut| cut.now());
    }
}

impl Socket {
    fn tell(&mut self, message: Value, trick: Option<Trick>) {
        match trick {
            None => self.send(message),
            Some(Trick::Lose) => self.seq += 1,
            Some(Trick::Double) => {
                self.send(message.clone());
                self.send(message);
            }
            Some(Trick::Swap) => {
                if let Some(held) = self.held.replace(message) {
                    self.send(held);
                }
            }
            Some(Trick::Break) => drop(self.out.send(None)),
        }
    }

    pub fn send(&mut self, mut message: Value) {
        message["seq"] = json!(self.seq);
        self.seq += 1;
        drop(self.out.send(Some(message.to_string())));
        if let Some(held) = self.held.take() {
            self.send(held);
        }
    }
}

pub fn user_json(user: &User) -> Value {
    let mut json = json!({
        "id": user.id, "create_at": 1, "update_at": 1, "delete_at": user.delete_at,
        "username": user.username, "auth_data": "", "auth_service": "",
        "email": format!("{}@example.org", user.username), "nickname": "", "first_name": "",
        "last_name": "", "position": "", "roles": if user.is_admin { "system_user system_admin" } else { "system_user" },
        "locale": "en", "props": {}, "notify_props": {}, "mfa_active": false,
        "last_password_update": 1, "last_picture_update": 0, "last_activity_at": 0,
        "password": "", "bot_description": "", "is_bot": user.is_bot,
        "terms_of_service_id": "", "terms_of_service_create_at": 0,
    });
    if let Some(remote) = &user.remote_id {
        json["remote_id"] = json!(remote);
    }
    json
}
