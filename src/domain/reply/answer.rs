//! Answers to commands.

use std::collections::BTreeSet;
use std::fmt::Display;

use jiff::Timestamp;

use super::{ban_end, clock, code, join, sentence, strong, text, time, you_are_banned};
use crate::domain::ban::Ban;
use crate::domain::body::{Block, Body, Span};
use crate::domain::channel::{Channel, Wanted};
use crate::domain::command::CommandWord;
use crate::domain::id::{ChannelName, PersonId, Platform, RequestId, Revision, RoleName};
use crate::domain::intent::Intent;
use crate::domain::message::{Edited, MessageRef, PostKey};
use crate::domain::param::ParamKind;
use crate::domain::pause::Pause;
use crate::domain::person::{Account, Person, Principal, Service};
use crate::domain::target::Environment;

pub(super) fn line(spans: impl IntoIterator<Item = Span>) -> Block {
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
    if !what.to_string().ends_with(['?', '.']) {
        first.push(text("."));
    }
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
        Block::Code { lang: "yaml".to_owned(), text: binding(account) },
    ])
}

/// Returns what a person's file must contain for an account to be theirs.
fn binding(account: &Account) -> String {
    // Quoted: an id may begin with `@`, or look like a number.
    let id = account.id.as_str().replace('\\', "\\\\").replace('"', "\\\"");
    format!("chat: {{ {}: \"{id}\" }}", account.platform)
}

/// Returns that a command is not taken from where it was typed.
pub fn not_from_here(channel: &Channel, platform: &Platform) -> Body {
    let name = &channel.name;
    let what = format!("commands that do something are not taken in #{name} on {platform}");
    let elsewhere = channel.good_for(Wanted::Requests);
    let others: Vec<String> = elsewhere.iter().map(|it| format!("#{name} on {it}")).collect();
    match others.is_empty() {
        true => refused(&what, "type it in another channel"),
        false => refused(&what, format!("type it in {}", join(&others, "or"))),
    }
}

/// Returns that a message was changed before it was read, so that nobody acts on it.
pub fn edited_before(edited: Edited) -> Body {
    let what = match edited {
        Edited::No | Edited::ByAuthor => "this message was edited before I read it",
        Edited::ByOther => "somebody else edited this message before I read it",
    };
    refused(&what, "send it once more, as a new message")
}

/// Returns where the card of a request stands that was asked for in another place.
pub fn card_elsewhere(
    request: RequestId,
    card: PostKey,
    channel: &ChannelName,
    on: &Platform,
) -> Body {
    Body(vec![line([
        strong(request.to_string()),
        text(" is asked for. "),
        Span::Post { text: "Its card".to_owned(), key: card },
        text(format!(
            " stands in #{channel} on {on}: only there approvals count, and output and result \
             go to its thread."
        )),
    ])])
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
    Body(vec![Block::Line(you_are_banned(ban))])
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
pub fn help_intent(intent: &Intent, environments: &[&Environment], may: bool) -> Body {
    let mut blocks = vec![line([
        strong(intent.name.to_string()),
        text(format!(" — {} ({}, risk {})", intent.summary, intent.category.as_str(), intent.risk)),
    ])];
    let mut rows = vec![vec![text("on: "), strong(intent.targets.join(", "))]];
    rows.extend(environments.iter().map(|environment| {
        let summary = text(format!(" — {}", environment.summary));
        vec![text("in: "), strong(environment.name.to_string()), summary]
    }));
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
        let or = if intent.cite.is_some() { "or it" } else { "it" };
        rows.push(vec![text(format!("{or} is approved by {}", super::slots(&rule.slots)))]);
    }
    if let Some(schedule) = &intent.schedule {
        rows.push(vec![text(format!("asks for itself by {schedule}"))]);
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

/// An intent in the list of all.
#[derive(Debug, Clone, Copy)]
pub struct IntentLine<'a> {
    /// Which.
    pub intent: &'a Intent,
    /// Whether one may ask for it here.
    pub may: bool,
    /// The pause that holds it.
    pub paused: Option<&'a Pause>,
    /// When it asks for itself next.
    pub next: Option<Timestamp>,
}

/// Returns every intent; those that one may not ask for here are marked.
pub fn intents(intents: &[IntentLine<'_>]) -> Body {
    let rows = intents
        .iter()
        .map(|it| {
            let mut row = intent_line(it.intent);
            if !it.may {
                row.push(text(" — not for you here"));
            }
            if let Some(pause) = it.paused {
                row.push(text(format!(" — paused until {}", time(pause.until))));
            }
            if let Some(next) = it.next {
                row.push(text(format!(" — asks for itself at {}", time(next))));
            }
            row
        })
        .collect();
    Body(vec![Block::List(rows)])
}

/// By which account and where somebody asks who they are.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// The account.
    pub account: &'a Account,
    /// The channel, unless it is a direct message.
    pub channel: Option<&'a Channel>,
}

impl Here<'_> {
    fn rows(&self) -> Vec<Vec<Span>> {
        let platform = &self.account.platform;
        let mut rows =
            vec![vec![text("this account, for their file: "), code(binding(self.account))]];
        let Some(channel) = self.channel else { return rows };
        let asks = channel.is_good_for(Wanted::Requests, platform) && !channel.ask.is_empty();
        let approves = channel.is_good_for(Wanted::Approvals, platform);
        rows.push(vec![text(format!(
            "this place: #{} on {platform}, where {}",
            channel.name,
            match (asks, approves) {
                (true, true) => "requests are taken and approvals count",
                (true, false) => "requests are taken and approvals do not count",
                (false, true) => "no requests are taken and approvals count",
                (false, false) => "no requests are taken and approvals do not count",
            }
        ))]);
        rows
    }
}

/// Returns who somebody is.
pub fn who(
    person: &Person,
    roles: &BTreeSet<RoleName>,
    services: &[&Service],
    ban: Option<&Ban>,
    here: Option<Here<'_>>,
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
    rows.extend(services.iter().map(|service| {
        vec![text(format!("answers for service {} — {}", service.id, service.summary))]
    }));
    rows.extend(here.iter().flat_map(Here::rows));
    if let Some(ban) = ban {
        rows.push(vec![
            strong(format!("banned {}", ban_end(ban))),
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
            let subject = match &ban.subject {
                Principal::Person(person) => Span::Person(person.clone()),
                Principal::Service(service) => text(format!("service {service}")),
            };
            vec![
                subject,
                text(format!(" {}: {} — by ", ban_end(ban), ban.reason)),
                Span::Person(ban.by.clone()),
            ]
        })
        .collect();
    Body(vec![Block::List(rows)])
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
