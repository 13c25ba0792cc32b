//! `tribune run kill`: the emergency brake.

use std::path::Path;

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::terminal::Terminal;
use super::{config, wait_for};
use crate::domain::id::RunId;
use crate::web::host_api::{Done, Why, path};

/// Runs: end one from the host.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(subcommand)]
    command: RunCommand,
}

#[derive(Debug, Subcommand)]
enum RunCommand {
    /// Kill a run with every process it started.
    ///
    /// No command starts a run past policy; ending one is always possible.
    #[command(after_help = "Examples:\n  tribune run kill r42.1 --reason \"hangs on a lock\"")]
    Kill {
        /// The run, such as r42.1.
        id: RunId,
        /// Why, for the audit log and the request's thread.
        #[arg(long)]
        reason: String,
    },
}

/// Runs the subcommand.
pub fn run(args: &RunArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    match &args.command {
        RunCommand::Kill { id, reason } => {
            let at = path::RUN_KILL.replace("{id}", &id.to_string());
            let done: Done = wait_for(client.post(&at, &Why { reason: reason.clone() }))?;
            out.line(&done.done)?;
        }
    }
    Ok(Exit::Fine)
}
