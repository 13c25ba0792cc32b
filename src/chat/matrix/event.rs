//! Events as the server gives them, and what they say.
//!
//! Pure. An event that does not have the form it should have says nothing: no person's mistake
//! or malice stops the rest from being read.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::render::Rendered;

/// The key of Tribune's own under which an event's content bears the name of its post.
pub const KEY: &str = "org.tribune.key";

/// One event.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// Its id.
    pub event_id: String,
    /// Who sent it.
    pub sender: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When, in milliseconds.
    #[serde(default)]
    pub origin_server_ts: i64,
    /// What it says.
    #[serde(default)]
    pub content: Value,
    /// What of the room's state it sets.
    pub state_key: Option<String>,
    /// What it redacts, up to room version 10.
    redacts: Option<String>,
    /// What the server adds.
    #[serde(default)]
    unsigned: Value,
}

/// What an event says to Tribune.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A message that is none of the others.
    Message,
    /// Another text for a message.
    Edit {
        /// Of which.
        of: String,
    },
    /// A reaction.
    Reaction {
        /// On which message.
        on: String,
        /// With which emoji.
        key: String,
    },
    /// Something is taken back.
    Redaction {
        /// What.
        of: String,
    },
    /// The room is encrypted from now on.
    Encryption,
    /// Somebody came, went, was invited or renamed themselves.
    Member {
        /// Who.
        who: String,
        /// `join`, `leave`, `invite`, `ban`, `knock`.
        membership: String,
        /// Whether they were there before.
        was_joined: bool,
    },
    /// Anything else.
    Other,
}

impl Event {
    /// Reads a list of events; what is no event is left out.
    pub fn list(value: &Value) -> Vec<Event> {
        let list = value.as_array().map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(|event| Event::deserialize(event).ok()).collect()
    }

    /// Returns when it was sent, by the server's clock.
    pub fn sent(&self) -> Timestamp {
        Timestamp::from_millisecond(self.origin_server_ts).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Says whether somebody took it back.
    pub fn is_redacted(&self) -> bool {
        !self.unsigned["redacted_because"].is_null()
    }

    /// Returns what it says.
    pub fn said(&self) -> Said {
        let relation = &self.content["m.relates_to"];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self.kind.as_str() {
            "m.room.message" if relation["rel_type"] == "m.replace" => {
                Said::Edit { of: word(&relation["event_id"]) }
            }
            "m.room.message" if self.content["msgtype"].is_string() => Said::Message,
            "m.reaction" if relation["rel_type"] == "m.annotation" => {
                Said::Reaction { on: word(&relation["event_id"]), key: word(&relation["key"]) }
            }
            "m.room.redaction" => {
                let of = self.redacts.clone();
                Said::Redaction { of: of.unwrap_or_else(|| word(&self.content["redacts"])) }
            }
            "m.room.encryption" if self.state_key.is_some() => Said::Encryption,
            "m.room.member" => match &self.state_key {
                Some(who) => Said::Member {
                    who: who.clone(),
                    membership: word(&self.content["membership"]),
                    was_joined: self.unsigned["prev_content"]["membership"] == "join",
                },
                None => Said::Other,
            },
            _ => Said::Other,
        }
    }

    /// Returns the first message of the thread that it is a reply in.
    pub fn thread(&self) -> Option<&str> {
        let relation = &self.content["m.relates_to"];
        (relation["rel_type"] == "m.thread").then(|| relation["event_id"].as_str())?
    }

    /// Returns its newest content, and whether its author changed it. Another's event that says
    /// it replaces this one does not.
    pub fn present(&self) -> (&Value, bool) {
        let edit = &self.unsigned["m.relations"]["m.replace"];
        let is_own = edit["sender"] == self.sender.as_str() && edit["type"] == self.kind.as_str();
        match edit["content"].get("m.new_content") {
            Some(content) if is_own && content["body"].is_string() => (content, true),
            // An edit is there, and not what it says: the text can no longer be vouched for.
            _ if is_own => (&self.content, true),
            _ => (&self.content, false),
        }
    }

    /// Returns the content that an edit gives to what it replaces.
    pub fn new_content(&self) -> &Value {
        &self.content["m.new_content"]
    }

    /// Returns the name of the post that it is.
    pub fn key(&self) -> Option<&str> {
        self.content[KEY].as_str()
    }
}

/// Returns what a post says to Matrix; `key` is its name.
pub fn content(rendered: &Rendered, is_direct: bool, key: &str) -> Value {
    let mut content = text(rendered, is_direct);
    content[KEY] = key.into();
    content
}

/// Returns what an edit says to Matrix. Nobody is notified again.
pub fn edit(rendered: &Rendered, is_direct: bool, of: &str, key: Option<&str>) -> Value {
    let mut new = text(rendered, is_direct);
    if let Some(key) = key {
        new[KEY] = key.into();
    }
    let mut content = new.clone();
    content["body"] = format!("* {}", rendered.plain).into();
    content["m.new_content"] = new;
    content["m.mentions"] = json!({});
    content["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": of });
    content
}

