//! What is asked.

use tribune::domain::audit::{Entry, Event};
use tribune::domain::id::RequestId;
use tribune::domain::request::{Request, State};
use tribune::ports::store::{Change, Conflict, RequestFilter, StoreError};

use super::{Bench, entry, on_both, person, request, with_requests};

on_both! {
    a_request_is_read_back_with_the_next_version
    a_request_that_moved_is_refused
    a_new_request_never_replaces_one
    request_numbers_are_never_given_twice
    requests_are_listed_newest_first_by_state_and_person
    requests_are_found_by_intent
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
