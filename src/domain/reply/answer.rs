//! Answers to commands.

use std::collections::BTreeSet;
use std::fmt::Display;

use jiff::Timestamp;

use super::run::state_words;
use super::{clock, code, join, missing, reasons, sentence, strong, text, time};
use crate::domain::audit::Row;
use crate::domain::ban::Ban;
use crate::domain::body::{Block, Body, Span};
use crate::domain::command::{Ask, CommandWord};
use crate::domain::decision::{Decision, Outcome, Reason, TargetReasons};
use crate::domain::id::{PersonId, RequestId, Revision, RoleName};
use crate::domain::intent::Intent;
use crate::domain::message::{MessageRef, PostKey};
use crate::domain::param::ParamKind;
use crate::domain::person::{Account, Person, Principal};
use crate::domain::request::{Request, State};

fn line(spans: impl IntoIterator<Item = Span>) -> Block {
    Block::Line(spans.into_iter().collect())
}

/// Returns text in which what stands between backticks is a literal.
fn words(words: &str) -> Vec<Span> {
    words
        .split('`')
        .enumerate()
        .filter(|(_, part)| !part.is_empty())
        .map(|(index, part)| if index % 2 == 0 { text(part) } else { code(part) })
        .collect()
}

/// Returns that a command did not hold, and what to do instead.
pub fn refused(what: &(impl Display + ?Sized), hint: impl AsRef<str>) -> Body {
    let mut first = vec![strong("Not done: ")];
    first.extend(words(&what.to_string()));
    first.push(text("."));
    let mut second = words(hint.as_ref());
    second.insert(0, text("Hint: "));
    Body(vec![Block::Line(first), Block::Line(second)])
}

/// Returns that nothing can be decided yet.
pub fn no_policy() -> Body {
    sentence("No revision of the policy repo is applied yet, so nothing can be permitted.")
}

/// Returns that Tribune is there.
pub fn pong(revision: Option<&Revision>) -> Body {
    let mut spans = vec![text("pong")];
    if let Some(revision) = revision {
        spans.extend([text(", deciding by "), code(revision.short())]);
    }
    Body(vec![Block::Line(spans)])
}

/// Returns what somebody hears whom nobody has put into the policy repo.
pub fn unknown_account(account: &Account) -> Body {
    Body(vec![
        line([
            text("I do not know you: nobody in the policy repo has the account "),
            code(account.to_string()),
            text(". An admin can add this to a file of inventory/people/:"),
        ]),
        Block::Code {
            lang: "yaml".to_owned(),
            text: format!("chat:\n  {}: {}", account.platform, account.id),
        },
    ])
}

/// Returns that a channel is not in the policy repo.
pub fn unknown_channel(at: &MessageRef) -> Body {
    Body(vec![line([
        text("This channel is not in the policy repo, so nothing is done here. Its id is "),
        code(format!("{}: {}", at.platform, at.channel)),
        text("; an admin can add it to inventory/channels.yaml."),
    ])])
}

/// Returns the one answer that a banned person gets.
pub fn banned(ban: &Ban) -> Body {
    let until = ban.until.map_or("for good".to_owned(), |until| format!("until {}", time(until)));
    Body(vec![line([
        text(format!("You are banned {until}: {}. Ask ", ban.reason)),
        Span::Person(ban.by.clone()),
        text(" about it."),
    ])])
}

/// Returns all commands and the intents that somebody may ask for.
pub fn help(commands: &[CommandWord], intents: &[&Intent]) -> Body {
    let commands = commands
        .iter()
        .map(|command| {
            vec![code(format!("!{}", command.usage)), text(format!(" — {}", command.summary))]
        })
        .collect();
    let mut blocks = vec![line([strong("Commands")]), Block::List(commands)];
    if intents.is_empty() {
        blocks.push(line([text("There is no intent that you may ask for here.")]));
    } else {
        blocks.push(line([
            strong("What you may ask for here"),
            text(" (more: "),
            code("!help <intent>"),
            text(")"),
        ]));
        blocks.push(Block::List(intents.iter().map(|intent| intent_line(intent)).collect()));
    }
    Body(blocks)
}

fn intent_line(intent: &Intent) -> Vec<Span> {
    vec![
        code(intent.name.to_string()),
        text(format!(" — {} ({})", intent.summary, intent.category.as_str())),
    ]
}

/// Returns how a command is typed.
pub fn help_command(command: &CommandWord) -> Body {
    Body(vec![
        line([code(format!("!{}", command.usage)), text(format!(" — {}", command.summary))]),
        line([text("Example: "), code(command.example)]),
    ])
}

/// Returns how an intent is asked for.
pub fn help_intent(intent: &Intent, may: bool) -> Body {
    let mut blocks = vec![line([
        strong(intent.name.to_string()),
        text(format!(" — {} ({}, risk {})", intent.summary, intent.category.as_str(), intent.risk)),
    ])];
    let mut rows = vec![vec![text("on: "), strong(intent.targets.join(", "))]];
    rows.extend(intent.params.iter().map(|(name, param)| {
        let mut row = vec![code(name.to_string()), text(format!(": {}", limits(&param.kind)))];
        row.push(text(match &param.default {
            Some(default) => format!(", default {default}"),
            None => ", required".to_owned(),
        }));
        if let Some(summary) = &param.summary {
            row.push(text(format!(" — {summary}")));
        }
        row
    }));
    if let Some(label) = &intent.label {
        rows.push(vec![text("a cited pull request bears the label "), code(label)]);
    }
    if let Some(rule) = &intent.approval {
        rows.push(vec![text(format!("or it is approved by {}", super::slots(&rule.slots)))]);
    }
    blocks.push(Block::List(rows));
    blocks.push(line([text("Example: "), code(example(intent))]));
    if !may {
        blocks.push(line([
            text("You may not ask for it here: "),
            code(format!("!why @you {}", intent.name)),
        ]));
    }
    Body(blocks)
}

