//! Aliases: other ways to type an intent.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::decode::Placed;
use super::super::super::raw::intent::RawIntent;
use super::super::super::report::Report;
use super::super::values::Checked;
use super::command::say_hole;
use crate::domain::command::COMMANDS;
use crate::domain::diagnostic::Code;
use crate::domain::id::{ParamName, RepoPath};
use crate::domain::intent::{Alias, AliasWord};
use crate::domain::param::Param;

/// Checks the aliases of one intent.
pub fn check(
    file: &mut Checked<'_>,
    raw: &RawIntent,
    params: &BTreeMap<ParamName, Param>,
) -> Vec<Alias> {
    raw.aliases.iter().filter_map(|text| one(file, text, raw, params)).collect()
}

fn one(
    file: &mut Checked<'_>,
    text: &Placed<String>,
    raw: &RawIntent,
    params: &BTreeMap<ParamName, Param>,
) -> Option<Alias> {
    let alias = match Alias::parse(&text.value) {
        Ok(alias) => alias,
        Err(error) => {
            say_hole(file, text.at, &error);
            return None;
        }
    };
    match alias.0.first() {
        Some(AliasWord::Literal(word)) => {
            if COMMANDS.iter().any(|command| command.word.eq_ignore_ascii_case(word)) {
                let message = format!("`{word}` is a command of Tribune");
                file.say(text.at, Code::AliasShadowsCommand, message);
            }
        }
        Some(AliasWord::Param(_) | AliasWord::Target) | None => {
            file.say(text.at, Code::AliasStart, "an alias begins with a word, not with a hole");
        }
    }
    let mut seen = BTreeSet::new();
    for word in &alias.0 {
        let hole = match word {
            AliasWord::Literal(_) => continue,
            AliasWord::Target => "target",
            AliasWord::Param(name) => name.as_str(),
        };
        if !seen.insert(hole) {
            let message = format!("the hole `{{{hole}}}` stands twice");
            file.say(text.at, Code::AliasHole, message);
        }
        if hole != "target" && !raw.params.contains_key(hole) {
            let known = params.keys().map(ParamName::as_str);
            file.unknown(text.at, Code::UnknownParam, ("parameter", hole), known);
        }
    }
    Some(alias)
}

/// Tells aliases between which a message could not decide.
pub fn check_ambiguous(report: &mut Report, intents: &[(&RepoPath, &RawIntent)]) {
    let mut seen: Vec<(Alias, &str, &RepoPath)> = Vec::new();
    for (path, intent) in intents {
        for text in &intent.aliases {
            let Ok(alias) = Alias::parse(&text.value) else { continue };
            if let Some((_, other, place)) = seen.iter().find(|(known, ..)| rival(known, &alias)) {
                let message = format!("a message could mean this or `{other}` of {place}");
                report.say(path, text.at, Code::AliasAmbiguous, message);
            }
            seen.push((alias, &text.value, path));
        }
    }
}

/// Says whether one message can fit both, and neither fits better: as many words, as many of
/// them literal.
fn rival(one: &Alias, other: &Alias) -> bool {
    let literals =
        |alias: &Alias| alias.0.iter().filter(|word| matches!(word, AliasWord::Literal(_))).count();
    one.0.len() == other.0.len()
        && literals(one) == literals(other)
        && one.0.iter().zip(&other.0).all(|pair| match pair {
            (AliasWord::Literal(one), AliasWord::Literal(other)) => one.eq_ignore_ascii_case(other),
            _ => true,
        })
}
