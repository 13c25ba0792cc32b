//! A question with everything that the host establishes about it: who asks, whose approval
//! counts, which slots are filled, whether the cited pull request is evidence at all.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy_core::ast;

use crate::domain::approval::{Filling, fill};
use crate::domain::decision::Reason;
use crate::domain::evidence::Citation;
use crate::domain::id::{PersonId, RoleName, TargetName};
use crate::domain::intent::{Cite, Intent, Slot};
use crate::domain::param::{Args, Value};
use crate::domain::request::Mode;

use super::Snapshot;
use super::ask::Ask;
use super::evidence::{Approvals, Cited, Support, objections};
use super::explain::refuses;
use super::facts::uid;
use super::question::Question;
use super::standing::Standing;
use super::voting::{may_fill, stand_in_may_fill, who_may_fill};

/// What one asks with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suppose {
    /// What is in hand.
    Nothing,
    /// Somebody in each empty slot.
    Slots,
    /// A perfect citation.
    Citation,
    /// Both.
    Both,
}

/// A question with its facts.
pub(super) struct Case<'a> {
    /// What decides.
    pub snapshot: &'a Snapshot,
    /// What is asked.
    pub question: &'a Question<'a>,
    /// The intent.
    pub intent: &'a Intent,
    /// How the slots are filled.
    pub filling: Filling,
    /// What Tribune itself has to say.
    pub remarks: Vec<Reason>,
    standing: Standing,
    /// People whose approval counts.
    approvers: Vec<&'a PersonId>,
    /// Who could take the empty slots; `None`: nobody, or none is empty.
    supposed: Option<Supposed<'a>>,
    citation: Option<&'a Citation>,
}

/// Somebody for every empty slot.
struct Supposed<'a> {
    /// Slots that anybody who is given their role could fill.
    slots: Vec<Slot>,
    /// People for slots that take more than that.
    people: Vec<&'a PersonId>,
}

impl<'a> Case<'a> {
    /// Establishes the facts; the error says why there is nothing to decide.
    pub fn open(snapshot: &'a Snapshot, question: &'a Question<'a>) -> Result<Self, String> {
        let standing = Standing::of(&snapshot.repo, question.requester, question.now)?;
        Self::with(snapshot, question, standing)
    }

    /// Establishes the facts for somebody whose standing is known.
    pub fn with(
        snapshot: &'a Snapshot,
        question: &'a Question<'a>,
        standing: Standing,
    ) -> Result<Self, String> {
        let Some(intent) = snapshot.repo.intents.get(question.intent) else {
            return Err(format!("there is no intent {}", question.intent));
        };
        if question.targets.is_empty() {
            return Err("no target is named".to_owned());
        }
        if question.mode == Mode::Check && !intent.can_check() {
            return Err(format!("{} cannot be checked, only run", intent.name));
        }
        let (approvers, filling) = count_approvals(snapshot, question, intent);
        let mut remarks = vec![];
        let supposed = suppose(snapshot, question, &filling, &approvers);
        if supposed.is_none() && !filling.is_complete() {
            let roles: Vec<&str> = filling.missing.iter().map(|slot| slot.role.as_str()).collect();
            let roles = roles.join(", ");
            remarks.push(refuses(format!("no policy lets enough people approve this ({roles})")));
        }
        let citation = question.evidence.citation.as_ref().filter(|citation| {
            let objections = objections(intent, citation);
            if !objections.is_empty() {
                let pull = &citation.pull.pull;
                let why = objections.join("; ");
                remarks.push(refuses(format!("pull request {pull} does not count: {why}")));
            }
            objections.is_empty()
        });
        Ok(Self {
            snapshot,
            question,
            intent,
            filling,
            remarks,
            standing,
            approvers,
            supposed,
            citation,
        })
    }

    /// Returns the slots that are empty and could be filled.
    pub fn open_slots(&self) -> Option<&[Slot]> {
        self.supposed.as_ref().map(|_| self.filling.missing.as_slice())
    }

