//! The grammar of chat: from the text of a message to a [`Command`], and back to canonical text.
//!
//! A message holds at most one command. It stands at the start of a line of an ordinary
//! paragraph, after `!` or a mention of Tribune. Quotes, code, headings, lists and links are
//! never commands, so that talking about a command does not give it. Arguments stay text here:
//! their types are for [`super::param`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::SignedDuration;

use super::duration::Length;
use super::evidence::PullRef;
use super::id::{IntentName, ParamName, PersonId, RequestId};
use super::intent::Alias;
use super::pause::Scope;
use super::person::Account;
use super::repo::PolicyRepo;
use super::request::{Mode, Request};

mod alias;
mod ask;
mod drift;
mod error;
mod extract;
mod lex;
mod parse;
mod table;

pub use super::suggest::nearest;
pub use drift::{Drift, DriftError};
pub use error::GrammarError;
pub use table::{COMMANDS, CommandWord};

/// What a person wants of Tribune.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `!help [intent]`, also of a command word.
    Help(Option<Topic>),
    /// `!ping`
    Ping,
    /// `!whoami`
    WhoAmI,
    /// `!whois @p`
    WhoIs(PersonId),
    /// `!intents`
    Intents,
    /// `!run`, `!check`, or an alias of an intent.
    Ask(Ask),
    /// `!approve <id>`
    Approve(RequestId),
    /// `!deny <id> [reason]`
    Deny {
        /// Which request.
        request: RequestId,
        /// Why, as typed.
        reason: Option<String>,
    },
    /// `!cancel <id>`
    Cancel(RequestId),
    /// `!again <id>`
    Again(RequestId),
    /// `!status [id]`
    Status(Option<RequestId>),
    /// `!requests [mine|open]`
    Requests(Listing),
    /// `!output <id>`
    Output(RequestId),
    /// `!why <id>`
    Why(RequestId),
    /// `!why @p <intent> …`: what would happen if that person asked.
    WhyIf {
        /// Who would ask.
        person: PersonId,
        /// For what; the mode is always [`Mode::Run`].
        ask: Ask,
    },
    /// `!who <id>`
    Who(RequestId),
    /// `!pause <intent|all> <duration> "<reason>"`
    Pause {
        /// What.
        scope: Scope,
        /// For how long.
        length: SignedDuration,
        /// Why.
        reason: String,
    },
    /// `!resume <intent|all>`
    Resume(Scope),
    /// `!reconcile`
    Reconcile,
    /// `!audit [id] [@p] [duration]`
    Audit(AuditQuery),
    /// `!login`
    Login,
    /// `!ban @p "<reason>" <duration|permanent>`
    Ban {
        /// Whom.
        person: PersonId,
        /// Why.
        reason: String,
        /// For how long.
        length: Length,
    },
    /// `!unban @p`
    Unban(PersonId),
    /// `!banlist`
    BanList,
    /// `!drift …`
    Drift(Drift),
}

impl Command {
    /// Says whether it does something, so that it is taken only where requests are. Votes are
    /// not meant: whether they count is another question, asked of where the card stands.
    pub fn acts(&self) -> bool {
        match self {
            Self::Ask(_)
            | Self::Cancel(_)
            | Self::Again(_)
            | Self::Pause { .. }
            | Self::Resume(_)
            | Self::Ban { .. }
            | Self::Unban(_)
            | Self::Reconcile => true,
            Self::Drift(drift) => match drift {
                Drift::Check(_) | Drift::Repair(_) | Drift::Keep(_) | Drift::Ignore { .. } => true,
                Drift::Overview | Drift::OfIntent(_) | Drift::OfIncident(_) => false,
            },
            Self::Help(_)
            | Self::Ping
            | Self::WhoAmI
            | Self::WhoIs(_)
            | Self::Intents
            | Self::Approve(_)
            | Self::Deny { .. }
            | Self::Status(_)
            | Self::Requests(_)
            | Self::Output(_)
            | Self::Why(_)
            | Self::WhyIf { .. }
            | Self::Who(_)
            | Self::Audit(_)
            | Self::Login
            | Self::BanList => false,
        }
    }
}

