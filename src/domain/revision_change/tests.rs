//! Changes in words, and what the guard holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::domain::ban::{Ban, Bans, Rests};
use crate::domain::body::Span;
use crate::domain::intent::{
    ApprovalRule, Category, Concurrency, Executor, Intent, Limits, Notify, OnBusy, Per, Sandbox,
    Slot,
};
use crate::domain::person::{Person, Principal};
use crate::domain::repo::PolicyRepo;
use crate::domain::role::Roles;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn start() -> Timestamp {
    "2026-01-05T09:00:00Z".parse().unwrap()
}

fn set<T: std::str::FromStr + Ord>(names: &[&str]) -> BTreeSet<T> {
    names.iter().map(|name| name.parse().ok().unwrap()).collect()
}

fn person(name: &str, roles: &[&str]) -> Person {
    Person {
        id: name.parse().unwrap(),
        name: name.to_uppercase(),
        roles: set(roles),
        flags: BTreeSet::new(),
        chat: BTreeMap::from([("console".parse().unwrap(), set(&[&format!("u_{name}")]))]),
        forge: BTreeMap::new(),
        signing_keys: vec![],
    }
}

fn ban(name: &str, until: Option<Timestamp>) -> Ban {
    Ban {
        origin: format!("inventory/bans/{name}.yaml").parse().unwrap(),
        subject: Principal::Person(name.parse().unwrap()),
        by: "ada".parse().unwrap(),
        reason: "shared a password".into(),
        until,
        rests: Rests::OnFile,
    }
}

fn intent(name: &str) -> Intent {
    Intent {
        name: name.parse().unwrap(),
        summary: "Restart a service".into(),
        category: Category::Change,
        risk: 2,
        params: BTreeMap::new(),
        targets: vec!["web".into()],
        aliases: vec![],
        label: None,
        cite: None,
        approval: Some(ApprovalRule {
            slots: vec![Slot { role: "sre".parse().unwrap(), count: 1 }],
            collect: SignedDuration::from_mins(30),
            execute: SignedDuration::from_mins(15),
            veto: vec![],
            notify: Notify::Role,
        }),
        channel: None,
        schedule: None,
        run: Executor::Argv(vec![]),
        check: None,
        reads: vec![],
        idempotent: false,
        env: BTreeMap::new(),
        secrets: vec![],
        sandbox: Sandbox::default(),
        limits: Limits {
            timeout: SignedDuration::from_mins(5),
            output: 1,
            memory: 1,
            processes: 1,
        },
        concurrency: Concurrency { per: Per::Target, on_busy: OnBusy::Queue },
        windows: vec![],
        standing: None,
        path: format!("intents/{name}.yaml").parse().unwrap(),
        blob: "0".repeat(40).parse().unwrap(),
    }
}

fn repo() -> PolicyRepo {
    let people = [("ada", "admin"), ("bob", "operator"), ("eve", "sre"), ("mallory", "user")];
    PolicyRepo {
        people: people.map(|(name, role)| (name.parse().unwrap(), person(name, &[role]))).into(),
        roles: Roles(BTreeMap::from([
            ("admin".parse().unwrap(), set(&["sre"])),
            ("sre".parse().unwrap(), set(&["operator"])),
            ("operator".parse().unwrap(), set(&["user"])),
            ("user".parse().unwrap(), set(&[])),
        ])),
        intents: ["restart-service", "uptime"]
            .map(|name| (name.parse().unwrap(), intent(name)))
            .into(),
        ..PolicyRepo::default()
    }
}

fn policies() -> BTreeMap<String, PolicyText> {
    let policy = |effect, text: &str| PolicyText { effect, text: text.into() };
    BTreeMap::from([
        ("operators-cite".into(), policy(PolicyEffect::Permit, "permit (a)")),
        ("nobody-banned".into(), policy(PolicyEffect::Forbid, "forbid (a)")),
    ])
}

