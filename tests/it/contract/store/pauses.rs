//! Pauses, and what schedules have taken.

use std::collections::BTreeMap;

use tribune::domain::id::RequestId;
use tribune::domain::pause::Pause;
use tribune::domain::schedule::{Became, Mark, Occurrence, Skips};
use tribune::ports::store::{Change, Conflict, Expect, StoreError, Swap};

use super::{Bench, at, on_both, person, request};

on_both! {
    a_pause_is_replaced_only_by_who_read_it
    nothing_is_dispatched_into_a_pause
    the_mark_of_a_schedule_is_moved_once
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
