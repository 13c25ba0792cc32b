//! Deciding a request: three outcomes, by asking again with evidence that one can suppose.
//!
//! What is allowed with the evidence in hand is permitted. Otherwise Cedar is asked again with
//! a stand-in in each empty slot, with a perfect citation, and with both. If one of these would
//! be allowed on every target, that is what is missing; if none, nothing would help.

use cedar_policy::RestrictedExpression;

use crate::domain::approval::{Filling, fill};
use crate::domain::decision::{Decision, Missing, Outcome, Reason, TargetReasons, WantedCitation};
use crate::domain::evidence::{Citation, Evidence};
use crate::domain::id::{PersonId, RoleName, TargetName};
use crate::domain::intent::{Cite, Intent};
use crate::domain::param::{Args, Value};
use crate::domain::request::Mode;

use super::Snapshot;
use super::ask::{Answer, Ask, Ready};
use super::evidence::{Approvals, Cited, Support, objections};
use super::explain::{nearest, refuses, told};
use super::facts::{stand_in, uid};
use super::question::Question;
use super::standing::Standing;
use super::voting::{may_fill, standing_vetoes};

/// Decides whether a request may run.
pub fn decide(snapshot: &Snapshot, question: &Question<'_>) -> Decision {
    match Case::open(snapshot, question) {
        Ok(case) => case.decide(),
        Err(why) => denied(Filling::default(), vec![general(vec![refuses(why)])]),
    }
}

/// Says whether somebody who has exactly `role` could ask for the same thing.
pub(super) fn role_may_run(snapshot: &Snapshot, question: &Question<'_>, role: &RoleName) -> bool {
    let none = Evidence::default();
    let question = Question { evidence: &none, ..*question };
    let person = stand_in("asker", Some(role));
    let standing = Standing {
        uid: person.uid.clone(),
        person: Some(person.uid.clone()),
        owner: None,
        fact: Some(person),
    };
    let case = Case::with(snapshot, &question, standing);
    case.is_ok_and(|case| case.decide().outcome != Outcome::Deny)
}

/// Returns the arguments as Cedar's record.
pub(super) fn args_record(args: &Args) -> RestrictedExpression {
    let fields = args.iter().map(|(name, value)| {
        let value = match value {
            Value::Boolean(value) => RestrictedExpression::new_bool(*value),
            Value::Integer(value) => RestrictedExpression::new_long(*value),
            Value::String(value) => RestrictedExpression::new_string(value.clone()),
        };
        (name.to_string(), value)
    });
    RestrictedExpression::new_record(fields).expect("a map has each key once")
}

/// What one asks with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suppose {
    /// What is in hand.
    Nothing,
    /// A stand-in in each empty slot.
    Slots,
    /// A perfect citation.
    Citation,
    /// Both.
    Both,
}

/// A question with everything that the host establishes about it.
struct Case<'a> {
    snapshot: &'a Snapshot,
    question: &'a Question<'a>,
    standing: Standing,
    intent: &'a Intent,
    /// People whose approval counts.
    approvers: Vec<&'a PersonId>,
    filling: Filling,
    citation: Option<&'a Citation>,
    /// What Tribune itself has to say.
    remarks: Vec<Reason>,
}

impl<'a> Case<'a> {
    fn open(snapshot: &'a Snapshot, question: &'a Question<'a>) -> Result<Self, String> {
        let standing = Standing::of(&snapshot.repo, question.requester, question.now)?;
        Self::with(snapshot, question, standing)
    }

    fn with(
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
        if question.mode == Mode::Check && intent.check.is_none() {
            return Err(format!("{} cannot be checked, only run", intent.name));
        }
        let (approvers, filling) = count_approvals(snapshot, question, intent);
        let mut remarks = vec![];
        let cited = question.evidence.citation.as_ref();
        let citation = cited.filter(|citation| {
            let objections = objections(intent, citation);
            if !objections.is_empty() {
                let pull = &citation.pull.pull;
                let why = objections.join("; ");
                remarks.push(refuses(format!("pull request {pull} does not count: {why}")));
            }
            objections.is_empty()
        });
        Ok(Self { snapshot, question, standing, intent, approvers, filling, citation, remarks })
    }

    fn decide(self) -> Decision {
        if let Some((person, role)) = standing_vetoes(self.snapshot, self.question).first() {
            let why = refuses(format!("@{person} vetoed it as {role}"));
            return denied(self.filling, vec![general(vec![why])]);
        }
        let in_hand = self.ask_all(Suppose::Nothing);
        if in_hand.iter().all(|asked| asked.answer.is_allowed()) {
            return self.conclude(Outcome::Permit, in_hand);
        }
        // An error with the evidence in hand is the end: nothing supposed makes it go away.
        if in_hand.iter().any(|asked| matches!(asked.answer, Answer::Failed(_))) {
            return self.conclude(Outcome::Deny, in_hand);
        }
        match self.missing() {
            Some(missing) => self.conclude(Outcome::NeedsApproval { missing }, in_hand),
            None => {
                // Said of the best that one can suppose, so that only what evidence cannot mend
                // is told.
                let best = match (self.lacks_slots(), self.citable().is_some()) {
                    (true, true) => Suppose::Both,
                    (true, false) => Suppose::Slots,
                    (false, true) => Suppose::Citation,
                    (false, false) => Suppose::Nothing,
                };
                let at_best = self.ask_all(best);
                self.conclude(Outcome::Deny, at_best)
            }
        }
    }

