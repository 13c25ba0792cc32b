//! Intents by another name: `restart nginx on web1` for `run restart-service …`.

use super::ask::{Targets, tail};
use super::error::{GrammarError, excerpt};
use super::lex::{Word, Words};
use super::{Ask, Vocabulary};
use crate::domain::id::IntentName;
use crate::domain::intent::{Alias, AliasWord};
use crate::domain::request::Mode;

/// Reads a line that may be an alias; `None` if none fits.
///
/// The alias with the most words wins, then the one with the most literal words.
pub(super) fn ask(
    first: &str,
    line: &str,
    vocabulary: &Vocabulary,
) -> Result<Option<Ask>, GrammarError> {
    if !first_words(vocabulary).any(|word| word.eq_ignore_ascii_case(first)) {
        return Ok(None);
    }
    let words = Words::new(line).all()?;
    let mut fitting: Vec<(&IntentName, &Alias)> = vocabulary
        .intents
        .iter()
        .flat_map(|(name, aliases)| aliases.iter().map(move |alias| (name, alias)))
        .filter(|(_, alias)| fits(alias, &words))
        .collect();
    fitting.sort_by_key(|(_, alias)| std::cmp::Reverse(rank(alias)));
    let Some((intent, alias)) = fitting.first() else { return Ok(None) };
    let rival =
        fitting.iter().find(|(other, second)| other != intent && rank(second) == rank(alias));
    if let Some((second, _)) = rival {
        return Err(GrammarError::AmbiguousAlias {
            typed: excerpt(line),
            first: (*intent).clone(),
            second: (*second).clone(),
        });
    }
    fill(intent, alias, words).map(Some)
}

/// Returns the words by which aliases begin.
pub(super) fn first_words(vocabulary: &Vocabulary) -> impl Iterator<Item = &str> {
    vocabulary.intents.values().flatten().filter_map(|alias| match alias.0.first() {
        Some(AliasWord::Literal(word)) => Some(word.as_str()),
        Some(AliasWord::Param(_) | AliasWord::Target) | None => None,
    })
}

fn rank(alias: &Alias) -> (usize, usize) {
    let literal = |word: &&AliasWord| matches!(word, AliasWord::Literal(_));
    (alias.0.len(), alias.0.iter().filter(literal).count())
}

fn fits(alias: &Alias, words: &[Word]) -> bool {
    alias.0.len() <= words.len()
        && alias.0.iter().zip(words).all(|(wanted, word)| match (wanted, word) {
            (AliasWord::Literal(wanted), Word::Bare(word)) => wanted.eq_ignore_ascii_case(word),
            (AliasWord::Literal(_), Word::Quoted(_)) | (_, Word::Pair(..)) => false,
            (AliasWord::Param(_) | AliasWord::Target, Word::Bare(_) | Word::Quoted(_)) => true,
        })
}

fn fill(intent: &IntentName, alias: &Alias, mut words: Vec<Word>) -> Result<Ask, GrammarError> {
    let mut ask = Ask::bare(Mode::Run, intent.clone());
    let rest = words.split_off(alias.0.len());
    for (wanted, word) in alias.0.iter().zip(words) {
        let (Word::Bare(word) | Word::Quoted(word)) = word else { continue };
        match wanted {
            AliasWord::Literal(_) => {}
            AliasWord::Param(name) => ask.add_arg(name.clone(), word)?,
            AliasWord::Target => ask.add_target(&word)?,
        }
    }
    let targets = match alias.0.last() {
        Some(AliasWord::Target) => Targets::Open,
        Some(AliasWord::Literal(_) | AliasWord::Param(_)) | None => Targets::Closed,
    };
    tail(&mut ask, rest, targets)?;
    Ok(ask)
}
