//! Policy repos: checking them, and deciding with them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::str::FromStr;
use std::time::{Duration, Instant};

use cedar_policy::{
    Authorizer, Context, Entities, EntityUid, PolicySet, Request, Schema, ValidationMode, Validator,
};
use serde_json::{Value, json};
use tribune::clock::SystemClock;
use tribune::domain::arguments::arguments;
use tribune::domain::evidence::Evidence;
use tribune::domain::id::{PersonId, Revision, TargetName};
use tribune::domain::intent::Intent;
use tribune::domain::param::{Args, Value as Argument};
use tribune::domain::person::Principal;
use tribune::domain::repo::PolicyRepo;
use tribune::domain::request::{Mode, Via};
use tribune::engine::load::load;
use tribune::manifest::Files;
use tribune::policy::{self, Question, Snapshot};
use tribune::ports::clock::Clock as _;

use crate::Effort;
use crate::ground::{TRIBUNE, clean, folder, mebibytes, memory};
use crate::sample::repo::{Size, policy_repo, write};
use crate::spread::{Spread, counted, timed, timed_with};

pub fn measure(effort: Effort) {
    let size = Size::new(1000, 200, 200);
    let small = folder();
    write(small.path(), &policy_repo(&size)).unwrap();
    let snapshot = snapshot(small.path());
    let (found, _) = check(small.path(), effort.of(20, 2));
    let raw = [("Cedar parse and validate", cedar(&snapshot, effort.of(20, 2)))];
    timed(
        "`check`, 1,000 people, 200 intents, 200 policies",
        Duration::from_millis(500),
        found,
        &raw,
    );
    decisions(&snapshot, effort);

    let large = folder();
    write(large.path(), &policy_repo(&Size::new(10_000, 1000, 1000))).unwrap();
    let (found, peak) = check(large.path(), effort.of(5, 1));
    let limit = Duration::from_secs(5);
    let raw = [("Cedar parse and validate", cedar(&self::snapshot(large.path()), effort.of(5, 1)))];
    timed("`check`, 10,000 people, 1,000 intents, 1,000 policies", limit, found, &raw);
    let met = peak < 600 << 20;
    counted("its memory at most", "600 MiB", met, mebibytes(peak), String::new());
}

