//! Who may fill slots, veto, and review: each is itself a Cedar decision.

use std::collections::BTreeSet;

use crate::domain::id::{PersonId, RoleName, TargetName};
use crate::domain::person::Principal;

use super::Snapshot;
use super::act::{Act, Ballot};
use super::may::{may, may_as};
use super::question::Question;
use super::standing::Standing;

/// Says whether `person` may fill a slot of `role` in this request: known, not banned, not the
/// requester, and permitted to `approve` on every target.
pub fn may_fill(
    snapshot: &Snapshot,
    question: &Question<'_>,
    person: &PersonId,
    role: &RoleName,
) -> bool {
    can_vote(snapshot, question, person)
        && question.requester.person() != Some(person)
        && on_every_target(snapshot, question, person, role, Act::Approve)
}

/// Says whether holding exactly `role` is enough to fill a slot of it.
pub(super) fn stand_in_may_fill(
    snapshot: &Snapshot,
    question: &Question<'_>,
    role: &RoleName,
) -> bool {
    let standing = Standing::stand_in(&snapshot.repo, role);
    let scene = question.card_scene();
    question.targets.iter().all(|target| {
        let act = Act::Approve(ballot(question, role, target));
        may_as(snapshot, &standing, "anybody", &act, &scene).allowed
    })
}

/// Returns the vetoes among the evidence that end the request, with the role each is given by.
pub fn standing_vetoes<'a>(
    snapshot: &'a Snapshot,
    question: &Question<'a>,
) -> Vec<(&'a PersonId, &'a RoleName)> {
    let Some(rule) = snapshot.repo.intents.get(question.intent).and_then(|i| i.approval.as_ref())
    else {
        return vec![];
    };
    question
        .evidence
        .vetoes
        .iter()
        .filter(|vote| can_vote(snapshot, question, &vote.person))
        .filter_map(|vote| {
            let by = rule.veto.iter().find(|role| {
                snapshot.repo.roles_of(&vote.person).contains(*role)
                    && on_every_target(snapshot, question, &vote.person, role, Act::Veto)
            });
            by.map(|role| (&vote.person, role))
        })
        .collect()
}

/// Returns the people whose review or merge counts for four eyes on this request: known, not
/// banned, not the requester, and permitted to `approve` it in one of its slots, or, where it
/// has none, by a role they hold.
pub fn eligible(snapshot: &Snapshot, question: &Question<'_>) -> BTreeSet<PersonId> {
    let repo = &snapshot.repo;
    let slots = repo.intents.get(question.intent).and_then(|i| i.approval.as_ref());
    let people = repo.people.keys().filter(|person| {
        let roles = match slots {
            Some(rule) => rule.slots.iter().map(|slot| slot.role.clone()).collect(),
            None => repo.roles_of(person),
        };
        roles.iter().any(|role| may_fill(snapshot, question, person, role))
    });
    people.cloned().collect()
}

fn can_vote(snapshot: &Snapshot, question: &Question<'_>, person: &PersonId) -> bool {
    let banned = || snapshot.repo.live_ban(&Principal::Person(person.clone()), question.now);
    snapshot.repo.people.contains_key(person) && banned().is_none()
}

fn on_every_target<'a>(
    snapshot: &Snapshot,
    question: &Question<'a>,
    person: &PersonId,
    role: &'a RoleName,
    act: impl Fn(Ballot<'a>) -> Act<'a>,
) -> bool {
    let voter = Principal::Person(person.clone());
    let scene = question.card_scene();
    !question.targets.is_empty()
        && question.targets.iter().all(|target| {
            may(snapshot, &voter, &act(ballot(question, role, target)), &scene).allowed
        })
}

fn ballot<'a>(question: &Question<'a>, role: &'a RoleName, target: &'a TargetName) -> Ballot<'a> {
    Ballot {
        role: Some(role),
        intent: question.intent,
        target,
        args: question.args,
        requester: question.requester.person(),
    }
}
