//! A store in memory, as strict as the real one.
//!
//! A [`Disk`] outlives the store that is opened on it, so that tests can crash and start again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use jiff::Timestamp;
use tribune::domain::audit::{Row, chain::chain};
use tribune::domain::body::Body;
use tribune::domain::canonical::canonical_json;
use tribune::domain::digest::Digest;
use tribune::domain::drift::{Incident, Watch, WatchKey};
use tribune::domain::evidence::PullRef;
use tribune::domain::id::{IncidentId, IntentName, Platform, RequestId, Revision, RunId};
use tribune::domain::message::{MessageRef, Place, Post, PostKey, Posted};
use tribune::domain::pause::{Pause, Scope, holding};
use tribune::domain::request::Request;
use tribune::domain::run::RunRecord;
use tribune::domain::schedule::Mark;
use tribune::ports::chat::Cursor;
use tribune::ports::revision::{RECORDS_KEPT, RevisionFilter, RevisionRecord};
use tribune::ports::store::{
    AuditFilter, Change, Conflict, Expect, Forget, Handled, IncidentFilter, OutboxPost, Receipt,
    RequestFilter, RunFilter, Session, SignInToken, SourceState, Stock, Store, StoreError, Swap,
    Swept, Use,
};

use super::drift::Drifts;

