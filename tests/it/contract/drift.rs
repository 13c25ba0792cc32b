//! What `ports::store` promises of standing intents and incidents of drift, on both stores.

use std::sync::Arc;

use jiff::Timestamp;
use tribune::domain::drift::{Closed, Found, Incident, Watch, WatchKey};
use tribune::domain::id::IncidentId;
use tribune::domain::intent::OnDrift;
use tribune::ports::store::{Change, Conflict, IncidentFilter, Store, StoreError};
use tribune::store::sqlite::{Options, SqliteStore};

use crate::world::store::Disk;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn key(intent: &str, target: &str) -> WatchKey {
    WatchKey { intent: intent.parse().unwrap(), target: target.parse().unwrap() }
}

pub(super) fn incident(id: u64, key: WatchKey) -> Incident {
    Incident {
        id: IncidentId(id),
        key,
        place: ("console".parse().unwrap(), "ops".parse().unwrap()),
        opened: at(2),
        found: Found::Differs,
        difference: None,
        differences: 1,
        changed: at(2),
        why: None,
        on_drift: OnDrift::Ask,
        turned: false,
        held: None,
        ignored: None,
        repair: None,
        tried: None,
        failed: Vec::new(),
        branch: None,
        answered: Vec::new(),
        told: at(2),
        notes: 0,
        closed: None,
    }
}

fn watches(watches: Vec<Watch>) -> Change {
    Change { watches, ..Change::default() }
}

async fn what_is_known_of_drift_survives(open: impl AsyncFn() -> Arc<dyn Store>) {
    let (motd, hosts) = (key("motd", "web1"), key("hosts", "web1"));
    let store = open().await;
    store
        .commit(watches(vec![Watch::new(motd.clone(), at(1)), Watch::new(hosts.clone(), at(1))]))
        .await
        .unwrap();
    let id = store.next_incident().await.unwrap();
    assert_eq!(id, IncidentId(1));
    let read = store.watch(&motd).await.unwrap().unwrap();
    assert_eq!((read.version, read.checked), (1, None));
    let drifted = Watch { incident: Some(incident(1, motd.clone())), ..read.clone() };
    store.commit(watches(vec![drifted])).await.unwrap();
    assert_eq!(
        store.commit(watches(vec![read])).await.unwrap_err(),
        StoreError::Conflict(Conflict::Watch(motd.clone())),
        "somebody else wrote it since"
    );
    let looked = vec![(motd.clone(), at(9)), (key("gone", "web1"), at(9))];
    store.commit(Change { looked, ..Change::default() }).await.unwrap();
    drop(store);

    let store = open().await;
    let all = store.watches().await.unwrap();
    let names: Vec<String> = all.iter().map(|watch| watch.key.to_string()).collect();
    assert_eq!(names, ["hosts on web1", "motd on web1"]);
    let read = store.watch(&motd).await.unwrap().unwrap();
    assert_eq!((read.version, read.checked), (2, Some(at(9))), "a look is no new version");
    assert_eq!(read.incident, Some(incident(1, motd.clone())));
    assert_eq!(store.next_incident().await.unwrap(), IncidentId(2));

    let closing = Closed { at: at(20), why: "gone".into(), repair: None };
    let closed = Incident { closed: Some(closing), ..incident(1, motd.clone()) };
    let second = Incident { opened: at(30), ..incident(2, motd.clone()) };
    let change = Change {
        closed: vec![closed.clone()],
        watches: vec![Watch { incident: Some(second.clone()), ..read }],
        unwatch: vec![hosts.clone()],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    assert_eq!(store.watch(&hosts).await.unwrap(), None);
    assert_eq!(store.incident(IncidentId(1)).await.unwrap(), Some(closed.clone()));
    let list = async |filter| store.incidents(&filter).await.unwrap();
    let all = IncidentFilter::default();
    assert_eq!(list(all.clone()).await, [second.clone(), closed], "newest first");
    assert_eq!(
        list(IncidentFilter { limit: 1, ..all.clone() }).await,
        std::slice::from_ref(&second)
    );
    assert_eq!(list(IncidentFilter { open: true, ..all.clone() }).await, [second]);
    assert_eq!(list(IncidentFilter { intent: Some("hosts".parse().unwrap()), ..all }).await, []);
}

#[tokio::test]
async fn what_is_known_of_drift_survives_in_memory() {
    let disk = Disk::default();
    what_is_known_of_drift_survives(async || Arc::new(disk.open().unwrap()) as Arc<dyn Store>)
        .await;
}

#[tokio::test]
async fn what_is_known_of_drift_survives_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state/tribune.db");
    what_is_known_of_drift_survives(async || {
        Arc::new(SqliteStore::open(&file, &Options::default()).await.unwrap()) as Arc<dyn Store>
    })
    .await;
}
