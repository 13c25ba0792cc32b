//! What is said of schedules.

use jiff::Timestamp;

use super::{strong, text, time};
use crate::domain::body::{Block, Body, Span};
use crate::domain::id::IntentName;
use crate::domain::message::PostKey;
use crate::domain::schedule::{Became, Mark, Skips};

/// Returns the name of the post that tells of occurrences in a row that made no request.
pub fn key(intent: &IntentName, skips: &Skips) -> PostKey {
    PostKey(format!("schedule:{intent}:{}", skips.since.as_millisecond()))
}

/// Returns that a schedule made no request, and why.
pub fn skipped(
    intent: &IntentName,
    at: Timestamp,
    skips: &Skips,
    why: &str,
    next: Option<Timestamp>,
) -> Body {
    let mut spans = vec![
        text("schedule: "),
        strong(intent.to_string()),
        text(format!(" was not asked for at {}: {why}.", time(at))),
    ];
    if skips.times > 1 {
        let (times, since) = (skips.times, time(skips.since));
        spans.push(text(format!(" That makes {times} times in a row since {since}.")));
    }
    if let Some(next) = next {
        spans.push(text(format!(" Next: {}.", time(next))));
    }
    Body(vec![Block::Line(spans)])
}

/// Returns how the schedule of an intent stands, for lists.
pub fn line(
    intent: &IntentName,
    rule: &str,
    next: Option<Timestamp>,
    mark: Option<&Mark>,
) -> Vec<Span> {
    let next = next.map_or("never again".to_owned(), |at| format!("next at {}", time(at)));
    let mut spans =
        vec![text("scheduled: "), strong(intent.to_string()), text(format!(" {next} ({rule})"))];
    if let Some(last) = mark.and_then(|mark| mark.last.as_ref()) {
        spans.push(text(match &last.became {
            Became::Asked(request) => format!(", last was {request}"),
            Became::Skipped(why) => format!(", last was left out: {why}"),
        }));
    }
    spans
}
