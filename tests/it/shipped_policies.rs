//! What the shipped policies say: every rule decides in at least one line of the table.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tribune::domain::ban::{Ban, Rests};
use tribune::domain::decision::{Decision, Effect, Outcome, Reason};
use tribune::domain::evidence::{Citation, Evidence, Means, Pull, PullRef, Vote};
use tribune::domain::id::{ChannelName, IntentName, PersonId, TargetName};
use tribune::domain::param::{Args, ParamKind, Value};
use tribune::domain::person::Principal;
use tribune::domain::repo::PolicyRepo;
use tribune::domain::request::{Mode, Via};
use tribune::manifest::{self, Files};
use tribune::policy::{
    Act, ChangeKind, Page, Question, Scene, Snapshot, Verdict, Viewed, decide, may,
};

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    "2026-11-24T09:00:00Z".parse().unwrap()
}

fn shipped() -> PolicyRepo {
    let files = Files::read(&super::examples::top()).expect("the shipped policy repo can be read");
    manifest::load(&files).expect("the shipped policy repo is without fault").repo
}

fn compiled(repo: PolicyRepo) -> Snapshot {
    Snapshot::compile(id(&"0".repeat(40)), repo).expect("the shipped policies compile").0
}

fn principal(name: &str) -> Principal {
    match name.strip_prefix("service:") {
        Some(name) => Principal::Service(id(name)),
        None => Principal::Person(id(name)),
    }
}

/// A pull request with this label that nobody can object to.
fn citation(label: &str) -> Citation {
    Citation {
        pull: Pull {
            pull: PullRef { repo: String::new(), number: 12 },
            title: String::new(),
            merged: true,
            base: "main".to_owned(),
            labels: BTreeSet::from([label.to_owned()]),
            author: Some(id("radia")),
            contributors: BTreeSet::new(),
            merged_by: Some(id("grace")),
            approved_by: BTreeSet::new(),
            merge: None,
            command: None,
            labelled_by: None,
            notes: vec![],
        },
        author_flags: BTreeSet::new(),
        age: jiff::SignedDuration::from_hours(1),
        in_history: true,
        independent_review: true,
        bound: true,
    }
}

/// A question in one line: who, verb, intent, target, then `in:`, `by:`, `pr:`, `via:`.
fn ask(snapshot: &Snapshot, line: &str) -> Decision {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [who, verb, intent, target, rest @ ..] = words.as_slice() else { panic!("{line}") };
    let option = |key: &str| rest.iter().find_map(|word| word.strip_prefix(key));
    let intent: IntentName = id(intent);
    let approvals = option("by:").into_iter().flat_map(|names| names.split(','));
    let vote = |name: &str| Vote {
        person: id::<PersonId>(name),
        means: Means::Reaction,
        at: now(),
        reason: None,
    };
    let evidence = Evidence {
        approvals: approvals.map(vote).collect(),
        vetoes: vec![],
        citation: option("pr:").map(citation),
    };
    let channel = option("in:").map(id::<ChannelName>);
    let requester = principal(who);
    decide(
        snapshot,
        &Question {
            requester: &requester,
            mode: if *verb == "check" { Mode::Check } else { Mode::Run },
            args: &args(&snapshot.repo, &intent),
            intent: &intent,
            targets: &BTreeSet::from([id::<TargetName>(target)]),
            via: Via::ALL
                .into_iter()
                .find(|via| option("via:") == Some(via.as_str()))
                .unwrap_or(Via::Chat),
            channel: channel.as_ref(),
            card_channel: channel.as_ref(),
            evidence: &evidence,
            now: now(),
        },
    )
}

