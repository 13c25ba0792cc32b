//! What is executed, and the pull requests that it uses up.

use std::sync::Arc;

use tribune::domain::id::{RequestId, RunId};
use tribune::domain::run::{Outcome, RunRecord};
use tribune::ports::store::{Change, Conflict, RunFilter, StoreError, Use};

use super::{Bench, at, on_both, pull, request, run, with_requests};

on_both! {
    runs_are_listed_newest_first_without_their_output
    runs_are_open_until_they_end
    a_run_needs_its_request
    a_citation_is_used_at_most_as_often_as_it_may_be
    uses_are_taken_once_under_concurrency
    a_request_takes_one_use_however_often_it_asks
}

fn with_use(request: u64, limit: u32) -> Change {
    let uses = vec![Use { pull: pull(7), request: RequestId(request), limit }];
    Change { uses, ..Change::default() }
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