/// What survives a crash of the daemon.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    open: bool,
    full: bool,
    data: Data,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Data {
    pub(super) audit: Vec<Row>,
    pub(super) requests: BTreeMap<RequestId, Request>,
    pub(super) runs: BTreeMap<RunId, RunRecord>,
    pub(super) uses: Vec<(PullRef, RequestId)>,
    pub(super) posts: Vec<OutboxPost>,
    pub(super) settled: BTreeMap<PostKey, (u64, Timestamp)>,
    pub(super) seen: Vec<Handled>,
    pub(super) cursors: BTreeMap<Platform, Cursor>,
    pub(super) source: SourceState,
    pub(super) sightings: BTreeMap<Revision, Timestamp>,
    pub(super) revisions: Vec<RevisionRecord>,
    pub(super) tokens: BTreeMap<Digest, (SignInToken, bool)>,
    pub(super) sessions: BTreeMap<Digest, Session>,
    pub(super) swept: Swept,
    pub(super) drift: Drifts,
    pub(super) pauses: BTreeMap<Scope, Pause>,
    pub(super) schedules: BTreeMap<IntentName, Mark>,
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

impl Data {
    fn apply(&mut self, change: Change) -> Result<Receipt, StoreError> {
        for expected in &change.expect {
            self.check(expected)?;
        }
        self.drift.apply(&change)?;
        let mut receipt = Receipt::default();
        for entry in change.audit {
            let row = chain(self.audit.last(), entry);
            receipt.audit.push(row.seq);
            self.audit.push(row);
        }
        for request in change.requests {
            self.put_request(request)?;
        }
        for run in change.runs {
            self.known(run.id.request)?;
            self.runs.insert(run.id, run);
        }
        for use_ in change.uses {
            self.take_use(use_)?;
        }
        for post in change.posts {
            self.put_post(post)?;
        }
        for message in change.seen {
            if self.seen.iter().any(|seen| seen.at == message.at) {
                return Err(StoreError::Conflict(Conflict::Seen));
            }
            self.seen.push(message);
        }
        self.cursors.extend(change.cursor);
        if let Some(state) = change.source {
            self.source = state;
        }
        for (revision, at) in change.sightings {
            self.sightings.entry(revision).or_insert(at);
        }
        for record in change.revisions {
            let seq = self.revisions.last().map_or(0, |last| last.seq) + 1;
            self.revisions.push(RevisionRecord { seq, ..record });
            self.revisions.retain(|record| record.seq + RECORDS_KEPT > seq);
        }
        if let Some(token) = change.token
            && self.tokens.insert(token.hash, (token, false)).is_some()
        {
            return Err(StoreError::Broken("the token is there already".into()));
        }
        if let Some((hash, at)) = change.consume {
            match self.tokens.get_mut(&hash) {
                Some((token, used)) if !*used && at < token.until => *used = true,
                _ => return Err(StoreError::Conflict(Conflict::Seen)),
            }
        }
        self.sessions.extend(change.session.map(|session| (session.hash, session)));
        for hash in change.end_sessions {
            self.sessions.remove(&hash);
        }
        if let Some(Forget { what, limit }) = change.forget {
            receipt.forgotten = super::sweep::forget(self, what, limit as usize) as u64;
        }
        if let Some(swept) = change.swept {
            self.swept = swept;
        }
        for pause in change.pauses {
            swap(&mut self.pauses, pause, Conflict::Pause)?;
        }
        for mark in change.schedules {
            swap(&mut self.schedules, mark, Conflict::Schedule)?;
        }
        Ok(receipt)
    }

    fn check(&self, expected: &Expect) -> Result<(), StoreError> {
        let broken = match expected {
            Expect::Applied(revision) => {
                (self.source.applied.as_ref() != Some(revision)).then_some(Conflict::Applied)
            }
            Expect::Unpaused(intent) => {
                let pauses: Vec<Pause> = self.pauses.values().cloned().collect();
                holding(&pauses, intent).map(|_| Conflict::Paused(intent.clone()))
            }
        };
        broken.map_or(Ok(()), |conflict| Err(StoreError::Conflict(conflict)))
    }

    fn known(&self, request: RequestId) -> Result<(), StoreError> {
        match self.requests.contains_key(&request) {
            true => Ok(()),
            false => Err(StoreError::Broken(format!("{request} is not known"))),
        }
    }

    fn put_request(&mut self, mut request: Request) -> Result<(), StoreError> {
        let stored = self.requests.get(&request.id).map_or(0, |stored| stored.version);
        if stored != request.version {
            return Err(StoreError::Conflict(Conflict::Request(request.id)));
        }
        request.version += 1;
        self.requests.insert(request.id, request);
        Ok(())
    }

    fn take_use(&mut self, use_: Use) -> Result<(), StoreError> {
        self.known(use_.request)?;
        let others = self
            .uses
            .iter()
            .filter(|(pull, request)| *pull == use_.pull && *request != use_.request)
            .count();
        if others >= use_.limit as usize {
            return Err(StoreError::Conflict(Conflict::Used(use_.pull)));
        }
        let taken = (use_.pull, use_.request);
        if !self.uses.contains(&taken) {
            self.uses.push(taken);
        }
        Ok(())
    }

    fn put_post(&mut self, post: Post) -> Result<(), StoreError> {
        let Some(stored) = self.posts.iter_mut().find(|stored| stored.post.key == post.key) else {
            self.posts.push(OutboxPost {
                post,
                posted: None,
                first_text: None,
                sent: None,
                generation: 1,
                sent_generation: 0,
                seeded: false,
                failures: 0,
                not_before: None,
            });
            return Ok(());
        };
        if stored.post.place != post.place {
            return Err(StoreError::Broken(format!("post {} would move", post.key)));
        }
        stored.generation += u64::from(stored.post.body != post.body);
        stored.seeded &= stored.post.seeds == post.seeds;
        stored.post = post;
        Ok(())
    }

    fn post_mut(&mut self, key: &PostKey) -> Result<&mut OutboxPost, StoreError> {
        self.posts
            .iter_mut()
            .find(|stored| stored.post.key == *key)
            .ok_or_else(|| StoreError::Broken(format!("post {key} is not known")))
    }

    fn is_due(&self, stored: &OutboxPost, now: Timestamp) -> bool {
        let wanting = stored.sent_generation < stored.generation
            || (!stored.seeded && !stored.post.seeds.is_empty());
        let has_root = match &stored.post.place {
            Place::ThreadOf(root) => {
                self.posts.iter().any(|post| post.post.key == *root && post.posted.is_some())
            }
            Place::Channel(..) | Place::Reply(_) | Place::Direct(_) => true,
        };
        wanting && has_root && stored.not_before.is_none_or(|at| at <= now)
    }
}

fn swap<K: Ord + Clone, V: PartialEq>(
    stored: &mut BTreeMap<K, V>,
    Swap { key, before, after }: Swap<K, V>,
    conflict: fn(K) -> Conflict,
) -> Result<(), StoreError> {
    if stored.get(&key) != before.as_ref() {
        return Err(StoreError::Conflict(conflict(key)));
    }
    match after {
        Some(value) => stored.insert(key, value),
        None => stored.remove(&key),
    };
    Ok(())
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

    async fn posts_due(&self, now: Timestamp, limit: u32) -> Result<Vec<OutboxPost>, StoreError> {
        self.read(|data| {
            let due = data.posts.iter().filter(|stored| data.is_due(stored, now));
            due.take(limit as usize).cloned().collect()
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

    async fn post_failed(&self, key: &PostKey, not_before: Timestamp) -> Result<(), StoreError> {
        self.write(|data| {
            let stored = data.post_mut(key)?;
            stored.failures += 1;
            stored.not_before = Some(not_before);
            Ok(())
        })
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

    async fn swept(&self) -> Result<Swept, StoreError> {
        self.read(|data| data.swept.clone())
    }

    async fn stock(&self) -> Result<Stock, StoreError> {
        self.read(super::sweep::stock)
    }
}
