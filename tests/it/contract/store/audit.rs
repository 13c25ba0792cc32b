//! The audit log.

use serde_json::json;
use tribune::domain::audit::chain::{StoredRow, verify};
use tribune::domain::audit::{Entry, Event};
use tribune::domain::id::RequestId;
use tribune::ports::store::{AuditFilter, Change};

use super::{Bench, at, entry, on_both, person};

on_both! {
    audit_rows_form_a_chain
    audit_rows_are_found_by_request_person_time_and_place
    audit_rows_are_found_by_kind_and_text
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
