use cedar_policy::{Entities, PolicySet, Request};
use proptest::prelude::*;

use super::*;
use crate::domain::decision::{Missing, Outcome};
use crate::policy::alike::Alike;
use crate::policy::ask::{Ask, Ready, answer_by};
use crate::policy::case::Suppose;
use crate::policy::facts::{Facts, Plain};
use crate::policy::may::sample_args;
use crate::policy::voting::who_may_fill;
use crate::policy::{Scene, could_run, decide, may_ask_for, may_fill, who_could};

/// Policies to pick from, beside the team's own.
const MORE: &[&str] = &[
    r#"permit (principal in Role::"user", action == Action::"run", resource == Intent::"restart");"#,
    r#"permit (principal == Person::"kim", action in Action::"mutate", resource);"#,
    r#"permit (principal, action in [Action::"run", Action::"approve"], resource == Intent::"wipe") when { context.target in Group::"web" };"#,
    r#"forbid (principal, action == Action::"run", resource == Intent::"rotate");"#,
    r#"forbid (principal is Person, action in Action::"mutate", resource) when { principal.flags.contains("contractor") };"#,
    r#"forbid (principal, action == Action::"run", resource is Intent) when { context has pr && context.pr has author && context.pr.author == principal };"#,
    r#"forbid (principal, action == Action::"run", resource) when { context.approvals in Role::"admin" };"#,
    r#"permit (principal, action == Action::"run", resource in Intent::"rotate") when { context.approvals.count >= 2 };"#,
    r#"forbid (principal, action, resource) when { context.via == Via::"api" };"#,
    r#"forbid (principal, action == Action::"run", resource) when { context.args has delay && context.args.delay * 3 > 20 };"#,
    r#"permit (principal in Role::"sre", action == Action::"run", resource) when { context has pr && context.approvals.granted };"#,
    r#"forbid (principal, action == Action::"run", resource == Intent::"restart") when { context has pr } unless { context.approvals.hasTag("operator") };"#,
    r#"forbid (principal, action == Action::"run", resource) when { context.target == Target::"web2" };"#,
    r#"forbid (principal, action == Action::"run", resource) when { principal has ban } unless { context.args has delay && context.args.delay * 3 > 20 };"#,
    r#"forbid (principal, action == Action::"run", resource) when { resource.category != Category::"read" && context.target.environment == Environment::"prod" && !(principal in Role::"sre" || principal is Service) };"#,
];

prop_compose! {
    fn snapshots()(own in proptest::sample::subsequence((0..15).collect::<Vec<usize>>(), 10..=15),
                   more in proptest::sample::subsequence((0..MORE.len()).collect::<Vec<usize>>(), 0..=8))
                  -> Option<Snapshot> {
        let team: Vec<&str> = POLICIES.split_inclusive(";\n").collect();
        let mut text: String = own.iter().map(|place| team[*place]).collect();
        for place in more {
            text += &format!("@id(\"more-{place}\") @reason(\"r\") {}\n", MORE[place]);
        }
        without_closed(repo_with(&text))
    }
}

/// Compiles, leaving out intents that these policies leave closed.
fn without_closed(mut repo: PolicyRepo) -> Option<Snapshot> {
    let closed = match Snapshot::compile(id(&"1".repeat(40)), repo.clone()) {
        Ok((snapshot, _)) => return Some(snapshot),
        Err(problems) => problems,
    };
    let closed = closed.into_iter().map(|problem| problem.place.path).collect::<Vec<_>>();
    repo.intents.retain(|_, intent| !closed.contains(&intent.path));
    Snapshot::compile(id(&"1".repeat(40)), repo).ok().map(|(snapshot, _)| snapshot)
}

prop_compose! {
    fn cases()(who in prop::sample::select(vec!["ada", "eve", "bob", "cy", "mal", "old", "kim", "zed",
                    "service:ci", "service:reconciler", "service:malbot", "service:host:0"]),
               intent in prop::sample::select(vec!["restart", "wipe", "load", "rotate"]),
               targets in proptest::sample::subsequence(vec!["web1", "web2", "db1"], 1..=3),
               via in prop::sample::select(Via::ALL.to_vec()),
               channel in prop::option::of(prop::sample::select(vec!["ops", "prod"])),
               check in any::<bool>(),
               delay in prop::sample::select(vec![0, 9, i64::MAX]),
               votes in proptest::sample::subsequence(vec!["ada", "eve", "sam", "bob", "cy", "mal", "kim", "zed"], 0..=4),
               cites in any::<bool>(), bits in any::<[bool; 4]>()) -> Case {
        let mut case = Case::new(who, intent, &targets).approved_by(&votes);
        case.via = via;
        case.channel = channel.map(id);
        case.mode = if check { Mode::Check } else { Mode::Run };
        if intent == "restart" {
            case.args.insert(id("delay"), Value::Integer(delay));
        }
        if cites {
            let mut citation = citation();
            citation.pull.merged = bits[0] || bits[1];
            citation.independent_review = bits[1] || bits[2];
            citation.bound = bits[2] || bits[3];
            case = case.citing(citation);
        }
        case
    }
}

