//! What somebody may do, and who may do something.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::approval;
use crate::domain::decision::{Missing, Reason};
use crate::domain::evidence::Evidence;
use crate::domain::id::{IntentName, PersonId, RoleName};
use crate::domain::intent::Intent;
use crate::domain::param::{Args, ParamKind, Value};
use crate::domain::person::Principal;
use crate::domain::repo::PolicyRepo;
use crate::domain::request::Mode;

use super::Snapshot;
use super::act::{Act, Ballot, Scene, Viewed};
use super::ask::Ask;
use super::case::args_record;
use super::decide::{is_open, role_may_run};
use super::explain::{refuses, told};
use super::facts::{INSTANCE, uid};
use super::question::Question;
use super::sight::Sight;
use super::standing::Standing;
use super::voting::{may_fill, sight_of_votes, who_may_fill};

/// The answer to something that needs no evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is permitted.
    pub allowed: bool,
    /// Why, deciding rules first.
    pub reasons: Vec<Reason>,
}

/// Says whether `principal` may do something.
pub fn may(
    snapshot: &Snapshot,
    principal: &Principal,
    act: &Act<'_>,
    scene: &Scene<'_>,
) -> Verdict {
    let refused = |why| Verdict { allowed: false, reasons: vec![refuses(why)] };
    let standing = match Standing::of(&snapshot.repo, principal, scene.now) {
        Ok(standing) => standing,
        Err(why) => return refused(why),
    };
    match snapshot.policies.prepare(&ask_of(snapshot, &standing, act, scene)) {
        Ok(ready) => {
            let answer = snapshot.policies.answer(&ready);
            let reasons = told(snapshot, &ready, &answer, &principal.to_string());
            Verdict { allowed: answer.is_allowed(), reasons }
        }
        Err(why) => refused(why),
    }
}

/// Says whether somebody may do something, without the reasons.
pub(super) fn is_allowed(
    snapshot: &Snapshot,
    standing: &Standing,
    act: &Act<'_>,
    scene: &Scene<'_>,
) -> bool {
    let ready = snapshot.policies.prepare(&ask_of(snapshot, standing, act, scene));
    ready.is_ok_and(|ready| snapshot.policies.answer(&ready).is_allowed())
}

fn ask_of(snapshot: &Snapshot, standing: &Standing, act: &Act<'_>, scene: &Scene<'_>) -> Ask {
    let start = |resource| {
        Ask::new(standing.uid.clone(), act.name(), resource, scene).bringing(standing.fact.clone())
    };
    let thing = |intent: &Option<&IntentName>| match intent {
        Some(intent) => uid("Intent", intent.as_str()),
        None => uid("Instance", INSTANCE),
    };
    match act {
        Act::Approve(ballot) | Act::Veto(ballot) => {
            with_ballot(start(uid("Intent", ballot.intent.as_str())), ballot)
        }
        Act::View(Viewed::Intent(intent)) => start(uid("Intent", intent.as_str())),
        Act::View(Viewed::Channel(channel)) => start(uid("Channel", channel.as_str())),
        Act::View(Viewed::Page(page)) => start(uid("Page", page.as_str())),
        Act::Ban { subject, again } => {
            about(snapshot, standing, start(uid("Person", subject.as_str())), subject)
                .with("again", *again)
        }
        Act::Unban { subject, issued } => {
            about(snapshot, standing, start(uid("Person", subject.as_str())), subject)
                .with("issued", *issued)
        }
        Act::Propose(kind, subject) => start(uid("Change", kind.as_str()))
            .naming_if("subject", subject.map(|subject| uid("Person", subject.as_str()))),
        Act::Ignore(intent, target) => start(uid("Intent", intent.as_str())).on(target),
        Act::Pause(intent) | Act::Resume(intent) => start(thing(intent)),
        Act::Administer => start(uid("Instance", INSTANCE)),
    }
}

/// Adds how high the two stand.
fn about(snapshot: &Snapshot, standing: &Standing, ask: Ask, subject: &PersonId) -> Ask {
    let outranks = outranks(&snapshot.repo, &standing.roles, subject);
    ask.with("outranks", outranks)
}

