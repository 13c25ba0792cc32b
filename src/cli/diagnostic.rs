//! How a problem of the policy repo is printed.

use std::path::{Component, Path};

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

/// Returns a diagnostic of the policy repo in `dir` as an annotation of a GitHub workflow: a line
/// that the runner takes for a command, so nothing of it may end the line or the part it stands in.
pub fn annotate(diagnostic: &Diagnostic, dir: &Path) -> String {
    let Diagnostic { place, severity, code, message, hint } = diagnostic;
    let below = dir.components().filter(|part| *part != Component::CurDir);
    let file = below.collect::<std::path::PathBuf>().join(place.path.as_str());
    let mut at = format!("file={}", property(&file.to_string_lossy()));
    if place.line > 0 {
        at.push_str(&format!(",line={},col={}", place.line, place.column));
    }
    let hint = hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    let title = property(&code.to_string());
    let message = data(&format!("{message}{hint}"));
    format!("::{} {at},title={title}::{message}\n", severity.as_str())
}

/// Escapes what stands after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::diagnostic::{Code, Place};

    fn wrong(path: &str, line: u32, message: &str) -> Diagnostic {
        let place = Place { path: path.parse().unwrap(), line, column: 7 };
        Diagnostic::new(Code::ALL[0], place, message).hint("mend it: 100% of it")
    }

    #[test]
    fn an_annotation_names_file_line_and_column() {
        let told = annotate(&wrong("intents/a.yaml", 3, "it is wrong"), Path::new("./ops"));
        let title = Code::ALL[0].to_string();
        assert_eq!(
            told,
            format!(
                "::error file=ops/intents/a.yaml,line=3,col=7,title={title}::it is wrong%0A\
                 hint: mend it: 100%25 of it\n"
            )
        );
        let whole = annotate(&wrong("intents", 0, "it is missing"), Path::new("."));
        assert!(whole.starts_with("::error file=intents,title="), "{whole}");
    }

    #[test]
    fn nothing_that_is_said_becomes_another_command() {
        let told =
            annotate(&wrong("intents/a,b.yaml", 1, "x\r\n::set-env name=A::b"), Path::new("."));
        assert_eq!(told.lines().count(), 1);
        assert!(told.contains("file=intents/a%2Cb.yaml,") && told.contains("::x%0D%0A::set-env"));
    }
}
