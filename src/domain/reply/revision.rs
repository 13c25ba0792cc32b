//! What the operations channel hears of the policy repo.

use jiff::Timestamp;

use super::{code, strong, text, time};
use crate::domain::body::{Block, Body, Span};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::evidence::PullRef;
use crate::domain::id::Revision;
use crate::domain::message::PostKey;
use crate::domain::person::Principal;

/// Problems that one message lists; the rest is counted.
const LISTED: usize = 10;

/// Which revision, and whose.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The commit.
    pub revision: &'a Revision,
    /// Its author's name.
    pub author: &'a str,
    /// The first line of its message.
    pub subject: &'a str,
}

impl About<'_> {
    fn line(&self) -> Vec<Span> {
        vec![code(self.revision.short()), text(format!(" “{}” by {}", self.subject, self.author))]
    }
}

/// Returns the news of an applied revision.
pub fn applied(
    about: &About<'_>,
    previous: Option<&Revision>,
    words: &[Vec<Span>],
    warnings: &[Diagnostic],
) -> Body {
    let mut first = vec![strong("policy repo"), text(": now in force ")];
    first.extend(about.line());
    match previous {
        Some(previous) => first.push(text(format!(" (before: {})", previous.short()))),
        None => first.push(text(", the first revision, accepted as found")),
    }
    let mut blocks = vec![Block::Line(first)];
    if previous.is_some() && words.is_empty() {
        blocks.push(Block::Line(vec![text("No permission, intent or person changes by it.")]));
    }
    if !words.is_empty() {
        blocks.push(Block::List(words.to_vec()));
    }
    if !warnings.is_empty() {
        blocks.push(Block::List(problems(warnings)));
    }
    Body(blocks)
}

/// Returns what a revision changes, letter by letter, cut to `limit` characters.
pub fn diff(diff: &str, limit: usize) -> Body {
    let count = diff.chars().count();
    let shown: String = diff.chars().take(limit).collect();
    let mut blocks = vec![Block::Code { lang: "diff".to_owned(), text: shown }];
    if count > limit {
        let more = format!("{} characters more; see the repository.", count - limit);
        blocks.push(Block::Line(vec![text(more)]));
    }
    Body(blocks)
}

/// What is wrong with a revision that is not applied.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// In words.
    pub summary: &'a str,
    /// What `check` says.
    pub diagnostics: &'a [Diagnostic],
    /// Since when something is wrong.
    pub since: Timestamp,
    /// What to do.
    pub way_out: WayOut,
}

/// What people can do about a revision that is not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayOut {
    /// Mend it by another commit.
    Mend,
    /// Two admins agree under the message, or somebody accepts it on the host.
    Agree,
    /// Somebody accepts it on the host: admins have no place to agree in.
    Host,
    /// Somebody accepts it on the host.
    Accept,
    /// Somebody starts anew from it on the host, or the old history is pushed again.
    Rearm,
}

/// Returns the message about a revision that is not applied.
pub fn held(about: &About<'_>, pull: Option<&PullRef>, held: &Held<'_>) -> Body {
    let mut first = vec![strong("policy repo"), text(": not applied ")];
    first.extend(about.line());
    if let Some(pull) = pull {
        first.push(text(format!(" ({pull})")));
    }
    first.push(text(format!(": {}", held.summary)));
    let mut blocks = vec![Block::Line(first)];
    if !held.diagnostics.is_empty() {
        blocks.push(Block::List(problems(held.diagnostics)));
    }
    let revision = about.revision;
    let rest = match held.way_out {
        WayOut::Mend => vec![text("Push a commit that mends it.")],
        WayOut::Agree => vec![
            text("Two admins who wrote none of it let it pass with ✅ here; or on the host: "),
            code(format!("tribune source accept {revision} --reason \"…\"")),
        ],
        WayOut::Host => vec![
            text("Approvals do not count here, so nobody can let it pass with ✅. On the host: "),
            code(format!("tribune source accept {revision} --reason \"…\"")),
        ],
        WayOut::Accept => vec![
            text("Whatever descends from it is held too. On the host: "),
            code(format!("tribune source accept {revision} --reason \"…\"")),
        ],
        WayOut::Rearm => vec![
            text("Push the old history again, or on the host: "),
            code(format!("tribune source rearm {revision} --reason \"…\"")),
        ],
    };
    blocks.push(Block::Line(rest));
    blocks.push(Block::Line(vec![text(format!(
        "The last good revision keeps deciding. Since {}.",
        time(held.since)
    ))]));
    Body(blocks)
}

/// Returns what the message about a revision says once another message is about a newer one.
pub fn overtaken(troubled: &Revision, summary: &str, newer: PostKey) -> Body {
    Body(vec![Block::Line(vec![
        strong("policy repo"),
        text(": "),
        code(troubled.short()),
        text(format!(" was not applied: {summary}. What is held now, and why: ")),
        Span::Post { text: "see there".to_owned(), key: newer },
    ])])
}

/// Returns what the message says once the trouble is over.
pub fn cleared(troubled: &Revision, summary: &str, by: &Revision) -> Body {
    Body(vec![Block::Line(vec![
        strong("policy repo"),
        text(": cleared by "),
        code(by.short()),
        text(". Before, "),
        code(troubled.short()),
        text(format!(" was not applied: {summary}")),
    ])])
}

/// Returns the news that somebody let a revision pass by hand.
pub fn accepted(revision: &Revision, by: &Principal, reason: &str) -> Body {
    let by = match by {
        Principal::Person(person) => Span::Person(person.clone()),
        Principal::Service(service) => text(format!("somebody on the host ({service})")),
    };
    Body(vec![Block::Line(vec![
        strong("policy repo"),
        text(": "),
        by,
        text(" lets "),
        code(revision.short()),
        text(format!(" pass in spite of the guard: {reason}")),
    ])])
}

fn problems(diagnostics: &[Diagnostic]) -> Vec<Vec<Span>> {
    let mut rows: Vec<Vec<Span>> = diagnostics
        .iter()
        .take(LISTED)
        .map(|problem| {
            let mut row = vec![
                code(problem.place.to_string()),
                text(format!(": {} ", problem.message)),
                code(problem.code.to_string()),
            ];
            if let Some(hint) = &problem.hint {
                row.push(text(format!(" — {hint}")));
            }
            row
        })
        .collect();
    if diagnostics.len() > LISTED {
        rows.push(vec![text(format!("and {} more", diagnostics.len() - LISTED))]);
    }
    rows
}
