//! What `ports::store` promises, checked on the embedded store and on the simulated one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tribune::domain::audit::chain::{StoredRow, verify};
use tribune::domain::audit::{Entry, Event};
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::digest::Digest;
use tribune::domain::evidence::PullRef;
use tribune::domain::id::{RequestId, Revision, RunId};
use tribune::domain::message::{MessageRef, Place, Post, PostKey, Posted, Sign};
use tribune::domain::pause::Pause;
use tribune::domain::person::Principal;
use tribune::domain::request::{Mode, Request, State, Via};
use tribune::domain::run::{Outcome, RunRecord};
use tribune::domain::schedule::{Became, Mark, Occurrence, Skips};
use tribune::ports::chat::Cursor;
use tribune::ports::revision::{Fate, RECORDS_KEPT, RevisionFilter, RevisionRecord};
use tribune::ports::store::{
    AuditFilter, Change, Conflict, Expect, Handled, RequestFilter, RunFilter, Session, SignInToken,
    SourceState, Store, StoreError, Swap, TroubleKind, Use,
};
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

on_both! {
    a_request_is_read_back_with_the_next_version
    a_request_that_moved_is_refused
    a_new_request_never_replaces_one
    a_refused_change_leaves_nothing_behind
    a_change_that_expects_another_revision_is_refused
    request_numbers_are_never_given_twice
    requests_are_listed_newest_first_by_state_and_person
    requests_are_found_by_intent
    runs_are_listed_newest_first_without_their_output
    runs_are_open_until_they_end
    a_run_needs_its_request
    a_citation_is_used_at_most_as_often_as_it_may_be
    uses_are_taken_once_under_concurrency
    a_request_takes_one_use_however_often_it_asks
    a_new_body_raises_the_generation_and_the_same_one_does_not
    a_post_never_moves
    thread_posts_wait_for_their_root
    due_posts_come_oldest_first_and_within_the_limit
    failed_posts_wait_and_are_forgiven
    seeds_are_due_until_they_are_put
    an_older_generation_never_hides_a_newer_one
    the_first_text_is_kept
    a_post_is_found_by_its_message
    an_unknown_post_is_refused
    a_message_is_handled_once
    a_cursor_is_kept_for_each_platform
    the_source_is_kept_whole
    the_first_sighting_counts
    what_became_of_revisions_is_listed_newest_first_and_read_whole
    the_oldest_records_of_revisions_are_forgotten
    a_token_signs_in_once
    an_expired_token_signs_nobody_in
    sessions_last_until_they_are_ended
    a_pause_is_replaced_only_by_who_read_it
    nothing_is_dispatched_into_a_pause
    the_mark_of_a_schedule_is_moved_once
    audit_rows_form_a_chain
    audit_rows_are_found_by_request_person_time_and_place
    audit_rows_are_found_by_kind_and_text
    everything_is_there_after_opening_again
    two_daemons_never_share_a_store
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn revision(digit: char) -> Revision {
    digit.to_string().repeat(40).parse().unwrap()
}

fn person(name: &str) -> Principal {
    Principal::Person(name.parse().unwrap())
}

pub(super) fn request(id: u64) -> Request {
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

fn with_requests(requests: Vec<Request>) -> Change {
    Change { requests, ..Change::default() }
}

fn with_posts(posts: Vec<Post>) -> Change {
    Change { posts, ..Change::default() }
}

fn with_use(request: u64, limit: u32) -> Change {
    let uses = vec![Use { pull: pull(7), request: RequestId(request), limit }];
    Change { uses, ..Change::default() }
}

async fn due(store: &dyn Store, now: Timestamp) -> Vec<String> {
    let posts = store.posts_due(now, 100).await.unwrap();
    posts.into_iter().map(|stored| stored.post.key.0).collect()
}

async fn a_request_is_read_back_with_the_next_version(place: Bench) {
    let store = place.open().await;
    store.commit(with_requests(vec![request(1)])).await.unwrap();
    let read = store.request(RequestId(1)).await.unwrap().unwrap();
    assert_eq!(read, Request { version: 1, ..request(1) });
    store.commit(with_requests(vec![Request { state: State::Permitted, ..read }])).await.unwrap();
    let read = store.request(RequestId(1)).await.unwrap().unwrap();
    assert_eq!((read.version, read.state), (2, State::Permitted));
    assert_eq!(store.request(RequestId(2)).await.unwrap(), None);
}

async fn a_request_that_moved_is_refused(place: Bench) {
    let store = place.open().await;
    store.commit(with_requests(vec![request(1)])).await.unwrap();
    let read = store.request(RequestId(1)).await.unwrap().unwrap();
    store.commit(with_requests(vec![read.clone()])).await.unwrap();
    let late = store.commit(with_requests(vec![read])).await;
    assert_eq!(late, Err(StoreError::Conflict(Conflict::Request(RequestId(1)))));
}

async fn a_new_request_never_replaces_one(place: Bench) {
    let store = place.open().await;
    store.commit(with_requests(vec![request(1)])).await.unwrap();
    let again = store.commit(with_requests(vec![request(1)])).await;
    assert_eq!(again, Err(StoreError::Conflict(Conflict::Request(RequestId(1)))));
    let unknown = store.commit(with_requests(vec![Request { version: 3, ..request(2) }])).await;
    assert_eq!(unknown, Err(StoreError::Conflict(Conflict::Request(RequestId(2)))));
}

async fn a_refused_change_leaves_nothing_behind(place: Bench) {
    let store = place.open().await;
    let seen = Change { seen: vec![handled("m1")], ..Change::default() };
    store.commit(seen.clone()).await.unwrap();
    let change = Change {
        audit: vec![entry(Event::RequestMade)],
        requests: vec![request(1)],
        runs: vec![run(1, 1)],
        uses: vec![Use { pull: pull(7), request: RequestId(1), limit: 1 }],
        posts: vec![post("card", "a card")],
        cursor: Some(("console".parse().unwrap(), Cursor("9".into()))),
        source: Some(SourceState { applied: Some(revision('b')), ..SourceState::default() }),
        sightings: vec![(revision('c'), at(1))],
        ..seen
    };
    assert_eq!(store.commit(change).await, Err(StoreError::Conflict(Conflict::Seen)));
    assert_eq!(store.audit_head().await.unwrap(), None);
    assert_eq!(store.request(RequestId(1)).await.unwrap(), None);
    assert_eq!(store.runs_open().await.unwrap(), []);
    assert_eq!(store.uses(&pull(7)).await.unwrap(), []);
    assert_eq!(store.post(&PostKey("card".into())).await.unwrap(), None);
    assert_eq!(store.cursor(&"console".parse().unwrap()).await.unwrap(), None);
    assert_eq!(store.source().await.unwrap(), SourceState::default());
    assert_eq!(store.first_seen(&revision('c')).await.unwrap(), None);
}

async fn a_change_that_expects_another_revision_is_refused(place: Bench) {
    let store = place.open().await;
    let expecting = |digit| Change {
        expect: vec![Expect::Applied(revision(digit))],
        audit: vec![entry(Event::RunStart)],
        ..Change::default()
    };
    let refused = Err(StoreError::Conflict(Conflict::Applied));
    assert_eq!(store.commit(expecting('a')).await, refused);
    let source = SourceState { applied: Some(revision('a')), ..SourceState::default() };
    store.commit(Change { source: Some(source), ..Change::default() }).await.unwrap();
    assert_eq!(store.commit(expecting('b')).await, refused);
    assert_eq!(store.commit(expecting('a')).await.unwrap().audit, [1]);
}

async fn request_numbers_are_never_given_twice(place: Bench) {
    let store = place.open().await;
    assert_eq!(store.next_request().await.unwrap(), RequestId(1));
    assert_eq!(store.next_request().await.unwrap(), RequestId(2));
    store.commit(with_requests(vec![request(2)])).await.unwrap();
    drop(store);
    let store = place.open().await;
    assert_eq!(store.next_request().await.unwrap(), RequestId(3));
    // A number that only the audit log knows is taken too.
    let told = Entry { request: Some(RequestId(8)), ..entry(Event::RequestMade) };
    store.commit(Change { audit: vec![told], ..Change::default() }).await.unwrap();
    drop(store);
    assert_eq!(place.open().await.next_request().await.unwrap(), RequestId(9));
}

async fn requests_are_listed_newest_first_by_state_and_person(place: Bench) {
    let store = place.open().await;
    let of = |id, name: &str, state| Request { requester: person(name), state, ..request(id) };
    let all = vec![
        of(1, "ada", State::Running),
        of(2, "bob", State::Denied),
        of(3, "ada", State::Denied),
        of(4, "ada", State::Queued),
    ];
    store.commit(with_requests(all)).await.unwrap();
    let list = async |states: &[State], requester: Option<&str>, limit| {
        let requester = requester.map(|name| name.parse().unwrap());
        let states = states.to_vec();
        let filter = RequestFilter { states, requester, limit, ..RequestFilter::default() };
        let found = store.requests(&filter).await.unwrap();
        found.into_iter().map(|request| request.id.0).collect::<Vec<_>>()
    };
    assert_eq!(list(&[], None, 0).await, [4, 3, 2, 1]);
    assert_eq!(list(&[], None, 2).await, [4, 3]);
    assert_eq!(list(&[State::Denied, State::Running], None, 0).await, [3, 2, 1]);
    assert_eq!(list(&[State::Denied], Some("ada"), 0).await, [3]);
    let page = RequestFilter { before: Some(RequestId(3)), limit: 1, ..RequestFilter::default() };
    let found = store.requests(&page).await.unwrap();
    assert_eq!(found.iter().map(|request| request.id.0).collect::<Vec<_>>(), [2]);
}

async fn requests_are_found_by_intent(place: Bench) {
    let store = place.open().await;
    let other = Request { intent: "other".parse().unwrap(), ..request(2) };
    store.commit(with_requests(vec![request(1), other, request(3)])).await.unwrap();
    let filter =
        RequestFilter { intent: Some("other".parse().unwrap()), ..RequestFilter::default() };
    let found = store.requests(&filter).await.unwrap();
    assert_eq!(found.iter().map(|request| request.id.0).collect::<Vec<_>>(), [2]);
}

async fn runs_are_listed_newest_first_without_their_output(place: Bench) {
    let store = place.open().await;
    let loud = RunRecord { head: "much".to_owned(), tail: "more".to_owned(), ..run(1, 1) };
    let ended = RunRecord { ended: Some(at(9)), outcome: Some(Outcome::Succeeded), ..run(2, 1) };
    let runs = vec![loud, run(1, 2), ended.clone()];
    let requests = vec![request(1), request(2)];
    store.commit(Change { requests, runs, ..Change::default() }).await.unwrap();
    let list = async |filter: RunFilter| store.runs(&filter).await.unwrap();
    let quiet = RunRecord { head: String::new(), tail: String::new(), ..run(1, 1) };
    let second = RunRecord { head: String::new(), tail: String::new(), ..run(1, 2) };
    let ended = RunRecord { head: String::new(), tail: String::new(), ..ended };
    let all = list(RunFilter::default()).await;
    assert_eq!(all, [ended, second.clone(), quiet.clone()]);
    let open = list(RunFilter { open: true, limit: 1, ..RunFilter::default() }).await;
    assert_eq!(open, std::slice::from_ref(&second));
    let after = list(RunFilter { before: Some(second.id), ..RunFilter::default() }).await;
    assert_eq!(after, [quiet]);
}

async fn runs_are_open_until_they_end(place: Bench) {
    let store = place.open().await;
    let runs = vec![run(1, 2), run(1, 1)];
    let change = Change { requests: vec![request(1)], runs, ..Change::default() };
    store.commit(change).await.unwrap();
    assert_eq!(store.runs_open().await.unwrap(), [run(1, 1), run(1, 2)]);
    let ended = RunRecord { ended: Some(at(9)), outcome: Some(Outcome::Interrupted), ..run(1, 1) };
    store.commit(Change { runs: vec![ended.clone()], ..Change::default() }).await.unwrap();
    assert_eq!(store.runs_open().await.unwrap(), [run(1, 2)]);
    assert_eq!(store.run(ended.id).await.unwrap(), Some(ended));
    let unknown = RunId { request: RequestId(1), attempt: 3 };
    assert_eq!(store.run(unknown).await.unwrap(), None);
}

async fn a_run_needs_its_request(place: Bench) {
    let store = place.open().await;
    let orphan = store.commit(Change { runs: vec![run(1, 1)], ..Change::default() }).await;
    assert!(matches!(orphan, Err(StoreError::Broken(_))), "{orphan:?}");
    let orphan = store.commit(with_use(1, 1)).await;
    assert!(matches!(orphan, Err(StoreError::Broken(_))), "{orphan:?}");
}

async fn a_citation_is_used_at_most_as_often_as_it_may_be(place: Bench) {
    let store = place.open().await;
    store.commit(with_requests((1..=3).map(request).collect())).await.unwrap();
    store.commit(with_use(2, 2)).await.unwrap();
    store.commit(with_use(1, 2)).await.unwrap();
    let third = store.commit(with_use(3, 2)).await;
    assert_eq!(third, Err(StoreError::Conflict(Conflict::Used(pull(7)))));
    assert_eq!(store.uses(&pull(7)).await.unwrap(), [RequestId(2), RequestId(1)]);
    assert_eq!(store.uses(&pull(8)).await.unwrap(), []);
}

async fn uses_are_taken_once_under_concurrency(place: Bench) {
    let store = place.open().await;
    store.commit(with_requests((1..=8).map(request).collect())).await.unwrap();
    let tasks = (1..=8).map(|id| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.commit(with_use(id, 1)).await.is_ok() })
    });
    let mut taken = 0;
    for task in tasks.collect::<Vec<_>>() {
        taken += u32::from(task.await.unwrap());
    }
    assert_eq!(taken, 1);
    assert_eq!(store.uses(&pull(7)).await.unwrap().len(), 1);
}

