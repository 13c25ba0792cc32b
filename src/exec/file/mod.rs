//! The executor `file`: files and folders of this machine, made equal to ones of the policy repo.
//!
//! It works in this process and starts no other. A look (`look`) and a comparison
//! ([`compare`](crate::domain::file::compare)) say what differs; only when all of that is
//! acceptable is anything written ([`write`]), step by step, each leaving the old or the new.
//! Everything below a root goes through `below`, which no link leads out of.

mod below;
mod copies;
mod job;
mod look;
mod owners;
mod problem;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::copies::Store;
use self::job::{Ground, Job};
use self::problem::Problem;
use crate::domain::file::PreviousCopy;
use crate::domain::file::path::ManagedPath;
use crate::domain::id::{RootName, RunId};
use crate::domain::run::{Check, Failure, Outcome, Plan, Run, Work};
use crate::policy::gate::Authorized;
use crate::ports::clock::Clock;
use crate::ports::copies::{Copies, CopiesError};
use crate::ports::executor::{ExecError, Executor, Started, Workspace};

/// What the executor needs of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileConfig {
    /// Folders below which files are managed, by the name that intents use.
    pub roots: BTreeMap<RootName, PathBuf>,
    /// The folder of previous copies.
    pub copies: PathBuf,
    /// How many copies of one path stay.
    pub keep: usize,
    /// Tribune's own files and folders: nothing there is managed, whatever root holds them.
    pub own: Vec<PathBuf>,
}

/// Returns files that are Tribune's own right now.
pub type OwnFiles = dyn Fn() -> Vec<PathBuf> + Send + Sync;

/// Makes files and folders as they should be.
pub struct Files {
    ground: Arc<Ground>,
    /// One write at a time: what a run leaves half-way when it dies can then be told from what
    /// another is about to rename.
    turn: Arc<Mutex<()>>,
}

/// What ends a job before its end.
enum Cut {
    Cancelled,
    TimedOut,
}

impl Files {
    /// Returns an executor for these roots. `secret` returns the files of secrets as settings name
    /// them right now: they are Tribune's own too.
    pub fn new(config: FileConfig, clock: Arc<dyn Clock>, secret: Arc<OwnFiles>) -> Self {
        let store = Store { folder: config.copies, keep: config.keep };
        let ground = Ground { roots: config.roots, own: config.own, secret, store, clock };
        Self { ground: Arc::new(ground), turn: Arc::default() }
    }

    fn start(
        &self,
        plan: Plan,
        acts: bool,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError> {
        let Work::File(work) = plan.work.clone() else {
            return Err(ExecError::Refused(format!("{} manages no file", plan.intent)));
        };
        self.ground.root(work.path.root()).map_err(|problem| ExecError::Refused(problem.0))?;
        let clock = Arc::clone(&self.ground.clock);
        let until = clock.now() + plan.limits.timeout;
        let (cancel, cancelled) = oneshot::channel();
        let stop = CancellationToken::new();
        let job =
            Job { ground: Arc::clone(&self.ground), plan, work, tree: workspace.tree.clone() };
        let turn = acts.then(|| Arc::clone(&self.turn));
        let going = go(Arc::new(job), turn, output, stop.clone());
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move {
            let outcome = watched(going, cancelled, (clock, until), stop).await;
            // Nobody may be left to hear it.
            drop(tell.send(outcome));
        });
        let finished = async move { told.await.unwrap_or(Outcome::Interrupted) }.boxed();
        Ok(Started { finished, cancel })
    }
}

/// Waits for a job; tells it to stop when it is cancelled or out of time, and waits until it has.
async fn watched(
    going: impl Future<Output = Outcome>,
    cancelled: oneshot::Receiver<()>,
    (clock, until): (Arc<dyn Clock>, Timestamp),
    stop: CancellationToken,
) -> Outcome {
    tokio::pin!(going);
    let cut = tokio::select! {
        outcome = &mut going => return outcome,
        _ = cancelled => Cut::Cancelled,
        () = clock.sleep_until(until) => Cut::TimedOut,
    };
    stop.cancel();
    match (going.await, cut) {
        (Outcome::Cancelled, Cut::TimedOut) => Outcome::TimedOut,
        (outcome, Cut::Cancelled | Cut::TimedOut) => outcome,
    }
}

