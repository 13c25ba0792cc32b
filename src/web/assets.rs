//! The console's own script, style and icon, part of the program.

use axum::http::header;
use axum::routing::{MethodRouter, get};

const STYLE: &str = include_str!("static/console.css");
const SCRIPT: &str = include_str!("static/console.js");
const ICON: &str = include_str!("static/icon.svg");

/// What pages put behind the names of script and style, so that a new version is fetched anew.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Paths and what answers them.
pub fn routes<S: Clone + Send + Sync + 'static>() -> [(&'static str, MethodRouter<S>); 3] {
    [
        ("/static/console.css", serve("text/css; charset=utf-8", STYLE)),
        ("/static/console.js", serve("text/javascript; charset=utf-8", SCRIPT)),
        ("/static/icon.svg", serve("image/svg+xml", ICON)),
    ]
}

/// Answers with a fixed text. Browsers ask again each time: the program may have been replaced.
fn serve<S: Clone + Send + Sync + 'static>(
    kind: &'static str,
    text: &'static str,
) -> MethodRouter<S> {
    get(move || async move {
        ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text)
    })
}
