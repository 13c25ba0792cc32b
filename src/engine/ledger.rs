//! The audit log's file and its signed checkpoints, kept up from the store.
//!
//! The store's rows are the log; the file follows them, and catches up after a crash. A
//! checkpoint goes to the file and, as one line, to the operations channel.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;

use super::{Engine, EngineError};
use crate::domain::audit::chain::Head;
use crate::domain::audit::checkpoint::{Checkpoint, Moment, is_due};
use crate::domain::audit::{Entry, Event};
use crate::domain::message::{Post, PostKey};
use crate::domain::reply;
use crate::ports::store::{AuditFilter, Change};

impl Engine {
    /// Says that there may be new rows.
    pub(super) fn wake_ledger(&self) {
        self.ledger_wake.notify_one();
    }

    /// Writes the start of the daemon.
    pub(super) async fn audit_start(&self) -> Result<(), EngineError> {
        self.audit_daemon(Event::DaemonStart).await?;
        self.write_ledger(Moment::Start).await
    }

    /// Writes the end of the daemon.
    pub(super) async fn audit_stop(&self) -> Result<(), EngineError> {
        self.audit_daemon(Event::DaemonStop).await?;
        self.write_ledger(Moment::Stop).await
    }

    async fn audit_daemon(&self, event: Event) -> Result<(), EngineError> {
        let entry = Entry {
            at: self.now(),
            actor: None,
            event,
            request: None,
            revision: None,
            detail: json!({ "version": env!("CARGO_PKG_VERSION") }),
        };
        self.ports.store.commit(Change { audit: vec![entry], ..Change::default() }).await?;
        Ok(())
    }

    /// Copies rows to the file until the engine stops.
    pub(super) async fn keep_ledger(self: Arc<Self>) {
        loop {
            if let Err(error) = self.write_ledger(Moment::Running).await {
                tracing::error!(%error, "the audit file is behind the store");
            }
            let next = self.now() + SignedDuration::from_mins(1);
            tokio::select! {
                () = self.ledger_wake.notified() => {}
                () = self.ports.clock.sleep_until(next) => {}
            }
        }
    }

    /// Copies every row that the file lacks, and signs a checkpoint if one is due.
    async fn write_ledger(&self, moment: Moment) -> Result<(), EngineError> {
        let ledger = &self.ports.ledger;
        let mut last = ledger.last_row().await?;
        loop {
            let filter = AuditFilter { after: last, ..AuditFilter::default() };
            let rows = self.ports.store.audit(&filter).await?;
            let Some(newest) = rows.last() else { break };
            last = newest.seq;
            ledger.append(&rows).await?;
        }
        let Some(row) = self.ports.store.audit_head().await? else { return Ok(()) };
        let head = Head { seq: row.seq, hash: row.hash, count: row.seq };
        let now = self.now();
        if !is_due(ledger.last_checkpoint().await?.as_ref(), &head, moment, now) {
            return Ok(());
        }
        let signed = ledger.sign(Checkpoint { head, at: now }).await?;
        if let Some(place) = self.operations_place() {
            let line = signed.to_string();
            let post = Post {
                key: PostKey(format!("checkpoint:{}", head.seq)),
                place,
                body: reply::one_line([reply::text("audit checkpoint "), reply::code(line)]),
                seeds: Vec::new(),
            };
            self.ports.store.commit(Change { posts: vec![post], ..Change::default() }).await?;
            self.wake_outbox();
        }
        Ok(())
    }
}
