//! What an intent executes: command lines, environment, files, and aliases that ask for it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::decode::Placed;
use super::super::super::files::Files;
use super::super::super::raw::intent::{RawCheck, RawIntent};
use super::super::super::yaml::At;
use super::super::values::Checked;
use crate::domain::diagnostic::Code;
use crate::domain::id::{ParamName, RepoPath, SecretName};
use crate::domain::intent::{ArgvWord, CheckCommand, Executor};
use crate::domain::repo::Tree;
use crate::domain::template::{self, HoleError};

/// Variables that Tribune itself sets for a run.
const RESERVED: [&str; 3] = ["HOME", "PATH", "TMPDIR"];
/// Programs that cannot gain rights in a run.
const POWERLESS: [&str; 5] = ["sudo", "su", "doas", "pkexec", "runuser"];

/// Checks everything that a run executes or reads, and notes which parameters are used.
pub struct Command<'a, 'f> {
    pub(super) file: &'a mut Checked<'f>,
    pub(super) tree: &'a Tree,
    pub(super) declared: &'a BTreeSet<ParamName>,
    pub(super) used: BTreeSet<ParamName>,
}

/// The environment of a run.
pub struct Env {
    /// Variables.
    pub values: BTreeMap<String, String>,
    /// Secrets.
    pub secrets: Vec<SecretName>,
}

impl<'a, 'f> Command<'a, 'f> {
    /// Begins with nothing used.
    pub fn new(
        file: &'a mut Checked<'f>,
        tree: &'a Tree,
        declared: &'a BTreeSet<ParamName>,
    ) -> Self {
        Self { file, tree, declared, used: BTreeSet::new() }
    }

    /// Checks what is executed: exactly one executor, and no key that it has no use for.
    pub fn run(&mut self, raw: &RawIntent, files: &Files) -> Option<Executor> {
        let at = raw.run.at;
        match (&raw.run.value.argv, &raw.run.value.file) {
            (Some(argv), None) => {
                let words = self.argv(argv);
                self.executable(argv);
                Some(Executor::Argv(words))
            }
            (None, Some(rule)) => {
                self.useless_for_files(raw);
                self.managed(&rule.value, files).map(Executor::File)
            }
            (None, None) => {
                self.file.say(at, Code::RunExecutor, "`run` names no executor");
                None
            }
            (Some(_), Some(_)) => {
                self.file.say(at, Code::RunExecutor, "`run` names both `argv` and `file`");
                None
            }
        }
    }

    /// Checks a command line.
    pub fn argv(&mut self, raw: &Placed<Vec<Placed<String>>>) -> Vec<ArgvWord> {
        if raw.value.is_empty() {
            self.file.say(raw.at, Code::ArgvEmpty, "there is no program to run");
        }
        let words: Vec<(ArgvWord, At)> = raw
            .value
            .iter()
            .filter_map(|text| Some((self.word(text.at, &text.value)?, text.at)))
            .collect();
        if let (Some((word, at)), Some(text)) = (words.first(), raw.value.first()) {
            self.program(word, &text.value, *at);
        }
        for (word, at) in &words {
            self.path(word, *at);
            if word.literal().is_some_and(|text| POWERLESS.contains(&text)) {
                let message = format!("`{word}` gains no rights here: runs cannot");
                self.file.say(*at, Code::ArgvSudo, message);
            }
        }
        words.into_iter().map(|(word, _)| word).collect()
    }

    fn word(&mut self, at: At, text: &str) -> Option<ArgvWord> {
        if text.contains('\0') {
            self.file.say(at, Code::BadText, "a word cannot hold a NUL character");
            return None;
        }
        let word = match ArgvWord::parse(text) {
            Ok(word) => word,
            Err(error) => {
                say_hole(self.file, at, &error);
                return None;
            }
        };
        for param in word.params() {
            self.used.insert(param.clone());
            if !self.declared.contains(param) {
                let known = self.declared.iter().map(ParamName::as_str);
                self.file.unknown(at, Code::UnknownParam, ("parameter", param.as_str()), known);
            }
        }
        Some(word)
    }

    /// Checks the first word: a path in the policy repo, or a bare program name.
    fn program(&mut self, word: &ArgvWord, text: &str, at: At) {
        let bare = |name: &str| {
            !name.is_empty() && !name.starts_with(['-', '.']) && !name.contains(char::is_whitespace)
        };
        let message = match word.literal() {
            None => "a hole cannot choose the program".to_owned(),
            Some(_) if word.repo_path().is_some() => return,
            Some(name) if !name.contains('/') && bare(name) => return,
            Some(_) => format!("{text:?} is neither a path in the policy repo nor a bare name"),
        };
        self.file.say(at, Code::ArgvProgram, message);
    }

