//! The `argv` executor on real processes: the suite of the port, and what only it promises.
//!
//! Leave to execute is only to be had from the gate, so each case goes through it, on a policy
//! repo of one person, one intent and one policy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tribune::domain::digest::{Digest, digest_of};
use tribune::domain::evidence::Evidence;
use tribune::domain::id::{RequestId, RunId, SecretName};
use tribune::domain::intent::{
    ArgvPart, ArgvWord, Category, CheckCommand, Concurrency, Executor as Runs, Intent, Limits,
    OnBusy, Per, Sandbox,
};
use tribune::domain::param::Args;
use tribune::domain::person::{Person, Principal};
use tribune::domain::repo::{PolicyFile, PolicyRepo, Tree, TreeEntry};
use tribune::domain::request::{Mode, Request, State, Via};
use tribune::domain::run::{Check, Failure, Outcome, Run};
use tribune::domain::target::{Environment, Target};
use tribune::exec::argv::{Argv, ArgvConfig, Secrets};
use tribune::policy::Snapshot;
use tribune::policy::gate::{Applied, Authorized, Leave, Plea, authorize};
use tribune::ports::executor::{ExecError, Executor, Started, Workspace};
use tribune::process::sandbox::{Probe, Weak, probe};
use tribune::process::supervised::Launcher;

use super::executor::{Act, Machine, Then, executor_suite};
use crate::containment::{alive, binary, text, until};

const POLICY: &str = r#"
@id("all")
@reason("the contract is about executing, not about deciding")
permit (principal, action in [Action::"run", Action::"check"], resource);
"#;

/// The secrets of the suite.
struct Known;

#[async_trait]
impl Secrets for Known {
    async fn secret(&self, name: &SecretName) -> Result<String, String> {
        match name.as_str() {
            "api-token" => Ok("s3cret".to_owned()),
            _ => Err(format!("settings do not name {name}")),
        }
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        Vec::new()
    }
}

/// The applied snapshot never moves here.
struct Fixed(Arc<Snapshot>);

impl Applied for Fixed {
    fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0)
    }
}

/// An executor and the folders of one run.
pub struct Bench {
    folder: tempfile::TempDir,
    intent: Intent,
    probe: Probe,
}

