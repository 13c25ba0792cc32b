//! What is kept of a revision's fate for people to look up: the words and the diff as they were
//! announced.

use super::{Engine, EngineError};
use crate::domain::body::Span;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::id::Revision;
use crate::ports::revision::{Fate, RevisionRecord};
use crate::ports::source::{Commit, FileChange};

/// Characters of a diff that are kept.
const DIFF_KEPT: usize = 64 * 1024;
/// Lines of words, and diagnostics, that are kept.
const LINES_KEPT: usize = 200;

/// What is known of a revision when its fate is decided.
pub(super) struct Told<'a> {
    pub fate: Fate,
    pub commit: &'a Commit,
    /// What was applied until then.
    pub before: Option<&'a Revision>,
    pub words: &'a [Vec<Span>],
    pub diagnostics: &'a [Diagnostic],
    /// The whole diff, redacted.
    pub diff: &'a str,
}

impl Engine {
    /// Makes the record of a revision's fate.
    pub(super) async fn record(&self, told: Told<'_>) -> RevisionRecord {
        let Told { fate, commit, before, words, diagnostics, diff } = told;
        let count = diff.chars().count();
        RevisionRecord {
            seq: 0,
            revision: commit.revision.clone(),
            at: self.now(),
            fate,
            author: commit.author.clone(),
            subject: commit.subject.clone(),
            committed: commit.committed,
            // A forge that is down keeps nothing from being recorded.
            pull: self.ports.forge.pull_of(&commit.revision).await.ok().flatten(),
            before: before.cloned(),
            words: words.iter().take(LINES_KEPT).cloned().collect(),
            diagnostics: diagnostics.iter().take(LINES_KEPT).cloned().collect(),
            diff_cut: count.saturating_sub(DIFF_KEPT) as u64,
            diff: diff.chars().take(DIFF_KEPT).collect(),
        }
    }

    /// Returns what differs between two revisions as one unified diff, redacted; nothing without
    /// a first one.
    pub(super) async fn diff(
        &self,
        from: Option<&Revision>,
        to: &Revision,
    ) -> Result<String, EngineError> {
        let Some(from) = from else { return Ok(String::new()) };
        let files = self.ports.source.changes(from, to).await?;
        Ok(self.redactor.load().redact_text(&unified(&files)))
    }
}

/// Returns all changes as one unified diff.
fn unified(files: &[FileChange]) -> String {
    let mut text = String::new();
    for file in files {
        let (old, new) = (file.before.as_deref(), file.after.as_deref());
        let name = |side: &str, content: Option<&str>| match content {
            Some(_) => format!("{side}/{}", file.path),
            None => "/dev/null".to_owned(),
        };
        let diff = similar::TextDiff::from_lines(old.unwrap_or_default(), new.unwrap_or_default());
        let unified = diff
            .unified_diff()
            .context_radius(3)
            .header(&name("a", old), &name("b", new))
            .to_string();
        text.push_str(&unified);
    }
    text
}
