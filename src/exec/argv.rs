//! The executor `argv`: programs of this machine and of the pinned tree, in the sandbox.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::resolve::{self, Purpose};
use crate::domain::id::{RunId, SecretName};
use crate::domain::run::{Check, Command, Failure, Outcome, Plan, Run, Work};
use crate::policy::gate::Authorized;
use crate::ports::executor::{ExecError, Executor, Started, Workspace};
use crate::process::lock;
use crate::process::sandbox::{Probe, Weak};
use crate::process::supervised::Launcher;
use crate::process::wire::{End, Spec, View};

/// How long the supervisor of an earlier daemon may take to kill what it watches.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where secrets of runs come from.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Returns the value of a secret as it is right now, or why there is none, in words that name
    /// the secret and do not hold its value.
    async fn secret(&self, name: &SecretName) -> Result<String, String>;

    /// Returns the files that hold secrets right now: no run may see them.
    fn files(&self) -> Vec<PathBuf>;
}

/// What the executor needs of settings and of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgvConfig {
    /// Where programs are looked for, in order.
    pub path: Vec<PathBuf>,
    /// The folder of the runs' lock files; made if it is not there. Must stay the same for as
    /// long as a run of an earlier daemon may live.
    pub locks: PathBuf,
    /// What no run may see even where it lies in a folder that runs may see: the state folder,
    /// the settings. Files of secrets are added for each run.
    pub hidden: Vec<PathBuf>,
    /// Whether runs are started on a kernel that cannot hold them.
    pub weak: Weak,
    /// What this machine offers to hold runs with.
    pub probe: Probe,
}

/// Runs programs on this machine.
pub struct Argv {
    config: ArgvConfig,
    launcher: Launcher,
    secrets: Arc<dyn Secrets>,
}

impl Argv {
    /// Returns an executor that starts its supervisors with `launcher`.
    pub fn new(config: ArgvConfig, launcher: Launcher, secrets: Arc<dyn Secrets>) -> Self {
        Self { config, launcher, secrets }
    }

    /// Starts a plan.
    async fn start(
        &self,
        plan: Plan,
        purpose: Purpose,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError> {
        let level = self
            .config
            .probe
            .level(self.config.weak)
            .map_err(|error| ExecError::Refused(error.to_string()))?;
        let tree = real(&workspace.tree)?;
        let work = real(&workspace.work)?;
        let secrets = match purpose {
            Purpose::Act => self.secrets_of(&plan).await?,
            Purpose::Look => BTreeMap::new(),
        };
        let spec = Spec {
            commands: resolve::commands(&plan, &tree, &self.config.path, purpose)?,
            env: resolve::environment(&plan, &work, &self.config.path, secrets)?,
            cwd: tree.clone(),
            limits: resolve::limits(&plan)?,
            view: View {
                tree,
                work,
                read: plan.sandbox.read.clone(),
                write: plan.sandbox.write.clone(),
                hidden: [self.config.hidden.clone(), self.secrets.files()].concat(),
            },
            level,
        };
        let lock = self.lock(plan.run)?;
        let started = self.launcher.start(&spec, &lock, output).await.map_err(|error| {
            ExecError::NotStarted(format!("the supervisor of {} did not start: {error}", plan.run))
        })?;
        let commands = match plan.work {
            Work::Commands(commands) => commands,
            Work::File(work) => return Err(ExecError::Refused(format!("{work} is no program"))),
        };
        let finished = started.finished.map(move |end| outcome(end, &commands, purpose)).boxed();
        Ok(Started { finished, cancel: started.cancel })
    }

    /// Returns the values of the secrets that a plan names.
    async fn secrets_of(&self, plan: &Plan) -> Result<BTreeMap<SecretName, String>, ExecError> {
        let mut values = BTreeMap::new();
        for name in &plan.secrets {
            let value = self.secrets.secret(name).await.map_err(ExecError::NotStarted)?;
            values.insert(name.clone(), value);
        }
        Ok(values)
    }

    /// Returns the lock file of a run, in a folder that is there.
    fn lock(&self, run: RunId) -> Result<PathBuf, ExecError> {
        let folder = &self.config.locks;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
            ExecError::NotStarted(format!("{} cannot be made: {error}", folder.display()))
        })?;
        Ok(folder.join(format!("{run}.lock")))
    }
}

