//! The delta guard: a revision that takes away too much at once waits for people.
//!
//! It is compared with every revision accepted within the last day, so that many small steps
//! count as the one large step they make. A rename is a removal and an addition.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PolicyEffect, Revised};
use crate::domain::id::{PersonId, Revision};
use crate::domain::reply::join;

/// How long an accepted revision is compared with.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// Fewer removals than this never count as many.
const FEW: usize = 3;

/// Parts between the subject of a ban and its end, in the name of a ban.
const UNTIL: &str = " until ";

/// Names that stood in the policy repo at some time, for the delta guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HighWater {
    /// When.
    pub at: Timestamp,
    /// Which revision.
    pub revision: Revision,
    /// Names by kind: `people`, `intents`, `policies`, `forbids`, `bans`, `admins`.
    pub names: BTreeMap<String, BTreeSet<String>>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// People.
    People,
    /// Intents.
    Intents,
    /// Policies.
    Policies,
    /// Policies that forbid.
    Forbids,
    /// Live bans, each with its end.
    Bans,
    /// People who hold the role `admin`.
    Admins,
}

impl Kind {
    /// Returns the name as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Intents => "intents",
            Self::Policies => "policies",
            Self::Forbids => "forbids",
            Self::Bans => "bans",
            Self::Admins => "admins",
        }
    }

    fn of(self, names: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<&str> {
        names.get(self.as_str()).into_iter().flatten().map(String::as_str).collect()
    }
}

/// Why a revision is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// More than a quarter, and at least three, of a kind are gone.
    Shrunk {
        /// Of what.
        kind: Kind,
        /// Which are gone.
        removed: BTreeSet<String>,
        /// How many there were.
        of: usize,
    },
    /// A policy that forbids is gone.
    ForbidRemoved(String),
    /// Somebody became an admin.
    AdminGained(String),
    /// Somebody is an admin no longer.
    AdminLost(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shrunk { kind, removed, of } => {
                let names: Vec<String> = removed.iter().cloned().collect();
                let (count, names) = (removed.len(), join(&names, "and"));
                write!(f, "{count} of {of} {} are gone: {names}", kind.as_str())
            }
            Self::ForbidRemoved(id) => write!(f, "the policy {id}, which forbids, is gone"),
            Self::AdminGained(person) => write!(f, "@{person} becomes an admin"),
            Self::AdminLost(person) => write!(f, "@{person} is an admin no longer"),
        }
    }
}

/// Returns the names of a revision that the guard compares.
pub fn names(revised: &Revised<'_>, now: Timestamp) -> BTreeMap<String, BTreeSet<String>> {
    let Revised { repo, policies } = revised;
    let is_admin =
        |person: &&PersonId| repo.roles_of(person).iter().any(|role| role.as_str() == "admin");
    let bans = repo.bans.of_files().iter().filter(|ban| ban.is_live(now)).map(|ban| {
        let end = ban.until.map_or_else(|| "permanent".to_owned(), |end| end.to_string());
        format!("{}{UNTIL}{end}", ban.subject)
    });
    let forbids = policies.iter().filter(|(_, policy)| policy.effect == PolicyEffect::Forbid);
    let named = |kind: Kind, names: BTreeSet<String>| (kind.as_str().to_owned(), names);
    BTreeMap::from([
        named(Kind::People, repo.people.keys().map(ToString::to_string).collect()),
        named(Kind::Intents, repo.intents.keys().map(ToString::to_string).collect()),
        named(Kind::Policies, policies.keys().cloned().collect()),
        named(Kind::Forbids, forbids.map(|(id, _)| id.clone()).collect()),
        named(Kind::Bans, bans.collect()),
        named(Kind::Admins, repo.people.keys().filter(is_admin).map(ToString::to_string).collect()),
    ])
}

