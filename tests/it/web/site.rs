//! The console on a real socket, over the real store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tribune::chat::console::{Console, PLATFORM};
use tribune::domain::audit::chain::Broken;
use tribune::domain::audit::report::{self, Finding};
use tribune::domain::ban::{Ban, Rests};
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::channel::{Channel, Spot, Strength};
use tribune::domain::id::{ChannelName, ChatChannelId, PersonId, Platform};
use tribune::domain::message::{MessageRef, PostKey};
use tribune::domain::person::{Person, Principal};
use tribune::domain::repo::{PolicyFile, PolicyRepo};
use tribune::engine::health::{Check, Readiness};
use tribune::engine::sessions::viewing::Viewing;
use tribune::engine::sessions::{Applied, Sessions};
use tribune::engine::status::{Fact, Health, LoopStatus, Report};
use tribune::engine::verifying::Verifying;
use tribune::policy::Snapshot;
use tribune::ports::audit_check::{AuditCheck, AuditCheckError};
use tribune::ports::board::Board;
use tribune::ports::chat::{Chat, Destination};
use tribune::ports::clock::Clock;
use tribune::ports::store::Store;
use tribune::store::sqlite::{Options, SqliteStore};
use tribune::web::{Parts, bind::Names, serve};

/// A clock that stands still until it is told to move.
pub struct HandClock {
    now: watch::Sender<Timestamp>,
    dice: Mutex<u64>,
}

impl HandClock {
    pub fn advance(&self, by: SignedDuration) {
        self.now.send_modify(|now| *now += by);
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let mut now = self.now.subscribe();
        now.wait_for(|now| *now >= at).await.unwrap();
    }

    fn random(&self, bytes: &mut [u8]) {
        let mut dice = self.dice.lock().unwrap();
        for byte in bytes {
            *dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (*dice >> 56) as u8;
        }
    }
}

/// An audit log whose fourth row somebody has changed.
#[derive(Default)]
struct TamperedLog(Arc<AtomicUsize>);

#[async_trait]
impl AuditCheck for TamperedLog {
    async fn verify(&self) -> Result<report::Report, AuditCheckError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let findings = vec![Finding::Chain(Broken::Changed { seq: 4 })];
        Ok(report::Report { findings, ..report::Report::default() })
    }
}

/// Lets everybody see everything, but nobody `vault`, and `linus` no page beside the chat.
const POLICY: &str = r#"
@id("see-channels") @reason("operations are for everybody to see")
permit (principal is Person, action == Action::"view", resource)
unless { resource == Channel::"vault" || (resource is Page && principal == Person::"linus") };
"#;

/// Compiles a policy repo as a revision of its own.
fn compile(repo: PolicyRepo) -> Arc<Snapshot> {
    let revision = "1f3870be274f6c49b3e31a0c6728957f00000000".parse().unwrap();
    Arc::new(Snapshot::compile(revision, repo).unwrap().0)
}

