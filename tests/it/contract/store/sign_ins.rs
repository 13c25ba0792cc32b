//! Tokens and sessions.

use std::sync::Arc;

use jiff::SignedDuration;
use tribune::domain::digest::Digest;
use tribune::ports::store::{Change, Conflict, Session, StoreError};

use super::{Bench, at, on_both, token};

on_both! {
    a_token_signs_in_once
    an_expired_token_signs_nobody_in
    sessions_last_until_they_are_ended
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