/// Looks, tells, and acts if `turn` says so.
async fn go(
    job: Arc<Job>,
    turn: Option<Arc<Mutex<()>>>,
    output: mpsc::Sender<Bytes>,
    stop: CancellationToken,
) -> Outcome {
    let acts = turn.is_some();
    let _turn = match turn {
        Some(turn) => tokio::select! {
            turn = turn.lock_owned() => Some(turn),
            () = stop.cancelled() => return Outcome::Cancelled,
        },
        None => None,
    };
    let looking = Arc::clone(&job);
    let looked = match blocking(move || looking.look()).await {
        Ok(looked) => looked,
        Err(problem) => return not_done(problem),
    };
    if !say(&output, &looked.told, &stop).await {
        return Outcome::Cancelled;
    }
    if !acts || looked.steps.is_empty() {
        return if looked.steps.is_empty() { Outcome::Succeeded } else { Outcome::Differs };
    }
    let stopping = stop.clone();
    let acted = blocking(move || job.act(&looked, &stopping)).await;
    match acted {
        Ok(done) => {
            say(&output, &done.told, &stop).await;
            if done.whole { Outcome::Succeeded } else { Outcome::Cancelled }
        }
        Err(problem) => not_done(problem),
    }
}

/// Gives output to whoever reads it, piece by piece; says whether it was not told to stop.
async fn say(output: &mpsc::Sender<Bytes>, told: &str, stop: &CancellationToken) -> bool {
    const PIECE: usize = 16 * 1024;
    for piece in told.as_bytes().chunks(PIECE) {
        tokio::select! {
            sent = output.send(Bytes::copy_from_slice(piece)) => if sent.is_err() {
                // Nobody reads it: then nobody misses it.
                return true;
            },
            () = stop.cancelled() => return false,
        }
    }
    !stop.is_cancelled()
}

fn not_done(problem: Problem) -> Outcome {
    Outcome::Failed { how: Failure::NotDone(problem.0), target: None }
}

/// Does what waits for the disk where it holds up nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(%error, "a managed file was not looked at");
            Err(Problem("a defect of Tribune stopped it; see the daemon's log".to_owned()))
        }
    }
}

#[async_trait]
impl Executor for Files {
    async fn run(
        &self,
        run: Authorized<Run>,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError> {
        let Run(plan) = run.into_inner();
        self.start(plan, true, workspace, output)
    }

    async fn check(
        &self,
        check: Authorized<Check>,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError> {
        let Check(plan) = check.into_inner();
        self.start(plan, false, workspace, output)
    }

    async fn reap(&self, _run: RunId) -> Result<(), ExecError> {
        // It worked in the process of the daemon that is gone.
        Ok(())
    }
}

#[async_trait]
impl Copies for Files {
    async fn list(&self, path: Option<&ManagedPath>) -> Result<Vec<PreviousCopy>, CopiesError> {
        let (ground, path) = (Arc::clone(&self.ground), path.cloned());
        let listed = tokio::task::spawn_blocking(move || ground.store.list(path.as_ref())).await;
        let broken = |error: &dyn std::fmt::Display| CopiesError::Broken(error.to_string());
        listed.map_err(|error| broken(&error))?.map_err(|error| broken(&error))
    }

    async fn restore(
        &self,
        path: &ManagedPath,
        number: Option<u64>,
    ) -> Result<PreviousCopy, CopiesError> {
        let _turn = Arc::clone(&self.turn).lock_owned().await;
        let (ground, path) = (Arc::clone(&self.ground), path.clone());
        let restored = blocking(move || ground.restore(&path, number)).await;
        restored.map_err(|problem| CopiesError::Refused(problem.0))
    }
}