impl Bench {
    /// Returns a bench whose intent runs, and checks by, a script of the tree.
    pub fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tree", "tree/playbooks", "work"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("tree/playbooks/do.sh"), script).unwrap();
        Self { folder, intent: intent(&["sh", "playbooks/do.sh"]), probe: probe() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn executor(&self) -> Argv {
        let config = ArgvConfig {
            path: vec!["/usr/bin".into(), "/bin".into()],
            locks: self.at("locks"),
            hidden: Vec::new(),
            weak: Weak::Refused,
            probe: self.probe,
        };
        Argv::new(config, Launcher::new(binary()), Arc::new(Known))
    }

    pub fn workspace(&self) -> Workspace {
        Workspace { tree: self.at("tree"), work: self.at("work") }
    }

    /// Returns leave from the gate.
    pub async fn leave<T: Leave>(&self) -> Authorized<T> {
        leave(repo(self.intent.clone()), BTreeMap::new()).await
    }

    async fn start_run(&self) -> Result<(Started, mpsc::Receiver<Bytes>), ExecError> {
        let (to, from) = mpsc::channel(64);
        let leave = self.leave::<Run>().await;
        Ok((self.executor().run(leave, &self.workspace(), to).await?, from))
    }

    async fn run(&self) -> (Outcome, String) {
        let (started, from) = self.start_run().await.unwrap();
        let _cancel = started.cancel;
        tokio::join!(started.finished, text(from))
    }

    async fn check(&self) -> (Outcome, String) {
        let (to, from) = mpsc::channel(64);
        let leave = self.leave::<Check>().await;
        let started = self.executor().check(leave, &self.workspace(), to).await.unwrap();
        let _cancel = started.cancel;
        tokio::join!(started.finished, text(from))
    }
}

/// Returns leave from the gate for the intent `do` of a policy repo.
pub async fn leave<T: Leave>(repo: PolicyRepo, args: Args) -> Authorized<T> {
    let mut request = Request { args, ..request(T::MODE, &repo) };
    request.digest = digest_of(&repo, &request).unwrap();
    let revision = "1".repeat(40).parse().unwrap();
    let (snapshot, _) = Snapshot::compile(revision, repo).unwrap();
    let evidence = Evidence { approvals: vec![], vetoes: vec![], citation: None };
    let plea = Plea { request: &request, attempt: 1, evidence: &evidence };
    let commit = |_, _| async { Ok::<_, ()>(1) };
    let now = || Timestamp::UNIX_EPOCH;
    authorize(&Fixed(Arc::new(snapshot)), plea, now, commit).await.unwrap()
}

fn words(argv: &[&str]) -> Vec<ArgvWord> {
    let part = |word: &str| match word {
        "{target}" => ArgvPart::Target,
        word => ArgvPart::Literal(word.to_owned()),
    };
    argv.iter().map(|word| ArgvWord(vec![part(word)])).collect()
}

/// Returns the intent `do`, which runs, and checks by, a command line.
pub fn intent(argv: &[&str]) -> Intent {
    Intent {
        name: "do".parse().unwrap(),
        summary: "Do it".to_owned(),
        category: Category::Read,
        risk: 0,
        params: BTreeMap::new(),
        targets: vec!["a".to_owned(), "b".to_owned()],
        aliases: vec![],
        label: None,
        cite: None,
        approval: None,
        channel: None,
        run: Runs::Argv(words(argv)),
        check: Some(CheckCommand { argv: words(argv), drift_exit: 2 }),
        reads: vec![],
        idempotent: false,
        env: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
        secrets: vec!["api-token".parse().unwrap()],
        sandbox: Sandbox::default(),
        limits: Limits {
            timeout: SignedDuration::from_secs(60),
            output: 1 << 20,
            memory: 512 << 20,
            processes: 64,
        },
        concurrency: Concurrency { per: Per::Nothing, on_busy: OnBusy::Queue },
        windows: vec![],
        standing: None,
        schedule: None,
        path: "intents/do.yaml".parse().unwrap(),
        blob: "2".repeat(40).parse().unwrap(),
    }
}

/// Returns a policy repo that permits everything, with one intent.
pub fn repo(intent: Intent) -> PolicyRepo {
    let mut repo = PolicyRepo::default();
    let ada = Person {
        id: "ada".parse().unwrap(),
        name: "Ada".to_owned(),
        roles: BTreeSet::from(["admin".parse().unwrap()]),
        flags: BTreeSet::new(),
        chat: BTreeMap::new(),
        forge: BTreeMap::new(),
        signing_keys: vec![],
    };
    repo.roles.0.insert("admin".parse().unwrap(), BTreeSet::new());
    repo.people.insert(ada.id.clone(), ada);
    let lab = Environment { name: "lab".parse().unwrap(), summary: "Lab".to_owned() };
    for name in ["a", "b"] {
        let target = Target {
            name: name.parse().unwrap(),
            groups: BTreeSet::new(),
            environment: lab.name.clone(),
            vars: BTreeMap::new(),
        };
        repo.inventory.targets.insert(target.name.clone(), target);
    }
    repo.inventory.environments.insert(lab.name.clone(), lab);
    repo.intents.insert(intent.name.clone(), intent);
    let path = "policies/all.cedar".parse().unwrap();
    repo.policies.push(PolicyFile { path, text: POLICY.to_owned() });
    let entry = TreeEntry { object: "3".repeat(40).parse().unwrap(), executable: false, size: 1 };
    repo.tree = Tree(BTreeMap::from([("playbooks/do.sh".parse().unwrap(), entry)]));
    repo
}

fn request(mode: Mode, repo: &PolicyRepo) -> Request {
    Request {
        id: RequestId(7),
        version: 1,
        requester: Principal::Person("ada".parse().unwrap()),
        via: Via::Host,
        channel: None,
        message: None,
        card_place: ("console".parse().unwrap(), "ops".parse().unwrap()),
        mode,
        intent: "do".parse().unwrap(),
        args: BTreeMap::new(),
        asked_targets: vec!["a".to_owned(), "b".to_owned()],
        targets: repo.inventory.targets.keys().cloned().collect(),
        cites: None,
        digest: Digest::of(b""),
        card: 1,
        state: State::Permitted,
        asked: Timestamp::UNIX_EPOCH,
        collect_by: None,
        permitted: None,
        execute_by: None,
        reminded: false,
        outcome: None,
        votes: vec![],
        attempts: 0,
        ended: None,
    }
}

/// The run that leave is for.
pub const RUN: RunId = RunId { request: RequestId(7), attempt: 1 };

/// Real processes do by themselves what they are to do.
struct Processes(Bench);

impl Machine for Processes {
    fn new(act: Act) -> Self {
        let then = match act.then {
            Then::Exits(code) => format!("exit {code}"),
            Then::GoesOn => "sleep 600".to_owned(),
        };
        let says: String = act.says.iter().map(|line| format!("echo {line}\n")).collect();
        Self(Bench::new(&format!("{says}{then}")))
    }

