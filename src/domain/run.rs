//! Runs: one execution of a permitted request, as a value that an executor can follow.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{IntentName, ParamName, RepoPath, RunId, SecretName, TargetName};
use super::intent::{ArgvPart, ArgvWord, Executor, Intent, Limits, Sandbox};
use super::param::Args;
use super::repo::{PolicyRepo, TreeEntry};
use super::request::{Mode, Request};

/// What to execute. Everything is resolved: no holes, no names that need looking up, but secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which run it is.
    pub run: RunId,
    /// Which intent.
    pub intent: IntentName,
    /// Command lines in order; the first that fails ends the run.
    pub commands: Vec<Command>,
    /// The whole environment, secrets aside.
    pub env: BTreeMap<String, String>,
    /// Secrets to add to it.
    pub secrets: Vec<SecretName>,
    /// Files it may read.
    pub files: BTreeMap<RepoPath, TreeEntry>,
    /// What it may touch beyond them.
    pub sandbox: Sandbox,
    /// What it may use.
    pub limits: Limits,
}

/// One command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The target it is for, if the command is per target.
    pub target: Option<TargetName>,
    /// The words. The first is a path in the tree or a program on the settings' fixed PATH.
    pub argv: Vec<String>,
    /// The exit code that means "differs" rather than failure; only of checks.
    pub drift_exit: Option<i32>,
}

/// A permitted request as something to execute. A type apart from [`Check`], so that leave to
/// look is never leave to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run(pub Plan);

/// A permitted request as something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check(pub Plan);

/// One run as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Which.
    pub id: RunId,
    /// When it was dispatched.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Command lines as shown to people, secrets never in them.
    pub commands: Vec<String>,
    /// The first bytes of cleaned, redacted output.
    pub head: String,
    /// The last bytes, if more came than is kept in `head`.
    pub tail: String,
    /// Bytes left out between the two.
    pub dropped: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every command exited 0.
    Succeeded,
    /// A check found that the world differs.
    Differs,
    /// A command did not.
    Failed {
        /// How.
        how: Failure,
        /// The target it was for.
        target: Option<TargetName>,
    },
    /// It took too long and was killed.
    TimedOut,
    /// Somebody ended it.
    Cancelled,
    /// Its supervisor died.
    Interrupted,
}

/// How a command failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It exited with this code.
    Exit(i32),
    /// This signal ended it.
    Signal(i32),
    /// Its tree used more memory than allowed.
    Memory,
    /// Its tree had more processes than allowed.
    Processes,
    /// It could not be started: why.
    NotStarted(String),
}

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
    let commands = commands(intent, request)?;
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
        files: files(repo, intent, &commands),
        commands,
        sandbox: intent.sandbox.clone(),
        limits: intent.limits.clone(),
    })
}

pub(super) fn intent_of<'a>(
    repo: &'a PolicyRepo,
    request: &Request,
) -> Result<&'a Intent, PlanError> {
    let unknown = || PlanError::UnknownIntent(request.intent.clone());
    repo.intents.get(&request.intent).ok_or_else(unknown)
}

/// Returns the command lines: one for each target if a word names the target, else one.
pub(super) fn commands(intent: &Intent, request: &Request) -> Result<Vec<Command>, PlanError> {
    let (argv, drift_exit) = match request.mode {
        Mode::Run => match &intent.run {
            Executor::Argv(argv) => (argv, None),
        },
        Mode::Check => {
            let check = intent.check.as_ref();
            let check = check.ok_or_else(|| PlanError::NoCheck(intent.name.clone()))?;
            (&check.argv, Some(check.drift_exit))
        }
    };
    let per_target = argv.iter().any(|word| word.0.contains(&ArgvPart::Target));
    let targets: Vec<Option<&TargetName>> =
        if per_target { request.targets.iter().map(Some).collect() } else { vec![None] };
    let command = |target: Option<&TargetName>| {
        let words = argv.iter().map(|word| fill_word(intent, word, target, &request.args));
        let argv = words.collect::<Result<_, _>>()?;
        Ok(Command { target: target.cloned(), argv, drift_exit })
    };
    targets.into_iter().map(command).collect()
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

/// Returns the files that a run may read: what the intent names, and words of its command lines
/// that are paths of the repository.
pub(super) fn files(
    repo: &PolicyRepo,
    intent: &Intent,
    commands: &[Command],
) -> BTreeMap<RepoPath, TreeEntry> {
    let words = commands.iter().flat_map(|command| &command.argv);
    let paths = words.filter_map(|word| word.parse::<RepoPath>().ok());
    intent.reads.iter().cloned().chain(paths).flat_map(|path| repo.tree.below(&path)).collect()
}
