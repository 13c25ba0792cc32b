//! Dispatching: the last look, the gate, and the start, under the lock of the request.
//!
//! Order matters. Turn and folders first, since they take time; then evidence, read again with a
//! deadline; then the gate, which decides, commits and decides again; then the start, at once.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Dispatched;
use super::holds::InTheWay;
use crate::domain::audit::Event as AuditEvent;
use crate::domain::decision::Decision;
use crate::domain::id::RunId;
use crate::domain::intent::{Intent, OnBusy};
use crate::domain::reply::{self, time};
use crate::domain::request::machine::{self, Effect, Event, Wait};
use crate::domain::request::{Mode, Request};
use crate::domain::run::{self, Check, Failure, Run, RunRecord};
use crate::domain::window::freeze;
use crate::engine::locks::Held;
use crate::engine::requests::{Facts, Standing};
use crate::engine::{Engine, EngineError};
use crate::policy::Snapshot;
use crate::policy::gate::{self, Applied, Plea, Refused};
use crate::ports::executor::{ExecError, Started, Workspace};
use crate::ports::source::Pin;
use crate::ports::store::{Expect, Use};

/// How long to wait before trying again what this machine could not do now.
const AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// Pieces of output that may wait for a slow reader.
pub(super) const OUTPUT_PIECES: usize = 64;

/// The snapshot that decides right now, for the gate.
pub(super) struct AppliedNow<'a> {
    pub(super) engine: &'a Engine,
    pub(super) last: &'a Arc<Snapshot>,
}

impl Applied for AppliedNow<'_> {
    fn current(&self) -> Arc<Snapshot> {
        // Once a snapshot is applied there always is one.
        self.engine.applied().unwrap_or_else(|| Arc::clone(self.last))
    }
}

impl Engine {
    /// Starts a permitted request, or says what it waits for.
    pub(in crate::engine) async fn dispatch(
        self: &Arc<Self>,
        held: &Held,
        request: Request,
    ) -> Result<Dispatched, EngineError> {
        let Some(snapshot) = self.applied() else { return Ok(Dispatched::Settled) };
        let Some(intent) = snapshot.repo.intents.get(&request.intent) else {
            return Ok(Dispatched::Again);
        };
        let now = self.now();
        if self.is_draining() {
            return Ok(Dispatched::Settled);
        }
        // Its end makes every open request be considered.
        if let Some(pause) = self.paused(&request.intent).await? {
            return self.waits(&snapshot, &request, reply::pause::holds(&pause), now).await;
        }
        if let Some(freeze) = freeze(&intent.windows, now) {
            let until = freeze.until.map_or(String::new(), |at| format!(" until {}", time(at)));
            let why = format!("a freeze window holds{until}: {}", freeze.window);
            let again = freeze.until.unwrap_or(now + SignedDuration::from_hours(1));
            self.look_again(request.id, again);
            return self.waits(&snapshot, &request, why, now).await;
        }
        if let Some(waiting) = self.take_turn(&snapshot, &request, intent, now).await? {
            return Ok(waiting);
        }
        let dispatched = self.start_run(held, &snapshot, &request).await;
        if !self.runs.requests().contains(&request.id) {
            self.runs.forget(request.id);
        }
        dispatched
    }

    /// Takes what the run will hold, or says who holds it.
    async fn take_turn(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        intent: &Intent,
        now: Timestamp,
    ) -> Result<Option<Dispatched>, EngineError> {
        let running = self.runs.requests();
        let full = running.len() >= self.tuning().max_running;
        let taken = match running.first().filter(|_| full) {
            Some(first) => Err(InTheWay::Run(*first)),
            None => self.runs.holds.take(request, intent),
        };
        let holder = match taken {
            Ok(()) => return Ok(None),
            Err(InTheWay::Run(holder)) => holder,
            // Looks are over soon, and wake what waits for them.
            Err(InTheWay::Looks) => {
                let why = "Tribune is just looking for drift there".to_owned();
                return self.waits(snapshot, request, why, now).await.map(Some);
            }
        };
        let wait = match intent.concurrency.on_busy {
            OnBusy::Refuse if !full => Wait::Refuse,
            OnBusy::Refuse | OnBusy::Queue => Wait::Queue,
        };
        let step = machine::step(request, Event::Busy { holder, wait }, None, now)?;
        let waits_for = Some(if full {
            format!("{} runs are under way, the most this machine takes", running.len())
        } else {
            format!("{holder} holds what it needs")
        });
        let standing = Standing { waits_for, ..self.standing(snapshot, request, now).await? };
        self.write(snapshot, request, step, &standing, now).await?;
        Ok(Some(Dispatched::Settled))
    }

    async fn waits(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        why: String,
        now: Timestamp,
    ) -> Result<Dispatched, EngineError> {
        let facts = self.standing(snapshot, request, now).await?;
        let standing = Standing { waits_for: Some(why), ..facts };
        self.write(snapshot, request, (request.clone(), Vec::new()), &standing, now).await?;
        Ok(Dispatched::Settled)
    }

