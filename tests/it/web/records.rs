//! Pages that tell what was: people, roles and bans, revisions, the audit log.

use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tribune::domain::audit::{Entry, Event};
use tribune::domain::body::Span;
use tribune::domain::diagnostic::{Code, Diagnostic, Place};
use tribune::domain::id::{RequestId, Revision};
use tribune::domain::person::Principal;
use tribune::domain::request::Request;
use tribune::ports::clock::Clock as _;
use tribune::ports::revision::{Fate, RevisionRecord};
use tribune::ports::store::{Change, Store as _, TroubleKind};

use super::site::TestSite;
use crate::contract::store::request;

const HOSTILE: &str = "<script>alert(1)</script>\u{202e}evil";

/// A request that was typed in a channel, with an audit row about it.
async fn asked(site: &TestSite, id: u64, channel: &str) {
    let asked = Request {
        requester: Principal::Person("grace".parse().unwrap()),
        channel: Some(channel.parse().unwrap()),
        card_place: (super::site::platform(), format!("chan-{channel}").parse().unwrap()),
        args: Default::default(),
        asked_targets: Vec::new(),
        targets: Default::default(),
        asked: site.clock.now(),
        collect_by: None,
        ..request(id)
    };
    let row = Entry {
        at: site.clock.now(),
        actor: Some(Principal::Person("grace".parse().unwrap())),
        event: Event::RequestMade,
        request: Some(RequestId(id)),
        revision: None,
        detail: json!({ "words": format!("words-of-{channel}") }),
    };
    let change = Change { audit: vec![row], requests: vec![asked], ..Change::default() };
    site.store.commit(change).await.unwrap();
}

fn record(digit: char, fate: Fate) -> RevisionRecord {
    let revision = |digit: char| -> Revision { digit.to_string().repeat(40).parse().unwrap() };
    let code = Code::ALL[0];
    RevisionRecord {
        seq: 0,
        revision: revision(digit),
        at: Timestamp::from_second(1_790_000_000).unwrap(),
        fate,
        author: HOSTILE.to_owned(),
        subject: format!("subject {digit} {HOSTILE}"),
        committed: Timestamp::from_second(1_790_000_000).unwrap(),
        pull: None,
        before: Some(revision('0')),
        words: vec![vec![
            Span::Person("ada".parse().unwrap()),
            Span::Text(format!(" gained {HOSTILE}")),
            Span::Link { text: "x".to_owned(), url: "javascript:alert(1)".to_owned() },
        ]],
        diagnostics: vec![Diagnostic::new(
            code,
            Place { path: "policies/a.cedar".parse().unwrap(), line: 7, column: 3 },
            HOSTILE,
        )],
        diff_cut: 12,
        diff: format!("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-port 80\n+port 8080 {HOSTILE}\n"),
    }
}

fn expect_inert(page: &str) {
    assert!(!page.contains("<script>alert") && !page.contains("javascript:"), "{page}");
}

#[tokio::test]
async fn the_audit_page_tells_nothing_of_what_one_may_not_view() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    asked(&site, 1, "ops").await;
    asked(&site, 2, "vault").await;
    let page = ada.page("/audit").await;
    assert!(page.contains("words-of-ops") && !page.contains("words-of-vault"), "{page}");
    for query in ["request=r2", "person=grace", "text=words-of-vault", "kind=request.made"] {
        let page = ada.page(&format!("/audit?{query}")).await;
        assert!(!page.contains("words-of-vault</"), "{query}");
        assert!(!page.contains("/requests/r2"), "{query}");
    }
    // That somebody was kept out of a channel would tell that there is one.
    assert_eq!(ada.status("/c/vault").await, 404);
    assert!(!ada.page("/audit?kind=view.denied").await.contains("vault"));
}

#[tokio::test]
async fn rows_are_found_by_person_request_kind_time_and_text_and_come_in_pages() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    for id in 1..=60 {
        asked(&site, id, "ops").await;
    }
    let found = async |query: &str| {
        let page = ada.page(&format!("/audit?{query}")).await;
        page.matches("words-of-ops</").count()
    };
    assert_eq!(found("").await, 50);
    let page = ada.page("/audit?person=%40grace").await;
    let older = page.split("/audit?person=%40grace&#38;before=").nth(1).unwrap();
    let before = older.split('"').next().unwrap();
    assert_eq!(found(&format!("person=grace&before={before}")).await, 10);
    assert_eq!(found("request=r7").await, 1);
    assert_eq!(found("kind=request").await, 50);
    assert_eq!(found("kind=session.start").await, 0);
    assert_eq!(found("person=ada").await, 0);
    assert_eq!(found("text=WORDS-of-ops&request=r9").await, 1);
    site.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(found("since=1h").await, 0);
    assert_eq!(found("since=24h").await, 50);
    let wrong = ada.page("/audit?before=nonsense").await;
    assert!(wrong.contains("is not the number of a row"), "{wrong}");
    let wrong = ada.page("/audit?request=nonsense").await;
    assert!(wrong.contains("is not a request such as r42"), "{wrong}");
    expect_inert(&ada.page("/audit?text=<script>alert(1)</script>").await);
}

