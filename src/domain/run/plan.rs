//! From a request to what it would execute: holes filled, files found. Pure.

use std::collections::BTreeMap;

use super::{Command, Plan, Work};
use crate::domain::file::path::PathError;
use crate::domain::file::{FileRule, FileWork};
use crate::domain::id::{IntentName, ParamName, RepoPath, RunId, TargetName};
use crate::domain::intent::{ArgvPart, ArgvWord, Executor, Intent};
use crate::domain::param::Args;
use crate::domain::repo::{PolicyRepo, TreeEntry};
use crate::domain::request::{Mode, Request};

/// What a request asks for does not fit the policy repo as it is now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The intent was removed.
    #[error("there is no intent {0} any more")]
    UnknownIntent(IntentName),
    /// A target was removed.
    #[error("there is no target {0} any more")]
    UnknownTarget(TargetName),
    /// The intent takes a parameter that the request does not give.
    #[error("{intent} takes {param}, and the request does not say it")]
    MissingArgument {
        /// The intent.
        intent: IntentName,
        /// The parameter.
        param: ParamName,
    },
    /// The intent cannot be checked.
    #[error("{0} cannot be checked, only run")]
    NoCheck(IntentName),
    /// An argument makes a path that no file is managed at.
    #[error("{intent}: {why}")]
    Path {
        /// The intent.
        intent: IntentName,
        /// What is wrong with the path.
        why: PathError,
    },
    /// A text of the environment holds a brace that is no hole.
    #[error("{intent}: {name} in the environment is not a text with holes")]
    Environment {
        /// The intent.
        intent: IntentName,
        /// The variable.
        name: String,
    },
}

/// Returns what `request` would execute on `repo` as the attempt of that number: holes filled,
/// files found. Pure: the same request on the same policy repo is the same plan.
pub fn plan(repo: &PolicyRepo, request: &Request, attempt: u32) -> Result<Plan, PlanError> {
    let intent = intent_of(repo, request)?;
    let work = work(intent, request)?;
    if let Some(name) =
        request.targets.iter().find(|name| !repo.inventory.targets.contains_key(*name))
    {
        return Err(PlanError::UnknownTarget(name.clone()));
    }
    let env = intent.env.iter().map(|(name, text)| {
        let filled = fill_text(intent, name, text, &request.args)?;
        Ok((name.clone(), filled))
    });
    Ok(Plan {
        run: RunId { request: request.id, attempt },
        intent: intent.name.clone(),
        env: env.collect::<Result<_, PlanError>>()?,
        // To look is not to act: a check goes without the run's secrets.
        secrets: match request.mode {
            Mode::Run => intent.secrets.clone(),
            Mode::Check => vec![],
        },
        files: files(repo, intent, &work),
        work,
        sandbox: intent.sandbox.clone(),
        limits: intent.limits.clone(),
    })
}

pub(in crate::domain) fn intent_of<'a>(
    repo: &'a PolicyRepo,
    request: &Request,
) -> Result<&'a Intent, PlanError> {
    let unknown = || PlanError::UnknownIntent(request.intent.clone());
    repo.intents.get(&request.intent).ok_or_else(unknown)
}

/// Returns what is done: the same work to act and to look where the executor knows how to look.
pub(in crate::domain) fn work(intent: &Intent, request: &Request) -> Result<Work, PlanError> {
    match (&intent.run, request.mode) {
        (Executor::Argv(argv), Mode::Run) => commands(intent, request, argv, None),
        (Executor::Argv(_), Mode::Check) => {
            let check = intent.check.as_ref();
            let check = check.ok_or_else(|| PlanError::NoCheck(intent.name.clone()))?;
            commands(intent, request, &check.argv, Some(check.drift_exit))
        }
        (Executor::File(rule), Mode::Run | Mode::Check) => {
            Ok(Work::File(file_work(intent, rule, &request.args)?))
        }
    }
}

/// Returns the managed file or folder with every hole filled.
fn file_work(intent: &Intent, rule: &FileRule, args: &Args) -> Result<FileWork, PlanError> {
    let FileRule { source, path, mode, directory_mode, owner, group, template, sensitive, prune } =
        rule.clone();
    let fill = args.iter().map(|(param, value)| (param.clone(), value.to_string()));
    Ok(FileWork {
        path: path.fill(|param| argument(intent, param, args).map_err(Filling::Plan)).map_err(
            |error| match error {
                Filling::Plan(error) => error,
                Filling::Path(why) => PlanError::Path { intent: intent.name.clone(), why },
            },
        )?,
        fill: template.then(|| fill.collect()),
        source,
        mode,
        directory_mode,
        owner,
        group,
        sensitive,
        prune,
    })
}