async fn a_request_takes_one_use_however_often_it_asks(place: Bench) {
    let store = place.open().await;
    store.commit(with_requests(vec![request(1), request(2)])).await.unwrap();
    store.commit(with_use(1, 1)).await.unwrap();
    store.commit(with_use(1, 1)).await.unwrap();
    assert_eq!(store.uses(&pull(7)).await.unwrap(), [RequestId(1)]);
    store.commit(with_use(2, 1)).await.unwrap_err();
}

async fn a_new_body_raises_the_generation_and_the_same_one_does_not(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    let first = store.post(&key).await.unwrap().unwrap();
    assert_eq!((first.generation, first.sent_generation, first.posted), (1, 0, None));
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    assert_eq!(store.post(&key).await.unwrap().unwrap().generation, 1);
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, [""; 0]);
    store.commit(with_posts(vec![post("card", "two")])).await.unwrap();
    let second = store.post(&key).await.unwrap().unwrap();
    assert_eq!((second.generation, second.sent_generation), (2, 1));
    assert_eq!((second.post.body, second.sent), (body("two"), Some(body("one"))));
    assert_eq!(due(&*store, at(0)).await, ["card"]);
}

async fn a_post_never_moves(place: Bench) {
    let store = place.open().await;
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    let place = Place::Reply(message("m9"));
    let moved = store.commit(with_posts(vec![Post { place, ..post("card", "two") }])).await;
    assert!(matches!(moved, Err(StoreError::Broken(_))), "{moved:?}");
}

