//! `tribune audit`: reading the audit log, and proving that nobody changed it.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::config;
use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::terminal::{Terminal, columns};
use super::wait_for;
use crate::domain::audit::Row;
use crate::domain::id::{PersonId, RequestId};
use crate::ports::store::AuditFilter;
use crate::settings::Settings;
use crate::store::audit::{AuditError, AuditLog, Witnesses, verify_store};
use crate::store::ledger::PublicKey;
use crate::web::host_api::{Prune, PrunedRows, path};

/// The audit log: read it, export it, prove that nobody changed it.
///
/// All but `prune` read the store directly, whether or not the daemon runs.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// List rows, oldest first.
    #[command(
        after_help = "Examples:\n  tribune audit list --limit 20\n  tribune audit list --request r42\n  tribune audit list --person ada --since 2026-11-01T00:00:00Z --json"
    )]
    List(ListArgs),
    /// Print every row as a line of JSON, in the form of the audit file.
    #[command(after_help = "Examples:\n  tribune audit export > audit.jsonl")]
    Export,
    /// Prove that no row was changed, removed or reordered, and that none is missing at the end.
    ///
    /// Compares the store with its own chain of hashes, with the audit file beside it, and with
    /// signed checkpoints. The checkpoint file of settings is always looked at; copies that were
    /// kept elsewhere, such as lines from the operations channel, are worth more. Exits 1 and
    /// names the first wrong row if something does not agree.
    #[command(
        after_help = "Examples:\n  tribune audit verify\n  tribune audit verify --checkpoint /mnt/worm/checkpoints --key /mnt/worm/audit.key.pub"
    )]
    Verify(VerifyArgs),
    /// Remove rows of the store before a signed checkpoint; the daemon must run.
    ///
    /// The checkpoint's own row stays as the first one, and an audit row tells who removed how many
    /// rows and why, so that `verify` knows them from rows that somebody took away. The audit file
    /// and the checkpoint file are not shortened. The act is said in the operations channel.
    #[command(
        after_help = "Examples:\n  tribune audit prune --until 90d --reason \"kept in the archive\"\n  tribune audit prune --until 12000 --reason \"kept in the archive\""
    )]
    Prune(PruneArgs),
}

#[derive(Debug, Args)]
struct PruneArgs {
    /// Up to where: an age such as 90d (the last checkpoint signed before), the row of a
    /// checkpoint, or a checkpoint line.
    #[arg(long, value_name = "CHECKPOINT|AGE")]
    until: String,
    /// Why, for the audit log and the operations channel.
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only rows about this request, such as r42.
    #[arg(long)]
    request: Option<RequestId>,
    /// Only rows of this person's doing.
    #[arg(long, value_parser = super::person)]
    person: Option<PersonId>,
    /// Only rows at or after this time, such as 2026-11-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// At most so many, the newest of them; 0: all.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Print them as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// More files of checkpoint lines to compare with; may be given several times.
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// The public key that checkpoints must be signed with [default: the one beside audit.key].
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Runs one of the subcommands.
pub fn run(args: &AuditArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let settings = config::read(file)?;
    match &args.command {
        AuditCommand::List(list) => {
            let rows = wait_for(read(&settings, list))?;
            if list.json {
                out.line(&super::pretty(&rows)?)?;
            } else {
                out.text(&render(&rows))?;
            }
            Ok(Exit::Fine)
        }
        AuditCommand::Export => {
            wait_for(export(&settings, out))?;
            Ok(Exit::Fine)
        }
        AuditCommand::Verify(verify) => {
            let witnesses = witnesses(&settings, verify)?;
            let report = wait_for(async { verify_store(&witnesses).await.map_err(failure) })?;
            out.text(&report.to_string())?;
            Ok(if report.is_fine() { Exit::Fine } else { Exit::Findings })
        }
        AuditCommand::Prune(prune) => {
            let (until, reason) = (prune.until.clone(), prune.reason.clone());
            let client = HostClient::new(&settings)?;
            let body = Prune { until, reason };
            let pruned: PrunedRows = wait_for(client.post(path::AUDIT_PRUNE, &body))?;
            out.line(&format!(
                "{} rows are removed; the log begins at row {}, over which a checkpoint was signed at {}",
                pruned.rows, pruned.up_to, pruned.checkpoint
            ))?;
            Ok(Exit::Fine)
        }
    }
}

async fn read(settings: &Settings, args: &ListArgs) -> Result<Vec<Row>, Failure> {
    let log = AuditLog::open(&settings.store()).await.map_err(failure)?;
    let filter = AuditFilter {
        request: args.request,
        person: args.person.clone(),
        since: args.since,
        limit: args.limit,
        ..AuditFilter::default()
    };
    log.list(&filter).await.map_err(failure)
}

async fn export(settings: &Settings, out: &mut Terminal) -> Result<(), Failure> {
    let log = AuditLog::open(&settings.store()).await.map_err(failure)?;
    log.export(|line| -> io::Result<()> { out.line(line) }).await.map_err(failure)
}

fn witnesses(settings: &Settings, args: &VerifyArgs) -> Result<Witnesses, Failure> {
    let key = match &args.key {
        Some(file) => PublicKey::read(file).map(Some),
        // Without checkpoints no key is needed.
        None if args.checkpoints.is_empty() && !settings.audit.checkpoints.exists() => Ok(None),
        None => PublicKey::beside(&settings.audit.key).map(Some),
    };
    let key = key.map_err(|error| {
        Failure::usage(error.to_string()).hint("name the public key of the checkpoints with --key")
    })?;
    // A witness that was named and is not there must not pass for one that agrees.
    if let Some(missing) = args.checkpoints.iter().find(|file| !file.exists()) {
        return Err(Failure::new(format!("there are no checkpoints at {}", missing.display()))
            .hint("name the file to which you copied lines of checkpoints"));
    }
    let mut checkpoints: Vec<PathBuf> =
        Some(settings.audit.checkpoints.clone()).filter(|file| file.exists()).into_iter().collect();
    checkpoints.extend(args.checkpoints.iter().cloned());
    let rows = Some(settings.audit.jsonl.clone()).filter(|file| file.exists());
    Ok(Witnesses { store: settings.store(), rows, checkpoints, key })
}

fn failure(error: AuditError) -> Failure {
    Failure::new(error.to_string())
        .hint("run this as the user that the daemon runs as, with the same settings")
}

fn render(rows: &[Row]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let entry = &row.entry;
            vec![
                row.seq.to_string(),
                entry.at.to_string(),
                entry.event.as_str().to_owned(),
                entry.actor.as_ref().map_or("tribune".to_owned(), ToString::to_string),
                entry.request.map_or(String::new(), |request| request.to_string()),
                entry.detail.to_string(),
            ]
        })
        .collect();
    columns(&rows)
}
