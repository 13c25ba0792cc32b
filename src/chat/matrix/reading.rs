//! What one reading of the stream comes to: messages in order, what changed, whom it concerns.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::event::{Event, Said};
use super::mention;
use super::stream::{Change, Read, Relation, Relations, apply};
use crate::domain::id::ChatChannelId;
use crate::domain::message::{Message, MessageRef};
use crate::ports::chat::ChatEvent;

/// What was read so far.
#[derive(Debug, Default)]
pub struct Reading {
    /// Messages by room, oldest first.
    pub rooms: Vec<Vec<Message>>,
    /// Messages about which something may have changed.
    pub touched: BTreeSet<MessageRef>,
    /// Rooms in which more was written than can be listed.
    pub unlisted: BTreeSet<ChatChannelId>,
    /// Whether something happened of which nobody can say whom it concerns.
    pub gap: bool,
    changes: Vec<Change>,
}

impl Reading {
    /// Takes up what an event says; returns the messages that it concerns, those of others than
    /// Tribune alone.
    pub fn note(&mut self, event: &Event, is_own: bool, relations: &mut Relations) -> Vec<String> {
        let mut touched: Vec<String> = Vec::new();
        match event.said() {
            Said::Message => {
                let thread = event.thread().map(str::to_owned);
                touched.extend(thread.clone());
                relations.note(&event.event_id, Relation::Thread(thread));
            }
            Said::Edit { of } => {
                // What is not known may be a reply in the thread of a card.
                self.gap |= !touch(&of, relations, &mut touched) && !is_own;
                relations.note(&event.event_id, Relation::Of(of.clone()));
                self.changes.extend(edited(&of, event));
            }
            Said::Reaction { on, .. } => {
                relations.note(&event.event_id, Relation::On(on.clone()));
                touched.push(on);
            }
            Said::Redaction { of } => {
                self.gap |= !touch(&of, relations, &mut touched) && !is_own;
                self.changes.extend(of.parse().ok().map(Change::Gone));
            }
            Said::Encryption | Said::Member { .. } | Said::Other => {}
        }
        if is_own {
            touched.clear();
        }
        touched
    }

    /// Returns all of it.
    pub fn end(self) -> Read {
        let mut messages = in_order(self.rooms);
        apply(&self.changes, &mut messages);
        let mut hints = Vec::new();
        if !messages.is_empty() {
            hints.push(ChatEvent::Messages);
        }
        hints.extend(self.touched.into_iter().map(ChatEvent::Touched));
        hints.extend(self.unlisted.into_iter().map(ChatEvent::Unlisted));
        if self.gap {
            hints.push(ChatEvent::Gap);
        }
        Read { messages, changes: self.changes, hints }
    }
}

/// Adds an event and all that it belongs to; says whether it is known what that is.
fn touch(event: &str, relations: &Relations, touched: &mut Vec<String>) -> bool {
    touched.push(event.to_owned());
    match relations.of(event) {
        Some(Relation::On(message) | Relation::Of(message)) => {
            touched.push(message.clone());
            match relations.of(message) {
                Some(Relation::Thread(thread)) => touched.extend(thread.clone()),
                Some(Relation::On(_) | Relation::Of(_)) | None => {}
            }
            true
        }
        Some(Relation::Thread(thread)) => {
            touched.extend(thread.clone());
            true
        }
        None => false,
    }
}

fn edited(of: &str, event: &Event) -> Option<Change> {
    let (id, by) = (of.parse().ok()?, event.sender.parse().ok()?);
    event.new_content()["body"].as_str()?;
    Some(Change::Edited { id, by, text: mention::find(event.new_content()).text })
}

/// Returns who is no longer there at the end of these events. A closed account leaves every room.
pub fn left(events: &[Event]) -> HashSet<String> {
    let mut last: HashMap<String, bool> = HashMap::new();
    for event in events {
        if let Said::Member { who, membership, .. } = event.said() {
            last.insert(who, matches!(membership.as_str(), "leave" | "ban"));
        }
    }
    last.into_iter().filter(|(_, is_gone)| *is_gone).map(|(who, _)| who).collect()
}

