//! The card of a request.
//!
//! What stands above the rule is what people approve: it never changes for one digest, and is
//! compared with what the server returned when it was posted. Below it Tribune keeps up how the
//! request stands.

use jiff::Timestamp;

use super::named::{self, Named};
use super::run::state_words;
use super::{ban_end, clock, code, join, missing, reasons, strong, text, uncited, uncounted};
use crate::domain::ban::Ban;
use crate::domain::body::{Block, Body, Span};
use crate::domain::decision::{Decision, Outcome};
use crate::domain::digest::Digest;
use crate::domain::evidence::{Ignored, Vote};
use crate::domain::id::{GroupName, PersonId, RequestId};
use crate::domain::intent::Intent;
use crate::domain::message::PostKey;
use crate::domain::person::Principal;
use crate::domain::press::Offer;
use crate::domain::request::{Mode, Request, State};

/// Characters above the rule that somebody can be expected to read before approving.
pub const TOO_LONG: usize = 3_500;

/// How names of posts end that call people to a card.
const CALL: &str = "call";
const REMINDER: &str = "reminder";

/// More targets than this are shown as groups, count and hash.
pub const MANY_TARGETS: usize = 20;

/// Returns the name of a request's card.
pub fn key(request: RequestId, card: u32) -> PostKey {
    PostKey(format!("card:{request}:{card}"))
}

/// Returns the request and the card that a post is, if it is one.
pub fn parse_key(key: &PostKey) -> Option<(RequestId, u32)> {
    let mut parts = key.0.strip_prefix("card:")?.split(':');
    let found = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(found)
}

/// Returns the name of the post that calls people to a card.
pub fn call_key(request: RequestId, card: u32, again: Again) -> PostKey {
    let suffix = match again {
        Again::First => CALL,
        Again::Reminder => REMINDER,
    };
    PostKey(format!("{}:{suffix}", key(request, card)))
}

/// Returns the request and the card that a post calls people to, if it does.
pub fn parse_call_key(key: &PostKey) -> Option<(RequestId, u32)> {
    let (card, suffix) = key.0.rsplit_once(':')?;
    let is_call = matches!(suffix, CALL | REMINDER);
    is_call.then(|| parse_key(&PostKey(card.to_owned()))).flatten()
}

/// How a request stands, for the lines below the rule.
#[derive(Debug, Clone, Default)]
pub struct Status<'a> {
    /// The last decision, if one was taken.
    pub decision: Option<&'a Decision>,
    /// Approvals that are there and do not count, and why: a name as the platform gives it.
    pub ignored: Vec<(String, Ignored)>,
    /// Who could fill the missing slots or, for a denied request, could have asked.
    pub who: Vec<Named>,
    /// What keeps a permitted request from starting, in words.
    pub waits_for: Option<String>,
    /// Why evidence could not be read, in words.
    pub trouble: Option<String>,
    /// Why the citation does not count, in words.
    pub citation: Vec<String>,
    /// The live ban of who asked: a denied request then says that and nothing else.
    pub ban: Option<&'a Ban>,
}

/// Returns what people approve.
pub fn head(request: &Request, intent: &Intent, groups: &[GroupName], command: &str) -> Vec<Block> {
    let verb = match request.mode {
        Mode::Run => "asks for",
        Mode::Check => "asks to check",
    };
    let mut first = vec![strong(request.id.to_string()), text(" ")];
    first.push(match &request.requester {
        Principal::Person(person) => Span::Person(person.clone()),
        Principal::Service(service) => text(format!("service {service}")),
    });
    first.extend([text(format!(" {verb} ")), code(command)]);
    let mut rows = vec![
        vec![
            text("what: "),
            strong(request.intent.to_string()),
            text(format!(
                " — {} ({}, risk {})",
                intent.summary,
                intent.category.as_str(),
                intent.risk
            )),
        ],
        targets(request, groups),
    ];
    if !request.args.is_empty() {
        let mut row = vec![text("arguments: ")];
        for (index, (name, value)) in request.args.iter().enumerate() {
            if index > 0 {
                row.push(text(" "));
            }
            row.push(code(format!("{name}={value}")));
        }
        rows.push(row);
    }
    if let Some(pull) = &request.cites {
        rows.push(vec![text("cites: "), strong(pull.to_string())]);
    }
    rows.push(vec![text("digest: "), code(request.digest.short())]);
    vec![Block::Line(first), Block::List(rows)]
}

