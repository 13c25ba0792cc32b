//! What was read from the server and not yet asked for: messages by place, hints in order.
//!
//! Pure. The place in the stream is the server's own token. Batches form a chain; whoever asks
//! from a place that the chain still knows gets what is in memory, from any other place the
//! server is asked. Everything here is bounded.

use std::collections::{HashMap, VecDeque};

use crate::domain::id::{AccountId, MessageId};
use crate::domain::message::{Edited, Message};
use crate::ports::chat::ChatEvent;

/// Messages that stay in memory, and batches, at most.
const KEPT: usize = 4_000;
/// Events whose relation is remembered, at most.
const RELATIONS: usize = 20_000;

/// What lies between two places.
#[derive(Debug, Clone, PartialEq)]
struct Batch {
    from: String,
    to: String,
    messages: Vec<Message>,
}

/// The stream as far as it was read.
#[derive(Debug, Default)]
pub struct Stream {
    /// Up to where it was read.
    position: Option<String>,
    /// Whether anything was read on from there.
    was_read: bool,
    batches: VecDeque<Batch>,
    hints: VecDeque<ChatEvent>,
    /// The last place that was handed out: a batch must begin there.
    handed: Option<String>,
    /// Where messages that were handed out ended, until somebody asks on from there.
    ended: Option<String>,
    /// From where somebody waits at the server for what comes.
    waits_from: Option<String>,
}

/// What one reading gave.
#[derive(Debug, Default)]
pub struct Read {
    /// New messages, oldest first.
    pub messages: Vec<Message>,
    /// What changed since.
    pub changes: Vec<Change>,
    /// What may have happened.
    pub hints: Vec<ChatEvent>,
}

/// What happened to a message that may still be in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This account gives it another text, which counts only if it is its author.
    Edited {
        /// Which message.
        id: MessageId,
        /// Who.
        by: AccountId,
        /// The text.
        text: String,
    },
    /// It is gone.
    Gone(MessageId),
}

/// Makes messages as they are after the changes.
pub fn apply(changes: &[Change], messages: &mut Vec<Message>) {
    for change in changes {
        match change {
            Change::Edited { id, by, text } => {
                for message in messages.iter_mut() {
                    if message.at.id == *id && message.author.id == *by {
                        message.text.clone_from(text);
                        message.edited = Edited::ByAuthor;
                    }
                }
            }
            Change::Gone(id) => messages.retain(|message| message.at.id != *id),
        }
    }
}

impl Stream {
    /// Returns up to where it was read.
    pub fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    /// Says whether what had come before is read.
    pub fn was_read(&self) -> bool {
        self.was_read
    }

    /// Begins at the present place, unless somebody has found one meanwhile: what came since is
    /// still to be read.
    pub fn begin(&mut self, place: &str) {
        self.position.get_or_insert_with(|| place.to_owned());
    }

    /// Begins anew at a place, unless it is already there.
    pub fn begin_at(&mut self, place: &str) {
        if self.position.as_deref() != Some(place) {
            self.batches.clear();
            self.position = Some(place.to_owned());
            self.was_read = false;
        }
    }

    /// Takes what was read from `from` on; drops it if somebody else has read on meanwhile.
    pub fn take(&mut self, from: &str, to: &str, read: Read) {
        if self.position.as_deref() != Some(from) {
            return;
        }
        self.position = Some(to.to_owned());
        self.was_read = true;
        if !read.changes.is_empty() {
            for batch in &mut self.batches {
                apply(&read.changes, &mut batch.messages);
            }
        }
        match self.batches.back_mut() {
            Some(last) if self.handed.as_ref() != Some(&last.to) => {
                last.to = to.to_owned();
                last.messages.extend(read.messages);
            }
            _ => self.batches.push_back(Batch {
                from: from.to_owned(),
                to: to.to_owned(),
                messages: read.messages,
            }),
        }
        let count = |batches: &VecDeque<Batch>| -> usize {
            batches.iter().map(|batch| batch.messages.len() + 1).sum()
        };
        // The newest stays whole: what was just read is what is asked for.
        while self.batches.len() > 1 && count(&self.batches) > KEPT {
            self.batches.pop_front();
        }
        for hint in read.hints {
            if !self.hints.contains(&hint) {
                self.hints.push_back(hint);
            }
        }
    }

