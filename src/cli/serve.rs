//! `tribune serve`: the daemon.

use std::path::Path;

use clap::Args;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::config;
use super::diagnostic::render;
use super::doctor::{Health, authorities, secrets};
use super::failure::{Exit, Failure};
use super::service::{self, Watchdog};
use super::terminal::Terminal;
use crate::app::{Addresses, App};
use crate::ports::store::TroubleKind;
use crate::settings::Settings;
use crate::telemetry;

/// Run the daemon in the foreground, until SIGTERM or Ctrl-C.
///
/// Watches the policy repo, takes requests from chat, decides, runs, reports. The first signal
/// lets runs under way end within shutdown.grace; a second one does not wait. SIGHUP reads the
/// settings again: all of them or, if anything is wrong, none. What cannot change while the daemon
/// runs is named in the log and waits for the next start.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tribune serve --config /etc/tribune/tribune.toml\n  tribune serve --check-config\n  TRIBUNE_LOG_FORMAT=json tribune serve"
)]
pub struct ServeArgs {
    /// Say what is wrong with the settings, and start nothing.
    #[arg(long)]
    check_config: bool,
}

/// Reads the settings and starts.
pub fn run(args: &ServeArgs, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let settings = config::read(file)?;
    if args.check_config {
        return check(&settings, file, out);
    }
    let level = telemetry::start(&settings.log)
        .map_err(|error| Failure::new(format!("failed to start the log: {error}")))?;
    super::wait_for(serve(&settings, file, &level))
}

/// Says what can be said of settings that were read, without starting or asking anything.
fn check(settings: &Settings, file: Option<&Path>, out: &mut Terminal) -> Result<Exit, Failure> {
    let mut exit = Exit::Fine;
    let findings = [secrets(settings), authorities(settings)].concat();
    for finding in findings.iter().filter(|finding| finding.health != Health::Good) {
        out.line(&format!("{}: {}", finding.what, finding.seen))?;
        if let Some(hint) = &finding.hint {
            out.line(&format!("hint: {hint}"))?;
        }
        if finding.health == Health::Bad {
            exit = Exit::Findings;
        }
    }
    if exit == Exit::Fine {
        out.line(&format!("{} is fine", config::file(file).display()))?;
    }
    Ok(exit)
}

async fn serve(
    settings: &Settings,
    file: Option<&Path>,
    level: &telemetry::Level,
) -> Result<Exit, Failure> {
    for finding in secrets(settings).iter().filter(|finding| finding.health == Health::Bad) {
        tracing::warn!(hint = finding.hint, "{}: {}", finding.what, finding.seen);
    }
    let mut hangup = listen(SignalKind::hangup())?;
    let mut signals = Signals::new()?;
    let mut app = App::start(settings, Addresses::Shared).await?;
    if let Some(refusal) = unusable(&app).await? {
        app.stop().await;
        return Err(refusal);
    }
    let mut watchdog = Watchdog::new();
    service::ready();
    loop {
        tokio::select! {
            () = signals.next() => break,
            () = watchdog.next() => watchdog.alive(),
            _ = hangup.recv() => {
                service::reading_again();
                read_again(&mut app, file, level).await;
                service::ready();
            }
        }
    }
    service::stopping();
    tracing::info!("stopping; a second signal does not wait");
    tokio::select! {
        () = app.stop() => Ok(Exit::Fine),
        () = signals.next() => Err(Failure::new("stopped at once; runs under way were killed")
            .hint("they become interrupted at the next start")),
    }
}

/// Says why nothing could ever be decided: no revision was ever applied, and the first one does
/// not load, for example because it has no admin.
async fn unusable(app: &App) -> Result<Option<Failure>, Failure> {
    if app.engine().applied().is_some() {
        return Ok(None);
    }
    let store = &app.engine().ports().store;
    let state = store.source().await.map_err(|error| Failure::new(error.to_string()))?;
    let Some(trouble) = state.trouble.filter(|trouble| trouble.kind == TroubleKind::Bad) else {
        return Ok(None);
    };
    let problems: String = trouble.diagnostics.iter().map(render).collect();
    Ok(Some(
        Failure::new(format!(
            "the policy repo cannot be applied, and none was before: {}\n{}",
            trouble.summary,
            problems.trim_end()
        ))
        .hint("mend it until `tribune check` says that it would be applied, and commit"),
    ))
}

/// Reads the settings again on SIGHUP, and says what became of that.
async fn read_again(app: &mut App, file: Option<&Path>, level: &telemetry::Level) {
    let read = config::read(file).map_err(|failure| {
        failure.errors.iter().map(|(error, _)| error.as_str()).collect::<Vec<_>>().join("; ")
    });
    let now = read.as_ref().ok().map(|settings| settings.log.level.clone());
    let outcome = match app.reload(read).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let why = format!("{error:#}");
            tracing::error!(why, "the settings cannot be taken up; those from before hold");
            return;
        }
    };
    if let Some(why) = &outcome.refused {
        tracing::error!(why, "the settings are broken; those from before hold");
        return;
    }
    if let Some(now) = now
        && let Err(error) = level.set(&now)
    {
        tracing::error!(%error, "the log level cannot be changed");
    }
    tracing::info!(taken = outcome.taken.join(", "), "settings read again");
    if !outcome.restart.is_empty() {
        tracing::warn!(keys = outcome.restart.join(", "), "these wait for the next start");
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::new(format!("failed to listen to signals: {error}")))
}

/// SIGTERM and SIGINT.
pub struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Begins to listen.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self { term: listen(SignalKind::terminate())?, int: listen(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