fn targets(request: &Request, groups: &[GroupName]) -> Vec<Span> {
    let names: Vec<String> = request.targets.iter().map(ToString::to_string).collect();
    if names.len() <= MANY_TARGETS {
        return vec![text("on: "), strong(names.join(", "))];
    }
    let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
    vec![
        text("on: "),
        strong(format!("{} targets of {}", names.len(), join(&groups, "and"))),
        text(" (list in the thread, hash "),
        code(Digest::of(names.join("\n").as_bytes()).short()),
        text(")"),
    ]
}

/// Returns the whole card: its head, repeated to the letter, and how the request stands.
pub fn card(head: Vec<Block>, request: &Request, status: &Status<'_>, now: Timestamp) -> Body {
    let mut blocks = head;
    blocks.push(Block::Rule);
    blocks.extend(standing(request, status, now));
    Body(blocks)
}

/// Returns the card of an old digest: its head as it was, and a link to the new one.
pub fn closed(head: Vec<Block>, next: PostKey) -> Body {
    let mut blocks = head;
    blocks.push(Block::Rule);
    blocks.push(Block::Line(vec![
        strong("void"),
        text(" — what would run has changed, so approvals of this no longer count. See "),
        Span::Post { text: "the new card".to_owned(), key: next },
        text("."),
    ]));
    Body(blocks)
}

fn standing(request: &Request, status: &Status<'_>, now: Timestamp) -> Vec<Block> {
    let mut blocks = vec![Block::Line(state_line(request, status))];
    if let (State::Denied, Some(ban)) = (request.state, status.ban) {
        blocks.push(Block::List(vec![banned(&request.requester, ban)]));
        return blocks;
    }
    let mut rows = Vec::new();
    match request.outcome.as_ref().filter(|_| request.state == State::NeedsApproval) {
        Some(Outcome::NeedsApproval { missing: wanted }) => {
            rows.extend(missing(wanted, &uncited(request)));
            rows.extend(named::row(&status.who, "could approve: "));
        }
        Some(Outcome::Permit | Outcome::Deny) | None => {}
    }
    if request.state == State::Denied {
        if let Some(decision) = status.decision {
            rows.extend(reasons(&decision.reasons));
        }
        rows.extend(named::row(&status.who, "could ask for this: "));
    }
    rows.extend(votes(&request.votes));
    rows.extend(status.citation.iter().map(|why| vec![text(why.clone())]));
    rows.extend(ignored(&status.ignored));
    if let Some(trouble) = &status.trouble {
        rows.push(vec![strong("waits: "), text(trouble.clone())]);
    }
    if !rows.is_empty() {
        blocks.push(Block::List(rows));
    }
    if let Some(clocks) = clocks(request, now) {
        blocks.push(Block::Line(vec![text(clocks)]));
    }
    blocks
}

fn banned(subject: &Principal, ban: &Ban) -> Vec<Span> {
    let subject = match subject {
        Principal::Person(person) => Span::Person(person.clone()),
        Principal::Service(service) => text(format!("service {service}")),
    };
    vec![
        subject,
        text(format!(" is banned {}: {}. Ask ", ban_end(ban), ban.reason)),
        Span::Person(ban.by.clone()),
        text(" about it."),
    ]
}

fn state_line(request: &Request, status: &Status<'_>) -> Vec<Span> {
    let mut line = vec![strong(state_words(request.state))];
    if let Some(waits_for) = &status.waits_for {
        line.push(text(format!(" — {waits_for}")));
    }
    if let Some(ending) = &request.ended
        && request.state.is_final()
    {
        if let Some(by) = &ending.by {
            line.extend([text(" by "), Span::Person(by.clone())]);
        }
        line.push(text(format!(" — {}", ending.why)));
    }
    line
}

fn votes(votes: &[Vote]) -> Option<Vec<Span>> {
    let mut line = vec![text("approved by ")];
    for (index, vote) in votes.iter().enumerate() {
        if index > 0 {
            line.push(text(", "));
        }
        line.push(Span::Person(vote.person.clone()));
    }
    (!votes.is_empty()).then_some(line)
}

/// Returns whose votes do not count, and why. Of very many, people of the policy repo are named
/// before strangers, who could else hide them.
fn ignored(all: &[(String, Ignored)]) -> Vec<Vec<Span>> {
    let mut all: Vec<_> = all.iter().collect();
    if all.len() > uncounted::MOST {
        all.sort_by_key(|(_, why)| matches!(why, Ignored::Unknown | Ignored::NotHuman));
    }
    uncounted::rows(all.into_iter().map(|(name, why)| (name.as_str(), ignored_why(*why))))
}

