//! `tribune source`: where the policy repo stands, and the way past its guards.

use std::path::Path;

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::terminal::Terminal;
use super::{config, wait_for};
use crate::domain::id::Revision;
use crate::web::host_api::{SourceOverride, SourceStatus, path};

/// The policy repo: which revision decides, what is held and why, and how to let it pass.
#[derive(Debug, Args)]
pub struct SourceArgs {
    #[command(subcommand)]
    command: SourceCommand,
}

#[derive(Debug, Subcommand)]
enum SourceCommand {
    /// Print which revision decides, which was tried, and what is wrong with it.
    ///
    /// Exits 1 when a revision is not applied.
    #[command(after_help = "Examples:\n  tribune source status\n  tribune source status --json")]
    Status {
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Let one revision pass the delta guard or the trust mode.
    ///
    /// It must still load. Who did it and why goes to the audit log and to the operations channel.
    #[command(
        after_help = "Examples:\n  tribune source accept 4f0c2ad81b --reason \"offboarding of team b, see OPS-812\""
    )]
    Accept(Override),
    /// Start anew from a revision that does not descend from the applied one.
    ///
    /// The way out after history was rewritten on purpose, or after the store was lost. The
    /// revision must be the one that was last seen; it is still loaded and checked as a whole.
    /// The act is audited and said in the operations channel.
    #[command(
        after_help = "Examples:\n  tribune source rearm 4f0c2ad81b --reason \"history was cleaned up\""
    )]
    Rearm(Override),
}

#[derive(Debug, Args)]
struct Override {
    /// The revision, in full or its first 7 characters or more.
    revision: String,
    /// Why, for the audit log and the operations channel.
    #[arg(long)]
    reason: String,
}

/// Runs one of the subcommands.
pub fn run(args: &SourceArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    let (status, json): (SourceStatus, bool) = match &args.command {
        SourceCommand::Status { json } => (wait_for(client.get(path::SOURCE, &()))?, *json),
        SourceCommand::Accept(given) => {
            (wait_for(client.post(path::SOURCE_ACCEPT, &given.body()))?, false)
        }
        SourceCommand::Rearm(given) => {
            (wait_for(client.post(path::SOURCE_REARM, &given.body()))?, false)
        }
    };
    if json {
        out.line(&super::pretty(&status)?)?;
    } else {
        out.text(&describe(&status))?;
    }
    Ok(if status.state.trouble.is_some() { Exit::Findings } else { Exit::Fine })
}

impl Override {
    fn body(&self) -> SourceOverride {
        SourceOverride { revision: self.revision.clone(), reason: self.reason.clone() }
    }
}

/// Returns where the source stands, for people.
pub fn describe(status: &SourceStatus) -> String {
    let state = &status.state;
    let short = |revision: &Option<Revision>| {
        revision.as_ref().map_or("none".to_owned(), |revision| revision.short().to_owned())
    };
    let since =
        |at: Option<jiff::Timestamp>| at.map_or(String::new(), |at| format!("  since {at}"));
    let mut text = format!("source     {} branch {}\n", status.url, status.branch);
    text.push_str(&format!("applied    {}{}\n", short(&state.applied), since(state.applied_at)));
    text.push_str(&format!("attempted  {}\n", short(&state.attempted)));
    text.push_str(&format!("observed   {}\n", short(&state.observed)));
    if let Some(trouble) = &state.trouble {
        text.push_str(&format!(
            "\nnot applied: {} since {}: {}\n",
            trouble.revision.short(),
            trouble.since,
            trouble.summary
        ));
        for diagnostic in &trouble.diagnostics {
            text.push_str(&super::diagnostic::render(diagnostic));
        }
    }
    if let Some(hint) = &status.hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}
