//! People of a homeserver, as their clients speak to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::Synapse;

/// Somebody with an account.
pub struct Person {
    /// Their id.
    pub id: String,
    /// Their access token.
    pub token: String,
    /// Their password.
    pub password: String,
    url: String,
    http: Client,
    count: AtomicU64,
}

impl Person {
    /// Makes an account whose name begins with `like`.
    pub async fn register(server: &Synapse, like: &str) -> Self {
        tribune::chat::tls::install();
        // A connection of before a restart of the server is of no use after it.
        let http = Client::builder().timeout(Duration::from_secs(120)).pool_max_idle_per_host(0);
        let http = http.build().unwrap();
        let name = server.name(like);
        let mut person = Self {
            id: String::new(),
            token: String::new(),
            password: "correct horse".to_owned(),
            url: server.url(),
            http,
            count: AtomicU64::new(0),
        };
        let body = json!({ "auth": { "type": "m.login.dummy" }, "username": name,
            "password": person.password });
        let made = person.call(Method::POST, &["register"], body).await;
        person.id = made["user_id"].as_str().unwrap().to_owned();
        person.token = made["access_token"].as_str().unwrap().to_owned();
        person
    }

    /// Calls the client-server API, waiting where it asks to; anything but success ends the test.
    pub async fn call(&self, method: Method, path: &[&str], body: Value) -> Value {
        let (status, answer) = self.try_call(method, path, body).await;
        assert!(status.is_success(), "{path:?}: {status}: {answer}");
        answer
    }

    /// As [`Self::call`]; a refusal is returned.
    pub async fn try_call(
        &self,
        method: Method,
        path: &[&str],
        body: Value,
    ) -> (StatusCode, Value) {
        let mut url = reqwest::Url::parse(&self.url).unwrap();
        let base = match path.first() {
            Some(&"relations") => ["_matrix", "client", "v1"],
            _ => ["_matrix", "client", "v3"],
        };
        let path = path.strip_prefix(&["relations"]).unwrap_or(path);
        url.path_segments_mut().unwrap().extend(base).extend(path);
        loop {
            let mut request = self.http.request(method.clone(), url.clone());
            if !self.token.is_empty() {
                request = request.bearer_auth(&self.token);
            }
            if method != Method::GET {
                request = request.json(&body);
            }
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let value: Value = answer.json().await.unwrap();
            if status != StatusCode::TOO_MANY_REQUESTS {
                return (status, value);
            }
            // Exactly as long as the server asks for.
            let wait = value["retry_after_ms"].as_u64().unwrap();
            tokio::time::sleep(Duration::from_millis(wait + 1)).await;
        }
    }

    /// Makes a room; returns its id.
    pub async fn make_room(&self, body: Value) -> String {
        let made = self.call(Method::POST, &["createRoom"], body).await;
        made["room_id"].as_str().unwrap().to_owned()
    }

    /// Invites somebody.
    pub async fn invite(&self, room: &str, who: &str) {
        self.call(Method::POST, &["rooms", room, "invite"], json!({ "user_id": who })).await;
    }

    /// Accepts an invitation.
    pub async fn join(&self, room: &str) {
        self.call(Method::POST, &["rooms", room, "join"], json!({})).await;
    }

    /// Sends any event; returns its id.
    pub async fn send_event(&self, room: &str, kind: &str, content: Value) -> String {
        let txn = format!("p{}", self.count.fetch_add(1, Ordering::Relaxed));
        let sent = self.call(Method::PUT, &["rooms", room, "send", kind, &txn], content).await;
        sent["event_id"].as_str().unwrap().to_owned()
    }

    /// Sets a part of a room's state.
    pub async fn set_state(&self, room: &str, kind: &str, content: Value) {
        self.call(Method::PUT, &["rooms", room, "state", kind, ""], content).await;
    }

    /// Writes.
    pub async fn send(&self, room: &str, text: &str) -> String {
        let content = json!({ "msgtype": "m.text", "body": text });
        self.send_event(room, "m.room.message", content).await
    }

    /// Replies in the thread of a message.
    pub async fn reply(&self, room: &str, root: &str, text: &str) -> String {
        let content = json!({ "msgtype": "m.text", "body": text,
            "m.relates_to": { "rel_type": "m.thread", "event_id": root } });
        self.send_event(room, "m.room.message", content).await
    }

    /// Gives a message another text, as its author does.
    pub async fn edit(&self, room: &str, event: &str, text: &str) -> String {
        let content = json!({ "msgtype": "m.text", "body": format!("* {text}"),
            "m.new_content": { "msgtype": "m.text", "body": text },
            "m.relates_to": { "rel_type": "m.replace", "event_id": event } });
        self.send_event(room, "m.room.message", content).await
    }

    /// Reacts; returns the reaction's id.
    pub async fn react(&self, room: &str, event: &str, key: &str) -> String {
        let content = json!({ "m.relates_to":
            { "rel_type": "m.annotation", "event_id": event, "key": key } });
        self.send_event(room, "m.reaction", content).await
    }

    /// Takes something back, own or, with the power to, another's.
    pub async fn redact(&self, room: &str, event: &str) {
        let txn = format!("p{}", self.count.fetch_add(1, Ordering::Relaxed));
        self.call(Method::PUT, &["rooms", room, "redact", event, &txn], json!({})).await;
    }

    /// Takes back the own reaction with this emoji.
    pub async fn unreact(&self, room: &str, event: &str, key: &str) {
        let path = ["relations", "rooms", room, "relations", event, "m.annotation", "m.reaction"];
        let found = self.call(Method::GET, &path, Value::Null).await;
        let own = found["chunk"].as_array().unwrap().iter().find(|it| {
            it["sender"] == self.id.as_str() && it["content"]["m.relates_to"]["key"] == key
        });
        self.redact(room, own.unwrap()["event_id"].as_str().unwrap()).await;
    }

    /// Returns the last events of a room, oldest first.
    pub async fn timeline(&self, room: &str) -> Vec<Value> {
        let mut url = reqwest::Url::parse(&self.url).unwrap();
        let path = ["_matrix", "client", "v3", "rooms", room, "messages"];
        url.path_segments_mut().unwrap().extend(path);
        url.query_pairs_mut().append_pair("dir", "b").append_pair("limit", "1000");
        let answer = self.http.get(url).bearer_auth(&self.token).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["chunk"].as_array().unwrap().iter().rev().cloned().collect()
    }

    /// Returns the texts of the messages of a room, oldest first.
    pub async fn texts(&self, room: &str) -> Vec<String> {
        let events = self.timeline(room).await;
        let texts = events.iter().filter(|event| event["type"] == "m.room.message");
        texts.filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect()
    }
}
