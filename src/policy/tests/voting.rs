use super::*;
use crate::policy::{Act, ChangeKind, Page, Scene, Viewed, decide, eligible, may};

fn allowed(who: &str, act: Act<'_>) -> bool {
    may(&team(), &Principal::Person(id(who)), &act, &Scene::chat(None, now())).allowed
}

#[test]
fn bans_reach_strictly_lower_roles_only() {
    let ban =
        |who: &str, subject: &str| allowed(who, Act::Ban { subject: &id(subject), again: false });
    assert!(ban("eve", "bob") && ban("bob", "kim") && ban("ada", "eve"));
    assert!(!ban("bob", "cy") && !ban("bob", "eve") && !ban("eve", "sam") && !ban("kim", "bob"));
    assert!(!ban("bob", "bob") && !ban("ada", "nobody") && !ban("mal", "kim"));
}

#[test]
fn whether_somebody_was_banned_before_and_who_did_it_are_facts() {
    let policies = format!(
        "{}\n@id(\"again\") @reason(\"r\") forbid (principal, action == Action::\"ban\", resource) \
         when {{ context.again }};\n@id(\"own\") @reason(\"r\") forbid (principal, action == \
         Action::\"unban\", resource) unless {{ context.issued }};",
        POLICIES
    );
    let snapshot = compiled(repo_with(&policies));
    let (subject, scene) = (id("kim"), Scene::chat(None, now()));
    let bob = Principal::Person(id("bob"));
    let verdict = |act| may(&snapshot, &bob, &act, &scene);
    assert!(verdict(Act::Ban { subject: &subject, again: false }).allowed);
    assert!(!verdict(Act::Ban { subject: &subject, again: true }).allowed);
    assert!(verdict(Act::Unban { subject: &subject, issued: true }).allowed);
    assert!(!verdict(Act::Unban { subject: &subject, issued: false }).allowed);
}

#[test]
fn policies_see_a_provisional_ban_as_they_see_one_of_a_file() {
    let until = "2026-11-23T12:00:00Z";
    for subject in ["ada", "bob", "eve", "kim", "cy"] {
        let file = ban(Principal::Person(id(subject)), Some(until));
        let said = Ban { rests: Rests::OnWord(now()), ..file.clone() };
        let mut repo = repo_with(POLICIES);
        repo.bans.add(file);
        let (merged, bound) = (compiled(repo), team().binding(vec![said]));
        for requester in ["ada", "bob", "eve", "kim"] {
            for intent in ["wipe", "load"] {
                let case = Case::new(requester, intent, &["web1"]);
                let question = case.question();
                assert_eq!(eligible(&merged, &question), eligible(&bound, &question));
                assert_eq!(decide(&merged, &question), decide(&bound, &question));
            }
            let page = Act::View(Viewed::Page(Page::Audit));
            let scene = Scene::chat(None, now());
            let who = Principal::Person(id(requester));
            let verdict = may(&bound, &who, &page, &scene);
            assert_eq!(may(&merged, &who, &page, &scene), verdict);
            assert!(requester != subject || !verdict.allowed, "{subject} is banned");
        }
        // What is laid over a snapshot is taken off again without a trace.
        let off = bound.binding(Vec::new());
        assert_eq!(off.repo, team().repo);
    }
}

#[test]
fn plain_acts_follow_their_rules() {
    assert!(allowed("kim", Act::View(Viewed::Page(Page::Audit))));
    assert!(!allowed("mal", Act::View(Viewed::Page(Page::Audit))));
    assert!(allowed("kim", Act::View(Viewed::Channel(&id("prod")))));
    assert!(!allowed("kim", Act::View(Viewed::Channel(&id("gone")))));
    assert!(allowed("bob", Act::Propose(ChangeKind::Ban, Some(&id("kim")))));
    assert!(!allowed("kim", Act::Propose(ChangeKind::Ban, None)));
    assert!(allowed("ada", Act::Pause(None)) && allowed("ada", Act::Administer));
    assert!(!allowed("eve", Act::Resume(Some(&id("wipe")))));
}

#[test]
fn a_denied_act_says_what_is_lacking() {
    let who = Principal::Person(id("kim"));
    let verdict = may(&team(), &who, &Act::Administer, &Scene::chat(None, now()));
    assert_eq!(verdict.reasons[0].lacks, ["@kim does not hold role admin"]);
}

#[test]
fn those_who_count_for_four_eyes_can_fill_a_slot() {
    let case = Case::new("bob", "wipe", &["web1"]);
    assert_eq!(eligible(&team(), &case.question()), ids(&["ada", "eve", "sam"]));
    let case = Case::new("bob", "load", &["web1"]);
    let any = ids(&["ada", "cy", "eve", "kim", "old", "sam"]);
    assert_eq!(eligible(&team(), &case.question()), any);
}
