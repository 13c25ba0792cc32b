//! The simulated world: implements the ports in memory, as strict as the real thing.
//!
//! A [`World`] is the shipped policy repo, its people, a chat, a forge and the engine. Time
//! stands still until a test lets it pass. After everything that a test does, the engine is left
//! to run until it rests, so that a story reads like a list of what people did and heard.

pub mod chat;
pub mod clock;
pub mod drift;
pub mod executor;
pub mod forge;
mod keeping;
pub mod ledger;
pub mod source;
pub mod store;
mod sweep;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tribune::domain::duration;
use tribune::domain::id::{RepoPath, Revision};
use tribune::domain::message::{AuthorKind, Edited, MessageRef, Sign};
use tribune::domain::person::Principal;
use tribune::domain::request::State;
use tribune::domain::retention::Retention;
use tribune::domain::run::Outcome;
use tribune::domain::trust::TrustMode;
use tribune::engine::pauses::Pausing;
use tribune::engine::tuning::Tuning;
use tribune::engine::{Engine, Options, Ports, host};
use tribune::exec::by_kind::ByKind;
use tribune::exec::file::{FileConfig, Files};
use tribune::ports::clock::Clock as _;
use tribune::ports::store::{AuditFilter, Change, Store};
use tribune::redact::Redactor;
use tribune::source::workbench::Content;

use self::chat::{FakeChat, Written};
use self::clock::FakeClock;
use self::executor::FakeExecutor;
use self::forge::FakeForge;
use self::ledger::FakeLedger;
use self::source::{FakeSource, Made};
use self::store::{Disk, FakeStore};

/// Monday, 10 in the morning where the shipped freeze windows are.
const START: &str = "2026-06-01T08:00:00Z";

/// A secret of the settings, which nobody may ever see.
pub const SECRET: &str = "correct-horse-battery";

/// Everything around the engine, and the engine.
pub struct World {
    /// Time.
    pub clock: Arc<FakeClock>,
    /// The chat server.
    pub chat: Arc<FakeChat>,
    /// The policy repo.
    pub source: Arc<FakeSource>,
    /// Pull requests.
    pub forge: Arc<FakeForge>,
    /// What is executed.
    pub executor: FakeExecutor,
    /// What survives a crash.
    pub disk: Disk,
    /// The engine; none while the daemon does not run.
    engine: Option<Arc<Engine>>,
    runtime: Runtime,
    ledger: Arc<FakeLedger>,
    folder: TempDir,
    /// How often each message had been changed when it was last heard.
    heard: BTreeMap<MessageRef, u32>,
    told: Vec<String>,
    trust: TrustMode,
    /// How long things are kept, from the next start.
    pub retention: Retention,
}

/// Plays a story in a new world.
pub fn story(play: impl FnOnce(&mut World)) {
    story_with(TrustMode::FastForward, play);
}

/// Plays a story in a new world whose commits are trusted by that mode.
pub fn story_with(trust: TrustMode, play: impl FnOnce(&mut World)) {
    let mut world = World::new();
    world.trust = trust;
    world.start();
    world.heard();
    play(&mut world);
    world.check_secrets();
}

