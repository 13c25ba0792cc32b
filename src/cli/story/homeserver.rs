//! People on a Matrix homeserver, as their clients speak to it.
//!
//! Accounts and rooms are made anew for each story, so that a homeserver can be used again.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::page::{Seen, plain};
use crate::chat::tls;

/// How many messages of a room or thread are read at once.
const LATEST: u32 = 100;

/// Why a homeserver did not do what was wanted.
#[derive(Debug, thiserror::Error)]
pub enum HomeserverError {
    /// Nobody answers.
    #[error("the homeserver does not answer: {0}")]
    Silent(String),
    /// It refuses.
    #[error("{what}: the homeserver answers {status}: {told}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// The status.
        status: StatusCode,
        /// Its own words.
        told: String,
    },
    /// An answer is not as it should be.
    #[error("the homeserver's answer lacks {0}")]
    Odd(&'static str),
}

impl From<reqwest::Error> for HomeserverError {
    fn from(error: reqwest::Error) -> Self {
        Self::Silent(match error.is_connect() {
            true => tls::why_unreached(&error, "the authorities of this machine"),
            false => error.without_url().to_string(),
        })
    }
}

/// A homeserver on which everybody may make an account.
pub struct Homeserver {
    http: Client,
    url: Url,
    /// Ends every account's name, so that stories never meet.
    suffix: String,
}

impl Homeserver {
    /// Takes the homeserver at an address.
    pub fn at(url: Url) -> Result<Self, HomeserverError> {
        let suffix = Uuid::new_v4().simple().to_string()[..8].to_owned();
        Ok(Self { http: Client::builder().build()?, url, suffix })
    }

    /// Returns its address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the name in this story of the account of that id.
    pub fn name_of<'a>(&self, id: &'a str) -> &'a str {
        let local = id.trim_start_matches('@').split(':').next().unwrap_or(id);
        local.strip_suffix(&format!("-{}", self.suffix)).unwrap_or(local)
    }

    /// Makes an account and signs it in.
    pub async fn member(&self, name: &str) -> Result<Member, HomeserverError> {
        let account = json!({
            "auth": { "type": "m.login.dummy" }, "username": format!("{name}-{}", self.suffix),
            "password": Uuid::new_v4().to_string(), "initial_device_display_name": "story",
        });
        let nobody = Member {
            http: self.http.clone(),
            url: self.url.clone(),
            token: String::new(),
            id: String::new(),
        };
        let path = "_matrix/client/v3/register";
        let made = nobody.call("make an account", Method::POST, path, Some(&account)).await?;
        Ok(Member { token: text(&made, "access_token")?, id: text(&made, "user_id")?, ..nobody })
    }
}

/// Somebody signed in.
pub struct Member {
    http: Client,
    url: Url,
    token: String,
    id: String,
}

impl Member {
    /// Returns its full id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the token that it is signed in with.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Makes an unencrypted room with others in it.
    pub async fn make_room(
        &self,
        name: &str,
        others: &[String],
    ) -> Result<String, HomeserverError> {
        let room = json!({ "name": name, "preset": "private_chat", "invite": others });
        let path = "_matrix/client/v3/createRoom";
        let answer = self.call("make a room", Method::POST, path, Some(&room)).await?;
        text(&answer, "room_id")
    }

    /// Follows an invitation.
    pub async fn join(&self, room: &str) -> Result<(), HomeserverError> {
        let path = format!("_matrix/client/v3/join/{}", escaped(room));
        self.call("join a room", Method::POST, &path, Some(&json!({}))).await.map(drop)
    }

    /// Writes a message; returns its id.
    pub async fn say(&self, room: &str, words: &str) -> Result<String, HomeserverError> {
        self.send(room, "m.room.message", &json!({ "msgtype": "m.text", "body": words })).await
    }

    /// Reacts with an emoji.
    pub async fn react(&self, room: &str, to: &str, emoji: &str) -> Result<(), HomeserverError> {
        let relation = json!({ "rel_type": "m.annotation", "event_id": to, "key": emoji });
        self.send(room, "m.reaction", &json!({ "m.relates_to": relation })).await.map(drop)
    }

    /// Reads the latest messages of a room that stand in no thread, oldest first, as they are now.
    pub async fn stream(&self, room: &str) -> Result<Vec<Seen>, HomeserverError> {
        let room = escaped(room);
        let path = format!("_matrix/client/v3/rooms/{room}/messages?dir=b&limit={LATEST}");
        let answer = self.get("read a room", &path).await?;
        let mut seen = chunk(&answer);
        seen.retain(|(event, _)| event["content"]["m.relates_to"]["rel_type"].is_null());
        Ok(seen.into_iter().rev().map(|(_, seen)| seen).collect())
    }

    /// Reads the messages of a thread, oldest first, as they are now.
    pub async fn thread(&self, room: &str, root: &str) -> Result<Vec<Seen>, HomeserverError> {
        let path = format!(
            "_matrix/client/v1/rooms/{}/relations/{}/m.thread?dir=f&limit={LATEST}",
            escaped(room),
            escaped(root),
        );
        let answer = self.get("read a thread", &path).await?;
        Ok(chunk(&answer).into_iter().map(|(_, seen)| seen).collect())
    }

    async fn send(
        &self,
        room: &str,
        kind: &str,
        content: &Value,
    ) -> Result<String, HomeserverError> {
        let once = Uuid::new_v4();
        let path = format!("_matrix/client/v3/rooms/{}/send/{kind}/{once}", escaped(room));
        let answer = self.call("write", Method::PUT, &path, Some(content)).await?;
        text(&answer, "event_id")
    }

    async fn get(&self, what: &'static str, path: &str) -> Result<Value, HomeserverError> {
        self.call(what, Method::GET, path, None).await
    }

    async fn call(
        &self,
        what: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, HomeserverError> {
        let base = self.url.as_str().trim_end_matches('/');
        let mut request = self.http.request(method, format!("{base}/{path}"));
        // Whoever makes an account has no token yet.
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.json().await?);
        }
        let told = answer.text().await.unwrap_or_default().chars().take(300).collect();
        Err(HomeserverError::Refused { what, status, told })
    }
}

/// Returns the messages of an answer with their events, edits taken in, in the answer's order.
fn chunk(answer: &Value) -> Vec<(&Value, Seen)> {
    let events = answer["chunk"].as_array().map(Vec::as_slice).unwrap_or_default();
    events.iter().filter_map(|event| Some((event, message(event)?))).collect()
}

fn message(event: &Value) -> Option<Seen> {
    if event["type"] != "m.room.message" {
        return None;
    }
    let edit = &event["unsigned"]["m.relations"]["m.replace"]["content"]["m.new_content"];
    let content = if edit.is_object() { edit } else { &event["content"] };
    // What was deleted has no body.
    let body = content["body"].as_str()?;
    let text = content["formatted_body"].as_str().map_or_else(|| body.to_owned(), plain);
    Some(Seen {
        id: event["event_id"].as_str()?.to_owned(),
        author: event["sender"].as_str()?.to_owned(),
        text,
    })
}

fn text(answer: &Value, key: &'static str) -> Result<String, HomeserverError> {
    answer[key].as_str().map(str::to_owned).ok_or(HomeserverError::Odd(key))
}

/// Escapes an id for a path.
fn escaped(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect()
}
