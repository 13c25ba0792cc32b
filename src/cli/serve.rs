//! `tribune serve`: the daemon.

use std::path::Path;

use clap::Args;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::config;
use super::diagnostic::render;
use super::failure::{Exit, Failure};
use super::terminal::Terminal;
use crate::app::App;
use crate::ports::store::TroubleKind;
use crate::settings::Settings;
use crate::telemetry;

/// Run the daemon in the foreground, until SIGTERM or Ctrl-C.
///
/// Watches the policy repo, takes requests from chat, decides, runs, reports. The first signal
/// lets runs under way end within shutdown.grace; a second one does not wait. SIGHUP reads the
/// settings again and takes log.level; the rest is taken at the next start.
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
        out.line(&format!("{} is fine", config::file(file).display()))?;
        return Ok(Exit::Fine);
    }
    let level = telemetry::start(&settings.log)
        .map_err(|error| Failure::new(format!("failed to start the log: {error}")))?;
    super::wait_for(serve(&settings, file, &level))
}

async fn serve(
    settings: &Settings,
    file: Option<&Path>,
    level: &telemetry::Level,
) -> Result<Exit, Failure> {
    let mut hangup = listen(SignalKind::hangup())?;
    let mut signals = Signals::new()?;
    let app = App::start(settings, settings.web.external_url.as_str()).await?;
    if let Some(refusal) = unusable(&app).await? {
        app.stop().await;
        return Err(refusal);
    }
    loop {
        tokio::select! {
            () = signals.next() => break,
            _ = hangup.recv() => read_again(settings, file, level),
        }
    }
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

/// Reads the settings again on SIGHUP. What is logged changes at once; the rest at a restart.
fn read_again(settings: &Settings, file: Option<&Path>, level: &telemetry::Level) {
    let now = match config::read(file) {
        Ok(now) => now,
        Err(failure) => {
            let why = failure.to_string();
            tracing::error!(why = why.trim_end(), "the settings are broken; nothing is taken");
            return;
        }
    };
    if let Err(error) = level.set(&now.log.level) {
        tracing::error!(%error, "the log level cannot be changed");
    }
    let with_old_level = Settings { log: settings.log.clone(), ..now.clone() };
    if with_old_level == *settings && now.log.format == settings.log.format {
        tracing::info!(level = now.log.level, "settings read again");
    } else {
        tracing::warn!("settings have changed; all but log.level is taken at the next start");
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
