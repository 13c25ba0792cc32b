//! What a command ends with: an exit code, and for people `error: …` and `hint: …`.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::settings::SettingsError;
use crate::web::host_api;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Fine,
    /// The command worked and found something wrong.
    Findings,
    /// The command was typed wrongly, or settings are broken.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Fine => Self::SUCCESS,
            Exit::Findings => Self::from(1),
            Exit::Usage => Self::from(2),
        }
    }
}

/// Why a command did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// Errors with their hints, at least one.
    pub errors: Vec<(String, Option<String>)>,
}

impl Failure {
    /// Makes a failure of the world: a daemon that does not answer, a file that cannot be read.
    pub fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::Findings, errors: vec![(message.into(), None)] }
    }

    /// Makes a failure of what was typed or configured.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, errors: vec![(message.into(), None)] }
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some((_, last)) = self.errors.last_mut() {
            *last = Some(hint.into());
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (error, hint) in &self.errors {
            writeln!(f, "error: {error}")?;
            if let Some(hint) = hint {
                writeln!(f, "hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(format!("failed to write: {error}"))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(format!("{error:#}"))
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let errors =
            error.problems.into_iter().map(|problem| (problem.to_string(), problem.hint)).collect();
        Self { exit: Exit::Usage, errors }
    }
}

impl From<host_api::Failure> for Failure {
    fn from(failure: host_api::Failure) -> Self {
        Self { exit: Exit::Findings, errors: vec![(failure.error, failure.hint)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_what_happened_and_what_to_do() {
        let failure = Failure::usage("no such thing").hint("do another");
        assert_eq!(failure.to_string(), "error: no such thing\nhint: do another\n");
    }
}
