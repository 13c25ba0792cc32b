//! `tribune check`: whether a policy repo would be applied.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::diagnostic::{annotate, render};
use super::failure::{Exit, Failure};
use super::terminal::Terminal;
use crate::domain::diagnostic::{Diagnostic, Severity};
use crate::domain::id::Revision;
use crate::engine::load::load;
use crate::manifest::Files;

/// Check a policy repo in a folder exactly as the daemon does before it applies a revision.
///
/// Prints every problem as path:line:column with a code and a hint. Needs neither settings nor
/// daemon: run it in CI before anything is merged. Exits 1 when there is an error; warnings alone
/// do not count unless --strict is given. With --format github each problem stands at its line of
/// the pull request; run it in the folder that was checked out.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tribune check\n  tribune check ops --strict\n  tribune check ops --format github\n  tribune check --format json | jq -r '.[].code'"
)]
pub struct CheckArgs {
    /// The folder that holds policies/, intents/, inventory/ and playbooks/.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Let warnings count as errors.
    #[arg(long)]
    strict: bool,
    /// How to print the problems.
    #[arg(long, value_enum, default_value_t, conflicts_with = "json")]
    format: Format,
    /// The same as --format json.
    #[arg(long)]
    json: bool,
}

/// How problems are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// One array of JSON.
    Json,
    /// Annotations of a GitHub workflow.
    Github,
}

/// Checks and prints.
pub fn run(args: &CheckArgs, out: &mut Terminal) -> Result<Exit, Failure> {
    let diagnostics = diagnose(&args.dir)?;
    let count = |severity| diagnostics.iter().filter(|it| it.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let format = if args.json { Format::Json } else { args.format };
    let said: String = match format {
        Format::Json => super::pretty(&diagnostics)? + "\n",
        Format::Text => diagnostics.iter().map(render).collect(),
        Format::Github => diagnostics.iter().map(|it| annotate(it, &args.dir)).collect(),
    };
    out.text(&said)?;
    if format != Format::Json {
        let verdict = if errors == 0 { "would be applied" } else { "would not be applied" };
        let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
        out.line(&format!("{verdict}: {errors}, {warnings}"))?;
    }
    let bad = errors > 0 || (args.strict && warnings > 0);
    Ok(if bad { Exit::Findings } else { Exit::Fine })
}

/// Returns a number of things in words: `1 error`, `2 errors`.
fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Returns everything that is to be said about the policy repo in a folder.
pub fn diagnose(dir: &Path) -> Result<Vec<Diagnostic>, Failure> {
    let files = Files::read(dir).map_err(|error| {
        Failure::usage(error.to_string())
            .hint("name the folder of the policy repo, or make one with `tribune init`")
    })?;
    Ok(diagnose_files(files))
}

/// Returns everything that is to be said about the files of a policy repo.
pub fn diagnose_files(files: Files) -> Vec<Diagnostic> {
    // Files are no commit; nothing that is checked depends on which one it is.
    let nowhere: Revision = "0".repeat(40).parse().expect("forty digits are an object name");
    match load(files, &nowhere) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics,
    }
}
