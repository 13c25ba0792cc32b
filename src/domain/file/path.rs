//! Where managed files stand: a root that the settings name, and a plain path below it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::id::{IdError, ParamName, RootName};
use crate::domain::intent::{ArgvPart, ArgvWord};
use crate::domain::invisible::is_invisible;
use crate::domain::template::HoleError;

/// What names of Tribune's own files in managed folders begin with: ones that are being written.
pub const OWN: &str = ".tribune-";

/// Why a path does not name a managed file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It is not of that form.
    #[error("{0:?} is not a root of the settings and a path below it, such as `managed/motd`")]
    Form(String),
    /// Its root has no name that a root can have.
    #[error("{0}")]
    Root(#[from] IdError),
    /// It has a hole that cannot be read.
    #[error("{0}")]
    Hole(#[from] HoleError),
    /// It has the hole `{target}`.
    #[error("a file is managed on `local` alone: no `{{target}}` here")]
    Target,
    /// One of its parts is no name of a file.
    #[error("{part:?} cannot be a part of a path: {why}")]
    Part {
        /// The part.
        part: String,
        /// In words.
        why: &'static str,
    },
}

/// A path with holes, as intents declare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRule {
    /// A root of the settings; no hole chooses it.
    pub root: RootName,
    /// Names from the root down, at least one. A hole fills a part of one name.
    pub parts: Vec<ArgvWord>,
}

impl PathRule {
    /// Parses `root/path/below`.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let form = || PathError::Form(text.to_owned());
        let (root, below) = text.split_once('/').ok_or_else(form)?;
        if root.is_empty() || below.is_empty() {
            return Err(form());
        }
        let parts = below.split('/').map(ArgvWord::parse).collect::<Result<Vec<_>, HoleError>>()?;
        for part in &parts {
            if part.names_target() {
                return Err(PathError::Target);
            }
            if let Some(name) = part.literal() {
                check_part(name)?;
            }
        }
        Ok(Self { root: root.parse()?, parts })
    }

    /// Returns the parameters that it names.
    pub fn params(&self) -> impl Iterator<Item = &ParamName> {
        self.parts.iter().flat_map(ArgvWord::params)
    }

    /// Returns the path with its holes filled. No value makes a path out of a name.
    pub fn fill<E: From<PathError>>(
        &self,
        value: impl Fn(&ParamName) -> Result<String, E>,
    ) -> Result<ManagedPath, E> {
        let mut parts = Vec::new();
        for word in &self.parts {
            let mut name = String::new();
            for part in &word.0 {
                match part {
                    ArgvPart::Literal(text) => name.push_str(text),
                    ArgvPart::Param(param) => name.push_str(&value(param)?),
                    ArgvPart::Target => return Err(PathError::Target.into()),
                }
            }
            check_part(&name)?;
            parts.push(name);
        }
        Ok(ManagedPath { root: self.root.clone(), parts })
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root)?;
        self.parts.iter().try_for_each(|part| write!(f, "/{part}"))
    }
}

/// Checks that a text is the name of one file, and not one of Tribune's own.
pub fn check_part(part: &str) -> Result<(), PathError> {
    let why = match part {
        "" => "it is empty",
        "." | ".." => "it leads elsewhere",
        part if part.contains('/') => "it holds `/`",
        part if part.contains(is_invisible) => "it holds a control or invisible character",
        part if part.len() > 255 => "it is longer than 255 bytes",
        part if part.starts_with(OWN) => "Tribune's own files begin so",
        _ => return Ok(()),
    };
    Err(PathError::Part { part: part.to_owned(), why })
}

/// Where one managed file or folder stands: `managed/conf.d/app.conf`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ManagedPath {
    root: RootName,
    parts: Vec<String>,
}

impl ManagedPath {
    /// Returns the root of the settings that it lies below.
    pub fn root(&self) -> &RootName {
        &self.root
    }

    /// Returns the names from the root down, at least one.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Returns the folder that it stands in, from the root down, and its name.
    pub fn split(&self) -> (&[String], &str) {
        match self.parts.split_last() {
            Some((name, folder)) => (folder, name),
            None => (&[], ""),
        }
    }

    /// Returns what stands `below` it, at a path whose parts were checked; itself if that is
    /// empty.
    pub fn below(&self, below: &str) -> Self {
        let more = below.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
        let parts = self.parts.iter().cloned().chain(more).collect();
        Self { root: self.root.clone(), parts }
    }

    /// Says whether the path is `folder` or lies below it.
    pub fn is_within(&self, folder: &Self) -> bool {
        self.root == folder.root && self.parts.starts_with(&folder.parts)
    }
}

impl FromStr for ManagedPath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        let form = || PathError::Form(text.to_owned());
        let (root, below) =
            text.split_once('/').filter(|(root, _)| !root.is_empty()).ok_or_else(form)?;
        let parts: Vec<String> = below.split('/').map(str::to_owned).collect();
        parts.iter().try_for_each(|part| check_part(part))?;
        Ok(Self { root: root.parse()?, parts })
    }
}

impl TryFrom<String> for ManagedPath {
    type Error = PathError;
    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<ManagedPath> for String {
    fn from(path: ManagedPath) -> String {
        path.to_string()
    }
}

impl fmt::Display for ManagedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.root, self.parts.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(rule: &str, value: &str) -> Result<String, PathError> {
        let rule = PathRule::parse(rule)?;
        rule.fill(|_| Ok::<_, PathError>(value.to_owned())).map(|path| path.to_string())
    }

    #[test]
    fn a_value_fills_a_part_of_a_name_and_never_leads_elsewhere() {
        assert_eq!(filled("managed/{name}.conf", "web").unwrap(), "managed/web.conf");
        for value in ["..", "a/b", "/etc/shadow", "a\u{202e}b", ""] {
            let refused = filled("managed/x/{name}", value);
            assert!(matches!(refused, Err(PathError::Part { .. })), "{value:?}");
        }
        assert!(filled("managed/{name}/x", ".tribune-1").is_err());
        assert!(filled("managed/{name}.", ".").is_err(), "two dots made of two parts");
    }

    #[test]
    fn a_path_is_a_root_and_a_plain_path() {
        for text in ["motd", "/etc/motd", "managed/", "managed//x", "managed/../x", "managed/./x"] {
            assert!(PathRule::parse(text).is_err(), "{text}");
            assert!(text.parse::<ManagedPath>().is_err(), "{text}");
        }
        assert!(PathRule::parse("{root}/x").is_err());
        assert_eq!(PathRule::parse("managed/{target}"), Err(PathError::Target));
        let path: ManagedPath = "managed/a/b".parse().unwrap();
        assert_eq!(path.split(), (&["a".to_owned()][..], "b"));
        assert_eq!(path.below("c/d").to_string(), "managed/a/b/c/d");
        assert!(path.below("c").is_within(&path) && !path.is_within(&path.below("c")));
    }
}
