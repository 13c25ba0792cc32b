use super::*;
use crate::domain::decision::{Decision, Effect, Outcome, WantedCitation};
use crate::policy::{Scene, could_run, decide, visible_intents, who_could};

fn decided(case: &Case) -> Decision {
    decide(&team(), &case.question())
}

/// The decision in one line a target, for tables.
fn told(case: &Case) -> String {
    let decision = decided(case);
    let outcome = match &decision.outcome {
        Outcome::Permit => "permit".to_owned(),
        Outcome::Deny => "deny".to_owned(),
        Outcome::NeedsApproval { missing } => {
            let slots = missing.slots.iter().map(|slot| format!("{} {}", slot.count, slot.role));
            let cite = missing.citation.as_ref().and_then(|cite| cite.label.clone());
            let all: Vec<String> = slots.chain(cite).collect();
            format!("needs {}{}", if missing.both { "both " } else { "" }, all.join(", "))
        }
    };
    let reasons = decision.reasons.iter().flat_map(|target| {
        target.reasons.iter().map(|reason| match &reason.rule {
            Some(rule) if reason.lacks.is_empty() => rule.id.clone(),
            Some(rule) => format!("{} ({})", rule.id, reason.lacks.join("; ")),
            None => reason.text.clone(),
        })
    });
    format!("{outcome}: {}", reasons.collect::<Vec<_>>().join(" | "))
}

#[test]
fn everybody_may_read_and_says_by_which_rule() {
    let case = Case::new("kim", "load", &["web1"]);
    let decision = decided(&case);
    assert_eq!(decision.outcome, Outcome::Permit);
    let reason = &decision.reasons[0].reasons[0];
    assert_eq!(reason.effect, Effect::Permits);
    let rule = reason.rule.as_ref().unwrap();
    assert_eq!((rule.id.as_str(), rule.line), ("users-read", 25));
}

#[test]
fn an_operator_needs_slots_or_a_citation() {
    let decision = decided(&Case::new("bob", "restart", &["web1"]));
    let Outcome::NeedsApproval { missing } = decision.outcome else { panic!("{decision:?}") };
    assert_eq!(missing.slots, rule(&[("operator", 1), ("sre", 1)], &[]).slots);
    let wanted = WantedCitation { label: Some("ops/restart".to_owned()), bind: true };
    assert_eq!(missing.citation, Some(wanted));
    assert!(!missing.both);
}