fn args(repo: &PolicyRepo, intent: &IntentName) -> Args {
    let first = |kind: &ParamKind| match kind {
        ParamKind::String { one_of, .. } => {
            Value::String(one_of.first().cloned().unwrap_or_else(|| "v1.2.3".to_owned()))
        }
        ParamKind::Integer { min, .. } => Value::Integer(min.unwrap_or_default()),
        ParamKind::Boolean => Value::Boolean(false),
    };
    let params = repo.intents.get(intent).map(|intent| &intent.params).into_iter().flatten();
    params
        .map(|(name, param)| {
            (name.clone(), param.default.clone().unwrap_or_else(|| first(&param.kind)))
        })
        .collect()
}

fn told<'a>(outcome: &str, reasons: impl Iterator<Item = &'a Reason>) -> String {
    let reasons = reasons.map(|reason| match &reason.rule {
        Some(rule) if reason.lacks.is_empty() => rule.id.clone(),
        Some(rule) => format!("{} ({})", rule.id, reason.lacks.join("; ")),
        None => reason.text.clone(),
    });
    format!("{outcome}: {}", reasons.collect::<Vec<_>>().join(" | "))
}

fn told_of(decision: &Decision) -> String {
    let outcome = match &decision.outcome {
        Outcome::Permit => "permit",
        Outcome::NeedsApproval { .. } => "needs",
        Outcome::Deny => "deny",
    };
    told(outcome, decision.reasons.iter().flat_map(|target| &target.reasons))
}

const ASKED: &[&str] = &[
    "barbara run disk-usage local in:general",
    "mallory run disk-usage local in:general",
    "dennis run disk-usage local in:general",
    "barbara run restart-service web01 in:ops",
    "service:monitoring run service-status web01 via:api",
    "service:monitoring run rotate-logs web01 via:api",
    "ken run restart-service web-staging in:ops",
    "ken run restart-service web-staging in:ops pr:ops/restart",
    "ken run restart-service web-staging in:ops pr:ops/other",
    "ken run restart-service web-staging in:ops by:radia,linus",
    "ken run restart-service web-staging in:ops by:linus,ken",
    "ken run restart-service web01 in:ops by:radia,linus",
    "ken run restart-service web01 in:prod by:radia,linus",
    "ken check restart-service web01 in:ops",
    "barbara check restart-service web01 in:ops",
    "radia run wipe-cache web01 in:prod",
    "radia run wipe-cache web01 in:prod by:grace",
    "radia run wipe-cache web01 in:prod by:grace,linus",
    "edsger run service-status web01 in:prod",
    "service:reconciler run sync-motd local via:reconciler",
    "service:reconciler run rotate-logs web01 via:reconciler",
    "service:scheduler run sync-motd local via:schedule",
    "service:release-bot run deploy-app web-dev via:api",
    "service:release-bot run deploy-app web-staging via:api",
    "service:release-bot run restart-service web-dev via:api",
];

#[test]
fn every_rule_decides_somewhere() {
    let snapshot = compiled(shipped());
    let mut decided: BTreeSet<String> = BTreeSet::new();
    let mut table = vec![];
    let mut note = |line: String, told: String, reasons: Vec<&Reason>| {
        let decide = |reason: &&&Reason| matches!(reason.effect, Effect::Permits | Effect::Forbids);
        let rules = reasons.iter().filter(decide).filter_map(|reason| reason.rule.as_ref());
        decided.extend(rules.map(|rule| rule.id.clone()));
        table.push(format!("{line}\n    {told}"));
    };
    for line in ASKED {
        let decision = ask(&snapshot, line);
        let reasons = decision.reasons.iter().flat_map(|target| &target.reasons).collect();
        note((*line).to_owned(), told_of(&decision), reasons);
    }
    let (intent, target) = (id("sync-motd"), id("web-dev"));
    for (who, act) in acts(&intent, &target) {
        let verdict: Verdict = may(&snapshot, &principal(who), &act, &Scene::chat(None, now()));
        let outcome = if verdict.allowed { "permit" } else { "deny" };
        let told = told(outcome, verdict.reasons.iter());
        note(format!("{who} {}", act.name()), told, verdict.reasons.iter().collect());
    }
    insta::assert_snapshot!(table.join("\n"));
    // Shown by tests of their own below.
    decided.extend(
        [
            "ban-below",
            "ban-again",
            "unban-own",
            "unban-any",
            "fill-by-role",
            "not-your-own",
            "banned-owner",
        ]
        .map(str::to_owned),
    );
    let all: BTreeSet<String> = snapshot.policies.rules().map(|rule| rule.at.id.clone()).collect();
    assert_eq!(decided, all);
}

