//! A store in memory, as strict as the real one.
//!
//! A [`Disk`] outlives the store that is opened on it, so that tests can crash and start again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use jiff::Timestamp;
use tribune::domain::audit::Row;
use tribune::domain::body::Body;
use tribune::domain::canonical::canonical_json;
use tribune::domain::digest::Digest;
use tribune::domain::drift::{Incident, Watch, WatchKey};
use tribune::domain::evidence::PullRef;
use tribune::domain::id::{IncidentId, IntentName, Platform, RequestId, Revision, RunId};
use tribune::domain::message::{MessageRef, PostKey, Posted};
use tribune::domain::pause::Pause;
use tribune::domain::press::Offer;
use tribune::domain::provisional::ProvisionalBan;
use tribune::domain::request::Request;
use tribune::domain::run::RunRecord;
use tribune::domain::schedule::Mark;
use tribune::ports::chat::Cursor;
use tribune::ports::revision::{RevisionFilter, RevisionRecord};
use tribune::ports::store::{
    AuditFilter, Change, IncidentFilter, OutboxPost, Receipt, RequestFilter, RunFilter, Session,
    SignInToken, SourceState, Stock, Store, StoreError, Swept, Waiting,
};

use super::data::Data;

/// What survives a crash of the daemon.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    open: bool,
    full: bool,
    data: Data,
}

impl Disk {
    /// Opens the store on this disk; refused while another has it.
    pub fn open(&self) -> Result<FakeStore, String> {
        let mut content = self.0.lock().unwrap();
        if std::mem::replace(&mut content.open, true) {
            return Err("another daemon uses the store".into());
        }
        let of_requests = content.data.requests.keys().map(|id| id.0);
        let of_audit = content.data.audit.iter().filter_map(|row| row.entry.request).map(|id| id.0);
        let last = of_requests.chain(of_audit).max().unwrap_or(0);
        let last_incident = Mutex::new(content.data.drift.last());
        drop(content);
        let last_request = Mutex::new(last);
        Ok(FakeStore { disk: self.clone(), last_request, last_incident })
    }

    /// From now on the disk is full, or is not.
    pub fn set_full(&self, full: bool) {
        self.0.lock().unwrap().full = full;
    }
}

/// The store in memory.
#[derive(Debug)]
pub struct FakeStore {
    disk: Disk,
    last_request: Mutex<u64>,
    last_incident: Mutex<u64>,
}

impl Drop for FakeStore {
    fn drop(&mut self) {
        self.disk.0.lock().unwrap().open = false;
    }
}

impl FakeStore {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.disk.0.lock().unwrap()
    }

    /// Writes whole or not at all.
    fn write<T>(
        &self,
        change: impl FnOnce(&mut Data) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut content = self.content();
        if content.full {
            return Err(StoreError::Full);
        }
        let mut data = content.data.clone();
        let given = change(&mut data)?;
        content.data = data;
        Ok(given)
    }

    fn read<T>(&self, look: impl FnOnce(&Data) -> T) -> Result<T, StoreError> {
        Ok(look(&self.content().data))
    }
}

fn newest<T>(mut rows: Vec<T>, limit: u32) -> Vec<T> {
    if limit != 0 {
        rows.drain(..rows.len().saturating_sub(limit as usize));
    }
    rows
}

#[async_trait]
impl Store for FakeStore {
    async fn commit(&self, change: Change) -> Result<Receipt, StoreError> {
        self.write(|data| data.apply(change))
    }

    async fn next_request(&self) -> Result<RequestId, StoreError> {
        let mut last = self.last_request.lock().unwrap();
        *last += 1;
        Ok(RequestId(*last))
    }

