//! Cleaning and redaction of text: nothing secret leaves by a log, a message or the store.
//!
//! Two kinds of secrets are found: exact values that settings give to runs, in the forms in
//! which programs print them (plain, base64, hexadecimal, URL and JSON escapes), and well-known
//! shapes of tokens, from a table. Both become `[redacted:NAME]`.
//!
//! Output of programs comes in pieces of any size. [`Cleaner`] gives the same text whatever the
//! pieces, holds back what may still become part of a secret, and keeps a bounded amount in
//! memory. What a program invents itself (a secret spelt backwards, or a letter per line) cannot
//! be found; `docs/security-model.md` says so.

use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, BuildError};

mod clean;
mod forms;
mod keep;
mod shapes;
mod spans;
#[cfg(test)]
mod tests;

pub use clean::Cleaner;
pub use keep::HeadTail;

use shapes::Shapes;
use spans::Found;

/// The shortest secret that is taken, in bytes: shorter ones would blot out ordinary text.
pub const SHORTEST: usize = 4;

/// The longest secret that is taken, in bytes.
pub const LONGEST: usize = 64 * 1024;

/// A secret cannot be redacted, so it must not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It would blot out ordinary text.
    #[error("the secret {name} is shorter than {SHORTEST} bytes: use a longer one")]
    TooShort {
        /// Its name.
        name: String,
    },
    /// It would cost too much memory to look for.
    #[error("the secret {name} is longer than {LONGEST} bytes: use a shorter one")]
    TooLong {
        /// Its name.
        name: String,
    },
    /// The search for all secrets cannot be built.
    #[error("the secrets are too many to look for: {0}")]
    TooMany(String),
}

impl From<BuildError> for SecretError {
    fn from(error: BuildError) -> Self {
        Self::TooMany(error.to_string())
    }
}

/// Finds secrets in text. Cheap to share, made once for the secrets of a daemon or a run.
pub struct Redactor {
    /// Names of secrets; patterns refer to them.
    names: Vec<String>,
    /// For each pattern of `exact`, whose it is.
    owners: Vec<usize>,
    exact: AhoCorasick,
    /// Length of the longest pattern.
    longest: usize,
    shapes: Arc<Shapes>,
}

impl Redactor {
    /// Returns a redactor for these secrets (name, value) and all well-known shapes.
    pub fn new<'a>(
        secrets: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SecretError> {
        Self::build(secrets, Arc::new(Shapes::new()))
    }

    /// Returns a redactor for these secrets instead; it shares the table of shapes, which takes
    /// a while to make.
    pub fn for_secrets<'a>(
        &self,
        secrets: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SecretError> {
        Self::build(secrets, Arc::clone(&self.shapes))
    }

    fn build<'a>(
        secrets: impl IntoIterator<Item = (&'a str, &'a str)>,
        shapes: Arc<Shapes>,
    ) -> Result<Self, SecretError> {
        let (mut names, mut owners, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in secrets {
            let value = value.trim();
            let name = name.to_owned();
            let forms = match value.len() {
                0..SHORTEST => return Err(SecretError::TooShort { name }),
                SHORTEST..=LONGEST => forms::forms(value),
                _ => return Err(SecretError::TooLong { name }),
            };
            if forms.is_empty() {
                return Err(SecretError::TooShort { name });
            }
            owners.extend(std::iter::repeat_n(names.len(), forms.len()));
            patterns.extend(forms);
            names.push(name);
        }
        let longest = patterns.iter().map(String::len).max().unwrap_or(0);
        let exact = AhoCorasick::new(&patterns)?;
        Ok(Self { names, owners, exact, longest, shapes })
    }

    /// Returns `text` with every secret replaced; line ends and all else stay.
    pub fn redact_text(&self, text: &str) -> String {
        let mut lines = Lines::default();
        let mut clean = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let (line, end) = match line.strip_suffix('\n') {
                Some(line) => (line, "\n"),
                None => (line, ""),
            };
            lines.push(line, &spans::merge(self.find(line)), end, &mut clean);
        }
        clean
    }

    /// Returns everything secret in one line, in no order.
    fn find(&self, line: &str) -> Vec<Found<'_>> {
        let mut found: Vec<Found<'_>> = self
            .exact
            .find_overlapping_iter(line)
            .map(|hit| {
                let name = self.names[self.owners[hit.pattern().as_usize()]].as_str();
                Found { range: hit.range(), name }
            })
            .collect();
        self.shapes.find(line, &mut found);
        found
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.names).finish_non_exhaustive()
    }
}

/// Redaction line by line, with what must be remembered between lines.
#[derive(Debug, Default)]
struct Lines {
    in_key: bool,
}

impl Lines {
    /// Appends one whole line, redacted; lines within a private key are left out.
    fn push(&mut self, line: &str, found: &[Found<'_>], end: &str, clean: &mut String) {
        if self.in_key && shapes::is_key_line(line) {
            self.in_key = !shapes::ends_key(line);
            return;
        }
        spans::write(line, found, clean);
        self.in_key = shapes::begins_key(line);
        clean.push_str(end);
    }
}
