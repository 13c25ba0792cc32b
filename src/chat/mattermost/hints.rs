//! What came over the socket and was not told yet.
//!
//! Hints of one kind fall together, so that a flood costs no memory: which channels have
//! something new, which messages were touched, and whether anything may have been missed.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::Notify;

use super::slot::Slot;
use crate::domain::message::MessageRef;
use crate::ports::chat::ChatEvent;

/// Touched messages that are kept apart; more of them are a gap.
const TOUCHED: usize = 4_096;

/// Posts whose last own text is known.
const EDITED: usize = 1_000;

/// Which channels to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dirty {
    /// Every one.
    All,
    /// These, by id, with the time of the first post that was told of, if one was.
    Some(BTreeMap<String, Option<i64>>),
}

/// What waits to be told.
pub(super) struct Hints {
    waiting: Slot<Waiting>,
    /// What Tribune last wrote over its own posts.
    edited: Slot<VecDeque<(String, String)>>,
    bell: Notify,
}

struct Waiting {
    is_open: bool,
    /// Why there is no connection, until it was told.
    down: Option<String>,
    gap: bool,
    messages: bool,
    touched: VecDeque<MessageRef>,
    dirty: Dirty,
}

impl Hints {
    /// Knows nothing, so everything is to be read.
    pub fn new() -> Self {
        let waiting = Waiting {
            is_open: false,
            down: None,
            gap: false,
            messages: false,
            touched: VecDeque::new(),
            dirty: Dirty::All,
        };
        let edited = Slot::new(VecDeque::new());
        Self { waiting: Slot::new(waiting), edited, bell: Notify::new() }
    }

    /// Something new may stand in a channel, from a time on if it is known.
    pub fn posted(&self, channel: &str, at: Option<i64>) {
        self.waiting.with(|waiting| {
            waiting.messages = true;
            waiting.dirty.add(channel.to_owned(), at);
        });
        self.bell.notify_one();
    }

    /// A message may have changed, or what stands under it.
    pub fn touched(&self, at: MessageRef) {
        self.waiting.with(|waiting| {
            if waiting.gap || waiting.touched.contains(&at) {
                return;
            }
            if waiting.touched.len() == TOUCHED {
                waiting.touched.clear();
                waiting.gap = true;
                return;
            }
            waiting.touched.push_back(at);
        });
        self.bell.notify_one();
    }

    /// Tribune wrote a post, or is about to change the text of one: that it reads so is no news.
    pub fn wrote(&self, post: &str, text: &str) {
        self.edited.with(|edited| {
            edited.retain(|(known, _)| known != post);
            edited.push_back((post.to_owned(), text.to_owned()));
            if edited.len() > EDITED {
                edited.pop_front();
            }
        });
    }

    /// Says whether a post reads as Tribune last wrote it.
    pub fn is_own_edit(&self, post: &str, text: &str) -> bool {
        self.edited.with(|edited| edited.iter().any(|(known, own)| known == post && own == text))
    }

    /// There is a connection, and anything may have been missed before.
    pub fn open(&self) {
        self.waiting.with(|waiting| waiting.is_open = true);
        self.gap();
    }

    /// Says whether there is a connection.
    pub fn is_open(&self) -> bool {
        self.waiting.with(|waiting| waiting.is_open)
    }

    /// Channels are no longer what they were, which nobody needs to be told of.
    pub fn channels_changed(&self) {
        self.waiting.with(|waiting| waiting.dirty = Dirty::All);
    }

    /// Where there is no connection, something new may stand anywhere.
    pub fn ask_if_closed(&self) {
        let is_closed = self.waiting.with(|waiting| {
            waiting.messages |= !waiting.is_open;
            !waiting.is_open
        });
        if is_closed {
            self.bell.notify_one();
        }
    }

    /// Anything may have been missed.
    pub fn gap(&self) {
        self.waiting.with(|waiting| {
            waiting.down = None;
            waiting.gap = true;
            waiting.messages = false;
            waiting.touched.clear();
            waiting.dirty = Dirty::All;
        });
        self.bell.notify_one();
    }

