//! The daemon is killed exactly at its N-th sync of the store while the audit log is pruned, for
//! every N until the prune is over: what is there is whole, and what is gone was told of.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tribune::domain::audit::{Entry, Event};
use tribune::ports::store::{Change, Store as _};
use tribune::store::sqlite::{Options, SqliteStore};

use crate::ground::{Daemon, Ground};

/// More rows than a few transactions remove.
const ROWS: usize = 600;

/// Writes rows behind a daemon that is not there.
async fn fill(ground: &Ground) {
    let file = ground.at("state/tribune.sqlite");
    let store = SqliteStore::open(&file, &Options::default()).await.unwrap();
    let entry = Entry {
        at: Timestamp::UNIX_EPOCH,
        actor: None,
        event: Event::SettingsRead,
        request: None,
        revision: None,
        detail: json!({ "taken": [] }),
    };
    let audit = vec![entry; ROWS];
    store.commit(Change { audit, ..Change::default() }).await.unwrap();
    store.close().await;
}

/// Returns the row that the last checkpoint is over.
fn last_checkpoint(ground: &Ground) -> Option<u64> {
    let lines = std::fs::read_to_string(ground.at("state/checkpoints")).ok()?;
    lines.lines().last()?.split_once("seq=")?.1.split_once(' ')?.0.parse().ok()
}

/// Prunes from the host; `None`: the daemon died first.
async fn prune(ground: &Ground, daemon: &mut Daemon, row: u64) -> Option<()> {
    let row = row.to_string();
    let words = ["audit", "prune", "--until", &row, "--reason", "kept elsewhere"];
    ground.until(daemon, "the prune", async || ground.command(&words).map(drop)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prune_that_is_killed_anywhere_is_told_of_truly() {
    let ground = Ground::build(|_| Vec::new()).await;
    ground.reset();
    fill(&ground).await;
    let mut daemon = ground.start();
    let row = ground.until(&mut daemon, "a checkpoint", async || {
        last_checkpoint(&ground).filter(|row| *row > ROWS as u64)
    });
    let row = row.await.expect("nobody kills this one");
    daemon.end().await;
    ground.begin_here();

    let (mut nth, mut survived, mut between) = (0, false, false);
    while !survived {
        nth += 1;
        assert!(nth < 100, "the prune does not end");
        ground.reset();
        let mut daemon = ground.start_and_kill_at(nth);
        let pruned = prune(&ground, &mut daemon, row).await;
        survived = pruned.is_some() && daemon.outlives(Duration::from_secs(1)).await;
        daemon.end().await;
        let context = format!("killed at commit {nth}");
        let gone = ground.verify_audit(&context).await.pruned;
        assert!(pruned.is_none() || gone == row - 1, "{context}: {gone} rows are gone");
        between |= gone > 0 && gone < row - 1;
        if gone < row - 1 {
            let mut daemon = ground.start();
            prune(&ground, &mut daemon, row).await.expect("nobody kills this one");
            daemon.end().await;
            assert_eq!(ground.verify_audit(&context).await.pruned, row - 1, "{context}");
        }
    }
    assert!(between, "no kill was between two pieces");
}
