//! `tribune pause` and `tribune resume`: holding an intent, or everything, for a while.

use std::path::Path;

use clap::Args;

use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::terminal::Terminal;
use super::{config, wait_for};
use crate::domain::pause::Scope;
use crate::web::host_api::{Done, PauseOrder, ResumeOrder, path};

/// Hold an intent, or all of them, for a while: what has not started waits, what runs goes on.
///
/// It is written to the audit log and announced in the operations channel. Pausing again makes a
/// pause longer; `tribune resume` ends it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tribune pause restart-service 2h --reason \"storage moves\"\n  tribune pause all 30m --reason \"we look into OPS-812\""
)]
pub struct PauseArgs {
    /// The intent, or `all`.
    what: Scope,
    /// For how long: 30m, 2h, 7d; two weeks at most.
    length: String,
    /// Why, for the audit log and the cards of what waits.
    #[arg(long)]
    reason: String,
}

/// Let an intent, or all of them, go on before the pause is over.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tribune resume restart-service\n  tribune resume all")]
pub struct ResumeArgs {
    /// The intent, or `all`.
    what: Scope,
}

/// Pauses.
pub fn pause(args: &PauseArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    let order = PauseOrder {
        scope: args.what.clone(),
        length: args.length.clone(),
        reason: args.reason.clone(),
    };
    let done: Done = wait_for(client.post(path::PAUSE, &order))?;
    out.line(&done.done)?;
    Ok(Exit::Fine)
}

/// Ends a pause.
pub fn resume(args: &ResumeArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    let order = ResumeOrder { scope: args.what.clone() };
    let done: Done = wait_for(client.post(path::RESUME, &order))?;
    out.line(&done.done)?;
    Ok(Exit::Fine)
}
