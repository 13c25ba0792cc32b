//! The only user of the YAML parser: text in, a tree of values with their places out.
//!
//! Every setting that keeps YAML's traps shut stands here: budgets against alias bombs and deep
//! nesting, no duplicate keys, `no` and `010` stay text, one document per file.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Location, Spanned};

use crate::domain::diagnostic::Code;

/// A place in a file; lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct At {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub at: At,
    /// What it is.
    pub value: Yaml,
}

/// A value as YAML has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// Nothing, as in `key:`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// Text; also what an unknown tag such as `!vault` stands before.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_at: At,
    /// The value.
    pub value: Node,
}

/// Why a text is not a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlProblem {
    /// Where.
    pub at: At,
    /// Which kind.
    pub code: Code,
    /// What, in words.
    pub message: String,
}

/// Reads one document. A file without any content is an empty mapping.
pub fn parse(text: &str) -> Result<Node, YamlProblem> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_anchors: 32,
            max_aliases: 64,
            max_depth: 24,
            max_nodes: 20_000,
            max_documents: 2, // a second one is refused by a better error
        },
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    let tree: Option<Tree> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| problem(&error))?;
    let tree = tree.map_or_else(
        || Node { at: At { line: 1, column: 1 }, value: Yaml::Map(Vec::new()) },
        |tree| tree.0,
    );
    Ok(tree)
}

/// A [`Node`] that the parser can make.
struct Tree(Node);

/// A [`Yaml`] that the parser can make.
struct Value(Yaml);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self(Node { at: at(spanned.referenced), value: spanned.value.0 }))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Yaml, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
        Ok(Yaml::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
        Ok(Yaml::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
        Ok(Yaml::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Yaml, E> {
        Ok(Yaml::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Yaml, E> {
        Ok(Yaml::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Yaml, E> {
        Ok(Yaml::Text(value))
    }

    fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Yaml, E> {
        Ok(Yaml::Text(String::from_utf8_lossy(value).into_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Yaml, A::Error> {
        let mut list = Vec::new();
        while let Some(Tree(node)) = items.next_element()? {
            list.push(node);
        }
        Ok(Yaml::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Yaml, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let Tree(value) = entries.next_value()?;
            map.push(Entry { key: key.value, key_at: at(key.referenced), value });
        }
        Ok(Yaml::Map(map))
    }
}

fn at(location: Location) -> At {
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    At { line: number(location.line()), column: number(location.column()) }
}

/// Says a parser's error in our words.
fn problem(error: &Error) -> YamlProblem {
    let place = error.location().map_or(At { line: 1, column: 1 }, at);
    let mut cause = error.without_snippet();
    while let Error::AliasError { error, .. } = cause {
        cause = error.without_snippet();
    }
    let (code, message) = match cause {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            (Code::YamlDuplicateKey, format!("the key `{key}` stands twice in this mapping"))
        }
        Error::DuplicateMappingKey { key: None, .. } => {
            (Code::YamlDuplicateKey, "a key stands twice in this mapping".to_owned())
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => {
            (Code::YamlLimit, "the file is nested too deep or grows too large".to_owned())
        }
        Error::MultipleDocuments { .. } => {
            (Code::YamlSyntax, "a file holds one document; `---` begins a second one".to_owned())
        }
        Error::UnknownAnchor { .. } => {
            (Code::YamlSyntax, "an alias names an anchor that is not there".to_owned())
        }
        Error::NullIntoString { .. } => (Code::YamlSyntax, "a key is empty".to_owned()),
        other => (Code::YamlSyntax, format!("not valid YAML: {}", first_line(&other.to_string()))),
    };
    YamlProblem { at: place, code, message }
}

/// Returns the parser's own words without its place, which stands beside them.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.split_once(" at line ").map_or(line, |(before, _)| before);
    let line = line
        .rsplit_once(": line ")
        .map_or(line, |(_, after)| after.split_once(": ").map_or(line, |(_, rest)| rest));
    line.trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(key: &str, source: &str) -> Yaml {
        match parse(source).expect("it is YAML").value {
            Yaml::Map(map) => {
                map.into_iter().find(|entry| entry.key == key).expect("the key").value.value
            }
            other => panic!("no mapping: {other:?}"),
        }
    }

    #[test]
    fn traps_stay_shut() {
        assert_eq!(text("a", "a: no"), Yaml::Text("no".into()));
        assert_eq!(text("a", "a: 010"), Yaml::Text("010".into()));
        assert_eq!(text("a", "a: 1_000"), Yaml::Text("1_000".into()));
        assert_eq!(text("a", "a: !vault secret"), Yaml::Text("secret".into()));
        assert_eq!(text("a", "a: .inf"), Yaml::Text(".inf".into()));
        assert_eq!(text("a", "a:"), Yaml::Null);
        assert_eq!(text("a", "a: 2026-12-01T00:00:00Z"), Yaml::Text("2026-12-01T00:00:00Z".into()));
        assert_eq!(text("8", "8: true"), Yaml::Bool(true));
    }

    #[test]
    fn places_are_those_of_the_file() {
        let node = parse("a:\n  - b: 1\n    c: [x, yy]\n").unwrap();
        let Yaml::Map(map) = node.value else { panic!() };
        assert_eq!(map[0].key_at, At { line: 1, column: 1 });
        let Yaml::List(list) = &map[0].value.value else { panic!() };
        let Yaml::Map(inner) = &list[0].value else { panic!() };
        assert_eq!(inner[1].key_at, At { line: 3, column: 5 });
        let Yaml::List(words) = &inner[1].value.value else { panic!() };
        assert_eq!(words[1].at, At { line: 3, column: 12 });
    }

    #[test]
    fn broken_text_is_told_where_and_how() {
        for (source, code, line) in [
            ("a: 1\na: 2\n", Code::YamlDuplicateKey, 2),
            ("m:\n  x: 1\n  x: 1\n", Code::YamlDuplicateKey, 3),
            ("a: [1\nb: 2\n", Code::YamlSyntax, 2),
            ("a: 1\n---\nb: 2\n", Code::YamlSyntax, 3),
            ("a: *nowhere\n", Code::YamlSyntax, 1),
            ("a: b: c\n", Code::YamlSyntax, 1),
        ] {
            let problem = parse(source).unwrap_err();
            assert_eq!((problem.code, problem.at.line), (code, line), "{source:?}");
        }
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(parse(&deep(100)).unwrap_err().code, Code::YamlLimit);
        parse(&deep(20_000)).unwrap_err();
        let mut laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (from, to) in ["ab", "bc", "cd", "de", "ef", "fg"].map(|p| p.split_at(1)) {
            laughs += &format!(
                "{to}: &{to} [*{from},*{from},*{from},*{from},*{from},*{from},*{from},*{from},*{from}]\n"
            );
        }
        assert_eq!(parse(&laughs).unwrap_err().code, Code::YamlLimit);
    }
}