fn with_ballot(ask: Ask, ballot: &Ballot<'_>) -> Ask {
    ask.on(ballot.target)
        .with("args", args_record(ballot.args))
        .naming_if("role", ballot.role.map(|role| uid("Role", role.as_str())))
        .naming_if("requester", ballot.requester.map(|person| uid("Person", person.as_str())))
}

/// Says whether every role of `subject` lies properly below one of `own`.
fn outranks(repo: &PolicyRepo, own: &BTreeSet<RoleName>, subject: &PersonId) -> bool {
    let below = |theirs: &RoleName| own.iter().any(|role| repo.roles.is_below(theirs, role));
    repo.people.contains_key(subject) && repo.roles_of(subject).iter().all(below)
}

/// Returns, for each role by which somebody could help to fill what is missing, the people who
/// really could: not the requester, not banned, and not among those who approved.
pub fn who_could(
    snapshot: &Snapshot,
    question: &Question<'_>,
    missing: &Missing,
) -> BTreeMap<RoleName, Vec<PersonId>> {
    let seated: BTreeSet<PersonId> =
        question.evidence.approvals.iter().map(|vote| vote.person.clone()).collect();
    let could = |role: RoleName| {
        let people = who_may_fill(snapshot, question, &role).into_iter();
        let people = people.filter(|person| !seated.contains(person)).collect();
        (role, people)
    };
    roles_wanted(snapshot, question, missing).into_iter().map(could).collect()
}

/// Says whether somebody who has not approved could help to fill what is missing.
pub fn could_fill(
    snapshot: &Snapshot,
    question: &Question<'_>,
    missing: &Missing,
    person: &PersonId,
) -> bool {
    !question.evidence.approvals.iter().any(|vote| vote.person == *person)
        && roles_wanted(snapshot, question, missing)
            .iter()
            .any(|role| may_fill(snapshot, question, person, role))
}

/// Returns the roles by which somebody could help to fill what is missing: whoever fills one slot
/// and may fill another makes room there.
fn roles_wanted(snapshot: &Snapshot, question: &Question<'_>, missing: &Missing) -> Vec<RoleName> {
    let rule = snapshot.repo.intents.get(question.intent).and_then(|it| it.approval.as_ref());
    let Some(rule) = rule.filter(|_| !missing.slots.is_empty()) else { return vec![] };
    let voters: Vec<PersonId> =
        question.evidence.approvals.iter().map(|vote| vote.person.clone()).collect();
    approval::openings(&rule.slots, &voters, |person, slot| {
        may_fill(snapshot, question, person, &slot.role)
    })
}

/// A slot that somebody could fill, with some of the people who could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSlot {
    /// The role.
    pub role: RoleName,
    /// How many people are wanted; 0: it is full, and somebody in it could fill another instead.
    pub count: u32,
    /// People who could fill it, in order of name.
    pub people: Vec<PersonId>,
    /// Whether there are more than those.
    pub more: bool,
}

/// Returns the slots that somebody could fill, each with at most `most` of those who hold its
/// role and could. For lists: [`who_could`] asks about everybody.
pub fn some_who_could(
    snapshot: &Snapshot,
    question: &Question<'_>,
    missing: &Missing,
    most: usize,
) -> Vec<OpenSlot> {
    let repo = &snapshot.repo;
    let seated: BTreeSet<&PersonId> =
        question.evidence.approvals.iter().map(|vote| &vote.person).collect();
    let open = |role: RoleName| {
        let holders = repo
            .people
            .keys()
            .filter(|person| !seated.contains(person) && repo.roles_of(person).contains(&role));
        let mut people: Vec<PersonId> = holders
            .filter(|person| may_fill(snapshot, question, person, &role))
            .take(most + 1)
            .cloned()
            .collect();
        let more = people.len() > most;
        people.truncate(most);
        OpenSlot { count: missing.count_of(&role), role, people, more }
    };
    roles_wanted(snapshot, question, missing).into_iter().map(open).collect()
}

/// Who could have asked for what somebody else was denied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CouldRun {
    /// Roles that suffice, the lowest ones only.
    pub roles: Vec<RoleName>,
    /// People who may ask for it as it stands, in order of name.
    pub people: Vec<PersonId>,
}