    /// Returns what the card says of the evidence, as far as it can be read.
    async fn standing(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        now: Timestamp,
    ) -> Result<Standing, EngineError> {
        let facts = self.facts(snapshot, request, now).await?.unwrap_or_default();
        Ok(Standing { facts, ..Standing::default() })
    }

    async fn write(
        &self,
        snapshot: &Snapshot,
        before: &Request,
        (next, effects): (Request, Vec<Effect>),
        standing: &Standing,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let change = self.change(snapshot, before, &next, effects, standing, now).await?;
        if let Some(change) = change {
            self.ports.store.commit(change).await?;
            self.wake_outbox();
            self.wake_ledger();
        }
        self.keep_clock(&next);
        Ok(())
    }

    async fn start_run(
        self: &Arc<Self>,
        held: &Held,
        snapshot: &Arc<Snapshot>,
        request: &Request,
    ) -> Result<Dispatched, EngineError> {
        let run = RunId { request: request.id, attempt: request.attempts + 1 };
        let now = self.now();
        let Ok(plan) = run::plan(&snapshot.repo, request, run.attempt) else {
            return Ok(Dispatched::Again);
        };
        let workspace = match self.prepare(run, &plan, snapshot).await {
            Ok(workspace) => workspace,
            Err(error) => {
                tracing::error!(%run, %error, "failed to prepare the folders of a run");
                self.look_again(request.id, now + AGAIN);
                let why = "its files could not be laid out; trying again".to_owned();
                return self.waits(snapshot, request, why, now).await;
            }
        };
        let started = self.through_the_gate(held, snapshot, request, run, &plan, &workspace).await;
        if !matches!(started, Ok(Dispatched::Settled)) || !self.is_running(run) {
            self.clear(run, &workspace).await;
        }
        started
    }

    fn is_running(&self, run: RunId) -> bool {
        self.runs.requests().contains(&run.request)
    }

    async fn through_the_gate(
        self: &Arc<Self>,
        held: &Held,
        snapshot: &Arc<Snapshot>,
        request: &Request,
        run: RunId,
        plan: &run::Plan,
        workspace: &Workspace,
    ) -> Result<Dispatched, EngineError> {
        debug_assert_eq!(held.request(), request.id, "the lock of this request is held");
        let deadline = self.now() + self.options.evidence_within;
        let facts = tokio::select! {
            facts = self.facts(snapshot, request, self.now()) => facts?,
            () = self.ports.clock.sleep_until(deadline) => {
                return self.unread(snapshot, request, "it did not answer in time").await;
            }
        };
        let facts = match facts {
            Ok(facts) => facts,
            Err(unreadable) => return self.unread(snapshot, request, &unreadable.0).await,
        };
        if facts.broken.is_some() || !facts.evidence.vetoes.is_empty() {
            return Ok(Dispatched::Again);
        }
        let record = new_record(run, plan, self.now());
        let attempt = run.attempt;
        let plea = Plea { request, attempt, evidence: &facts.evidence };
        let commit = |snapshot: Arc<Snapshot>, decision: Decision| {
            let (facts, record) = (facts.clone(), record.clone());
            async move { self.commit_dispatch(&snapshot, request, &decision, facts, record).await }
        };
        let applied = AppliedNow { engine: self, last: snapshot };
        let (sender, output) = tokio::sync::mpsc::channel(OUTPUT_PIECES);
        let executor = &self.ports.executor;
        // Nothing may come between the gate and the start.
        let started = match request.mode {
            Mode::Run => {
                match gate::authorize::<Run, _, _>(&applied, plea, || self.now(), commit).await {
                    Ok(leave) => executor.run(leave, workspace, sender).await,
                    Err(refused) => return self.refused(request, record, refused).await,
                }
            }
            Mode::Check => {
                match gate::authorize::<Check, _, _>(&applied, plea, || self.now(), commit).await {
                    Ok(leave) => executor.check(leave, workspace, sender).await,
                    Err(refused) => return self.refused(request, record, refused).await,
                }
            }
        };
        self.wake_outbox();
        self.wake_ledger();
        self.follow_or_fail(started, record, workspace.clone(), output).await?;
        Ok(Dispatched::Settled)
    }

    async fn follow_or_fail(
        self: &Arc<Self>,
        started: Result<Started, ExecError>,
        record: RunRecord,
        workspace: Workspace,
        output: tokio::sync::mpsc::Receiver<bytes::Bytes>,
    ) -> Result<(), EngineError> {
        match started {
            Ok(Started { finished, cancel }) => {
                self.runs.began(record.id.request, cancel);
                let engine = Arc::clone(self);
                self.tasks.spawn(engine.follow(record, workspace, finished, output));
                Ok(())
            }
            Err(error) => {
                let how = Failure::NotStarted(error.to_string());
                let outcome = run::Outcome::Failed { how, target: None };
                self.finish_under_lock(record, outcome).await
            }
        }
    }

