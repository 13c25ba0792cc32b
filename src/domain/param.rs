//! Parameters of intents: their types, their limits, and the values people give.

use std::collections::BTreeMap;
use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::id::ParamName;
use super::invisible::is_invisible;
use super::suggest;

/// One declared parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// What it is for, shown in help.
    pub summary: Option<String>,
    /// Type and limits.
    pub kind: ParamKind,
    /// The value taken when none is given; without one the parameter is required.
    pub default: Option<Value>,
}

/// The type of a parameter, with its limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// Text.
    String {
        /// If not empty: the only values allowed.
        one_of: Vec<String>,
        /// A regular expression that the whole value must match.
        pattern: Option<String>,
        /// Least number of characters.
        min_length: Option<usize>,
        /// Greatest number of characters; 256 where the intent says nothing.
        max_length: usize,
        /// Whether a value may begin with `-` (it could be taken for an option).
        allow_dash: bool,
    },
    /// A whole number.
    Integer {
        /// Least value.
        min: Option<i64>,
        /// Greatest value.
        max: Option<i64>,
    },
    /// `true` or `false`.
    Boolean,
}

/// Greatest number of characters of a text whose parameter says nothing.
pub const DEFAULT_MAX_LENGTH: usize = 256;

/// Why a value is refused; the caller adds which parameter it was for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Another type of value is wanted.
    #[error("{text:?} is not {wanted}")]
    Type {
        /// What was given.
        text: String,
        /// What is wanted, in words.
        wanted: &'static str,
    },
    /// It is not among the values that are allowed.
    #[error("{text:?} is not one of the values allowed; {hint}")]
    NotOneOf {
        /// What was given.
        text: String,
        /// What was probably meant, or what there is.
        hint: String,
    },
    /// The number is too small.
    #[error("{value} is too small: at least {min}")]
    TooSmall {
        /// What was given.
        value: i64,
        /// The least.
        min: i64,
    },
    /// The number is too large.
    #[error("{value} is too large: at most {max}")]
    TooLarge {
        /// What was given.
        value: i64,
        /// The greatest.
        max: i64,
    },
    /// The text does not match the pattern.
    #[error("{text:?} does not match the pattern `{pattern}`")]
    Pattern {
        /// What was given.
        text: String,
        /// The pattern.
        pattern: String,
    },
    /// The text is too short.
    #[error("{text:?} is too short: at least {min} characters")]
    TooShort {
        /// What was given.
        text: String,
        /// The least number.
        min: usize,
    },
    /// The text is too long; it is not repeated.
    #[error("the value is too long: at most {max} characters, not {length}")]
    TooLong {
        /// How long it is.
        length: usize,
        /// The greatest number.
        max: usize,
    },
    /// The text could be taken for an option.
    #[error("{0:?} begins with `-`, which a program could take for an option")]
    Dash(String),
    /// The text holds something that nobody sees.
    #[error("the value holds a control or invisible character")]
    Invisible,
}

impl Param {
    /// Parses a value as people type it.
    pub fn parse(&self, text: &str) -> Result<Value, ValueError> {
        let wrong = |wanted| ValueError::Type { text: text.to_owned(), wanted };
        let value = match &self.kind {
            ParamKind::String { .. } => Value::String(text.to_owned()),
            ParamKind::Integer { .. } => Value::Integer(
                whole_number(text).ok_or_else(|| wrong("a whole number, such as 5 or -5"))?,
            ),
            ParamKind::Boolean => match text {
                "true" => Value::Boolean(true),
                "false" => Value::Boolean(false),
                _ => return Err(wrong("`true` or `false`")),
            },
        };
        self.check(&value)?;
        Ok(value)
    }

    /// Checks a value against type and limits.
    pub fn check(&self, value: &Value) -> Result<(), ValueError> {
        match (&self.kind, value) {
            (ParamKind::String { .. }, Value::String(text)) => self.check_text(text),
            (ParamKind::Integer { min, max }, Value::Integer(value)) => {
                check_range(*value, *min, *max)
            }
            (ParamKind::Boolean, Value::Boolean(_)) => Ok(()),
            (kind, value) => {
                Err(ValueError::Type { text: value.to_string(), wanted: kind.described() })
            }
        }
    }

    fn check_text(&self, text: &str) -> Result<(), ValueError> {
        let ParamKind::String { one_of, pattern, min_length, max_length, allow_dash } = &self.kind
        else {
            return Ok(());
        };
        let length = text.chars().count();
        if length > *max_length {
            return Err(ValueError::TooLong { length, max: *max_length });
        }
        if text.chars().any(is_invisible) {
            return Err(ValueError::Invisible);
        }
        let given = || text.to_owned();
        if !one_of.is_empty() && !one_of.iter().any(|one| one == text) {
            let known = one_of.iter().map(String::as_str);
            let hint = suggest::hint(text, known, "there are").unwrap_or_default();
            return Err(ValueError::NotOneOf { text: given(), hint });
        }
        if let Some(min) = min_length.filter(|min| length < *min) {
            return Err(ValueError::TooShort { text: given(), min });
        }
        if text.starts_with('-') && !allow_dash {
            return Err(ValueError::Dash(given()));
        }
        match pattern {
            Some(pattern) if !whole_match(pattern).is_ok_and(|regex| regex.is_match(text)) => {
                Err(ValueError::Pattern { text: given(), pattern: pattern.clone() })
            }
            _ => Ok(()),
        }
    }
}

