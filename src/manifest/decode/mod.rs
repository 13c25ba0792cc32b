//! From a tree of YAML to a typed value, with every problem of shape reported, not just the first.
//!
//! serde stops at the first problem. So [`decode`] takes the offending entry out of the tree and
//! tries again until the rest fits; a value is only returned when nothing had to be taken out.

mod cursor;
mod placed;

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeOwned, Expected, Unexpected};

pub use self::placed::Placed;

use self::cursor::Cursor;
use super::yaml::{At, Node, Yaml};
use crate::domain::diagnostic::Code;
use crate::domain::suggest;

/// A key that the kind will have in a later version, and what there is until then.
///
/// The key is a path from the top of the file; `*` in it is any key.
pub type Later = (&'static str, &'static str);

/// A problem of shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeProblem {
    /// Where.
    pub at: At,
    /// Which kind.
    pub code: Code,
    /// What, in words.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Decodes a tree, or says everything that does not fit.
pub fn decode<T: DeserializeOwned>(
    mut tree: Node,
    later: &[Later],
) -> Result<T, Vec<ShapeProblem>> {
    let mut problems = Vec::new();
    let mut removed: Vec<(At, String)> = Vec::new();
    loop {
        let error = match T::deserialize(Cursor { node: &tree, key_at: tree.at }) {
            Ok(value) if problems.is_empty() => return Ok(value),
            Ok(_) => return Err(problems),
            Err(error) => error,
        };
        let path: Vec<usize> = error.path.iter().rev().map(|step| step.index).collect();
        let known = matches!(&error.fault, Fault::Missing(key)
            if removed.contains(&(at_path(&tree, &path).at, key.clone())));
        if !known {
            problems.push(error.tell(later));
        }
        if path.is_empty() {
            return Err(problems);
        }
        let meant = meant_key(&error.fault);
        let gone = remove(&mut tree, &path);
        // A slip in a key is told once, not again as the key that is then missing.
        removed.extend(gone.iter().zip(meant).map(|((at, _), key)| (*at, key)));
        removed.extend(gone);
    }
}

/// Returns the key that an unknown one was probably meant to be.
fn meant_key(fault: &Fault) -> Option<String> {
    match fault {
        Fault::Unknown { key, known } => {
            suggest::nearest(key, known.iter().copied()).map(str::to_owned)
        }
        Fault::Type { .. } | Fault::Variant { .. } | Fault::Missing(_) | Fault::Other(_) => None,
    }
}

fn at_path<'a>(mut node: &'a Node, path: &[usize]) -> &'a Node {
    for index in path {
        node = match &node.value {
            Yaml::Map(map) => &map[*index].value,
            Yaml::List(list) => &list[*index],
            _ => node,
        };
    }
    node
}

/// Removes the entry at the end of `path` and returns the place and key it had, if it had a key.
fn remove(node: &mut Node, path: &[usize]) -> Option<(At, String)> {
    let (index, rest) = path.split_first()?;
    match &mut node.value {
        Yaml::Map(map) if rest.is_empty() => Some((node.at, map.remove(*index).key)),
        Yaml::Map(map) => remove(&mut map[*index].value, rest),
        Yaml::List(list) if rest.is_empty() => {
            list.remove(*index);
            None
        }
        Yaml::List(list) => remove(&mut list[*index], rest),
        _ => None,
    }
}

/// What is wrong, before it is told.
#[derive(Debug)]
enum Fault {
    Type { found: String, wanted: String },
    Unknown { key: String, known: &'static [&'static str] },
    Variant { found: String, known: &'static [&'static str] },
    Missing(String),
    Other(String),
}

/// One step from the top of the file to a problem, innermost first.
#[derive(Debug)]
struct Step {
    index: usize,
    name: String,
}

/// The error that serde carries through.
#[derive(Debug)]
struct DecodeError {
    fault: Fault,
    at: Option<At>,
    path: Vec<Step>,
}

impl DecodeError {
    fn new(fault: Fault) -> Self {
        Self { fault, at: None, path: Vec::new() }
    }

    /// Notes the innermost place.
    fn placed(mut self, at: At) -> Self {
        self.at.get_or_insert(at);
        self
    }

    fn below(mut self, index: usize, name: impl Into<String>) -> Self {
        self.path.push(Step { index, name: name.into() });
        self
    }

    fn tell(&self, later: &[Later]) -> ShapeProblem {
        let names: Vec<&str> = self.path.iter().rev().map(|step| step.name.as_str()).collect();
        let name = names.join(".").replace(".[", "[");
        let about = |text: String| if name.is_empty() { text } else { format!("`{name}`: {text}") };
        let (code, message, hint) = match &self.fault {
            Fault::Type { found, wanted } => {
                (Code::WrongType, about(format!("expected {wanted}, found {found}")), None)
            }
            Fault::Unknown { .. } if later.iter().any(|(key, _)| is_at(key, &name)) => {
                let hint = later.iter().find(|(key, _)| is_at(key, &name)).map(|(_, hint)| *hint);
                let message = format!("`{name}` is not supported by this version of Tribune");
                (Code::NotYetSupported, message, hint.map(str::to_owned))
            }
            Fault::Unknown { key, known } => {
                let hint = suggest::hint(key, known.iter().copied(), "keys here");
                (Code::UnknownKey, format!("unknown key `{name}`"), hint)
            }
            Fault::Variant { found, known } => {
                let hint = suggest::hint(found, known.iter().copied(), "values here");
                (Code::BadValue, about(format!("unknown value {found:?}")), hint)
            }
            Fault::Missing(key) => {
                let within = if name.is_empty() { String::new() } else { format!(" in `{name}`") };
                (Code::MissingKey, format!("the key `{key}` is missing{within}"), None)
            }
            Fault::Other(text) => (Code::BadValue, about(text.clone()), None),
        };
        ShapeProblem { at: self.at.unwrap_or(At { line: 1, column: 1 }), code, message, hint }
    }
}

/// Says whether a path of keys is the one that is meant, where `*` is any key.
fn is_at(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('.'), path.split('.'));
    pattern.clone().count() == path.clone().count()
        && pattern.zip(path).all(|(wanted, key)| wanted == "*" || wanted == key)
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.fault)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::new(Fault::Other(text.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(value) => format!("`{value}`"),
            Unexpected::Unsigned(value) => format!("the number {value}"),
            Unexpected::Signed(value) => format!("the number {value}"),
            Unexpected::Float(value) => format!("the number {value}"),
            Unexpected::Str(value) => format!("the text {:?}", cut(value)),
            Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "a mapping".to_owned(),
            other => other.to_string(),
        };
        Self::new(Fault::Type { found, wanted: wanted_words(&wanted.to_string()) })
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(found, wanted)
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::new(Fault::Variant { found: found.to_owned(), known })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Fault::Unknown { key: key.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Fault::Missing(key.to_owned()))
    }
}

/// Turns serde's words for what it wanted into ours.
fn wanted_words(serde: &str) -> String {
    match serde {
        "a string" | "a borrowed string" | "string or map" => "text".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => {
            "a whole number".to_owned()
        }
        other if other.starts_with("struct ") => "a mapping".to_owned(),
        other => other.to_owned(),
    }
}

fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
