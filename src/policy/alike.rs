//! People and targets that nothing policies can see tells apart.
//!
//! Policies see of a person their roles, flags and bans, and whether they are somebody who is
//! named: in a policy, as the owner of a service, or by the question itself. Of a target they see
//! its environment and groups, and whether a policy names it. Those who agree in all of that get
//! the same answer to the same question, so whoever asks about everybody, or about every target,
//! asks about one of each kind. Property tests compare with asking about each.
//!
//! INVARIANT: exchanging two people or two targets of one kind changes nothing that a decision
//! reads.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::id::{EnvironmentName, Flag, GroupName, PersonId, RoleName, TargetName};
use crate::domain::person::Principal;
use crate::domain::repo::PolicyRepo;

use super::rule::Rule;

/// Everybody and every target, by kind. What is named is a kind of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Alike {
    people: Vec<Vec<PersonId>>,
    /// The number of each target's kind.
    targets: BTreeMap<TargetName, usize>,
}

/// What policies see of a person.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct PersonLook<'a> {
    roles: &'a BTreeSet<RoleName>,
    flags: &'a BTreeSet<Flag>,
    bans: Vec<(&'a str, Option<Timestamp>)>,
    /// Who it is, where somebody names them.
    named: Option<&'a PersonId>,
}

/// What policies see of a target.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct TargetLook<'a> {
    environment: &'a EnvironmentName,
    groups: &'a BTreeSet<GroupName>,
    /// Which it is, where a policy names it.
    named: Option<&'a TargetName>,
}

impl Alike {
    /// Sorts the people and targets of `repo` by what `rules` and the host can see of them.
    pub fn of<'a>(repo: &PolicyRepo, rules: impl Iterator<Item = &'a Rule>) -> Self {
        let (mut people, mut targets) = (BTreeSet::new(), BTreeSet::new());
        for uid in rules.flat_map(Rule::named) {
            match uid.ty.to_string().as_str() {
                "Person" => people.extend(uid.eid.parse().ok()),
                "Target" => targets.extend(uid.eid.parse().ok()),
                _ => {}
            }
        }
        people.extend(repo.services.values().filter_map(|service| service.owner.clone()));
        Self { people: kinds_of_people(repo, &people), targets: kinds_of_targets(repo, &targets) }
    }

    /// Returns everybody for whom it holds, in order of name. `named` is whom the question names.
    pub fn who(
        &self,
        named: Option<&PersonId>,
        mut holds: impl FnMut(&PersonId) -> bool,
    ) -> Vec<PersonId> {
        let mut found: Vec<PersonId> =
            named.into_iter().filter(|one| holds(one)).cloned().collect();
        for kind in &self.people {
            let mut others = kind.iter().filter(|one| Some(*one) != named).peekable();
            if others.peek().is_some_and(|one| holds(one)) {
                found.extend(others.cloned());
            }
        }
        found.sort();
        found
    }
    /// Returns one target of each kind among `targets`, in their order.
    pub fn one_of_each(&self, targets: impl IntoIterator<Item = TargetName>) -> Vec<TargetName> {
        let mut seen = BTreeSet::new();
        // What nobody knows is like nothing else.
        let is_first = |target: &TargetName| match self.targets.get(target) {
            Some(kind) => seen.insert(*kind),
            None => true,
        };
        targets.into_iter().filter(is_first).collect()
    }
}

fn kinds_of_people(repo: &PolicyRepo, named: &BTreeSet<PersonId>) -> Vec<Vec<PersonId>> {
    let mut bans: BTreeMap<&PersonId, Vec<_>> = BTreeMap::new();
    for ban in repo.bans.iter() {
        if let Principal::Person(person) = &ban.subject {
            bans.entry(person).or_default().push((ban.reason.as_str(), ban.until));
        }
    }
    let mut kinds: BTreeMap<PersonLook<'_>, Vec<PersonId>> = BTreeMap::new();
    for person in repo.people.values() {
        let look = PersonLook {
            roles: &person.roles,
            flags: &person.flags,
            bans: bans.get(&person.id).cloned().unwrap_or_default(),
            named: named.get(&person.id),
        };
        kinds.entry(look).or_default().push(person.id.clone());
    }
    kinds.into_values().collect()
}

fn kinds_of_targets(
    repo: &PolicyRepo,
    named: &BTreeSet<TargetName>,
) -> BTreeMap<TargetName, usize> {
    let mut kinds: BTreeMap<TargetLook<'_>, usize> = BTreeMap::new();
    let targets = repo.inventory.targets.values().map(|target| {
        let look = TargetLook {
            environment: &target.environment,
            groups: &target.groups,
            named: named.get(&target.name),
        };
        let next = kinds.len();
        (target.name.clone(), *kinds.entry(look).or_insert(next))
    });
    targets.collect()
}