/// Everything at once: all policies, all entities, each lying in what it lies in directly; what
/// that comes to is left to Cedar.
fn plainly(snapshot: &Snapshot, ask: &Ask) -> crate::policy::ask::Answer {
    let policies = snapshot.policies.rules().map(|rule| rule.policy.clone());
    let all = PolicySet::from_policies(policies).unwrap();
    let mut facts = Plain::of(&snapshot.repo);
    facts.0.extend(ask.extra.iter().map(|fact| (fact.uid.clone(), fact.clone())));
    let entities = facts.0.values().map(|fact| fact.entity(fact.parents.clone()).unwrap());
    let entities = Entities::from_entities(entities, None).unwrap();
    answer_by([&all], &Ready { entities, ..snapshot.policies.prepare(ask).unwrap() })
}

fn fits_schema(snapshot: &Snapshot, ready: &Ready) -> Result<(), String> {
    let (request, schema) = (&ready.request, Some(&snapshot.policies.schema));
    let action = request.action().unwrap().clone();
    let (principal, resource) = (ready.principal.clone(), ready.resource.clone());
    let context = request.context().unwrap().clone();
    let fits = Request::new(principal, action, resource, context, schema);
    fits.map(drop).map_err(|error| error.to_string())
}

fn perfect() -> Citation {
    let mut citation = citation();
    citation.pull.author = None;
    citation
}

/// Says whether the empty slots can be filled so that it is permitted: by newcomers who have
/// exactly the roles, or with people who could fill them now.
fn some_votes_do(snapshot: &Snapshot, case: &Case, missing: &Missing) -> bool {
    let mut repo = snapshot.repo.clone();
    let mut newcomers = vec![];
    for (place, slot) in missing.slots.iter().enumerate() {
        for seat in 0..slot.count {
            let name = format!("new-{place}-{seat}");
            repo.people.insert(id(&name), person(&name, &[slot.role.as_str()]));
            newcomers.push(vote(&name));
        }
    }
    let could = who_could(snapshot, &case.question(), missing);
    let real: Vec<&PersonId> =
        could.values().flatten().collect::<BTreeSet<_>>().into_iter().collect();
    let mut grown = snapshot.clone();
    grown.policies.facts = Facts::of(&repo);
    grown.policies.alike = Alike::of(&repo, snapshot.policies.rules());
    grown.repo = repo;
    (0..1_u32 << real.len()).any(|chosen| {
        let mut filled = case.clone();
        let chosen = real.iter().enumerate().filter(|(place, _)| chosen & (1 << place) != 0);
        filled.evidence.approvals.extend(newcomers.iter().cloned());
        filled.evidence.approvals.extend(chosen.map(|(_, person)| vote(person.as_str())));
        decide(&grown, &filled.question()).outcome == Outcome::Permit
    })
}

fn agrees_with_plain_cedar(snapshot: &Snapshot, case: &Case) -> Result<(), TestCaseError> {
    let question = case.question();
    let Ok(opened) = crate::policy::case::Case::open(snapshot, &question) else { return Ok(()) };
    for suppose in [Suppose::Nothing, Suppose::Slots, Suppose::Citation, Suppose::Both] {
        for (_, ask) in opened.asks(suppose) {
            let ready = snapshot.policies.prepare(&ask).unwrap();
            let told =
                ready.entities.iter().filter(|it| it.uid().type_name().to_string() != "Action");
            let fits = Entities::from_entities(told.cloned(), Some(&snapshot.policies.schema));
            prop_assert!(fits.is_ok(), "{:?}", fits.err());
            let fits = fits_schema(snapshot, &ready);
            prop_assert!(fits.is_ok(), "{:?}", fits.err());
            prop_assert_eq!(snapshot.policies.answer(&ready), plainly(snapshot, &ask));
        }
    }
    Ok(())
}

fn missing_is_enough(snapshot: &Snapshot, case: &Case) -> Result<(), TestCaseError> {
    let decision = decide(snapshot, &case.question());
    let Outcome::NeedsApproval { missing } = decision.outcome else { return Ok(()) };
    prop_assert!(!missing.slots.is_empty() || missing.citation.is_some());
    if !missing.slots.is_empty() {
        let cited = if missing.both { case.clone().citing(perfect()) } else { case.clone() };
        prop_assert!(some_votes_do(snapshot, &cited, &missing), "{:?}", missing);
    }
    if missing.citation.is_some() && !missing.both {
        let cited = case.clone().citing(perfect());
        prop_assert_eq!(decide(snapshot, &cited.question()).outcome, Outcome::Permit);
    }
    Ok(())
}

