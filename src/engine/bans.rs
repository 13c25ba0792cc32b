//! Provisional bans: asked for in chat, they bind at once, and a branch is prepared that makes
//! them lasting.
//!
//! The ban is written first and binds; the branch follows, however often it must be tried. Both
//! ends are told on one post. Whether somebody may ban or lift is asked before; see
//! [`super::intake`].

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::requests::{is_conflict, merge};
use super::{Engine, EngineError};
use crate::domain::audit::{Entry, Event};
use crate::domain::ban::Ban;
use crate::domain::body::Body;
use crate::domain::id::{ChatChannelId, PersonId, Platform, RepoPath};
use crate::domain::message::{Place, Post};
use crate::domain::person::Principal;
use crate::domain::provisional::{self, End, Prepared, ProvisionalBan, Refused, Wanted};
use crate::domain::reply::ban as reply;
use crate::manifest::edit;
use crate::policy::Snapshot;
use crate::ports::source::{Draft, SourceError};
use crate::ports::store::{Change, Conflict, Swap};

/// How long to wait before a branch that could not be prepared is tried again.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

impl Engine {
    /// Returns the provisional bans that are remembered, ended ones included.
    pub async fn provisional_bans(&self) -> Result<Vec<ProvisionalBan>, EngineError> {
        Ok(self.ports.store.bans().await?)
    }

    /// Returns the provisional bans that bind.
    pub async fn binding_bans(&self) -> Result<Vec<ProvisionalBan>, EngineError> {
        let (now, mut bans) = (self.now(), self.ports.store.bans().await?);
        bans.retain(|ban| ban.is_live(now));
        Ok(bans)
    }

    /// Returns the provisional ban that binds somebody, if one does.
    pub async fn provisional_ban(
        &self,
        subject: &PersonId,
    ) -> Result<Option<ProvisionalBan>, EngineError> {
        Ok(self.binding_bans().await?.into_iter().find(|ban| ban.subject == *subject))
    }

    /// Lays the stored bans over the snapshot that decides.
    pub(super) async fn restore_bans(&self) -> Result<(), EngineError> {
        let _one_at_a_time = self.banning.lock().await;
        let bans = self.ports.store.bans().await?;
        let binding = bans.iter().filter_map(|ban| Some((ban.subject.clone(), ban.binding()?)));
        self.deciding.bind_all(binding.collect());
        Ok(())
    }

    /// Bans somebody, in one transaction with what `change` says of the result. When it returns,
    /// the ban binds everywhere.
    pub async fn ban(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        wanted: &Wanted,
        change: impl Fn(&ProvisionalBan) -> Change,
    ) -> Result<Result<ProvisionalBan, Refused>, EngineError> {
        loop {
            let now = self.now();
            let bans = self.ports.store.bans().await?;
            let subject = Principal::Person(wanted.subject.clone());
            let stored = bans.iter().find(|ban| ban.subject == wanted.subject).cloned();
            if let Some(over) = stored.as_ref().filter(|ban| ban.has_lapsed(now)) {
                // Its end is told before another begins.
                self.ended(over, now).await?;
                continue;
            }
            let said = stored.as_ref().and_then(ProvisionalBan::binding);
            let in_force = snapshot.repo.live_ban(&subject, now).cloned().or(said);
            let is_taken = |path: &RepoPath| snapshot.repo.tree.0.contains_key(path);
            let wanted = Wanted { place: self.announced(), ..wanted.clone() };
            let made = match provisional::ban(wanted, &bans, in_force.as_ref(), is_taken, now) {
                Ok(made) => made,
                Err(refused) => return Ok(Err(refused)),
            };
            let by = Principal::Person(made.by.clone());
            let detail = json!({
                "subject": made.subject, "reason": made.reason, "until": made.until,
                "lasting": made.lasting, "file": made.file, "number": made.number,
            });
            let mut step = self.ban_step(Event::BanSet, Some(&by), detail, now);
            step.posts = post(&made, reply::announced(&made)).into_iter().collect();
            step.bans = vec![swap(stored, Some(made.clone()), &made.subject)];
            if self.bind(merge(change(&made), step)).await? {
                return Ok(Ok(made));
            }
        }
    }

