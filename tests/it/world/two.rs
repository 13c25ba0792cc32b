//! A world with two chat platforms: beside the console a Matrix server, where everybody of the
//! policy repo has a second account and every channel a second place.

use std::sync::Arc;

use tribune::domain::message::{Edited, MessageRef, Sign};
use tribune::ports::clock::Clock as _;

use super::World;
use super::chat::FakeChat;
use super::source::Made;
use crate::world::source::FakeSource;

/// Plays a story in a world with two platforms; `channels` says how `chat: { console: NAME }` of
/// each channel is written there.
pub fn story_on_two(channels: &[(&str, &str)], play: impl FnOnce(&mut World)) {
    let mut world = World::new();
    let rooms = ["!general:hs", "!ops:hs", "!prod:hs"];
    world.matrix = Some(Arc::new(FakeChat::new("matrix", Arc::clone(&world.clock) as _, &rooms)));
    world.bind_everybody(channels);
    world.start();
    world.heard();
    play(&mut world);
    world.check_secrets();
}

impl World {
    /// Returns every chat server.
    pub(super) fn chats(&self) -> impl Iterator<Item = &Arc<FakeChat>> {
        std::iter::once(&self.chat).chain(&self.matrix)
    }

    /// Returns the Matrix server.
    pub fn matrix(&self) -> &FakeChat {
        self.matrix.as_ref().expect("this world has two platforms")
    }

    fn bind_everybody(&mut self, channels: &[(&str, &str)]) {
        let source: &FakeSource = &self.source;
        let mut changes = std::collections::BTreeMap::new();
        for (path, content) in source.files(&source.head("main")) {
            let text = String::from_utf8_lossy(&content.bytes).into_owned();
            let mut new = text.clone();
            if let Some(person) = path.as_str().strip_prefix("inventory/people/") {
                let name = person.trim_end_matches(".yaml");
                let accounts = format!("chat: {{ console: {name}, matrix: \"@{name}:hs\" }}");
                new = text.replace(&format!("chat: {{ console: {name} }}"), &accounts);
            } else if path.as_str() == "inventory/channels.yaml" {
                for (name, places) in channels {
                    let old = format!("chat: {{ console: {name} }}");
                    assert!(new.contains(&old), "no channel {name}");
                    new = new.replace(&old, places);
                }
            }
            if new != text {
                let bytes = new.into_bytes();
                let changed = super::Content { bytes, executable: content.executable };
                changes.insert(path, Some(changed));
            }
        }
        let made =
            Made { message: "Matrix", author: "ada", at: self.clock.now(), ..Made::default() };
        source.commit("main", changes, made);
    }

    /// Somebody writes in a room of the Matrix server (`dm:<account>`: to Tribune alone).
    pub fn say_on_matrix(&mut self, account: &str, room: &str, text: &str) -> MessageRef {
        let at = self.matrix().write(account, room, text);
        self.then(&format!("{account} in #{room}: {text}"));
        at
    }

    /// Somebody replies in a thread of the Matrix server.
    pub fn reply_on_matrix(&mut self, account: &str, to: &MessageRef, text: &str) {
        self.matrix().reply(account, to, text);
        self.then(&format!("{account} in the thread of {}: {text}", to.id));
    }

    /// Somebody reacts on the Matrix server.
    pub fn react_on_matrix(&mut self, account: &str, to: &MessageRef, sign: Sign) {
        self.matrix().add(account, to, sign);
        self.then(&format!("{account} reacts {sign:?} to {}", to.id));
    }

    /// Returns where a request's first card stands on the Matrix server, if it does.
    pub fn card_on_matrix(&self, request: &str) -> Option<MessageRef> {
        self.matrix().post(&format!("card:{request}:1"))
    }

    /// Somebody writes in a channel, and the text is changed before Tribune reads it.
    pub fn say_and_edit(
        &mut self,
        person: &str,
        channel: &str,
        (first, then): (&str, &str),
        by: Edited,
    ) {
        let at = self.chat.write(person, channel, first);
        self.chat.rewrite(&at, by, then);
        self.then(&format!("{person} in #{channel}: {first} — edited at once ({by:?}): {then}"));
    }
}