async fn thread_posts_wait_for_their_root(place: Bench) {
    let store = place.open().await;
    let place = Place::ThreadOf(PostKey("card".into()));
    let reply = Post { place, ..post("output", "text") };
    store.commit(with_posts(vec![reply, post("notice", "n")])).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["notice"]);
    store.commit(with_posts(vec![post("card", "c")])).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["notice", "card"]);
    let card = PostKey("card".into());
    store.post_sent(&card, 1, &body("c"), &posted("m1", "c")).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["output", "notice"]);
}

async fn due_posts_come_oldest_first_and_within_the_limit(place: Bench) {
    let store = place.open().await;
    for key in ["z", "a", "m"] {
        store.commit(with_posts(vec![post(key, "text")])).await.unwrap();
    }
    store.commit(with_posts(vec![post("z", "changed")])).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["z", "a", "m"]);
    let two = store.posts_due(at(0), 2).await.unwrap();
    assert_eq!(two.iter().map(|p| p.post.key.0.as_str()).collect::<Vec<_>>(), ["z", "a"]);
}

async fn failed_posts_wait_and_are_forgiven(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    store.post_failed(&key, at(10)).await.unwrap();
    store.post_failed(&key, at(20)).await.unwrap();
    assert_eq!(due(&*store, at(19)).await, [""; 0]);
    assert_eq!(due(&*store, at(20)).await, ["card"]);
    assert_eq!(store.post(&key).await.unwrap().unwrap().failures, 2);
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    let stored = store.post(&key).await.unwrap().unwrap();
    assert_eq!((stored.failures, stored.not_before), (0, None));
}

