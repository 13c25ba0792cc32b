//! What `ports::store` promises of forgetting, checked on the embedded store and the simulated one.

use std::sync::Arc;

use tribune::domain::audit::Event;
use tribune::domain::body::Body;
use tribune::domain::digest::Digest;
use tribune::domain::drift::{Closed, Incident, WatchKey};
use tribune::domain::id::{MessageId, RequestId, RunId};
use tribune::domain::message::{Place, Post, PostKey, Sign};
use tribune::domain::request::{Ending, Request, State};
use tribune::domain::run::RunRecord;
use tribune::ports::console::{ConsoleStore as _, NewMessage};
use tribune::ports::store::{
    AuditFilter, Change, Conflict, Forget, Handled, IncidentFilter, Old, RequestFilter, Session,
    SignInToken, Store, StoreError, Swept, Use,
};
use tribune::store::sqlite::{Options, SqliteStore};

use super::drift::incident;
use super::store::{Bench, at, entry, handled, message, post, posted, pull, request, run};

/// Both stores, empty.
async fn stores() -> Vec<(Bench, Arc<dyn Store>)> {
    let mut stores = Vec::new();
    for place in [Bench::fake(), Bench::sqlite()] {
        let store = place.open().await;
        stores.push((place, store));
    }
    stores
}

async fn forget(store: &dyn Store, what: Old, limit: u32) -> u64 {
    let forget = Some(Forget { what, limit });
    store.commit(Change { forget, ..Change::default() }).await.unwrap().forgotten
}

fn ended(id: u64, second: i64) -> Request {
    let ended = Some(Ending { at: at(second), by: None, why: "done".into() });
    Request { state: State::Succeeded, ended, ..request(id) }
}

fn with_output(request: u64, second: i64) -> RunRecord {
    RunRecord { ended: Some(at(second)), head: "much".into(), ..run(request, 1) }
}

async fn say(store: &dyn Store, key: &str) {
    store.commit(Change { posts: vec![post(key, key)], ..Change::default() }).await.unwrap();
    let body = post(key, key).body;
    store.post_sent(&PostKey(key.into()), 1, &body, &posted(key, key)).await.unwrap();
}

async fn is_there(store: &dyn Store, key: &str) -> bool {
    store.post(&PostKey(key.into())).await.unwrap().is_some()
}

#[tokio::test]
async fn handled_messages_are_forgotten_by_when_they_were_written() {
    for (_, store) in stores().await {
        let old = Handled { at: message("old"), sent: at(1) };
        let seen = vec![old.clone(), handled("older"), Handled { at: message("new"), sent: at(9) }];
        store.commit(Change { seen, ..Change::default() }).await.unwrap();
        assert_eq!(forget(store.as_ref(), Old::Messages(at(9)), 1).await, 1);
        assert_eq!(store.stock().await.unwrap().messages, 2);
        assert_eq!(forget(store.as_ref(), Old::Messages(at(9)), 10).await, 1);
        let again = |id| Change { seen: vec![handled(id)], ..Change::default() };
        let refused = store.commit(again("new")).await.unwrap_err();
        assert_eq!(refused, StoreError::Conflict(Conflict::Seen));
        store.commit(again("old")).await.unwrap();
    }
}