    /// Returns the next hint.
    pub fn next_hint(&mut self) -> Option<ChatEvent> {
        self.hints.pop_front()
    }

    /// Returns the messages after a place, and the place after them; `None`: the server must be
    /// asked. What lies before the place is forgotten.
    pub fn after(&mut self, place: &str) -> Option<(Vec<Message>, String)> {
        let first = self.batches.iter().position(|batch| batch.from == place)?;
        self.batches.drain(..first);
        let messages: Vec<Message> =
            self.batches.iter().flat_map(|batch| batch.messages.clone()).collect();
        let to = self.batches.back().map(|batch| batch.to.clone())?;
        self.handed = Some(to.clone());
        if !messages.is_empty() {
            self.ended = Some(to.clone());
        }
        // Whoever has them needs no hint to them.
        self.hints.retain(|hint| *hint != ChatEvent::Messages);
        Some((messages, to))
    }

    /// Says whether a place is known: what comes after it is in memory, or not read yet.
    pub fn knows(&self, place: &str) -> bool {
        self.position() == Some(place) || self.batches.iter().any(|batch| batch.from == place)
    }

    /// Notes that somebody waits at the server for what comes after a place, or no longer.
    pub fn waits(&mut self, from: Option<&str>) {
        self.waits_from = from.map(str::to_owned);
    }

    /// Says whether nobody has to ask the server on from a place: messages that end there were
    /// just handed out, and somebody waits for what comes and will hint at it. Once per place, so
    /// that whoever asks again hears of the server itself.
    pub fn is_waited_for(&mut self, place: &str) -> bool {
        let ended = self.ended.take();
        ended.as_deref() == Some(place)
            && self.waits_from.is_some()
            && self.waits_from == self.position
    }

    /// Notes that a place is handed out.
    pub fn hand_out(&mut self, place: &str) {
        self.handed = Some(place.to_owned());
    }
}

/// What an event belongs to, so that its redaction can be told to whom it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// A reaction on a message.
    On(String),
    /// An edit of a message.
    Of(String),
    /// A message, in this thread if in any.
    Thread(Option<String>),
}

/// What events belong to, the latest of them.
#[derive(Debug, Default)]
pub struct Relations {
    by_event: HashMap<String, Relation>,
    order: VecDeque<String>,
}

impl Relations {
    /// Remembers what an event belongs to.
    pub fn note(&mut self, event: &str, relation: Relation) {
        if self.by_event.insert(event.to_owned(), relation).is_none() {
            self.order.push_back(event.to_owned());
        }
        while self.order.len() > RELATIONS {
            if let Some(oldest) = self.order.pop_front() {
                self.by_event.remove(&oldest);
            }
        }
    }

