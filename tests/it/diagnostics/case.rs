//! Cases as files: a change of the base policy repo, and every problem that must be told.
//!
//! ```text
//! # what the case shows
//! expect: inventory/people/ada.yaml:3:9 unknown-role
//! --- inventory/people/new.yaml [+x]     a whole file follows
//! --- remove inventory/roles.yaml
//! --- fill inventory/big.yaml 2000000    so many bytes of comment
//! --- hex inventory/people/ada.yaml      bytes as hexadecimal follow
//! --- edit intents/restart.yaml          the one text after `-` becomes that after `+`
//! - risk: 2
//! + risk: 9
//! ```

use std::path::{Path, PathBuf};

use tribune::domain::diagnostic::Diagnostic;
use tribune::domain::id::RepoPath;
use tribune::manifest::{self, Files};
use tribune::policy::Snapshot;

/// One case.
pub struct Case {
    /// The file's name without its ending: the code and a number.
    pub name: String,
    /// Every problem that must be told: place and code.
    pub expected: Vec<String>,
    files: Files,
}

impl Case {
    /// Returns the code that the case is for.
    pub fn code(&self) -> &str {
        self.name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-')
    }

    /// Loads and compiles; returns everything that is told, in order of place.
    pub fn problems(&self) -> Vec<Diagnostic> {
        problems_of(&self.files)
    }
}

/// Loads and compiles; returns everything that is told, in order of place.
pub fn problems_of(files: &Files) -> Vec<Diagnostic> {
    let loaded = match manifest::load(files) {
        Ok(loaded) => loaded,
        Err(problems) => return problems,
    };
    let revision = "0".repeat(40).parse().expect("a revision");
    let compiled = match Snapshot::compile(revision, loaded.repo) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    let mut problems = loaded.warnings;
    problems.extend(compiled);
    problems.sort();
    problems
}

/// Says a problem as cases write it.
pub fn told(problem: &Diagnostic) -> String {
    format!("{} {}", problem.place, problem.code)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Returns the base policy repo.
pub fn base() -> Files {
    whole(&folder().join("base.txt"))
}

/// Returns a policy repo that is one file in the form of cases.
pub fn whole(path: &Path) -> Files {
    let mut files = Files::default();
    let text = std::fs::read_to_string(path).expect("the file is there");
    apply(&mut files, &path.display().to_string(), &text);
    files
}

/// Returns every case in order of name.
pub fn all() -> Vec<Case> {
    let base = base();
    let mut cases: Vec<Case> = std::fs::read_dir(folder())
        .expect("the cases are part of the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("a readable case");
            let mut files = base.clone();
            let expected = apply(&mut files, &name, &text);
            Case { name, expected, files }
        })
        .filter(|case| case.name != "base")
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

/// Applies a case's changes and returns what it expects.
fn apply(files: &mut Files, name: &str, text: &str) -> Vec<String> {
    let (head, rest) = text.split_at(text.find("--- ").unwrap_or(text.len()));
    let mut expected: Vec<String> =
        head.lines().filter_map(|line| line.strip_prefix("expect: ")).map(str::to_owned).collect();
    expected.sort();
    for part in format!("\n{rest}").split("\n--- ").skip(1) {
        let (what, body) = part.split_once('\n').unwrap_or((part, ""));
        let body = if body.is_empty() || body.ends_with('\n') {
            body.to_owned()
        } else {
            format!("{body}\n")
        };
        let words: Vec<&str> = what.split_whitespace().collect();
        let path = |text: &str| text.parse::<RepoPath>().expect("a path");
        match words.as_slice() {
            ["remove", old] => files.remove(&path(old)),
            ["fill", new, size] => {
                let size = size.parse().expect("a number of bytes");
                files.insert(path(new), vec![b'#'; size], false);
            }
            ["hex", new] => {
                let digits: String = body.split_whitespace().collect();
                files.insert(path(new), hex::decode(digits).expect("hexadecimal"), false);
            }
            ["edit", old] => edit(files, name, &path(old), &body),
            [new] => files.insert(path(new), body.into_bytes(), false),
            [new, "+x"] => files.insert(path(new), body.into_bytes(), true),
            other => panic!("{name}: {other:?} is no change"),
        }
    }
    expected
}

fn edit(files: &mut Files, name: &str, path: &RepoPath, body: &str) {
    let part = |mark: &str| -> String {
        let lines: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix(mark)).collect();
        lines.join("\n")
    };
    let (old, new) = (part("- "), part("+ "));
    let text = String::from_utf8(files.contents[path].clone()).expect("text");
    assert_eq!(text.matches(&old).count(), 1, "{name}: {old:?} stands once in {path}");
    let executable = files.tree.0[path].executable;
    files.insert(path.clone(), text.replace(&old, &new).into_bytes(), executable);
}