    fn bench(&self) -> &Bench {
        &self.0
    }

    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(self.0.executor())
    }

    fn play(&self) {}

    fn break_down(&mut self) {
        self.0.probe = Probe { landlock_abi: 2 };
    }
}

executor_suite!(Processes);

#[tokio::test]
async fn a_run_gets_its_environment_and_secrets_and_says_what_it_says() {
    let bench = Bench::new("echo $GREETING $API_TOKEN; pwd; echo $HOME $TMPDIR $LANG $PATH");
    let at = |name: &str| fs::canonicalize(bench.at(name)).unwrap().display().to_string();
    let (outcome, said) = bench.run().await;
    assert_eq!(outcome, Outcome::Succeeded);
    let (tree, work) = (at("tree"), at("work"));
    assert_eq!(said, format!("hello s3cret\n{tree}\n{work} {work} C.UTF-8 /usr/bin:/bin\n"));
}

#[tokio::test]
async fn a_check_gets_no_secrets_and_tells_same_from_different_from_failed() {
    let bench = Bench::new("echo [$API_TOKEN]; exit $(cat $HOME/code)");
    for (code, expected) in [
        ("0", Outcome::Succeeded),
        ("2", Outcome::Differs),
        ("3", Outcome::Failed { how: Failure::Exit(3), target: None }),
    ] {
        fs::write(bench.at("work/code"), code).unwrap();
        assert_eq!(bench.check().await, (expected, "[]\n".to_owned()));
    }
}

#[tokio::test]
async fn the_code_that_means_different_is_a_failure_of_a_run() {
    let (outcome, _) = Bench::new("exit 2").run().await;
    assert_eq!(outcome, Outcome::Failed { how: Failure::Exit(2), target: None });
}

#[tokio::test]
async fn a_command_per_target_stops_at_the_first_that_fails_and_names_it() {
    let mut bench = Bench::new("echo on $1; test $1 != a");
    bench.intent.run = Runs::Argv(words(&["sh", "playbooks/do.sh", "{target}"]));
    let (outcome, said) = bench.run().await;
    let target = Some("a".parse().unwrap());
    assert_eq!(outcome, Outcome::Failed { how: Failure::Exit(1), target });
    assert_eq!(said, "on a\n");
}

#[tokio::test]
async fn time_and_cancelling_end_a_run_with_all_of_its_tree() {
    let script = "sh -c 'echo $$ >> $HOME/pids; setsid sleep 600 & echo $! >> $HOME/pids'
         echo ready; sleep 600";
    let mut bench = Bench::new(script);
    let (started, mut from) = bench.start_run().await.unwrap();
    until(&mut from, "ready").await;
    started.cancel.send(()).unwrap();
    assert_eq!(started.finished.await, Outcome::Cancelled);
    assert_eq!(alive(&bench.at("work/pids")), Vec::<String>::new());
    bench.intent.limits.timeout = SignedDuration::from_secs(3);
    assert_eq!(bench.run().await.0, Outcome::TimedOut);
    assert_eq!(alive(&bench.at("work/pids")), Vec::<String>::new());
}

#[tokio::test]
async fn a_run_that_is_not_there_is_reaped_at_once_and_one_that_is_when_it_ends() {
    let bench = Bench::new("echo ready; sleep 600");
    bench.executor().reap(RUN).await.unwrap();
    let (started, mut from) = bench.start_run().await.unwrap();
    until(&mut from, "ready").await;
    let executor = bench.executor();
    let mut reap = executor.reap(RUN);
    let early = tokio::time::timeout(std::time::Duration::from_millis(100), &mut reap).await;
    assert!(early.is_err(), "the run still lives");
    started.cancel.send(()).unwrap();
    let (outcome, reaped) = tokio::join!(started.finished, reap);
    assert_eq!((outcome, reaped), (Outcome::Cancelled, Ok(())));
}

#[tokio::test]
async fn a_machine_that_cannot_hold_a_run_starts_none() {
    let mut bench = Bench::new("touch $HOME/ran");
    bench.probe = Probe { landlock_abi: 2 };
    let refused = bench.start_run().await.err().unwrap();
    assert!(matches!(&refused, ExecError::Refused(why) if why.contains("exec.weak_sandbox")));
    assert!(!bench.at("work/ran").exists() && !bench.at("locks").exists());
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_starts_nothing() {
    let mut bench = Bench::new("touch $HOME/ran");
    bench.intent.secrets = vec!["other".parse().unwrap()];
    let refused = bench.start_run().await.err().unwrap().to_string();
    assert_eq!(refused, "settings do not name other");
    assert!(!Path::new(&bench.at("work/ran")).exists());
}
