//! Parameters: limits that fit the type, defaults that keep them, one type per name.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::decode::Placed;
use super::super::super::raw::intent::{RawIntent, RawParam, RawType};
use super::super::super::report::Report;
use super::super::values::Checked;
use crate::domain::diagnostic::Code;
use crate::domain::id::{ParamName, RepoPath};
use crate::domain::param::{DEFAULT_MAX_LENGTH, Param, ParamKind, whole_match};
use crate::domain::template::TARGET;

/// Greatest `max_length`.
const MAX_LENGTH: i64 = 4096;

/// Checks the parameters of one intent.
pub fn check(
    file: &mut Checked<'_>,
    raw: &BTreeMap<String, Placed<RawParam>>,
) -> BTreeMap<ParamName, Param> {
    raw.iter()
        .filter_map(|(name, raw)| {
            let name = file.name::<ParamName>(name, raw.key_at)?;
            if name.as_str() == TARGET {
                let message = "`target` is the name of the hole for the target";
                file.say(raw.key_at, Code::NameReserved, message);
            }
            Some((name, param(file, &raw.value)))
        })
        .collect()
}

fn param(file: &mut Checked<'_>, raw: &RawParam) -> Param {
    let kind = match raw.r#type.value {
        RawType::String => text_kind(file, raw),
        RawType::Integer => integer_kind(file, raw),
        RawType::Boolean => ParamKind::Boolean,
    };
    unfit(file, raw);
    let summary = raw.summary.as_ref().map(|summary| file.text(summary, 120));
    let mut param = Param { summary, kind, default: None };
    if let Some(default) = &raw.default {
        match param.check(&default.value.0) {
            Ok(()) => param.default = Some(default.value.0.clone()),
            Err(error) => {
                let message = format!("the default cannot be given: {error}");
                file.say(default.at, Code::ParamDefault, message);
            }
        }
    }
    param
}

/// Tells limits that are of another type.
fn unfit(file: &mut Checked<'_>, raw: &RawParam) {
    let of_text = [
        ("enum", raw.r#enum.as_ref().map(|limit| limit.key_at)),
        ("pattern", raw.pattern.as_ref().map(|limit| limit.key_at)),
        ("min_length", raw.min_length.as_ref().map(|limit| limit.key_at)),
        ("max_length", raw.max_length.as_ref().map(|limit| limit.key_at)),
        ("allow_dash", raw.allow_dash.as_ref().map(|limit| limit.key_at)),
    ];
    let of_numbers = [
        ("min", raw.min.as_ref().map(|limit| limit.key_at)),
        ("max", raw.max.as_ref().map(|limit| limit.key_at)),
    ];
    let (foreign, name): (Vec<_>, &str) = match raw.r#type.value {
        RawType::String => (of_numbers.to_vec(), "string"),
        RawType::Integer => (of_text.to_vec(), "integer"),
        RawType::Boolean => (of_text.into_iter().chain(of_numbers).collect(), "boolean"),
    };
    for (key, at) in foreign {
        if let Some(at) = at {
            let message = format!("`{key}` does not limit a parameter of type {name}");
            file.say(at, Code::ParamLimit, message);
        }
    }
}

fn text_kind(file: &mut Checked<'_>, raw: &RawParam) -> ParamKind {
    let allow_dash = raw.allow_dash.as_ref().is_some_and(|allow| allow.value);
    let min = raw.min_length.as_ref().and_then(|min| file.number::<usize>(min, 0..=MAX_LENGTH));
    let max = raw.max_length.as_ref().and_then(|max| file.number::<usize>(max, 1..=MAX_LENGTH));
    let max_length = max.unwrap_or(DEFAULT_MAX_LENGTH);
    if let (Some(min), Some(raw)) = (min.filter(|min| *min > max_length), &raw.min_length) {
        let message = format!("no text has at least {min} and at most {max_length} characters");
        file.say(raw.at, Code::ParamLimit, message);
    }
    let pattern = raw.pattern.as_ref().and_then(|pattern| match whole_match(&pattern.value) {
        Ok(_) => Some(pattern.value.clone()),
        Err(_) => {
            let message = format!("{:?} is not a regular expression", pattern.value);
            file.say(pattern.at, Code::ParamPattern, message);
            None
        }
    });
    let mut kind =
        ParamKind::String { one_of: Vec::new(), pattern, min_length: min, max_length, allow_dash };
    let values = one_of(file, raw, &kind);
    if let ParamKind::String { one_of, .. } = &mut kind {
        *one_of = values;
    }
    kind
}

/// Checks the values of `enum` against the other limits.
fn one_of(file: &mut Checked<'_>, raw: &RawParam, kind: &ParamKind) -> Vec<String> {
    let Some(list) = &raw.r#enum else { return Vec::new() };
    if list.value.is_empty() {
        file.say(list.at, Code::ParamLimit, "`enum` allows no value at all");
    }
    let limits = Param { summary: None, kind: kind.clone(), default: None };
    let mut seen = BTreeSet::new();
    for value in &list.value {
        if let Err(error) = limits.parse(&value.value) {
            let message = format!("the value can never be given: {error}");
            file.say(value.at, Code::ParamLimit, message);
        } else if !seen.insert(value.value.as_str()) {
            file.twice(value.at, &value.value);
        }
    }
    list.value.iter().map(|value| value.value.clone()).collect()
}

fn integer_kind(file: &mut Checked<'_>, raw: &RawParam) -> ParamKind {
    let min = raw.min.as_ref().map(|min| min.value);
    let max = raw.max.as_ref().map(|max| max.value);
    if let (Some(least), Some(greatest), Some(place)) = (min, max, &raw.min)
        && least > greatest
    {
        let message = format!("no number is at least {least} and at most {greatest}");
        file.say(place.at, Code::ParamLimit, message);
    }
    ParamKind::Integer { min, max }
}

/// Tells parameter names with two types.
pub fn check_types(report: &mut Report, intents: &[(&RepoPath, &RawIntent)]) {
    let mut first: BTreeMap<&str, (RawType, &RepoPath)> = BTreeMap::new();
    for (path, intent) in intents {
        for (name, param) in &intent.params {
            let kind = &param.value.r#type;
            let (other, place) = *first.entry(name).or_insert((kind.value, path));
            if other != kind.value {
                let message = format!("`{name}` is of another type in {place}");
                report.say(path, kind.at, Code::ParamTypeClash, message);
            }
        }
    }
}
