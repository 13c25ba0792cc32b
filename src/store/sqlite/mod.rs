//! The embedded store: one SQLite file, one writing connection, several reading ones.
//!
//! WAL with `synchronous=FULL`: a commit that returned is on disk, and costs one sync. There is
//! one daemon per file: it holds an exclusive lock on `<file>.lock` for as long as it lives. The
//! lock is the process's, so nothing needs to be cleaned up after a crash.
//!
//! Each file here knows the SQL of its own tables and nothing else's; `commit` says in which
//! order a change is applied.

pub(super) mod audit;
mod ban;
mod buttons;
mod calendar;
mod commit;
mod console;
mod drift;
mod error;
mod open;
mod outbox;
mod request;
mod revision;
mod row;
mod session;
mod source;
mod sweep;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;

pub(super) use self::open::open_read_only;
pub use self::open::{OpenError, Options};
use crate::domain::audit::Row;
use crate::domain::body::Body;
use crate::domain::digest::Digest;
use crate::domain::drift::{Incident, Watch, WatchKey};
use crate::domain::evidence::PullRef;
use crate::domain::id::{IncidentId, IntentName, Platform, RequestId, Revision, RunId};
use crate::domain::message::{MessageRef, PostKey, Posted};
use crate::domain::pause::Pause;
use crate::domain::press::Offer;
use crate::domain::provisional::ProvisionalBan;
use crate::domain::request::Request;
use crate::domain::run::RunRecord;
use crate::domain::schedule::Mark;
use crate::ports::chat::Cursor;
use crate::ports::revision::{RevisionFilter, RevisionRecord};
use crate::ports::store::{
    AuditFilter, Change, IncidentFilter, OutboxPost, Receipt, RequestFilter, RunFilter, Session,
    SignInToken, SourceState, Stock, Store, StoreError, Swept, Waiting,
};

/// The embedded store.
#[derive(Debug)]
pub struct SqliteStore {
    /// One connection: SQLite has one writer at a time, so waiting is done here, in order.
    writer: SqlitePool,
    readers: SqlitePool,
    /// The last request number given out.
    last_request: AtomicU64,
    /// The last number of an incident given out.
    last_incident: AtomicU64,
    /// Held, never read: closing it lets another daemon open the store.
    _lock: File,
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, change: Change) -> Result<Receipt, StoreError> {
        commit::commit(&self.writer, change).await
    }

    async fn next_request(&self) -> Result<RequestId, StoreError> {
        Ok(RequestId(self.last_request.fetch_add(1, Ordering::SeqCst) + 1))
    }

    async fn request(&self, id: RequestId) -> Result<Option<Request>, StoreError> {
        request::get(&self.readers, id).await
    }

    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        request::list(&self.readers, filter).await
    }

    async fn run(&self, id: RunId) -> Result<Option<RunRecord>, StoreError> {
        request::run(&self.readers, id).await
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, StoreError> {
        request::runs(&self.readers, filter).await
    }

    async fn runs_open(&self) -> Result<Vec<RunRecord>, StoreError> {
        request::runs_open(&self.readers).await
    }

    async fn uses(&self, pull: &PullRef) -> Result<Vec<RequestId>, StoreError> {
        request::uses(&self.readers, pull).await
    }

    async fn post(&self, key: &PostKey) -> Result<Option<OutboxPost>, StoreError> {
        outbox::get(&self.readers, key).await
    }

    async fn post_at(&self, at: &MessageRef) -> Result<Option<OutboxPost>, StoreError> {
        outbox::at(&self.readers, at).await
    }

    async fn posts_due(
        &self,
        platform: &Platform,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxPost>, StoreError> {
        outbox::due(&self.readers, platform, now, limit).await
    }

    async fn posts_waiting(&self) -> Result<BTreeMap<Platform, Waiting>, StoreError> {
        outbox::waiting(&self.readers).await
    }

    async fn post_sent(
        &self,
        key: &PostKey,
        generation: u64,
        sent: &Body,
        posted: &Posted,
    ) -> Result<(), StoreError> {
        outbox::sent(&self.writer, key, generation, sent, posted).await
    }

    async fn post_seeded(&self, key: &PostKey) -> Result<(), StoreError> {
        outbox::seeded(&self.writer, key).await
    }

    async fn post_offered(
        &self,
        key: &PostKey,
        round: u64,
        offers: &[Offer],
    ) -> Result<(), StoreError> {
        buttons::offered(&self.writer, key, round, offers).await
    }

    async fn post_failed(&self, key: &PostKey, not_before: Timestamp) -> Result<(), StoreError> {
        outbox::failed(&self.writer, key, not_before).await
    }

    async fn post_given_up(&self, key: &PostKey, generation: u64) -> Result<(), StoreError> {
        outbox::given_up(&self.writer, key, generation).await
    }

    async fn is_handled(&self, at: &MessageRef) -> Result<bool, StoreError> {
        source::is_handled(&self.readers, at).await
    }

    async fn cursor(&self, platform: &Platform) -> Result<Option<Cursor>, StoreError> {
        source::cursor(&self.readers, platform).await
    }

    async fn source(&self) -> Result<SourceState, StoreError> {
        source::get(&self.readers).await
    }

    async fn first_seen(&self, revision: &Revision) -> Result<Option<Timestamp>, StoreError> {
        source::first_seen(&self.readers, revision).await
    }

    async fn revisions(&self, filter: &RevisionFilter) -> Result<Vec<RevisionRecord>, StoreError> {
        revision::list(&self.readers, filter).await
    }

    async fn revision(&self, seq: u64) -> Result<Option<RevisionRecord>, StoreError> {
        revision::get(&self.readers, seq).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Row>, StoreError> {
        audit::list(&self.readers, filter).await
    }

    async fn audit_row(&self, seq: u64) -> Result<Option<Row>, StoreError> {
        audit::get(&self.readers, seq).await
    }

    async fn audit_head(&self) -> Result<Option<Row>, StoreError> {
        audit::head(&self.readers).await
    }

    async fn token(&self, hash: &Digest) -> Result<Option<SignInToken>, StoreError> {
        session::token(&self.readers, hash).await
    }

    async fn session(&self, hash: &Digest) -> Result<Option<Session>, StoreError> {
        session::get(&self.readers, hash).await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        calendar::pauses(&self.readers).await
    }

    async fn bans(&self) -> Result<Vec<ProvisionalBan>, StoreError> {
        ban::all(&self.readers).await
    }

    async fn schedules(&self) -> Result<BTreeMap<IntentName, Mark>, StoreError> {
        calendar::marks(&self.readers).await
    }

    async fn sessions(&self) -> Result<Vec<Session>, StoreError> {
        session::list(&self.readers).await
    }

    async fn next_incident(&self) -> Result<IncidentId, StoreError> {
        Ok(IncidentId(self.last_incident.fetch_add(1, Ordering::SeqCst) + 1))
    }

    async fn watches(&self) -> Result<Vec<Watch>, StoreError> {
        drift::watches(&self.readers).await
    }

    async fn watch(&self, key: &WatchKey) -> Result<Option<Watch>, StoreError> {
        drift::watch(&self.readers, key).await
    }

    async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        drift::incident(&self.readers, id).await
    }

    async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        drift::incidents(&self.readers, filter).await
    }

    async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        sweep::probe(&self.writer, now).await
    }

    async fn swept(&self) -> Result<Swept, StoreError> {
        sweep::swept(&self.readers).await
    }

    async fn stock(&self) -> Result<Stock, StoreError> {
        sweep::stock(&self.readers).await
    }
}
