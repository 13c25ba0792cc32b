//! Refusals and help that no story comes to, on the shipped policy repo.

use tribune::domain::approval::Filling;
use tribune::domain::command::COMMANDS;
use tribune::domain::decision::{Decision, Missing, Outcome, WantedCitation};
use tribune::domain::intent::{Missed, Schedule, Slot};
use tribune::domain::param::ParamKind;
use tribune::domain::reply::{answer, revision, standing};
use tribune::domain::run::PlanError;
use tribune::engine::requests::AskRefused;

use super::replies::read;
use crate::examples::shipped;

#[test]
fn what_one_may_not_ask_for_is_listed_as_such() {
    let mut intent = shipped().intents[&"restart-service".parse().unwrap()].clone();
    let delay = intent.params.values_mut().find(|it| matches!(it.kind, ParamKind::Integer { .. }));
    let delay = delay.expect("it waits for a while");
    delay.kind = ParamKind::Integer { min: Some(1), max: None };
    intent.schedule = Some(Schedule {
        cron: "0 3 * * 0".to_owned(),
        zone: "UTC".to_owned(),
        targets: Vec::new(),
        args: Default::default(),
        jitter: jiff::SignedDuration::ZERO,
        missed: Missed::Skip,
    });
    let line = answer::IntentLine { intent: &intent, may: false, paused: None, next: None };
    let mut most = intent.clone();
    for param in most.params.values_mut() {
        if let ParamKind::Integer { min, max } = &mut param.kind {
            (*min, *max) = (None, Some(9));
        }
    }
    insta::assert_snapshot!(read([
        answer::help(&COMMANDS[..1], &[]),
        answer::help_intent(&intent, &[], false),
        answer::help_intent(&most, &[], true),
        answer::intents(&[line]),
    ]), @r"
    Commands
    - `!help [intent]` — what you may do, or how an intent is typed
    There is no intent that you may ask for here.
    restart-service — Restart a service on web or database hosts (change, risk 2)
    - on: web, db
    - `delay`: a whole number, at least 1, default 0 — Seconds to wait between hosts
    - `graceful`: true or false, default true — Let open connections finish first
    - `service`: nginx, app or postgres, required — Which service
    - a cited pull request bears the label `ops/restart`
    - or it is approved by 1 operator and 1 sre
    - asks for itself by 0 3 * * 0 UTC
    Example: `!run restart-service on web service=nginx`
    You may not ask for it here: `!why @you restart-service`
    restart-service — Restart a service on web or database hosts (change, risk 2)
    - on: web, db
    - `delay`: a whole number, at most 9, default 0 — Seconds to wait between hosts
    - `graceful`: true or false, default true — Let open connections finish first
    - `service`: nginx, app or postgres, required — Which service
    - a cited pull request bears the label `ops/restart`
    - or it is approved by 1 operator and 1 sre
    - asks for itself by 0 3 * * 0 UTC
    Example: `!run restart-service on web service=nginx`
    - `restart-service` — Restart a service on web or database hosts (change) — not for you here
    ");
}

#[test]
fn what_would_happen_is_said() {
    let person = "ken".parse().unwrap();
    let missing = Missing {
        slots: vec![Slot { role: "sre".parse().unwrap(), count: 1 }],
        citation: Some(WantedCitation { label: None, bind: false }),
        both: true,
    };
    let would = |outcome| {
        standing::would(
            &person,
            "!run x",
            &Decision { outcome, filling: Filling::default(), reasons: vec![] },
        )
    };
    insta::assert_snapshot!(read([
        would(Outcome::Permit),
        would(Outcome::NeedsApproval { missing }),
        standing::listing(&[]),
        revision::diff("one two three", 3),
    ]), @r"
    `!run x` by @ken would be permitted at once.

    `!run x` by @ken would need evidence.
    - 1 sre to approve with ✅ here, each a different person and none of them the requester
    - and a merged pull request that somebody else merged: `!run x pr <number>`
    There are none.
    ```diff
    one
    ```
    10 characters more; see the repository.
    ");
}

#[test]
fn why_nothing_was_asked_is_said() {
    let intent = || "sync-motd".parse().unwrap();
    let plans = [
        PlanError::MissingArgument { intent: intent(), param: "service".parse().unwrap() },
        PlanError::UnknownTarget("web1".parse().unwrap()),
        PlanError::NoCheck(intent()),
        PlanError::Environment { intent: intent(), name: "HOME_PAGE".to_owned() },
    ];
    let refused = [AskRefused::NoSnapshot, AskRefused::TooLong { length: 3_600, limit: 3_500 }];
    let told = plans.into_iter().map(AskRefused::Plan).chain(refused);
    let told: Vec<String> = told.map(|it| it.to_string()).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    sync-motd takes service, and the request does not say it
    there is no target web1 any more
    sync-motd cannot be checked, only run
    sync-motd: HOME_PAGE in the environment is not a text with holes
    no policy repo is applied yet, so nothing can be permitted
    the request is too long to approve: 3600 characters, at most 3500
    ");
}