#[tokio::test]
async fn verifying_is_done_once_for_all_who_ask_and_said_in_words() {
    let site = TestSite::start().await;
    let (ada, grace) = (site.sign_in("ada").await, site.sign_in("grace").await);
    for visitor in [&ada, &grace, &ada] {
        let csrf = visitor.csrf().await;
        let form = [("csrf", csrf.as_str())];
        let answer = visitor.post("/audit/verify", &form).send().await.unwrap();
        assert_eq!(answer.status(), 303);
    }
    assert_eq!(site.checks.load(Ordering::SeqCst), 1);
    let page = grace.page("/audit").await;
    assert!(page.contains("row 4 was changed: its hash does not fit its content"), "{page}");
    assert!(page.contains("not whole") && page.contains("for @ada"));
    site.clock.advance(SignedDuration::from_mins(1));
    let csrf = ada.csrf().await;
    ada.post("/audit/verify", &[("csrf", csrf.as_str())]).send().await.unwrap();
    assert_eq!(site.checks.load(Ordering::SeqCst), 2);
    let foreign = ada.post("/audit/verify", &[("csrf", "x")]).send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    assert_eq!(site.checks.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn who_may_not_view_the_pages_gets_nothing_and_that_is_audited() {
    let site = TestSite::start().await;
    let linus = site.sign_in("linus").await;
    let csrf = linus.csrf().await;
    let revisions = vec![record('a', Fate::Applied)];
    site.store.commit(Change { revisions, ..Change::default() }).await.unwrap();
    let before = site.audit().await.len();
    let pages = [
        "/people",
        "/people/ada",
        "/roles",
        "/bans",
        "/services",
        "/revisions",
        "/revisions/1",
        "/audit",
    ];
    for path in pages {
        assert_eq!(linus.status(path).await, 403, "{path}");
    }
    let by_hand = linus.post("/audit/verify", &[("csrf", csrf.as_str())]).send().await.unwrap();
    assert_eq!(by_hand.status(), 403);
    assert_eq!(site.checks.load(Ordering::SeqCst), 0);
    let rows = site.audit().await.split_off(before);
    assert_eq!(rows, vec!["view.denied"; pages.len() + 1]);
}

#[tokio::test]
async fn revisions_are_told_with_words_diff_and_problems() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    assert!(ada.page("/revisions").await.contains("Nothing is known yet"));
    let held = Fate::Held { kind: TroubleKind::Bad, summary: "it has a problem".to_owned() };
    let revisions = vec![record('a', Fate::Applied), record('b', held)];
    site.store.commit(Change { revisions, ..Change::default() }).await.unwrap();
    let list = ada.page("/revisions").await;
    expect_inert(&list);
    assert!(list.find("subject b").unwrap() < list.find("subject a").unwrap());
    assert!(list.contains("It has a problem.") && list.contains("refused"));
    assert!(list.contains("<a href=\"/people/ada\">@ada</a>"));
    let one = ada.page("/revisions/2").await;
    expect_inert(&one);
    assert!(one.contains("policies/a.cedar:7:3"), "{one}");
    assert!(one.contains("port <mark>80</mark>") || one.contains("<mark>80</mark>"), "{one}");
    assert!(one.contains("12 more characters of the diff were not kept"));
    let link = ada.get(&format!("/revisions/at/{}", "a".repeat(40))).send().await.unwrap();
    assert_eq!(link.headers()["location"], "/revisions/1");
    for path in ["/revisions/3", "/revisions/x", &format!("/revisions/at/{}", "c".repeat(40))] {
        assert!(matches!(ada.status(path).await, 400 | 404), "{path}");
    }
}

#[tokio::test]
async fn people_roles_and_bans_are_told_as_the_policy_repo_says_them_now() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    site.apply(|repo| {
        repo.roles.0.insert("user".parse().unwrap(), Default::default());
        repo.roles.0.insert("sre".parse().unwrap(), ["user".parse().unwrap()].into());
        let grace = repo.people.get_mut(&"grace".parse().unwrap()).unwrap();
        grace.roles.insert("sre".parse().unwrap());
        grace.flags.insert("oncall".parse().unwrap());
    });
    site.ban("linus");
    let people = ada.page("/people").await;
    assert!(
        people.contains("Linus &#60;b&#62;T&#60;/b&#62;") && people.contains("banned for good")
    );
    let found = ada.page("/people?role=user").await;
    assert!(found.contains("Grace Hopper") && !found.contains("/people/linus"), "{found}");
    assert!(ada.page("/people?q=HOPPER").await.contains("1 person"));
    assert!(ada.page("/people?q=zz").await.contains("Nobody matches"));
    let grace = ada.page("/people/grace").await;
    assert!(grace.contains("and so also user") && grace.contains("oncall"), "{grace}");
    assert!(grace.contains("#ops") && !grace.contains("#vault"));
    assert!(ada.page("/people/linus").await.contains("A banned person may do nothing"));
    assert!(ada.page("/bans").await.contains("left the company"));
    site.ban_in_chat("grace");
    let bans = ada.page("/bans").await;
    assert!(bans.contains("an incident") && bans.contains("provisional: asked for in chat"));
    assert!(ada.page("/people").await.contains("banned provisionally until"));
    let grace = ada.page("/people/grace").await;
    assert!(grace.contains("banned provisionally until") && grace.contains("asked for in chat"));
    assert!(ada.page("/roles").await.contains("depth-1"));
    assert_eq!(ada.status("/people/nobody").await, 404);
}
