use super::*;
use crate::policy::Policies;

/// Compiles the team's policies with one more, and returns what is wrong.
fn problems(more: &str) -> Vec<String> {
    let mut repo = repo_with(POLICIES);
    repo.policies.push(PolicyFile { path: id("policies/more.cedar"), text: more.to_owned() });
    let problems = Policies::compile(&repo).err().unwrap_or_default();
    problems.iter().map(|problem| format!("{} {}", problem.place, problem.code)).collect()
}

fn one(head: &str, conditions: &str) -> String {
    format!("// One more.\n@id(\"more\") @reason(\"r\")\n{head}\n{conditions};")
}

#[test]
fn each_mistake_is_told_at_its_place() {
    let run = "permit (principal, action == Action::\"run\", resource)";
    let forbid = "forbid (principal, action == Action::\"run\", resource)";
    let cases = [
        ("permit (principal, action, resource", "policy-syntax"),
        ("@id(\"a\") permit (principal, action, resource);", "policy-reason-missing"),
        ("@reason(\"a\") permit (principal, action, resource);", "policy-id-missing"),
        (&one("permit (principal == ?principal, action, resource)", ""), "policy-template"),
        (
            &one("permit (principal, action == Action::\"rnu\", resource)", ""),
            "policy-unknown-action",
        ),
        (&one("permit (principal is Persn, action, resource)", ""), "policy-unknown-type"),
        (&one(run, "when { resource.lable == \"x\" }"), "policy-unknown-attribute"),
        (&one(run, "when { resource.label == \"x\" }"), "policy-unguarded"),
        (&one(run, "when { context.approvals.getTag(\"sre\") > 1 }"), "policy-unguarded"),
        (
            &one(
                run,
                "when { context has pr && context.pr has author && context.pr.author.flags.contains(\"contractor\") }",
            ),
            "policy-too-deep",
        ),
        (&one(run, "when { resource.category == Category::\"raed\" }"), "policy-enum"),
        (&one(run, "when { resource.risk == \"2\" }"), "policy-type"),
        (&one(run, "when { resource.risk > 1 && false }"), "policy-never-holds"),
        (
            &one(run, "when { context.args has service && context.args.service == \"ngіnx\" }"),
            "policy-confusable",
        ),
        (&one(run, "when { resource has lable }"), "policy-has-unknown"),
        (&one(run, "when { context.args has servce }"), "policy-has-unknown"),
        (
            &one(
                "permit (principal in Role::\"oprator\", action == Action::\"run\", resource)",
                "",
            ),
            "policy-unknown-entity",
        ),
        (&one(run, "when { principal == Person::\"zed\" }"), "policy-unknown-entity"),
        (&one(run, "when { context.approvals.hasTag(\"srre\") }"), "policy-unknown-role"),
        (
            &one(
                "permit (principal is Person, action == Action::\"run\", resource)",
                "when { principal.flags.contains(\"oncal\") }",
            ),
            "policy-unknown-flag",
        ),
        (
            &one(run, "when { context.args has service && context.args.service == \"nginxx\" }"),
            "policy-unknown-value",
        ),
        (
            &one(
                forbid,
                "when { principal has flags && principal.flags.contains(\"contractor\") }",
            ),
            "policy-forbid-type",
        ),
        (&one(forbid, "when { principal has owner }"), "policy-forbid-type"),
    ];
    let mut table = vec![];
    for (text, code) in cases {
        let found = problems(text);
        assert!(
            found.iter().any(|problem| problem.ends_with(&format!(" {code}"))),
            "{code} expected for {text}\nfound {found:?}"
        );
        table.push(found.join(", "));
    }
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn good_policies_have_no_problem() {
    assert_eq!(problems(""), Vec::<String>::new());
    let fine = one(
        "forbid (principal is Person, action == Action::\"run\", resource)",
        "when { principal.flags.contains(\"contractor\") && context.args has service && \
         context.args.service == \"app\" }",
    );
    assert_eq!(problems(&fine), Vec::<String>::new());
    let host = one("permit (principal == Service::\"host:0\", action, resource)", "");
    assert_eq!(problems(&host), Vec::<String>::new());
}

#[test]
fn no_permit_at_all_is_an_error() {
    for text in ["", "@id(\"a\") @reason(\"a\") forbid (principal, action, resource);"] {
        let problems = Policies::compile(&repo_with(text)).unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "policies: error[policy-none]: no policy permits anything"
        );
    }
}

#[test]
fn an_intent_that_nothing_can_permit_is_an_error() {
    let without_reconciler = |repo: &mut PolicyRepo| {
        let text = &mut repo.policies[0].text;
        *text = text.replace("resource.risk <= 1 &&", "resource.risk < 1 &&");
    };
    let mut repo = repo_with(POLICIES);
    assert!(Policies::compile(&repo).is_ok(), "the reconciler may run rotate");
    without_reconciler(&mut repo);
    let problems = Policies::compile(&repo).unwrap_err();
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let expected =
        "intents/rotate.yaml: error[policy-intent-closed]: no policy can ever permit rotate";
    assert_eq!(problems, [expected]);
    repo.intents.get_mut(&id::<IntentName>("rotate")).unwrap().approval =
        Some(rule(&[("sre", 1)], &[]));
    assert!(Policies::compile(&repo).is_ok());
}

#[test]
fn two_policies_of_one_id_name_each_other() {
    let mut repo = repo_with(POLICIES);
    let text = "@id(\"banned\") @reason(\"again\") permit (principal, action, resource);";
    repo.policies.push(PolicyFile { path: id("policies/zz.cedar"), text: text.to_owned() });
    let problems = Policies::compile(&repo).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "policies/zz.cedar:1:1: error[policy-id-twice]: policy id \"banned\" is taken by policies/team.cedar:1"
    );
}