pub struct TestSite {
    pub port: u16,
    pub board: Arc<Console>,
    pub store: Arc<SqliteStore>,
    pub clock: Arc<HandClock>,
    pub sessions: Arc<Sessions>,
    /// How often the audit log was verified.
    pub checks: Arc<AtomicUsize>,
    applied: Arc<Mutex<Option<Arc<Snapshot>>>>,
    stopping: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for TestSite {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

pub fn person(id: &str, name: &str) -> (PersonId, Person) {
    let person = Person {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        roles: BTreeSet::new(),
        flags: BTreeSet::new(),
        chat: BTreeMap::from([(platform(), BTreeSet::from([id.parse().unwrap()]))]),
        forge: BTreeMap::new(),
        signing_keys: Vec::new(),
    };
    (person.id.clone(), person)
}

fn channel(name: &str, summary: &str, private: bool) -> (ChannelName, Channel) {
    let channel = Channel {
        name: name.parse().unwrap(),
        summary: summary.to_owned(),
        chat: BTreeMap::from([(
            platform(),
            Spot { id: format!("chan-{name}").parse().unwrap(), may: Strength::BOTH },
        )]),
        environment: None,
        private,
        ask: BTreeSet::new(),
        approve: true,
    };
    (channel.name.clone(), channel)
}

pub fn people_and_channels() -> PolicyRepo {
    PolicyRepo {
        people: BTreeMap::from([
            person("ada", "Ada Lovelace"),
            person("grace", "Grace Hopper"),
            person("linus", "Linus <b>T</b>"),
        ]),
        channels: BTreeMap::from([
            channel("ops", "Everyday operations", false),
            channel("prod", "Production, with care", true),
            channel("vault", "Nobody reads this", true),
        ]),
        policies: vec![PolicyFile {
            path: "policies/view.cedar".parse().unwrap(),
            text: POLICY.to_owned(),
        }],
        ..PolicyRepo::default()
    }
}

impl TestSite {
    pub async fn start() -> Self {
        Self::start_with(people_and_channels(), "127.0.0.1:0", None).await
    }

    pub async fn start_with(repo: PolicyRepo, listen: &str, external: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store").join("tribune.db");
        let store = Arc::new(SqliteStore::open(&file, &Options::default()).await.unwrap());
        let clock = Arc::new(HandClock {
            now: watch::Sender::new(Timestamp::from_second(1_790_000_000).unwrap()),
            dice: Mutex::new(7),
        });
        let applied = Arc::new(Mutex::new(Some(compile(repo))));
        let read = Arc::clone(&applied);
        let read: Applied = Arc::new(move || read.lock().unwrap().clone());
        let sessions =
            Arc::new(Sessions::new(store.clone(), clock.clone(), read.clone(), platform()));
        let viewing = Arc::new(Viewing::new(store.clone(), clock.clone(), read));
        let board = Arc::new(Console::open(store.clone(), clock.clone()).await.unwrap());
        let stopping = CancellationToken::new();
        let check = Arc::new(TamperedLog::default());
        let checks = Arc::clone(&check.0);
        let parts = Parts {
            sessions: sessions.clone(),
            board: board.clone(),
            platform: platform(),
            viewing,
            store: store.clone(),
            report: Arc::new(|| Box::pin(async { Ok(report()) })),
            watching: {
                let applied = Arc::clone(&applied);
                Arc::new(move || {
                    let ready = applied.lock().unwrap().is_some();
                    Box::pin(async move { readiness(ready) })
                })
            },
            pressing: Arc::new(|platform, call| {
                let answer = (platform.as_str() == "mattermost")
                    .then(|| json!({ "heard": String::from_utf8_lossy(&call) }).to_string());
                Box::pin(async move { answer })
            }),
            verifying: Verifying::new(check.clone(), clock.clone()),
            asking: tokio::sync::Semaphore::new(1),
            clock: clock.clone(),
            names: Names::new(external.map(|url| url.parse().unwrap())),
            stopping: stopping.clone(),
        };
        let listener = tokio::net::TcpListener::bind(listen).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(serve(listener, parts));
        Self { port, board, store, clock, sessions, checks, applied, stopping, _folder: folder }
    }

    /// Puts another policy repo in place, as an applied revision does.
    pub fn apply(&self, edit: impl FnOnce(&mut PolicyRepo)) {
        let mut applied = self.applied.lock().unwrap();
        let mut next = applied.as_ref().map(|now| now.repo.clone()).unwrap_or_default();
        edit(&mut next);
        *applied = Some(compile(next));
    }

    /// Takes the policy repo away, as before the first revision.
    pub fn forget_policy(&self) {
        *self.applied.lock().unwrap() = None;
    }

    pub fn ban(&self, who: &str) {
        let subject = Principal::Person(who.parse().unwrap());
        self.apply(|repo| {
            repo.bans.add(Ban {
                origin: "inventory/bans/x.yaml".parse().unwrap(),
                subject,
                by: "ada".parse().unwrap(),
                reason: "left the company".to_owned(),
                until: None,
                rests: Rests::OnFile,
            });
        });
    }

    /// Bans somebody as `!ban` does: laid over the applied revision.
    pub fn ban_in_chat(&self, who: &str) {
        let now = self.clock.now();
        let ban = Ban {
            origin: format!("inventory/bans/today-{who}.yaml").parse().unwrap(),
            subject: Principal::Person(who.parse().unwrap()),
            by: "ada".parse().unwrap(),
            reason: "an incident".to_owned(),
            until: Some(now + SignedDuration::from_hours(24)),
            rests: Rests::OnWord(now),
        };
        let mut applied = self.applied.lock().unwrap();
        *applied = applied.as_ref().map(|now| Arc::new(now.binding(vec![ban])));
    }

    pub fn host(&self, name: &str) -> String {
        format!("{name}:{}", self.port)
    }

    pub async fn token(&self, who: &str) -> String {
        self.sessions.issue_token(&who.parse().unwrap()).await.unwrap().token
    }

    /// Returns a client that is signed in as `who`, on `<who>.localhost`.
    pub async fn sign_in(&self, who: &str) -> Visitor {
        let mut visitor = self.visitor(who);
        let token = self.token(who).await;
        let answer = visitor.post("/sign-in", &[("token", &token)]).send().await.unwrap();
        assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap());
        visitor.cookie = cookie_of(&answer);
        visitor
    }

    /// Returns a client that is not signed in.
    pub fn visitor(&self, who: &str) -> Visitor {
        tribune::chat::tls::install();
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Visitor {
            http,
            base: format!("http://127.0.0.1:{}", self.port),
            host: self.host(&format!("{who}.localhost")),
            cookie: String::new(),
        }
    }

    pub fn link(&self, token: &str) -> String {
        format!("/sign-in/{token}")
    }

    /// Returns the audit log's events, oldest first, with their details.
    pub async fn audit(&self) -> Vec<String> {
        let rows = self.store.audit(&Default::default()).await.unwrap();
        rows.into_iter()
            .map(|row| {
                let event = serde_json::to_value(row.entry.event).unwrap();
                let why = row.entry.detail["why"].as_str().unwrap_or_default().to_owned();
                format!("{} {why}", event.as_str().unwrap()).trim().to_owned()
            })
            .collect()
    }

    /// Has somebody write in `ops`; returns the message's id.
    pub async fn say(&self, who: &str, text: &str) -> String {
        let nonce = format!("{who} {text}");
        let channel = ops();
        let at = self.board.write(&who.parse().unwrap(), &channel, None, text, &nonce).await;
        at.unwrap().id.to_string()
    }

    /// Has Tribune post in `ops`.
    pub async fn post(&self, text: &str) -> MessageRef {
        let body = Body(vec![Block::Line(vec![Span::Text(text.to_owned())])]);
        let key = PostKey(text.to_owned());
        self.board.post(&Destination::Channel(ops()), &body, &key).await.unwrap().at
    }
}

pub fn platform() -> Platform {
    PLATFORM.parse().unwrap()
}

/// Whether the daemon does its work, as far as its policy goes.
fn readiness(ready: bool) -> Readiness {
    let reason = if ready { "fresh" } else { "no revision of the policy repo is applied" };
    let source =
        Check { name: "source".to_owned(), ok: ready, age: Some(3), reason: reason.to_owned() };
    Readiness { ready, at: Timestamp::from_second(1_789_990_000).unwrap(), checks: vec![source] }
}

/// A report with one loop that is well and one that needs a person.
fn report() -> Report {
    Report {
        started: Timestamp::from_second(1_789_990_000).unwrap(),
        loops: vec![
            LoopStatus::new("outbox", Health::Good, "every message stands as it should"),
            LoopStatus::new("source", Health::Stuck, "intents/<b>x</b>.yaml is wrong")
                .with("Applied", Fact::Code("1f3870b".to_owned())),
        ],
        warnings: vec!["runs are <i>not</i> contained".to_owned()],
    }
}

fn ops() -> ChatChannelId {
    "chan-ops".parse().unwrap()
}

fn cookie_of(answer: &Response) -> String {
    let header = answer.headers()["set-cookie"].to_str().unwrap();
    header.split(';').next().unwrap().to_owned()
}

/// Somebody's browser, more or less.
#[derive(Clone)]
pub struct Visitor {
    pub http: Client,
    pub base: String,
    pub host: String,
    pub cookie: String,
}

impl Visitor {
    /// Returns the same browser on the site under another name.
    pub fn at(&self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self.clone() }
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http
            .get(format!("{}{path}", self.base))
            .header("host", &self.host)
            .header("cookie", &self.cookie)
    }

    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.http
            .post(format!("{}{path}", self.base))
            .header("host", &self.host)
            .header("origin", format!("http://{}", self.host))
            .header("cookie", &self.cookie)
            .form(form)
    }

    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    pub async fn status(&self, path: &str) -> u16 {
        self.get(path).send().await.unwrap().status().as_u16()
    }

    /// Returns the token that this session's forms bear.
    pub async fn csrf(&self) -> String {
        let page = self.page("/c/ops").await;
        let rest = page.split("data-csrf=\"").nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}
