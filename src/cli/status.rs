//! `tribune status`: how the daemon is.

use std::path::Path;

use clap::Args;

use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::request::lines;
use super::source::describe;
use super::terminal::Terminal;
use super::{config, wait_for};
use crate::web::host_api::{Status, path};

/// How the daemon is: revision, open requests, runs, containment, and what needs a person.
///
/// Exits 1 when something needs a person.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tribune status\n  tribune status --json | jq .source.state.applied"
)]
pub struct StatusArgs {
    /// Print all of it as JSON.
    #[arg(long)]
    json: bool,
}

/// Asks the daemon and prints its answer.
pub fn run(args: &StatusArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    let status: Status = wait_for(client.get(path::STATUS, &()))?;
    if args.json {
        out.line(&super::pretty(&status)?)?;
    } else {
        out.text(&render(&status))?;
    }
    Ok(if status.warnings.is_empty() { Exit::Fine } else { Exit::Findings })
}

fn render(status: &Status) -> String {
    let mut text = format!("tribune {} since {}\n", status.version, status.started);
    text.push_str(&describe(&status.source));
    text.push_str(&format!("sandbox    {}\n", status.sandbox));
    text.push_str(&format!("audit      {} rows\n", status.audit_seq));
    let names =
        |names: Vec<String>| if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
    let people = status.signed_in.iter().map(|person| format!("@{person}")).collect();
    text.push_str(&format!("signed in  {}\n", names(people)));
    if status.open.is_empty() {
        text.push_str("requests   none open\n");
    } else {
        text.push_str(&format!("\nopen requests, {} running:\n", status.running.len()));
        text.push_str(&lines(&status.open));
    }
    for warning in &status.warnings {
        text.push_str(&format!("\nwarning: {warning}\n"));
    }
    text
}