fn ignored_why(why: Ignored) -> &'static str {
    match why {
        Ignored::Requester => "nobody approves their own request",
        Ignored::NotHuman => "it is not a person's account",
        Ignored::Deactivated => "the account was closed",
        Ignored::Absent => "they are no longer in this channel",
        Ignored::Unknown => "nobody in the policy repo has this account",
        Ignored::Banned => "they are banned",
        Ignored::Channel => "approvals do not count in this channel",
        Ignored::Place => "approvals of this channel count on another platform only",
        Ignored::NotEligible => "policy lets them fill no slot of this",
    }
}

fn clocks(request: &Request, now: Timestamp) -> Option<String> {
    match request.state {
        State::Requested | State::NeedsApproval => request
            .collect_by
            .filter(|by| *by > now)
            .map(|by| format!("Evidence must be here by {}.", clock(by))),
        State::Permitted | State::Queued => request
            .execute_by
            .filter(|by| *by > now)
            .map(|by| format!("It must start by {}.", clock(by))),
        State::Running
        | State::Succeeded
        | State::Failed
        | State::TimedOut
        | State::Cancelled
        | State::Interrupted
        | State::Denied
        | State::Vetoed
        | State::Expired
        | State::Void => None,
    }
}

/// Returns what people may press under a card that is not closed.
pub fn offers(request: &Request) -> Vec<Offer> {
    match request.state {
        State::NeedsApproval => vec![Offer::Details, Offer::WhoCould, Offer::HowToReact],
        State::Running
        | State::Succeeded
        | State::Failed
        | State::TimedOut
        | State::Cancelled
        | State::Interrupted
            if request.attempts > 0 =>
        {
            vec![Offer::Output, Offer::Details]
        }
        State::Requested
        | State::Permitted
        | State::Queued
        | State::Running
        | State::Succeeded
        | State::Failed
        | State::TimedOut
        | State::Cancelled
        | State::Interrupted
        | State::Denied
        | State::Vetoed
        | State::Expired
        | State::Void => vec![Offer::Details],
    }
}

/// Returns the first post of the thread where a card does not list its targets.
pub fn target_list(request: &Request) -> Body {
    let names: Vec<String> = request.targets.iter().map(ToString::to_string).collect();
    Body(vec![
        Block::Line(vec![text(format!("{} targets:", names.len()))]),
        Block::Code { lang: "text".to_owned(), text: names.join("\n") },
    ])
}

/// Returns the mention of people who could fill what is missing.
pub fn call(request: RequestId, people: &[PersonId], again: Again) -> Body {
    let mut line = Vec::new();
    for person in people {
        line.extend([Span::Mention(person.clone()), text(" ")]);
    }
    line.push(text(match again {
        Again::First => {
            format!("{request} waits for one of you: react ✅ or ❌ on the card above.")
        }
        Again::Reminder => {
            format!("{request} still waits; half of its time is over. React ✅ or ❌ on the card.")
        }
    }));
    Body(vec![Block::Line(line)])
}

/// Whether people are called for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// They are.
    First,
    /// They were called before.
    Reminder,
}

/// Returns the text above the first rule of a card as a server returned it.
///
/// The rule is a line of its own that begins at the margin. Every platform's renderer keeps what
/// people wrote from making such a line; the contract of chats asks it of each.
pub fn above_rule(text: &str) -> &str {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return text[..at].trim_end();
        }
        at += line.len();
    }
    text.trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_above_the_first_rule_is_compared() {
        assert_eq!(above_rule("a\nb\n\n---\nc\n---\n"), "a\nb");
        assert_eq!(above_rule("a\nb\n"), "a\nb");
        assert_eq!(above_rule("---\na"), "");
        assert_eq!(
            above_rule("note=`---`\n- ---\n  ---\n--- x\n\n---\nb"),
            "note=`---`\n- ---\n  ---\n--- x"
        );
    }

    #[test]
    fn a_card_key_names_its_request_and_nothing_else_does() {
        assert_eq!(parse_key(&key(RequestId(7), 2)), Some((RequestId(7), 2)));
        assert_eq!(parse_key(&PostKey("card:r7:2:targets".to_owned())), None);
        assert_eq!(parse_key(&PostKey("out:r7.1".to_owned())), None);
    }

    #[test]
    fn a_call_names_the_card_that_it_calls_to() {
        for (again, key) in
            [(Again::First, "card:r7:2:call"), (Again::Reminder, "card:r7:2:reminder")]
        {
            assert_eq!(call_key(RequestId(7), 2, again), PostKey(key.to_owned()));
            assert_eq!(parse_call_key(&PostKey(key.to_owned())), Some((RequestId(7), 2)));
        }
        for other in ["card:r7:2", "card:r7:2:targets", "card:call", "out:r7.1"] {
            assert_eq!(parse_call_key(&PostKey(other.to_owned())), None, "{other}");
        }
    }
}
