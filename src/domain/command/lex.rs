//! Words of a command line, with quotes.
//!
//! Words are parted by white space. A quote counts only at the start of a word or right after
//! its first `=`, so that `it's` and `5"` are plain words. In double quotes `\"` and `\\` are
//! escapes; everything else stands for itself. Quotes that phones make curly work like straight ones.

use super::error::{GrammarError, excerpt};
use crate::domain::id::ParamName;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// Typed without quotes and without `=`.
    Bare(String),
    /// Typed in quotes: never a keyword.
    Quoted(String),
    /// `key=value`; the value's quotes are gone.
    Pair(ParamName, String),
}

impl Word {
    /// Returns the word as people would recognise it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Bare(text) | Self::Quoted(text) => excerpt(text),
            Self::Pair(name, value) => excerpt(&format!("{name}={value}")),
        }
    }
}

/// Reads a line word by word; what is not read yet stays raw.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self { rest: line.trim() }
    }

    /// Returns what is not read yet, trimmed, as it was typed.
    pub(super) fn rest(&self) -> &'a str {
        self.rest.trim()
    }

    /// Returns the next word.
    pub(super) fn next(&mut self) -> Result<Option<Word>, GrammarError> {
        let text = self.rest.trim_start();
        let Some(first) = text.chars().next() else { return Ok(None) };
        if is_quote(first) {
            let (value, rest) = quoted(text)?;
            self.rest = rest;
            return Ok(Some(Word::Quoted(value)));
        }
        let end = text.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(text.len());
        let (key, tail) = text.split_at(end);
        let Some(tail) = tail.strip_prefix('=') else {
            self.rest = tail;
            return Ok(Some(Word::Bare(key.to_owned())));
        };
        if key.is_empty() {
            return Err(GrammarError::MissingKey { typed: excerpt(first_word(text)) });
        }
        let name = key.parse().map_err(|_| GrammarError::BadKey { typed: excerpt(key) })?;
        let (value, rest) = if tail.starts_with(is_quote) {
            quoted(tail)?
        } else {
            let value = first_word(tail);
            if value.is_empty() {
                return Err(GrammarError::MissingValue { key: key.to_owned() });
            }
            (value.to_owned(), &tail[value.len()..])
        };
        self.rest = rest;
        Ok(Some(Word::Pair(name, value)))
    }

    /// Returns all words that are left.
    pub(super) fn all(mut self) -> Result<Vec<Word>, GrammarError> {
        let mut words = Vec::new();
        while let Some(word) = self.next()? {
            words.push(word);
        }
        Ok(words)
    }
}

/// Returns `text` up to its first white space.
fn first_word(text: &str) -> &str {
    text.split(char::is_whitespace).next().unwrap_or(text)
}

fn is_quote(c: char) -> bool {
    closers(c).is_some()
}

/// Returns what may close a quote that `opener` opens.
fn closers(opener: char) -> Option<&'static [char]> {
    match opener {
        '"' => Some(&['"']),
        '\'' => Some(&['\'']),
        '“' | '”' | '„' | '‟' | '«' | '»' => Some(&['”', '“', '»', '«', '"']),
        '‘' | '’' | '‚' | '‛' => Some(&['’', '‘', '\'']),
        _ => None,
    }
}

/// Reads the quoted text that begins `text`; returns its content and what follows the quote.
fn quoted(text: &str) -> Result<(String, &str), GrammarError> {
    let opener = text.chars().next().unwrap_or_default();
    let closers = closers(opener).unwrap_or_default();
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if closers.contains(&c) {
            let rest = &text[at + c.len_utf8()..];
            return match rest.chars().next() {
                Some(next) if !next.is_whitespace() => Err(GrammarError::AfterQuote {
                    value: excerpt(&value),
                    rest: excerpt(first_word(rest)),
                }),
                _ => Ok((value, rest)),
            };
        }
        let escaped = match chars.peek() {
            Some((_, next)) if opener == '"' && c == '\\' && matches!(next, '"' | '\\') => {
                chars.next()
            }
            _ => None,
        };
        value.push(escaped.map_or(c, |(_, escaped)| escaped));
    }
    Err(GrammarError::UnclosedQuote { typed: excerpt(text) })
}

/// Writes a value so that it reads back the same.
pub(super) fn quote_value(value: &str) -> String {
    let plain =
        !value.is_empty() && !value.starts_with(is_quote) && !value.contains(char::is_whitespace);
    if plain { value.to_owned() } else { quote(value) }
}

/// Writes a target so that it reads back the same, also if it looks like a keyword.
pub(super) fn quote_word(word: &str) -> String {
    let plain = !matches!(word, "on" | "pr");
    if plain { quote_value(word) } else { quote(word) }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Vec<String>, GrammarError> {
        Ok(Words::new(line).all()?.iter().map(Word::shown).collect())
    }

    #[test]
    fn quotes_hold_words_together_and_apostrophes_do_not_open_them() {
        for (line, expected) in [
            ("a  b\tc", vec!["a", "b", "c"]),
            ("m=\"two words\" it's 5\"", vec!["m=two words", "it's", "5\""]),
            (r#"m="say \"hi\" \n \\""#, vec![r#"m=say "hi" \n \"#]),
            ("m=“curly” n=‘one’ o=„low“", vec!["m=curly", "n=one", "o=low"]),
            (r"m='\' x=a=b", vec![r"m=\", "x=a=b"]),
            ("m=\"\"", vec!["m="]),
        ] {
            assert_eq!(words(line).expect(line), expected, "{line}");
        }
    }

    #[test]
    fn each_slip_with_quotes_and_equals_signs_has_its_own_error() {
        assert!(matches!(words("m=\"open"), Err(GrammarError::UnclosedQuote { .. })));
        assert!(matches!(words("m=\"a\"b"), Err(GrammarError::AfterQuote { .. })));
        assert!(matches!(words("m= x"), Err(GrammarError::MissingValue { .. })));
        assert!(matches!(words("m = x"), Err(GrammarError::MissingKey { .. })));
        assert!(matches!(words("Größe=3"), Err(GrammarError::BadKey { .. })));
    }
}
