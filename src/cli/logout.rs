//! `tribune logout`: end a person's sessions.

use std::path::Path;

use clap::Args;

use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::terminal::Terminal;
use super::{config, wait_for};
use crate::domain::id::PersonId;
use crate::web::host_api::{SignedOut, Who, path};

/// End every session of a person in the console.
///
/// A ban or removal in the policy repo does this by itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tribune logout @ada")]
pub struct LogoutArgs {
    /// The person, as in inventory/people.
    #[arg(value_parser = super::person)]
    person: PersonId,
}

/// Tells the daemon and prints how many sessions it ended.
pub fn run(args: &LogoutArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    let who = Who { person: args.person.clone() };
    let done: SignedOut = wait_for(client.post(path::LOGOUT, &who))?;
    out.line(&format!("ended {} sessions of @{}", done.ended, args.person))?;
    Ok(Exit::Fine)
}