async fn seeds_are_due_until_they_are_put(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    let seeds = vec![Sign::Approve, Sign::Veto];
    let card = Post { seeds, ..post("card", "one") };
    store.commit(with_posts(vec![card.clone()])).await.unwrap();
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["card"]);
    store.post_seeded(&key).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, [""; 0]);
    store.commit(with_posts(vec![Post { body: body("two"), ..card }])).await.unwrap();
    assert!(store.post(&key).await.unwrap().unwrap().seeded);
}

async fn an_older_generation_never_hides_a_newer_one(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    store.commit(with_posts(vec![post("card", "two")])).await.unwrap();
    // The sender took generation 1 before the second came.
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["card"]);
    store.post_sent(&key, 2, &body("two"), &posted("m1", "two")).await.unwrap();
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    let stored = store.post(&key).await.unwrap().unwrap();
    assert_eq!((stored.sent_generation, stored.sent), (2, Some(body("two"))));
    assert_eq!(stored.posted, Some(posted("m1", "two")));
}

async fn the_first_text_is_kept(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    store.post_sent(&key, 1, &body("one"), &posted("m1", "as first returned")).await.unwrap();
    store.commit(with_posts(vec![post("card", "two")])).await.unwrap();
    store.post_sent(&key, 2, &body("two"), &posted("m1", "as later returned")).await.unwrap();
    let stored = store.post(&key).await.unwrap().unwrap();
    assert_eq!(stored.first_text.as_deref(), Some("as first returned"));
    assert_eq!(stored.posted.unwrap().text, "as later returned");
}

async fn a_post_is_found_by_its_message(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    assert_eq!(store.post_at(&message("m1")).await.unwrap(), None);
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    assert_eq!(store.post_at(&message("m1")).await.unwrap().unwrap().post.key, key);
    assert_eq!(store.post_at(&message("m2")).await.unwrap(), None);
}

async fn an_unknown_post_is_refused(place: Bench) {
    let store = place.open().await;
    let key = PostKey("nothing".into());
    assert_eq!(store.post(&key).await.unwrap(), None);
    store.post_sent(&key, 1, &body("x"), &posted("m1", "x")).await.unwrap_err();
    store.post_seeded(&key).await.unwrap_err();
    store.post_failed(&key, at(0)).await.unwrap_err();
}

