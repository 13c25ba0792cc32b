//! Pieces that all pages show alike: times, states, marks.

use askama::Template;
use jiff::Timestamp;

use crate::domain::intent::Category;
use crate::domain::reply;
use crate::domain::reply::run::state_words;
use crate::domain::request::State;

/// A moment: how long ago, with the exact time as title. Rendered with `|safe`.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = "<time datetime=\"{{ iso }}\" title=\"{{ exact }}\" data-rel>{{ words }}</time>",
    ext = "html"
)]
pub struct Moment {
    iso: String,
    exact: String,
    words: String,
}

impl Moment {
    /// Returns how `at` looks at `now`.
    pub fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { iso: at.to_string(), exact: exact(at), words: relative(at, now) }
    }
}

/// Returns a time to the second, as titles give it.
pub fn exact(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Returns how far `at` is from `now`: `3 min ago`, `in 2 h`; far ones as a date.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    if seconds.abs() < 10 {
        return "just now".to_owned();
    }
    if seconds.abs() >= 30 * 86_400 {
        return at.strftime("%Y-%m-%d").to_string();
    }
    let span = span(seconds.abs());
    if seconds > 0 { format!("{span} ago") } else { format!("in {span}") }
}

/// Returns a length of time in its greatest unit: `42 s`, `3 min`, `2 h`, `5 days`.
pub fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        86_400..172_800 => "1 day".to_owned(),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// How something stands, told by colour, by shape and in words. The style names the tones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Somebody must do something.
    Wait,
    /// Under way.
    Go,
    /// Good.
    Yes,
    /// Bad.
    No,
    /// Over, or switched off.
    Off,
}

impl Tone {
    /// Returns the tone of a request's state.
    pub fn of(state: State) -> Self {
        match state {
            State::Requested | State::NeedsApproval => Self::Wait,
            State::Permitted | State::Queued | State::Running => Self::Go,
            State::Succeeded => Self::Yes,
            State::Failed
            | State::TimedOut
            | State::Interrupted
            | State::Denied
            | State::Vetoed => Self::No,
            State::Cancelled | State::Expired | State::Void => Self::Off,
        }
    }

    /// Returns the class in the style.
    pub fn class(self) -> &'static str {
        match self {
            Self::Wait => "is-wait",
            Self::Go => "is-go",
            Self::Yes => "is-yes",
            Self::No => "is-no",
            Self::Off => "is-off",
        }
    }

    /// Returns its shape: a path of SVG in a box of 16, drawn as lines.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Wait => "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 5v3.3l2.2 1.4",
            Self::Go => "M5 3.2 12.5 8 5 12.8z",
            Self::Yes => "m3 8.6 3.3 3.3L13 4.8",
            Self::No => "m4 4 8 8M12 4l-8 8",
            Self::Off => "M3.5 8h9",
        }
    }
}

/// A state as a small label. Rendered with `|safe`.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = "<span class=\"badge {{ tone.class() }}\"><svg viewBox=\"0 0 16 16\" width=\"12\" \
              height=\"12\" aria-hidden=\"true\"><path d=\"{{ icon }}\"/></svg>\
              {{ words }}</span>",
    ext = "html"
)]
pub struct Badge {
    tone: Tone,
    icon: &'static str,
    words: String,
}

impl Badge {
    /// Makes a label.
    pub fn new(tone: Tone, words: impl Into<String>) -> Self {
        Self { tone, icon: tone.icon(), words: words.into() }
    }

    /// Returns the label of an intent's category: an eye, a pencil, a bolt.
    pub fn category(category: Category) -> Self {
        let (tone, icon) = match category {
            Category::Read => {
                (Tone::Off, "M1.5 8C4 4.2 12 4.2 14.5 8 12 11.8 4 11.8 1.5 8zM8 6.8v2.4")
            }
            Category::Change => (Tone::Go, "M3 13l.7-3 6.8-6.8 2.3 2.3L6 12.3z"),
            Category::Destroy => (Tone::No, "M9 1.8 4 9h3.5L7 14.2 12 7H8.5z"),
        };
        Self { tone, icon, words: category.as_str().to_owned() }
    }

    /// Returns the label of a request's state.
    pub fn state(state: State) -> Self {
        Self::new(Tone::of(state), state_words(state))
    }
}

/// Returns `1 reply`, `2 replies`: a number with its word.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Returns words in a row, the last after `and`.
pub fn and(words: &[String]) -> String {
    reply::join(words, "and")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_their_greatest_unit() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for (at, words) in [
            ("2026-03-01T11:59:55Z", "just now"),
            ("2026-03-01T11:59:18Z", "42 s ago"),
            ("2026-03-01T11:57:00Z", "3 min ago"),
            ("2026-03-01T14:10:00Z", "in 2 h"),
            ("2026-02-27T13:00:00Z", "1 day ago"),
            ("2026-02-20T12:00:00Z", "9 days ago"),
            ("2025-03-01T12:00:00Z", "2025-03-01"),
        ] {
            assert_eq!(relative(at.parse().unwrap(), now), words, "{at}");
        }
    }
}
