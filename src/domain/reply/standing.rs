//! Answers about requests, the audit log and Tribune itself.

use jiff::Timestamp;

use super::answer::{line, refused};
use super::run::state_words;
use super::{clock, code, missing, reasons, sentence, strong, text, time, uncited};
use crate::domain::audit::Row;
use crate::domain::body::{Block, Body, Span};
use crate::domain::command::Ask;
use crate::domain::decision::{Decision, Outcome, Reason, TargetReasons};
use crate::domain::id::{PersonId, RequestId, Revision, RoleName};
use crate::domain::message::PostKey;
use crate::domain::pause::Pause;
use crate::domain::person::Principal;
use crate::domain::provisional::ProvisionalBan;
use crate::domain::request::{Request, State};

/// Returns that there is no such request.
pub fn no_request(id: RequestId) -> Body {
    refused(&format!("there is no request {id}"), "`!requests` lists the latest")
}

/// Returns that a request is not for these eyes.
pub fn may_not_view(id: RequestId) -> Body {
    sentence(format!("You may not see {id}: policy does not let you view where it was asked."))
}

/// Returns that policy says no to something that is not a request.
pub fn may_not(why: &[Reason]) -> Body {
    let lines = reasons(&[TargetReasons { target: None, reasons: why.to_vec() }]);
    Body(vec![line([strong("Policy says no.")]), Block::List(lines)])
}

/// Returns that a request is over.
pub fn too_late(id: RequestId, state: State) -> Body {
    sentence(format!("{id} is over already: {}.", state_words(state)))
}

/// Returns that a request is not theirs to end.
pub fn may_not_cancel(request: &Request) -> Body {
    Body(vec![line([
        text(format!(
            "Only who asked for {} or an admin cancels it. To stop it, react ",
            request.id
        )),
        text("❌ on its card, if you may veto it."),
    ])])
}

/// Returns where a vote counts.
pub fn vote_elsewhere(id: RequestId, card: PostKey) -> Body {
    Body(vec![line([
        text("That counts in the thread of "),
        Span::Post { text: format!("the card of {id}"), key: card },
        text(" only: react or reply there, where what you approve can be read."),
    ])])
}

/// Returns how a request stands.
pub fn status(request: &Request) -> Body {
    let mut spans = request_line(request);
    if let Some(ending) = &request.ended {
        spans.push(text(format!(": {}", ending.why)));
    }
    Body(vec![Block::Line(spans)])
}

fn request_line(request: &Request) -> Vec<Span> {
    let by = match &request.requester {
        Principal::Person(person) => Span::Person(person.clone()),
        Principal::Service(service) => text(format!("service {service}")),
    };
    vec![
        Span::Post {
            text: request.id.to_string(),
            key: super::card::key(request.id, request.card),
        },
        text(" "),
        strong(state_words(request.state)),
        text(" — "),
        code(Ask::of(request).to_string()),
        text(" by "),
        by,
        text(format!(" at {}", clock(request.asked))),
    ]
}

/// Returns a list of requests.
pub fn listing(requests: &[Request]) -> Body {
    if requests.is_empty() {
        return sentence("There are none.");
    }
    Body(vec![Block::List(requests.iter().map(request_line).collect())])
}

/// Returns that a request has not run.
pub fn not_run(id: RequestId) -> Body {
    sentence(format!("{id} has not run, so there is no output."))
}

/// Returns why a request stands where it does.
pub fn why(request: &Request, decision: &Decision, citation: &[String]) -> Body {
    let mut blocks = vec![Block::Line(request_line(request))];
    let mut rows = reasons(&decision.reasons);
    rows.extend(citation.iter().map(|why| vec![text(why.clone())]));
    if let Outcome::NeedsApproval { missing: wanted } = &decision.outcome
        && !request.state.is_final()
    {
        rows.extend(missing(wanted, &uncited(request)));
    }
    blocks.push(Block::List(rows));
    if let Some(ending) = &request.ended {
        blocks.push(line([text(format!("It ended because {}.", ending.why))]));
    }
    Body(blocks)
}

/// Returns what would happen if somebody asked.
pub fn would(person: &PersonId, command: &str, decision: &Decision) -> Body {
    let outcome = match &decision.outcome {
        Outcome::Permit => "would be permitted at once",
        Outcome::NeedsApproval { .. } => "would need evidence",
        Outcome::Deny => "would be denied",
    };
    let mut rows = Vec::new();
    if let Outcome::NeedsApproval { missing: wanted } = &decision.outcome {
        rows.extend(missing(wanted, command));
    }
    rows.extend(reasons(&decision.reasons));
    Body(vec![
        line([
            code(command),
            text(" by "),
            Span::Person(person.clone()),
            text(" "),
            strong(outcome),
            text("."),
        ]),
        Block::List(rows),
    ])
}

