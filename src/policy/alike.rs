//! People whom nothing that policies can see tells apart.
//!
//! Policies see of a person their roles, flags and bans, and whether they are somebody who is
//! named: in a policy, as the owner of a service, or by the question itself. People who agree in
//! all of that get the same answer to the same question, so whoever asks about everybody asks
//! about one of each kind. A property test compares with asking about each.
//!
//! INVARIANT: exchanging two people of one kind changes nothing that a decision reads.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::id::{Flag, PersonId, RoleName};
use crate::domain::person::Principal;
use crate::domain::repo::PolicyRepo;

use super::rule::Rule;

/// Everybody, by kind. Who is named is a kind of their own.
#[derive(Debug, Clone, Default)]
pub(super) struct Alike(Vec<Vec<PersonId>>);

/// What policies see of a person.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Look<'a> {
    roles: &'a BTreeSet<RoleName>,
    flags: &'a BTreeSet<Flag>,
    bans: Vec<(&'a str, Option<Timestamp>)>,
    /// Who it is, where somebody names them.
    named: Option<&'a PersonId>,
}

impl Alike {
    /// Sorts the people of `repo` by what `rules` and the host can see of them.
    pub fn of<'a>(repo: &PolicyRepo, rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut named: BTreeSet<PersonId> =
            repo.services.values().filter_map(|service| service.owner.clone()).collect();
        for rule in rules {
            let people = rule.named().into_iter().filter(|uid| uid.ty.to_string() == "Person");
            named.extend(people.filter_map(|uid| uid.eid.parse::<PersonId>().ok()));
        }
        let mut bans: BTreeMap<&PersonId, Vec<_>> = BTreeMap::new();
        for ban in repo.bans.iter() {
            if let Principal::Person(person) = &ban.subject {
                bans.entry(person).or_default().push((ban.reason.as_str(), ban.until));
            }
        }
        let mut kinds: BTreeMap<Look<'_>, Vec<PersonId>> = BTreeMap::new();
        for person in repo.people.values() {
            let look = Look {
                roles: &person.roles,
                flags: &person.flags,
                bans: bans.get(&person.id).cloned().unwrap_or_default(),
                named: named.get(&person.id),
            };
            kinds.entry(look).or_default().push(person.id.clone());
        }
        Self(kinds.into_values().collect())
    }

    /// Returns everybody for whom it holds, in order of name. `named` is whom the question names.
    pub fn who(
        &self,
        named: Option<&PersonId>,
        mut holds: impl FnMut(&PersonId) -> bool,
    ) -> Vec<PersonId> {
        let mut found: Vec<PersonId> =
            named.into_iter().filter(|one| holds(one)).cloned().collect();
        for kind in &self.0 {
            let mut others = kind.iter().filter(|one| Some(*one) != named).peekable();
            if others.peek().is_some_and(|one| holds(one)) {
                found.extend(others.cloned());
            }
        }
        found.sort();
        found
    }
}