    /// Checks that a word that is a path in the policy repo is there.
    fn path(&mut self, word: &ArgvWord, at: At) {
        let Some(path) = word.repo_path() else {
            if word.literal().is_some_and(template::is_repo_path) {
                let message = format!("`{word}` is not a plain path in the policy repo");
                self.file.say(at, Code::ArgvPathMissing, message);
            }
            return;
        };
        if !has(self.tree, &path) {
            let message = format!("the policy repo has no `{path}`");
            self.file.say(at, Code::ArgvPathMissing, message);
        }
    }

    /// Checks that programs of the policy repo can be executed.
    fn executable(&mut self, raw: &Placed<Vec<Placed<String>>>) {
        let Some(first) = raw.value.first() else { return };
        let path = ArgvWord::parse(&first.value).ok().and_then(|word| word.repo_path());
        if let Some(path) = path
            && let Some(entry) = self.tree.0.get(&path)
            && !entry.executable
        {
            let message = format!("`{path}` is not executable");
            self.file.say(first.at, Code::ArgvNotExecutable, message);
        }
    }

    /// Checks how an intent looks without acting.
    pub fn check(&mut self, raw: &RawCheck) -> CheckCommand {
        let argv = self.argv(&raw.argv);
        self.executable(&raw.argv);
        let drift_exit = match &raw.drift_exit {
            Some(code) if !(1..=125).contains(&code.value) => {
                let message = format!("{} cannot say that something differs", code.value);
                self.file.say(code.at, Code::CheckExit, message);
                2
            }
            Some(code) => i32::try_from(code.value).unwrap_or(2),
            None => 2,
        };
        CheckCommand { argv, drift_exit }
    }

    /// Checks environment and secrets.
    pub fn env(&mut self, raw: &RawIntent) -> Env {
        let mut values = BTreeMap::new();
        for (name, value) in &raw.env {
            if !is_env_name(name) {
                let message = format!("`{name}` is not a name of a variable");
                self.file.say(value.key_at, Code::EnvName, message);
            } else if RESERVED.contains(&name.as_str()) {
                let message = format!("Tribune itself sets `{name}`");
                self.file.say(value.key_at, Code::EnvName, message);
            }
            if let Some(word) = self.word(value.at, &value.value)
                && word.names_target()
            {
                let message = "the environment is the same for all targets: no `{target}` here";
                self.file.say(value.at, Code::UnknownParam, message);
            }
            values.insert(name.clone(), value.value.clone());
        }
        let secrets = self.file.names::<SecretName>(&raw.secrets);
        for secret in &secrets {
            let name = secret.value.as_str().to_uppercase().replace(['-', '.'], "_");
            if values.contains_key(&name) || RESERVED.contains(&name.as_str()) {
                let message = format!("the secret would be `{name}`, which is set already");
                self.file.say(secret.at, Code::EnvTwice, message);
            }
        }
        Env { values, secrets: secrets.into_iter().map(|secret| secret.value).collect() }
    }

    /// Checks more paths that a run may read.
    pub fn reads(&mut self, raw: &[Placed<String>]) -> Vec<RepoPath> {
        let paths = self.file.names::<RepoPath>(raw);
        for path in &paths {
            if !has(self.tree, &path.value) {
                let message = format!("the policy repo has no `{}`", path.value);
                self.file.say(path.at, Code::ReadsMissing, message);
            }
        }
        paths.into_iter().map(|path| path.value).collect()
    }

    /// Tells parameters that nothing uses.
    pub fn unused(self, raw: &RawIntent) {
        for (name, param) in &raw.params {
            let used = self.used.iter().any(|used| used.as_str() == name);
            if !used && name != template::TARGET && name.parse::<ParamName>().is_ok() {
                let message = format!("nothing uses the parameter `{name}`");
                self.file.say(param.key_at, Code::ParamUnused, message);
            }
        }
    }
}

/// Tells a broken hole.
pub fn say_hole(file: &mut Checked<'_>, at: At, error: &HoleError) {
    let code = match error {
        HoleError::Open | HoleError::Close | HoleError::Name(_) => Code::HoleSyntax,
        HoleError::NotAWord(_) => Code::AliasHole,
    };
    file.say(at, code, error.to_string());
}

/// Says whether a file or folder is there, of those that belong to the policy repo.
pub(super) fn has(tree: &Tree, path: &RepoPath) -> bool {
    let ours = template::FOLDERS
        .iter()
        .any(|folder| folder.parse::<RepoPath>().is_ok_and(|folder| path.is_within(&folder)));
    ours && !tree.below(path).is_empty()
}

fn is_env_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}
