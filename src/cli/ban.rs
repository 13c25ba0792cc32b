//! `tribune ban` and `tribune unban`: who is banned, and the way out of a provisional ban.

use std::path::Path;

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::terminal::{Terminal, columns};
use super::{config, wait_for};
use crate::domain::ban::Ban;
use crate::domain::id::PersonId;
use crate::domain::person::Principal;
use crate::web::host_api::{BanList, Done, UnbanOrder, path};

/// Bans: who may do nothing now.
#[derive(Debug, Args)]
pub struct BanArgs {
    #[command(subcommand)]
    command: BanCommand,
}

#[derive(Debug, Subcommand)]
enum BanCommand {
    /// List the bans that hold: those of the policy repo, and provisional ones.
    #[command(after_help = "Examples:\n  tribune ban list\n  tribune ban list --json")]
    List {
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Lift a provisional ban, which somebody asked for in chat.
///
/// It is written to the audit log and announced in the operations channel. A ban of the policy
/// repo is lifted by merging that its file is removed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tribune unban @kim --reason \"it was a mistake\"")]
pub struct UnbanArgs {
    /// The person, as in inventory/people.
    #[arg(value_parser = super::person)]
    person: PersonId,
    /// Why, for the audit log.
    #[arg(long)]
    reason: String,
}

/// Lists bans.
pub fn ban(args: &BanArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    let BanCommand::List { json } = &args.command;
    let list: BanList = wait_for(client.get(path::BANS, &()))?;
    if *json {
        out.line(&super::pretty(&list)?)?;
    } else if list.bans.is_empty() {
        out.line("nobody is banned")?;
    } else {
        out.text(&table(&list))?;
    }
    Ok(Exit::Fine)
}

/// Lifts a provisional ban.
pub fn unban(args: &UnbanArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    let order = UnbanOrder { person: args.person.clone(), reason: args.reason.clone() };
    let done: Done = wait_for(client.post(path::UNBAN, &order))?;
    out.line(&done.done)?;
    Ok(Exit::Fine)
}

fn table(list: &BanList) -> String {
    let head = ["WHO", "UNTIL", "BY", "RESTS ON", "WHY"];
    let rows = list.bans.iter().map(|ban| {
        vec![
            match &ban.subject {
                Principal::Person(person) => format!("@{person}"),
                Principal::Service(service) => format!("service {service}"),
            },
            ban.until.map_or("for good".to_owned(), |until| until.to_string()),
            format!("@{}", ban.by),
            rests_on(list, ban),
            ban.reason.clone(),
        ]
    });
    let rows: Vec<Vec<String>> =
        std::iter::once(head.map(str::to_owned).to_vec()).chain(rows).collect();
    columns(&rows)
}

/// Returns the file, or the branch that waits to be merged.
fn rests_on(list: &BanList, ban: &Ban) -> String {
    if !ban.is_provisional() {
        return ban.origin.to_string();
    }
    let more = list.provisional.iter().find(|more| more.file == ban.origin);
    match more.and_then(|more| more.prepared.as_ref()) {
        Some(prepared) => format!("chat, lapses unless {} is merged", prepared.branch),
        None => "chat, its branch is being prepared".to_owned(),
    }
}
