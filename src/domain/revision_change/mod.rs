//! What a new revision of the policy repo changes: in words for people, and as findings of the
//! guard that holds back a revision which takes away too much at once.
//!
//! Every struct is taken apart field by field, so that a field which is added later cannot be
//! forgotten here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use jiff::Timestamp;

use super::body::Span;
use super::reply::{code, text};
use super::repo::{PolicyRepo, Tree};

mod guard;
mod intent;
mod people;
mod places;
#[cfg(test)]
mod tests;

pub use guard::{Finding, HighWater, Kind, findings, names, remember};

/// A revision as it is compared: the policy repo, and its policies one by one.
#[derive(Debug, Clone, Copy)]
pub struct Revised<'a> {
    /// What it says.
    pub repo: &'a PolicyRepo,
    /// Its policies by `@id`.
    pub policies: &'a BTreeMap<String, PolicyText>,
}

/// One policy as far as a comparison goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// Whether it permits or forbids.
    pub effect: PolicyEffect,
    /// Its text.
    pub text: String,
}

/// What a policy does when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyEffect {
    /// It permits.
    Permit,
    /// It forbids.
    Forbid,
}

impl PolicyEffect {
    fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Forbid => "forbid",
        }
    }
}

/// Returns what is different in `after`, one line per thing that changed; empty if what is said
/// is the same, though files may be written differently.
pub fn words(before: &Revised<'_>, after: &Revised<'_>, now: Timestamp) -> Vec<Vec<Span>> {
    let PolicyRepo {
        people,
        services,
        roles,
        bans,
        channels,
        inventory,
        intents,
        policies: _, // Told one by one, by their ids.
        tree,
    } = before.repo;
    let new = after.repo;
    let mut lines = people::people(people, &new.people);
    lines.extend(people::services(services, &new.services));
    lines.extend(people::roles(roles, &new.roles));
    lines.extend(people::bans(bans.of_files(), new.bans.of_files(), now));
    lines.extend(policies(before.policies, after.policies));
    lines.extend(intent::intents(intents, &new.intents));
    lines.extend(places::channels(channels, &new.channels));
    lines.extend(places::inventory(inventory, &new.inventory));
    lines.extend(files(tree, &new.tree));
    lines
}

fn policies(
    before: &BTreeMap<String, PolicyText>,
    after: &BTreeMap<String, PolicyText>,
) -> Vec<Vec<Span>> {
    compared(before, after, |id, change| {
        let words = match change {
            Change::Added(new) => format!(" ({}) was added", new.effect.as_str()),
            Change::Removed(old) => format!(" ({}) was removed", old.effect.as_str()),
            Change::Changed(old, new) if old.effect != new.effect => {
                format!(" changed from {} to {}", old.effect.as_str(), new.effect.as_str())
            }
            Change::Changed(_, new) => format!(" ({}) changed", new.effect.as_str()),
        };
        Some(vec![text("policy "), code(id), text(words)])
    })
}

/// Tells of files that nothing else tells of: playbooks, scripts, whatever runs read.
fn files(before: &Tree, after: &Tree) -> Vec<Vec<Span>> {
    const TOLD: [&str; 3] = ["policies/", "intents/", "inventory/"];
    compared(&before.0, &after.0, |path, change| {
        if TOLD.iter().any(|folder| path.as_str().starts_with(folder)) {
            return None;
        }
        let words = match change {
            Change::Added(_) => " was added",
            Change::Removed(_) => " was removed",
            Change::Changed(_, _) => " changed",
        };
        Some(vec![text("file "), code(path.to_string()), text(words)])
    })
}

/// How one thing of a map differs.
enum Change<'a, V> {
    Added(&'a V),
    Removed(&'a V),
    Changed(&'a V, &'a V),
}

/// Calls `tell` for every key whose value differs, in order of keys.
fn compared<K: Ord, V: PartialEq, T>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    tell: impl Fn(&K, Change<'_, V>) -> Option<T>,
) -> Vec<T> {
    let keys: BTreeSet<&K> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter_map(|key| match (before.get(key), after.get(key)) {
            (None, Some(new)) => tell(key, Change::Added(new)),
            (Some(old), None) => tell(key, Change::Removed(old)),
            (Some(old), Some(new)) if old != new => tell(key, Change::Changed(old, new)),
            (Some(_), Some(_)) | (None, None) => None,
        })
        .collect()
}

/// Collects what differs in the fields of one thing.
#[derive(Default)]
struct Parts(Vec<String>);

impl Parts {
    /// Tells `name old → new` if they differ.
    fn value<T: PartialEq + Display>(&mut self, name: &str, old: &T, new: &T) {
        if old != new {
            self.0.push(format!("{name} {old} → {new}"));
        }
    }

    /// As [`Self::value`], for what may be absent.
    fn optional<T: PartialEq + Display>(&mut self, name: &str, old: Option<&T>, new: Option<&T>) {
        let shown = |value: Option<&T>| value.map_or_else(|| "none".to_owned(), T::to_string);
        if old != new {
            self.0.push(format!("{name} {} → {}", shown(old), shown(new)));
        }
    }

    /// Tells that something changed which is too long to show.
    fn whole<T: PartialEq + ?Sized>(&mut self, words: &str, old: &T, new: &T) {
        if old != new {
            self.0.push(words.to_owned());
        }
    }

    /// Tells what came and what went: `gained role sre`, `lost role user`.
    fn set<T: Ord + Display>(&mut self, name: &str, old: &BTreeSet<T>, new: &BTreeSet<T>) {
        self.0.extend(new.difference(old).map(|one| format!("gained {name} {one}")));
        self.0.extend(old.difference(new).map(|one| format!("lost {name} {one}")));
    }

    /// Returns the line, if anything differs.
    fn line(self, mut subject: Vec<Span>) -> Option<Vec<Span>> {
        if self.0.is_empty() {
            return None;
        }
        subject.push(text(self.0.join("; ")));
        Some(subject)
    }
}
