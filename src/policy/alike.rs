//! People and targets that nothing policies can see tells apart.
//!
//! Policies see of a person their roles, flags and bans, and whether they are somebody who is
//! named: in a policy, as the owner of a service, or by the question itself. Of a target they see
//! its environment and groups, and whether a policy names it. Those who agree in all of that get
//! the same answer to the same question, so whoever asks about everybody, or about every target,
//! asks about one of each kind. Policies that are asked about one intent see less of people than
//! all policies do ([`Sight`]), so kinds that differ in nothing they see are one kind to them.
//! Property tests compare with asking about each.
//!
//! INVARIANT: exchanging two people or two targets of one kind changes nothing that a decision
//! reads.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::id::{EnvironmentName, Flag, GroupName, PersonId, RoleName, TargetName};
use crate::domain::person::Principal;
use crate::domain::repo::PolicyRepo;

use super::rule::Rule;
use super::sight::Sight;

/// Everybody and every target, by kind. What is named is a kind of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Alike {
    people: Vec<Kind>,
    /// The number of each target's kind.
    targets: BTreeMap<TargetName, usize>,
}

/// People who look the same.
#[derive(Debug, Clone)]
struct Kind {
    look: PersonLook,
    people: Vec<PersonId>,
}

/// What can be seen of a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct PersonLook {
    /// Every role they hold.
    roles: BTreeSet<RoleName>,
    flags: BTreeSet<Flag>,
    bans: Vec<(String, Option<Timestamp>)>,
    /// Who it is, where somebody names them.
    named: Option<PersonId>,
}

/// What somebody sees of a person who sees only so much.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Glimpse<'a> {
    roles: Vec<&'a RoleName>,
    flags: Option<&'a BTreeSet<Flag>>,
    bans: &'a [(String, Option<Timestamp>)],
    named: Option<&'a PersonId>,
}

impl PersonLook {
    fn by(&self, sight: &Sight) -> Glimpse<'_> {
        let seen = |role: &&RoleName| sight.everything || sight.roles.contains(*role);
        Glimpse {
            roles: self.roles.iter().filter(seen).collect(),
            flags: (sight.everything || sight.flags).then_some(&self.flags),
            bans: &self.bans,
            named: self.named.as_ref(),
        }
    }
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

    /// Returns everybody for whom it holds, in order of name. `sight` is what decides about them,
    /// `named` whom the question names.
    pub fn who(
        &self,
        sight: &Sight,
        named: Option<&PersonId>,
        mut holds: impl FnMut(&PersonId) -> bool,
    ) -> Vec<PersonId> {
        let mut found: Vec<PersonId> =
            named.into_iter().filter(|one| holds(one)).cloned().collect();
        let mut answers: BTreeMap<Glimpse<'_>, bool> = BTreeMap::new();
        for kind in &self.people {
            let mut others = kind.people.iter().filter(|one| Some(*one) != named).peekable();
            let Some(one) = others.peek() else { continue };
            if *answers.entry(kind.look.by(sight)).or_insert_with(|| holds(one)) {
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

fn kinds_of_people(repo: &PolicyRepo, named: &BTreeSet<PersonId>) -> Vec<Kind> {
    let mut bans: BTreeMap<&PersonId, Vec<_>> = BTreeMap::new();
    for ban in repo.bans.iter() {
        if let Principal::Person(person) = &ban.subject {
            bans.entry(person).or_default().push((ban.reason.clone(), ban.until));
        }
    }
    let mut kinds: BTreeMap<PersonLook, Vec<PersonId>> = BTreeMap::new();
    for person in repo.people.values() {
        let look = PersonLook {
            roles: repo.roles_of(&person.id),
            flags: person.flags.clone(),
            bans: bans.remove(&person.id).unwrap_or_default(),
            named: named.get(&person.id).cloned(),
        };
        kinds.entry(look).or_default().push(person.id.clone());
    }
    kinds.into_iter().map(|(look, people)| Kind { look, people }).collect()
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
