//! The console's own scripts, styles and icon, part of the program.

use axum::http::header;
use axum::routing::{MethodRouter, get};

const BASE_STYLE: &str = include_str!("static/base.css");
const CHAT_STYLE: &str = include_str!("static/chat.css");
const PAGE_STYLE: &str = include_str!("static/page.css");
const BASE_SCRIPT: &str = include_str!("static/base.js");
const CHAT_SCRIPT: &str = include_str!("static/chat.js");
const PAGE_SCRIPT: &str = include_str!("static/page.js");
const COMPLETE_SCRIPT: &str = include_str!("static/complete.js");
const ICON: &str = include_str!("static/icon.svg");

/// What pages put behind the names of script and style, so that a new version is fetched anew.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Paths and what answers them.
pub fn routes<S: Clone + Send + Sync + 'static>() -> [(&'static str, MethodRouter<S>); 8] {
    let css = |text| serve("text/css; charset=utf-8", text);
    let script = |text| serve("text/javascript; charset=utf-8", text);
    [
        ("/static/base.css", css(BASE_STYLE)),
        ("/static/chat.css", css(CHAT_STYLE)),
        ("/static/page.css", css(PAGE_STYLE)),
        ("/static/base.js", script(BASE_SCRIPT)),
        ("/static/chat.js", script(CHAT_SCRIPT)),
        ("/static/page.js", script(PAGE_SCRIPT)),
        ("/static/complete.js", script(COMPLETE_SCRIPT)),
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
