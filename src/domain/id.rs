//! Identifiers. Each is a type of its own, so that a role never stands where a person should.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is not a valid identifier of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {kind}: {rule}")]
pub struct IdError {
    /// What kind of identifier was wanted, in words.
    pub kind: &'static str,
    /// The text that was refused.
    pub text: String,
    /// The rule it breaks, in words.
    pub rule: &'static str,
}

/// Lower-case names: `a-z 0-9 - _ .`, first a letter or digit, at most 64 characters.
fn check_name(text: &str) -> Result<(), &'static str> {
    const RULE: &str =
        "use 1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit";
    let ok = (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    ok.then_some(()).ok_or(RULE)
}

/// Parameter names: `a-z 0-9 _`, first a letter, so that they are Cedar attribute names too.
fn check_param(text: &str) -> Result<(), &'static str> {
    const RULE: &str = "use 1 to 64 of a-z, 0-9 and '_', beginning with a letter";
    let ok = (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    ok.then_some(()).ok_or(RULE)
}

/// Host and group names as Ansible takes them: letters of both cases too.
fn check_host(text: &str) -> Result<(), &'static str> {
    const RULE: &str =
        "use 1 to 253 letters, digits, '-', '_' and '.', beginning with a letter or digit";
    let ok = (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    ok.then_some(()).ok_or(RULE)
}

/// Service names: as names, and `host:<uid>` of the built-in services.
fn check_service(text: &str) -> Result<(), &'static str> {
    match text.strip_prefix("host:") {
        Some(uid) if !uid.is_empty() && uid.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
        Some(_) => Err("host: is followed by a numeric user id"),
        None => check_name(text),
    }
}

/// Folders of settings that hold managed files: as names, without `.`, which TOML would split.
fn check_root(text: &str) -> Result<(), &'static str> {
    const RULE: &str = "use 1 to 64 of a-z, 0-9, '-' and '_', beginning with a letter or digit";
    check_name(text).ok().filter(|()| !text.contains('.')).ok_or(RULE)
}

/// Users and groups of the machine, by name or by number.
fn check_unix(text: &str) -> Result<(), &'static str> {
    const RULE: &str = "use a user or group name of the machine, or its number";
    let number = text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u32>().is_ok();
    let name = text.len() <= 32
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    (number || name).then_some(()).ok_or(RULE)
}

/// Git object names in full.
fn check_object(text: &str) -> Result<(), &'static str> {
    let ok = matches!(text.len(), 40 | 64)
        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    ok.then_some(()).ok_or("use the full hexadecimal object name, in lower case")
}

/// Identifiers that another system gives out: opaque, printable, no white space.
fn check_opaque(text: &str) -> Result<(), &'static str> {
    let ok = (1..=255).contains(&text.len())
        && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    ok.then_some(()).ok_or("use 1 to 255 characters without white space or control characters")
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident, $kind:literal, $check:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(rule) => Err(IdError { kind: $kind, text: text.to_owned(), rule }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text_id! {
    /// A person's name in the policy repo (`ada`), stable for life.
    PersonId, "person name", check_name;
    /// A service's name in the policy repo, or `reconciler`, `scheduler`, `host:<uid>`.
    ServiceId, "service name", check_service;
    /// A role (`operator`).
    RoleName, "role name", check_name;
    /// A mark a person bears (`oncall`).
    Flag, "flag", check_name;
    /// An intent (`restart-service`).
    IntentName, "intent name", check_name;
    /// A parameter of an intent; one name has one type in the whole policy repo.
    ParamName, "parameter name", check_param;
    /// A channel's name in the policy repo, the same on every platform.
    ChannelName, "channel name", check_name;
    /// An environment (`prod`).
    EnvironmentName, "environment name", check_name;
    /// A target: a host, a stack, or `local`.
    TargetName, "target name", check_host;
    /// A group of targets, as in the Ansible inventory.
    GroupName, "group name", check_host;
    /// A secret that settings map to a value.
    SecretName, "secret name", check_name;
    /// A folder of the settings below which files are managed (`managed`).
    RootName, "root name", check_root;
    /// A user or group of the machine, by name or by number.
    UnixName, "user or group", check_unix;
    /// A chat platform (`console`, `mattermost`).
    Platform, "platform name", check_name;
    /// A forge (`local`, `github`).
    ForgeName, "forge name", check_name;
    /// An account's immutable id on a chat platform or forge.
    AccountId, "account id", check_opaque;
    /// A channel's id on a chat platform.
    ChatChannelId, "chat channel id", check_opaque;
    /// A message's id on a chat platform.
    MessageId, "message id", check_opaque;
    /// A commit of the policy repo.
    Revision, "revision", check_object;
    /// A git object (blob or tree) of the policy repo.
    ObjectId, "object id", check_object;
}

impl Revision {
    /// Returns the first ten characters, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

/// A request's number, shown as `r42`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl FromStr for RequestId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        text.strip_prefix('r').unwrap_or(text).parse().map(Self).map_err(|_| IdError {
            kind: "request id",
            text: text.to_owned(),
            rule: "write it as r42",
        })
    }
}

/// An incident of drift, shown as `d7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub u64);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "d{}", self.0)
    }
}

impl FromStr for IncidentId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let number = text.strip_prefix(['d', 'D']).unwrap_or("");
        let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| number.parse().ok().map(Self)).flatten().ok_or_else(|| IdError {
            kind: "incident of drift",
            text: text.to_owned(),
            rule: "write it as d7",
        })
    }
}

/// One execution of a request, shown as `r42.1`. Only an idempotent intent has a second attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId {
    /// The request that is executed.
    pub request: RequestId,
    /// Counts from 1.
    pub attempt: u32,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.request, self.attempt)
    }
}

impl FromStr for RunId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused =
            || IdError { kind: "run id", text: text.to_owned(), rule: "write it as r42.1" };
        let (request, attempt) = text.split_once('.').ok_or_else(refused)?;
        Ok(Self {
            request: request.parse().map_err(|_| refused())?,
            attempt: attempt.parse().map_err(|_| refused())?,
        })
    }
}

/// A relative path in the policy repo: no leading slash, no `.`, `..` or empty parts, no `\`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(String);

impl RepoPath {
    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether the path is `folder` or lies below it.
    pub fn is_within(&self, folder: &RepoPath) -> bool {
        self.0.strip_prefix(&folder.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for RepoPath {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let ok = !text.is_empty()
            && !text.contains('\\')
            && !text.chars().any(char::is_control)
            && text.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError {
                kind: "path in the policy repo",
                text: text.to_owned(),
                rule: "write it relative to the top of the repository, without '.' or '..'",
            })
        }
    }
}

impl TryFrom<String> for RepoPath {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> String {
        path.0
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_matrix_are_ids() {
        for id in ["@ada:example.org", "@ada.l/x=1+2:hs.test:8448", "@a:[::1]:8448"] {
            assert!(id.parse::<AccountId>().is_ok(), "{id}");
        }
        for id in ["!abc:example.org", "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"] {
            assert!(id.parse::<ChatChannelId>().is_ok(), "{id}");
        }
        for id in ["$143273582443PhrSn:example.org", "$acR1l0raoZnm60CBwAVgqbZqoO_mYU81xysh1u7XcJk"]
        {
            assert!(id.parse::<MessageId>().is_ok(), "{id}");
        }
        let longest = format!("@{}:{}", "a".repeat(200), "b".repeat(53));
        assert!(longest.parse::<AccountId>().is_ok());
        assert!(format!("{longest}c").parse::<AccountId>().is_err());
        assert!("@a b:example.org".parse::<AccountId>().is_err());
    }
}
