//! What the story prints: who did what, what was answered, and whether it is as it must be.

use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::source::workbench::WorkbenchError;

/// How many characters of an answer are shown.
const SHOWN: usize = 1_500;

/// Why a step ended: something is not as it must be, or the story cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// It is not as it must be.
    #[error("expected {expected}, saw {seen}")]
    Wrong {
        /// What must be.
        expected: String,
        /// What is.
        seen: String,
    },
    /// The means to play it failed.
    #[error("{0}")]
    Broken(String),
    /// The transcript could not be written.
    #[error("failed to write the transcript: {0}")]
    Output(#[from] std::io::Error),
}

impl StepError {
    /// Makes an error of anything that keeps the story from going on.
    pub fn broken(error: impl std::fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<super::browser::BrowserError> for StepError {
    fn from(error: super::browser::BrowserError) -> Self {
        Self::broken(error)
    }
}

impl From<super::homeserver::HomeserverError> for StepError {
    fn from(error: super::homeserver::HomeserverError) -> Self {
        Self::broken(error)
    }
}

impl From<WorkbenchError> for StepError {
    fn from(error: WorkbenchError) -> Self {
        Self::broken(error)
    }
}

impl From<Failure> for StepError {
    fn from(failure: Failure) -> Self {
        Self::broken(failure.to_string().trim_end())
    }
}

/// Prints the story.
pub struct Transcript<'a> {
    out: &'a mut Terminal,
}

impl<'a> Transcript<'a> {
    /// Prints to a terminal.
    pub fn new(out: &'a mut Terminal) -> Self {
        Self { out }
    }

    /// Begins a step.
    pub fn step(&mut self, number: usize, of: usize, title: &str) -> Result<(), StepError> {
        Ok(self.out.line(&format!("\nStep {number} of {of}: {title}"))?)
    }

    /// Tells what somebody did.
    pub fn did(&mut self, who: &str, what: &str) -> Result<(), StepError> {
        self.block(&format!("{who:>9}"), what)
    }

    /// Tells what Tribune answered.
    pub fn answered(&mut self, what: &str) -> Result<(), StepError> {
        self.block(&format!("{:>9}", "tribune"), what)
    }

    fn block(&mut self, lead: &str, text: &str) -> Result<(), StepError> {
        let short: String = text.chars().take(SHOWN).collect();
        let more = if short.len() < text.len() { " […]" } else { "" };
        for (index, line) in format!("{short}{more}").lines().enumerate() {
            let lead = if index == 0 { lead } else { "         " };
            self.out.line(&format!("  {lead} | {line}"))?;
        }
        Ok(())
    }

    /// Notes that something is as it must be.
    pub fn good(&mut self, what: &str) -> Result<(), StepError> {
        Ok(self.out.line(&format!("  ✓ {what}"))?)
    }

    /// Checks something that must be so.
    pub fn expect(
        &mut self,
        expected: &str,
        is_so: bool,
        seen: impl std::fmt::Display,
    ) -> Result<(), StepError> {
        if is_so {
            return self.good(expected);
        }
        Err(StepError::Wrong { expected: expected.to_owned(), seen: seen.to_string() })
    }

    /// Tells how a step failed.
    pub fn failed(&mut self, error: &StepError) -> Result<(), StepError> {
        match error {
            StepError::Wrong { expected, seen } => {
                self.out.line(&format!("  ✗ {expected}"))?;
                self.block("     seen", seen)
            }
            StepError::Broken(_) | StepError::Output(_) => {
                Ok(self.out.line(&format!("  ✗ {error}"))?)
            }
        }
    }

    /// Prints a line as it stands.
    pub fn line(&mut self, text: &str) -> Result<(), StepError> {
        Ok(self.out.line(text)?)
    }
}