/// A notice makes no sound; what is for somebody is a text.
fn text(rendered: &Rendered, is_direct: bool) -> Value {
    let is_for_somebody = is_direct || !rendered.notified.is_empty();
    let mut content = json!({
        "msgtype": if is_for_somebody { "m.text" } else { "m.notice" },
        "body": rendered.plain,
        "m.mentions": if rendered.notified.is_empty() {
            json!({})
        } else {
            json!({ "user_ids": rendered.notified })
        },
    });
    if let Some(html) = &rendered.html {
        content["format"] = "org.matrix.custom.html".into();
        content["formatted_body"] = html.as_str().into();
    }
    content
}

/// Returns what puts a message into a thread; clients without threads show it as a reply.
pub fn in_thread(root: &str) -> Value {
    json!({
        "rel_type": "m.thread",
        "event_id": root,
        "is_falling_back": true,
        "m.in_reply_to": { "event_id": root },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(value: Value) -> Event {
        Event::list(&json!([value])).remove(0)
    }

    fn message(content: Value, unsigned: Value) -> Event {
        event(json!({
            "event_id": "$a", "sender": "@ada:hs", "type": "m.room.message",
            "origin_server_ts": 5, "content": content, "unsigned": unsigned,
        }))
    }

    #[test]
    fn what_is_no_event_is_left_out_and_the_rest_is_read() {
        let list = json!([3, { "event_id": "$x" }, { "event_id": 1, "sender": "@a:b", "type": "m" },
            { "event_id": "$y", "sender": "@a:b", "type": "m.unknown" }]);
        let events = Event::list(&list);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].said(), Said::Other);
        assert!(Event::list(&json!({})).is_empty());
    }

    #[test]
    fn only_the_authors_edit_changes_a_text() {
        let content = json!({ "msgtype": "m.text", "body": "one" });
        let replaced = |sender: &str| {
            message(
                content.clone(),
                json!({ "m.relations": { "m.replace": {
                    "event_id": "$b", "sender": sender, "type": "m.room.message",
                    "content": { "m.new_content": { "msgtype": "m.text", "body": "two" } },
                } } }),
            )
        };
        let own = replaced("@ada:hs");
        assert_eq!((own.present().0["body"].as_str(), own.present().1), (Some("two"), true));
        let other = replaced("@eve:hs");
        assert_eq!((other.present().0["body"].as_str(), other.present().1), (Some("one"), false));
    }

    #[test]
    fn a_redaction_names_what_it_takes_back_in_either_place() {
        let redaction = |place: &str| {
            let mut value = json!({ "event_id": "$r", "sender": "@a:b", "type": "m.room.redaction",
                "content": {} });
            match place {
                "top" => value["redacts"] = "$x".into(),
                _ => value["content"]["redacts"] = "$x".into(),
            }
            event(value).said()
        };
        assert_eq!(redaction("top"), Said::Redaction { of: "$x".into() });
        assert_eq!(redaction("top"), redaction("content"));
    }

    #[test]
    fn what_was_taken_back_says_nothing() {
        let gone =
            message(json!({}), json!({ "redacted_because": { "type": "m.room.redaction" } }));
        assert_eq!(gone.said(), Said::Other);
        assert!(gone.is_redacted());
    }

    #[test]
    fn only_whom_a_post_names_is_notified_and_an_edit_notifies_nobody() {
        let mut rendered =
            Rendered { plain: "hi".into(), html: None, notified: ["@ada:hs".to_owned()].into() };
        let told = content(&rendered, false, "k");
        assert_eq!(told["m.mentions"], json!({ "user_ids": ["@ada:hs"] }));
        assert_eq!((told["msgtype"].as_str(), told[KEY].as_str()), (Some("m.text"), Some("k")));
        assert_eq!(edit(&rendered, false, "$a", None)["m.mentions"], json!({}));
        rendered.notified.clear();
        assert_eq!(content(&rendered, false, "k")["m.mentions"], json!({}));
        assert_eq!(content(&rendered, false, "k")["msgtype"], "m.notice");
        assert_eq!(content(&rendered, true, "k")["msgtype"], "m.text");
    }
}