/// What help is wanted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// An intent.
    Intent(IntentName),
    /// A command.
    Command(&'static CommandWord),
}

/// An intent with arguments on targets, as typed.
///
/// Displays as the canonical command, which parses to the same value again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Run or check.
    pub mode: Mode,
    /// Which intent.
    pub intent: IntentName,
    /// Targets in the order typed: hosts, groups, `local`.
    pub targets: Vec<String>,
    /// Arguments as text.
    pub args: BTreeMap<ParamName, String>,
    /// The pull request it cites.
    pub cites: Option<PullRef>,
}

/// Which requests to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// All of them.
    All,
    /// One's own.
    Mine,
    /// Those that have not ended.
    Open,
}

/// Which part of the audit log to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditQuery {
    /// About this request.
    pub request: Option<RequestId>,
    /// By this person.
    pub person: Option<PersonId>,
    /// Not longer ago than this.
    pub within: Option<SignedDuration>,
}

/// Whom a word mentions, as the platform understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// Somebody in the policy repo.
    Person(PersonId),
    /// An account that is nobody's there, whatever it is called.
    Stranger(Account),
}

/// What the grammar must know of the world to read a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vocabulary {
    /// Every intent with its aliases.
    pub intents: BTreeMap<IntentName, Vec<Alias>>,
    /// Everybody in the policy repo.
    pub people: BTreeSet<PersonId>,
    /// Whom words of the message mention, as the platform understands them (`<@U12>`, `@ada`).
    pub mentions: BTreeMap<String, Mention>,
    /// How Tribune itself is mentioned (`@tribune`), ASCII letters in any case.
    pub bot: Vec<String>,
}

impl Vocabulary {
    /// Returns the vocabulary of a policy repo, with Tribune mentioned as `@tribune`.
    pub fn of(repo: &PolicyRepo) -> Self {
        Self {
            intents: repo
                .intents
                .iter()
                .map(|(name, intent)| (name.clone(), intent.aliases.clone()))
                .collect(),
            people: repo.people.keys().cloned().collect(),
            mentions: BTreeMap::new(),
            bot: vec!["@tribune".to_owned()],
        }
    }
}

/// Reads a message; `None` if it holds no command.
pub fn parse(text: &str, words: &Vocabulary) -> Result<Option<Command>, GrammarError> {
    let mut lines = extract::command_lines(text, words).into_iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if let Some(second) = lines.next() {
        return Err(GrammarError::Several {
            first: error::excerpt(line),
            second: error::excerpt(second),
        });
    }
    parse::parse_line(line, words).map(Some)
}

/// Returns the line of a message that is its command, without its prefix.
pub fn typed<'a>(text: &'a str, words: &Vocabulary) -> Option<&'a str> {
    extract::command_lines(text, words).into_iter().next()
}

/// Reads one command without its prefix, as pull requests and the API name it; a leading `!` is
/// allowed.
pub fn parse_command(text: &str, words: &Vocabulary) -> Result<Command, GrammarError> {
    let text = text.trim();
    parse::parse_line(text.strip_prefix('!').unwrap_or(text), words)
}

impl Ask {
    /// Returns what a request asks for, with every argument it was given or took by default.
    pub fn of(request: &Request) -> Self {
        Self {
            mode: request.mode,
            intent: request.intent.clone(),
            targets: request.asked_targets.clone(),
            args: request
                .args
                .iter()
                .map(|(name, value)| (name.clone(), value.to_string()))
                .collect(),
            cites: request.cites.clone(),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::Run => "run",
            Mode::Check => "check",
        };
        write!(f, "!{mode} {}", self.intent)?;
        for (index, target) in self.targets.iter().enumerate() {
            let on = if index == 0 { " on" } else { "" };
            write!(f, "{on} {}", lex::quote_word(target))?;
        }
        for (name, value) in &self.args {
            write!(f, " {name}={}", lex::quote_value(value))?;
        }
        match &self.cites {
            Some(pull) => write!(f, " pr {pull}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
