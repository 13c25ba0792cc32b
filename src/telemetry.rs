//! The daemon's own log: text for people or JSON for programs, on standard error.
//!
//! Spans carry the request they are about, and every line inside bears it.

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt};

use crate::settings::{Log, LogFormat};

/// What is logged, to be changed while the daemon runs.
pub struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// Changes what is logged.
    pub fn set(&self, level: &str) -> Result<(), reload::Error> {
        self.0.reload(filter(level))
    }
}

/// Starts logging; to be called once, before anything is started.
pub fn start(log: &Log) -> Result<Level, TryInitError> {
    let (filter, handle) = reload::Layer::new(filter(&log.level));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let layer = match log.format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(layer).try_init()?;
    Ok(Level(handle))
}

/// Settings were checked; a filter that cannot be read would say nothing at all.
fn filter(level: &str) -> EnvFilter {
    EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"))
}