    /// There is no connection.
    pub fn down(&self, why: String) {
        self.waiting.with(|waiting| {
            waiting.is_open = false;
            waiting.down = Some(why);
            waiting.dirty = Dirty::All;
        });
        self.bell.notify_one();
    }

    /// Waits for what is to be told next; the error says why there is no connection, once.
    pub async fn next(&self) -> Result<ChatEvent, String> {
        loop {
            if let Some(next) = self.waiting.with(Waiting::take) {
                return next;
            }
            self.bell.notified().await;
        }
    }

    /// Takes over which channels to read.
    pub fn take_dirty(&self) -> Dirty {
        self.waiting
            .with(|waiting| std::mem::replace(&mut waiting.dirty, Dirty::Some(BTreeMap::new())))
    }

    /// Puts back channels that are still to be read.
    pub fn put_back(&self, left: Dirty) {
        self.waiting.with(|waiting| match left {
            Dirty::All => waiting.dirty = Dirty::All,
            Dirty::Some(left) => left.into_iter().for_each(|(id, at)| waiting.dirty.add(id, at)),
        });
    }
}

impl Dirty {
    /// Adds a channel; of two times the earlier one counts.
    fn add(&mut self, channel: String, at: Option<i64>) {
        if let Self::Some(channels) = self {
            let known = channels.entry(channel).or_default();
            *known = known.iter().chain(&at).min().copied();
        }
    }
}

impl Waiting {
    fn take(&mut self) -> Option<Result<ChatEvent, String>> {
        if let Some(why) = self.down.take() {
            return Some(Err(why));
        }
        if std::mem::take(&mut self.gap) {
            return Some(Ok(ChatEvent::Gap));
        }
        if std::mem::take(&mut self.messages) {
            return Some(Ok(ChatEvent::Messages));
        }
        self.touched.pop_front().map(|at| Ok(ChatEvent::Touched(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: usize) -> MessageRef {
        MessageRef {
            platform: "mattermost".parse().unwrap(),
            channel: "c".parse().unwrap(),
            id: format!("m{number}").parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn hints_of_one_kind_fall_together() {
        let hints = Hints::new();
        hints.gap();
        assert_eq!(hints.next().await, Ok(ChatEvent::Gap));
        for _ in 0..3 {
            hints.posted("c", None);
            hints.touched(at(1));
        }
        assert_eq!(hints.next().await, Ok(ChatEvent::Messages));
        assert_eq!(hints.next().await, Ok(ChatEvent::Touched(at(1))));
        hints.down("it broke".into());
        hints.touched(at(2));
        assert_eq!(hints.next().await, Err("it broke".into()));
        hints.gap();
        assert_eq!(hints.next().await, Ok(ChatEvent::Gap));
    }

    #[tokio::test]
    async fn a_flood_becomes_a_gap() {
        let hints = Hints::new();
        for number in 0..TOUCHED + 10 {
            hints.touched(at(number));
        }
        assert_eq!(hints.next().await, Ok(ChatEvent::Gap));
    }

    #[tokio::test]
    async fn while_there_is_no_connection_messages_are_asked_for() {
        let hints = Hints::new();
        hints.ask_if_closed();
        assert_eq!(hints.next().await, Ok(ChatEvent::Messages));
        hints.open();
        assert_eq!(hints.next().await, Ok(ChatEvent::Gap));
        hints.ask_if_closed();
        hints.down("it broke".into());
        assert_eq!(hints.next().await, Err("it broke".into()));
        hints.ask_if_closed();
        assert_eq!(hints.next().await, Ok(ChatEvent::Messages));
    }

    #[test]
    fn what_could_not_be_read_stays_to_be_read() {
        let hints = Hints::new();
        assert_eq!(hints.take_dirty(), Dirty::All);
        hints.posted("a", Some(7));
        let taken = hints.take_dirty();
        hints.posted("a", Some(8));
        hints.posted("b", None);
        hints.put_back(taken);
        assert_eq!(
            hints.take_dirty(),
            Dirty::Some([("a".to_owned(), Some(7)), ("b".to_owned(), None)].into())
        );
        hints.put_back(Dirty::All);
        hints.posted("c", None);
        assert_eq!(hints.take_dirty(), Dirty::All);
    }
}