/// Returns why a revision with these `names` must wait, given what was accepted before, oldest
/// first. Before the first revision there is nothing to compare with, and so no finding.
pub fn findings(
    accepted: &[HighWater],
    names: &BTreeMap<String, BTreeSet<String>>,
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings: BTreeSet<Finding> = [Kind::People, Kind::Intents, Kind::Policies, Kind::Bans]
        .into_iter()
        .filter_map(|kind| most_removed(kind, accepted, names, now))
        .collect();
    for mark in recent(accepted, now) {
        let forbids = Kind::Forbids.of(names);
        let gone = Kind::Forbids.of(&mark.names).into_iter().filter(|id| !forbids.contains(id));
        findings.extend(gone.map(|id| Finding::ForbidRemoved(id.to_owned())));
    }
    if let Some(last) = accepted.last() {
        let (old, new) = (Kind::Admins.of(&last.names), Kind::Admins.of(names));
        findings.extend(new.difference(&old).map(|one| Finding::AdminGained((*one).to_owned())));
        findings.extend(old.difference(&new).map(|one| Finding::AdminLost((*one).to_owned())));
    }
    findings.into_iter().collect()
}

/// Returns what to compare with from now on, once a revision is accepted. One that people let
/// through in spite of its findings is where counting begins again.
pub fn remember(
    mut accepted: Vec<HighWater>,
    new: HighWater,
    findings: &[Finding],
) -> Vec<HighWater> {
    if findings.is_empty() {
        accepted = recent(&accepted, new.at).cloned().collect();
    } else {
        accepted.clear();
    }
    accepted.push(new);
    accepted
}

/// Returns the revisions that were in force at some time of the last day.
fn recent(accepted: &[HighWater], now: Timestamp) -> impl Iterator<Item = &HighWater> {
    let replaced = |place: usize| accepted.get(place + 1).map(|next| next.at);
    accepted
        .iter()
        .enumerate()
        .filter(move |(place, _)| {
            replaced(*place).is_none_or(|at| now.duration_since(at) <= MEMORY)
        })
        .map(|(_, mark)| mark)
}

/// Returns the worst loss of one kind, if it is one that counts.
fn most_removed(
    kind: Kind,
    accepted: &[HighWater],
    names: &BTreeMap<String, BTreeSet<String>>,
    now: Timestamp,
) -> Option<Finding> {
    let new = kind.of(names);
    let loss = |mark: &HighWater| {
        let old = still_due(kind, kind.of(&mark.names), now);
        let removed: BTreeSet<String> =
            old.iter().filter(|name| !stays(kind, name, &new)).map(|name| (*name).into()).collect();
        (removed, old.len())
    };
    recent(accepted, now)
        .map(loss)
        .filter(|(removed, of)| removed.len() >= FEW && removed.len() * 4 > *of)
        .max_by_key(|(removed, _)| removed.len())
        .map(|(removed, of)| Finding::Shrunk { kind, removed, of })
}

/// Leaves out bans that have ended since: nobody took those away.
fn still_due(kind: Kind, names: BTreeSet<&str>, now: Timestamp) -> BTreeSet<&str> {
    let ended = |ban: &str| end_of(ban).is_some_and(|end| end <= now);
    names.into_iter().filter(|name| kind != Kind::Bans || !ended(name)).collect()
}

fn stays(kind: Kind, name: &str, new: &BTreeSet<&str>) -> bool {
    match kind {
        Kind::Bans => new.iter().any(|ban| holds_as_long(ban, name)),
        Kind::People | Kind::Intents | Kind::Policies | Kind::Forbids | Kind::Admins => {
            new.contains(name)
        }
    }
}

/// Returns when the ban of that name ends; `None`: never.
fn end_of(ban: &str) -> Option<Timestamp> {
    ban.rsplit_once(UNTIL).and_then(|(_, end)| end.parse().ok())
}

/// Says whether the first ban is on the same subject and ends no sooner than the second.
fn holds_as_long(ban: &str, old: &str) -> bool {
    let subject = |name| str::rsplit_once(name, UNTIL).map(|(subject, _)| subject);
    let end = |name: &str| end_of(name).unwrap_or(Timestamp::MAX);
    subject(ban) == subject(old) && end(ban) >= end(old)
}
