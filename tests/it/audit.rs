//! Tampering with the audit log behind the daemon's back, and what `verify` says of it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tribune::domain::audit::chain::{Broken, Head};
use tribune::domain::audit::checkpoint::{Checkpoint, SignedCheckpoint};
use tribune::domain::audit::prune::Prune;
use tribune::domain::audit::{Entry, Event};
use tribune::domain::person::Principal;
use tribune::ports::ledger::Ledger;
use tribune::ports::store::{AuditFilter, Change, Forget, Old, Store};
use tribune::store::audit::{Finding, Report, Witnesses, verify_store};
use tribune::store::ledger::{CheckpointSigner, FileLedger, PublicKey};
use tribune::store::sqlite::{Options, SqliteStore};

/// A store with rows, its audit file, and a checkpoint over some of them.
struct Log {
    folder: tempfile::TempDir,
    store: SqliteStore,
    ledger: FileLedger,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

impl Log {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("state/t.db"), &Options::default())
            .await
            .unwrap();
        let ledger = open_ledger(folder.path());
        Self { folder, store, ledger }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds rows to the store, and to the audit file too.
    async fn add(&self, count: usize) {
        self.add_to_store(count).await;
        let after = self.ledger.last_row().await.unwrap();
        let rows = self.store.audit(&AuditFilter { after, ..AuditFilter::default() }).await;
        self.ledger.append(&rows.unwrap()).await.unwrap();
    }

    async fn add_to_store(&self, count: usize) {
        let entry = Entry {
            at: at(0),
            actor: None,
            event: Event::RequestChanged,
            request: None,
            revision: None,
            detail: json!({ "what": "something" }),
        };
        let audit = vec![entry; count];
        self.store.commit(Change { audit, ..Change::default() }).await.unwrap();
    }

    async fn checkpoint(&self) -> SignedCheckpoint {
        let head = Head::from(&self.store.audit_head().await.unwrap().unwrap());
        self.ledger.sign(Checkpoint { head, at: at(60) }).await.unwrap()
    }

    async fn behind_its_back(&self, sql: &'static str) {
        let options = SqliteConnectOptions::new().filename(self.file("state/t.db"));
        let pool = SqlitePool::connect_with(options).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap();
        pool.close().await;
    }

    /// Verifies with the store alone.
    async fn verify_alone(&self) -> Report {
        let witnesses = Witnesses { rows: None, checkpoints: Vec::new(), ..self.witnesses() };
        verify_store(&witnesses).await.unwrap()
    }

    /// Verifies with checkpoints and no audit file.
    async fn verify_with_checkpoints(&self) -> Report {
        verify_store(&Witnesses { rows: None, ..self.witnesses() }).await.unwrap()
    }

    async fn verify(&self) -> Report {
        verify_store(&self.witnesses()).await.unwrap()
    }

    fn witnesses(&self) -> Witnesses {
        Witnesses {
            store: self.file("state/t.db"),
            rows: Some(self.file("audit.jsonl")),
            checkpoints: vec![self.file("checkpoints")],
            key: Some(PublicKey::beside(&self.file("keys/audit.key")).unwrap()),
        }
    }
}

fn open_ledger(folder: &Path) -> FileLedger {
    let signer = CheckpointSigner::open(&folder.join("keys/audit.key"), |seed| seed.fill(7));
    FileLedger::new(folder.join("audit.jsonl"), folder.join("checkpoints"), signer.unwrap())
}

fn chain(report: &Report) -> Option<&Broken> {
    report.findings.iter().find_map(|finding| match finding {
        Finding::Chain(broken) => Some(broken),
        Finding::RowsFile(_) | Finding::Checkpoint { .. } => None,
    })
}

#[tokio::test]
async fn an_untouched_log_is_fine_while_the_daemon_runs() {
    let log = Log::new().await;
    log.add(5).await;
    log.checkpoint().await;
    log.add_to_store(2).await;
    let report = log.verify().await;
    assert!(report.is_fine(), "{report}");
    assert_eq!((report.head.unwrap().seq, report.compared, report.checkpoints), (7, 5, 1));
    let text = report.to_string();
    assert!(text.starts_with("the chain is whole: 7 rows, head "), "{text}");
}

#[tokio::test]
async fn one_changed_row_is_named() {
    let log = Log::new().await;
    log.add(6).await;
    log.behind_its_back(
        "UPDATE audit SET entry = replace(entry, 'something', 'nothing') WHERE seq = 4",
    )
    .await;
    let report = log.verify_alone().await;
    assert_eq!(chain(&report), Some(&Broken::Changed { seq: 4 }));
    let text = report.to_string();
    assert!(text.contains("row 4 was changed: its hash does not fit its content"), "{text}");
    assert_eq!(chain(&log.verify().await), Some(&Broken::Changed { seq: 4 }));
}

