//! Diagnostics: what is wrong with a policy repo, where, and what to do about it.

pub mod catalogue;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::catalogue::Code;
use super::id::RepoPath;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// Whether the revision can be used all the same.
    pub severity: Severity,
    /// Which kind of problem.
    pub code: Code,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The revision is not used.
    Error,
    /// The revision is used and somebody should look.
    Warning,
}

impl Diagnostic {
    /// Makes a diagnostic of `code`, with the severity and the advice that the catalogue gives it.
    pub fn new(code: Code, place: Place, message: impl Into<String>) -> Self {
        let advice = code.advice();
        let (first, rest) = advice.split_at(advice.chars().next().map_or(0, char::len_utf8));
        let hint = Some(first.to_lowercase() + rest);
        Self { place, severity: code.severity(), code, message: message.into(), hint }
    }

    /// Says better what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says better what to do about it, if there is something better than the advice.
    #[must_use]
    pub fn hinted(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Says whether the revision cannot be used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl Place {
    /// Returns the place that is a whole file or folder.
    pub fn whole(path: RepoPath) -> Self {
        Self { path, line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.path),
            line => write!(f, "{}:{line}:{}", self.path, self.column),
        }
    }
}

impl Severity {
    /// Returns the name as reports show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// `path:line:column: severity[code]: message`, without the hint.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, severity, code, message, hint: _ } = self;
        write!(f, "{place}: {}[{code}]: {message}", severity.as_str())
    }
}
