//! How a problem of the policy repo is printed.

use crate::domain::diagnostic::{Diagnostic, Severity};

/// Returns a diagnostic as `path:line:column: error[code]: message`, with its hint below.
pub fn render(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut text =
        format!("{}: {severity}[{}]: {}\n", diagnostic.place, diagnostic.code, diagnostic.message);
    if let Some(hint) = &diagnostic.hint {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    text
}
