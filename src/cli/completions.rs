//! `tribune completions`: completion for shells.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;
use super::failure::{Exit, Failure};
use super::terminal::Terminal;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tribune completions bash > /etc/bash_completion.d/tribune\n  tribune completions zsh > \"${fpath[1]}/_tribune\""
)]
pub struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &CompletionsArgs, out: &mut Terminal) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tribune", &mut script);
    out.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}
