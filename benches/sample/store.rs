//! Stores of any size, filled through their own `commit`.

use std::path::Path;

use jiff::SignedDuration;
use serde_json::json;
use tribune::clock::SystemClock;
use tribune::domain::audit::{Entry, Event};
use tribune::ports::clock::Clock as _;
use tribune::ports::store::{Change, Store as _};
use tribune::store::sqlite::{Options, SqliteStore};

/// Writes so many audit rows of the past, an hour apart, into a store on disk.
pub async fn fill_audit(path: &Path, rows: usize) {
    const AT_ONCE: usize = 1000;
    let store = SqliteStore::open(path, &Options::default()).await.unwrap();
    let now = SystemClock.now();
    let entry = |row: usize| Entry {
        at: now - SignedDuration::from_hours(i64::try_from(rows - row).unwrap()),
        actor: None,
        event: Event::RequestDecided,
        request: None,
        revision: None,
        detail: json!({ "outcome": "permit", "reasons": ["operators-approved"], "row": row }),
    };
    for first in (0..rows).step_by(AT_ONCE) {
        let audit = (first..rows.min(first + AT_ONCE)).map(entry).collect();
        store.commit(Change { audit, ..Change::default() }).await.unwrap();
    }
    store.close().await;
}