fn acts<'a>(intent: &'a IntentName, target: &'a TargetName) -> Vec<(&'static str, Act<'a>)> {
    vec![
        ("barbara", Act::View(Viewed::Page(Page::Audit))),
        ("mallory", Act::View(Viewed::Page(Page::Audit))),
        ("ken", Act::Propose(ChangeKind::Ban, None)),
        ("barbara", Act::Propose(ChangeKind::Ban, None)),
        ("ada", Act::Administer),
        ("grace", Act::Pause(None)),
        ("ken", Act::Ignore(intent, target)),
        ("ken", Act::Pause(Some(intent))),
        ("ken", Act::Resume(Some(intent))),
    ]
}

#[test]
fn bans_reach_down_only() {
    let snapshot = compiled(shipped());
    let may_ban = |who: &str, subject: &str| {
        let act = Act::Ban { subject: &id(subject), again: false };
        may(&snapshot, &principal(who), &act, &Scene::chat(None, now())).allowed
    };
    assert!(may_ban("ken", "barbara") && may_ban("grace", "ken") && may_ban("ada", "grace"));
    assert!(!may_ban("ken", "radia") && !may_ban("ken", "grace") && !may_ban("barbara", "ken"));
}

#[test]
fn a_second_ban_within_a_week_takes_an_admin() {
    let snapshot = compiled(shipped());
    let may_ban = |who: &str, subject: &str| {
        let act = Act::Ban { subject: &id(subject), again: true };
        may(&snapshot, &principal(who), &act, &Scene::chat(None, now())).allowed
    };
    assert!(may_ban("ada", "barbara") && may_ban("ada", "grace"));
    assert!(!may_ban("ken", "barbara") && !may_ban("grace", "ken") && !may_ban("grace", "ada"));
}

#[test]
fn a_ban_in_chat_is_lifted_by_who_asked_for_it_or_by_an_admin() {
    let snapshot = compiled(shipped());
    let may_unban = |who: &str, issued: bool| {
        let act = Act::Unban { subject: &id("barbara"), issued };
        may(&snapshot, &principal(who), &act, &Scene::chat(None, now())).allowed
    };
    assert!(may_unban("ken", true) && may_unban("ada", false) && may_unban("ada", true));
    assert!(!may_unban("radia", false) && !may_unban("grace", false));
    assert!(!may_unban("mallory", true), "who is banned does nothing");
}

#[test]
fn nobody_fills_a_slot_of_their_own_request_or_of_another_role() {
    let snapshot = compiled(shipped());
    let filled = |line: &str| {
        let decision = ask(&snapshot, line);
        decision.filling.filled.keys().map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    assert_eq!(
        filled("ken run restart-service web01 in:prod by:ken,barbara,mallory,radia"),
        "radia"
    );
    assert_eq!(filled("ken run restart-service web01 in:prod by:grace,linus"), "grace,linus");
}

#[test]
fn a_service_stops_working_with_its_owner() {
    let mut repo = shipped();
    repo.bans.add(Ban {
        origin: id("inventory/bans/x.yaml"),
        subject: principal("margaret"),
        by: id("ada"),
        reason: "left".to_owned(),
        until: None,
        rests: Rests::OnFile,
    });
    let decision = ask(&compiled(repo), "service:release-bot run deploy-app web01 via:api");
    assert_eq!(
        told_of(&decision),
        "deny: service release-bot does not work: its owner @margaret is banned"
    );
}
