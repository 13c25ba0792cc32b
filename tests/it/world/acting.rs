//! What people do in a world: they write, react and push, and root types on the host.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tribune::domain::duration;
use tribune::domain::id::{RepoPath, Revision};
use tribune::domain::message::{Edited, MessageRef, Sign};
use tribune::domain::run::Outcome;
use tribune::engine::host;
use tribune::engine::pauses::Pausing;
use tribune::ports::clock::Clock as _;
use tribune::ports::store::Change;
use tribune::source::workbench::Content;

use super::World;
use super::source::Made;

impl World {
    /// Root on the host puts the newest previous copy of a managed file back.
    pub fn restore(&mut self, path: &str, reason: &str) {
        let engine = Arc::clone(self.engine());
        let command = format!("file restore {path}");
        let done = self.runtime.block_on(async {
            let detail = json!({ "path": path, "reason": reason });
            engine.note_host_command(0, &command, detail).await.expect("the store works");
            engine.ports().copies.restore(&path.parse().expect("a path"), None).await
        });
        self.then(&format!("{command} on the host: {reason}"));
        done.expect("there is a copy");
    }

    /// Somebody writes in a channel (`dm:<account>`: to Tribune alone).
    pub fn say(&mut self, person: &str, channel: &str, text: &str) -> MessageRef {
        let at = self.chat.write(person, channel, text);
        self.then(&format!("{person} in #{channel}: {text}"));
        at
    }

    /// Somebody replies in the thread of a message.
    pub fn reply(&mut self, person: &str, to: &MessageRef, text: &str) -> MessageRef {
        let at = self.chat.reply(person, to, text);
        self.then(&format!("{person} in the thread of {}: {text}", to.id));
        at
    }

    /// Somebody approves the present card of a request by reaction.
    pub fn approve(&mut self, person: &str, request: &str) {
        self.chat.add(person, &self.card(request), Sign::Approve);
        self.then(&format!("{person} reacts ✅ to {request}"));
    }

    /// Somebody vetoes the present card of a request by reaction.
    pub fn veto(&mut self, person: &str, request: &str) {
        self.chat.add(person, &self.card(request), Sign::Veto);
        self.then(&format!("{person} reacts ❌ to {request}"));
    }

    /// Somebody takes back an approval of the present card of a request.
    pub fn withdraw(&mut self, person: &str, request: &str) {
        self.chat.remove(person, &self.card(request), Sign::Approve);
        self.then(&format!("{person} takes ✅ back from {request}"));
    }

    /// Somebody changes a message.
    pub fn rewrite(&mut self, at: &MessageRef, by: Edited, text: &str) {
        self.chat.rewrite(at, by, text);
        self.then(&format!("{} is changed ({by:?}): {text}", at.id));
    }

    /// Somebody deletes a message.
    pub fn delete(&mut self, at: &MessageRef) {
        self.chat.delete(at);
        self.then(&format!("{} is deleted", at.id));
    }

    /// Ada pushes changes to `main`, not signed; `None` removes a file.
    pub fn push(&mut self, message: &str, changes: &[(&str, Option<&str>)]) -> Revision {
        self.push_by(("ada", None), message, changes)
    }

    /// Somebody pushes changes to `main`, signed by a key if one is given.
    pub fn push_by(
        &mut self,
        (author, key): (&str, Option<&str>),
        message: &str,
        changes: &[(&str, Option<&str>)],
    ) -> Revision {
        let changes = changes.iter().map(|(path, content)| {
            let path: RepoPath = path.parse().expect("a path");
            let was = self.source.files(&self.source.head("main"));
            let executable = was.get(&path).is_some_and(|it| it.executable);
            let content = content.map(|it| Content { bytes: it.into(), executable });
            (path, content)
        });
        let key = key.map(ToOwned::to_owned);
        let made = Made { message, author, at: self.clock.now(), key, ..Made::default() };
        let revision = self.source.commit("main", changes.collect(), made);
        self.then(&format!("a push: {message}"));
        revision
    }

