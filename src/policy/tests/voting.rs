use super::*;
use crate::policy::{Act, ChangeKind, Page, Scene, Viewed, eligible, may};

fn allowed(who: &str, act: Act<'_>) -> bool {
    may(&team(), &Principal::Person(id(who)), &act, &Scene::chat(None, now())).allowed
}

#[test]
fn bans_reach_strictly_lower_roles_only() {
    let ban = |who: &str, subject: &str| allowed(who, Act::Ban(&id(subject)));
    assert!(ban("eve", "bob") && ban("bob", "kim") && ban("ada", "eve"));
    assert!(!ban("bob", "cy") && !ban("bob", "eve") && !ban("eve", "sam") && !ban("kim", "bob"));
    assert!(!ban("bob", "bob") && !ban("ada", "nobody") && !ban("mal", "kim"));
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