#[test]
fn table_of_outcomes() {
    let old = Citation { age: SignedDuration::from_hours(200), ..citation() };
    let alone = Citation { independent_review: false, ..citation() };
    let unbound = Citation { bound: false, ..citation() };
    let mut bare = citation();
    bare.pull.labels.clear();
    let mut open = citation();
    open.pull.merged = false;
    let restart = || Case::new("bob", "restart", &["web1"]);
    let cases = [
        restart().citing(citation()),
        restart().citing(old),
        restart().citing(alone),
        restart().citing(unbound),
        restart().citing(bare),
        restart().citing(open),
        Case::new("kim", "load", &["web1"]).citing(citation()),
        restart().approved_by(&["cy"]),
        restart().approved_by(&["bob", "sam"]),
        restart().approved_by(&["sam", "eve"]),
        restart().approved_by(&["sam"]),
        restart().approved_by(&["sam", "mal"]),
        restart().approved_by(&["sam", "old"]),
        Case::new("kim", "restart", &["web1"]),
        Case::new("mal", "load", &["web1"]),
        Case::new("old", "load", &["web1"]),
        Case::new("bob", "restart", &["web1", "db1"]),
        Case::new("bob", "rotate", &["web1"]),
        Case::new("bob", "wipe", &["web1"]),
        Case::new("bob", "wipe", &["web1"]).approved_by(&["sam"]),
        Case::new("bob", "wipe", &["web1"]).approved_by(&["sam", "eve"]),
        Case::new("sam", "wipe", &["web1"]).approved_by(&["sam", "eve"]),
        Case::new("service:reconciler", "rotate", &["web1"]),
        Case::new("service:reconciler", "rotate", &["web2"]),
        Case::new("service:ci", "load", &["web1"]),
        Case::new("service:malbot", "load", &["web1"]),
        Case::new("service:orphan", "load", &["web1"]),
        Case::new("service:nobody", "load", &["web1"]),
        Case::new("service:host:1000", "load", &["web1"]),
        Case::new("zed", "load", &["web1"]),
        Case::new("bob", "load", &["web9"]),
        Case::new("bob", "load", &[]),
        Case::new("bob", "gone", &["web1"]),
        Case { mode: Mode::Check, ..restart() },
        Case { mode: Mode::Check, ..Case::new("kim", "restart", &["web1"]) },
    ];
    let table: Vec<String> = cases
        .iter()
        .map(|case| {
            let targets: Vec<&str> = case.targets.iter().map(TargetName::as_str).collect();
            format!("{} {} {}: {}", case.requester, case.intent, targets.join(" "), told(case))
        })
        .collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn a_veto_ends_it_whatever_is_there() {
    let mut case = Case::new("bob", "restart", &["web1"]).approved_by(&["cy", "sam"]);
    assert_eq!(decided(&case).outcome, Outcome::Permit);
    case.evidence.vetoes = vec![vote("cy")];
    assert_eq!(decided(&case).outcome, Outcome::Permit, "operators have no veto on restart");
    case.evidence.vetoes = vec![vote("eve")];
    assert_eq!(told(&case), "deny: @eve vetoed it as sre");
}

#[test]
fn an_intent_without_slots_is_never_granted() {
    let policies = format!(
        "{POLICIES}\n@id(\"look\") @reason(\"r\") permit (principal, action == Action::\"run\", \
         resource == Intent::\"rotate\") when {{ context.approvals.granted || \
         context.now < datetime(\"1999-01-01\") }};"
    );
    let mut repo = repo_with(&policies);
    let decide = |repo: &PolicyRepo| {
        let case = Case::new("bob", "rotate", &["web1"]).approved_by(&["sam", "eve", "ada"]);
        decide(&compiled(repo.clone()), &case.question()).outcome
    };
    assert_eq!(decide(&repo), Outcome::Deny);
    repo.intents.get_mut(&id::<IntentName>("rotate")).unwrap().approval = Some(rule(&[], &[]));
    assert_eq!(decide(&repo), Outcome::Deny);
}

#[test]
fn both_are_said_to_be_needed_when_either_is_too_little() {
    let policies = format!(
        "{POLICIES}\n@id(\"strict\") @reason(\"Both, for nginx\") forbid (principal, action == \
         Action::\"run\", resource == Intent::\"restart\") when {{ context.args has service && \
         context.args.service == \"nginx\" }} unless {{ context has pr && \
         context.approvals.granted }};"
    );
    let snapshot = compiled(repo_with(&policies));
    let case = Case::new("bob", "restart", &["web1"]);
    let decision = decide(&snapshot, &case.question());
    let Outcome::NeedsApproval { missing } = decision.outcome else { panic!("{decision:?}") };
    assert!(missing.both && missing.citation.is_some() && missing.slots.len() == 2);
    let half = case.clone().citing(citation());
    let decision = decide(&snapshot, &half.question());
    let Outcome::NeedsApproval { missing } = decision.outcome else { panic!("{decision:?}") };
    assert!(!missing.both && missing.citation.is_none() && missing.slots.len() == 2);
    let whole = half.approved_by(&["cy", "sam"]);
    assert_eq!(decide(&snapshot, &whole.question()).outcome, Outcome::Permit);
}

#[test]
fn a_forbid_that_fails_denies() {
    let policies = format!(
        "{POLICIES}\n@id(\"slow\") @reason(\"Not too slow\") forbid (principal, action == \
         Action::\"run\", resource) when {{ context.args has delay && \
         context.args.delay * 2 > 100 }};"
    );
    let snapshot = compiled(repo_with(&policies));
    let mut case = Case::new("bob", "restart", &["web1"]).citing(citation());
    assert_eq!(decide(&snapshot, &case.question()).outcome, Outcome::Permit);
    case.args.insert(id("delay"), Value::Integer(i64::MAX));
    let decision = decide(&snapshot, &case.question());
    assert_eq!(decision.outcome, Outcome::Deny);
    assert!(decision.reasons[0].reasons[0].text.contains("slow"), "{decision:?}");
}

#[test]
fn without_leave_to_approve_slots_cannot_be_what_is_missing() {
    let policies = POLICIES.replace(
        "permit (principal, action in [Action::\"approve\"",
        "permit (principal, action in [Action::\"veto\"",
    );
    let snapshot = compiled(repo_with(&policies));
    let case = Case::new("bob", "wipe", &["web1"]);
    assert_eq!(decide(&snapshot, &case.question()).outcome, Outcome::Deny);
}

#[test]
fn who_could_fill_leaves_out_requester_banned_and_voters() {
    let snapshot = team();
    let case = Case::new("bob", "restart", &["web1"]).approved_by(&["cy"]);
    let decision = decide(&snapshot, &case.question());
    let Outcome::NeedsApproval { missing } = &decision.outcome else { panic!("{decision:?}") };
    let could = who_could(&snapshot, &case.question(), missing);
    assert_eq!(could, BTreeMap::from([(id("sre"), vec![id("ada"), id("eve"), id("sam")])]));
}

#[test]
fn whoever_fills_one_slot_and_may_fill_another_makes_room_there() {
    let snapshot = team();
    let case = Case::new("bob", "restart", &["web1"]).approved_by(&["sam"]);
    let decision = decide(&snapshot, &case.question());
    let Outcome::NeedsApproval { missing } = &decision.outcome else { panic!("{decision:?}") };
    assert_eq!(missing.slots.len(), 1);
    let could = who_could(&snapshot, &case.question(), missing);
    assert_eq!(could.len(), 2);
    for (role, people) in &could {
        assert!(!people.is_empty(), "{role}");
        for person in people {
            let case = case.clone().approved_by(&["sam", person.as_str()]);
            assert_eq!(decide(&snapshot, &case.question()).outcome, Outcome::Permit, "{person}");
        }
    }
}

#[test]
fn who_could_run_names_the_lowest_role() {
    let case = Case::new("kim", "restart", &["web1"]);
    let could = could_run(&team(), &case.question());
    assert_eq!(could.roles, vec![id("operator")]);
    let names: Vec<&str> = could.people.iter().map(PersonId::as_str).collect();
    assert_eq!(names, ["ada", "bob", "cy", "eve", "old", "sam"]);
}

#[test]
fn help_shows_what_one_could_ask_for() {
    let visible = |who: &str| {
        let who = Principal::Person(id(who));
        let channel = id("ops");
        let intents = visible_intents(&team(), &who, &Scene::chat(Some(&channel), now()));
        intents.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(visible("kim"), "load");
    assert_eq!(visible("bob"), "load restart wipe");
    assert_eq!(visible("mal"), "");
}