#[tokio::test]
async fn sign_ins_that_are_over_are_forgotten() {
    for (_, store) in stores().await {
        for (name, until) in [("a", 5), ("b", 50)] {
            let hash = Digest::of(name.as_bytes());
            let person: tribune::domain::id::PersonId = "ada".parse().unwrap();
            let token = Some(SignInToken { hash, person: person.clone(), until: at(until) });
            let host = "localhost".to_owned();
            let hash = Digest::of(format!("session {name}").as_bytes());
            let session = Some(Session { hash, person, host, since: at(0), until: at(until) });
            store.commit(Change { token, session, ..Change::default() }).await.unwrap();
        }
        assert_eq!(forget(store.as_ref(), Old::SignIns(at(5)), 10).await, 0);
        assert_eq!(forget(store.as_ref(), Old::SignIns(at(6)), 10).await, 2);
        assert!(store.token(&Digest::of(b"b")).await.unwrap().is_some());
        assert_eq!(store.sessions().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn output_goes_and_its_run_stays() {
    for (_, store) in stores().await {
        let runs = vec![with_output(1, 5), with_output(2, 9), run(3, 1)];
        let requests = vec![ended(1, 5), ended(2, 9), request(3)];
        store.commit(Change { requests, runs, ..Change::default() }).await.unwrap();
        assert_eq!(forget(store.as_ref(), Old::Output(at(9)), 10).await, 1);
        assert_eq!(forget(store.as_ref(), Old::Output(at(9)), 10).await, 0, "once is enough");
        let of = |id| RunId { request: RequestId(id), attempt: 1 };
        let gone = store.run(of(1)).await.unwrap().unwrap();
        assert!(gone.forgotten && gone.head.is_empty() && gone.outcome == run(1, 1).outcome);
        assert_eq!(store.run(of(2)).await.unwrap().unwrap().head, "much");
        assert!(!store.run(of(3)).await.unwrap().unwrap().forgotten, "it still runs");
        assert_eq!(store.stock().await.unwrap().outputs, 1);
    }
}

#[tokio::test]
async fn a_request_goes_with_all_that_is_its_own_and_its_use_stays() {
    for (place, store) in stores().await {
        let uses = vec![Use { pull: pull(7), request: RequestId(1), limit: 1 }];
        let requests = vec![ended(1, 5), ended(11, 50), request(12), ended(13, 5)];
        let runs = vec![with_output(1, 5), with_output(11, 50)];
        store.commit(Change { requests, runs, uses, ..Change::default() }).await.unwrap();
        let mine = ["card:r1:1", "card:r1:1:targets", "out:r1.1", "outcome:r1"];
        let others = ["card:r11:1", "out:r11.1", "outcome:r11", "card:r12:1"];
        for key in mine.iter().chain(&others) {
            say(store.as_ref(), key).await;
        }
        assert_eq!(forget(store.as_ref(), Old::Requests(at(9)), 10).await, 1);
        let left = store.requests(&RequestFilter::default()).await.unwrap();
        let left: Vec<u64> = left.iter().map(|request| request.id.0).collect();
        assert_eq!(left, [13, 12, 11], "open ones, young ones and the newest stay");
        for (key, stays) in
            mine.map(|key| (key, false)).into_iter().chain(others.map(|k| (k, true)))
        {
            assert_eq!(is_there(store.as_ref(), key).await, stays, "{key}");
        }
        assert_eq!(store.run(run(1, 1).id).await.unwrap(), None);
        assert_eq!(store.uses(&pull(7)).await.unwrap(), [RequestId(1)]);
        let use_ = Use { pull: pull(7), request: RequestId(12), limit: 1 };
        let refused = store.commit(Change { uses: vec![use_], ..Change::default() }).await;
        assert_eq!(refused, Err(StoreError::Conflict(Conflict::Used(pull(7)))));
        drop(store);
        let store = place.open().await;
        assert_eq!(store.next_request().await.unwrap(), RequestId(14));
    }
}

#[tokio::test]
async fn an_incident_that_is_over_goes_with_its_posts() {
    for (place, store) in stores().await {
        let over = |id: u64, second| {
            let closed = Closed { at: at(second), why: "cleared".into(), repair: None };
            let key = WatchKey {
                intent: "motd".parse().unwrap(),
                target: format!("web{id}").parse().unwrap(),
            };
            Incident { closed: Some(closed), ..incident(id, key) }
        };
        let closed = vec![over(1, 5), over(11, 50), over(12, 5)];
        store.commit(Change { closed, ..Change::default() }).await.unwrap();
        let (mine, others) = (["drift:d1", "drift:d1:diff", "drift:d1:note:1"], ["drift:d11"]);
        for key in mine.iter().chain(&others) {
            say(store.as_ref(), key).await;
        }
        assert_eq!(forget(store.as_ref(), Old::Incidents(at(9)), 10).await, 1);
        let left = store.incidents(&IncidentFilter::default()).await.unwrap();
        let left: Vec<u64> = left.iter().map(|incident| incident.id.0).collect();
        assert_eq!(left, [12, 11], "young ones and the newest stay");
        for key in mine {
            assert!(!is_there(store.as_ref(), key).await, "{key}");
        }
        assert!(is_there(store.as_ref(), others[0]).await);
        drop(store);
        assert_eq!(place.open().await.next_incident().await.unwrap().0, 13);
    }
}

#[tokio::test]
async fn only_what_was_said_once_and_long_ago_is_forgotten_of_posts() {
    for (_, store) in stores().await {
        for key in ["answer:console:1", "revision:a:1", "trouble:1", "card:r1:1"] {
            say(store.as_ref(), key).await;
        }
        let thread = Post {
            place: Place::ThreadOf(PostKey("revision:a:1".into())),
            ..post("revision:a:1:diff", "diff")
        };
        let unsent = post("answer:console:2", "not sent yet");
        let posts = vec![thread, unsent];
        store.commit(Change { posts, ..Change::default() }).await.unwrap();
        let sweep = |now: i64| Old::Posts { before: at(now - 100), now: at(now) };
        assert_eq!(forget(store.as_ref(), sweep(1000), 10).await, 0, "noted, not removed");
        assert_eq!(forget(store.as_ref(), sweep(1100), 10).await, 0);
        let longer = Body(Vec::new());
        let edited = Post { body: longer, ..post("answer:console:1", "") };
        assert_eq!(forget(store.as_ref(), sweep(1101), 10).await, 1);
        assert!(!is_there(store.as_ref(), "answer:console:1").await);
        let stay = ["revision:a:1", "trouble:1", "card:r1:1", "answer:console:2"];
        for key in stay {
            assert!(is_there(store.as_ref(), key).await, "{key}");
        }
        store.commit(Change { posts: vec![edited], ..Change::default() }).await.unwrap();
        assert_eq!(forget(store.as_ref(), sweep(2000), 10).await, 0, "it has yet to be sent");
    }
}

/// Only the embedded store has the console's messages.
#[tokio::test]
async fn a_thread_of_the_console_goes_whole_once_nothing_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state/tribune.db");
    let store = SqliteStore::open(&file, &Options::default()).await.unwrap();
    let write = async |name: &str, thread: Option<&MessageId>, second| {
        let message = NewMessage {
            channel: "ops".parse().unwrap(),
            thread: thread.cloned(),
            author: "ada".parse().unwrap(),
            text: name.to_owned(),
            sent: at(second),
            nonce: name.to_owned(),
        };
        store.keep(&message).await.unwrap()
    };
    let old = write("old", None, 1).await;
    let reply = write("reply", Some(&old), 2).await;
    store.add(&reply, &"ken".parse().unwrap(), Sign::Approve, at(2)).await.unwrap();
    let lively = write("lively", None, 1).await;
    write("late reply", Some(&lively), 50).await;
    let card = write("card", None, 1).await;
    store.commit(Change { posts: vec![post("card:r1:1", "")], ..Change::default() }).await.unwrap();
    let sent = post("card:r1:1", "").body;
    let key = PostKey("card:r1:1".into());
    store.post_sent(&key, 1, &sent, &posted(card.as_str(), "card")).await.unwrap();
    assert_eq!(forget(&store, Old::Console(at(9)), 10).await, 2);
    for (message, stays) in [(&old, false), (&reply, false), (&lively, true), (&card, true)] {
        assert_eq!(store.get(message).await.unwrap().is_some(), stays, "{message}");
    }
    assert_eq!(store.stock().await.unwrap().console, 3);
    let next = write("next", None, 60).await;
    assert!(store.place(&next).await.unwrap() > 5, "no number is given twice");
}

#[tokio::test]
async fn audit_rows_go_from_the_beginning_and_in_pieces() {
    for (_, store) in stores().await {
        let audit = vec![entry(Event::RequestMade); 6];
        store.commit(Change { audit, ..Change::default() }).await.unwrap();
        assert_eq!(forget(store.as_ref(), Old::Audit(5), 3).await, 3);
        assert_eq!(forget(store.as_ref(), Old::Audit(5), 3).await, 1);
        let left = store.audit(&AuditFilter::default()).await.unwrap();
        assert_eq!(left.iter().map(|row| row.seq).collect::<Vec<_>>(), [5, 6]);
        let stock = store.stock().await.unwrap();
        assert_eq!((stock.audit, stock.audit_first), (2, 5));
        let audit = vec![entry(Event::RunEnd)];
        let receipt = store.commit(Change { audit, ..Change::default() }).await.unwrap();
        assert_eq!(receipt.audit, [7], "numbers go on");
    }
}

#[tokio::test]
async fn how_a_sweep_went_is_kept() {
    for (place, store) in stores().await {
        assert_eq!(store.swept().await.unwrap(), Swept::default());
        let swept = Swept { at: Some(at(3)), pruning: Some(9), ..Swept::default() };
        let change = Change { swept: Some(swept.clone()), ..Change::default() };
        store.commit(change).await.unwrap();
        drop(store);
        assert_eq!(place.open().await.swept().await.unwrap(), swept);
    }
}