    /// Lifts the provisional ban on somebody, in one transaction with what `change` says of it;
    /// `None` if none binds them.
    pub async fn lift_ban(
        self: &Arc<Self>,
        subject: &PersonId,
        by: &Principal,
        reason: Option<&str>,
        change: impl Fn(&ProvisionalBan) -> Change,
    ) -> Result<Option<ProvisionalBan>, EngineError> {
        loop {
            let now = self.now();
            let Some(ban) = self.provisional_ban(subject).await? else { return Ok(None) };
            let end = End::Lifted { at: now, by: by.clone() };
            let (ended, step) = self.end_of_ban(&ban, end, Some(by), reason, now);
            if self.bind(merge(change(&ended), step)).await? {
                return Ok(Some(ended));
            }
        }
    }

    /// Returns the bans on somebody that files of the applied revision declare and that hold.
    pub(super) fn bans_of_files<'a>(
        &self,
        snapshot: &'a Snapshot,
        subject: &PersonId,
    ) -> Vec<&'a Ban> {
        let now = self.now();
        let bans = snapshot.repo.bans.of_files().iter();
        bans.filter(|ban| ban.subject.person() == Some(subject) && ban.is_live(now)).collect()
    }

    /// Prepares a branch that removes files of bans; returns its name and where it is.
    pub(super) async fn prepare_removal(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        subject: &PersonId,
        by: &PersonId,
        bans: &[&Ban],
    ) -> Result<Result<Prepared, SourceError>, EngineError> {
        let now = self.now();
        let files: BTreeMap<RepoPath, Option<Vec<u8>>> =
            bans.iter().map(|ban| (ban.origin.clone(), None)).collect();
        let branch = format!("tribune/unban-{subject}");
        let detail = json!({
            "subject": subject, "removes": files.keys().collect::<Vec<_>>(), "branch": branch,
        });
        let actor = Principal::Person(by.clone());
        self.ports
            .store
            .commit(self.ban_step(Event::BanPrepared, Some(&actor), detail, now))
            .await?;
        self.wake_ledger();
        let draft = Draft {
            base: snapshot.revision.clone(),
            branch: branch.clone(),
            files,
            message: format!("lift the ban on {subject}\n\nRequested-by: {by}\n"),
            at: now,
        };
        let from = self.ports.source.draft(&draft).await;
        Ok(from.map(|from| Prepared { branch, from }))
    }

    /// Ends what is over or was merged, prepares branches, forgets what is old; returns when to
    /// look again.
    pub(super) async fn tend_bans(
        self: &Arc<Self>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, EngineError> {
        // Should the overlay ever differ from the store, it does not for long.
        self.restore_bans().await?;
        let mut again = None;
        for ban in self.ports.store.bans().await? {
            if ban.is_open() && self.ended(&ban, now).await? {
                continue;
            }
            if ban.is_open() && ban.prepared.is_none() && !self.prepare_ban(&ban, now).await? {
                again = Some(now + AGAIN);
            }
            if !ban.is_open() && !ban.makes_second(now) {
                let forget = swap(Some(ban.clone()), None, &ban.subject);
                self.bind(Change { bans: vec![forget], ..Change::default() }).await?;
            }
        }
        let bans = self.ports.store.bans().await?;
        let next = bans.iter().map(|ban| match ban.is_open() {
            true => ban.until,
            false => ban.remembered_until(),
        });
        Ok(next.chain(again).min())
    }

    /// Records that a ban is over or was made lasting; `false` if neither is so.
    async fn ended(
        self: &Arc<Self>,
        ban: &ProvisionalBan,
        now: Timestamp,
    ) -> Result<bool, EngineError> {
        let snapshot = self.applied();
        let merged = snapshot.as_ref().filter(|snapshot| {
            snapshot.repo.bans.of_files().iter().any(|file| ban.is_made_lasting_by(file))
        });
        let end = match merged {
            Some(snapshot) => End::Lasting { at: now, revision: snapshot.revision.clone() },
            None if ban.has_lapsed(now) => End::Lapsed,
            None => return Ok(false),
        };
        let (_, step) = self.end_of_ban(ban, end, None, None, now);
        self.bind(step).await
    }

    fn end_of_ban(
        &self,
        ban: &ProvisionalBan,
        end: End,
        by: Option<&Principal>,
        reason: Option<&str>,
        now: Timestamp,
    ) -> (ProvisionalBan, Change) {
        let ended = ProvisionalBan { end: Some(end), ..ban.clone() };
        let detail = json!({
            "subject": ban.subject, "since": ban.since, "end": ended.end, "reason": reason,
        });
        let mut step = self.ban_step(Event::BanEnd, by, detail, now);
        step.posts = post(&ended, reply::announced(&ended)).into_iter().collect();
        step.bans = vec![swap(Some(ban.clone()), Some(ended.clone()), &ban.subject)];
        (ended, step)
    }

    /// Prepares the branch of a ban; `false` if that did not work.
    async fn prepare_ban(
        self: &Arc<Self>,
        ban: &ProvisionalBan,
        now: Timestamp,
    ) -> Result<bool, EngineError> {
        let Some(snapshot) = self.applied() else { return Ok(false) };
        let branch = ban.branch();
        let text = edit::ban_file(&ban.subject, &ban.by, &ban.reason, ban.lasting);
        let draft = Draft {
            base: snapshot.revision.clone(),
            branch: branch.clone(),
            files: BTreeMap::from([(ban.file.clone(), Some(text.into_bytes()))]),
            message: format!("ban {}\n\n{}\n\nRequested-by: {}\n", ban.subject, ban.reason, ban.by),
            at: now,
        };
        let from = match self.ports.source.draft(&draft).await {
            Ok(from) => from,
            Err(error) => {
                tracing::warn!(subject = %ban.subject, %error, "the branch of a ban cannot be prepared; trying again");
                return Ok(false);
            }
        };
        let prepared = ProvisionalBan {
            prepared: Some(Prepared { branch: branch.clone(), from }),
            ..ban.clone()
        };
        let detail = json!({ "subject": ban.subject, "file": ban.file, "branch": branch });
        let mut step = self.ban_step(Event::BanPrepared, None, detail, now);
        step.posts = post(&prepared, reply::announced(&prepared)).into_iter().collect();
        step.bans = vec![swap(Some(ban.clone()), Some(prepared), &ban.subject)];
        self.bind(step).await
    }

    /// Makes a step and lays what results over the snapshot that decides, before anything else
    /// changes a ban; `false` if somebody else changed it meanwhile.
    async fn bind(self: &Arc<Self>, step: Change) -> Result<bool, EngineError> {
        let swaps = step.bans.clone();
        {
            let _one_at_a_time = self.banning.lock().await;
            match self.ports.store.commit(step).await.map_err(EngineError::from) {
                Ok(_) => {}
                Err(error) if is_conflict(&error, |it| matches!(it, Conflict::Ban(_))) => {
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
            for Swap { key, after, .. } in &swaps {
                self.deciding.bind(key, after.as_ref().and_then(ProvisionalBan::binding));
            }
        }
        self.wake_outbox();
        self.wake_ledger();
        self.wake_calendar();
        // Who may sign is another set of people now, and what is held may be held no more.
        self.wake_source();
        self.consider_all().await?;
        Ok(true)
    }

    /// Returns where bans are announced: in the operations channel.
    fn announced(&self) -> Option<(Platform, ChatChannelId)> {
        match self.operations_place() {
            Some(Place::Channel(platform, channel)) => Some((platform, channel)),
            Some(Place::ThreadOf(_) | Place::Reply(_) | Place::Direct(_)) | None => None,
        }
    }

    fn ban_step(
        &self,
        event: Event,
        by: Option<&Principal>,
        detail: serde_json::Value,
        now: Timestamp,
    ) -> Change {
        let revision = self.applied().map(|snapshot| snapshot.revision.clone());
        let entry = Entry { at: now, actor: by.cloned(), event, request: None, revision, detail };
        Change { audit: vec![entry], ..Change::default() }
    }
}

fn swap(
    before: Option<ProvisionalBan>,
    after: Option<ProvisionalBan>,
    subject: &PersonId,
) -> Swap<PersonId, ProvisionalBan> {
    Swap { key: subject.clone(), before, after }
}

/// Returns the post that tells of a ban from its beginning to its end.
fn post(ban: &ProvisionalBan, body: Body) -> Option<Post> {
    let (platform, channel) = ban.place.clone()?;
    let place = Place::Channel(platform, channel);
    Some(Post { key: reply::key(ban), place, body, seeds: Vec::new() })
}
