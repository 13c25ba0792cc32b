//! A change is written whole or not at all, and outlives the daemon.

use tribune::domain::audit::Event;
use tribune::domain::id::RequestId;
use tribune::domain::message::PostKey;
use tribune::ports::chat::Cursor;
use tribune::ports::store::{Change, Conflict, Expect, SourceState, Store as _, StoreError, Use};

use super::{
    Bench, at, due, entry, handled, on_both, post, pull, request, revision, run, token,
    with_requests,
};
use crate::world::store::Disk;

on_both! {
    a_refused_change_leaves_nothing_behind
    a_change_that_expects_another_revision_is_refused
    everything_is_there_after_opening_again
    two_daemons_never_share_a_store
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
