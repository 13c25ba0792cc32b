//! `tribune file`: previous copies of managed files, and putting one back.

use std::path::Path;

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::terminal::{Terminal, columns};
use super::{config, wait_for};
use crate::domain::file::PreviousCopy;
use crate::domain::file::path::ManagedPath;
use crate::web::host_api::{FileQuery, FileRestore, path};

/// Managed files: what stood there before, and how to put it back.
#[derive(Debug, Args)]
pub struct FileArgs {
    #[command(subcommand)]
    command: FileCommand,
}

#[derive(Debug, Subcommand)]
enum FileCommand {
    /// List previous copies, newest first. Content is never printed.
    #[command(
        after_help = "Examples:\n  tribune file list\n  tribune file list managed/nginx --json"
    )]
    List {
        /// Only this file, or what stands below this folder, as intents write it: root/path.
        path: Option<ManagedPath>,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put a previous copy back where it stood, with its permissions and owner.
    ///
    /// What stands there now is kept as a copy first. Who did it and why goes to the audit log and
    /// to the operations channel. Policy is not asked, and what the policy repo declares does not
    /// change: the next check of the intent shows the difference.
    #[command(
        after_help = "Examples:\n  tribune file restore managed/motd --reason \"the new one is wrong\"\n  tribune file restore managed/motd --to 3 --reason \"as it was on Monday\""
    )]
    Restore {
        /// The file, as intents write it: root/path.
        path: ManagedPath,
        /// The number of the copy [default: the newest].
        #[arg(long, value_name = "NUMBER")]
        to: Option<u64>,
        /// Why, for the audit log and the operations channel.
        #[arg(long)]
        reason: String,
    },
}

/// Runs one of the subcommands.
pub fn run(args: &FileArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    match &args.command {
        FileCommand::List { path: below, json } => {
            let query = FileQuery { path: below.clone() };
            let copies: Vec<PreviousCopy> = wait_for(client.get(path::FILES, &query))?;
            if *json {
                out.line(&super::pretty(&copies)?)?;
            } else if copies.is_empty() {
                out.line("there are no previous copies")?;
            } else {
                out.text(&table(&copies))?;
            }
        }
        FileCommand::Restore { path: which, to, reason } => {
            let body = FileRestore { path: which.clone(), number: *to, reason: reason.clone() };
            let copy: PreviousCopy = wait_for(client.post(path::FILE_RESTORE, &body))?;
            out.line(&format!("{} is again as it was before {}", copy.path, copy.kept))?;
        }
    }
    Ok(Exit::Fine)
}

fn table(copies: &[PreviousCopy]) -> String {
    let head = ["PATH", "COPY", "KEPT", "BY", "MODE", "OWNER", "SIZE", "SHA256"];
    let row = |copy: &PreviousCopy| {
        let size = copy.lines.map_or(format!("{} bytes", copy.size), |it| format!("{it} lines"));
        vec![
            copy.path.to_string(),
            copy.number.to_string(),
            copy.kept.to_string(),
            copy.run.map_or("restore".to_owned(), |run| run.to_string()),
            format!("{:04o}", copy.mode),
            format!("{}:{}", copy.owner, copy.group),
            size,
            copy.sha256.chars().take(16).collect(),
        ]
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(head.map(str::to_owned).to_vec()).chain(copies.iter().map(row)).collect();
    columns(&rows)
}
