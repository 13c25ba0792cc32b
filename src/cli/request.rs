//! `tribune request`: what was asked, and ending it from the host.

use std::path::Path;

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::host_client::HostClient;
use super::terminal::{Terminal, columns};
use super::{config, wait_for};
use crate::domain::id::{PersonId, RequestId};
use crate::domain::reply::run::describe;
use crate::domain::run::RunRecord;
use crate::web::host_api::{Done, RequestDetail, RequestLine, RequestQuery, Why, path};

/// Requests: list them, look at one, end one.
#[derive(Debug, Args)]
pub struct RequestArgs {
    #[command(subcommand)]
    command: RequestCommand,
}

#[derive(Debug, Subcommand)]
enum RequestCommand {
    /// List requests, newest first.
    #[command(
        after_help = "Examples:\n  tribune request list --open\n  tribune request list --by ada --limit 5"
    )]
    List {
        /// Only those that are not over.
        #[arg(long)]
        open: bool,
        /// Only those of this person.
        #[arg(long, value_name = "PERSON", value_parser = super::person)]
        by: Option<PersonId>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print a request with its reasons, its runs and their output.
    #[command(after_help = "Examples:\n  tribune request show r42")]
    Show {
        /// Its number, such as r42.
        id: RequestId,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a request; its run, if one is under way, is killed.
    #[command(after_help = "Examples:\n  tribune request cancel r42 --reason \"wrong window\"")]
    Cancel {
        /// Its number, such as r42.
        id: RequestId,
        /// Why, for the audit log and the request's thread.
        #[arg(long)]
        reason: String,
    },
}

/// Runs one of the subcommands.
pub fn run(args: &RequestArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let client = HostClient::new(&config::read(file)?)?;
    match &args.command {
        RequestCommand::List { open, by, limit, json } => {
            let query = RequestQuery { open: *open, requester: by.clone(), limit: *limit };
            let list: Vec<RequestLine> = wait_for(client.get(path::REQUESTS, &query))?;
            match (json, list.is_empty()) {
                (true, _) => out.line(&super::pretty(&list)?)?,
                (false, true) => out.line("no requests")?,
                (false, false) => out.text(&lines(&list))?,
            }
        }
        RequestCommand::Show { id, json } => {
            let at = path::REQUEST.replace("{id}", &id.to_string());
            let detail: RequestDetail = wait_for(client.get(&at, &()))?;
            if *json {
                out.line(&super::pretty(&detail)?)?;
            } else {
                out.text(&show(&detail))?;
            }
        }
        RequestCommand::Cancel { id, reason } => {
            let at = path::REQUEST_CANCEL.replace("{id}", &id.to_string());
            let done: Done = wait_for(client.post(&at, &Why { reason: reason.clone() }))?;
            out.line(&done.done)?;
        }
    }
    Ok(Exit::Fine)
}

/// Returns requests as a table.
pub fn lines(list: &[RequestLine]) -> String {
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|line| {
            vec![
                line.id.to_string(),
                line.state.as_str().to_owned(),
                line.requester.to_string(),
                line.asked.to_string(),
                line.command.clone(),
            ]
        })
        .collect();
    columns(&rows)
}

fn show(detail: &RequestDetail) -> String {
    let request = &detail.request;
    let mut text = columns(&[
        vec![request.id.to_string(), detail.command.clone()],
        vec!["state".to_owned(), request.state.as_str().to_owned()],
        vec!["asked".to_owned(), format!("{} by {}", request.asked, request.requester)],
        vec!["digest".to_owned(), request.digest.to_string()],
    ]);
    if let Some(ending) = &request.ended {
        let by = ending.by.as_ref().map_or(String::new(), |person| format!(" by @{person}"));
        text.push_str(&format!("ended {}{by}: {}\n", ending.at, ending.why));
    }
    for line in &detail.why {
        text.push_str(&format!("  {line}\n"));
    }
    for run in &detail.runs {
        text.push_str(&show_run(run));
    }
    text
}

fn show_run(run: &RunRecord) -> String {
    let how = run.outcome.as_ref().map_or("under way".to_owned(), describe);
    let mut text = format!("\nrun {} started {}: {how}\n", run.id, run.started);
    for command in &run.commands {
        text.push_str(&format!("$ {command}\n"));
    }
    text.push_str(&run.head);
    if run.dropped > 0 {
        text.push_str(&format!("\n[{} bytes left out]\n", run.dropped));
    }
    text.push_str(&run.tail);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
