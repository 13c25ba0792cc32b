//! Schedules whose requests policy denies, whoever approves.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::arguments::arguments;
use crate::domain::decision::Outcome;
use crate::domain::diagnostic::{Code, Diagnostic, Place};
use crate::domain::evidence::Evidence;
use crate::domain::id::ServiceId;
use crate::domain::intent::{Intent, Schedule};
use crate::domain::person::Principal;
use crate::domain::request::{Mode, Via};
use crate::domain::schedule::Rule;
use crate::policy::{Question, Snapshot, decide};

/// Policies may read the time, so several occurrences are tried.
const TRIED: usize = 5;

/// Finds schedules of which each of some occurrences is denied.
pub(in crate::policy) fn closed_schedules(snapshot: &Snapshot) -> Vec<Diagnostic> {
    let intents = snapshot.repo.intents.values();
    let closed = intents.filter(|intent| {
        intent.schedule.as_ref().is_some_and(|schedule| is_closed(snapshot, intent, schedule))
    });
    closed
        .map(|intent| {
            let message = format!(
                "policy denies {} to the service scheduler, so its schedule asks in vain",
                intent.name
            );
            let place = Place::whole(intent.path.clone());
            Diagnostic::new(Code::PolicyScheduleClosed, place, message)
        })
        .collect()
}

fn is_closed(snapshot: &Snapshot, intent: &Intent, schedule: &Schedule) -> bool {
    let (Ok(args), Ok(rule)) =
        (arguments(intent, &schedule.args), Rule::parse(&schedule.cron, &schedule.zone))
    else {
        return false;
    };
    let named = if schedule.targets.is_empty() { &intent.targets } else { &schedule.targets };
    let targets: BTreeSet<_> =
        named.iter().flat_map(|name| snapshot.repo.inventory.resolve(name)).collect();
    let Ok(scheduler) = "scheduler".parse::<ServiceId>() else { return false };
    let start = Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH);
    let times = std::iter::successors(rule.after(start), |time| rule.after(*time)).take(TRIED);
    let mut denied = times.map(|now| {
        let question = Question {
            requester: &Principal::Service(scheduler.clone()),
            mode: Mode::Run,
            intent: &intent.name,
            args: &args,
            targets: &targets,
            via: Via::Schedule,
            channel: None,
            card_channel: intent.channel.as_ref(),
            evidence: &Evidence::default(),
            now,
        };
        decide(snapshot, &question).outcome == Outcome::Deny
    });
    denied.all(|denied| denied)
}