    /// Says whether approvals could still be added.
    fn lacks_slots(&self) -> bool {
        !self.filling.missing.is_empty()
    }

    /// Returns how a pull request could still serve.
    fn citable(&self) -> Option<&'a Cite> {
        self.intent.cite.as_ref().filter(|_| self.citation.is_none())
    }

    /// Returns the least that would make it permitted.
    fn missing(&self) -> Option<Missing> {
        let would_do =
            |suppose| self.ask_all(suppose).iter().all(|asked| asked.answer.is_allowed());
        let slots = self.lacks_slots().then(|| self.filling.missing.clone());
        let citation = self
            .citable()
            .map(|cite| WantedCitation { label: self.intent.label.clone(), bind: cite.bind });
        let by_slots = slots.clone().filter(|_| would_do(Suppose::Slots));
        let by_citation = citation.clone().filter(|_| would_do(Suppose::Citation));
        if by_slots.is_some() || by_citation.is_some() {
            let slots = by_slots.unwrap_or_default();
            return Some(Missing { slots, citation: by_citation, both: false });
        }
        let (slots, citation) = (slots?, citation?);
        would_do(Suppose::Both).then_some(Missing { slots, citation: Some(citation), both: true })
    }

    fn ask_all(&self, suppose: Suppose) -> Vec<Asked> {
        let support = self.support(suppose);
        self.question.targets.iter().map(|target| self.ask(target, &support)).collect()
    }

    fn support(&self, suppose: Suppose) -> Support {
        let supposes_slots = matches!(suppose, Suppose::Slots | Suppose::Both);
        let has_slots = self.intent.approval.as_ref().is_some_and(|rule| !rule.slots.is_empty());
        let approvals = Approvals {
            people: self.approvers.clone(),
            supposed: if supposes_slots { self.filling.missing.clone() } else { vec![] },
            granted: has_slots && (self.filling.is_complete() || supposes_slots),
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

    fn ask(&self, target: &TargetName, support: &Support) -> Asked {
        let action = match self.question.mode {
            Mode::Run => "run",
            Mode::Check => "check",
        };
        let resource = uid("Intent", self.intent.name.as_str());
        let ask = Ask::new(self.standing.uid.clone(), action, resource, &self.question.scene())
            .naming("target", uid("Target", target.as_str()))
            .naming("approvals", support.approvals.clone())
            .naming_if("pr", support.pull.clone())
            .naming_if("requester", self.standing.person.clone())
            .naming_if("owner", self.standing.owner.clone())
            .with("args", args_record(self.question.args))
            .bringing(support.facts.iter().cloned())
            .bringing(self.standing.fact.clone());
        let (ready, answer) = match self.snapshot.policies.prepare(&ask) {
            Ok(ready) => {
                let answer = self.snapshot.policies.answer(&ready);
                (Some(ready), answer)
            }
            Err(why) => (None, Answer::Failed(why)),
        };
        Asked { target: target.clone(), ready, answer }
    }

    fn conclude(self, outcome: Outcome, asked: Vec<Asked>) -> Decision {
        let who = self.question.requester.to_string();
        let mut reasons: Vec<TargetReasons> = vec![];
        if !self.remarks.is_empty() {
            reasons.push(general(self.remarks));
        }
        for one in asked {
            let told = match &one.ready {
                Some(ready) => {
                    let mut told = told(self.snapshot, ready, &one.answer, &who);
                    if matches!(outcome, Outcome::NeedsApproval { .. })
                        && matches!(&one.answer, Answer::Denied(rules) if !rules.is_empty())
                    {
                        told.extend(nearest(self.snapshot, ready, &who));
                    }
                    told
                }
                None => match one.answer {
                    Answer::Failed(why) => vec![refuses(why)],
                    Answer::Allowed(_) | Answer::Denied(_) => vec![],
                },
            };
            reasons.push(TargetReasons { target: Some(one.target), reasons: told });
        }
        Decision { outcome, filling: self.filling, reasons }
    }
}

/// One target's answer.
struct Asked {
    target: TargetName,
    ready: Option<Ready>,
    answer: Answer,
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
    let mut approvers: Vec<&PersonId> = vec![];
    for vote in &question.evidence.approvals {
        let mut slots = rule.slots.iter();
        if !approvers.contains(&&vote.person)
            && slots.any(|slot| may_fill(snapshot, question, &vote.person, &slot.role))
        {
            approvers.push(&vote.person);
        }
    }
    let people: Vec<PersonId> = approvers.iter().copied().cloned().collect();
    let filling =
        fill(&rule.slots, &people, |person, slot| may_fill(snapshot, question, person, &slot.role));
    (approvers, filling)
}

fn general(reasons: Vec<Reason>) -> TargetReasons {
    TargetReasons { target: None, reasons }
}

fn denied(filling: Filling, reasons: Vec<TargetReasons>) -> Decision {
    Decision { outcome: Outcome::Deny, filling, reasons }
}
