//! What is heard of a world, and what can be read of it.

use std::sync::LazyLock;

use regex::Regex;
use tribune::domain::message::{AuthorKind, Edited, MessageRef, PostKey};
use tribune::domain::person::Principal;
use tribune::domain::request::State;
use tribune::engine::health::Readiness;
use tribune::engine::status::Report;
use tribune::ports::store::{AuditFilter, OutboxPost};

use super::chat::Written;
use super::{SECRET, World};

impl World {
    /// Lets the engine act on what was just done, and writes down what is heard of it.
    pub(super) fn then(&mut self, done: &str) {
        self.settle();
        self.told.push(format!("» {}", HEX.replace_all(done, "…")));
        let heard = self.heard();
        if !heard.is_empty() {
            self.told.push(heard);
        }
    }

    /// Returns the story so far, and forgets it.
    pub fn told(&mut self) -> String {
        std::mem::take(&mut self.told).join("\n")
    }

    /// Something else happened.
    pub fn note(&mut self, what: &str) {
        self.then(what);
    }

    /// Returns where the newest card of a request stands.
    pub fn card(&self, request: &str) -> MessageRef {
        let card = |number: u32| self.chat.post(&format!("card:{request}:{number}"));
        (1..9).rev().find_map(card).expect("the request has a card")
    }

    /// Returns where the newest message about a revision that is not applied stands.
    pub fn held(&self) -> MessageRef {
        let everything = self.chat.everything();
        let about = |it: &&Written| it.message.text.starts_with("policy repo: not applied");
        everything.iter().rev().find(about).expect("something is held").message.at.clone()
    }

    /// Returns where the card of an incident of drift stands.
    pub fn drift_card(&self, incident: &str) -> MessageRef {
        self.chat.post(&format!("drift:{incident}")).expect("the incident has a card")
    }

    /// Returns the present text of the card of an incident of drift.
    pub fn drift_says(&self, incident: &str) -> String {
        self.chat.text(&self.drift_card(incident))
    }

    /// Returns how a post stands in the store.
    pub fn stored(&self, key: &str) -> Option<OutboxPost> {
        let key = PostKey(key.into());
        self.runtime.block_on(self.store().post(&key)).expect("readable")
    }

    /// Returns how every loop is.
    pub fn report(&self) -> Report {
        self.runtime.block_on(self.engine().report()).expect("readable")
    }

    /// Returns whether the daemon does its work.
    pub fn readiness(&self) -> Readiness {
        self.runtime.block_on(self.engine().readiness())
    }

    /// Returns how many posts wait to be sent.
    pub fn waiting(&self) -> u64 {
        let waiting = self.runtime.block_on(self.store().posts_waiting()).expect("readable");
        waiting.values().map(|waiting| waiting.posts).sum()
    }

    /// Returns the state of a request.
    pub fn state(&self, request: &str) -> State {
        let found = self.store().request(request.parse().unwrap());
        let request = self.runtime.block_on(found).expect("readable");
        request.expect("there is such a request").state
    }

    /// Returns what the audit log tells, event by event.
    pub fn audit(&self) -> Vec<String> {
        self.rows(Some(Principal::Service("reconciler".parse().expect("a name"))))
    }

    /// Returns what the audit log tells of drift.
    pub fn drift_audit(&self) -> Vec<String> {
        let mut rows = self.rows(None);
        rows.retain(|row| row.starts_with("drift."));
        rows
    }

    fn rows(&self, reconciler: Option<Principal>) -> Vec<String> {
        let everything = AuditFilter::default();
        let rows = self.runtime.block_on(self.store().audit(&everything)).expect("readable");
        rows.iter()
            // What standing intents of the shipped repo find is no part of other stories.
            .filter(|row| {
                reconciler.is_none() || row.entry.actor != reconciler || row.entry.request.is_some()
            })
            .map(|row| {
                let event = serde_json::to_value(row.entry.event).expect("a name");
                let actor = row.entry.actor.as_ref().map(|it| format!(" {it}"));
                let request = row.entry.request.map(|it| format!(" {it}"));
                let event = event.as_str().unwrap_or_default().to_owned();
                event + &request.unwrap_or_default() + &actor.unwrap_or_default()
            })
            .collect()
    }

    /// Returns what Tribune said or changed since this was last asked, without audit checkpoints.
    /// Of a card that is changed only what stands below its rule is shown; numbers that hang on
    /// content (revisions, digests) are `…`.
    pub(super) fn heard(&mut self) -> String {
        let mut told = Vec::new();
        let everything: Vec<_> = self.chats().flat_map(|chat| chat.everything()).collect();
        for written in everything {
            let message = &written.message;
            let known = self.heard.insert(message.at.clone(), written.edits);
            let ours = message.kind == AuthorKind::Tribune && message.edited == Edited::No;
            let news = known != Some(written.edits) && ours && !written.deleted;
            if !news || message.text.starts_with("audit checkpoint") {
                continue;
            }
            let text = match message.text.split_once("\n---\n") {
                Some((_, below)) if known.is_some() => format!("…\n{below}"),
                _ => message.text.clone(),
            };
            let place = match &message.thread {
                Some(root) => format!("the thread of {root}"),
                None => format!("#{}", message.at.channel),
            };
            let on = match message.at.platform.as_str() {
                "console" => String::new(),
                platform => format!("{platform} "),
            };
            told.push(format!("[{on}{} in {place}]\n{text}", message.at.id));
        }
        HEX.replace_all(&told.join("\n"), "…").into_owned()
    }

    /// No secret is in anything that anybody can read.
    pub(super) fn check_secrets(&self) {
        for written in self.chats().flat_map(|chat| chat.everything()) {
            let ours = written.message.kind == AuthorKind::Tribune;
            assert!(!ours || !written.message.text.contains(SECRET), "{}", written.message.text);
        }
    }
}

static HEX: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[0-9a-f]{10}\b|\b[0-9a-f]{40}\b").expect("a pattern"));
