//! What is said of pauses.

use jiff::Timestamp;

use super::answer::line;
use super::{clock, code, join, one_line, sentence, strong, text, time};
use crate::domain::body::{Block, Body, Span};
use crate::domain::duration;
use crate::domain::id::RequestId;
use crate::domain::message::PostKey;
use crate::domain::pause::{Pause, Scope};
use crate::domain::person::Principal;

/// How many held requests are named.
const NAMED: usize = 10;

/// Returns the name of the post that announces a pause.
pub fn key(pause: &Pause) -> PostKey {
    PostKey(format!("pause:{}:{}", pause.scope, pause.since.as_millisecond()))
}

/// Returns what holds a request, for its card: who paused, why, until when.
pub fn holds(pause: &Pause) -> String {
    let (what, until) = (what(&pause.scope), time(pause.until));
    format!("{what} is paused by {} until {until}: {}", pause.by, pause.reason)
}

fn what(scope: &Scope) -> String {
    scope.words()
}

fn subject(scope: &Scope) -> Span {
    strong(what(scope))
}

fn who(principal: &Principal) -> Span {
    match principal {
        Principal::Person(person) => Span::Person(person.clone()),
        Principal::Service(service) => text(format!("service {service}")),
    }
}

fn longer(scope: &Scope) -> Span {
    code(format!("!pause {scope} <duration> \"<reason>\""))
}

/// Returns the announcement of a pause that holds.
pub fn announced(pause: &Pause) -> Body {
    Body(vec![
        line([
            subject(&pause.scope),
            text(" is "),
            strong("paused"),
            text(" by "),
            who(&pause.by),
            text(format!(" until {}: {}", time(pause.until), pause.reason)),
        ]),
        Block::List(vec![
            vec![text("what has not started waits, and its clocks go on; what runs goes on")],
            vec![
                code(format!("!resume {}", pause.scope)),
                text(" ends it now, "),
                longer(&pause.scope),
                text(" makes it longer"),
            ],
        ]),
    ])
}

/// Returns the announcement of a pause that is over.
pub fn closed(pause: &Pause, by: Option<&Principal>, at: Timestamp) -> Body {
    let mut spans = vec![
        subject(&pause.scope),
        text(" was paused by "),
        who(&pause.by),
        text(format!(": {}. ", pause.reason)),
    ];
    match by {
        Some(by) => spans.extend([
            strong("Resumed"),
            text(" by "),
            who(by),
            text(format!(" at {}.", clock(at))),
        ]),
        None => spans.extend([strong("Over"), text(format!(" since {}.", time(pause.until)))]),
    }
    Body(vec![Block::Line(spans)])
}

/// Returns that a pause is about to end.
pub fn ends_soon(pause: &Pause, held: &[RequestId], now: Timestamp) -> Body {
    let left = duration::words(pause.until.duration_since(now));
    let mut spans = match &pause.by {
        Principal::Person(person) => vec![Span::Mention(person.clone()), text(" ")],
        Principal::Service(_) => Vec::new(),
    };
    spans.extend([
        text("the "),
        Span::Post { text: format!("pause of {}", what(&pause.scope)), key: key(pause) },
        text(format!(" ends in {left}, at {}; ", clock(pause.until))),
        text(waiting(held, "waits", "wait")),
        text(". To make it longer: "),
        longer(&pause.scope),
    ]);
    Body(vec![Block::Line(spans)])
}

/// Returns that a pause has ended, because somebody resumed or by itself.
pub fn ended(pause: &Pause, by: Option<&Principal>, held: &[RequestId]) -> Body {
    let mut spans = vec![subject(&pause.scope), text(" goes on: ")];
    spans.extend(match by {
        Some(by) => vec![text("resumed by "), who(by)],
        None => vec![text("its pause is over")],
    });
    spans.push(text(format!("; {}.", waiting(held, "waited for it", "waited for it"))));
    Body(vec![Block::Line(spans)])
}

fn waiting(held: &[RequestId], one: &str, many: &str) -> String {
    let mut names: Vec<String> = held.iter().take(NAMED).map(ToString::to_string).collect();
    if held.len() > NAMED {
        names.push(format!("{} more", held.len() - NAMED));
    }
    match names.len() {
        0 => format!("nothing {one}"),
        1 => format!("{} {one}", names[0]),
        _ => format!("{} {many}", join(&names, "and")),
    }
}

/// Returns that something is paused, where it is announced elsewhere.
pub fn done(pause: &Pause) -> Body {
    one_line([
        text("Done: "),
        Span::Post { text: format!("{} is paused", what(&pause.scope)), key: key(pause) },
        text(format!(" until {}.", time(pause.until))),
    ])
}

/// Returns that a pause was lifted, where that is announced elsewhere.
pub fn lifted(pause: &Pause) -> Body {
    one_line([
        text("Done: "),
        Span::Post { text: format!("{} goes on", what(&pause.scope)), key: key(pause) },
        text("."),
    ])
}

/// Returns that nothing was paused.
pub fn not_paused(scope: &Scope, by_all: Option<&Pause>) -> Body {
    match by_all {
        Some(all) => Body(vec![line([
            text(format!("{} has no pause of its own: ", what(scope))),
            text(format!("{}. To end that: ", holds(all))),
            code("!resume all"),
        ])]),
        None if *scope == Scope::All => sentence(
            "There is no pause of everything. Pauses of single intents are lifted one by one.",
        ),
        None => sentence(format!("{} is not paused.", what(scope))),
    }
}
