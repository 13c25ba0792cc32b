//! Deciding a request: three outcomes, by asking again with evidence that one can suppose.
//!
//! What is allowed with the evidence in hand is permitted. Otherwise Cedar is asked again with
//! somebody in each empty slot, with a perfect citation, and with both. If one of these would
//! be allowed on every target, that is what is missing; if none, nothing would help.

use crate::domain::approval::Filling;
use crate::domain::decision::{Decision, Missing, Outcome, Reason, TargetReasons, WantedCitation};
use crate::domain::evidence::Evidence;
use crate::domain::id::{RoleName, TargetName};

use super::Snapshot;
use super::ask::{Answer, Ready};
use super::case::{Case, Suppose};
use super::explain::{nearest, refuses, told};
use super::question::Question;
use super::standing::Standing;
use super::voting::standing_vetoes;

/// Decides whether a request may run.
pub fn decide(snapshot: &Snapshot, question: &Question<'_>) -> Decision {
    match Case::open(snapshot, question) {
        Ok(case) => decide_case(case),
        Err(why) => denied(Filling::default(), refuses(why)),
    }
}

/// Says whether a request would be permitted, or could be with evidence: [`decide`] without the
/// reasons, for whoever asks about many.
pub(super) fn is_open(snapshot: &Snapshot, question: &Question<'_>) -> bool {
    Case::open(snapshot, question).is_ok_and(|case| is_case_open(&case))
}

/// Says whether somebody who has exactly `role` could ask for the same thing.
pub(super) fn role_may_run(snapshot: &Snapshot, question: &Question<'_>, role: &RoleName) -> bool {
    let none = Evidence::default();
    let question = Question { evidence: &none, ..*question };
    let standing = Standing::stand_in(&snapshot.repo, role);
    Case::with(snapshot, &question, standing).is_ok_and(|case| is_case_open(&case))
}

fn is_case_open(case: &Case<'_>) -> bool {
    standing_vetoes(case.snapshot, case.question).is_empty()
        && outcome(case, &ask_all(case, Suppose::Nothing)) != Outcome::Deny
}

/// One target's answer. `ready` is `None` where the question could not even be put.
struct Asked<'a> {
    target: &'a TargetName,
    ready: Option<Ready>,
    answer: Answer,
    /// Whether some permit could hold with other evidence.
    is_within_reach: bool,
}

fn decide_case(case: Case<'_>) -> Decision {
    if let Some((person, role)) = standing_vetoes(case.snapshot, case.question).first() {
        return denied(case.filling, refuses(format!("@{person} vetoed it as {role}")));
    }
    let in_hand = ask_all(&case, Suppose::Nothing);
    let outcome = outcome(&case, &in_hand);
    match outcome {
        Outcome::Permit | Outcome::NeedsApproval { .. } => conclude(case, outcome, &in_hand),
        Outcome::Deny if has_failed(&in_hand) => conclude(case, outcome, &in_hand),
        Outcome::Deny => {
            // Said of the best that one can suppose, so that only what evidence cannot mend is
            // told.
            let at_best = ask_all(&case, best(&case));
            let in_the_way: Vec<Asked<'_>> =
                at_best.into_iter().filter(|asked| !asked.answer.is_allowed()).collect();
            let told = if in_the_way.is_empty() { &in_hand } else { &in_the_way };
            conclude(case, outcome, told)
        }
    }
}

/// Returns what the answers to the evidence in hand come to.
fn outcome(case: &Case<'_>, in_hand: &[Asked<'_>]) -> Outcome {
    if in_hand.iter().all(|asked| asked.answer.is_allowed()) {
        return Outcome::Permit;
    }
    // An error with the evidence in hand is the end: nothing supposed makes it go away. Nor does
    // anything help where no permit is within reach.
    let is_hopeless = has_failed(in_hand) || !in_hand.iter().all(|asked| asked.is_within_reach);
    let missing = if is_hopeless { None } else { missing(case) };
    missing.map_or(Outcome::Deny, |missing| Outcome::NeedsApproval { missing })
}

/// Returns the most that one can suppose.
fn best(case: &Case<'_>) -> Suppose {
    match (case.open_slots().is_some(), case.citable().is_some()) {
        (true, true) => Suppose::Both,
        (true, false) => Suppose::Slots,
        (false, true) => Suppose::Citation,
        (false, false) => Suppose::Nothing,
    }
}

fn has_failed(asked: &[Asked<'_>]) -> bool {
    asked.iter().any(|asked| matches!(asked.answer, Answer::Failed(_)))
}

/// Returns the least that would make it permitted.
fn missing(case: &Case<'_>) -> Option<Missing> {
    let would_do = |suppose| ask_all(case, suppose).iter().all(|asked| asked.answer.is_allowed());
    let slots = case.open_slots().map(<[_]>::to_vec);
    let citation = case
        .citable()
        .map(|cite| WantedCitation { label: case.intent.label.clone(), bind: cite.bind });
    let by_slots = slots.clone().filter(|_| would_do(Suppose::Slots));
    let by_citation = citation.clone().filter(|_| would_do(Suppose::Citation));
    if by_slots.is_some() || by_citation.is_some() {
        let slots = by_slots.unwrap_or_default();
        return Some(Missing { slots, citation: by_citation, both: false });
    }
    let (slots, citation) = (slots?, citation?);
    would_do(Suppose::Both).then_some(Missing { slots, citation: Some(citation), both: true })
}

fn ask_all<'a>(case: &Case<'a>, suppose: Suppose) -> Vec<Asked<'a>> {
    let policies = &case.snapshot.policies;
    let put = |(target, ask)| match policies.prepare(&ask) {
        Ok(ready) => {
            let (answer, is_within_reach) = policies.answer_and_reach(&ready);
            Asked { target, ready: Some(ready), answer, is_within_reach }
        }
        Err(why) => {
            Asked { target, ready: None, answer: Answer::Failed(why), is_within_reach: false }
        }
    };
    case.asks(suppose).into_iter().map(put).collect()
}

fn conclude(case: Case<'_>, outcome: Outcome, asked: &[Asked<'_>]) -> Decision {
    let needs = matches!(outcome, Outcome::NeedsApproval { .. });
    let about = asked.iter().map(|one| TargetReasons {
        target: Some(one.target.clone()),
        reasons: reasons(&case, one, needs),
    });
    let about: Vec<TargetReasons> = about.collect();
    let remarks = (!case.remarks.is_empty()).then_some(general(case.remarks));
    let reasons = remarks.into_iter().chain(about).collect();
    Decision { outcome, filling: case.filling, reasons }
}

fn reasons(case: &Case<'_>, asked: &Asked<'_>, needs: bool) -> Vec<Reason> {
    let who = case.question.requester.to_string();
    match (&asked.ready, &asked.answer) {
        (Some(ready), answer) => {
            let mut reasons = told(case.snapshot, ready, answer, &who);
            // What is forbidden until evidence comes is also not permitted until then.
            if needs && matches!(answer, Answer::Denied(forbids) if !forbids.is_empty()) {
                reasons.extend(nearest(case.snapshot, ready, &who));
            }
            reasons
        }
        (None, Answer::Failed(why)) => vec![refuses(why.clone())],
        (None, Answer::Allowed(_) | Answer::Denied(_)) => vec![],
    }
}

fn general(reasons: Vec<Reason>) -> TargetReasons {
    TargetReasons { target: None, reasons }
}

fn denied(filling: Filling, reason: Reason) -> Decision {
    Decision { outcome: Outcome::Deny, filling, reasons: vec![general(vec![reason])] }
}
