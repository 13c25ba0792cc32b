//! Writing files of the policy repo, for the branches that Tribune prepares.

use jiff::Timestamp;

use crate::domain::id::PersonId;

/// Returns the text of a file of `inventory/bans/`.
pub fn ban_file(
    subject: &PersonId,
    by: &PersonId,
    reason: &str,
    until: Option<Timestamp>,
) -> String {
    // What JSON quotes is a quoted text of YAML, too.
    let reason = serde_json::Value::from(reason);
    let until = until.map(|until| format!("until: {until}\n")).unwrap_or_default();
    format!("version: 1\nperson: {subject}\nby: {by}\nreason: {reason}\n{until}")
}
