//! Messages, reactions and replies as they are on the server now.
//!
//! Whatever the server cannot vouch for is an error, never an empty list: a veto that cannot be
//! read must not be missed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::api::{Call, Failure};
use super::event::{Event, Said};
use super::{CLIENT, Matrix, mention, render};
use crate::domain::id::ChatChannelId;
use crate::domain::message::{AuthorKind, Edited, Mentioned, Message, MessageRef, Reaction, Sign};
use crate::ports::chat::ChatError;

/// Relations that one page brings, and pages that are read: nobody approves with more.
const PAGE: &str = "100";
const PAGES: usize = 100;

impl Matrix {
    /// Returns an event that is there and not taken back.
    pub(super) async fn event(&self, at: &MessageRef) -> Result<Option<Event>, ChatError> {
        if at.platform != self.platform {
            return Ok(None);
        }
        self.me().await?;
        let path = ["rooms", at.channel.as_str(), "event", at.id.as_str()];
        match self.api.call(Call::get(&[&CLIENT[..], &path].concat())).await {
            Ok(event) => {
                let event = Event::list(&Value::Array(vec![event])).pop();
                Ok(event.filter(|event| !event.is_redacted()))
            }
            // Who is not in the room is told the same.
            Err(failure) if failure.is_missing() && self.is_in(&at.channel).await? => Ok(None),
            Err(failure) if failure.is_missing() => {
                Err(self.unreachable(format!("Tribune is not in room {}", at.channel)))
            }
            Err(failure) => Err(self.unreadable(failure)),
        }
    }

    pub(super) async fn read_message(&self, at: &MessageRef) -> Result<Option<Message>, ChatError> {
        let Some(event) = self.event(at).await? else { return Ok(None) };
        if event.said() != Said::Message {
            return Ok(None);
        }
        let about = self.about(&at.channel).await.map_err(|failure| self.unreadable(failure))?;
        Ok(self.message(&at.channel, &event, about.direct.is_some()))
    }

    /// Returns what an event is as a message; `None` if it is no text.
    pub(super) fn message(
        &self,
        room: &ChatChannelId,
        event: &Event,
        is_direct: bool,
    ) -> Option<Message> {
        let (content, is_edited) = event.present();
        let kind = match (self.kind(&event.sender), content["msgtype"].as_str()?) {
            (AuthorKind::Tribune, "m.text" | "m.notice" | "m.file") => AuthorKind::Tribune,
            // Only programs send notices.
            (_, "m.notice") => AuthorKind::Machine,
            (kind, "m.text") => kind,
            _ => return None,
        };
        let body = content["body"].as_str()?;
        let mut edited = if is_edited { Edited::ByAuthor } else { Edited::No };
        let (text, mentions) = if kind == AuthorKind::Tribune {
            let html = content["formatted_body"].as_str();
            if html.is_some_and(|html| !render::agrees(body, html)) {
                // What people see is not what is compared: Tribune never writes that.
                edited = Edited::ByOther;
            }
            (body.to_owned(), Vec::new())
        } else {
            let found = mention::find(content);
            (found.text, self.mentions(found.words))
        };
        Some(Message {
            at: self.at(room, &event.event_id)?,
            thread: event.thread().and_then(|root| root.parse().ok()),
            author: self.account(&event.sender)?,
            kind,
            direct: is_direct,
            text,
            sent: event.sent(),
            edited,
            mentions,
        })
    }

    fn mentions(&self, words: Vec<(String, String)>) -> Vec<Mentioned> {
        let mentioned =
            |(typed, id): (String, String)| Some(Mentioned { typed, account: self.account(&id)? });
        words.into_iter().filter_map(mentioned).collect()
    }

