//! Everything Tribune can say, one pure function per thing.
//!
//! Facts in, a [`Body`] out; no function here decides anything or reads anything. Sentences are
//! short, say why, and say what to do next.

pub mod answer;
pub mod ban;
pub mod card;
pub mod drift;
pub mod intake;
pub mod named;
pub mod pause;
pub mod press;
pub mod revision;
pub mod room;
pub mod run;
pub mod schedule;
pub mod standing;
mod uncounted;

use jiff::Timestamp;

use super::ban::Ban;
use super::body::{Block, Body, Span};
use super::command::Ask;
use super::decision::{Missing, Reason, TargetReasons};
use super::intent::Slot;
use super::request::Request;

/// Returns plain text.
pub fn text(text: impl Into<String>) -> Span {
    Span::Text(text.into())
}

/// Returns text that stands out.
pub fn strong(text: impl Into<String>) -> Span {
    Span::Strong(text.into())
}

/// Returns a literal.
pub fn code(text: impl Into<String>) -> Span {
    Span::Code(text.into())
}

/// Returns a body of one line.
pub fn one_line(spans: impl IntoIterator<Item = Span>) -> Body {
    Body(vec![Block::Line(spans.into_iter().collect())])
}

/// Returns a body that is one plain sentence.
pub fn sentence(words: impl Into<String>) -> Body {
    one_line([text(words)])
}

/// Says that a post goes on and the chat takes no more.
pub fn post_cut() -> Body {
    sentence("… the rest does not fit into a post")
}

/// Says the same within output.
pub fn output_cut() -> String {
    "… the rest does not fit into a post".to_owned()
}

/// Returns a time as people read it, to the minute, in UTC.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Returns a time of day to the second, in UTC, for clocks of minutes.
pub fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}

/// Returns how a prepared branch is merged, for the middle of a sentence.
pub fn merging(from: &str, branch: &str) -> [Span; 4] {
    [
        text("in a clone of the policy repo run "),
        code(format!("git fetch {from} {branch}")),
        text(" and "),
        code("git merge --no-ff FETCH_HEAD"),
    ]
}

/// Returns until when a ban holds.
pub fn ban_end(ban: &Ban) -> String {
    let end = ban.until.map_or("for good".to_owned(), |until| format!("until {}", time(until)));
    if ban.is_provisional() { format!("provisionally {end}") } else { end }
}

/// Returns that one is banned: why, until when, and whom to ask.
pub fn you_are_banned(ban: &Ban) -> Vec<Span> {
    vec![
        text(format!("You are banned {}: {}. Ask ", ban_end(ban), ban.reason)),
        Span::Person(ban.by.clone()),
        text(" about it."),
    ]
}

/// Returns `1 operator and 2 sre`.
pub fn slots(slots: &[Slot]) -> String {
    let parts: Vec<String> =
        slots.iter().map(|slot| format!("{} {}", slot.count, slot.role)).collect();
    join(&parts, "and")
}

/// Joins as a sentence does: `a, b and c`.
pub fn join(parts: &[String], last: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., tail] => format!("{} {last} {tail}", head.join(", ")),
    }
}

/// Returns what would turn a request into a permitted one, one line each.
pub fn missing(missing: &Missing, command: &str) -> Vec<Vec<Span>> {
    let mut lines = Vec::new();
    if !missing.slots.is_empty() {
        lines.push(vec![
            strong(slots(&missing.slots)),
            text(
                " to approve with ✅ here, each a different person and none of them the requester",
            ),
        ]);
    }
    if let Some(citation) = &missing.citation {
        let mut line = vec![text(match (missing.slots.is_empty(), missing.both) {
            (true, _) => "a merged pull request",
            (false, true) => "and a merged pull request",
            (false, false) => "or a merged pull request",
        })];
        if let Some(label) = &citation.label {
            line.extend([text(" labelled "), code(label)]);
        }
        line.push(text(if citation.bind {
            " that names exactly this command and that somebody else merged: "
        } else {
            " that somebody else merged: "
        }));
        line.push(code(format!("{command} pr <number>")));
        lines.push(line);
    }
    lines
}

/// Returns the command of a request without the pull request it cites, to cite another.
pub fn uncited(request: &Request) -> String {
    Ask { cites: None, ..Ask::of(request) }.to_string()
}

/// Returns the tree of reasons as lines, the target first where there are several.
pub fn reasons(targets: &[TargetReasons]) -> Vec<Vec<Span>> {
    let several = targets.len() > 1;
    // Targets that say the same are said once.
    let mut groups: Vec<(Vec<String>, &Vec<Reason>)> = Vec::new();
    for target in targets {
        let name = target.target.as_ref().map(ToString::to_string).unwrap_or_default();
        match groups.iter_mut().find(|(_, reasons)| **reasons == target.reasons) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], &target.reasons)),
        }
    }
    let mut lines = Vec::new();
    for (names, reasons) in groups {
        for reason in reasons {
            let mut line = Vec::new();
            if several {
                line.push(text(format!("{}: ", join(&names, "and"))));
            }
            line.extend(reason_line(reason));
            lines.push(line);
        }
    }
    lines
}

fn reason_line(reason: &Reason) -> Vec<Span> {
    let mut line = vec![text(reason.text.clone())];
    if !reason.lacks.is_empty() {
        line.push(text(format!(": {}", join(&reason.lacks, "and"))));
    }
    if let Some(rule) = &reason.rule {
        line.push(text(" — "));
        line.push(code(rule.id.clone()));
        line.push(text(format!(" at {}:{}", rule.path, rule.line)));
    }
    line
}
