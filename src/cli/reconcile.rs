//! `tribune reconcile`: fetch the policy repo now.

use std::path::Path;

use clap::Args;

use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::source::describe;
use super::terminal::Terminal;
use super::{config, wait_for};
use crate::web::host_api::{SourceStatus, path};

/// Fetch the policy repo now and apply what may be applied, instead of waiting for the interval.
///
/// Good to call from a hook of the git server. Exits 1 when the newest revision is not applied.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tribune reconcile")]
pub struct ReconcileArgs {}

/// Tells the daemon and prints where the source stands then.
pub fn run(file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    let status: SourceStatus = wait_for(client.poke(path::RECONCILE))?;
    out.text(&describe(&status))?;
    Ok(if status.state.trouble.is_some() { Exit::Findings } else { Exit::Fine })
}