    pub(super) async fn read_reactions(&self, at: &MessageRef) -> Result<Vec<Reaction>, ChatError> {
        let events = self.relations(at, &["m.annotation", "m.reaction"]).await?;
        let mut found: Vec<Reaction> = Vec::new();
        let mut seen: BTreeSet<(String, Sign)> = BTreeSet::new();
        for event in events {
            let Said::Reaction { on, key } = event.said() else { continue };
            let Some(sign) = self.emoji.sign(&key).filter(|_| on == at.id.as_str()) else {
                continue;
            };
            let Some(account) = self.account(&event.sender) else { continue };
            // Two skin tones of one hand are one sign.
            if seen.insert((event.sender.clone(), sign)) {
                let (kind, at) = (self.kind(&event.sender), Some(event.sent()));
                found.push(Reaction { sign, account, kind, at });
            }
        }
        let mut there = BTreeMap::new();
        for reaction in &mut found {
            let kind = self.present_kind(&at.channel, reaction.account.id.as_str(), reaction.kind);
            reaction.kind = match there.get(&reaction.account.id) {
                Some(kind) => *kind,
                None => kind.await?,
            };
            there.insert(reaction.account.id.clone(), reaction.kind);
        }
        Ok(found)
    }

    pub(super) async fn read_replies(&self, at: &MessageRef) -> Result<Vec<Message>, ChatError> {
        let events = self.relations(at, &["m.thread"]).await?;
        let about = self.about(&at.channel).await.map_err(|failure| self.unreadable(failure))?;
        let is_direct = about.direct.is_some();
        let mut replies: Vec<Message> = events
            .iter()
            .filter(|event| !event.is_redacted() && event.said() == Said::Message)
            .filter_map(|event| self.message(&at.channel, event, is_direct))
            .collect();
        let mut there = BTreeMap::new();
        for reply in replies.iter_mut().filter(|reply| reply.kind == AuthorKind::Human) {
            let author = reply.author.id.clone();
            reply.kind = match there.get(&author) {
                Some(kind) => *kind,
                None => self.present_kind(&at.channel, author.as_str(), reply.kind).await?,
            };
            there.insert(author, reply.kind);
        }
        Ok(replies)
    }

    /// Returns the kind of an account that reacted or replied. A closed account leaves every
    /// room, and no more of it is told than that: so who is not there does not count.
    async fn present_kind(
        &self,
        room: &ChatChannelId,
        account: &str,
        kind: AuthorKind,
    ) -> Result<AuthorKind, ChatError> {
        if kind != AuthorKind::Human || self.is_joined(room, account).await? {
            return Ok(kind);
        }
        Ok(AuthorKind::Absent)
    }

    /// Returns the events that relate to a message in this way, oldest first.
    async fn relations(&self, at: &MessageRef, how: &[&str]) -> Result<Vec<Event>, ChatError> {
        if at.platform != self.platform {
            return Err(self.rejected("the message is on another platform"));
        }
        self.me().await?;
        let path = ["_matrix", "client", "v1", "rooms", at.channel.as_str(), "relations"];
        let path = [&path[..], &[at.id.as_str()], how].concat();
        let (mut events, mut place) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let mut call = Call::get(&path).with("dir", "f").with("limit", PAGE);
            if let Some(place) = &place {
                call = call.with("from", place.as_str());
            }
            let answer = match self.api.call(call).await {
                Ok(answer) => answer,
                Err(failure) => return Err(self.no_relations(at, failure).await),
            };
            events.extend(Event::list(&answer["chunk"]));
            place = answer["next_batch"].as_str().map(str::to_owned);
            if place.is_none() {
                return Ok(events);
            }
        }
        Err(self.unreachable("more relates to one message than can be read"))
    }

    async fn no_relations(&self, at: &MessageRef, failure: Failure) -> ChatError {
        let is_gone = matches!(failure, Failure::Refused { status: 404, .. });
        match self.event(at).await {
            Ok(None) if is_gone => self.rejected("there is no such message"),
            Ok(_) => self.unreadable(failure),
            Err(error) => error,
        }
    }
}
