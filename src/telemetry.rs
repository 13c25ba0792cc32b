//! The daemon's own log: text for people or JSON for programs, on standard error.
//!
//! Spans carry the request they are about, and every line inside bears it.

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::settings::{Log, LogFormat};

/// Starts logging; to be called once, before anything is started.
pub fn start(log: &Log) -> Result<(), TryInitError> {
    // The settings were checked; a filter that cannot be read would say nothing at all.
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let layer = match log.format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()
}