/// Returns the messages of several rooms by time; within a room the server's order holds.
fn in_order(rooms: Vec<Vec<Message>>) -> Vec<Message> {
    let mut all: Vec<(Timestamp, Message)> = Vec::new();
    for room in rooms {
        let mut latest = Timestamp::MIN;
        for message in room {
            latest = latest.max(message.sent);
            all.push((latest, message));
        }
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, message)| message).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(id: &str, kind: &str, sender: &str, content: Value) -> Event {
        let value = json!([{ "event_id": id, "sender": sender, "type": kind, "content": content,
            "state_key": if kind == "m.room.member" { json!(sender) } else { Value::Null } }]);
        Event::list(&value).remove(0)
    }

    fn relates(kind: &str, to: &str) -> Value {
        json!({ "msgtype": "m.text", "body": "x", "m.relates_to":
            { "rel_type": kind, "event_id": to, "key": "✅" } })
    }

    fn note(reading: &mut Reading, relations: &mut Relations, event: &Event) -> Vec<String> {
        reading.note(event, event.sender == "@tribune:hs", relations)
    }

    #[test]
    fn what_is_taken_back_concerns_what_it_belonged_to() {
        let (mut reading, mut relations) = (Reading::default(), Relations::default());
        let mut told = |id, kind, content| {
            note(&mut reading, &mut relations, &event(id, kind, "@ada:hs", content))
        };
        assert_eq!(told("$r", "m.reaction", relates("m.annotation", "$card")), ["$card"]);
        assert_eq!(told("$t", "m.room.message", relates("m.thread", "$card")), ["$card"]);
        assert_eq!(told("$e", "m.room.message", relates("m.replace", "$t")), ["$t", "$card"]);
        let redact = |of: &str| json!({ "redacts": of });
        assert_eq!(told("$1", "m.room.redaction", redact("$r")), ["$r", "$card"]);
        assert_eq!(told("$2", "m.room.redaction", redact("$e")), ["$e", "$t", "$card"]);
        assert_eq!(told("$3", "m.room.redaction", redact("$t")), ["$t", "$card"]);
        assert!(!reading.gap);
    }

    #[test]
    fn what_nobody_can_place_any_more_is_a_gap() {
        for (kind, content) in [
            ("m.room.redaction", json!({ "redacts": "$old" })),
            ("m.room.message", relates("m.replace", "$old")),
        ] {
            let (mut reading, mut relations) = (Reading::default(), Relations::default());
            let event = event("$1", kind, "@ada:hs", content);
            assert_eq!(note(&mut reading, &mut relations, &event), ["$old"]);
            assert_eq!(reading.end().hints, [ChatEvent::Gap]);
        }
    }

    #[test]
    fn what_tribune_does_concerns_nobody() {
        let (mut reading, mut relations) = (Reading::default(), Relations::default());
        for (kind, content) in [
            ("m.reaction", relates("m.annotation", "$card")),
            ("m.room.message", relates("m.replace", "$card")),
            ("m.room.message", relates("m.thread", "$card")),
        ] {
            let event = event("$1", kind, "@tribune:hs", content);
            assert_eq!(note(&mut reading, &mut relations, &event), Vec::<String>::new());
        }
        assert_eq!(reading.end().hints, []);
    }

    #[test]
    fn who_left_and_came_back_is_there() {
        let member = |who: &str, membership: &str| {
            event("$m", "m.room.member", who, json!({ "membership": membership }))
        };
        let events = [
            member("@a:hs", "leave"),
            member("@b:hs", "leave"),
            member("@b:hs", "join"),
            member("@c:hs", "ban"),
        ];
        assert_eq!(left(&events), ["@a:hs".to_owned(), "@c:hs".to_owned()].into());
    }
}
