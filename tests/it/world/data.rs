//! What the store in memory holds, and how a change is applied to it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tribune::domain::audit::Row;
use tribune::domain::audit::chain::chain;
use tribune::domain::digest::Digest;
use tribune::domain::evidence::PullRef;
use tribune::domain::id::{IntentName, PersonId, Platform, RequestId, Revision, RunId};
use tribune::domain::message::{Place, Post, PostKey, Urgency};
use tribune::domain::pause::{Pause, Scope, holding};
use tribune::domain::provisional::ProvisionalBan;
use tribune::domain::request::Request;
use tribune::domain::run::RunRecord;
use tribune::domain::schedule::Mark;
use tribune::ports::chat::Cursor;
use tribune::ports::revision::{RECORDS_KEPT, RevisionRecord};
use tribune::ports::store::{
    Change, Conflict, Expect, Forget, Handled, OutboxPost, Receipt, Session, SignInToken,
    SourceState, StoreError, Swap, Swept, Use,
};

use super::drift::Drifts;

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
    pub(super) bans: BTreeMap<PersonId, ProvisionalBan>,
    pub(super) schedules: BTreeMap<IntentName, Mark>,
}

impl Data {
    pub(super) fn apply(&mut self, change: Change) -> Result<Receipt, StoreError> {
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
        for (key, offers) in change.offers {
            let stored = self.post_mut(&key)?;
            stored.offered &= stored.offers == offers;
            stored.offers = offers;
        }
        if let Some((key, round)) = change.pressed {
            let stands = |it: &&mut OutboxPost| it.round == round && !it.offers.is_empty();
            let Some(stored) = self.post_mut(&key).ok().filter(stands) else {
                return Err(StoreError::Conflict(Conflict::Pressed(key)));
            };
            stored.round += 1;
            stored.offered = false;
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
        for ban in change.bans {
            swap(&mut self.bans, ban, Conflict::Ban)?;
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
            Expect::Bans(expected) => {
                let open = self.bans.values().filter(|ban| ban.is_open());
                let binding: BTreeMap<PersonId, Timestamp> =
                    open.map(|ban| (ban.subject.clone(), ban.since)).collect();
                (binding != *expected).then_some(Conflict::Bans)
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
                given_up: 0,
                offers: Vec::new(),
                round: 0,
                offered: true,
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

    pub(super) fn post_mut(&mut self, key: &PostKey) -> Result<&mut OutboxPost, StoreError> {
        self.posts
            .iter_mut()
            .find(|stored| stored.post.key == *key)
            .ok_or_else(|| StoreError::Broken(format!("post {key} is not known")))
    }

    pub(super) fn is_waiting(&self, stored: &OutboxPost) -> bool {
        stored.given_up < stored.generation
            && (stored.sent_generation < stored.generation
                || (!stored.seeded && !stored.post.seeds.is_empty())
                || !stored.offered)
    }

    /// Returns the platform that a post goes to, if that is known.
    pub(super) fn outlet(&self, stored: &OutboxPost) -> Option<Platform> {
        match &stored.post.place {
            Place::Channel(platform, _) => Some(platform.clone()),
            Place::Direct(account) => Some(account.platform.clone()),
            Place::Reply(at) => Some(at.platform.clone()),
            Place::ThreadOf(root) => {
                let root = self.posts.iter().find(|post| post.post.key == *root)?;
                root.posted.as_ref().map(|posted| posted.at.platform.clone())
            }
        }
    }

    /// Says whether another post of its kind, earlier in its thread, has to wait.
    fn would_overtake(&self, stored: &OutboxPost, now: Timestamp) -> bool {
        let urgency = |post: &OutboxPost| Urgency::of(&post.post.key);
        let in_thread = matches!(stored.post.place, Place::ThreadOf(_) | Place::Reply(_));
        let earlier = self.posts.iter().take_while(|post| post.post.key != stored.post.key);
        in_thread
            && stored.posted.is_none()
            && earlier
                .filter(|post| post.post.place == stored.post.place && post.posted.is_none())
                .filter(|post| urgency(post) <= urgency(stored) && post.given_up < post.generation)
                .any(|post| post.not_before.is_some_and(|at| at > now))
    }

    pub(super) fn due(&self, platform: &Platform, now: Timestamp) -> Vec<OutboxPost> {
        let due = self.posts.iter().filter(|stored| {
            self.is_waiting(stored)
                && self.outlet(stored).as_ref() == Some(platform)
                && stored.not_before.is_none_or(|at| at <= now)
                && !self.would_overtake(stored, now)
        });
        let mut due: Vec<OutboxPost> = due.cloned().collect();
        due.sort_by_key(|stored| Urgency::of(&stored.post.key));
        due
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