    /// Somebody pushes one file with one piece of its text replaced.
    pub fn edit(&mut self, path: &str, from: &str, to: &str) -> Revision {
        let text = self.file(path);
        assert!(text.contains(from), "{path} holds no {from:?}");
        let text = text.replace(from, to);
        self.push(&format!("change {path}"), &[(path, Some(&text))])
    }

    /// Somebody reacts ✅ to the message about the revision that is not applied.
    pub fn agree(&mut self, person: &str) {
        self.chat.add(person, &self.held(), Sign::Approve);
        self.then(&format!("{person} reacts ✅ to what is held"));
    }

    /// Root on the host lets a revision pass; returns why not, if it may not.
    pub fn accept(&mut self, revision: &Revision, reason: &str) -> Option<String> {
        let (engine, by) = (Arc::clone(self.engine()), host::principal(0));
        let command = "source accept";
        let done = self.runtime.block_on(async {
            engine.note_host_command(0, command, json!({ "reason": reason })).await?;
            engine.accept(revision, reason, &by).await
        });
        self.then(&format!("{command} on the host: {reason}"));
        done.expect("the store works").err().map(|refused| refused.to_string())
    }

    /// Root on the host starts anew from a revision; returns why not, if that may not be.
    pub fn rearm(&mut self, revision: &Revision, reason: &str) -> Option<String> {
        let (engine, by) = (Arc::clone(self.engine()), host::principal(0));
        let command = "source rearm";
        let done = self.runtime.block_on(async {
            engine.note_host_command(0, command, json!({ "reason": reason })).await?;
            engine.rearm(revision, reason, &by).await
        });
        self.then(&format!("{command} on the host: {reason}"));
        done.expect("the store works").err().map(|refused| refused.to_string())
    }

    /// Root on the host pauses an intent or everything.
    pub fn pause_on_host(&mut self, scope: &str, length: &str, reason: &str) {
        let engine = Arc::clone(self.engine());
        let wanted = Pausing {
            scope: scope.parse().expect("a scope"),
            length: duration::parse(length).expect("a duration"),
            reason: reason.to_owned(),
            by: host::principal(0),
            place: None,
        };
        let done = self.runtime.block_on(engine.pause(&wanted, |_| Change::default()));
        self.then(&format!("pause {scope} {length} on the host: {reason}"));
        done.expect("the store works").expect("it is paused");
    }

    /// Somebody merges a branch into `main` as pull request `number`; returns the merge.
    pub fn merge(&mut self, number: u64) -> Revision {
        let branch = format!("pull-{number}");
        self.source.branch(&branch, "main");
        let made =
            |message| Made { message, author: "ken", at: self.clock.now(), ..Made::default() };
        let note = format!("playbooks/files/note-{number}").parse().expect("a path");
        let files = BTreeMap::from([(note, Some(Content::text("a note\n")))]);
        self.source.commit(&branch, files, made("a note"));
        let merge = self.source.merge("main", &branch, made("merge a note"));
        self.then(&format!("pull request {number} is merged"));
        merge
    }

    /// A run writes something.
    pub fn output(&mut self, run: &str, output: &str) {
        self.executor.write(run, output);
        self.then(&format!("{run} writes {output:?}"));
    }

    /// A run ends.
    pub fn end(&mut self, run: &str, outcome: Outcome) {
        let done = format!("{run} ends: {outcome:?}");
        self.executor.end(run, outcome);
        self.then(&done);
    }

    /// Returns the present text of a file of `main`.
    pub fn file(&self, path: &str) -> String {
        let files = self.source.files(&self.source.head("main"));
        String::from_utf8(files[&path.parse().unwrap()].bytes.clone()).expect("text")
    }

    /// Somebody reacts to the card of an incident of drift.
    pub fn react(&mut self, person: &str, incident: &str, sign: Sign) {
        self.chat.add(person, &self.drift_card(incident), sign);
        self.then(&format!("{person} reacts {sign:?} to {incident}"));
    }
}
