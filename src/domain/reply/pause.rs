//! What is said of pauses.

use super::time;
use crate::domain::pause::Pause;

/// Returns what holds a request, for its card: who paused, why, until when.
pub fn holds(pause: &Pause) -> String {
    let what = pause.scope.intent().map_or("everything".to_owned(), ToString::to_string);
    format!("{what} is paused by {} until {}: {}", pause.by, time(pause.until), pause.reason)
}
