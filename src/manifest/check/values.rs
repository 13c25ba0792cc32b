//! Values that several kinds share: versions, names, texts, times, durations, sizes, numbers.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use super::super::decode::Placed;
use super::super::report::Report;
use super::super::yaml::At;
use crate::domain::diagnostic::Code;
use crate::domain::duration;
use crate::domain::id::{IdError, RepoPath};
use crate::domain::invisible::is_invisible;
use crate::domain::platform::PLATFORMS;

/// A file that is being checked: its path, and where problems go.
pub struct Checked<'a> {
    /// The file.
    pub path: &'a RepoPath,
    /// Where problems go.
    pub report: &'a mut Report,
}

impl Checked<'_> {
    /// Tells a problem in this file.
    pub fn say(&mut self, at: At, code: Code, message: impl Into<String>) {
        self.report.say(self.path, at, code, message);
    }

    /// Tells a problem in this file with a hint of its own.
    pub fn say_hinted(&mut self, at: At, code: Code, message: impl Into<String>, hint: &str) {
        self.report.say_hinted(self.path, at, code, message, Some(hint.to_owned()));
    }

    /// Tells that a name in this file is not among those that there are.
    pub fn unknown<'a>(
        &mut self,
        at: At,
        code: Code,
        what: (&str, &str),
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) {
        self.report.unknown(self.path, at, code, what, known);
    }

    /// Warns of a chat platform that there is none of.
    pub fn known_platform(&mut self, platform: &str, at: At) {
        if !PLATFORMS.contains(&platform) {
            self.unknown(at, Code::PlatformUnknown, ("chat platform", platform), PLATFORMS);
        }
    }

    /// Checks that the version is one that is known.
    pub fn version(&mut self, version: &Placed<i64>) {
        if version.value != 1 {
            let message = format!("version {} is not known; this Tribune reads 1", version.value);
            self.say(version.at, Code::VersionUnsupported, message);
        }
    }

    /// Parses a name.
    pub fn name<T: FromStr<Err = IdError>>(&mut self, text: &str, at: At) -> Option<T> {
        match text.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                self.say(at, Code::BadName, error.to_string());
                None
            }
        }
    }

    /// Parses a list of names and tells entries that stand twice.
    pub fn names<T: FromStr<Err = IdError> + Ord + Clone>(
        &mut self,
        list: &[Placed<String>],
    ) -> Vec<Placed<T>> {
        let mut seen = BTreeSet::new();
        let mut names = Vec::new();
        for entry in list {
            let Some(name) = self.name::<T>(&entry.value, entry.at) else { continue };
            if seen.insert(name.clone()) {
                names.push(entry.with(name));
            } else {
                self.twice(entry.at, &entry.value);
            }
        }
        names
    }

    /// Tells an entry that stands twice.
    pub fn twice(&mut self, at: At, text: &str) {
        self.say(at, Code::DuplicateEntry, format!("`{text}` stands twice in this list"));
    }

    /// Checks one line of plain text of at most `max` characters.
    pub fn text(&mut self, text: &Placed<String>, max: usize) -> String {
        let length = text.value.chars().count();
        let problem = if text.value.trim().is_empty() {
            Some("the text is empty".to_owned())
        } else if length > max {
            Some(format!("the text has {length} characters; at most {max} are shown"))
        } else if text.value.chars().any(is_invisible) {
            Some("the text holds a line break, a control or an invisible character".to_owned())
        } else {
            None
        };
        if let Some(problem) = problem {
            self.say(text.at, Code::BadText, problem);
        }
        text.value.trim().to_owned()
    }

    /// Parses a point in time.
    pub fn time(&mut self, text: &Placed<String>) -> Option<Timestamp> {
        let time = text.value.parse::<Timestamp>().ok();
        if time.is_none() {
            let message = format!("{:?} is not a point in time with an offset", text.value);
            self.say(text.at, Code::BadTime, message);
        }
        time
    }

    /// Parses a duration that must lie in a range.
    pub fn duration(
        &mut self,
        text: &Placed<String>,
        range: RangeInclusive<SignedDuration>,
    ) -> Option<SignedDuration> {
        let message = match duration::parse(&text.value) {
            Ok(duration) if range.contains(&duration) => return Some(duration),
            Ok(_) => format!(
                "{:?} is out of range: from {} to {}",
                text.value,
                duration::short(*range.start()),
                duration::short(*range.end())
            ),
            Err(error) => error.to_string(),
        };
        self.say(text.at, Code::BadDuration, message);
        None
    }

    /// Parses a size in bytes that must lie in a range.
    pub fn size(&mut self, text: &Placed<String>, range: RangeInclusive<u64>) -> Option<u64> {
        let message = match parse_size(&text.value) {
            Some(size) if range.contains(&size) => return Some(size),
            Some(_) => format!(
                "{:?} is out of range: from {} to {}",
                text.value,
                show_size(*range.start()),
                show_size(*range.end())
            ),
            None => format!("{:?} is not a size: write it as 256KiB, 512MiB or 1GiB", text.value),
        };
        self.say(text.at, Code::BadSize, message);
        None
    }

    /// Checks that a number lies in a range.
    pub fn number<T: TryFrom<i64>>(
        &mut self,
        number: &Placed<i64>,
        range: RangeInclusive<i64>,
    ) -> Option<T> {
        let fits = range.contains(&number.value);
        match T::try_from(number.value) {
            Ok(value) if fits => Some(value),
            Ok(_) | Err(_) => {
                let (low, high) = range.into_inner();
                let message = format!("{} is out of range: from {low} to {high}", number.value);
                self.say(number.at, Code::OutOfRange, message);
                None
            }
        }
    }
}

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

fn parse_size(text: &str) -> Option<u64> {
    let (digits, factor) =
        UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show_size(size: u64) -> String {
    let (unit, factor) = UNITS
        .iter()
        .find(|(_, factor)| size >= *factor && size.is_multiple_of(*factor))
        .unwrap_or(&("B", 1));
    format!("{}{unit}", size / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_number_and_a_unit() {
        assert_eq!(parse_size("256KiB"), Some(262_144));
        assert_eq!(parse_size("1B"), Some(1));
        for text in ["256", "KiB", "1.5MiB", "1MB", "-1KiB", "99999999999GiB", "1 KiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
        assert_eq!(show_size(512 << 20), "512MiB");
    }
}