async fn a_message_is_handled_once(place: Bench) {
    let store = place.open().await;
    let handled = |id| Change {
        seen: vec![handled(id)],
        audit: vec![entry(Event::RequestMade)],
        ..Change::default()
    };
    store.commit(handled("m1")).await.unwrap();
    let again = store.commit(handled("m1")).await;
    assert_eq!(again, Err(StoreError::Conflict(Conflict::Seen)));
    store.commit(handled("m2")).await.unwrap();
    assert_eq!(store.audit_head().await.unwrap().unwrap().seq, 2);
}

async fn a_cursor_is_kept_for_each_platform(place: Bench) {
    let store = place.open().await;
    let put = |platform: &str, cursor: &str| Change {
        cursor: Some((platform.parse().unwrap(), Cursor(cursor.into()))),
        ..Change::default()
    };
    store.commit(put("console", "1")).await.unwrap();
    store.commit(put("console", "2")).await.unwrap();
    store.commit(put("mattermost", "t=5")).await.unwrap();
    let cursor = async |platform: &str| store.cursor(&platform.parse().unwrap()).await.unwrap();
    assert_eq!(cursor("console").await, Some(Cursor("2".into())));
    assert_eq!(cursor("mattermost").await, Some(Cursor("t=5".into())));
    assert_eq!(cursor("slack").await, None);
}

async fn the_source_is_kept_whole(place: Bench) {
    use tribune::ports::store::{HighWater, Trouble};
    let store = place.open().await;
    let names = [("people".to_owned(), ["ada".to_owned()].into())].into();
    let state = SourceState {
        observed: Some(revision('a')),
        attempted: Some(revision('b')),
        applied: Some(revision('c')),
        applied_at: Some(at(1)),
        fetched_at: Some(at(2)),
        unreachable: Some("failed to fetch".to_owned()),
        trouble: Some(Trouble {
            revision: revision('b'),
            kind: TroubleKind::Delta,
            summary: "too much at once".into(),
            diagnostics: Vec::new(),
            since: at(3),
        }),
        high_water: vec![HighWater { at: at(4), revision: revision('c'), names }],
        accepted: vec![revision('d')],
        agreed: vec![revision('e')],
    };
    store.commit(Change { source: Some(state.clone()), ..Change::default() }).await.unwrap();
    assert_eq!(store.source().await.unwrap(), state);
}

async fn the_first_sighting_counts(place: Bench) {
    let store = place.open().await;
    for second in [5, 3, 9] {
        let sightings = vec![(revision('a'), at(second))];
        store.commit(Change { sightings, ..Change::default() }).await.unwrap();
    }
    assert_eq!(store.first_seen(&revision('a')).await.unwrap(), Some(at(5)));
    assert_eq!(store.first_seen(&revision('b')).await.unwrap(), None);
}

fn record(digit: char, fate: Fate) -> RevisionRecord {
    RevisionRecord {
        seq: 0,
        revision: revision(digit),
        at: at(1),
        fate,
        author: "Ada".into(),
        subject: "roles: ken joins sre".into(),
        committed: at(0),
        pull: Some(pull(7)),
        before: Some(revision('0')),
        words: vec![vec![Span::Person("ken".parse().unwrap()), Span::Text(" joined".into())]],
        diagnostics: Vec::new(),
        diff_cut: 9,
        diff: format!("-{digit}\n+new\n"),
    }
}

async fn what_became_of_revisions_is_listed_newest_first_and_read_whole(place: Bench) {
    let store = place.open().await;
    let held = Fate::Held { kind: TroubleKind::Bad, summary: "it has a problem".into() };
    let by_hand = Fate::LetPass { by: person("ada"), reason: "we know".into() };
    let revisions = vec![record('a', Fate::Applied), record('b', held), record('b', by_hand)];
    store.commit(Change { revisions: revisions.clone(), ..Change::default() }).await.unwrap();
    let list = async |filter: RevisionFilter| {
        let found = store.revisions(&filter).await.unwrap();
        assert!(found.iter().all(|record| record.diff.is_empty()));
        found.into_iter().map(|record| record.seq).collect::<Vec<_>>()
    };
    let all = RevisionFilter::default;
    assert_eq!(list(all()).await, [3, 2, 1]);
    assert_eq!(list(RevisionFilter { limit: 1, ..all() }).await, [3]);
    assert_eq!(list(RevisionFilter { before: 3, ..all() }).await, [2, 1]);
    assert_eq!(list(RevisionFilter { revision: Some(revision('a')), ..all() }).await, [1]);
    let whole = RevisionRecord { seq: 2, ..revisions[1].clone() };
    assert_eq!(store.revision(2).await.unwrap(), Some(whole));
    assert_eq!(store.revision(4).await.unwrap(), None);
}

async fn the_oldest_records_of_revisions_are_forgotten(place: Bench) {
    let store = place.open().await;
    let revisions = vec![record('a', Fate::Applied); RECORDS_KEPT as usize + 2];
    store.commit(Change { revisions, ..Change::default() }).await.unwrap();
    let kept = store.revisions(&RevisionFilter::default()).await.unwrap();
    let ends = (kept.last().unwrap().seq, kept[0].seq);
    assert_eq!(ends, (3, RECORDS_KEPT + 2));
}

