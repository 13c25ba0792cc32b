//! Parameters of intents: their types, their limits, and the values people give.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::ParamName;

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

impl ParamKind {
    /// Returns the type's name as intents write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::String { .. } => "string",
            Self::Integer { .. } => "integer",
            Self::Boolean => "boolean",
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
