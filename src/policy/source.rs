//! Policy files as text: which policy stands where, and Cedar's complaints with their place.

use miette::Diagnostic as Report;

use crate::domain::diagnostic::{Code, Diagnostic, Place};
use crate::domain::repo::PolicyFile;

/// Returns the place of a byte offset in a file.
pub(super) fn place(file: &PolicyFile, offset: usize) -> Place {
    let before = file.text.get(..offset).unwrap_or(&file.text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place {
        path: file.path.clone(),
        line: count(before.matches('\n').count()).saturating_add(1),
        column: count(before[line_start..].chars().count()).saturating_add(1),
    }
}

/// Returns where the text of a policy begins, looking from `from`; text in a comment is not it.
pub(super) fn find_policy(file: &PolicyFile, text: &str, from: usize) -> Option<usize> {
    let mut start = from;
    while let Some(found) = file.text.get(start..)?.find(text) {
        let at = start + found;
        let line = file.text[..at].rfind('\n').map_or(0, |at| at + 1);
        if !file.text[line..at].contains("//") {
            return Some(at);
        }
        start = at + 1;
        while !file.text.is_char_boundary(start) {
            start += 1;
        }
    }
    None
}

/// Turns one of Cedar's own complaints into a diagnostic. `fallback` is where the policy begins.
pub(super) fn from_cedar(
    file: &PolicyFile,
    fallback: usize,
    code: Code,
    report: &dyn Report,
) -> Diagnostic {
    let label = report.labels().and_then(|mut labels| labels.next());
    let offset = label.as_ref().map_or(fallback, miette::LabeledSpan::offset);
    let mut message = report.to_string();
    if let Some(text) = label.as_ref().and_then(|label| label.label()) {
        message = format!("{message}: {text}");
    }
    let place = place(file, offset.min(file.text.len()));
    let hint = report.help().map(|help| help.to_string());
    Diagnostic::new(code, place, message).hinted(hint)
}
