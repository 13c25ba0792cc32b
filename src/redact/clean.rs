//! Raw output in pieces of any size to clean, redacted text.
//!
//! The text depends on the bytes alone, never on where pieces end. It is given out line by line:
//! only a whole line can be collapsed (a progress bar rewrites its line after each carriage
//! return, of which the last state stays) and searched. A line longer than a bound is given out
//! in parts, with enough held back that no secret is cut in two.

use std::sync::Arc;

use super::spans::{self, Found};
use super::{Lines, Redactor};
use crate::domain::invisible::is_invisible;

/// Held back of a long line, unless a secret is longer; longer than any token but keys.
const HOLD: usize = 8 * 1024;

/// Given out of a long line at a time, at least.
const PART: usize = 56 * 1024;

/// How far back from the end of a part a space is looked for, so as to cut between words.
const WORD: usize = 4 * 1024;

/// Cleans one stream of output.
#[derive(Debug)]
pub struct Cleaner {
    redactor: Arc<Redactor>,
    /// The beginning of a character whose end has not come yet.
    undecoded: Vec<u8>,
    escape: Escape,
    pub(super) line: String,
    /// Whether a carriage return came last: what follows replaces the line.
    returned: bool,
    /// How many bytes of `line` are secret and already told of, because a part ended in them.
    covered: usize,
    /// Whether what was told of goes on up to the next space.
    open: bool,
    lines: Lines,
}

impl Cleaner {
    /// Begins a stream.
    pub fn new(redactor: Arc<Redactor>) -> Self {
        Self {
            redactor,
            undecoded: Vec::new(),
            escape: Escape::default(),
            line: String::new(),
            returned: false,
            covered: 0,
            open: false,
            lines: Lines::default(),
        }
    }

    /// Takes the next piece; returns the clean text of the lines it completes.
    pub fn push(&mut self, piece: &[u8]) -> String {
        let mut clean = String::new();
        let mut bytes = std::mem::take(&mut self.undecoded);
        let all = if bytes.is_empty() {
            piece
        } else {
            bytes.extend_from_slice(piece);
            &bytes
        };
        let mut chunks = all.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            chunk.valid().chars().for_each(|c| self.take(c, &mut clean));
            let invalid = chunk.invalid();
            let unfinished = chunks.peek().is_none()
                && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if unfinished {
                self.undecoded = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.take(char::REPLACEMENT_CHARACTER, &mut clean);
            }
        }
        clean
    }

    /// Ends the stream; returns the clean text of its last line, if that had no end.
    pub fn finish(mut self) -> String {
        let mut clean = String::new();
        if !self.undecoded.is_empty() {
            self.take(char::REPLACEMENT_CHARACTER, &mut clean);
        }
        if !self.line.is_empty() {
            self.end_line("", &mut clean);
        }
        clean
    }

    fn take(&mut self, c: char, clean: &mut String) {
        if c == '\n' {
            self.escape = Escape::default();
            return self.end_line("\n", clean);
        }
        if !self.escape.shows(c) {
            return;
        }
        if c == '\r' {
            self.returned = true;
            return;
        }
        if c != '\t' && is_invisible(c) {
            return;
        }
        if std::mem::take(&mut self.returned) {
            self.line.clear();
            (self.covered, self.open) = (0, false);
        }
        self.line.push(c);
        self.open &= !c.is_whitespace();
        if self.open {
            self.covered = self.line.len();
        }
        if self.line.len() >= 2 * self.hold() + PART {
            self.give_part(clean);
        }
    }

    fn hold(&self) -> usize {
        HOLD.max(self.redactor.longest)
    }

    fn end_line(&mut self, end: &str, clean: &mut String) {
        let found = found(&self.redactor, &self.line, self.covered);
        self.lines.push(&self.line, &found, end, clean);
        self.line.clear();
        (self.covered, self.open, self.returned) = (0, false, false);
    }

    /// Gives out the line but what is held back. Whatever begins before the cut is known whole,
    /// since more is held back than any secret is long; what goes on behind it is remembered.
    fn give_part(&mut self, clean: &mut String) {
        let latest = self.line.floor_char_boundary(self.line.len() - self.hold());
        let earliest = self.line.floor_char_boundary(latest - WORD);
        let cut = self.line[earliest..latest]
            .rfind(char::is_whitespace)
            .map_or(latest, |space| earliest + space);
        let mut found = found(&self.redactor, &self.line, self.covered);
        found.retain(|one| one.range.start < cut);
        let end = found.last().map_or(cut, |one| one.range.end).max(cut);
        if let Some(last) = found.last_mut() {
            last.range.end = last.range.end.min(cut);
        }
        spans::write(&self.line[..cut], &found, clean);
        (self.covered, self.open) = (end - cut, end == self.line.len());
        self.line.drain(..cut);
    }
}

/// Returns what is secret in a line, without a name for its first `covered` bytes.
fn found<'a>(redactor: &'a Redactor, line: &str, covered: usize) -> Vec<Found<'a>> {
    let mut found = redactor.find(line);
    if covered > 0 {
        found.push(Found { range: 0..covered, name: "" });
    }
    spans::merge(found)
}

/// Where in an escape sequence of a terminal the stream is. Sequences end with their line at the
/// latest, so that an unfinished one hides no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Escape {
    /// In none.
    #[default]
    None,
    /// After ESC.
    Begun,
    /// In a control sequence (colours, cursor).
    Control,
    /// In a string (titles, links), which ends with BEL or ESC `\`.
    Text,
    /// In a string, after ESC.
    TextEnd,
}

impl Escape {
    /// Takes the next character; says whether it is shown.
    fn shows(&mut self, c: char) -> bool {
        let (next, shown) = match (*self, c) {
            (Self::None | Self::Begun | Self::Control | Self::TextEnd, '\u{1b}') => {
                (Self::Begun, false)
            }
            (Self::Text, '\u{1b}') => (Self::TextEnd, false),
            (Self::Begun | Self::TextEnd, '[') | (Self::None, '\u{9b}') => (Self::Control, false),
            (Self::Begun | Self::TextEnd, ']' | 'P' | 'X' | '^' | '_')
            | (Self::None, '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}') => (Self::Text, false),
            (Self::None, _) => (Self::None, true),
            (Self::Begun | Self::TextEnd, ' '..='/') => (Self::Begun, false),
            (Self::Begun | Self::TextEnd, '0'..='~') => (Self::None, false),
            (Self::Control, ' '..='?') => (Self::Control, false),
            (Self::Control, '@'..='~') => (Self::None, false),
            (Self::Text, '\u{7}' | '\u{9c}') | (_, '\u{18}' | '\u{1a}') => (Self::None, false),
            (Self::Text, _) => (Self::Text, false),
            (Self::Begun | Self::Control | Self::TextEnd, '\0'..='\u{1f}') => (*self, c == '\r'),
            (Self::Begun | Self::Control | Self::TextEnd, _) => (Self::None, true),
        };
        *self = next;
        shown
    }
}
