//! Holes in command lines, environments and aliases: `{param}` and `{target}`.
//!
//! `{{` and `}}` are braces themselves. [`super::run`] fills the holes.

use std::fmt;

use super::id::{IdError, ParamName, RepoPath};
use super::intent::{Alias, AliasWord, ArgvPart, ArgvWord};

/// The hole that is the target.
pub const TARGET: &str = "target";

/// Folders of the policy repo; a word that begins with one of them is a path in it.
pub const FOLDERS: [&str; 4] = ["policies", "intents", "inventory", "playbooks"];

/// Why a text with holes cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoleError {
    /// A `{` without its `}`.
    #[error("`{{` begins a hole that does not end")]
    Open,
    /// A `}` without its `{`.
    #[error("`}}` ends no hole")]
    Close,
    /// A hole with a name that no parameter can have.
    #[error("{0}")]
    Name(#[from] IdError),
    /// A hole of an alias that is not a word of its own.
    #[error("the hole `{0}` is not a word of its own")]
    NotAWord(String),
}

impl ArgvWord {
    /// Parses a word: literal text and holes.
    pub fn parse(text: &str) -> Result<Self, HoleError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.next_if_eq(&c).is_some() => literal.push(c),
                '}' => return Err(HoleError::Close),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some('{') | None => return Err(HoleError::Open),
                            Some(c) => name.push(c),
                        }
                    }
                    if !literal.is_empty() {
                        parts.push(ArgvPart::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(hole(&name)?);
                }
                c => literal.push(c),
            }
        }
        if !literal.is_empty() || parts.is_empty() {
            parts.push(ArgvPart::Literal(literal));
        }
        Ok(Self(parts))
    }

    /// Returns the text, if there is no hole in it.
    pub fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [ArgvPart::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns the literal text that the word begins with.
    pub fn prefix(&self) -> &str {
        match self.0.first() {
            Some(ArgvPart::Literal(text)) => text,
            _ => "",
        }
    }

    /// Returns the parameters that it names.
    pub fn params(&self) -> impl Iterator<Item = &ParamName> {
        self.0.iter().filter_map(|part| match part {
            ArgvPart::Param(name) => Some(name),
            ArgvPart::Literal(_) | ArgvPart::Target => None,
        })
    }

    /// Says whether it names the target.
    pub fn names_target(&self) -> bool {
        self.0.contains(&ArgvPart::Target)
    }

    /// Returns the path in the policy repo that it is, if it is one and has no hole.
    pub fn repo_path(&self) -> Option<RepoPath> {
        self.literal().filter(|text| is_repo_path(text)).and_then(|text| text.parse().ok())
    }
}

/// Says whether a word means a path in the policy repo.
pub fn is_repo_path(word: &str) -> bool {
    word.split_once('/').is_some_and(|(folder, rest)| FOLDERS.contains(&folder) && !rest.is_empty())
}

fn hole(name: &str) -> Result<ArgvPart, HoleError> {
    match name {
        TARGET => Ok(ArgvPart::Target),
        name => Ok(ArgvPart::Param(name.parse()?)),
    }
}

impl fmt::Display for ArgvWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            ArgvPart::Literal(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            ArgvPart::Param(name) => write!(f, "{{{name}}}"),
            ArgvPart::Target => f.write_str("{target}"),
        })
    }
}

impl Alias {
    /// Parses an alias: words, each either literal or one hole.
    pub fn parse(text: &str) -> Result<Self, HoleError> {
        text.split_whitespace()
            .map(|word| match ArgvWord::parse(word)?.0.as_slice() {
                [ArgvPart::Literal(text)] => Ok(AliasWord::Literal(text.clone())),
                [ArgvPart::Param(name)] => Ok(AliasWord::Param(name.clone())),
                [ArgvPart::Target] => Ok(AliasWord::Target),
                _ => Err(HoleError::NotAWord(word.to_owned())),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            match word {
                AliasWord::Literal(text) => {
                    f.write_str(&text.replace('{', "{{").replace('}', "}}"))?;
                }
                AliasWord::Param(name) => write!(f, "{{{name}}}")?,
                AliasWord::Target => f.write_str("{target}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> String {
        ArgvWord::parse(text).expect_err("it is refused").to_string()
    }

    #[test]
    fn a_word_is_taken_apart() {
        let word = ArgvWord::parse("--unit={service}.{{x}}@{target}").unwrap();
        assert_eq!(word.prefix(), "--unit=");
        assert_eq!(word.params().map(ParamName::as_str).collect::<Vec<_>>(), ["service"]);
        assert!(word.names_target() && word.literal().is_none());
        assert_eq!(
            ArgvWord::parse("playbooks/a.sh").unwrap().repo_path(),
            "playbooks/a.sh".parse().ok()
        );
        assert_eq!(ArgvWord::parse("/bin/sh").unwrap().repo_path(), None);
    }

    #[test]
    fn broken_holes_are_told() {
        assert_eq!(refused("a{b"), "`{` begins a hole that does not end");
        assert_eq!(refused("a}b"), "`}` ends no hole");
        assert!(refused("{Bad Name}").contains("is not a valid parameter name"));
        assert_eq!(
            Alias::parse("x-{target}").unwrap_err().to_string(),
            "the hole `x-{target}` is not a word of its own"
        );
    }

    proptest! {
        #[test]
        fn words_print_as_they_were_written(text in "[a-z{}\\- ]{0,12}") {
            if let Ok(word) = ArgvWord::parse(&text) {
                prop_assert_eq!(word.to_string(), text);
            }
        }
    }
}