/// Returns who could ask for the same thing, with the evidence that it takes.
pub fn could_run(snapshot: &Snapshot, question: &Question<'_>) -> CouldRun {
    let repo = &snapshot.repo;
    let none = Evidence::default();
    let sight = sight_of_run(snapshot, question);
    let people = snapshot.policies.alike.who(&sight, question.requester.person(), |person| {
        let other = Principal::Person(person.clone());
        let question = Question { requester: &other, evidence: &none, ..*question };
        is_open(snapshot, &question)
    });
    let others = people.into_iter().filter(|person| question.requester.person() != Some(person));
    let people = others.collect();
    let roles: Vec<&RoleName> =
        repo.roles.0.keys().filter(|role| role_may_run(snapshot, question, role)).collect();
    let lowest = |role: &&RoleName| !roles.iter().any(|other| repo.roles.is_below(other, role));
    CouldRun { roles: roles.iter().copied().filter(lowest).cloned().collect(), people }
}

/// Returns what decides about whoever asks: policies, and who could approve.
fn sight_of_run(snapshot: &Snapshot, question: &Question<'_>) -> Sight {
    let intent = uid("Intent", question.intent.as_str());
    let mut sight = snapshot.policies.index.sight(question.action(), &intent);
    sight.add(&sight_of_votes(snapshot, question));
    let rule = snapshot.repo.intents.get(question.intent).and_then(|it| it.approval.as_ref());
    sight.with(rule.iter().flat_map(|rule| &rule.slots).map(|slot| &slot.role))
}

/// Who could do something that needs no evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Could {
    /// Roles that suffice, the lowest ones only.
    pub roles: Vec<RoleName>,
    /// People who may, in order of name, at most as many as were asked for.
    pub people: Vec<PersonId>,
}

/// Returns who may do something that somebody else may not; at most `most` people.
pub fn who_may(snapshot: &Snapshot, act: &Act<'_>, scene: &Scene<'_>, most: usize) -> Could {
    let repo = &snapshot.repo;
    let roles = repo
        .roles
        .0
        .keys()
        .filter(|role| is_allowed(snapshot, &Standing::stand_in(repo, role), act, scene));
    let roles: Vec<&RoleName> = roles.collect();
    let lowest = |role: &&RoleName| !roles.iter().any(|other| repo.roles.is_below(other, role));
    let people = repo
        .people
        .keys()
        .filter(|person| may(snapshot, &Principal::Person((*person).clone()), act, scene).allowed);
    Could {
        people: people.take(most).cloned().collect(),
        roles: roles.iter().copied().filter(lowest).cloned().collect(),
    }
}

/// Returns the intents that `principal` could ask for on at least one target, for help.
pub fn visible_intents(
    snapshot: &Snapshot,
    principal: &Principal,
    scene: &Scene<'_>,
) -> Vec<IntentName> {
    let intents = snapshot.repo.intents.values();
    let visible = intents.filter(|intent| may_ask_for(snapshot, principal, scene, intent));
    visible.map(|intent| intent.name.clone()).collect()
}

/// Says whether `principal` could ask for an intent on at least one target.
pub fn may_ask_for(
    snapshot: &Snapshot,
    principal: &Principal,
    scene: &Scene<'_>,
    intent: &Intent,
) -> bool {
    let args = sample_args(intent);
    let targets = intent.targets.iter().flat_map(|name| snapshot.repo.inventory.resolve(name));
    snapshot.policies.alike.one_of_each(targets).into_iter().any(|target| {
        let question = Question {
            requester: principal,
            mode: Mode::Run,
            intent: &intent.name,
            args: &args,
            targets: &BTreeSet::from([target]),
            via: scene.via,
            channel: scene.channel,
            card_channel: scene.channel,
            evidence: &Evidence::default(),
            now: scene.now,
        };
        is_open(snapshot, &question)
    })
}

/// Returns arguments that the intent would take, as far as one can guess.
pub(super) fn sample_args(intent: &Intent) -> Args {
    let sample = |kind: &ParamKind| match kind {
        ParamKind::String { one_of, .. } => one_of.first().cloned().map(Value::String),
        ParamKind::Integer { min, .. } => Some(Value::Integer(min.unwrap_or_default())),
        ParamKind::Boolean => Some(Value::Boolean(false)),
    };
    let params = intent.params.iter();
    params
        .filter_map(|(name, param)| {
            let value = param.default.clone().or_else(|| sample(&param.kind));
            value.map(|value| (name.clone(), value))
        })
        .collect()
}
