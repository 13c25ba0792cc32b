//! What people wrote: each message is handled once.

use tribune::domain::audit::Event;
use tribune::ports::chat::Cursor;
use tribune::ports::store::{Change, Conflict, StoreError};

use super::{Bench, entry, handled, message, on_both};

on_both! {
    a_message_is_handled_once
    a_cursor_is_kept_for_each_platform
}

async fn a_message_is_handled_once(place: Bench) {
    let store = place.open().await;
    let handled = |id| Change {
        seen: vec![handled(id)],
        audit: vec![entry(Event::RequestMade)],
        ..Change::default()
    };
    assert!(!store.is_handled(&message("m1")).await.unwrap());
    store.commit(handled("m1")).await.unwrap();
    assert!(store.is_handled(&message("m1")).await.unwrap());
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
