//! Which file is of which kind.

use std::collections::BTreeMap;

use super::report::Report;
use crate::domain::diagnostic::Code;
use crate::domain::id::RepoPath;
use crate::domain::repo::Tree;

/// The kind of a file that the loader reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `policies/**.cedar`
    Policy,
    /// `intents/NAME.yaml`
    Intent,
    /// `inventory/people/NAME.yaml`
    Person,
    /// `inventory/services/NAME.yaml`
    Service,
    /// `inventory/bans/NAME.yaml`
    Ban,
    /// `inventory/roles.yaml`
    Roles,
    /// `inventory/channels.yaml`
    Channels,
    /// `inventory/hosts.yaml`
    Hosts,
    /// `inventory/environments.yaml`
    Environments,
}

/// Single files that every policy repo has.
const REQUIRED: [&str; 3] =
    ["inventory/channels.yaml", "inventory/environments.yaml", "inventory/roles.yaml"];

/// Sorts the files that are loaded by kind, and tells those that belong to none.
pub fn sort(tree: &Tree, report: &mut Report) -> BTreeMap<Kind, Vec<RepoPath>> {
    let mut kinds: BTreeMap<Kind, Vec<RepoPath>> = BTreeMap::new();
    for path in tree.0.keys() {
        match kind_of(path.as_str()) {
            Sorted::Kind(kind) => kinds.entry(kind).or_default().push(path.clone()),
            Sorted::Elsewhere => {}
            Sorted::Later(what) => {
                let message = format!("{what} are not supported by this version of Tribune");
                report.say_whole(path, Code::NotYetSupported, message);
            }
            Sorted::Unknown => {
                let message = "no part of the policy repo reads this file, so it would do nothing";
                report.say_whole(path, Code::FileUnknown, message);
            }
        }
    }
    for path in REQUIRED {
        let path: RepoPath = path.parse().expect("it is a path");
        if !tree.0.contains_key(&path) {
            report.say_whole(&path, Code::FileMissing, "the file is missing");
        }
    }
    kinds
}

enum Sorted {
    Kind(Kind),
    Elsewhere,
    Later(&'static str),
    Unknown,
}

fn kind_of(path: &str) -> Sorted {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["policies" | "intents" | "inventory", .., name] if is_note(name) => Sorted::Elsewhere,
        ["policies", "tests", ..] => Sorted::Later("policy tests"),
        ["policies", .., name] if name.ends_with(".cedar") => Sorted::Kind(Kind::Policy),
        ["intents", name] if is_yaml(name) => Sorted::Kind(Kind::Intent),
        ["inventory", "people", name] if is_yaml(name) => Sorted::Kind(Kind::Person),
        ["inventory", "services", name] if is_yaml(name) => Sorted::Kind(Kind::Service),
        ["inventory", "bans", name] if is_yaml(name) => Sorted::Kind(Kind::Ban),
        ["inventory", "stacks", ..] => Sorted::Later("stacks"),
        ["inventory", "roles.yaml"] => Sorted::Kind(Kind::Roles),
        ["inventory", "channels.yaml"] => Sorted::Kind(Kind::Channels),
        ["inventory", "hosts.yaml"] => Sorted::Kind(Kind::Hosts),
        ["inventory", "environments.yaml"] => Sorted::Kind(Kind::Environments),
        ["policies" | "intents" | "inventory", ..] => Sorted::Unknown,
        _ => Sorted::Elsewhere,
    }
}

/// Notes for people, and the marks by which git keeps an empty folder.
fn is_note(name: &str) -> bool {
    name.ends_with(".md") || name == ".gitkeep"
}

fn is_yaml(name: &str) -> bool {
    name.strip_suffix(".yaml").is_some_and(|stem| !stem.is_empty())
}

/// Returns the name of a file without folder and ending.
pub fn stem(path: &RepoPath) -> &str {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".yaml").unwrap_or(name)
}