    /// Returns what an event belongs to, if that is remembered.
    pub fn of(&self, event: &str) -> Option<&Relation> {
        self.by_event.get(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::{AuthorKind, MessageRef};
    use crate::domain::person::Account;

    fn message(id: &str) -> Message {
        let platform: crate::domain::id::Platform = "matrix".parse().unwrap();
        let account = Account { platform: platform.clone(), id: "@ada:hs".parse().unwrap() };
        let at =
            MessageRef { platform, channel: "!room".parse().unwrap(), id: id.parse().unwrap() };
        Message {
            at,
            thread: None,
            author: account,
            kind: AuthorKind::Human,
            direct: false,
            text: id.to_owned(),
            sent: jiff::Timestamp::UNIX_EPOCH,
            edited: Edited::No,
            mentions: Vec::new(),
        }
    }

    fn read(ids: &[&str]) -> Read {
        Read { messages: ids.iter().map(|id| message(id)).collect(), ..Read::default() }
    }

    fn edit(id: &str, by: &str, text: &str) -> Change {
        let (id, by) = (id.parse().unwrap(), by.parse().unwrap());
        Change::Edited { id, by, text: text.to_owned() }
    }

    fn after(stream: &mut Stream, place: &str) -> Option<(Vec<String>, String)> {
        let (messages, to) = stream.after(place)?;
        Some((messages.into_iter().map(|message| message.text).collect(), to))
    }

    #[test]
    fn what_is_in_memory_is_returned_again_until_it_is_passed() {
        let mut stream = Stream::default();
        stream.begin_at("a");
        stream.take("a", "b", read(&["1"]));
        stream.take("b", "c", read(&["2"]));
        for _ in 0..2 {
            let all = (vec!["1".to_owned(), "2".to_owned()], "c".to_owned());
            assert_eq!(after(&mut stream, "a"), Some(all));
        }
        assert_eq!(after(&mut stream, "c"), None);
        stream.take("c", "d", read(&["3"]));
        stream.take("d", "e", read(&[]));
        assert_eq!(after(&mut stream, "c"), Some((vec!["3".to_owned()], "e".to_owned())));
        assert_eq!(after(&mut stream, "a"), None, "it was passed");
    }

    #[test]
    fn what_two_read_at_once_is_taken_once() {
        let mut stream = Stream::default();
        stream.begin_at("a");
        stream.take("a", "b", read(&["1"]));
        stream.take("a", "c", read(&["1", "2"]));
        assert_eq!(after(&mut stream, "a"), Some((vec!["1".to_owned()], "b".to_owned())));
        assert_eq!(stream.position(), Some("b"));
    }

    #[test]
    fn what_changed_before_it_was_asked_for_is_as_it_is_now() {
        let mut stream = Stream::default();
        stream.begin_at("a");
        stream.take("a", "b", read(&["$1", "$2", "$3"]));
        let change = Read {
            changes: vec![
                edit("$1", "@ada:hs", "changed"),
                edit("$3", "@eve:hs", "changed"),
                Change::Gone("$2".parse().unwrap()),
            ],
            ..Read::default()
        };
        stream.take("b", "c", change);
        let (messages, _) = stream.after("a").unwrap();
        let found: Vec<_> = messages.iter().map(|it| (it.text.as_str(), it.edited)).collect();
        assert_eq!(found, [("changed", Edited::ByAuthor), ("$3", Edited::No)]);
    }

    #[test]
    fn nobody_asks_on_from_what_was_just_handed_out_while_somebody_waits() {
        let mut stream = Stream::default();
        stream.begin_at("a");
        stream.take("a", "b", read(&["1"]));
        stream.waits(Some("b"));
        assert!(!stream.is_waited_for("a"), "nothing was handed out");
        for waits in [None, Some("a")] {
            stream.waits(waits);
            after(&mut stream, "a");
            assert!(!stream.is_waited_for("b"), "nobody waits there: {waits:?}");
        }
        stream.waits(Some("b"));
        after(&mut stream, "a");
        assert!(stream.is_waited_for("b"));
        assert!(!stream.is_waited_for("b"), "the server itself is asked");
        after(&mut stream, "a");
        stream.take("b", "c", read(&[]));
        assert!(!stream.is_waited_for("b"), "what is waited for came");
    }

    #[test]
    fn a_place_is_known_while_its_batch_is_in_memory() {
        let mut stream = Stream::default();
        stream.begin_at("a");
        stream.take("a", "b", read(&["1"]));
        stream.hand_out("b");
        stream.take("b", "c", read(&[]));
        for place in ["a", "b", "c"] {
            assert!(stream.knows(place), "{place}");
        }
        after(&mut stream, "b");
        assert!(!stream.knows("a") && !stream.knows("z"));
    }

    #[test]
    fn a_place_elsewhere_begins_anew() {
        let mut stream = Stream::default();
        stream.begin_at("a");
        stream.take("a", "b", read(&["1"]));
        stream.begin_at("z");
        assert_eq!((after(&mut stream, "a"), stream.position()), (None, Some("z")));
    }

    #[test]
    fn the_beginning_is_found_once() {
        let mut stream = Stream::default();
        stream.begin("a");
        stream.hand_out("a");
        stream.begin("b");
        assert_eq!(stream.position(), Some("a"), "what came between is still to be read");
    }

    #[test]
    fn memory_is_bounded() {
        let mut stream = Stream::default();
        stream.begin_at("0");
        for number in 0..(KEPT * 2) {
            stream.hand_out(&number.to_string());
            stream.take(&number.to_string(), &(number + 1).to_string(), read(&["1"]));
        }
        assert!(stream.batches.len() <= KEPT);
        let mut relations = Relations::default();
        for number in 0..(RELATIONS + 10) {
            relations.note(&number.to_string(), Relation::Thread(None));
        }
        assert_eq!((relations.by_event.len(), relations.order.len()), (RELATIONS, RELATIONS));
        assert_eq!(relations.of("0"), None);
    }
}
