//! Who may fill slots, veto, and review: each is itself a Cedar decision.

use std::collections::BTreeSet;

use crate::domain::id::{PersonId, RoleName};
use crate::domain::person::Principal;

use super::Snapshot;
use super::act::{Act, Ballot};
use super::facts::uid;
use super::may::is_allowed;
use super::question::Question;
use super::sight::Sight;
use super::standing::Standing;

/// Says whether `person` may fill a slot of `role` in this request: known, not banned, not the
/// requester, and permitted to `approve` on every target.
pub fn may_fill(
    snapshot: &Snapshot,
    question: &Question<'_>,
    person: &PersonId,
    role: &RoleName,
) -> bool {
    question.requester.person() != Some(person)
        && voter(snapshot, question, person)
            .is_some_and(|voter| on_every_target(snapshot, question, &voter, role, Act::Approve))
}

/// Returns everybody who may fill a slot of `role` in this request, in order of name.
pub(super) fn who_may_fill(
    snapshot: &Snapshot,
    question: &Question<'_>,
    role: &RoleName,
) -> Vec<PersonId> {
    let may = |person: &PersonId| may_fill(snapshot, question, person, role);
    let sight = sight_of_votes(snapshot, question).with([role]);
    snapshot.policies.alike.who(&sight, question.requester.person(), may)
}

/// Returns what policies that judge votes on a request can see of people; the roles that are voted
/// for are to be added.
pub(super) fn sight_of_votes(snapshot: &Snapshot, question: &Question<'_>) -> Sight {
    snapshot.policies.index.sight("approve", &uid("Intent", question.intent.as_str()))
}

/// Says whether holding exactly `role` is enough to fill a slot of it.
pub(super) fn stand_in_may_fill(
    snapshot: &Snapshot,
    question: &Question<'_>,
    role: &RoleName,
) -> bool {
    let standing = Standing::stand_in(&snapshot.repo, role);
    on_every_target(snapshot, question, &standing, role, Act::Approve)
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
    let mut standing = vec![];
    for vote in &question.evidence.vetoes {
        let Some(voter) = voter(snapshot, question, &vote.person) else { continue };
        let by = rule.veto.iter().find(|role| {
            voter.roles.contains(*role)
                && on_every_target(snapshot, question, &voter, role, Act::Veto)
        });
        standing.extend(by.map(|role| (&vote.person, role)));
    }
    standing
}

/// Returns the people whose review or merge counts for four eyes on this request: known, not
/// banned, not the requester, and permitted to `approve` it in one of its slots, or, where it
/// has none, by a role they hold.
pub fn eligible(snapshot: &Snapshot, question: &Question<'_>) -> BTreeSet<PersonId> {
    let repo = &snapshot.repo;
    let slots = repo.intents.get(question.intent).and_then(|i| i.approval.as_ref());
    let mut sight = sight_of_votes(snapshot, question);
    match slots {
        Some(rule) => sight = sight.with(rule.slots.iter().map(|slot| &slot.role)),
        None => sight.everything = true,
    }
    let people = snapshot.policies.alike.who(&sight, question.requester.person(), |person| {
        let roles = match slots {
            Some(rule) => rule.slots.iter().map(|slot| slot.role.clone()).collect(),
            None => repo.roles_of(person),
        };
        roles.iter().any(|role| may_fill(snapshot, question, person, role))
    });
    people.into_iter().collect()
}

/// Looks a voter up: known and not banned.
fn voter(snapshot: &Snapshot, question: &Question<'_>, person: &PersonId) -> Option<Standing> {
    let principal = Principal::Person(person.clone());
    let standing = Standing::of(&snapshot.repo, &principal, question.now).ok()?;
    snapshot.repo.live_ban(&principal, question.now).is_none().then_some(standing)
}

fn on_every_target<'a>(
    snapshot: &Snapshot,
    question: &Question<'a>,
    voter: &Standing,
    role: &'a RoleName,
    act: impl Fn(Ballot<'a>) -> Act<'a>,
) -> bool {
    let scene = question.card_scene();
    let ballot = |target| Ballot {
        role: Some(role),
        intent: question.intent,
        target,
        args: question.args,
        requester: question.requester.person(),
    };
    !question.targets.is_empty()
        && question
            .targets
            .iter()
            .all(|target| is_allowed(snapshot, voter, &act(ballot(target)), &scene))
}
