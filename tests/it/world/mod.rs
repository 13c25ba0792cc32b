//! The simulated world: implements the ports in memory, as strict as the real thing.
//!
//! A [`World`] is the shipped policy repo, its people, a chat, a forge and the engine. Time
//! stands still until a test lets it pass. After everything that a test does, the engine is left
//! to run until it rests, so that a story reads like a list of what people did and heard.

mod acting;
pub mod chat;
pub mod clock;
mod data;
pub mod drift;
pub mod executor;
pub mod forge;
mod keeping;
pub mod ledger;
pub mod pressing;
pub mod source;
pub mod store;
mod sweep;
mod telling;
pub mod two;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tribune::domain::duration;
use tribune::domain::id::RepoPath;
use tribune::domain::message::MessageRef;
use tribune::domain::retention::Retention;
use tribune::domain::trust::TrustMode;
use tribune::engine::tuning::{Manners, Tuning};
use tribune::engine::{Engine, Options, Ports};
use tribune::exec::by_kind::ByKind;
use tribune::exec::file::{FileConfig, Files};
use tribune::ports::chat::Chat as _;
use tribune::ports::clock::Clock as _;
use tribune::ports::store::Store;
use tribune::redact::Redactor;
use tribune::source::workbench::Content;

use self::chat::FakeChat;
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
    /// Another chat server, of another platform, where a story has one.
    matrix: Option<Arc<FakeChat>>,
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
    /// What is heard of what people type, from the next start.
    pub manners: Manners,
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
            matrix: None,
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
            manners: Manners {
                late_after: SignedDuration::from_mins(10),
                per_person: 1_000,
                per_channel: 1_000,
            },
        }
    }

    /// Starts the engine on what is there.
    pub fn start(&mut self) {
        let store: FakeStore = self.disk.open().expect("nobody else has the store");
        let files = Arc::new(self.files());
        let ports = Ports {
            clock: Arc::clone(&self.clock) as _,
            store: Arc::new(store),
            chats: self.chats().map(|it| (it.platform().clone(), Arc::clone(it) as _)).collect(),
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
            manners: self.manners.clone(),
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
            seal: pressing::seal(),
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
        let all = || self.chats().map(|chat| chat.calls()).sum::<u64>();
        let mut calls = all();
        for _ in 0..PATIENCE {
            self.runtime.block_on(async {
                for _ in 0..64 {
                    tokio::task::yield_now().await;
                }
                tokio::task::spawn_blocking(|| {}).await.expect("it does nothing");
            });
            let now = all();
            quiet = if now == calls { quiet + 1 } else { 0 };
            calls = now;
            if quiet > 12 {
                return;
            }
        }
        panic!("the engine does not rest");
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
}

static SHAPES: LazyLock<Redactor> = LazyLock::new(|| Redactor::new([]).expect("no secrets"));

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
