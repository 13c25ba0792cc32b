//! Managed files: files and folders of this machine that are made equal to ones of the policy
//! repo.
//!
//! What an intent declares is a [`FileRule`]; what one run does is a [`FileWork`], with every hole
//! filled. What stands on disk and what should are compared in [`compare`], told in [`tell`]; an
//! executor only reads and writes.

pub mod compare;
pub mod path;
pub mod tell;
pub mod template;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::path::{ManagedPath, PathRule};
use super::id::{IdError, ParamName, RepoPath, RunId, UnixName};

/// The largest managed file, in bytes.
pub const LARGEST_FILE: u64 = 8 << 20;

/// The most bytes of one managed folder, on disk or declared.
pub const LARGEST_TREE: u64 = 64 << 20;

/// The most files and folders of one managed folder.
pub const MOST_ENTRIES: usize = 10_000;

/// What an intent declares of a file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRule {
    /// The file or folder of the policy repo that says how it should be.
    pub source: RepoPath,
    /// Where it stands on the machine.
    pub path: PathRule,
    /// Permissions of files; `None`: 0644, and 0755 for what git says is a program.
    pub mode: Option<FileMode>,
    /// Permissions of folders.
    pub directory_mode: FileMode,
    /// Who owns it; `None`: whoever does, at first the user that Tribune runs as.
    pub owner: Option<UnixName>,
    /// Its group, likewise.
    pub group: Option<UnixName>,
    /// Whether `{param}` in the content is filled.
    pub template: bool,
    /// Whether the content is never shown.
    pub sensitive: bool,
    /// Whether what the folder of the policy repo lacks is removed.
    pub prune: bool,
}

/// What one run is to make equal to what: a [`FileRule`] with its holes filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileWork {
    /// The file or folder of the pinned tree that says how it should be.
    pub source: RepoPath,
    /// Where it stands on the machine.
    pub path: ManagedPath,
    /// Permissions of files; `None`: 0644, and 0755 for programs.
    pub mode: Option<FileMode>,
    /// Permissions of folders.
    pub directory_mode: FileMode,
    /// Who owns it; `None`: whoever does.
    pub owner: Option<UnixName>,
    /// Its group, likewise.
    pub group: Option<UnixName>,
    /// What fills the holes of the content; `None`: the content is taken as it is.
    pub fill: Option<BTreeMap<ParamName, String>>,
    /// Whether the content is never shown.
    pub sensitive: bool,
    /// Whether what the folder of the policy repo lacks is removed.
    pub prune: bool,
}

impl fmt::Display for FileWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file {} as {}", self.path, self.source)
    }
}

/// Permissions of a file or folder, `0000` to `0777`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileMode(u32);

impl FileMode {
    /// What owners write and all others read.
    pub const FILE: Self = Self(0o644);
    /// A program or folder that owners write and all others use.
    pub const OPEN: Self = Self(0o755);

    /// Returns the permission bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for FileMode {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = matches!(text.len(), 3 | 4) && text.bytes().all(|b| b.is_ascii_digit());
        let bits = u32::from_str_radix(text, 8).ok().filter(|bits| digits && *bits <= 0o777);
        bits.map(Self).ok_or_else(|| IdError {
            kind: "file mode",
            text: text.to_owned(),
            rule: "write three octal digits with a 0 before them, such as \"0644\"; programs that \
                   change their user are not made",
        })
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// What stood in a managed place before Tribune wrote there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousCopy {
    /// Where it stood.
    pub path: ManagedPath,
    /// Counts from 1 for each path; never used again.
    pub number: u64,
    /// When it was replaced or removed.
    pub kept: Timestamp,
    /// By which run; `None`: by a restore.
    pub run: Option<RunId>,
    /// Its permissions, written in octal.
    #[serde(with = "octal")]
    pub mode: u32,
    /// The user that owned it.
    pub owner: u32,
    /// Its group.
    pub group: u32,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// Lines of it; `None`: it is not text.
    pub lines: Option<u64>,
    /// Whether its content is never shown.
    pub sensitive: bool,
}

/// Permissions as people write them: `"0644"`.
mod octal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        /// As copies were described at first.
        Number(u32),
    }

    pub fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{mode:04o}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Text(text) => u32::from_str_radix(&text, 8).map_err(D::Error::custom),
            Written::Number(mode) => Ok(mode),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_of_a_copy_is_written_in_octal_and_read_as_it_was_written_before() {
        let with = |mode: &str| {
            format!(
                r#"{{"path":"managed/motd","number":1,"kept":"2026-06-01T08:00:00Z","run":null,"mode":{mode},"owner":0,"group":0,"size":0,"sha256":"","lines":0,"sensitive":false}}"#
            )
        };
        for written in ["\"0640\"", "416"] {
            let copy: PreviousCopy = serde_json::from_str(&with(written)).unwrap();
            assert_eq!(copy.mode, 0o640);
            assert_eq!(serde_json::to_string(&copy).unwrap(), with("\"0640\""));
        }
    }

    #[test]
    fn a_mode_is_octal_and_gives_nobody_the_rights_of_another() {
        let mode = |text: &str| text.parse::<FileMode>().ok().map(|mode| mode.to_string());
        assert_eq!(mode("0644").as_deref(), Some("0644"));
        assert_eq!(mode("600").as_deref(), Some("0600"));
        for text in ["", "4755", "1777", "0888", "+644", "0o644", "00644", "u=rw"] {
            assert_eq!(mode(text), None, "{text}");
        }
    }
}