fn token() -> SignInToken {
    SignInToken { hash: Digest::of(b"token"), person: "ada".parse().unwrap(), until: at(600) }
}

async fn a_token_signs_in_once(place: Bench) {
    let store = place.open().await;
    store.commit(Change { token: Some(token()), ..Change::default() }).await.unwrap();
    assert_eq!(store.token(&token().hash).await.unwrap(), Some(token()));
    let consume = || Change { consume: Some((token().hash, at(1))), ..Change::default() };
    let tasks = [(); 4].map(|()| {
        let (store, change) = (Arc::clone(&store), consume());
        tokio::spawn(async move { store.commit(change).await })
    });
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(store.commit(consume()).await, Err(StoreError::Conflict(Conflict::Seen)));
    assert_eq!(store.token(&token().hash).await.unwrap(), None);
}

async fn an_expired_token_signs_nobody_in(place: Bench) {
    let store = place.open().await;
    store.commit(Change { token: Some(token()), ..Change::default() }).await.unwrap();
    let refused = Err(StoreError::Conflict(Conflict::Seen));
    let consume = |hash, at| Change { consume: Some((hash, at)), ..Change::default() };
    assert_eq!(store.commit(consume(token().hash, token().until)).await, refused);
    assert_eq!(store.commit(consume(Digest::of(b"guess"), at(1))).await, refused);
    let last_moment = token().until - SignedDuration::from_millis(1);
    store.commit(consume(token().hash, last_moment)).await.unwrap();
}

async fn sessions_last_until_they_are_ended(place: Bench) {
    let store = place.open().await;
    let session = |cookie: &[u8], since| Session {
        hash: Digest::of(cookie),
        person: "ada".parse().unwrap(),
        host: "ada.localhost".into(),
        since: at(since),
        until: at(since + 60),
    };
    for session in [session(b"one", 2), session(b"two", 1)] {
        store.commit(Change { session: Some(session), ..Change::default() }).await.unwrap();
    }
    assert_eq!(store.sessions().await.unwrap(), [session(b"two", 1), session(b"one", 2)]);
    let end = vec![Digest::of(b"two"), Digest::of(b"unknown")];
    store.commit(Change { end_sessions: end, ..Change::default() }).await.unwrap();
    assert_eq!(store.session(&Digest::of(b"two")).await.unwrap(), None);
    assert_eq!(store.session(&Digest::of(b"one")).await.unwrap(), Some(session(b"one", 2)));
}

fn pause(scope: &str, until: i64) -> Pause {
    Pause {
        scope: scope.parse().unwrap(),
        by: person("ada"),
        reason: "storage moves".to_owned(),
        since: at(0),
        until: at(until),
        place: Some(("console".parse().unwrap(), "ops".parse().unwrap())),
        warned: false,
    }
}

fn with_pause(before: Option<&Pause>, after: Option<&Pause>) -> Change {
    let key = after.or(before).unwrap().scope.clone();
    let swap = Swap { key, before: before.cloned(), after: after.cloned() };
    Change { pauses: vec![swap], ..Change::default() }
}

async fn a_pause_is_replaced_only_by_who_read_it(place: Bench) {
    let store = place.open().await;
    let (first, longer) = (pause("restart", 60), pause("restart", 120));
    let conflict = Err(StoreError::Conflict(Conflict::Pause(first.scope.clone())));
    store.commit(with_pause(None, Some(&first))).await.unwrap();
    store.commit(with_pause(None, Some(&pause("all", 30)))).await.unwrap();
    assert_eq!(store.commit(with_pause(None, Some(&longer))).await, conflict);
    assert_eq!(store.commit(with_pause(Some(&longer), None)).await, conflict);
    store.commit(with_pause(Some(&first), Some(&longer))).await.unwrap();
    drop(store);
    let store = place.open().await;
    assert_eq!(store.pauses().await.unwrap(), [pause("all", 30), longer.clone()]);
    store.commit(with_pause(Some(&longer), None)).await.unwrap();
    assert_eq!(store.pauses().await.unwrap(), [pause("all", 30)]);
}

async fn nothing_is_dispatched_into_a_pause(place: Bench) {
    let store = place.open().await;
    let start = |intent: &str| Change {
        expect: vec![Expect::Unpaused(intent.parse().unwrap())],
        ..Change::default()
    };
    let paused =
        |intent: &str| Err(StoreError::Conflict(Conflict::Paused(intent.parse().unwrap())));
    let restart = pause("restart", 60);
    store.commit(with_pause(None, Some(&restart))).await.unwrap();
    assert_eq!(store.commit(start("restart")).await, paused("restart"));
    store.commit(start("look")).await.unwrap();
    store.commit(with_pause(None, Some(&pause("all", 30)))).await.unwrap();
    assert_eq!(store.commit(start("look")).await, paused("look"));
    // Not its time ends a pause but whoever records that.
    store.commit(with_pause(Some(&restart), None)).await.unwrap();
    store.commit(with_pause(Some(&pause("all", 30)), None)).await.unwrap();
    store.commit(start("restart")).await.unwrap();
}