/// Returns the lines as a console prints them.
fn told(
    before: (&PolicyRepo, &BTreeMap<String, PolicyText>),
    after: (&PolicyRepo, &BTreeMap<String, PolicyText>),
) -> String {
    let revised = |(repo, policies)| Revised { repo, policies };
    let line = |spans: Vec<Span>| -> String {
        spans
            .into_iter()
            .map(|span| match span {
                Span::Text(text) | Span::Strong(text) | Span::Code(text) => text,
                Span::Person(person) | Span::Mention(person) => format!("@{person}"),
                Span::Account(account) => format!("@{}", account.id),
                Span::Post { text, .. } | Span::Link { text, .. } => text,
            })
            .collect()
    };
    let lines = words(&revised(before), &revised(after), start());
    lines.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn equal_revisions_differ_in_nothing() {
    assert_eq!(told((&repo(), &policies()), (&repo(), &policies())), "");
}

#[test]
fn every_kind_of_change_is_told_in_one_line() {
    let (mut after, mut rules) = (repo(), policies());
    after.people.remove(&"eve".parse().unwrap());
    after.people.insert("zoe".parse().unwrap(), person("zoe", &["operator", "sre"]));
    let bob = after.people.get_mut(&"bob".parse().unwrap()).unwrap();
    bob.roles = set(&["sre"]);
    bob.flags = set(&["oncall"]);
    bob.chat.clear();
    after.roles.0.insert("operator".parse().unwrap(), set(&[]));
    after.bans = [ban("mallory", Some(start() + HOUR)), ban("zoe", None)].into_iter().collect();
    let changed = after.intents.get_mut(&"restart-service".parse().unwrap()).unwrap();
    changed.risk = 1;
    changed.targets = vec!["web".into(), "db".into()];
    changed.approval.as_mut().unwrap().slots[0].count = 2;
    changed.blob = "1".repeat(40).parse().unwrap();
    after.intents.get_mut(&"uptime".parse().unwrap()).unwrap().blob =
        "1".repeat(40).parse().unwrap();
    after.intents.insert("df".parse().unwrap(), intent("df"));
    rules.get_mut("operators-cite").unwrap().text = "permit (b)".into();
    rules.remove("nobody-banned");
    insta::assert_snapshot!(told((&repo(), &policies()), (&after, &rules)), @r#"
    @bob gained role sre; lost role operator; gained flag oncall; lost chat account console:u_bob
    @eve left (sre)
    @zoe joined (operator and sre)
    role operator lies within no role instead of user
    @mallory is banned until 2026-01-05 10:00 UTC by @ada: shared a password
    @zoe is banned permanently by @ada: shared a password
    policy nobody-banned (forbid) was removed
    policy operators-cite (permit) changed
    intent df was added: Restart a service (change, risk 2)
    intent restart-service: risk 2 → 1; slots 1 sre → 2 sre; gained target db
    "#);
    insta::assert_snapshot!(told((&after, &rules), (&repo(), &policies())), @r#"
    @bob gained role operator; lost role sre; lost flag oncall; gained chat account console:u_bob
    @eve joined (sre)
    @zoe left (operator and sre)
    role operator lies within user instead of no role
    @mallory is banned no longer (it held until 2026-01-05 10:00 UTC)
    @zoe is banned no longer (it held permanently)
    policy nobody-banned (forbid) was added
    policy operators-cite (permit) changed
    intent df was removed
    intent restart-service: risk 1 → 2; slots 2 sre → 1 sre; lost target db
    "#);
}

fn mark(repo: &PolicyRepo, rules: &BTreeMap<String, PolicyText>, at: Timestamp) -> HighWater {
    let names = names(&Revised { repo, policies: rules }, at);
    HighWater { at, revision: "0".repeat(40).parse().unwrap(), names }
}

/// Returns what the guard finds when `change` is made after one accepted revision.
fn found(change: impl FnOnce(&mut PolicyRepo, &mut BTreeMap<String, PolicyText>)) -> Vec<String> {
    let (mut before, rules) = (repo(), policies());
    for name in ["p1", "p2", "p3", "p4", "p5", "p6", "p7"] {
        before.people.insert(name.parse().unwrap(), person(name, &["user"]));
    }
    before.bans =
        ["p1", "p2", "p3"].map(|name| ban(name, Some(start() + HOUR))).into_iter().collect();
    let accepted = [mark(&before, &rules, start() - HOUR)];
    let (mut after, mut new_rules) = (before, rules);
    change(&mut after, &mut new_rules);
    let now = start();
    let names = names(&Revised { repo: &after, policies: &new_rules }, now);
    findings(&accepted, &names, now).iter().map(ToString::to_string).collect()
}

fn all_until(bans: &Bans, until: Option<Timestamp>) -> Bans {
    bans.of_files().iter().map(|ban| Ban { until, ..ban.clone() }).collect()
}

#[test]
fn a_provisional_ban_that_ends_is_no_removal() {
    let said = ["q1", "q2", "q3"]
        .map(|name| Ban { rests: Rests::OnWord(start()), ..ban(name, Some(start() + HOUR)) });
    let (rules, before) = (policies(), repo());
    let bound = PolicyRepo { bans: before.bans.binding(said.into()), ..before.clone() };
    let (old, new) = (mark(&bound, &rules, start()), mark(&before, &rules, start()));
    assert_eq!(old.names, new.names, "the guard counts what files say");
    assert_eq!(findings(&[old], &new.names, start()), []);
    let told = words(
        &Revised { repo: &bound, policies: &rules },
        &Revised { repo: &before, policies: &rules },
        start(),
    );
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn small_changes_pass() {
    let none: Vec<String> = vec![];
    assert_eq!(found(|_, _| {}), none);
    assert_eq!(
        found(|repo, _| repo.people.retain(|name, _| !["p1", "p2"].contains(&name.as_str()))),
        none
    );
    assert_eq!(
        found(|repo, _| repo.bans = repo.bans.of_files()[..1].iter().cloned().collect()),
        none
    );
    assert_eq!(found(|repo, _| repo.bans = all_until(&repo.bans, None)), none);
    assert_eq!(found(|_, rules| drop(rules.remove("operators-cite"))), none);
}

#[test]
fn taking_away_too_much_is_held() {
    assert_eq!(
        found(|repo, _| repo.people.retain(|name, _| !["p1", "p2", "p3"].contains(&name.as_str()))),
        ["3 of 11 people are gone: p1, p2 and p3"],
    );
    assert_eq!(
        found(|repo, _| repo.bans = Bans::default()),
        [
            "3 of 3 bans are gone: @p1 until 2026-01-05T10:00:00Z, @p2 until 2026-01-05T10:00:00Z and @p3 until 2026-01-05T10:00:00Z"
        ],
    );
    let sooner = found(|repo, _| repo.bans = all_until(&repo.bans, Some(start())));
    assert_eq!(sooner.len(), 1, "{sooner:?}");
    assert_eq!(
        found(|_, rules| rules.get_mut("nobody-banned").unwrap().effect = PolicyEffect::Permit),
        ["the policy nobody-banned, which forbids, is gone"],
    );
    assert_eq!(
        found(
            |repo, _| repo.people.get_mut(&"eve".parse().unwrap()).unwrap().roles = set(&["admin"])
        ),
        ["@eve becomes an admin"],
    );
    assert_eq!(
        found(|repo, _| drop(repo.roles.0.insert("operator".parse().unwrap(), set(&["admin"])))),
        ["@bob becomes an admin", "@eve becomes an admin"],
    );
    assert_eq!(
        found(|repo, _| drop(repo.people.remove(&"ada".parse().unwrap()))),
        ["@ada is an admin no longer"],
    );
}

#[test]
fn many_small_steps_within_a_day_count_as_one_and_begin_anew_once_people_agreed() {
    let (mut repo, rules) = (repo(), policies());
    for name in ["p1", "p2", "p3", "p4", "p5", "p6"] {
        repo.people.insert(name.parse().unwrap(), person(name, &["user"]));
    }
    let mut accepted = vec![mark(&repo, &rules, start())];
    let mut step = |hours: i32, gone: &str, accepted: &mut Vec<HighWater>| {
        let now = start() + HOUR * hours;
        repo.people.remove(&gone.parse().unwrap());
        let new = mark(&repo, &rules, now);
        let found = findings(accepted, &new.names, now);
        *accepted = remember(std::mem::take(accepted), new, &found);
        found.len()
    };
    assert_eq!(step(1, "p1", &mut accepted), 0);
    assert_eq!(step(2, "p2", &mut accepted), 0);
    assert_eq!(step(3, "p3", &mut accepted), 1, "three of ten within a day");
    assert_eq!(accepted.len(), 1, "counting begins again with what people let through");
    assert_eq!(step(4, "p4", &mut accepted), 0);
    assert_eq!(step(5, "p5", &mut accepted), 0);
    assert_eq!(step(40, "p6", &mut accepted), 0, "a day later the first steps are forgotten");
}
