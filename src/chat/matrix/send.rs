//! Posts and edits, none of them twice.
//!
//! The server takes a call of the same name once, as long as it remembers the name and the token
//! is the same. Beyond that each post bears the name of Tribune's own key in its content, and
//! before the first post into a room since the start, or since the token changed, the room's own
//! last posts are read: what is there is not sent again.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::api::{Call, Failure};
use super::event::{self, Event, KEY, Said};
use super::stream::Relation;
use super::{CLIENT, Matrix, locked, render};
use crate::domain::body::Body;
use crate::domain::id::ChatChannelId;
use crate::domain::message::{MessageRef, PostKey, Posted, Sign};
use crate::ports::chat::{ChatError, Destination, TextFile};

/// Own posts of one room that are remembered.
const REMEMBERED: usize = 2_000;
/// Own posts of one room that are read before the first is sent: posts go out one after the
/// other, so what may be there unnoticed is among the very last.
const READ_BACK: &str = "100";

/// Own posts by key.
#[derive(Debug, Default)]
pub struct Sent {
    rooms: Mutex<HashMap<ChatChannelId, Own>>,
}

#[derive(Debug, Default)]
struct Own {
    /// How often the token had changed when the room was read.
    changes: u64,
    by_key: HashMap<String, String>,
    order: VecDeque<String>,
}

impl Own {
    fn note(&mut self, key: &str, event: &str) {
        if self.by_key.insert(key.to_owned(), event.to_owned()).is_none() {
            self.order.push_back(key.to_owned());
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.by_key.remove(&oldest);
            }
        }
    }
}

impl Matrix {
    pub(super) async fn send_post(
        &self,
        to: &Destination,
        body: &Body,
        key: &PostKey,
    ) -> Result<Posted, ChatError> {
        let (room, root) = self.place(to).await?;
        let is_direct = self.readable_room(&room).await?;
        let full = self.full_key(key);
        let found = self.sent_before(&room, &full).await?;
        let event = match found {
            Some(event) => event,
            None => {
                let rendered = render::render(body, &self.platform);
                let mut content = event::content(&rendered, is_direct, &full);
                if let Some(root) = &root {
                    content["m.relates_to"] = event::in_thread(root);
                }
                self.send_new(&room, key, &full, content).await?
            }
        };
        locked(&self.relations).note(&event, Relation::Thread(root));
        let at = self.at(&room, &event).ok_or_else(|| self.unreachable("it gave no valid id"))?;
        // Nobody knows whether the server took it now or the first time: what it says counts.
        let text = match self.event(&at).await? {
            Some(event) => event.present().0["body"].as_str().unwrap_or_default().to_owned(),
            None => String::new(),
        };
        Ok(Posted { at, text })
    }

    /// Sends a message that is not there yet, and remembers it; returns its id.
    async fn send_new(
        &self,
        room: &ChatChannelId,
        key: &PostKey,
        full: &str,
        content: Value,
    ) -> Result<String, ChatError> {
        let sent = self.send(room, "m.room.message", &self.txn("post", &key.0), content).await;
        let event = sent.map_err(|failure| self.failed(failure))?;
        if let Some(own) = locked(&self.sent.rooms).get_mut(room) {
            own.note(full, &event);
        }
        Ok(event)
    }

    pub(super) async fn send_edit(
        &self,
        at: &MessageRef,
        body: &Body,
    ) -> Result<Posted, ChatError> {
        let event = self.there(at).await?;
        if !self.is_me(&event.sender) {
            return Err(self.rejected("only its author may change a message"));
        }
        let is_direct = self.readable_room(&at.channel).await?;
        let rendered = render::render(body, &self.platform);
        let content = event::edit(&rendered, is_direct, at.id.as_str(), event.key());
        // The same text may have to be set twice, with another between.
        let mut chance = [0_u8; 16];
        self.clock.random(&mut chance);
        let txn = self.txn("edit", &hex::encode(chance));
        let sent = self.send(&at.channel, "m.room.message", &txn, content).await;
        sent.map_err(|failure| self.failed(failure))?;
        Ok(Posted { at: at.clone(), text: rendered.plain })
    }

