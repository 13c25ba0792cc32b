//! What can be wrong with a command, and what to type instead.

use super::table::{self, CommandWord};
use crate::domain::duration::DurationError;
use crate::domain::id::IntentName;

/// The longest command line that is read, in bytes.
pub(super) const LONGEST_LINE: usize = 4_000;

/// The longest reason, in characters.
pub(super) const LONGEST_REASON: usize = 300;

/// Why a message that looks like a command is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrammarError {
    /// No command or alias begins so.
    #[error("there is no command `!{typed}`")]
    UnknownCommand {
        /// The word.
        typed: String,
        /// What to type instead, without `!`.
        nearest: Option<String>,
    },
    /// The command will come.
    #[error("`!{word}` is not there yet")]
    NotYet {
        /// The command.
        word: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// A message holds two commands.
    #[error("this message holds more than one command: `!{first}` and `!{second}`")]
    Several {
        /// The first.
        first: String,
        /// The second.
        second: String,
    },
    /// A character that people cannot see.
    #[error("the command holds the character {code}, which people cannot see")]
    Invisible {
        /// Its number, `U+202E`.
        code: String,
    },
    /// The line is too long.
    #[error("the command is {length} bytes long")]
    TooLong {
        /// How long it is.
        length: usize,
    },
    /// A quote is never closed.
    #[error("the quote that begins at `{typed}` is never closed")]
    UnclosedQuote {
        /// The text from the quote on.
        typed: String,
    },
    /// Something follows a closing quote at once.
    #[error("`{rest}` stands right behind the closing quote of `{value}`")]
    AfterQuote {
        /// What is quoted.
        value: String,
        /// What follows.
        rest: String,
    },
    /// An equals sign with nothing before it.
    #[error("`{typed}` has no name before the `=`")]
    MissingKey {
        /// The word.
        typed: String,
    },
    /// What stands before an equals sign is no parameter name.
    #[error("`{typed}` cannot be the name of an argument")]
    BadKey {
        /// The name.
        typed: String,
    },
    /// An equals sign with nothing after it.
    #[error("`{key}=` has no value")]
    MissingValue {
        /// The name.
        key: String,
    },
    /// An argument is given twice.
    #[error("`{key}` is given twice")]
    DuplicateArgument {
        /// The name.
        key: String,
    },
    /// A word that the command has no place for.
    #[error("`{word}` is out of place in `!{}`", command.word)]
    UnexpectedWord {
        /// The word.
        word: String,
        /// The command.
        command: &'static CommandWord,
    },
    /// A bare word behind the name of an intent.
    #[error("`{word}` is neither a target nor an argument of {intent}")]
    LooseWord {
        /// The word.
        word: String,
        /// The intent.
        intent: IntentName,
    },
    /// No intent is named.
    #[error("`!{}` does not say which intent", command.word)]
    MissingIntent {
        /// The command.
        command: &'static CommandWord,
    },
    /// No intent has this name.
    #[error("there is no intent `{typed}`")]
    UnknownIntent {
        /// The name.
        typed: String,
        /// The one that may be meant.
        nearest: Option<IntentName>,
    },
    /// Help on something that is neither intent nor command.
    #[error("there is no intent or command `{typed}`")]
    UnknownTopic {
        /// The word.
        typed: String,
        /// What may be meant.
        nearest: Option<String>,
    },
    /// Two aliases fit.
    #[error("`!{typed}` could mean {first} or {second}")]
    AmbiguousAlias {
        /// What was typed.
        typed: String,
        /// One intent.
        first: IntentName,
        /// Another.
        second: IntentName,
    },
    /// `on` with nothing after it.
    #[error("no target follows `on`")]
    MissingTarget,
    /// Not the name of a target.
    #[error("`{typed}` cannot be the name of a target")]
    BadTarget {
        /// The name.
        typed: String,
    },
    /// A target is named twice.
    #[error("the target `{typed}` is named twice")]
    DuplicateTarget {
        /// The name.
        typed: String,
    },
    /// `pr` with nothing after it.
    #[error("no pull request follows `pr`")]
    MissingPull,
    /// Not a pull request.
    #[error("`{typed}` is not a pull request")]
    BadPull {
        /// The word.
        typed: String,
    },
    /// Two pull requests.
    #[error("more than one pull request is cited")]
    DuplicatePull,
    /// No request is named.
    #[error("`!{}` does not say which request", command.word)]
    MissingRequest {
        /// The command.
        command: &'static CommandWord,
    },
    /// Not the number of a request.
    #[error("`{typed}` is not the number of a request")]
    BadRequest {
        /// The word.
        typed: String,
        /// The command.
        command: &'static CommandWord,
    },
    /// No person is named.
    #[error("`!{}` does not say who", command.word)]
    MissingPerson {
        /// The command.
        command: &'static CommandWord,
    },
    /// Not a mention.
    #[error("`{typed}` does not name a person")]
    BadPerson {
        /// The word.
        typed: String,
        /// The command.
        command: &'static CommandWord,
    },
    /// Nobody is called so.
    #[error("nobody in the policy repo is called `@{typed}`")]
    UnknownPerson {
        /// The name.
        typed: String,
        /// Who may be meant.
        nearest: Option<String>,
    },
    /// A mention of a chat account that is nobody's in the policy repo.
    #[error("nobody in the policy repo has the account `{account}`, which `{typed}` mentions")]
    UnknownAccount {
        /// The word.
        typed: String,
        /// The account.
        account: String,
    },
    /// Something about drift.
    #[error(transparent)]
    Drift(#[from] super::drift::DriftError),
    /// What should say how long does not.
    #[error("{error}")]
    BadDuration {
        /// Why it cannot be read.
        error: DurationError,
        /// The command.
        command: &'static CommandWord,
    },
    /// No reason is given.
    #[error("`!{}` does not say why", command.word)]
    MissingReason {
        /// The command.
        command: &'static CommandWord,
    },
    /// The reason is too long.
    #[error("the reason is {length} characters long")]
    LongReason {
        /// How long it is.
        length: usize,
    },
}

impl GrammarError {
    /// Returns what to type instead, in Markdown.
    pub fn hint(&self) -> String {
        let like = |command: &CommandWord| match command.word == command.usage {
            true => format!("type `!{}` alone", command.word),
            false => format!("type `!{}`, such as `{}`", command.usage, command.example),
        };
        match self {
            Self::UnknownCommand { nearest: Some(nearest), .. } => {
                format!("did you mean `!{nearest}`? `!help` lists what you may do")
            }
            Self::UnknownCommand { nearest: None, .. } => "`!help` lists what you may do".into(),
            Self::NotYet { instead, .. } => (*instead).into(),
            Self::Several { first, .. } => {
                format!("send one command per message, such as `!{first}` alone")
            }
            Self::Invisible { .. } => "type the command by hand instead of pasting it".into(),
            Self::TooLong { .. } => {
                format!("a command is at most {LONGEST_LINE} bytes, such as {}", run_example())
            }
            Self::UnclosedQuote { .. } | Self::AfterQuote { .. } => {
                "put the quotes around the whole value, such as `note=\"two words\"`; inside them, \
                 write a quote as `\\\"`"
                    .into()
            }
            Self::MissingKey { .. } => {
                "write arguments as `key=value` without spaces around `=`, such as `service=nginx`"
                    .into()
            }
            Self::BadKey { .. } => {
                "names of arguments are `a-z`, `0-9` and `_`, such as `service=nginx`".into()
            }
            Self::MissingValue { key } => {
                format!("write `{key}=value` without spaces, or `{key}=\"\"` if it is to be empty")
            }
            Self::DuplicateArgument { key } => format!("give `{key}` once, such as `{key}=value`"),
            Self::BadPerson { command, .. } if command.word.ends_with("ban") => format!(
                "{}; a service is banned by a file of `inventory/bans/`, and stops at once when \
                 its owner is banned",
                like(command)
            ),
            Self::UnexpectedWord { command, .. }
            | Self::BadRequest { command, .. }
            | Self::BadPerson { command, .. }
            | Self::BadDuration { command, .. }
            | Self::MissingReason { command }
            | Self::MissingPerson { command } => like(command),
            Self::MissingRequest { command } => {
                format!("{}; `!requests` lists them", like(command))
            }
            Self::LooseWord { word, intent } => format!(
                "targets follow `on` and arguments are `key=value`: `!run {intent} on {word}` or \
                 `!help {intent}`"
            ),
            Self::MissingIntent { command } => {
                format!("{}; `!intents` lists them", like(command))
            }
            Self::UnknownIntent { nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`? `!help {nearest}` shows how it is typed")
            }
            Self::UnknownIntent { nearest: None, .. } => "`!intents` lists all of them".into(),
            Self::UnknownTopic { nearest: Some(nearest), .. } => {
                format!("did you mean `!help {nearest}`?")
            }
            Self::UnknownTopic { nearest: None, .. } => {
                "`!help` lists what you may do, `!intents` lists all intents".into()
            }
            Self::AmbiguousAlias { first, second, .. } => {
                format!("say which one: `!run {first} …` or `!run {second} …`")
            }
            Self::MissingTarget | Self::BadTarget { .. } => {
                format!("name hosts or groups after `on`, such as {}", run_example())
            }
            Self::DuplicateTarget { typed } => format!("name it once: `on {typed}`"),
            Self::MissingPull | Self::BadPull { .. } => {
                "cite a pull request by its number, such as `pr 12`, or `pr owner/repo#12` of \
                 another repository"
                    .into()
            }
            Self::DuplicatePull => "a request cites one pull request, such as `pr 12`".into(),
            Self::UnknownPerson { nearest: Some(nearest), .. } => {
                format!("did you mean `@{nearest}`?")
            }
            Self::UnknownPerson { nearest: None, .. } => {
                "people are the files of `inventory/people/`; write them as `@ada`".into()
            }
            Self::UnknownAccount { .. } => {
                "mention an account that a file of `inventory/people/` names".into()
            }
            Self::Drift(error) => error.hint(),
            Self::LongReason { .. } => format!(
                "a reason is at most {LONGEST_REASON} characters, such as `!deny r42 not today`"
            ),
        }
    }
}

fn run_example() -> String {
    table::find("run").map(|run| format!("`{}`", run.example)).unwrap_or_default()
}

/// Returns the beginning of what was typed, on one line and fit for a message.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut short: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if super::super::invisible::is_invisible(c) { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}