async fn the_mark_of_a_schedule_is_moved_once(place: Bench) {
    let store = place.open().await;
    let intent = || "look".parse().unwrap();
    let mark = |up_to, became| Mark {
        rule: "0 3 * * 0 (UTC)".to_owned(),
        up_to: at(up_to),
        last: Some(Occurrence { at: at(up_to), became }),
        asked: None,
        skips: Some(Skips { since: at(0), times: 2 }),
    };
    let first = mark(0, Became::Skipped("a freeze window holds".to_owned()));
    let next = mark(60, Became::Asked(RequestId(1)));
    let take = |before: Option<&Mark>, after: Option<&Mark>| Change {
        schedules: vec![Swap { key: intent(), before: before.cloned(), after: after.cloned() }],
        ..Change::default()
    };
    store.commit(take(None, Some(&first))).await.unwrap();
    let asked = Change { requests: vec![request(1)], ..take(Some(&first), Some(&next)) };
    store.commit(asked).await.unwrap();
    // Who was slower makes no second request.
    let again = Change { requests: vec![request(2)], ..take(Some(&first), Some(&next)) };
    let moved = Err(StoreError::Conflict(Conflict::Schedule(intent())));
    assert_eq!(store.commit(again).await, moved);
    assert_eq!(store.request(RequestId(2)).await.unwrap(), None);
    drop(store);
    let store = place.open().await;
    assert_eq!(store.schedules().await.unwrap(), BTreeMap::from([(intent(), next.clone())]));
    store.commit(take(Some(&next), None)).await.unwrap();
    assert_eq!(store.schedules().await.unwrap(), BTreeMap::new());
}

async fn audit_rows_form_a_chain(place: Bench) {
    let store = place.open().await;
    let audit = vec![entry(Event::RequestMade), entry(Event::RequestDecided)];
    let receipt = store.commit(Change { audit, ..Change::default() }).await.unwrap();
    assert_eq!(receipt.audit, [1, 2]);
    let audit = vec![entry(Event::RunStart)];
    let receipt = store.commit(Change { audit, ..Change::default() }).await.unwrap();
    assert_eq!(receipt.audit, [3]);
    let rows = store.audit(&AuditFilter::default()).await.unwrap();
    let stored: Vec<StoredRow> = rows.iter().map(StoredRow::from).collect();
    let head = verify(&stored).unwrap().unwrap();
    assert_eq!(head.seq, 3);
    assert_eq!(store.audit_head().await.unwrap().as_ref(), rows.last());
    assert_eq!(rows[2].entry, entry(Event::RunStart));
}

