//! `tribune login`: a link that signs one person in to the console.

use std::path::Path;

use clap::Args;

use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::terminal::Terminal;
use super::{config, wait_for};
use crate::domain::id::PersonId;
use crate::web::host_api::{SignInLink, Who, path};

/// Print a link that signs a person in to the console, once, within ten minutes.
///
/// Give it to nobody else. Making it is audited and announced in the operations channel. People
/// who already have a chat account can ask for one themselves, by `!login` in a direct message.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tribune login @ada")]
pub struct LoginArgs {
    /// The person, as in inventory/people.
    #[arg(value_parser = super::person)]
    person: PersonId,
}

/// Asks the daemon for a link and prints it.
pub fn run(args: &LoginArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    let who = Who { person: args.person.clone() };
    let link: SignInLink = wait_for(client.post(path::LOGIN, &who))?;
    out.line(&link.url)?;
    out.line(&format!("signs in @{} once, until {}", link.person, link.until))?;
    Ok(Exit::Fine)
}