/// Returns that nobody is waited for.
pub fn needs_nobody(request: &Request) -> Body {
    sentence(format!("{} waits for nobody: {}.", request.id, state_words(request.state)))
}

/// Returns who could fill what is missing.
pub fn who_could(request: &Request, who: &[(RoleName, Vec<PersonId>)]) -> Body {
    let rows = who
        .iter()
        .map(|(role, people)| {
            let mut row = vec![strong(role.to_string()), text(": ")];
            if people.is_empty() {
                row.push(text("nobody can"));
            }
            for (index, person) in people.iter().enumerate() {
                if index > 0 {
                    row.push(text(", "));
                }
                row.push(Span::Person(person.clone()));
            }
            row
        })
        .collect();
    Body(vec![line([text(format!("{} can be approved by", request.id))]), Block::List(rows)])
}

/// How Tribune is.
#[derive(Debug, Clone, Copy)]
pub struct Overall<'a> {
    /// What decides.
    pub applied: &'a Revision,
    /// What was last seen.
    pub observed: Option<&'a Revision>,
    /// What is wrong with it.
    pub trouble: Option<&'a str>,
    /// Why it could not be fetched.
    pub unreachable: Option<&'a str>,
    /// Requests that wait.
    pub open: usize,
    /// Requests that run.
    pub running: &'a [RequestId],
    /// How standing intents are doing, in words.
    pub standing: &'a str,
    /// When the daemon started.
    pub since: Timestamp,
    /// Pauses that hold.
    pub pauses: &'a [Pause],
    /// Provisional bans that bind.
    pub bans: &'a [ProvisionalBan],
    /// How schedules stand, one line each.
    pub schedules: &'a [Vec<Span>],
}

/// Returns how Tribune is.
pub fn overall(overall: &Overall<'_>) -> Body {
    let mut rows = vec![vec![text("deciding by "), code(overall.applied.short())]];
    if let Some(observed) = overall.observed.filter(|observed| *observed != overall.applied) {
        rows.push(vec![text("seen and not applied: "), code(observed.short())]);
    }
    rows.extend(overall.trouble.map(|why| vec![strong("trouble: "), text(why)]));
    rows.extend(overall.unreachable.map(|why| vec![strong("unreachable: "), text(why)]));
    let running: Vec<String> = overall.running.iter().map(ToString::to_string).collect();
    rows.push(vec![text(format!(
        "{} {}, {} {}{}",
        overall.open,
        if overall.open == 1 { "request waits" } else { "requests wait" },
        running.len(),
        if running.len() == 1 { "runs" } else { "run" },
        if running.is_empty() { String::new() } else { format!(": {}", running.join(", ")) }
    ))]);
    rows.push(vec![text(overall.standing)]);
    rows.extend(
        overall.pauses.iter().map(|it| vec![strong("paused: "), text(super::pause::holds(it))]),
    );
    rows.extend(
        overall.bans.iter().map(|it| vec![strong("banned: "), text(super::ban::holds(it))]),
    );
    rows.extend(overall.schedules.iter().cloned());
    rows.push(vec![text(format!("up since {}", time(overall.since)))]);
    Body(vec![Block::List(rows)])
}

/// Returns that a fetch is under way; the same post later says what it came to.
pub fn reconciling() -> Body {
    sentence("Fetching the policy repo. What comes of it will stand here.")
}

/// Returns what a fetch came to.
pub fn reconciled(
    applied: Option<&Revision>,
    observed: Option<&Revision>,
    trouble: Option<&str>,
    unreachable: Option<&str>,
) -> Body {
    let short =
        |revision: Option<&Revision>| revision.map_or("nothing", Revision::short).to_owned();
    let mut spans = vec![text("Deciding by "), code(short(applied))];
    if observed != applied {
        spans.extend([text(", seen "), code(short(observed))]);
    }
    if let Some(why) = trouble.or(unreachable) {
        spans.push(text(format!(": {why}")));
    }
    spans.push(text("."));
    Body(vec![Block::Line(spans)])
}

/// Returns audit rows, oldest first.
pub fn audit(rows: &[Row]) -> Body {
    if rows.is_empty() {
        return sentence("There are no such rows.");
    }
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let who = row.entry.actor.as_ref().map_or("tribune".to_owned(), ToString::to_string);
            let what = serde_json::to_value(row.entry.event)
                .ok()
                .and_then(|value| value.as_str().map(str::to_owned))
                .unwrap_or_default();
            let about = row.entry.request.map(|id| format!(" {id}")).unwrap_or_default();
            format!("{:>6} {} {what}{about} {who}", row.seq, clock(row.entry.at))
        })
        .collect();
    Body(vec![Block::Code { lang: "text".to_owned(), text: lines.join("\n") }])
}
