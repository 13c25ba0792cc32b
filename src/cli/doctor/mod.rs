//! `tribune doctor`: whether this machine is fit for Tribune.

mod chat;
mod git;
mod machine;
mod permission;
mod roots;

use std::path::Path;

use clap::Args;

use super::config;
use super::failure::{Exit, Failure};
use super::terminal::Terminal;
use crate::settings::Settings;

/// Look whether this machine is fit: git, state folder, store, clock, port, sandbox, permissions, chats.
///
/// Changes nothing. Works whether or not the daemon runs. Exits 1 when something must be mended.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tribune doctor\n  sudo -u tribune tribune doctor --config /etc/tribune/tribune.toml"
)]
pub struct DoctorArgs {}

pub use chat::authorities;
pub use permission::secrets;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, one word.
    pub what: &'static str,
    /// How it is.
    pub health: Health,
    /// What was seen.
    pub seen: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// It works, and somebody should look.
    Weak,
    /// It must be mended.
    Bad,
}

impl Finding {
    /// Makes a finding that needs nobody.
    pub fn good(what: &'static str, seen: impl Into<String>) -> Self {
        Self { what, health: Health::Good, seen: seen.into(), hint: None }
    }

    /// Makes a finding that somebody should look at.
    pub fn weak(what: &'static str, seen: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what, health: Health::Weak, seen: seen.into(), hint: Some(hint.into()) }
    }

    /// Makes a finding that must be mended.
    pub fn bad(what: &'static str, seen: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what, health: Health::Bad, seen: seen.into(), hint: Some(hint.into()) }
    }
}

/// Looks at everything and prints it.
pub fn run(file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let settings = config::read(file)?;
    let findings = super::wait_for(async { Ok(look(&settings).await) })?;
    for finding in &findings {
        let mark = match finding.health {
            Health::Good => "ok  ",
            Health::Weak => "weak",
            Health::Bad => "BAD ",
        };
        out.line(&format!("{mark}  {:<8}  {}", finding.what, finding.seen))?;
        if let Some(hint) = &finding.hint {
            out.line(&format!("      {:<8}  hint: {hint}", ""))?;
        }
    }
    let bad = findings.iter().any(|finding| finding.health == Health::Bad);
    Ok(if bad { Exit::Findings } else { Exit::Fine })
}

async fn look(settings: &Settings) -> Vec<Finding> {
    let mut findings =
        vec![git::program(&settings.exec.path).await, git::repository(settings).await];
    findings.extend(machine::state(&settings.state));
    findings.push(machine::clock(settings));
    findings.push(machine::port(settings));
    findings.push(machine::sandbox(settings.exec.weak_sandbox));
    findings.extend(roots::roots(settings));
    findings.push(permission::programs(&settings.exec.path));
    findings.extend(permission::secrets(settings));
    findings.extend(chat::all(settings).await);
    findings
}