    pub(super) async fn send_reaction(&self, at: &MessageRef, sign: Sign) -> Result<(), ChatError> {
        self.root_of(at).await?;
        let key = self.emoji.key(sign);
        let content = json!({ "m.relates_to":
            { "rel_type": "m.annotation", "event_id": at.id.as_str(), "key": key } });
        let txn = self.txn("react", &format!("{}:{key}", at.id));
        match self.send(&at.channel, "m.reaction", &txn, content).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is("M_DUPLICATE_ANNOTATION") => Ok(()),
            Err(failure) => Err(self.failed(failure)),
        }
    }

    pub(super) async fn send_file(
        &self,
        to: &MessageRef,
        file: &TextFile,
        key: &PostKey,
    ) -> Result<(), ChatError> {
        let root = self.root_of(to).await?;
        self.readable_room(&to.channel).await?;
        let full = self.full_key(key);
        if self.sent_before(&to.channel, &full).await?.is_some() {
            return Ok(());
        }
        let kind = "text/plain; charset=utf-8";
        let upload = Call::file(&["_matrix", "media", "v3", "upload"], file.text.clone(), kind)
            .with("filename", file.name.as_str());
        let answer = self.api.call(upload).await.map_err(|failure| self.failed(failure))?;
        let url = answer["content_uri"].as_str();
        let url = url.ok_or_else(|| self.unreachable("it took a file and does not say where"))?;
        let content = json!({
            "msgtype": "m.file",
            "body": file.name,
            "filename": file.name,
            "url": url,
            "info": { "mimetype": "text/plain", "size": file.text.len() },
            "m.mentions": {},
            "m.relates_to": event::in_thread(&root),
            KEY: full,
        });
        self.send_new(&to.channel, key, &full, content).await.map(drop)
    }

    /// Sends an event; the same name sends it once.
    pub(super) async fn send(
        &self,
        room: &ChatChannelId,
        kind: &str,
        txn: &str,
        content: Value,
    ) -> Result<String, Failure> {
        let path = [&CLIENT[..], &["rooms", room.as_str(), "send", kind, txn]].concat();
        let answer = self.api.call(Call::put(&path, content)).await?;
        let event = answer["event_id"].as_str().map(str::to_owned);
        event.ok_or_else(|| Failure::Unreachable("it took an event and gave no id".to_owned()))
    }

    /// Returns the key of a post among those of all that ever used the account.
    pub(super) fn full_key(&self, key: &PostKey) -> String {
        format!("{}/{key}", self.instance)
    }

    /// Returns the name of a call.
    pub(super) fn txn(&self, what: &str, name: &str) -> String {
        let digest = Sha256::digest(format!("{}\0{what}\0{name}", self.instance));
        hex::encode(&digest[..20])
    }

    /// Returns the room that a post goes to, and the first message of its thread.
    async fn place(&self, to: &Destination) -> Result<(ChatChannelId, Option<String>), ChatError> {
        self.me().await?;
        match to {
            Destination::Channel(room) => Ok((room.clone(), None)),
            Destination::Thread(at) => Ok((at.channel.clone(), Some(self.root_of(at).await?))),
            Destination::Direct(account) => Ok((self.direct_room(account).await?, None)),
        }
    }

    /// Returns the first message of the thread that a message is in, or may begin.
    async fn root_of(&self, at: &MessageRef) -> Result<String, ChatError> {
        let known = match locked(&self.relations).of(at.id.as_str()) {
            Some(Relation::Thread(root)) if at.platform == self.platform => Some(root.clone()),
            Some(_) | None => None,
        };
        let root = match known {
            Some(root) => root,
            None => {
                let event = self.there(at).await?;
                let root = event.thread().map(str::to_owned);
                locked(&self.relations).note(&event.event_id, Relation::Thread(root.clone()));
                root
            }
        };
        Ok(root.unwrap_or_else(|| at.id.to_string()))
    }

    async fn there(&self, at: &MessageRef) -> Result<Event, ChatError> {
        let found = self.event(at).await?.filter(|event| event.said() == Said::Message);
        found.ok_or_else(|| self.rejected("there is no such message"))
    }

    /// Says whether a room that can be read is a direct one. One that is wanted and not joined
    /// yet is joined now.
    async fn readable_room(&self, room: &ChatChannelId) -> Result<bool, ChatError> {
        let about = match self.about(room).await {
            Err(failure) if failure.is("M_FORBIDDEN") && self.is_wanted(room) => {
                self.join(room).await.map_err(|failure| self.failed(failure))?;
                self.about(room).await
            }
            about => about,
        };
        let about = about.map_err(|failure| self.failed(failure))?;
        if about.encrypted {
            return Err(self.rejected(format!("room {room} is encrypted")));
        }
        Ok(about.direct.is_some())
    }

    /// Returns the post of that key if it was sent before.
    async fn sent_before(
        &self,
        room: &ChatChannelId,
        key: &str,
    ) -> Result<Option<String>, ChatError> {
        let changes = self.api.changes();
        let is_read = locked(&self.sent.rooms).get(room).is_some_and(|own| own.changes == changes);
        if !is_read {
            let own = self.read_own(room, changes).await?;
            locked(&self.sent.rooms).insert(room.clone(), own);
        }
        let rooms = locked(&self.sent.rooms);
        Ok(rooms.get(room).and_then(|own| own.by_key.get(key).cloned()))
    }

    /// Reads the last own posts of a room.
    async fn read_own(&self, room: &ChatChannelId, changes: u64) -> Result<Own, ChatError> {
        let me = self.me().await?.id.as_str();
        let filter = json!({ "senders": [me], "types": ["m.room.message"] }).to_string();
        let path = [&CLIENT[..], &["rooms", room.as_str(), "messages"]].concat();
        let call =
            Call::get(&path).with("dir", "b").with("limit", READ_BACK).with("filter", filter);
        let answer = self.api.call(call).await.map_err(|failure| self.failed(failure))?;
        let mut own = Own { changes, ..Own::default() };
        for event in Event::list(&answer["chunk"]).iter().rev() {
            if let Some(key) = event.key().filter(|_| event.said() == Said::Message) {
                own.note(key, &event.event_id);
            }
        }
        Ok(own)
    }
}