async fn audit_rows_are_found_by_request_person_time_and_place(place: Bench) {
    let store = place.open().await;
    let audit = (1..=6)
        .map(|number| Entry {
            at: at(number as i64),
            actor: (number % 2 == 0).then(|| person("bob")),
            request: (number > 2).then_some(RequestId(number % 3)),
            ..entry(Event::RequestChanged)
        })
        .collect();
    store.commit(Change { audit, ..Change::default() }).await.unwrap();
    let list = async |filter: AuditFilter| {
        let rows = store.audit(&filter).await.unwrap();
        rows.into_iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    let all = AuditFilter::default;
    assert_eq!(list(AuditFilter { after: 4, ..all() }).await, [5, 6]);
    assert_eq!(list(AuditFilter { request: Some(RequestId(0)), ..all() }).await, [3, 6]);
    assert_eq!(
        list(AuditFilter { person: Some("bob".parse().unwrap()), ..all() }).await,
        [2, 4, 6]
    );
    assert_eq!(list(AuditFilter { since: Some(at(5)), ..all() }).await, [5, 6]);
    assert_eq!(list(AuditFilter { limit: 2, ..all() }).await, [5, 6]);
}

async fn audit_rows_are_found_by_kind_and_text(place: Bench) {
    let store = place.open().await;
    let with = |event, detail| Entry { detail, ..entry(event) };
    let audit = vec![
        with(Event::RequestMade, json!({ "intent": "restart-service" })),
        with(Event::VoteApprove, json!({ "by": "Müller", "what": "a \"quote\" and 100%_" })),
        with(Event::RunStart, json!({ "intent": "Restart-Service" })),
    ];
    store.commit(Change { audit, ..Change::default() }).await.unwrap();
    let list = async |filter: AuditFilter| {
        let rows = store.audit(&filter).await.unwrap();
        rows.into_iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    let text = |text: &str| AuditFilter { text: Some(text.to_owned()), ..AuditFilter::default() };
    assert_eq!(list(text("restart-SERVICE")).await, [1, 3]);
    assert_eq!(list(text("Müller")).await, [2]);
    assert_eq!(list(text("100%_")).await, [2]);
    assert_eq!(list(text("%")).await, [2]);
    let events = vec![Event::RequestMade, Event::RunStart];
    assert_eq!(
        list(AuditFilter { events: events.clone(), ..AuditFilter::default() }).await,
        [1, 3]
    );
    let both = AuditFilter { events, before: 3, limit: 9, ..text("restart") };
    assert_eq!(list(both).await, [1]);
}

async fn everything_is_there_after_opening_again(place: Bench) {
    let store = place.open().await;
    let change = Change {
        audit: vec![entry(Event::RequestMade)],
        requests: vec![request(1)],
        runs: vec![run(1, 1)],
        uses: vec![Use { pull: pull(7), request: RequestId(1), limit: 1 }],
        posts: vec![post("card", "one")],
        seen: vec![handled("m1")],
        cursor: Some(("console".parse().unwrap(), Cursor("9".into()))),
        token: Some(token()),
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    // Nothing is closed: this is what a crash leaves.
    drop(store);
    let store = place.open().await;
    assert_eq!(store.audit_head().await.unwrap().unwrap().entry, entry(Event::RequestMade));
    assert_eq!(store.request(RequestId(1)).await.unwrap().unwrap().version, 1);
    assert_eq!(store.runs_open().await.unwrap(), [run(1, 1)]);
    assert_eq!(store.uses(&pull(7)).await.unwrap(), [RequestId(1)]);
    assert_eq!(due(&*store, at(0)).await, ["card"]);
    assert_eq!(store.token(&token().hash).await.unwrap(), Some(token()));
    let again = Change { seen: vec![handled("m1")], ..Change::default() };
    store.commit(again).await.unwrap_err();
}

async fn two_daemons_never_share_a_store(place: Bench) {
    let store = place.open().await;
    let second = place.try_open().await.err().unwrap();
    assert!(second.contains("another daemon uses"), "{second}");
    drop(store);
    place.open().await;
}

/// The simulated store can be told that its disk is full.
#[tokio::test]
async fn a_full_simulated_disk_refuses_every_write() {
    let disk = Disk::default();
    let store = disk.open().unwrap();
    disk.set_full(true);
    assert_eq!(store.commit(with_requests(vec![request(1)])).await, Err(StoreError::Full));
    disk.set_full(false);
    store.commit(with_requests(vec![request(1)])).await.unwrap();
}

/// What only the embedded store has: files.
mod files {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &std::path::Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn nobody_else_can_read_the_store() {
        let place = Bench::sqlite();
        let store = place.open().await;
        store.commit(with_requests(vec![request(1)])).await.unwrap();
        let folder = place.file().unwrap().parent().unwrap().to_owned();
        assert_eq!(mode(&folder), 0o700);
        let files: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()).collect();
        assert_eq!(files.len(), 4, "database, log, shared index and lock: {files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }

    #[tokio::test]
    async fn a_folder_that_others_can_open_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let opened = SqliteStore::open(&folder.path().join("t.db"), &Options::default()).await;
        let said = opened.err().unwrap().to_string();
        assert!(said.contains("can be opened by others; run `chmod 700"), "{said}");
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused() {
        let place = Bench::sqlite();
        drop(place.open().await);
        let pool = behind_its_back(&place).await;
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9000, 'of the future', 1, x'00', 0)",
        )
        .execute(&pool)
        .await
        .unwrap();
        pool.close().await;
        let said = place.try_open().await.err().unwrap();
        assert!(said.contains("has schema 9000, which this version of tribune does not know"));
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_refused() {
        let place = Bench::sqlite();
        let file = place.file().unwrap();
        std::fs::DirBuilder::new().create(file.parent().unwrap()).unwrap();
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(file.parent().unwrap(), private).unwrap();
        std::fs::write(&file, "once upon a time ".repeat(1000)).unwrap();
        let said = place.try_open().await.err().unwrap();
        assert!(said.contains("cannot be used as a store"), "{said}");
    }

    #[tokio::test]
    async fn a_full_disk_refuses_the_change_and_forgets_nothing() {
        let place = Bench::sqlite();
        let file = place.file().unwrap();
        let options = Options { max_size: Some(300_000) };
        let store = SqliteStore::open(&file, &options).await.unwrap();
        let big = |id| {
            let asked_targets = vec!["x".repeat(50_000)];
            with_requests(vec![Request { asked_targets, ..request(id) }])
        };
        let mut id = 1;
        let error = loop {
            match store.commit(big(id)).await {
                Ok(_) => id += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error, StoreError::Full);
        assert!(id > 1);
        assert_eq!(store.requests(&RequestFilter::default()).await.unwrap().len() as u64, id - 1);
        store.commit(with_requests(vec![request(id)])).await.unwrap();
    }

    async fn behind_its_back(place: &Bench) -> sqlx::SqlitePool {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.file().unwrap());
        sqlx::SqlitePool::connect_with(options).await.unwrap()
    }
}