/// Returns a runtime that does nothing unless it is driven. Dropped, it is as if the daemon
/// were killed: nothing that was under way goes on.
fn runtime() -> Runtime {
    // One thread for everything that blocks: whoever waits for it waits for all before.
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build();
    runtime.expect("a runtime")
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(FakeClock::at(START.parse().expect("a time")));
        let chat =
            FakeChat::new("console", Arc::clone(&clock) as _, &["general", "ops", "prod", "lobby"]);
        let source = FakeSource::default();
        let made =
            Made { message: "the policy repo", author: "ada", at: clock.now(), ..Made::default() };
        source.commit("main", shipped(), made);
        Self {
            clock,
            chat: Arc::new(chat),
            source: Arc::new(source),
            forge: Arc::default(),
            executor: FakeExecutor::default(),
            disk: Disk::default(),
            engine: None,
            runtime: runtime(),
            ledger: Arc::default(),
            folder: tempfile::tempdir().expect("a folder"),
            heard: BTreeMap::new(),
            told: Vec::new(),
            trust: TrustMode::FastForward,
            retention: Retention::FOREVER,
        }
    }

    /// Starts the engine on what is there.
    pub fn start(&mut self) {
        let store: FakeStore = self.disk.open().expect("nobody else has the store");
        let files = Arc::new(self.files());
        let ports = Ports {
            clock: Arc::clone(&self.clock) as _,
            store: Arc::new(store),
            chats: BTreeMap::from([("console".parse().unwrap(), Arc::clone(&self.chat) as _)]),
            forge: Arc::clone(&self.forge) as _,
            source: Arc::clone(&self.source) as _,
            executor: Arc::new(ByKind {
                argv: Arc::new(self.executor.clone()),
                file: files.clone(),
            }),
            copies: files,
            ledger: Arc::clone(&self.ledger) as _,
        };
        let redactor = SHAPES.for_secrets([("db", SECRET)]).expect("a usable secret");
        let redactor = Arc::new(ArcSwap::from_pointee(redactor));
        let engine = Engine::new(ports, self.options(), redactor);
        self.runtime.block_on(engine.start()).expect("it starts");
        self.engine = Some(engine);
        self.settle();
    }

    fn tuning(&self) -> Tuning {
        Tuning {
            fetch_every: SignedDuration::from_mins(5),
            max_running: 8,
            grace: SignedDuration::from_secs(5),
            retention: self.retention,
        }
    }

    /// Returns the real executor of managed files, on a root `managed` of this world's own.
    fn files(&self) -> Files {
        std::fs::create_dir_all(self.managed("")).expect("a folder");
        let config = FileConfig {
            roots: BTreeMap::from([("managed".parse().unwrap(), self.managed(""))]),
            copies: self.folder.path().join("previous"),
            keep: 3,
            own: Vec::new(),
        };
        Files::new(config, Arc::clone(&self.clock) as _, Arc::new(Vec::new))
    }

    /// Returns where a file below the root `managed` stands.
    pub fn managed(&self, below: &str) -> PathBuf {
        self.folder.path().join("managed").join(below)
    }

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

    fn options(&self) -> Options {
        Options {
            operations: "ops".parse().unwrap(),
            trust: self.trust,
            start: None,
            source_url: "https://git.example.org/policy".into(),
            source_branch: "main".into(),
            evidence_within: SignedDuration::from_secs(10),
            edit_every: SignedDuration::from_millis(500),
            output_shown: 2_000,
            tuning: self.tuning(),
            workspaces: self.folder.path().to_owned(),
            sandbox: "none: this is a test".into(),
            warnings: Vec::new(),
            console: "console".parse().unwrap(),
            console_url: "http://{person}.localhost:8080".into(),
        }
    }

    /// The daemon is stopped in good order.
    pub fn stop(&mut self) {
        let engine = self.engine.take().expect("it runs");
        let stopping = self.runtime.spawn(async move { engine.stop().await });
        self.settle();
        self.clock.pass(SignedDuration::from_mins(1));
        self.runtime.block_on(stopping).expect("it stops");
        self.then("the daemon is stopped");
    }

    /// The daemon dies at once.
    pub fn kill(&mut self) {
        self.engine.take().expect("it runs");
        self.runtime = runtime();
        self.executor.forget();
    }

    /// The daemon is started again.
    pub fn start_again(&mut self) {
        self.start();
        self.then("the daemon is started again");
    }

    /// Returns the engine.
    pub fn engine(&self) -> &Arc<Engine> {
        self.engine.as_ref().expect("it runs")
    }

    fn store(&self) -> &Arc<dyn Store> {
        &self.engine().ports().store
    }

    /// Lets the engine run until it rests: until nothing is done and nobody is called.
    fn settle(&self) {
        const PATIENCE: u32 = 20_000;
        let mut quiet = 0;
        let mut calls = self.chat.calls();
        for _ in 0..PATIENCE {
            self.runtime.block_on(async {
                for _ in 0..64 {
                    tokio::task::yield_now().await;
                }
                tokio::task::spawn_blocking(|| {}).await.expect("it does nothing");
            });
            let now = self.chat.calls();
            quiet = if now == calls { quiet + 1 } else { 0 };
            calls = now;
            if quiet > 12 {
                return;
            }
        }
        panic!("the engine does not rest");
    }

    /// Lets the engine act on what was just done, and writes down what is heard of it.
    fn then(&mut self, done: &str) {
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

    /// Time passes.
    pub fn pass(&mut self, time: &str) {
        self.clock.pass(duration::parse(time).expect("a duration"));
        self.then(&format!("{time} pass"));
    }

    /// Time passes at once up to `HH:MM` UTC of the story's day, with nothing in between.
    pub fn skip_to(&mut self, clock: &str) {
        let at: Timestamp = format!("2026-06-01T{clock}:00Z").parse().expect("a time");
        self.clock.pass(at.duration_since(self.clock.now()));
        self.then(&format!("it is {clock} UTC"));
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

    /// Something else happened.
    pub fn note(&mut self, what: &str) {
        self.then(what);
    }

    /// Returns the present text of a file of `main`.
    pub fn file(&self, path: &str) -> String {
        let files = self.source.files(&self.source.head("main"));
        String::from_utf8(files[&path.parse().unwrap()].bytes.clone()).expect("text")
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

    /// Somebody reacts to the card of an incident of drift.
    pub fn react(&mut self, person: &str, incident: &str, sign: Sign) {
        self.chat.add(person, &self.drift_card(incident), sign);
        self.then(&format!("{person} reacts {sign:?} to {incident}"));
    }

    /// Returns the present text of the card of an incident of drift.
    pub fn drift_says(&self, incident: &str) -> String {
        self.chat.text(&self.drift_card(incident))
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
    fn heard(&mut self) -> String {
        let mut told = Vec::new();
        for written in self.chat.everything() {
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
            told.push(format!("[{} in {place}]\n{text}", message.at.id));
        }
        HEX.replace_all(&told.join("\n"), "…").into_owned()
    }

    /// No secret is in anything that anybody can read.
    fn check_secrets(&self) {
        for written in self.chat.everything() {
            let ours = written.message.kind == AuthorKind::Tribune;
            assert!(!ours || !written.message.text.contains(SECRET), "{}", written.message.text);
        }
    }
}

static SHAPES: LazyLock<Redactor> = LazyLock::new(|| Redactor::new([]).expect("no secrets"));

static HEX: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[0-9a-f]{10}\b|\b[0-9a-f]{40}\b").expect("a pattern"));

/// Returns every file of the shipped policy repo.
fn shipped() -> BTreeMap<RepoPath, Option<Content>> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = BTreeMap::new();
    let mut open: Vec<_> =
        ["policies", "intents", "inventory", "playbooks"].map(|name| top.join(name)).into();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(top).expect("below the top").to_str().expect("a name");
            let bytes = std::fs::read(&path).expect("readable");
            let executable = bytes.starts_with(b"#!");
            files.insert(name.parse().expect("a path"), Some(Content { bytes, executable }));
        }
    }
    files
}
