//! The shipped policy repo is without fault, and old examples keep loading.

use std::path::{Path, PathBuf};

use tribune::domain::id::RepoPath;
use tribune::domain::intent::{ArgvWord, Category, Executor};
use tribune::domain::repo::PolicyRepo;
use tribune::manifest::{self, Files};
use tribune::policy::Snapshot;

/// Returns the top of the project, which is also the shipped policy repo.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Returns the shipped policy repo.
pub fn shipped() -> PolicyRepo {
    let files = Files::read(&top()).expect("the shipped policy repo can be read");
    let loaded = manifest::load(&files).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    });
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, Vec::<String>::new());
    loaded.repo
}

#[test]
fn the_shipped_policies_compile_without_errors_or_warnings() {
    let revision = "0".repeat(40).parse().expect("a revision");
    let problems = match Snapshot::compile(revision, shipped()) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(lines, Vec::<String>::new());
}

#[test]
fn the_shipped_policy_repo_has_neither_errors_nor_warnings() {
    let repo = shipped();
    assert!((6..=10).contains(&repo.people.len()));
    assert!(repo.intents.len() >= 8);
    assert_eq!(repo.inventory.environments.len(), 3);
    let destroys = repo.intents.values().filter(|intent| intent.category == Category::Destroy);
    for intent in destroys {
        assert!(intent.approval.as_ref().is_some_and(|rule| !rule.veto.is_empty()));
        assert!(!intent.windows.is_empty(), "{} has a freeze window", intent.name);
    }
}

#[test]
fn every_program_of_the_shipped_intents_is_there() {
    let repo = shipped();
    for intent in repo.intents.values() {
        let Executor::Argv(run) = &intent.run else { continue };
        for argv in
            [Some(run), intent.check.as_ref().map(|check| &check.argv)].into_iter().flatten()
        {
            let program = argv.first().and_then(ArgvWord::literal).expect("a plain program");
            match program.parse::<RepoPath>() {
                Ok(path) if program.contains('/') => {
                    assert!(repo.tree.0[&path].executable, "{path} is executable");
                }
                _ => assert!(Path::new("/usr/bin").join(program).exists(), "{program} is there"),
            }
        }
    }
}

#[test]
fn every_script_of_the_shipped_repo_is_used() {
    let repo = shipped();
    let scripts: RepoPath = "playbooks".parse().unwrap();
    let used: Vec<_> = repo
        .intents
        .values()
        .flat_map(|intent| {
            let own: Vec<RepoPath> = match &intent.run {
                Executor::Argv(run) => run.iter().filter_map(ArgvWord::repo_path).collect(),
                Executor::File(rule) => repo.tree.below(&rule.source).into_keys().collect(),
            };
            let check = intent.check.iter().flat_map(|check| &check.argv);
            let own = own.into_iter().chain(check.filter_map(ArgvWord::repo_path));
            own.chain(intent.reads.iter().cloned())
        })
        .collect();
    for path in repo.tree.below(&scripts).keys() {
        assert!(used.contains(path), "no intent uses {path}");
    }
}
