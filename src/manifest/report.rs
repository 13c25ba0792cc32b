//! Collecting problems: everything that one load finds, told together.

use super::decode::ShapeProblem;
use super::yaml::At;
use crate::domain::diagnostic::{Code, Diagnostic, Place};
use crate::domain::id::RepoPath;
use crate::domain::suggest;

/// All problems so far.
#[derive(Debug, Default)]
pub struct Report {
    problems: Vec<Diagnostic>,
}

impl Report {
    /// Tells a problem at a place, with the catalogue's advice as its hint.
    pub fn say(&mut self, path: &RepoPath, at: At, code: Code, message: impl Into<String>) {
        self.say_hinted(path, at, code, message, None);
    }

    /// Tells a problem at a place with a hint of its own, if there is one.
    pub fn say_hinted(
        &mut self,
        path: &RepoPath,
        at: At,
        code: Code,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let place = Place { path: path.clone(), line: at.line, column: at.column };
        self.problems.push(Diagnostic::new(code, place, message).hinted(hint));
    }

    /// Tells a problem of a whole file or folder.
    pub fn say_whole(&mut self, path: &RepoPath, code: Code, message: impl Into<String>) {
        self.say(path, At::default(), code, message);
    }

    /// Tells that a name is not among those that there are.
    pub fn unknown<'a>(
        &mut self,
        path: &RepoPath,
        at: At,
        code: Code,
        (what, name): (&str, &str),
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) {
        let hint = suggest::hint(name, known, "there are");
        self.say_hinted(path, at, code, format!("there is no {what} `{name}`"), hint);
    }

    /// Tells a problem of shape.
    pub fn shape(&mut self, path: &RepoPath, problem: ShapeProblem) {
        let ShapeProblem { at, code, message, hint } = problem;
        self.say_hinted(path, at, code, message, hint);
    }

    /// Returns how many errors were told so far.
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.is_error()).count()
    }

    /// Returns everything in order of place: errors and warnings.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.problems.sort();
        self.problems.dedup();
        self.problems
    }
}