/// Why a path could not be filled.
enum Filling {
    Plan(PlanError),
    Path(PathError),
}

impl From<PathError> for Filling {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

/// Returns command lines: one for each target if a word names the target, else one.
fn commands(
    intent: &Intent,
    request: &Request,
    argv: &[ArgvWord],
    drift_exit: Option<i32>,
) -> Result<Work, PlanError> {
    let per_target = argv.iter().any(|word| word.0.contains(&ArgvPart::Target));
    let targets: Vec<Option<&TargetName>> =
        if per_target { request.targets.iter().map(Some).collect() } else { vec![None] };
    let command = |target: Option<&TargetName>| {
        let words = argv.iter().map(|word| fill_word(intent, word, target, &request.args));
        let argv = words.collect::<Result<_, _>>()?;
        Ok(Command { target: target.cloned(), argv, drift_exit })
    };
    targets.into_iter().map(command).collect::<Result<_, _>>().map(Work::Commands)
}

fn fill_word(
    intent: &Intent,
    word: &ArgvWord,
    target: Option<&TargetName>,
    args: &Args,
) -> Result<String, PlanError> {
    let mut filled = String::new();
    for part in &word.0 {
        match part {
            ArgvPart::Literal(text) => filled.push_str(text),
            ArgvPart::Target => filled.push_str(target.map_or("", TargetName::as_str)),
            ArgvPart::Param(param) => filled.push_str(&argument(intent, param, args)?),
        }
    }
    Ok(filled)
}

fn argument(intent: &Intent, param: &ParamName, args: &Args) -> Result<String, PlanError> {
    let missing =
        || PlanError::MissingArgument { intent: intent.name.clone(), param: param.clone() };
    args.get(param).map(ToString::to_string).ok_or_else(missing)
}

/// Fills `{param}`; `{{` and `}}` are braces themselves.
fn fill_text(intent: &Intent, name: &str, text: &str, args: &Args) -> Result<String, PlanError> {
    let broken = || PlanError::Environment { intent: intent.name.clone(), name: name.to_owned() };
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(tail) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
            filled.push_str(&rest[..1]);
            rest = tail;
        } else {
            let hole = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let (param, tail) = hole.ok_or_else(broken)?;
            filled.push_str(&argument(intent, &param.parse().map_err(|_| broken())?, args)?);
            rest = tail;
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Returns the files that a run may read: what the intent names, words of its command lines that
/// are paths of the repository, and the source of a managed file.
pub(in crate::domain) fn files(
    repo: &PolicyRepo,
    intent: &Intent,
    work: &Work,
) -> BTreeMap<RepoPath, TreeEntry> {
    let paths: Vec<RepoPath> = match work {
        Work::Commands(commands) => {
            let words = commands.iter().flat_map(|command| &command.argv);
            words.filter_map(|word| word.parse().ok()).collect()
        }
        Work::File(work) => vec![work.source.clone()],
    };
    intent.reads.iter().cloned().chain(paths).flat_map(|path| repo.tree.below(&path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::digest::{Digest, digest_of};
    use crate::domain::file::FileMode;
    use crate::domain::file::path::PathRule;
    use crate::domain::id::{ObjectId, RequestId};
    use crate::domain::intent::{
        Category, CheckCommand, Concurrency, Limits, OnBusy, Per, Sandbox,
    };
    use crate::domain::param::Value;
    use crate::domain::person::Principal;
    use crate::domain::repo::Tree;
    use crate::domain::request::{State, Via};
    use crate::domain::target::Target;
    use jiff::{SignedDuration, Timestamp};

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn entry(digit: char) -> TreeEntry {
        TreeEntry { object: object(digit), executable: true, size: 1 }
    }

    fn object(digit: char) -> ObjectId {
        id(&digit.to_string().repeat(40))
    }

    fn word(parts: &[ArgvPart]) -> ArgvWord {
        ArgvWord(parts.to_vec())
    }

    fn literal(text: &str) -> ArgvPart {
        ArgvPart::Literal(text.to_owned())
    }

    fn intent() -> Intent {
        Intent {
            name: id("restart"),
            summary: String::new(),
            category: Category::Change,
            risk: 1,
            params: BTreeMap::new(),
            targets: vec![],
            aliases: vec![],
            label: None,
            cite: None,
            approval: None,
            channel: None,
            schedule: None,
            run: Executor::Argv(vec![
                word(&[literal("playbooks/restart.sh")]),
                word(&[literal("--on="), ArgvPart::Target]),
                word(&[ArgvPart::Param(id("service"))]),
            ]),
            check: Some(CheckCommand { argv: vec![word(&[literal("true")])], drift_exit: 3 }),
            reads: vec![id("playbooks/files")],
            idempotent: false,
            env: BTreeMap::from([("WHAT".to_owned(), "{{{service}}}".to_owned())]),
            secrets: vec![id("token")],
            sandbox: Sandbox::default(),
            limits: Limits {
                timeout: SignedDuration::from_mins(1),
                output: 1,
                memory: 1,
                processes: 1,
            },
            concurrency: Concurrency { per: Per::Target, on_busy: OnBusy::Queue },
            windows: vec![],
            standing: None,
            path: id("intents/restart.yaml"),
            blob: object('a'),
        }
    }

    fn repo() -> PolicyRepo {
        let mut repo = PolicyRepo::default();
        repo.intents.insert(id("restart"), intent());
        for name in ["web1", "web2"] {
            let target = Target {
                name: id(name),
                groups: [id("web")].into(),
                environment: id("dev"),
                vars: BTreeMap::new(),
            };
            repo.inventory.targets.insert(id(name), target);
        }
        repo.tree = Tree(BTreeMap::from([
            (id("playbooks/restart.sh"), entry('b')),
            (id("playbooks/files/one"), entry('c')),
            (id("playbooks/other.sh"), entry('d')),
        ]));
        repo
    }

    fn request() -> Request {
        Request {
            id: RequestId(4),
            version: 1,
            requester: Principal::Person(id("ada")),
            via: Via::Chat,
            channel: None,
            message: None,
            card_place: (id("console"), id("ops")),
            mode: Mode::Run,
            intent: id("restart"),
            args: BTreeMap::from([(id("service"), Value::String("a b; c".to_owned()))]),
            asked_targets: vec![],
            targets: [id("web1"), id("web2")].into(),
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

    #[test]
    fn a_command_that_names_the_target_runs_once_for_each() {
        let plan = plan(&repo(), &request(), 2).unwrap();
        assert_eq!(plan.run.to_string(), "r4.2");
        let lines: Vec<&[String]> =
            plan.commands().iter().map(|command| command.argv.as_slice()).collect();
        assert_eq!(
            lines,
            [
                ["playbooks/restart.sh", "--on=web1", "a b; c"],
                ["playbooks/restart.sh", "--on=web2", "a b; c"],
            ]
        );
        assert_eq!(plan.commands()[0].target, Some(id("web1")));
    }

    #[test]
    fn a_run_reads_what_it_names_and_nothing_else() {
        let plan = plan(&repo(), &request(), 1).unwrap();
        let files: Vec<&str> = plan.files.keys().map(RepoPath::as_str).collect();
        assert_eq!(files, ["playbooks/files/one", "playbooks/restart.sh"]);
        assert_eq!(plan.env["WHAT"], "{a b; c}");
    }

    #[test]
    fn a_check_has_its_own_command_and_no_secrets() {
        let check = Request { mode: Mode::Check, ..request() };
        let plan = plan(&repo(), &check, 1).unwrap();
        assert_eq!(
            plan.commands(),
            [Command { target: None, argv: vec!["true".to_owned()], drift_exit: Some(3) }]
        );
        assert_eq!(plan.secrets, []);
    }

    fn file_rule() -> FileRule {
        FileRule {
            source: id("playbooks/files"),
            path: PathRule::parse("managed/{service}").unwrap(),
            mode: None,
            directory_mode: FileMode::OPEN,
            owner: None,
            group: None,
            template: true,
            sensitive: false,
            prune: false,
        }
    }

    #[test]
    fn a_managed_file_is_the_same_work_to_act_and_to_look_and_reads_its_source() {
        let mut repo = repo();
        repo.intents.get_mut(&id::<IntentName>("restart")).unwrap().run =
            Executor::File(file_rule());
        let look = Request { mode: Mode::Check, ..request() };
        let [act, look] = [request(), look].map(|request| plan(&repo, &request, 1).unwrap());
        assert_eq!(act.work, look.work);
        assert_eq!(act.shown(), ["file managed/a b; c as playbooks/files"]);
        assert!(act.files.contains_key(&id("playbooks/files/one")));
        let digest = |repo: &PolicyRepo| digest_of(repo, &request()).unwrap();
        let before = digest(&repo);
        repo.tree.0.insert(id("playbooks/files/one"), entry('e'));
        assert_ne!(digest(&repo), before, "the source is part of what is approved");
    }

    #[test]
    fn an_argument_that_would_lead_elsewhere_is_refused() {
        let mut repo = repo();
        repo.intents.get_mut(&id::<IntentName>("restart")).unwrap().run =
            Executor::File(file_rule());
        let mut request = request();
        for text in ["..", "a/b"] {
            request.args.insert(id("service"), Value::String(text.to_owned()));
            assert!(matches!(plan(&repo, &request, 1), Err(PlanError::Path { .. })), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_any_more_is_said() {
        let gone = Request { intent: id("gone"), ..request() };
        assert_eq!(plan(&repo(), &gone, 1), Err(PlanError::UnknownIntent(id("gone"))));
        let gone = Request { targets: [id("web9")].into(), ..request() };
        assert_eq!(plan(&repo(), &gone, 1), Err(PlanError::UnknownTarget(id("web9"))));
        assert_eq!(digest_of(&repo(), &gone), Err(PlanError::UnknownTarget(id("web9"))));
        let bare = Request { args: BTreeMap::new(), ..request() };
        assert!(matches!(plan(&repo(), &bare, 1), Err(PlanError::MissingArgument { .. })));
        let mut repo = repo();
        repo.intents.get_mut(&id::<IntentName>("restart")).unwrap().check = None;
        let check = Request { mode: Mode::Check, ..request() };
        assert_eq!(plan(&repo, &check, 1), Err(PlanError::NoCheck(id("restart"))));
        let text = "{service".to_owned();
        repo.intents.get_mut(&id::<IntentName>("restart")).unwrap().env.insert("X".into(), text);
        assert!(matches!(plan(&repo, &request(), 1), Err(PlanError::Environment { .. })));
    }

    #[test]
    fn the_digest_is_of_what_was_asked_and_what_would_run() {
        let before = digest_of(&repo(), &request()).unwrap();
        let same = |change: fn(&mut PolicyRepo, &mut Request)| {
            let (mut repo, mut request) = (repo(), request());
            change(&mut repo, &mut request);
            digest_of(&repo, &request).unwrap() == before
        };
        assert!(same(|_, _| ()));
        // Where it stands and what else is in the repository do not matter.
        assert!(same(|_, request| request.state = State::Queued));
        assert!(same(|_, request| request.digest = Digest::of(b"other")));
        assert!(same(|repo, _| drop(repo.tree.0.insert(id("playbooks/other.sh"), entry('e')))));
        assert!(same(|repo, _| drop(repo.inventory.groups.insert(id("new"), [].into()))));
        // Everything else does.
        assert!(!same(|_, request| request.id = RequestId(5)));
        assert!(!same(|_, request| request.requester = Principal::Person(id("bob"))));
        assert!(!same(|_, request| request.requester = Principal::Service(id("ada"))));
        assert!(!same(|_, request| request.mode = Mode::Check));
        assert!(!same(|_, request| drop(request.args.insert(id("x"), Value::Boolean(true)))));
        assert!(!same(|_, request| drop(request.targets.pop_first())));
        assert!(!same(|repo, _| drop(repo.tree.0.insert(id("playbooks/files/one"), entry('e')))));
        assert!(!same(|repo, _| drop(repo.tree.0.insert(id("playbooks/files/two"), entry('c')))));
        assert!(!same(|repo, _| {
            repo.intents.get_mut(&id::<IntentName>("restart")).unwrap().blob = object('e');
        }));
        assert!(!same(|repo, _| {
            let target = repo.inventory.targets.get_mut(&id::<TargetName>("web1")).unwrap();
            target.vars.insert("ansible_host".to_owned(), "10.0.0.1".into());
        }));
    }
}