/// Returns a folder of the workspace without symbolic links in it, as rules and programs need it.
fn real(folder: &PathBuf) -> Result<PathBuf, ExecError> {
    fs::canonicalize(folder).map_err(|error| {
        ExecError::NotStarted(format!("{} cannot be opened: {error}", folder.display()))
    })
}

/// Returns what the end of the processes means for the run.
fn outcome(end: End, commands: &[Command], purpose: Purpose) -> Outcome {
    let failed = |index: usize, how| Outcome::Failed {
        how,
        target: commands.get(index).and_then(|command| command.target.clone()),
    };
    match end {
        End::Done { codes } => {
            let differs = |(code, command): (&i32, &Command)| command.drift_exit == Some(*code);
            match purpose {
                Purpose::Look if codes.iter().zip(commands).any(differs) => Outcome::Differs,
                Purpose::Look | Purpose::Act => Outcome::Succeeded,
            }
        }
        End::Exited { command, code } => failed(command, Failure::Exit(code)),
        End::Signalled { command, signal } => failed(command, Failure::Signal(signal)),
        End::NotStarted { command, why } => failed(command, Failure::NotStarted(why)),
        End::Memory { command } => failed(command, Failure::Memory),
        End::Processes { command } => failed(command, Failure::Processes),
        End::TimedOut => Outcome::TimedOut,
        End::Cancelled => Outcome::Cancelled,
        End::Lost => Outcome::Interrupted,
    }
}

#[async_trait]
impl Executor for Argv {
    async fn run(
        &self,
        run: Authorized<Run>,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError> {
        let Run(plan) = run.into_inner();
        self.start(plan, Purpose::Act, workspace, output).await
    }

    async fn check(
        &self,
        check: Authorized<Check>,
        workspace: &Workspace,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Started, ExecError> {
        let Check(plan) = check.into_inner();
        self.start(plan, Purpose::Look, workspace, output).await
    }

    async fn reap(&self, run: RunId) -> Result<(), ExecError> {
        lock::reap(&self.lock(run)?, PATIENCE).await.map_err(|error| {
            ExecError::Left(format!(
                "what is left of {run} did not end within {} s: {error}",
                PATIENCE.as_secs()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(target: &str, drift_exit: Option<i32>) -> Command {
        Command { target: Some(target.parse().unwrap()), argv: Vec::new(), drift_exit }
    }

    #[test]
    fn a_failure_names_the_target_it_was_for() {
        let commands = [command("web1", None), command("web2", None)];
        let end = End::Exited { command: 1, code: 7 };
        let expected =
            Outcome::Failed { how: Failure::Exit(7), target: Some("web2".parse().unwrap()) };
        assert_eq!(outcome(end, &commands, Purpose::Act), expected);
    }

    #[test]
    fn a_look_differs_if_one_target_differs_and_an_act_never_does() {
        let commands = [command("web1", Some(2)), command("web2", Some(2))];
        let end = |codes: [i32; 2]| End::Done { codes: codes.into() };
        assert_eq!(outcome(end([0, 2]), &commands, Purpose::Look), Outcome::Differs);
        assert_eq!(outcome(end([0, 0]), &commands, Purpose::Look), Outcome::Succeeded);
        assert_eq!(outcome(end([0, 0]), &commands, Purpose::Act), Outcome::Succeeded);
    }

    #[test]
    fn a_lost_supervisor_is_an_interruption() {
        assert_eq!(outcome(End::Lost, &[], Purpose::Act), Outcome::Interrupted);
    }
}
