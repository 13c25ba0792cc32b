//! What follows `run` and `check`: intent, targets, arguments, pull request.

use std::collections::BTreeMap;

use super::error::{GrammarError, excerpt};
use super::lex::{Word, Words};
use super::nearest;
use super::table::CommandWord;
use super::{Ask, Vocabulary};
use crate::domain::evidence::PullRef;
use crate::domain::id::{IntentName, ParamName, TargetName};
use crate::domain::request::Mode;

impl Ask {
    /// Returns a request for `intent` with nothing else said.
    pub(super) fn bare(mode: Mode, intent: IntentName) -> Self {
        Self { mode, intent, targets: Vec::new(), args: BTreeMap::new(), cites: None }
    }

    pub(super) fn add_arg(&mut self, name: ParamName, value: String) -> Result<(), GrammarError> {
        match self.args.insert(name.clone(), value) {
            Some(_) => Err(GrammarError::DuplicateArgument { key: name.to_string() }),
            None => Ok(()),
        }
    }

    pub(super) fn add_target(&mut self, typed: &str) -> Result<(), GrammarError> {
        if typed.parse::<TargetName>().is_err() {
            return Err(GrammarError::BadTarget { typed: excerpt(typed) });
        }
        if self.targets.iter().any(|target| target == typed) {
            return Err(GrammarError::DuplicateTarget { typed: excerpt(typed) });
        }
        self.targets.push(typed.to_owned());
        Ok(())
    }
}

/// Reads `<intent> [on <target>…] [key=value …] [pr <ref>]`.
pub(super) fn ask(
    mode: Mode,
    command: &'static CommandWord,
    mut words: Words<'_>,
    vocabulary: &Vocabulary,
) -> Result<Ask, GrammarError> {
    let intent = match words.next()? {
        Some(Word::Bare(typed)) => known_intent(&typed, vocabulary)?,
        Some(Word::Quoted(_) | Word::Pair(..)) | None => {
            return Err(GrammarError::MissingIntent { command });
        }
    };
    let mut ask = Ask::bare(mode, intent);
    tail(&mut ask, words.all()?, Targets::Closed)?;
    Ok(ask)
}

/// Whether bare words are targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Targets {
    /// They are: `on` came before.
    Open,
    /// They are not.
    Closed,
}

/// Reads what follows the intent.
pub(super) fn tail(
    ask: &mut Ask,
    words: Vec<Word>,
    mut targets: Targets,
) -> Result<(), GrammarError> {
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        match word {
            Word::Pair(name, value) => {
                targets = Targets::Closed;
                ask.add_arg(name, value)?;
            }
            Word::Bare(word) if word == "on" => {
                targets = Targets::Open;
                if !words.peek().is_some_and(is_target) {
                    return Err(GrammarError::MissingTarget);
                }
            }
            Word::Bare(word) if word == "pr" => {
                targets = Targets::Closed;
                let pull = pull(words.next())?;
                if ask.cites.replace(pull).is_some() {
                    return Err(GrammarError::DuplicatePull);
                }
            }
            Word::Bare(word) if targets == Targets::Open => add_listed(ask, &word)?,
            Word::Quoted(word) if targets == Targets::Open => ask.add_target(&word)?,
            Word::Bare(_) | Word::Quoted(_) => {
                let (word, intent) = (word.shown(), ask.intent.clone());
                return Err(GrammarError::LooseWord { word, intent });
            }
        }
    }
    Ok(())
}

fn is_target(word: &Word) -> bool {
    match word {
        Word::Bare(word) => !matches!(word.as_str(), "on" | "pr"),
        Word::Quoted(_) => true,
        Word::Pair(..) => false,
    }
}

/// Adds `web1` or each of `web1,web2`.
fn add_listed(ask: &mut Ask, word: &str) -> Result<(), GrammarError> {
    let mut names = word.split(',').filter(|name| !name.is_empty()).peekable();
    if names.peek().is_none() {
        return Err(GrammarError::BadTarget { typed: excerpt(word) });
    }
    names.try_for_each(|name| ask.add_target(name))
}

/// Returns the intent of that name.
pub(super) fn known_intent(
    typed: &str,
    vocabulary: &Vocabulary,
) -> Result<IntentName, GrammarError> {
    let name = typed.parse::<IntentName>().ok();
    name.filter(|name| vocabulary.intents.contains_key(name)).ok_or_else(|| {
        let known = vocabulary.intents.keys().map(IntentName::as_str);
        GrammarError::UnknownIntent {
            typed: excerpt(typed),
            nearest: nearest(typed, known).and_then(|name| name.parse().ok()),
        }
    })
}

/// Reads `12`, `#12` or `owner/repo#12`.
fn pull(word: Option<Word>) -> Result<PullRef, GrammarError> {
    let typed = match word {
        Some(Word::Bare(typed) | Word::Quoted(typed)) => typed,
        Some(Word::Pair(..)) | None => return Err(GrammarError::MissingPull),
    };
    let (repo, number) = typed.split_once('#').unwrap_or(("", &typed));
    let number = Some(number)
        .filter(|number| number.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|number| number.parse().ok())
        .filter(|number| *number > 0);
    match number {
        Some(number) if repo.is_empty() || is_repo(repo) => {
            Ok(PullRef { repo: repo.to_owned(), number })
        }
        _ => Err(GrammarError::BadPull { typed: excerpt(&typed) }),
    }
}

fn is_repo(text: &str) -> bool {
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    text.len() <= 200 && text.contains('/') && text.split('/').all(is_part)
}
