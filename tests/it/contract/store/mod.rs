//! What `ports::store` promises, checked on the embedded store and on the simulated one.

mod audit;
mod buttons;
mod files;
mod messages;
mod pauses;
mod posts;
mod requests;
mod runs;
mod sign_ins;
mod source;
mod whole;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use tribune::domain::audit::{Entry, Event};
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::digest::Digest;
use tribune::domain::evidence::PullRef;
use tribune::domain::id::{RequestId, Revision, RunId};
use tribune::domain::message::{MessageRef, Place, Post, PostKey, Posted};
use tribune::domain::person::Principal;
use tribune::domain::request::{Mode, Request, State, Via};
use tribune::domain::run::RunRecord;
use tribune::ports::store::{Change, Handled, SignInToken, Store};
use tribune::store::sqlite::{Options, SqliteStore};

use crate::world::store::Disk;

/// A place where a store can be opened again and again.
pub(super) enum Bench {
    Fake(Disk),
    Sqlite { folder: tempfile::TempDir },
}

impl Bench {
    pub(super) fn fake() -> Self {
        Self::Fake(Disk::default())
    }

    pub(super) fn sqlite() -> Self {
        Self::Sqlite { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Fake(_) => None,
            Self::Sqlite { folder } => Some(folder.path().join("state/tribune.db")),
        }
    }

    async fn try_open(&self) -> Result<Arc<dyn Store>, String> {
        match self {
            Self::Fake(disk) => Ok(Arc::new(disk.open()?)),
            Self::Sqlite { .. } => {
                let file = self.file().unwrap();
                let opened = SqliteStore::open(&file, &Options::default()).await;
                Ok(Arc::new(opened.map_err(|error| error.to_string())?))
            }
        }
    }

    pub(super) async fn open(&self) -> Arc<dyn Store> {
        self.try_open().await.unwrap()
    }
}

macro_rules! on_both {
    ($($name:ident)*) => {
        mod fake {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Bench::fake()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Bench::sqlite()).await;
            })*
        }
    };
}
use on_both;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(super) fn revision(digit: char) -> Revision {
    digit.to_string().repeat(40).parse().unwrap()
}

pub(super) fn person(name: &str) -> Principal {
    Principal::Person(name.parse().unwrap())
}

/// Returns a request of ada's as it is stored first.
pub fn request(id: u64) -> Request {
    Request {
        id: RequestId(id),
        version: 0,
        requester: person("ada"),
        via: Via::Chat,
        channel: Some("ops".parse().unwrap()),
        message: None,
        card_place: ("console".parse().unwrap(), "ops".parse().unwrap()),
        mode: Mode::Run,
        intent: "restart-service".parse().unwrap(),
        args: [("service".parse().unwrap(), tribune::domain::param::Value::String("app".into()))]
            .into(),
        asked_targets: vec!["web".into()],
        targets: ["web01".parse().unwrap()].into(),
        cites: None,
        digest: Digest::of(b"asked"),
        card: 1,
        state: State::Requested,
        asked: at(0),
        collect_by: Some(at(60)),
        permitted: None,
        execute_by: None,
        reminded: false,
        outcome: None,
        votes: Vec::new(),
        attempts: 0,
        ended: None,
    }
}

pub(super) fn run(request: u64, attempt: u32) -> RunRecord {
    RunRecord {
        id: RunId { request: RequestId(request), attempt },
        started: at(i64::from(attempt)),
        ended: None,
        outcome: None,
        commands: vec!["uptime".into()],
        head: String::new(),
        tail: String::new(),
        dropped: 0,
        forgotten: false,
    }
}

pub(super) fn entry(event: Event) -> Entry {
    Entry {
        at: at(0),
        actor: Some(person("ada")),
        event,
        request: Some(RequestId(1)),
        revision: Some(revision('a')),
        detail: json!({ "z": "é", "a": [1, { "y": null, "b": true }] }),
    }
}

pub(super) fn body(text: &str) -> Body {
    Body(vec![Block::Line(vec![Span::Text(text.into())])])
}

pub(super) fn post(key: &str, text: &str) -> Post {
    Post {
        key: PostKey(key.into()),
        place: Place::Channel("console".parse().unwrap(), "ops".parse().unwrap()),
        body: body(text),
        seeds: Vec::new(),
    }
}

pub(super) fn message(id: &str) -> MessageRef {
    MessageRef {
        platform: "console".parse().unwrap(),
        channel: "ops".parse().unwrap(),
        id: id.parse().unwrap(),
    }
}

pub(super) fn handled(id: &str) -> Handled {
    Handled { at: message(id), sent: at(0) }
}

pub(super) fn posted(id: &str, text: &str) -> Posted {
    Posted { at: message(id), text: text.into() }
}

pub(super) fn pull(number: u64) -> PullRef {
    PullRef { repo: String::new(), number }
}

pub(super) fn with_requests(requests: Vec<Request>) -> Change {
    Change { requests, ..Change::default() }
}

pub(super) async fn due(store: &dyn Store, now: Timestamp) -> Vec<String> {
    due_on(store, "console", now).await
}

pub(super) async fn due_on(store: &dyn Store, platform: &str, now: Timestamp) -> Vec<String> {
    let posts = store.posts_due(&platform.parse().unwrap(), now, 100).await.unwrap();
    posts.into_iter().map(|stored| stored.post.key.0).collect()
}

pub(super) fn token() -> SignInToken {
    SignInToken { hash: Digest::of(b"token"), person: "ada".parse().unwrap(), until: at(600) }
}