    /// The transaction of a dispatch: `running`, the audit row, the use of the citation, and
    /// that the revision decided on is still the applied one, with the same bans.
    async fn commit_dispatch(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        decision: &Decision,
        facts: Facts,
        record: RunRecord,
    ) -> Result<u64, EngineError> {
        let now = self.now();
        let approvals = facts.evidence.approvals.clone();
        let decided = Event::Decided { decision: decision.clone(), approvals };
        let (permitted, mut effects) = machine::step(request, decided, None, now)?;
        let (next, more) = machine::step(&permitted, Event::Dispatched, None, now)?;
        effects.extend(more);
        effects.retain(|effect| *effect != Effect::Dispatch);
        let uses = citation_use(snapshot, request, &facts);
        let standing = Standing { decision: Some(decision.clone()), facts, ..Standing::default() };
        let change = self.change(snapshot, request, &next, effects, &standing, now).await?;
        let mut change = change.unwrap_or_default();
        change.expect.push(Expect::Applied(snapshot.revision.clone()));
        change.expect.push(Expect::Bans(snapshot.repo.bans.words()));
        change.expect.push(Expect::Unpaused(request.intent.clone()));
        change.uses.extend(uses);
        change.runs.push(record);
        let place = change.audit.iter().position(|entry| entry.event == AuditEvent::RunStart);
        let receipt = self.ports.store.commit(change).await?;
        Ok(place.and_then(|place| receipt.audit.get(place)).copied().unwrap_or_default())
    }

    async fn unread(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        why: &str,
    ) -> Result<Dispatched, EngineError> {
        let now = self.now();
        self.look_again(request.id, now + AGAIN);
        let standing = Standing { trouble: Some(why.to_owned()), ..Standing::default() };
        self.write(snapshot, request, (request.clone(), Vec::new()), &standing, now).await?;
        Ok(Dispatched::Settled)
    }

    async fn refused(
        &self,
        request: &Request,
        record: RunRecord,
        refused: Refused<EngineError>,
    ) -> Result<Dispatched, EngineError> {
        match refused {
            Refused::Commit(error) => Err(error),
            Refused::Overtaken(_) => {
                let how = Failure::NotStarted("policy changed at the last moment".to_owned());
                let outcome = run::Outcome::Failed { how, target: None };
                self.finish_under_lock(record, outcome).await?;
                Ok(Dispatched::Settled)
            }
            other @ (Refused::Mode(_)
            | Refused::Plan(_)
            | Refused::Digest { .. }
            | Refused::Decided(_)) => {
                tracing::info!(request = %request.id, why = %other, "not dispatched");
                Ok(Dispatched::Again)
            }
        }
    }

    async fn prepare(
        &self,
        run: RunId,
        plan: &run::Plan,
        snapshot: &Snapshot,
    ) -> Result<Workspace, EngineError> {
        let workspace = self.workspace(run);
        self.clear(run, &workspace).await;
        self.ports.source.pin(&Pin::Run(run), Some(&snapshot.revision)).await?;
        self.lay_out(plan, &workspace).await?;
        Ok(workspace)
    }

    /// Makes the folders of a run or a look, with the files that it may read.
    pub(super) async fn lay_out(
        &self,
        plan: &run::Plan,
        workspace: &Workspace,
    ) -> Result<(), EngineError> {
        for folder in [&workspace.tree, &workspace.work] {
            tokio::fs::create_dir_all(folder).await.map_err(|error| EngineError::Folder {
                what: "the folders of a run cannot be made".to_owned(),
                error,
            })?;
        }
        self.ports.source.checkout(&plan.files, &workspace.tree).await?;
        Ok(())
    }

    /// Removes the folders and the pin of a run.
    pub(super) async fn clear(&self, run: RunId, workspace: &Workspace) {
        self.remove_folders(run, workspace).await;
        if let Err(error) = self.ports.source.pin(&Pin::Run(run), None).await {
            tracing::warn!(%run, %error, "failed to let go of the revision of a run");
        }
    }

    /// Removes the folders of a run or a look.
    pub(super) async fn remove_folders(&self, run: RunId, workspace: &Workspace) {
        if let Err(error) = self.ports.source.discard(&workspace.tree).await {
            tracing::warn!(%run, %error, "failed to remove the tree of a run");
        }
        match tokio::fs::remove_dir_all(self.options.workspaces.join(run.to_string())).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%run, %error, "failed to remove the folders of a run");
            }
            Ok(()) | Err(_) => {}
        }
    }

    pub(super) fn workspace(&self, run: RunId) -> Workspace {
        let folder = self.options.workspaces.join(run.to_string());
        Workspace { tree: folder.join("tree"), work: folder.join("work") }
    }
}

/// Returns the use of the citation that a dispatch takes.
fn citation_use(snapshot: &Snapshot, request: &Request, facts: &Facts) -> Option<Use> {
    let citation = facts.evidence.citation.as_ref()?;
    let rule = snapshot.repo.intents.get(&request.intent)?.cite.as_ref()?;
    Some(Use { pull: citation.pull.pull.clone(), request: request.id, limit: rule.uses })
}

fn new_record(run: RunId, plan: &run::Plan, now: Timestamp) -> RunRecord {
    RunRecord {
        id: run,
        started: now,
        ended: None,
        outcome: None,
        commands: plan.shown(),
        head: String::new(),
        tail: String::new(),
        dropped: 0,
        forgotten: false,
    }
}
