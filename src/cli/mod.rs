//! The command line: one file per subcommand.
//!
//! Exit codes: 0 all is well, 1 something was found wrong, 2 typed wrongly or settings broken.

mod audit;
mod ban;
mod check;
mod completions;
mod config;
mod demo;
mod diagnostic;
mod doctor;
mod failure;
mod file;
mod host_client;
mod init;
mod login;
mod logout;
mod pause;
mod reconcile;
mod reference;
mod request;
mod run;
mod schema;
mod serve;
mod service;
mod shipped;
mod source;
mod status;
mod story;
mod terminal;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::domain::id::PersonId;

pub use failure::{Exit, Failure};
pub use host_client::HostClient;
pub use reference::reference;
pub use terminal::Terminal;

/// Operations run from chat only when git says so or enough people say so.
#[derive(Debug, Parser)]
#[command(
    name = "tribune",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Start here:\n  \
        tribune demo                          look around: sample people, policies and requests\n  \
        tribune init ops --admin ada --account console:ada\n                                        \
        make a policy repo and settings of your own\n  \
        tribune serve --config ops/tribune.toml\n                                        \
        run the daemon\n\n\
        Exit codes: 0 all is well, 1 something was found wrong, 2 typed wrongly or settings broken."
)]
pub struct Cli {
    /// Settings file [default: $TRIBUNE_CONFIG, else ./tribune.toml, else /etc/tribune/tribune.toml].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Init(init::InitArgs),
    Check(check::CheckArgs),
    Serve(serve::ServeArgs),
    Status(status::StatusArgs),
    Reconcile(reconcile::ReconcileArgs),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Ban(ban::BanArgs),
    Unban(ban::UnbanArgs),
    Source(source::SourceArgs),
    Request(request::RequestArgs),
    File(file::FileArgs),
    Run(run::RunArgs),
    Login(login::LoginArgs),
    Logout(logout::LogoutArgs),
    Audit(audit::AuditArgs),
    Schema(schema::SchemaArgs),
    Doctor(doctor::DoctorArgs),
    Completions(completions::CompletionsArgs),
}

/// Parses the command line, does what it says, and returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    crate::chat::tls::install();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Fine };
            return match error.print() {
                Ok(()) => code.into(),
                Err(_) => Exit::Findings.into(),
            };
        }
    };
    match cli.command.run(cli.config.as_deref(), &mut Terminal::new()) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let told = anstream::stderr().write_all(failure.to_string().as_bytes());
            if told.is_err() { Exit::Findings.into() } else { failure.exit.into() }
        }
    }
}

impl Command {
    fn run(&self, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
        match self {
            Self::Demo(args) => demo::run(args, out),
            Self::Init(args) => init::run(args, out),
            Self::Check(args) => check::run(args, out),
            Self::Serve(args) => serve::run(args, file, out),
            Self::Status(args) => status::run(args, file, out),
            Self::Reconcile(_) => reconcile::run(file, out),
            Self::Pause(args) => pause::pause(args, file, out),
            Self::Resume(args) => pause::resume(args, file, out),
            Self::Ban(args) => ban::ban(args, file, out),
            Self::Unban(args) => ban::unban(args, file, out),
            Self::Source(args) => source::run(args, file, out),
            Self::Request(args) => request::run(args, file, out),
            Self::File(args) => file::run(args, file, out),
            Self::Run(args) => run::run(args, file, out),
            Self::Login(args) => login::run(args, file, out),
            Self::Logout(args) => logout::run(args, file, out),
            Self::Audit(args) => audit::run(args, file, out),
            Self::Schema(args) => schema::run(args, out),
            Self::Doctor(_) => doctor::run(file, out),
            Self::Completions(args) => completions::run(args, out),
        }
    }
}

/// Parses a person's name, with or without the `@`.
fn person(text: &str) -> Result<PersonId, String> {
    text.strip_prefix('@').unwrap_or(text).parse().map_err(|error| format!("{error}"))
}

/// Returns a value as JSON for people and programs.
fn pretty(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(format!("failed to write JSON: {error}")))
}

/// Runs a future to its end.
fn wait_for<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("failed to start: {error}")))?
        .block_on(future)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        let cli = Cli::command();
        let mut open: Vec<&clap::Command> = cli.get_subcommands().collect();
        while let Some(command) = open.pop() {
            assert!(command.get_about().is_some(), "{} says nothing", command.get_name());
            if command.has_subcommands() {
                open.extend(command.get_subcommands());
            } else {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Examples:"), "{} has no example", command.get_name());
            }
        }
    }
}