fn limits(kind: &ParamKind) -> String {
    match kind {
        ParamKind::String { one_of, .. } if !one_of.is_empty() => join(one_of, "or"),
        ParamKind::String { .. } => "text".to_owned(),
        ParamKind::Integer { min, max } => match (min, max) {
            (Some(min), Some(max)) => format!("a whole number from {min} to {max}"),
            (Some(min), None) => format!("a whole number, at least {min}"),
            (None, Some(max)) => format!("a whole number, at most {max}"),
            (None, None) => "a whole number".to_owned(),
        },
        ParamKind::Boolean => "true or false".to_owned(),
    }
}

/// Returns a command that asks for the intent, with every required parameter.
fn example(intent: &Intent) -> String {
    let mut command = format!("!run {}", intent.name);
    if let Some(target) = intent.targets.first() {
        command.push_str(&format!(" on {target}"));
    }
    for (name, param) in intent.params.iter().filter(|(_, param)| param.default.is_none()) {
        let value = match &param.kind {
            ParamKind::String { one_of, .. } => {
                one_of.first().cloned().unwrap_or_else(|| "…".to_owned())
            }
            ParamKind::Integer { min, .. } => min.unwrap_or(1).to_string(),
            ParamKind::Boolean => "true".to_owned(),
        };
        command.push_str(&format!(" {name}={value}"));
    }
    command
}

/// Returns every intent; those that one may not ask for here are marked.
pub fn intents(intents: &[(&Intent, bool)]) -> Body {
    let rows = intents
        .iter()
        .map(|(intent, may)| {
            let mut row = intent_line(intent);
            if !may {
                row.push(text(" — not for you here"));
            }
            row
        })
        .collect();
    Body(vec![Block::List(rows)])
}

/// Returns who somebody is.
pub fn who(
    person: &Person,
    roles: &BTreeSet<RoleName>,
    ban: Option<&Ban>,
    account: Option<&Account>,
) -> Body {
    let list =
        |names: Vec<String>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let mut rows = vec![
        vec![text(format!("roles: {}", list(roles.iter().map(ToString::to_string).collect())))],
        vec![text(format!(
            "flags: {}",
            list(person.flags.iter().map(ToString::to_string).collect())
        ))],
    ];
    if let Some(account) = account {
        rows.push(vec![text("this account: "), code(account.to_string())]);
    }
    if let Some(ban) = ban {
        let until =
            ban.until.map_or("for good".to_owned(), |until| format!("until {}", time(until)));
        rows.push(vec![
            strong(format!("banned {until}")),
            text(format!(": {} (by ", ban.reason)),
            Span::Person(ban.by.clone()),
            text(")"),
        ]);
    }
    Body(vec![
        line([Span::Person(person.id.clone()), text(format!(" is {}", person.name))]),
        Block::List(rows),
    ])
}

/// Returns that nobody has that name.
pub fn nobody(person: &PersonId) -> Body {
    sentence(format!("Nobody in the policy repo is called {person}."))
}

/// Returns live bans.
pub fn ban_list(bans: &[&Ban]) -> Body {
    if bans.is_empty() {
        return sentence("Nobody is banned.");
    }
    let rows = bans
        .iter()
        .map(|ban| {
            let until =
                ban.until.map_or("for good".to_owned(), |until| format!("until {}", time(until)));
            let subject = match &ban.subject {
                Principal::Person(person) => Span::Person(person.clone()),
                Principal::Service(service) => text(format!("service {service}")),
            };
            vec![
                subject,
                text(format!(" {until}: {} — by ", ban.reason)),
                Span::Person(ban.by.clone()),
            ]
        })
        .collect();
    Body(vec![Block::List(rows)])
}

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
    let command = Ask::of(request).to_string();
    let mut rows = reasons(&decision.reasons);
    rows.extend(citation.iter().map(|why| vec![text(why.clone())]));
    if let Outcome::NeedsApproval { missing: wanted } = &decision.outcome
        && !request.state.is_final()
    {
        rows.extend(missing(wanted, &command));
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
    /// When the daemon started.
    pub since: Timestamp,
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
        "{} requests wait, {} run {}",
        overall.open,
        running.len(),
        running.join(" ")
    ))]);
    rows.push(vec![text(format!("up since {}", time(overall.since)))]);
    Body(vec![Block::List(rows)])
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

/// Returns a link that signs somebody in.
pub fn login(url: String, until: Timestamp) -> Body {
    Body(vec![line([
        Span::Link { text: "Sign in to the console".to_owned(), url },
        text(format!(" — it works once, until {}. Give it to nobody.", clock(until))),
    ])])
}

/// Returns where a sign-in link is asked for.
pub fn login_elsewhere() -> Body {
    sentence("A sign-in link is for you alone: ask for it in a direct message to me.")
}