/// Gives every target a twin, and everybody: one who is like them in all but the name, or one who
/// also differs in what few policies see, in turns.
fn with_twins(snapshot: &Snapshot) -> Snapshot {
    let mut repo = snapshot.repo.clone();
    for (place, person) in snapshot.repo.people.values().enumerate() {
        let mut twin = Person { id: id(&format!("{}-twin", person.id)), ..person.clone() };
        if place % 2 == 0 {
            twin.flags.insert(id("oncall"));
            twin.roles.insert(id("quiet"));
        }
        repo.people.insert(twin.id.clone(), twin);
    }
    repo.roles.0.insert(id("quiet"), BTreeSet::from([id("user")]));
    let Inventory { targets, groups, environments, .. } = snapshot.repo.inventory.clone();
    let other =
        |target: &Target| Target { name: id(&format!("{}-twin", target.name)), ..target.clone() };
    let others: Vec<Target> = targets.values().map(other).collect();
    let targets = targets.into_values().chain(others).map(|it| (it.name.clone(), it)).collect();
    repo.inventory = Inventory::new(targets, groups, environments);
    let mut twins = snapshot.clone();
    twins.policies.facts = Facts::of(&repo);
    twins.policies.alike = Alike::of(&repo, snapshot.policies.rules());
    twins.repo = repo;
    twins
}

fn one_speaks_for_all(snapshot: &Snapshot, case: &Case) -> Result<(), TestCaseError> {
    let question = case.question();
    let everybody = || snapshot.repo.people.keys().cloned();
    for role in snapshot.repo.roles.0.keys() {
        let each = everybody().filter(|one| may_fill(snapshot, &question, one, role));
        prop_assert_eq!(who_may_fill(snapshot, &question, role), each.collect::<Vec<_>>());
    }
    let none = Evidence::default();
    let each = everybody().filter(|one| {
        let other = Principal::Person(one.clone());
        let asked = Question { requester: &other, evidence: &none, ..question };
        other != *question.requester && decide(snapshot, &asked).outcome != Outcome::Deny
    });
    prop_assert_eq!(could_run(snapshot, &question).people, each.collect::<Vec<_>>());
    Ok(())
}

fn one_target_speaks_for_all(snapshot: &Snapshot, case: &Case) -> Result<(), TestCaseError> {
    let scene = Scene { via: case.via, channel: case.channel.as_ref(), now: now() };
    let none = Evidence::default();
    for intent in snapshot.repo.intents.values() {
        let args = sample_args(intent);
        let mut each = intent.targets.iter().flat_map(|name| snapshot.repo.inventory.resolve(name));
        let some = each.any(|target| {
            let targets = BTreeSet::from([target]);
            let asked = Question {
                mode: Mode::Run,
                intent: &intent.name,
                args: &args,
                targets: &targets,
                evidence: &none,
                ..case.question()
            };
            decide(snapshot, &asked).outcome != Outcome::Deny
        });
        prop_assert_eq!(may_ask_for(snapshot, &case.requester, &scene, intent), some);
    }
    Ok(())
}

proptest! {
    // Compiling is what takes time, so one set of policies meets many questions.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn index_and_slice_agree_with_plain_cedar(
        snapshot in snapshots(),
        cases in prop::collection::vec(cases(), 8),
    ) {
        for (snapshot, case) in snapshot.iter().flat_map(|one| cases.iter().map(move |case| (one, case))) {
            agrees_with_plain_cedar(snapshot, case)?;
        }
    }

    #[test]
    fn what_is_missing_is_enough(
        snapshot in snapshots(),
        cases in prop::collection::vec(cases(), 16),
    ) {
        for (snapshot, case) in snapshot.iter().flat_map(|one| cases.iter().map(move |case| (one, case))) {
            missing_is_enough(snapshot, case)?;
        }
    }

    #[test]
    fn asking_one_of_each_kind_is_asking_everybody(
        snapshot in snapshots(),
        cases in prop::collection::vec(cases(), 2),
    ) {
        for (snapshot, case) in snapshot.iter().flat_map(|one| cases.iter().map(move |case| (one, case))) {
            let twins = with_twins(snapshot);
            one_speaks_for_all(&twins, case)?;
            one_target_speaks_for_all(&twins, case)?;
        }
    }

    #[test]
    fn any_text_compiles_or_is_refused(text in "\\PC{0,200}") {
        prop_assert!(Snapshot::compile(id(&"1".repeat(40)), repo_with(&text)).is_err());
    }
}
