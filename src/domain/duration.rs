//! Durations as people write them: `90s 30m 24h 7d 2w`, also `1h30m`, and `permanent` for bans.

use std::fmt;

use jiff::SignedDuration;

/// Units with their seconds, longest first.
const UNITS: [(char, &str, i64); 5] = [
    ('w', "week", 604_800),
    ('d', "day", 86_400),
    ('h', "hour", 3_600),
    ('m', "minute", 60),
    ('s', "second", 1),
];

/// Ten years: anything longer is a mistake, and adding it to a time never overflows.
const LONGEST: i64 = 3_650 * 86_400;

/// The text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing was given.
    #[error("a duration is missing: write it as 90s, 30m, 24h, 7d, 2w or 1h30m")]
    Empty,
    /// A number lacks its unit, or the other way round.
    #[error("{0:?} is not a duration: write it as 90s, 30m, 24h, 7d, 2w or 1h30m")]
    Form(String),
    /// A unit comes twice, or after a shorter one.
    #[error("{0:?} is not a duration: each unit at most once, longest first, as in 1h30m")]
    Order(String),
    /// It is zero.
    #[error("{0:?} is no time at all: write at least 1s")]
    Zero(String),
    /// It is longer than ten years.
    #[error("{0:?} is too long: write at most 520w")]
    TooLong(String),
}

/// How long something lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Length {
    /// So long.
    For(SignedDuration),
    /// Until somebody ends it.
    Permanent,
}

/// Parses a duration: whole numbers with units `w d h m s`, longest first, no spaces, above zero.
pub fn parse(text: &str) -> Result<SignedDuration, DurationError> {
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let form = || DurationError::Form(text.to_owned());
    let too_long = || DurationError::TooLong(text.to_owned());
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total = 0_i64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letter = tail.chars().next().filter(|_| digits > 0).ok_or_else(form)?;
        if !UNITS.iter().any(|(name, ..)| *name == letter) {
            return Err(form());
        }
        let (.., seconds) = units
            .find(|(name, ..)| *name == letter)
            .ok_or_else(|| DurationError::Order(text.to_owned()))?;
        let number: i64 = number.parse().map_err(|_| too_long())?;
        total = number
            .checked_mul(*seconds)
            .and_then(|more| total.checked_add(more))
            .filter(|total| *total <= LONGEST)
            .ok_or_else(too_long)?;
        rest = &tail[1..];
    }
    match total {
        0 => Err(DurationError::Zero(text.to_owned())),
        total => Ok(SignedDuration::from_secs(total)),
    }
}

/// Parses a duration or `permanent`.
pub fn parse_length(text: &str) -> Result<Length, DurationError> {
    match text {
        "permanent" => Ok(Length::Permanent),
        text => parse(text).map(Length::For),
    }
}

/// Returns the short form, as people type it: `1h30m`. Parts of a second are left out.
pub fn short(duration: SignedDuration) -> String {
    let parts: String =
        parts(duration).map(|(number, letter, _)| format!("{number}{letter}")).collect();
    if parts.is_empty() { "0s".to_owned() } else { parts }
}

/// Returns the form for sentences, by its two longest units: `1 hour 30 minutes`.
pub fn words(duration: SignedDuration) -> String {
    let parts: Vec<String> = parts(duration)
        .take(2)
        .map(|(number, _, name)| match number {
            1 => format!("1 {name}"),
            number => format!("{number} {name}s"),
        })
        .collect();
    if parts.is_empty() { "less than a second".to_owned() } else { parts.join(" ") }
}

/// Splits a duration into its units, longest first, zeros left out; a negative one has none.
fn parts(duration: SignedDuration) -> impl Iterator<Item = (i64, char, &'static str)> {
    let mut rest = duration.as_secs().max(0);
    UNITS.iter().filter_map(move |(letter, name, seconds)| {
        let number = rest / seconds;
        rest %= seconds;
        (number > 0).then_some((number, *letter, *name))
    })
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(duration) => f.write_str(&short(*duration)),
            Self::Permanent => f.write_str("permanent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_unit_and_combinations_are_understood() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1_800),
            ("24h", 86_400),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("1h30m", 5_400),
            ("1w1d1h1m1s", 694_861),
        ] {
            assert_eq!(parse(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_length("permanent"), Ok(Length::Permanent));
    }

    #[test]
    fn each_mistake_has_its_own_error() {
        let text = String::from;
        assert_eq!(parse(""), Err(DurationError::Empty));
        for wrong in ["30", "m", "-5m", "5 m", "1.5h", "30x", "h1", "５m", "permanent"] {
            assert_eq!(parse(wrong), Err(DurationError::Form(text(wrong))));
        }
        assert_eq!(parse("30m1h"), Err(DurationError::Order(text("30m1h"))));
        assert_eq!(parse("1m1m"), Err(DurationError::Order(text("1m1m"))));
        assert_eq!(parse("0s"), Err(DurationError::Zero(text("0s"))));
        for long in ["522w", "99999999999999999999s", "9999999999999999d"] {
            assert_eq!(parse(long), Err(DurationError::TooLong(text(long))));
        }
    }

    #[test]
    fn sentences_name_the_two_longest_units() {
        let words = |seconds| words(SignedDuration::from_secs(seconds));
        assert_eq!(words(5_400), "1 hour 30 minutes");
        assert_eq!(words(694_861), "1 week 1 day");
        assert_eq!(words(0), "less than a second");
        assert_eq!(words(-5), "less than a second");
    }

    proptest! {
        #[test]
        fn the_short_form_parses_back(seconds in 1..=LONGEST) {
            let duration = SignedDuration::from_secs(seconds);
            prop_assert_eq!(parse(&short(duration)), Ok(duration));
        }
    }
}