fn check_range(value: i64, min: Option<i64>, max: Option<i64>) -> Result<(), ValueError> {
    match (min, max) {
        (Some(min), _) if value < min => Err(ValueError::TooSmall { value, min }),
        (_, Some(max)) if value > max => Err(ValueError::TooLarge { value, max }),
        _ => Ok(()),
    }
}

/// Parses a number written in one way only: digits with at most a `-`, no leading zeros.
fn whole_number(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|value| value.to_string() == text)
}

/// Compiles a pattern so that it must match the whole text.
pub fn whole_match(pattern: &str) -> Result<Regex, regex::Error> {
    // The pattern must stand on its own first, so that it cannot close the group around it.
    RegexBuilder::new(pattern).size_limit(1 << 20).build()?;
    RegexBuilder::new(&format!(r"\A(?:{pattern})\z")).size_limit(1 << 20).build()
}

impl ParamKind {
    /// Returns the type's name as intents write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::String { .. } => "string",
            Self::Integer { .. } => "integer",
            Self::Boolean => "boolean",
        }
    }

    /// Returns what a value of the type is, in words.
    fn described(&self) -> &'static str {
        match self {
            Self::String { .. } => "text",
            Self::Integer { .. } => "a whole number",
            Self::Boolean => "`true` or `false`",
        }
    }
}

/// The value of a parameter, typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text.
    String(String),
}

/// The value as it stands in a command line.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::String(value) => f.write_str(value),
        }
    }
}

/// The arguments of a request: every parameter of its intent, defaults filled in.
pub type Args = BTreeMap<ParamName, Value>;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pattern: Option<&str>) -> Param {
        Param {
            summary: None,
            default: None,
            kind: ParamKind::String {
                one_of: Vec::new(),
                pattern: pattern.map(str::to_owned),
                min_length: Some(2),
                max_length: 8,
                allow_dash: false,
            },
        }
    }

    fn said(param: &Param, value: &str) -> String {
        param.parse(value).expect_err("it is refused").to_string()
    }

    #[test]
    fn every_limit_of_a_text_is_told() {
        let param = text(Some("a|[a-z]+"));
        assert_eq!(param.parse("abc"), Ok(Value::String("abc".into())));
        assert_eq!(said(&param, "ab1"), r#""ab1" does not match the pattern `a|[a-z]+`"#);
        assert_eq!(said(&param, "a"), r#""a" is too short: at least 2 characters"#);
        assert_eq!(said(&param, "aaaaaaaaa"), "the value is too long: at most 8 characters, not 9");
        assert_eq!(
            said(&text(None), "-rf"),
            r#""-rf" begins with `-`, which a program could take for an option"#
        );
        for hidden in ["a\0b", "a\nb", "a\u{202e}b", "a\u{1b}[1m"] {
            assert_eq!(
                said(&text(None), hidden),
                "the value holds a control or invisible character"
            );
        }
    }

    #[test]
    fn an_unknown_value_gets_a_suggestion_or_the_list() {
        let mut param = text(None);
        if let ParamKind::String { one_of, .. } = &mut param.kind {
            *one_of = vec!["nginx".into(), "app".into()];
        }
        assert_eq!(
            said(&param, "ngnix"),
            r#""ngnix" is not one of the values allowed; did you mean `nginx`?"#
        );
        assert_eq!(
            said(&param, "mysql"),
            r#""mysql" is not one of the values allowed; there are: nginx, app"#
        );
    }

    #[test]
    fn numbers_and_booleans_are_written_in_one_way() {
        let number = Param {
            summary: None,
            default: None,
            kind: ParamKind::Integer { min: Some(0), max: Some(600) },
        };
        assert_eq!(number.parse("600"), Ok(Value::Integer(600)));
        assert_eq!(said(&number, "601"), "601 is too large: at most 600");
        assert_eq!(said(&number, "-1"), "-1 is too small: at least 0");
        for odd in ["010", "+1", "1e3", " 1", "", "99999999999999999999"] {
            assert!(matches!(number.parse(odd), Err(ValueError::Type { .. })), "{odd:?}");
        }
        let flag = Param { summary: None, default: None, kind: ParamKind::Boolean };
        assert_eq!(flag.parse("false"), Ok(Value::Boolean(false)));
        assert_eq!(said(&flag, "yes"), r#""yes" is not `true` or `false`"#);
    }

    #[test]
    fn a_pattern_cannot_step_out_of_its_anchors() {
        assert!(whole_match("a)|(?:b").is_err());
        assert!(!whole_match("a|b").unwrap().is_match("ab"));
        assert!(!whole_match("(?m)^a$").unwrap().is_match("a\nb"));
    }
}
