//! `tribune status`: how the daemon is.

use std::path::Path;

use clap::Args;
use jiff::SignedDuration;

use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::request::lines;
use super::source::describe;
use super::terminal::Terminal;
use super::{config, wait_for};
use crate::domain::duration;
use crate::web::host_api::{Kept, Status, path};

/// Seconds of a day.
const DAY: i64 = 86_400;

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

/// Says how much is kept and for how long.
fn kept(kept: &Kept) -> String {
    let Kept { retention, stock, swept } = kept;
    let rows = [
        ("messages", stock.messages, retention.messages),
        ("sign-ins", stock.sign_ins, retention.sign_ins),
        ("output of runs", stock.outputs, retention.output),
        ("requests", stock.requests, retention.requests),
        ("posts", stock.posts, retention.posts),
        ("messages of the console", stock.console, retention.console),
        ("audit rows", stock.audit, retention.audit),
    ];
    let length = |kept: Option<SignedDuration>| match kept {
        // In days, as people set it: weeks would have to be counted back.
        Some(kept) if kept.as_secs() % DAY == 0 => format!("for {}d", kept.as_secs() / DAY),
        Some(kept) => format!("for {}", duration::short(kept)),
        None => "for good".to_owned(),
    };
    let said: Vec<String> = rows
        .iter()
        .map(|(what, count, kept)| format!("{count} {what} {}", length(*kept)))
        .collect();
    let mut text = format!("kept       {}\n", said.join(", "));
    if stock.audit_first > 1 {
        text.push_str(&format!("           audit rows before {} were pruned\n", stock.audit_first));
    }
    let removed: Vec<String> =
        swept.removed.iter().map(|(what, count)| format!("{count} {what}")).collect();
    let removed = if removed.is_empty() { "nothing".to_owned() } else { removed.join(", ") };
    text.push_str(&match swept.at {
        Some(at) => format!("swept      {at}, removed {removed}\n"),
        None => "swept      not yet\n".to_owned(),
    });
    text
}

fn render(status: &Status) -> String {
    let mut text = format!("tribune {} since {}\n", status.version, status.started);
    text.push_str(&format!("console    {}\n", status.console));
    text.push_str(&describe(&status.source));
    text.push_str(&format!("sandbox    {}\n", status.sandbox));
    text.push_str(&format!("audit      {} rows\n", status.audit_seq));
    text.push_str(&kept(&status.kept));
    if let Some(read) = &status.settings {
        text.push_str(&format!("settings   read again {}\n", read.at));
    }
    let names =
        |names: Vec<String>| if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
    let people = status.signed_in.iter().map(|person| format!("@{person}")).collect();
    text.push_str(&format!("signed in  {}\n", names(people)));
    for pause in &status.pauses {
        text.push_str(&format!("paused     {}\n", crate::domain::reply::pause::holds(pause)));
    }
    for ban in &status.bans {
        text.push_str(&format!("banned     {}\n", crate::domain::reply::ban::holds(ban)));
    }
    for it in &status.schedules {
        let next = it.next.map_or("never again".to_owned(), |at| format!("next at {at}"));
        text.push_str(&format!("scheduled  {} {next} ({})\n", it.intent, it.rule));
    }
    if status.open.is_empty() {
        text.push_str("requests   none open\n");
    } else {
        text.push_str(&format!("\nopen requests, {} running:\n", status.running.len()));
        text.push_str(&lines(&status.open));
    }
    text.push_str("\nloops:\n");
    for one in &status.loops {
        let health = one.health.words();
        text.push_str(&format!("  {:<14} {health:<14} {}\n", one.name, one.says));
    }
    for warning in &status.warnings {
        text.push_str(&format!("\nwarning: {warning}\n"));
    }
    text
}