    /// Returns how a pull request could still serve.
    pub fn citable(&self) -> Option<&'a Cite> {
        self.intent.cite.as_ref().filter(|_| self.citation.is_none())
    }

    /// Returns the question to put for each target.
    pub fn asks(&self, suppose: Suppose) -> Vec<(&'a TargetName, Ask)> {
        let support = self.support(suppose);
        let fit = |ask: Ask| if suppose == Suppose::Nothing { ask } else { ask.known_to_fit() };
        let targets = self.question.targets.iter();
        targets.map(|target| (target, fit(self.ask(target, &support)))).collect()
    }

    fn support(&self, suppose: Suppose) -> Support {
        let with_slots = matches!(suppose, Suppose::Slots | Suppose::Both);
        let supposed = self.supposed.as_ref().filter(|_| with_slots);
        let has_slots = self.intent.approval.as_ref().is_some_and(|rule| !rule.slots.is_empty());
        let mut people = self.approvers.clone();
        people.extend(supposed.iter().flat_map(|supposed| &supposed.people));
        let approvals = Approvals {
            people,
            supposed: supposed.map(|supposed| supposed.slots.clone()).unwrap_or_default(),
            granted: has_slots && (self.filling.is_complete() || supposed.is_some()),
        };
        let cited = match (suppose, self.citation) {
            (_, Some(citation)) => Cited::InHand(citation),
            (Suppose::Citation | Suppose::Both, None) => {
                Cited::Perfect(&self.snapshot.policies.base)
            }
            (Suppose::Nothing | Suppose::Slots, None) => Cited::Nothing,
        };
        Support::new(&self.snapshot.repo, self.intent, &approvals, cited)
    }

    fn ask(&self, target: &TargetName, support: &Support) -> Ask {
        let action = self.question.action();
        let resource = uid("Intent", self.intent.name.as_str());
        Ask::new(self.standing.uid.clone(), action, resource, &self.question.scene())
            .on(target)
            .naming("approvals", support.approvals.clone())
            .naming_if("pr", support.pull.clone())
            .naming_if("requester", self.standing.person.clone())
            .naming_if("owner", self.standing.owner.clone())
            .with("args", args_record(self.question.args))
            .bringing(support.facts.iter().cloned())
            .bringing(self.standing.fact.clone())
    }
}

/// Returns the people whose approval counts, and the slots they fill.
fn count_approvals<'a>(
    snapshot: &Snapshot,
    question: &Question<'a>,
    intent: &Intent,
) -> (Vec<&'a PersonId>, Filling) {
    let Some(rule) = &intent.approval else {
        return (vec![], Filling::default());
    };
    let may = |person: &PersonId, slot: &Slot| may_fill(snapshot, question, person, &slot.role);
    let mut approvers: Vec<&PersonId> = vec![];
    for vote in &question.evidence.approvals {
        let known = approvers.contains(&&vote.person);
        if !known && rule.slots.iter().any(|slot| may(&vote.person, slot)) {
            approvers.push(&vote.person);
        }
    }
    let people: Vec<PersonId> = approvers.iter().copied().cloned().collect();
    let filling = fill(&rule.slots, &people, may);
    (approvers, filling)
}

/// Finds somebody for every empty slot: a stand-in who has exactly that role, or, where policy
/// asks for more than the role, people who are there.
fn suppose<'a>(
    snapshot: &'a Snapshot,
    question: &Question<'_>,
    filling: &Filling,
    approvers: &[&PersonId],
) -> Option<Supposed<'a>> {
    if filling.is_complete() {
        return None;
    }
    let missing = filling.missing.iter().cloned();
    let (slots, hard): (Vec<Slot>, Vec<Slot>) =
        missing.partition(|slot| stand_in_may_fill(snapshot, question, &slot.role));
    let able: BTreeMap<&RoleName, Vec<PersonId>> = hard
        .iter()
        .map(|slot| (&slot.role, who_may_fill(snapshot, question, &slot.role)))
        .collect();
    let free: BTreeSet<&PersonId> =
        able.values().flatten().filter(|person| !approvers.contains(person)).collect();
    let free: Vec<PersonId> = free.into_iter().cloned().collect();
    let found = fill(&hard, &free, |person, slot| able[&slot.role].contains(person));
    found.is_complete().then(|| {
        let people = found.filled.keys().filter_map(|id| snapshot.repo.people.get_key_value(id));
        Supposed { slots, people: people.map(|(id, _)| id).collect() }
    })
}

/// Returns the arguments as Cedar's record.
pub(super) fn args_record(args: &Args) -> ast::Value {
    let fields = args.iter().map(|(name, value)| {
        let value: ast::Value = match value {
            Value::Boolean(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::String(value) => value.as_str().into(),
        };
        (name.as_str(), value)
    });
    ast::Value::record(fields, None)
}