    async fn request(&self, id: RequestId) -> Result<Option<Request>, StoreError> {
        self.read(|data| data.requests.get(&id).cloned())
    }

    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        let mut found = self.read(|data| {
            data.requests
                .values()
                .filter(|request| {
                    filter.states.is_empty() || filter.states.contains(&request.state)
                })
                .filter(|request| {
                    filter.requester.is_none()
                        || request.requester.person() == filter.requester.as_ref()
                })
                .filter(|request| filter.before.is_none_or(|before| request.id < before))
                .filter(|request| {
                    filter.intent.as_ref().is_none_or(|intent| request.intent == *intent)
                })
                .cloned()
                .collect::<Vec<_>>()
        })?;
        found = newest(found, filter.limit);
        found.reverse();
        Ok(found)
    }

    async fn run(&self, id: RunId) -> Result<Option<RunRecord>, StoreError> {
        self.read(|data| data.runs.get(&id).cloned())
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, StoreError> {
        let without_output =
            |run: &RunRecord| RunRecord { head: String::new(), tail: String::new(), ..run.clone() };
        let found = self.read(|data| {
            data.runs
                .values()
                .filter(|run| !filter.open || run.ended.is_none())
                .filter(|run| filter.before.is_none_or(|before| run.id < before))
                .map(without_output)
                .collect::<Vec<_>>()
        })?;
        let mut found = newest(found, filter.limit);
        found.reverse();
        Ok(found)
    }

    async fn runs_open(&self) -> Result<Vec<RunRecord>, StoreError> {
        let mut open = self.read(|data| {
            data.runs.values().filter(|run| run.ended.is_none()).cloned().collect::<Vec<_>>()
        })?;
        open.sort_by_key(|run| (run.started, run.id));
        Ok(open)
    }

    async fn uses(&self, pull: &PullRef) -> Result<Vec<RequestId>, StoreError> {
        self.read(|data| {
            data.uses.iter().filter(|(used, _)| used == pull).map(|(_, request)| *request).collect()
        })
    }

    async fn post(&self, key: &PostKey) -> Result<Option<OutboxPost>, StoreError> {
        self.read(|data| data.posts.iter().find(|stored| stored.post.key == *key).cloned())
    }

    async fn post_at(&self, at: &MessageRef) -> Result<Option<OutboxPost>, StoreError> {
        self.read(|data| {
            let stands = |stored: &&OutboxPost| stored.posted.as_ref().is_some_and(|p| p.at == *at);
            data.posts.iter().find(stands).cloned()
        })
    }

    async fn posts_due(
        &self,
        platform: &Platform,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxPost>, StoreError> {
        self.read(|data| {
            let mut due = data.due(platform, now);
            due.truncate(limit as usize);
            due
        })
    }

    async fn posts_waiting(&self) -> Result<BTreeMap<Platform, Waiting>, StoreError> {
        self.read(|data| {
            let mut waiting = BTreeMap::<Platform, Waiting>::new();
            for stored in data.posts.iter().filter(|stored| data.is_waiting(stored)) {
                let Some(platform) = data.outlet(stored) else { continue };
                let counted = waiting.entry(platform).or_default();
                counted.posts += 1;
                counted.failing += u64::from(stored.failures > 0);
            }
            waiting
        })
    }

    async fn post_sent(
        &self,
        key: &PostKey,
        generation: u64,
        sent: &Body,
        posted: &Posted,
    ) -> Result<(), StoreError> {
        self.write(|data| {
            let stored = data.post_mut(key)?;
            stored.first_text.get_or_insert_with(|| posted.text.clone());
            if stored.sent_generation <= generation {
                stored.sent_generation = generation;
                stored.sent = Some(sent.clone());
                stored.posted = Some(posted.clone());
            }
            stored.failures = 0;
            stored.not_before = None;
            Ok(())
        })
    }

    async fn post_seeded(&self, key: &PostKey) -> Result<(), StoreError> {
        self.write(|data| {
            let stored = data.post_mut(key)?;
            stored.seeded = true;
            stored.failures = 0;
            stored.not_before = None;
            Ok(())
        })
    }

    async fn post_offered(
        &self,
        key: &PostKey,
        round: u64,
        offers: &[Offer],
    ) -> Result<(), StoreError> {
        self.write(|data| {
            let stored = data.post_mut(key)?;
            stored.offered = stored.round == round && stored.offers == offers;
            stored.failures = 0;
            stored.not_before = None;
            Ok(())
        })
    }

    async fn post_failed(&self, key: &PostKey, not_before: Timestamp) -> Result<(), StoreError> {
        self.write(|data| {
            let stored = data.post_mut(key)?;
            stored.failures += 1;
            stored.not_before = Some(not_before);
            Ok(())
        })
    }

    async fn post_given_up(&self, key: &PostKey, generation: u64) -> Result<(), StoreError> {
        self.write(|data| {
            let stored = data.post_mut(key)?;
            stored.given_up = stored.given_up.max(generation);
            Ok(())
        })
    }

    async fn is_handled(&self, at: &MessageRef) -> Result<bool, StoreError> {
        self.read(|data| data.seen.iter().any(|handled| handled.at == *at))
    }

    async fn cursor(&self, platform: &Platform) -> Result<Option<Cursor>, StoreError> {
        self.read(|data| data.cursors.get(platform).cloned())
    }

    async fn source(&self) -> Result<SourceState, StoreError> {
        self.read(|data| data.source.clone())
    }

    async fn first_seen(&self, revision: &Revision) -> Result<Option<Timestamp>, StoreError> {
        self.read(|data| data.sightings.get(revision).copied())
    }

    async fn revisions(&self, filter: &RevisionFilter) -> Result<Vec<RevisionRecord>, StoreError> {
        self.read(|data| {
            let listed = data
                .revisions
                .iter()
                .rev()
                .filter(|record| filter.before == 0 || record.seq < filter.before)
                .filter(|record| {
                    filter.revision.as_ref().is_none_or(|revision| record.revision == *revision)
                })
                .map(|record| RevisionRecord { diff: String::new(), ..record.clone() });
            match filter.limit {
                0 => listed.collect(),
                limit => listed.take(limit as usize).collect(),
            }
        })
    }

    async fn revision(&self, seq: u64) -> Result<Option<RevisionRecord>, StoreError> {
        self.read(|data| data.revisions.iter().find(|record| record.seq == seq).cloned())
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Row>, StoreError> {
        let rows = self.read(|data| {
            data.audit
                .iter()
                .filter(|row| row.seq > filter.after)
                .filter(|row| filter.before == 0 || row.seq < filter.before)
                .filter(|row| filter.events.is_empty() || filter.events.contains(&row.entry.event))
                .filter(|row| {
                    let text = canonical_json(&row.entry).to_ascii_lowercase();
                    filter
                        .text
                        .as_ref()
                        .is_none_or(|part| text.contains(&part.to_ascii_lowercase()))
                })
                .filter(|row| filter.request.is_none() || row.entry.request == filter.request)
                .filter(|row| {
                    let actor = row.entry.actor.as_ref().and_then(|actor| actor.person());
                    filter.person.is_none() || actor == filter.person.as_ref()
                })
                .filter(|row| filter.since.is_none_or(|since| row.entry.at >= since))
                .cloned()
                .collect()
        })?;
        Ok(newest(rows, filter.limit))
    }

    async fn audit_row(&self, seq: u64) -> Result<Option<Row>, StoreError> {
        self.read(|data| data.audit.iter().find(|row| row.seq == seq).cloned())
    }

    async fn audit_head(&self) -> Result<Option<Row>, StoreError> {
        self.read(|data| data.audit.last().cloned())
    }

    async fn token(&self, hash: &Digest) -> Result<Option<SignInToken>, StoreError> {
        self.read(|data| {
            data.tokens.get(hash).filter(|(_, used)| !used).map(|(token, _)| token.clone())
        })
    }

    async fn session(&self, hash: &Digest) -> Result<Option<Session>, StoreError> {
        self.read(|data| data.sessions.get(hash).cloned())
    }

    async fn bans(&self) -> Result<Vec<ProvisionalBan>, StoreError> {
        self.read(|data| data.bans.values().cloned().collect())
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        let mut pauses: Vec<Pause> = self.read(|data| data.pauses.values().cloned().collect())?;
        pauses.sort_by_key(|pause| pause.scope.to_string());
        Ok(pauses)
    }

    async fn schedules(&self) -> Result<BTreeMap<IntentName, Mark>, StoreError> {
        self.read(|data| data.schedules.clone())
    }

    async fn sessions(&self) -> Result<Vec<Session>, StoreError> {
        let mut sessions = self.read(|data| data.sessions.values().cloned().collect::<Vec<_>>())?;
        sessions.sort_by_key(|session| (session.since, session.hash.to_string()));
        Ok(sessions)
    }

    async fn next_incident(&self) -> Result<IncidentId, StoreError> {
        let mut last = self.last_incident.lock().unwrap();
        *last += 1;
        Ok(IncidentId(*last))
    }

    async fn watches(&self) -> Result<Vec<Watch>, StoreError> {
        self.read(|data| data.drift.watches())
    }

    async fn watch(&self, key: &WatchKey) -> Result<Option<Watch>, StoreError> {
        self.read(|data| data.drift.watches().into_iter().find(|watch| watch.key == *key))
    }

    async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        self.read(|data| data.drift.incident(id))
    }

    async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        self.read(|data| data.drift.incidents(filter))
    }

    async fn probe(&self, _: Timestamp) -> Result<(), StoreError> {
        self.write(|_| Ok(()))
    }

    async fn swept(&self) -> Result<Swept, StoreError> {
        self.read(|data| data.swept.clone())
    }

    async fn stock(&self) -> Result<Stock, StoreError> {
        self.read(super::sweep::stock)
    }
}
