//! An executor that runs nothing: the test says what a run writes and how it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tribune::domain::id::{RequestId, RunId};
use tribune::domain::run::{Check, Outcome, Plan, Run, Work};
use tribune::policy::gate::Authorized;
use tribune::ports::executor::{ExecError, Executor, Started, Workspace};

/// Records what it is given.
#[derive(Default, Clone)]
pub struct FakeExecutor(Arc<Mutex<Machine>>);

#[derive(Default)]
struct Machine {
    given: Vec<Plan>,
    checks: BTreeSet<RunId>,
    going: BTreeMap<RunId, Going>,
    reaped: Vec<RunId>,
    refuses: Option<String>,
    /// What standing checks find: by words of intent and command line, the newest first.
    finds: Vec<(String, String, Outcome)>,
    looked: Vec<String>,
}

/// Checks in Tribune's own name belong to no request.
const NOBODYS: RequestId = RequestId(0);

struct Going {
    output: mpsc::Sender<Bytes>,
    end: oneshot::Sender<Outcome>,
}

/// Returns the first command line, or the managed file, of a plan.
fn first(plan: &Plan) -> String {
    match &plan.work {
        Work::Commands(commands) => commands[0].argv.join(" "),
        Work::File(work) => work.to_string(),
    }
}

/// Says whether a line holds each of some words.
fn holds(line: &str, words: &str) -> bool {
    words.split(' ').all(|word| line.split(' ').any(|other| other == word))
}

impl FakeExecutor {
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap()
    }

    /// Returns every plan it was given, in order.
    pub fn given(&self) -> Vec<Plan> {
        self.machine().given.clone()
    }

    /// Returns the first command line, or the managed file, of each plan it was given.
    pub fn ran(&self) -> Vec<String> {
        self.given().iter().map(first).collect()
    }

    /// Says whether what was given last only looks.
    pub fn is_check(&self) -> bool {
        let machine = self.machine();
        machine.given.last().is_some_and(|plan| machine.checks.contains(&plan.run))
    }

    /// Returns the runs that an engine made sure of being gone.
    pub fn reaped(&self) -> Vec<RunId> {
        self.machine().reaped.clone()
    }

    /// From now on standing checks of an intent whose command line holds `words` end so; all
    /// others find everything as declared.
    pub fn finds(&self, words: &str, output: &str, outcome: Outcome) {
        self.machine().finds.insert(0, (words.into(), output.into(), outcome));
    }

    /// Returns the standing checks of an intent whose command line holds `words`.
    pub fn looks(&self, words: &str) -> usize {
        self.machine().looked.iter().filter(|line| holds(line, words)).count()
    }

    /// Looks as a standing check does: it ends at once.
    fn look(machine: &mut Machine, plan: &Plan, output: &mpsc::Sender<Bytes>) -> Started {
        let line = format!("{} {}", plan.intent, first(plan));
        let found = machine.finds.iter().find(|(words, _, _)| holds(&line, words));
        let (text, outcome) = match found {
            Some((_, text, outcome)) => (text.clone(), outcome.clone()),
            None => (String::new(), Outcome::Succeeded),
        };
        machine.looked.push(line);
        output.try_send(Bytes::from(text)).expect("it is read");
        let (cancel, _) = oneshot::channel();
        Started { finished: Box::pin(async move { outcome }), cancel }
    }

    /// From now on nothing is started, for this reason.
    pub fn refuse(&self, why: &str) {
        self.machine().refuses = Some(why.into());
    }

    /// A run writes something.
    pub fn write(&self, run: &str, output: &str) {
        let machine = self.machine();
        let going = machine.going.get(&run.parse().unwrap()).expect("it runs");
        going.output.try_send(Bytes::copy_from_slice(output.as_bytes())).expect("it is read");
    }

    /// A run ends.
    pub fn end(&self, run: &str, outcome: Outcome) {
        let going = self.machine().going.remove(&run.parse().unwrap()).expect("it runs");
        going.end.send(outcome).expect("somebody waits for it");
    }

    /// Everything that goes on is killed with the daemon.
    pub fn forget(&self) {
        self.machine().going.clear();
    }

    fn start(&self, plan: Plan, output: mpsc::Sender<Bytes>) -> Result<Started, ExecError> {
        let mut machine = self.machine();
        if let Some(why) = &machine.refuses {
            return Err(ExecError::Refused(why.clone()));
        }
        let run = plan.run;
        if run.request == NOBODYS {
            return Ok(Self::look(&mut machine, &plan, &output));
        }
        assert!(!machine.given.iter().any(|it| it.run == run), "{run} was started before");
        machine.given.push(plan);
        let (end, ended) = oneshot::channel();
        let (cancel, cancelled) = oneshot::channel();
        machine.going.insert(run, Going { output, end });
        let executor = self.clone();
        let finished = Box::pin(async move {
            tokio::select! {
                biased;
                outcome = ended => outcome.unwrap_or(Outcome::Interrupted),
                _ = cancelled => Outcome::Cancelled,
            }
        });
        let finished = Box::pin(async move {
            let outcome = finished.await;
            executor.machine().going.remove(&run);
            outcome
        });
        // The engine waits for the end of the output before it asks how the run ended.
        let (outcome, told) = oneshot::channel();
        tokio::spawn(async move { outcome.send(finished.await) });
        let finished = Box::pin(async move { told.await.unwrap_or(Outcome::Interrupted) });
        Ok(Started { finished, cancel })
    }
}

#[async_trait]
impl Executor for FakeExecutor {
    async fn run(
        &self,
        run: Authorized<Run>,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError> {
        assert!(workspace.tree.is_dir() && workspace.work.is_dir(), "a run has its folders");
        self.start(run.into_inner().0, output)
    }

    async fn check(
        &self,
        check: Authorized<Check>,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError> {
        assert!(workspace.tree.is_dir() && workspace.work.is_dir(), "a check has its folders");
        let plan = check.into_inner().0;
        self.machine().checks.insert(plan.run);
        self.start(plan, output)
    }

    async fn reap(&self, run: RunId) -> Result<(), ExecError> {
        self.machine().reaped.push(run);
        Ok(())
    }
}