#[tokio::test]
async fn a_row_that_is_no_row_any_more_is_named() {
    let log = Log::new().await;
    log.add(3).await;
    log.behind_its_back("UPDATE audit SET hash = 'none' WHERE seq = 2").await;
    assert_eq!(chain(&log.verify_alone().await), Some(&Broken::Changed { seq: 2 }));
}

#[tokio::test]
async fn removed_rows_are_counted() {
    let log = Log::new().await;
    log.add(6).await;
    log.behind_its_back("DELETE FROM audit WHERE seq IN (3, 4)").await;
    let report = log.verify_alone().await;
    assert_eq!(chain(&report), Some(&Broken::Missing { after: 2, count: 2 }));
    assert!(report.to_string().contains("2 rows are missing after row 2"));
}

#[tokio::test]
async fn swapped_rows_show() {
    let log = Log::new().await;
    log.add(4).await;
    for sql in [
        "UPDATE audit SET seq = 99 WHERE seq = 2",
        "UPDATE audit SET seq = 2 WHERE seq = 3",
        "UPDATE audit SET seq = 3 WHERE seq = 99",
    ] {
        log.behind_its_back(sql).await;
    }
    assert_eq!(chain(&log.verify_alone().await), Some(&Broken::Changed { seq: 2 }));
}

#[tokio::test]
async fn a_cut_tail_shows_by_a_checkpoint() {
    let log = Log::new().await;
    log.add(6).await;
    log.checkpoint().await;
    log.behind_its_back("DELETE FROM audit WHERE seq > 4").await;
    assert!(log.verify_alone().await.is_fine(), "a chain cannot know its own length");
    let report = log.verify_with_checkpoints().await;
    assert_eq!(chain(&report), Some(&Broken::Missing { after: 4, count: 2 }));
    assert!(report.to_string().contains("2 rows are missing after row 4"));
}

#[tokio::test]
async fn a_cut_tail_shows_by_the_audit_file() {
    let log = Log::new().await;
    log.add(6).await;
    log.behind_its_back("DELETE FROM audit WHERE seq > 5").await;
    let report = log.verify().await;
    assert_eq!(chain(&report), Some(&Broken::Missing { after: 5, count: 1 }));
    assert!(report.to_string().contains("1 row is missing after row 5"), "{report}");
}

#[tokio::test]
async fn a_recomputed_chain_shows() {
    let log = Log::new().await;
    log.add(4).await;
    log.checkpoint().await;
    // What somebody does who can compute hashes: another history of the same length.
    let other = Log::new().await;
    other.add_to_store(1).await;
    other.behind_its_back("DELETE FROM audit").await;
    let entry = Entry {
        at: at(5),
        actor: None,
        event: Event::RunEnd,
        request: None,
        revision: None,
        detail: json!({}),
    };
    let audit = vec![entry; 4];
    other.store.commit(Change { audit, ..Change::default() }).await.unwrap();
    assert!(other.verify_alone().await.is_fine());
    let witnesses = Witnesses { store: other.file("state/t.db"), rows: None, ..log.witnesses() };
    let report = verify_store(&witnesses).await.unwrap();
    assert!(matches!(chain(&report), Some(Broken::Recomputed { seq: 4, .. })), "{report}");
    let witnesses = Witnesses { store: other.file("state/t.db"), ..log.witnesses() };
    let report = verify_store(&witnesses).await.unwrap();
    assert!(matches!(chain(&report), Some(Broken::Recomputed { seq: 1, .. })), "{report}");
}

#[tokio::test]
async fn a_forged_checkpoint_does_not_count() {
    let log = Log::new().await;
    log.add(2).await;
    let line = log.checkpoint().await.to_string();
    let forged = line.replace("seq=2", "seq=1");
    std::fs::write(log.file("checkpoints"), format!("hello\n{forged}\n{line}\n")).unwrap();
    let report = log.verify().await;
    assert_eq!(report.findings.len(), 1, "{report}");
    let text = report.findings[0].to_string();
    assert!(
        text.contains("checkpoints:2: this checkpoint does not count: its signature"),
        "{text}"
    );
    assert_eq!((report.checkpoints, report.notes.len()), (1, 1));
}

