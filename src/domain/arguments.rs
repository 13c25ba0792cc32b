//! From arguments as typed to arguments of an intent: typed, checked, defaults filled in.

use std::collections::BTreeMap;

use super::command::nearest;
use super::id::ParamName;
use super::intent::Intent;
use super::param::{Args, ParamKind, ValueError};

/// Why arguments do not fit an intent. Each says what to type instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ArgumentError {
    /// The intent has no such parameter.
    #[error("{intent} has no parameter {name}{}", did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// The intent.
        intent: String,
        /// What was typed.
        name: ParamName,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A parameter without default was not given.
    #[error("{name} is missing: add {name}=<{kind}>")]
    Missing {
        /// Which.
        name: ParamName,
        /// What it takes: its type, or the few values that there are.
        kind: String,
    },
    /// A value does not fit its parameter.
    #[error("{name}: {error}")]
    Value {
        /// Which.
        name: ParamName,
        /// Why.
        error: ValueError,
    },
}

/// Returns what may stand for a value: the values themselves where they are few.
fn takes(kind: &ParamKind) -> String {
    match kind {
        ParamKind::String { one_of, .. } if (1..=8).contains(&one_of.len()) => one_of.join("|"),
        kind => kind.name().to_owned(),
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!(": did you mean {nearest}?")).unwrap_or_default()
}

/// Returns the arguments of a request for `intent`, or everything that is wrong with them.
pub fn arguments(
    intent: &Intent,
    given: &BTreeMap<ParamName, String>,
) -> Result<Args, Vec<ArgumentError>> {
    let mut wrong = Vec::new();
    let mut args = Args::new();
    for name in given.keys().filter(|name| !intent.params.contains_key(*name)) {
        let known = intent.params.keys().map(ParamName::as_str);
        wrong.push(ArgumentError::Unknown {
            intent: intent.name.to_string(),
            name: name.clone(),
            nearest: nearest(name.as_str(), known).map(str::to_owned),
        });
    }
    for (name, param) in &intent.params {
        match (given.get(name), &param.default) {
            (Some(text), _) => match param.parse(text) {
                Ok(value) => {
                    args.insert(name.clone(), value);
                }
                Err(error) => wrong.push(ArgumentError::Value { name: name.clone(), error }),
            },
            (None, Some(default)) => {
                args.insert(name.clone(), default.clone());
            }
            (None, None) => {
                let kind = takes(&param.kind);
                wrong.push(ArgumentError::Missing { name: name.clone(), kind });
            }
        }
    }
    if wrong.is_empty() { Ok(args) } else { Err(wrong) }
}
