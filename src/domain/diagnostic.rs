//! Diagnostics: what is wrong with a policy repo, where, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::RepoPath;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// Whether the revision can be used all the same.
    pub severity: Severity,
    /// Which kind of problem, a code of the catalogue.
    pub code: String,
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Where a problem is. Lines and columns count from 1; 0 means the whole file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file, or the folder where something is missing.
    pub path: RepoPath,
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The revision is not used.
    Error,
    /// The revision is used and somebody should look.
    Warning,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.path),
            line => write!(f, "{}:{line}:{}", self.path, self.column),
        }
    }
}
