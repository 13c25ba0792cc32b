//! `tribune demo --story`: the whole of Tribune, played by itself against the built binary.
//!
//! The daemon and every command are child processes; people speak to the console over
//! TCP, or to a Matrix homeserver; the
//! policy repo is pushed by the `git` program; time is the system's. Each step holds facts against
//! what must be: states as the host sees them, exit codes, and a file outside the store to which
//! every executed act appends a line. Texts are shown, and only looked at where they are the fact.

mod browser;
mod daemon;
mod drift;
pub mod homeserver;
mod look;
mod page;
mod rehearse;
mod schedule;
mod seat;
mod stage;
mod steps;
mod transcript;
mod trouble;

use std::path::PathBuf;
use std::time::Instant;

use url::Url;

use super::demo::town::Files;
use super::failure::{Exit, Failure};
use super::terminal::Terminal;
use crate::domain::id::PersonId;
use homeserver::Homeserver;
use stage::Stage;
use transcript::{StepError, Transcript};

/// The channel in which most of it happens.
const DEV: &str = "ops";

/// Titles of the steps, in order.
const TITLES: [&str; 13] = [
    "a user is denied, told why and who could",
    "an operator cites a merged pull request; it serves once",
    "two roles are needed, of two other people",
    "a veto ends a request",
    "a ban is merged while its subject has a request open",
    "a script changes under a half-approved request; an unrelated one keeps its approvals",
    "a broken policy is pushed, and mended",
    "history is force-pushed",
    "the daemon is killed in the middle of a run",
    "the audit log shows what was done to it",
    "a managed file is edited by hand: told, repaired with an approval, cleared",
    "Tribune cannot repair by itself, and asks after three tries",
    "an intent asks for itself, under policy, and not in a freeze window",
];

/// What the story is played with.
pub struct Cast {
    /// The policy repo.
    pub files: Files,
    /// The program.
    pub bin: PathBuf,
    /// The homeserver on which people speak; `None`: the console.
    pub homeserver: Option<Url>,
}

/// Plays the story; exit code 0 only if every step ended as it must.
pub async fn play(cast: Cast, out: &mut Terminal) -> Result<Exit, Failure> {
    let folder = tempfile::Builder::new()
        .prefix("tribune-story-")
        .tempdir()
        .map_err(|error| Failure::new(format!("failed to make a temporary folder: {error}")))?;
    let begun = Instant::now();
    let mut tell = Transcript::new(out);
    let told = tell.line(&format!("Playing the story in {}", folder.path().display()));
    told.map_err(|error| Failure::new(error.to_string()))?;
    let on_homeserver = cast.homeserver.is_some();
    let homeserver = cast.homeserver.map(Homeserver::at).transpose();
    let homeserver = homeserver.map_err(|error| Failure::new(error.to_string()))?;
    let built = Stage::build(folder.path(), &cast.bin, cast.files, homeserver, tell).await;
    let mut stage = match built {
        Ok(stage) => stage,
        Err(error) => {
            let failure = Failure::new(format!("setting the stage failed before step 1: {error}"));
            // Without a log it did not come to a daemon.
            return Err(match std::fs::read_to_string(folder.path().join("daemon.log")) {
                Ok(log) => {
                    failure.hint(format!("the daemon's log ends with:\n{}", last_lines(&log)))
                }
                Err(_) if on_homeserver => {
                    failure.hint("`scripts/synapse --run` starts a homeserver to play on")
                }
                Err(_) => failure.hint("`tribune check DIR` says the same of a policy repo"),
            });
        }
    };
    for number in 1..=TITLES.len() {
        if let Err(error) = step(&mut stage, number).await {
            let failed = stage.tell.failed(&error);
            failed.map_err(|error| Failure::new(error.to_string()))?;
            let log = std::fs::read_to_string(folder.path().join("daemon.log")).unwrap_or_default();
            return Err(Failure::new(format!("step {number} failed: {}", TITLES[number - 1]))
                .hint(format!("the daemon's log ends with:\n{}", last_lines(&log))));
        }
    }
    let took = begun.elapsed().as_secs();
    stage
        .tell
        .line(&format!("\nAll {} steps ended as they must, in {took} s.", TITLES.len()))
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(Exit::Fine)
}

async fn step(stage: &mut Stage<'_>, number: usize) -> Result<(), StepError> {
    stage.tell.step(number, TITLES.len(), TITLES[number - 1])?;
    match number {
        1 => steps::denied(stage).await,
        2 => steps::cited(stage).await,
        3 => steps::approved(stage).await,
        4 => steps::vetoed(stage).await,
        5 => steps::banned(stage).await,
        6 => steps::changed(stage).await,
        7 => trouble::broken(stage).await,
        8 => trouble::rewritten(stage).await,
        9 => trouble::killed(stage).await,
        10 => trouble::audited(stage).await,
        11 => drift::repaired(stage).await,
        12 => drift::given_up(stage).await,
        _ => schedule::scheduled(stage).await,
    }
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

/// Returns a person of the shipped policy repo.
fn person(name: &str) -> PersonId {
    name.parse().expect("the names of the story keep the rule")
}
