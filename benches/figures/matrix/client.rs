//! The smallest clients thinkable: one that listens, and one that also says the same again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client as Http, Url};
use serde_json::{Value, json};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::synapse::people::Person;

/// How long one call may take; a long poll lasts 30 s.
const WITHIN: Duration = Duration::from_secs(120);
/// What was heard and nobody took yet, at most: what listens must not grow meanwhile.
pub const UNTAKEN: usize = 1024;

/// An account's own connections.
pub struct Client {
    http: Http,
    url: String,
    token: String,
    id: String,
    count: AtomicU64,
}

/// What was heard, and when.
#[derive(Clone)]
pub struct Heard {
    pub at: Instant,
    pub room: String,
    pub event: Value,
}

impl Client {
    pub fn new(server: &str, person: &Person) -> Self {
        let http = Http::builder().timeout(WITHIN).no_proxy().build().unwrap();
        let (token, id) = (person.token.clone(), person.id.clone());
        Self { http, url: server.to_owned(), token, id, count: AtomicU64::new(0) }
    }

    fn address(&self, path: &[&str]) -> Url {
        let mut url = Url::parse(&self.url).unwrap();
        url.path_segments_mut().unwrap().extend(["_matrix", "client", "v3"]).extend(path);
        url
    }

    /// Reads something; `None` when there is no answer.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Option<Value> {
        let request = self.http.get(self.address(path)).query(query).bearer_auth(&self.token);
        request.send().await.ok()?.error_for_status().ok()?.json().await.ok()
    }

    pub async fn send(&self, room: &str, text: &str) {
        let txn = format!("f{}", self.count.fetch_add(1, Ordering::Relaxed));
        let url = self.address(&["rooms", room, "send", "m.room.message", &txn]);
        let content = json!({ "msgtype": "m.text", "body": text });
        let request = self.http.put(url).bearer_auth(&self.token).json(&content);
        request.send().await.unwrap().error_for_status().unwrap();
    }

    /// Reads from now on for ever, one long poll after the other, and tells whoever listens. A poll
    /// that fails is done again.
    pub async fn listen(&self, heard: broadcast::Sender<Heard>) {
        let filter = json!({ "room": { "timeline": { "limit": 100 } } }).to_string();
        let mut since: Option<String> = None;
        loop {
            let mut query = vec![("filter", filter.as_str()), ("set_presence", "offline")];
            if let Some(since) = &since {
                query.extend([("since", since.as_str()), ("timeout", "30000")]);
            }
            let Some(answer) = self.get(&["sync"], &query).await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let at = Instant::now();
            let is_first = since.replace(answer["next_batch"].as_str().unwrap().into()).is_none();
            let rooms = answer["rooms"]["join"].as_object().filter(|_| !is_first);
            for (room, joined) in rooms.into_iter().flatten() {
                for event in joined["timeline"]["events"].as_array().into_iter().flatten() {
                    // Often nobody listens.
                    heard.send(Heard { at, room: room.clone(), event: event.clone() }).ok();
                }
            }
        }
    }

    /// Says again whatever somebody else says.
    pub async fn echo(&self) {
        let (sender, mut heard) = broadcast::channel(UNTAKEN);
        let answering = async {
            loop {
                match heard.recv().await {
                    Ok(Heard { room, event, .. }) => {
                        let is_own = event["sender"] == self.id.as_str();
                        if event["type"] == "m.room.message" && !is_own {
                            self.send(&room, event["content"]["body"].as_str().unwrap()).await;
                        }
                    }
                    Err(RecvError::Lagged(count)) => panic!("the echo missed {count} messages"),
                    Err(RecvError::Closed) => return,
                }
            }
        };
        tokio::join!(self.listen(sender), answering);
    }
}