#[tokio::test]
async fn the_audit_file_is_caught_up_after_a_crash() {
    let log = Log::new().await;
    log.add(3).await;
    let path = log.file("audit.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let ledger = open_ledger(log.folder.path());
    assert_eq!(ledger.last_row().await.unwrap(), 2);
    assert!(log.verify().await.is_fine(), "half a line is no tampering");
    let rows = log.store.audit(&AuditFilter { after: 2, ..AuditFilter::default() }).await.unwrap();
    ledger.append(&rows).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
    let gap = log.store.audit(&AuditFilter::default()).await.unwrap();
    ledger.append(&gap).await.unwrap_err();
}

#[tokio::test]
async fn the_key_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let log = Log::new().await;
    let key = log.file("keys/audit.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = CheckpointSigner::open(&key, |_| unreachable!("there is a key")).err().unwrap();
    assert!(refused.to_string().contains("others can read"), "{refused}");
}

#[tokio::test]
async fn a_line_of_the_audit_file_can_be_checked_with_sha256sum() {
    let log = Log::new().await;
    log.add(1).await;
    let line = std::fs::read_to_string(log.file("audit.jsonl")).unwrap();
    let (hash, row) = line.trim_end().split_once(r#"","row":"#).unwrap();
    let row = row.strip_suffix('}').unwrap();
    let digest = tribune::domain::digest::Digest::of(row.as_bytes()).to_string();
    assert_eq!(hash, format!(r#"{{"hash":"{digest}"#));
}

/// Removes rows before one, and tells of it as the daemon does.
async fn prune(log: &Log, signed: &SignedCheckpoint, by: Option<Principal>) {
    let Head { seq, hash, .. } = signed.checkpoint.head;
    let prune = Prune {
        up_to: seq,
        head: hash,
        rows: seq - 1,
        checkpoint: signed.checkpoint.at,
        reason: "older than a year".into(),
    };
    let change = Change {
        audit: vec![prune.entry(at(90), by)],
        forget: Some(Forget { what: Old::Audit(seq), limit: 100 }),
        ..Change::default()
    };
    log.store.commit(change).await.unwrap();
    log.add(0).await;
}

#[tokio::test]
async fn a_pruned_log_verifies_from_its_checkpoint_and_says_who_pruned() {
    let log = Log::new().await;
    log.add(4).await;
    let signed = log.checkpoint().await;
    log.add(3).await;
    let by = Principal::Service("host:0".parse().unwrap());
    prune(&log, &signed, Some(by)).await;
    let report = log.verify().await;
    assert!(report.is_fine(), "{report}");
    let text = report.to_string();
    assert!(text.contains("the chain is whole: 5 rows"), "{text}");
    assert!(text.contains("it begins at row 4, up to which it was pruned"), "{text}");
    let told = "note: 3 rows before row 4 were pruned at 2023-11-14T22:14:50Z by service host:0: \
                older than a year";
    assert!(text.contains(told), "{text}");
    // Without a checkpoint the first row has nobody who vouches for it.
    assert_eq!(chain(&log.verify_alone().await), Some(&Broken::Unvouched { seq: 4 }));
    // The audit file may be begun anew after it, and is as good a witness from there on.
    std::fs::remove_file(log.file("audit.jsonl")).unwrap();
    let rows = log.store.audit(&AuditFilter::default()).await.unwrap();
    open_ledger(log.folder.path()).append(&rows).await.unwrap();
    let report = log.verify().await;
    assert!(report.is_fine() && report.compared == 5, "{report}");
}

#[tokio::test]
async fn removing_rows_is_no_prune_unless_a_row_tells_of_it() {
    let log = Log::new().await;
    log.add(4).await;
    log.checkpoint().await;
    log.add(3).await;
    log.behind_its_back("DELETE FROM audit WHERE seq < 4").await;
    let report = log.verify().await;
    assert_eq!(chain(&report), Some(&Broken::Missing { after: 0, count: 3 }), "{report}");
}

#[tokio::test]
async fn what_is_removed_or_changed_after_a_prune_still_shows() {
    for (sql, broken) in [
        ("DELETE FROM audit WHERE seq = 4", Broken::Missing { after: 0, count: 4 }),
        ("DELETE FROM audit WHERE seq = 6", Broken::Missing { after: 5, count: 1 }),
        (
            "UPDATE audit SET entry = replace(entry, 'something', 'x') WHERE seq = 4",
            Broken::Changed { seq: 4 },
        ),
    ] {
        let log = Log::new().await;
        log.add(4).await;
        let signed = log.checkpoint().await;
        log.add(3).await;
        prune(&log, &signed, None).await;
        log.behind_its_back(sql).await;
        let report = log.verify().await;
        assert_eq!(chain(&report), Some(&broken), "{sql}: {report}");
    }
}

#[tokio::test]
async fn a_checkpoint_that_another_key_signed_is_none_to_prune_by() {
    let log = Log::new().await;
    log.add(2).await;
    let line = log.checkpoint().await.to_string();
    std::fs::write(log.file("checkpoints"), format!("{}\n{line}\n", line.replace("=2", "=1")))
        .unwrap();
    let found = log.ledger.checkpoints().await.unwrap();
    assert_eq!(found.iter().map(|it| it.head.seq).collect::<Vec<_>>(), [2]);
}