/// Runs `tribune check`; returns the times, and its memory at the most.
fn check(dir: &Path, times: usize) -> (Spread, u64) {
    let mut peak = 0;
    let spread = Spread::measure(times, || {
        let mut child = clean(TRIBUNE).arg("check").arg(dir).stdout(Stdio::null()).spawn().unwrap();
        let status = loop {
            peak = peak.max(memory(child.id(), "VmHWM"));
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        assert!(status.success());
    });
    (spread, peak)
}

fn snapshot(dir: &Path) -> Snapshot {
    let revision: Revision = "0".repeat(40).parse().unwrap();
    load(Files::read(dir).unwrap(), &revision).unwrap().snapshot
}

/// What Cedar itself needs for the same policies.
fn cedar(snapshot: &Snapshot, times: usize) -> Spread {
    let text = policies(&snapshot.repo);
    let schema = policy::schema(&snapshot.repo);
    Spread::measure(times, || {
        let set = PolicySet::from_str(&text).unwrap();
        let (schema, _) = Schema::from_cedarschema_str(&schema).unwrap();
        let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
        assert!(result.validation_passed());
    })
}

fn policies(repo: &PolicyRepo) -> String {
    repo.policies.iter().map(|file| file.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Somebody asks for something.
struct Case {
    who: PersonId,
    intent: Intent,
    args: Args,
    target: TargetName,
}

/// Returns everything that can be asked by people in turn, on one target each.
fn cases(repo: &PolicyRepo, count: usize) -> Vec<Case> {
    let people: Vec<&PersonId> = repo.people.keys().collect();
    let intents: Vec<&Intent> = repo.intents.values().collect();
    let given = [("release", "v1.4.2"), ("replicas", "12"), ("scope", "pages")];
    (0..count)
        .map(|i| {
            let intent = intents[i % intents.len()];
            let wanted = given.iter().filter_map(|(name, value)| {
                let name = name.parse().unwrap();
                intent.params.contains_key(&name).then(|| (name, (*value).to_owned()))
            });
            let args = arguments(intent, &wanted.collect::<BTreeMap<_, _>>()).unwrap();
            let targets: Vec<TargetName> =
                intent.targets.iter().flat_map(|name| repo.inventory.resolve(name)).collect();
            let who = people[i * 7 % people.len()].clone();
            Case { who, intent: intent.clone(), args, target: targets[i % targets.len()].clone() }
        })
        .collect()
}

fn decisions(snapshot: &Snapshot, effort: Effort) {
    let cases = cases(&snapshot.repo, effort.of(2000, 50));
    let now = SystemClock.now();
    let none = Evidence::default();
    let channel = "prod".parse().unwrap();
    let ours = cases.iter().map(|case| {
        let requester = Principal::Person(case.who.clone());
        let question = Question {
            requester: &requester,
            mode: Mode::Run,
            intent: &case.intent.name,
            args: &case.args,
            targets: &[case.target.clone()].into(),
            via: Via::Chat,
            channel: Some(&channel),
            card_channel: Some(&channel),
            evidence: &none,
            now,
        };
        let begun = Instant::now();
        std::hint::black_box(policy::decide(snapshot, &question));
        begun.elapsed()
    });
    let ours = Spread::of(ours.collect());
    let all = PolicySet::from_str(&policies(&snapshot.repo)).unwrap();
    let raw = cases.iter().map(|case| {
        let (request, entities) = plain(&snapshot.repo, case);
        let begun = Instant::now();
        std::hint::black_box(Authorizer::new().is_authorized(&request, &all, &entities));
        begun.elapsed()
    });
    let raw =
        [("one `is_authorized` over all policies, its entities given", Spread::of(raw.collect()))];
    timed("one decision, slice and reasons included", Duration::from_micros(150), ours, &raw);
    let all = cases.iter().step_by(7).take(effort.of(40, 2)).map(|case| {
        let requester = Principal::Person(case.who.clone());
        let scene = policy::Scene { via: Via::Chat, channel: Some(&channel), now };
        let begun = Instant::now();
        std::hint::black_box(policy::visible_intents(snapshot, &requester, &scene));
        begun.elapsed()
    });
    timed_with(
        "what `!help` asks of policy, about each of 200 intents",
        Duration::from_millis(100),
        Spread::of(all.collect()),
        "one person after the other".to_owned(),
    );
}

fn plain_value(value: &Argument) -> Value {
    match value {
        Argument::Boolean(value) => json!(value),
        Argument::Integer(value) => json!(value),
        Argument::String(value) => json!(value),
    }
}

/// Returns the question as somebody puts it to Cedar who has just what it takes at hand.
fn plain(repo: &PolicyRepo, case: &Case) -> (Request, Entities) {
    let uid = |kind: &str, id: &str| json!({ "type": kind, "id": id });
    let link = |kind: &str, id: &str| json!({ "__entity": uid(kind, id) });
    let entity = |kind: &str, id: &str, attrs: Value, parents: Vec<Value>| json!({ "uid": uid(kind, id), "attrs": attrs, "parents": parents });
    let person = &repo.people[&case.who];
    let target = &repo.inventory.targets[&case.target];
    let parents = |kind: &str, ids: Vec<String>| -> Vec<Value> {
        ids.iter().map(|id| uid(kind, id)).collect()
    };
    let names = |ids: &mut dyn Iterator<Item = String>| ids.collect::<Vec<_>>();
    let mut entities = vec![
        entity(
            "Person",
            case.who.as_str(),
            json!({ "flags": person.flags.iter().map(ToString::to_string).collect::<Vec<_>>() }),
            parents("Role", names(&mut person.roles.iter().map(ToString::to_string))),
        ),
        entity(
            "Target",
            case.target.as_str(),
            json!({ "environment": link("Environment", target.environment.as_str()) }),
            parents("Group", names(&mut target.groups.iter().map(ToString::to_string))),
        ),
        entity(
            "Approvals",
            "in-hand",
            json!({ "count": 0, "granted": false, "approvers": [] }),
            vec![],
        ),
    ];
    let mut intent = json!({ "category": link("Category", case.intent.category.as_str()), "risk": case.intent.risk });
    if let Some(label) = &case.intent.label {
        intent["label"] = json!(label);
    }
    entities.push(entity("Intent", case.intent.name.as_str(), intent, vec![]));
    for (role, within) in &repo.roles.0 {
        let within = names(&mut within.iter().map(ToString::to_string));
        entities.push(entity("Role", role.as_str(), json!({}), parents("Role", within)));
    }
    for group in repo.inventory.groups_of(target) {
        let within = names(&mut repo.inventory.groups[&group].iter().map(ToString::to_string));
        entities.push(entity("Group", group.as_str(), json!({}), parents("Group", within)));
    }
    let args: serde_json::Map<String, Value> =
        case.args.iter().map(|(name, value)| (name.to_string(), plain_value(value))).collect();
    let context = json!({
        "now": { "__extn": { "fn": "datetime", "arg": "2026-06-01T08:00:00.000Z" } },
        "via": link("Via", "chat"), "target": link("Target", case.target.as_str()),
        "approvals": link("Approvals", "in-hand"), "requester": link("Person", case.who.as_str()),
        "args": args,
    });
    let of = |kind: &str, id: &str| EntityUid::from_json(uid(kind, id)).unwrap();
    let request = Request::new(
        of("Person", case.who.as_str()),
        of("Action", "run"),
        of("Intent", case.intent.name.as_str()),
        Context::from_json_value(context, None).unwrap(),
        None,
    );
    (request.unwrap(), Entities::from_json_value(Value::Array(entities), None).unwrap())
}
