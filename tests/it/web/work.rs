//! The pages one works with: requests, runs, intents, status.

use jiff::{SignedDuration, Timestamp};
use tribune::domain::decision::{Missing, Outcome, WantedCitation};
use tribune::domain::id::{RequestId, RunId};
use tribune::domain::intent::Slot;
use tribune::domain::param::Value;
use tribune::domain::person::Principal;
use tribune::domain::request::{Ending, Request, State};
use tribune::domain::run::{Outcome as RunOutcome, RunRecord};
use tribune::ports::clock::Clock as _;
use tribune::ports::store::{Change, Store as _};

use super::live::Listener;
use super::site::{TestSite, Visitor, platform};
use crate::contract::store::request;
use crate::examples::shipped;

/// What must never come out of a page as it went in.
const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";

/// A site on the shipped policy repo, where linus may see no page beside the chat.
async fn site() -> TestSite {
    let mut repo = shipped();
    repo.policies[0].text.push_str(
        "\n@id(\"not-linus\") @reason(\"a test\") forbid (principal == Person::\"linus\", \
         action == Action::\"view\", resource is Page);\n\
         @id(\"not-prod\") @reason(\"a test\") forbid (principal == Person::\"barbara\", \
         action == Action::\"view\", resource == Channel::\"prod\");\n",
    );
    TestSite::start_with(repo, "127.0.0.1:0", None).await
}

fn moment() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

/// ken asks to restart app in `ops`; it waits for an operator and an sre.
fn waiting(id: u64) -> Request {
    let slot = |role: &str| Slot { role: role.parse().unwrap(), count: 1 };
    let missing = Missing {
        slots: vec![slot("operator"), slot("sre")],
        citation: Some(WantedCitation { label: Some("ops/restart".to_owned()), bind: true }),
        both: false,
    };
    Request {
        requester: Principal::Person("ken".parse().unwrap()),
        card_place: (platform(), "ops".parse().unwrap()),
        asked_targets: vec!["web-dev".into()],
        targets: ["web-dev".parse().unwrap()].into(),
        state: State::NeedsApproval,
        asked: moment(),
        collect_by: Some(moment() + SignedDuration::from_mins(30)),
        outcome: Some(Outcome::NeedsApproval { missing }),
        ..request(id)
    }
}

fn ended(id: u64, state: State, why: &str) -> Request {
    let ended = Some(Ending { at: moment(), by: None, why: why.to_owned() });
    Request { state, ended, outcome: None, ..waiting(id) }
}

fn run(request: u64) -> RunRecord {
    RunRecord {
        id: RunId { request: RequestId(request), attempt: 1 },
        started: moment(),
        ended: None,
        outcome: None,
        commands: vec!["service.sh restart app".to_owned()],
        head: "first line\n".to_owned(),
        tail: String::new(),
        dropped: 0,
        forgotten: false,
    }
}

async fn put(site: &TestSite, requests: Vec<Request>, runs: Vec<RunRecord>) {
    site.store.commit(Change { requests, runs, ..Change::default() }).await.unwrap();
}

#[tokio::test]
async fn open_requests_say_who_may_fill_what() {
    let site = site().await;
    put(&site, vec![waiting(1), ended(2, State::Denied, "policy says no")], vec![]).await;
    let grace = site.sign_in("grace").await;
    let page = grace.page("/requests").await;
    for text in [
        "r1</a>",
        "1 operator",
        "@linus",
        "and others",
        "1 sre",
        "labelled ops/restart",
        "needs approval",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(page.contains("waits for you") && !page.contains("/requests/r2"));
    // The requester fills none of their own slots, and is not named.
    let ken = site.sign_in("ken").await;
    let own = ken.page("/requests").await;
    assert!(!own.contains("waits for you") && !own.contains(">@ken</a> <a class=\"tag\""));
    let one = grace.page("/requests/r1").await;
    assert!(one.contains("You may fill a slot") && one.contains("@radia"), "{one}");
}

#[tokio::test]
async fn requests_are_filtered_and_paged() {
    let site = site().await;
    let mut all: Vec<Request> =
        (1..=30).map(|id| ended(id, State::Expired, "nobody came")).collect();
    let ada = Principal::Person("ada".parse().unwrap());
    all.push(Request { requester: ada, ..ended(31, State::Succeeded, "it ended well") });
    put(&site, all, vec![]).await;
    let grace = site.sign_in("grace").await;
    let links = |page: &str| page.matches("class=\"thing num\"").count();
    let first = grace.page("/requests?show=past").await;
    assert_eq!(links(&first), 25);
    let query = first.split("href=\"/requests?").find(|rest| rest.contains("before="));
    let query =
        query.unwrap().split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    assert_eq!(links(&grace.page(&format!("/requests?{query}")).await), 6);
    let by = grace.page("/requests?show=past&by=ada&intent=restart-service&state=succeeded").await;
    assert_eq!(links(&by), 1);
    assert!(by.contains("/requests/r31"));
    assert!(grace.page("/requests?show=past&by=radia").await.contains("None that fit"));
    assert_eq!(grace.status("/requests?by=no%20one").await, 422);
    assert_eq!(grace.status("/requests?state=walking").await, 422);
}

#[tokio::test]
async fn a_request_of_a_channel_one_may_not_view_is_neither_listed_nor_shown() {
    let site = site().await;
    let place = (platform(), "prod".parse().unwrap());
    let hidden =
        Request { card_place: place, channel: Some("prod".parse().unwrap()), ..waiting(1) };
    put(&site, vec![Request { attempts: 1, ..hidden }], vec![run(1)]).await;
    let barbara = site.sign_in("barbara").await;
    for list in ["/requests", "/runs", "/intents/restart-service"] {
        assert!(!barbara.page(list).await.contains("/requests/r1"), "{list}");
    }
    for path in ["/requests/r1", "/runs/r1.1", "/runs/r1.1/output"] {
        let answer = barbara.get(path).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{path}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("@grace") && !page.contains("first line"), "{page}");
    }
    let denied = site.audit().await.into_iter().filter(|row| row == "view.denied").count();
    assert_eq!(denied, 3);
    let grace = site.sign_in("grace").await;
    assert!(grace.page("/runs/r1.1").await.contains("first line"));
}

#[tokio::test]
async fn each_page_is_denied_by_its_own_name_and_what_is_not_there_is_not_found() {
    let site = site().await;
    put(&site, vec![Request { attempts: 1, ..waiting(1) }], vec![run(1)]).await;
    let linus = site.sign_in("linus").await;
    for path in [
        "/requests",
        "/requests/r1",
        "/runs",
        "/runs/r1.1",
        "/intents",
        "/intents/slow-job",
        "/status",
    ] {
        assert_eq!(linus.status(path).await, 403, "{path}");
    }
    let grace = site.sign_in("grace").await;
    for path in
        ["/requests/r9", "/requests/x", "/runs/r1.7", "/runs/r9.1", "/intents/nothing", "/none"]
    {
        assert_eq!(grace.status(path).await, 404, "{path}");
    }
}

#[tokio::test]
async fn a_run_shows_and_gives_its_whole_log() {
    let site = site().await;
    let cut = RunRecord {
        tail: "the end\n".to_owned(),
        dropped: 4096,
        ended: Some(moment() + SignedDuration::from_secs(75)),
        outcome: Some(RunOutcome::TimedOut),
        ..run(1)
    };
    put(
        &site,
        vec![Request { attempts: 1, ..ended(1, State::TimedOut, "late") }],
        vec![cut.clone()],
    )
    .await;
    let grace = site.sign_in("grace").await;
    let page = grace.page("/runs/r1.1").await;
    for text in ["first line", "4096", "the end", "timed out", "after 1 min", "/requests/r1"] {
        assert!(page.contains(text), "{text} in {page}");
    }
    let answer = grace.get("/runs/r1.1/output").send().await.unwrap();
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"r1.1.log\"");
    let log = answer.text().await.unwrap();
    assert_eq!(log, "first line\n\n[… 4096 bytes were dropped here …]\nthe end\n");
    assert!(grace.page("/runs").await.contains("/runs/r1.1"));
    let gone = RunRecord { head: String::new(), tail: String::new(), forgotten: true, ..cut };
    put(&site, vec![], vec![gone]).await;
    assert!(grace.page("/runs/r1.1").await.contains("older than is kept"));
    assert!(grace.page("/runs?show=open").await.contains("Nothing is running"));
}

#[tokio::test]
async fn output_arrives_as_it_comes_while_one_may_view_it() {
    let site = site().await;
    let mut request = Request { attempts: 1, state: State::Running, ..waiting(1) };
    put(&site, vec![request.clone()], vec![run(1)]).await;
    let grace = site.sign_in("grace").await;
    let mut listener = Listener::open(&grace, "/events?page=true&run=r1.1&from=11").await;
    let more = RunRecord { head: "first line\nsecond\n".to_owned(), ..run(1) };
    put(&site, vec![], vec![more.clone()]).await;
    site.clock.advance(SignedDuration::from_secs(1));
    let (name, news) = listener.next().await.unwrap();
    assert_eq!(
        (name.as_str(), &news["from"], &news["text"]),
        ("output", &11.into(), &"second\n".into())
    );
    // What comes after somebody may no longer see it does not come.
    site.apply(|repo| {
        repo.policies[0].text.push_str(
            "\n@id(\"x\") @reason(\"a test\") forbid (principal == Person::\"grace\", \
             action == Action::\"view\", resource == Channel::\"ops\");\n",
        );
    });
    request.version = 1;
    let secret = RunRecord { head: "first line\nsecond\nthird\n".to_owned(), ..more };
    put(&site, vec![request], vec![secret]).await;
    site.clock.advance(SignedDuration::from_secs(1));
    while let Some((name, _)) = listener.next().await {
        assert_ne!(name, "output");
    }
}

/// Fills in an intent's form and sends it; returns the status and where it leads or what it says.
async fn send(visitor: &Visitor, intent: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let csrf = visitor.csrf().await;
    let mut form = vec![("csrf", csrf.as_str()), ("nonce", "n1")];
    form.extend_from_slice(fields);
    let answer = visitor.post(&format!("/intents/{intent}"), &form).send().await.unwrap();
    let status = answer.status().as_u16();
    match answer.headers().get("location") {
        Some(location) => (status, location.to_str().unwrap().to_owned()),
        None => (status, answer.text().await.unwrap()),
    }
}

#[tokio::test]
async fn the_form_of_an_intent_posts_the_command_it_shows() {
    let site = site().await;
    let ken = site.sign_in("ken").await;
    let blank = ken.page("/intents/restart-service").await;
    assert!(blank.contains("!run restart-service on … service=…"), "{blank}");
    assert!(blank.contains("min=\"0\"") && blank.contains("max=\"600\""));
    let filled = ken
        .page("/intents/restart-service?on=web-dev&on=web-dev&arg.service=app&arg.delay=5")
        .await;
    let line = "!run restart-service on web-dev delay=5 service=app";
    assert!(filled.contains(&format!(">{line}</output>")), "{filled}");
    let fields = [
        ("on", "web-dev"),
        ("arg.service", "app"),
        ("arg.delay", "5"),
        ("arg.graceful", "true"),
        ("in", "ops"),
    ];
    for _ in 0..2 {
        let (status, place) = send(&ken, "restart-service", &fields).await;
        assert_eq!((status, place.as_str()), (303, "/c/ops#m-m0000000001"));
    }
    let channel = ken.page("/c/ops").await;
    assert_eq!(channel.matches(&format!("<code>{line}</code>")).count(), 1, "{channel}");
}

#[tokio::test]
async fn a_form_that_is_wrong_posts_nothing_and_says_what() {
    let site = site().await;
    let ken = site.sign_in("ken").await;
    for (fields, what) in [
        (vec![("arg.service", "app"), ("in", "ops")], "at least one target"),
        (vec![("on", "web-dev"), ("in", "ops")], "service: needed"),
        (
            vec![("on", "web-dev"), ("arg.service", "app"), ("arg.delay", "601"), ("in", "ops")],
            "too large",
        ),
        (vec![("on", "web-dev"), ("arg.service", HOSTILE), ("in", "ops")], "is not one of"),
        (vec![("on", HOSTILE), ("arg.service", "app"), ("in", "ops")], "problems"),
        (vec![("on", "web-dev"), ("arg.service", "app"), ("pr", "x y"), ("in", "ops")], "problems"),
    ] {
        let (status, page) = send(&ken, "restart-service", &fields).await;
        assert_eq!(status, 422, "{what}");
        assert!(page.contains(what), "{what} in {page}");
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
    }
    let good = [("on", "web-dev"), ("arg.service", "app"), ("in", "nowhere")];
    assert_eq!(send(&ken, "restart-service", &good).await.0, 404);
    assert!(!ken.page("/c/ops").await.contains("restart-service on"));
}

#[tokio::test]
async fn what_one_may_not_ask_for_has_no_form() {
    let site = site().await;
    let barbara = site.sign_in("barbara").await;
    let page = barbara.page("/intents/wipe-cache").await;
    assert!(!page.contains("Post the command") && page.contains("You may not ask"), "{page}");
    let list = barbara.page("/intents").await;
    assert!(list.contains("/intents/wipe-cache") && list.contains("not for you to ask"));
    let found = barbara.page("/intents?q=page+cache&category=destroy").await;
    assert!(found.contains("/intents/wipe-cache") && !found.contains("/intents/slow-job"));
}

#[tokio::test]
async fn hostile_text_is_inert_on_every_page() {
    let site = site().await;
    let args = [("service".parse().unwrap(), Value::String(HOSTILE.into()))];
    let bad = Request {
        args: args.into(),
        asked_targets: vec![HOSTILE.to_owned()],
        attempts: 1,
        ..ended(1, State::Failed, HOSTILE)
    };
    let output = RunRecord {
        head: HOSTILE.to_owned(),
        tail: HOSTILE.to_owned(),
        dropped: 1,
        commands: vec![HOSTILE.to_owned()],
        ..run(1)
    };
    put(&site, vec![bad], vec![output]).await;
    site.apply(|repo| {
        for intent in repo.intents.values_mut() {
            intent.summary = HOSTILE.to_owned();
        }
    });
    let grace = site.sign_in("grace").await;
    for path in [
        "/requests?show=past",
        "/requests/r1",
        "/runs",
        "/runs/r1.1",
        "/intents",
        "/intents/restart-service",
        "/status",
    ] {
        let page = grace.page(path).await;
        for tag in ["<script>alert", "<img src=x", "<i>not</i>", "<b>x</b>"] {
            assert!(!page.contains(tag), "{tag} in {path}");
        }
    }
}

#[tokio::test]
async fn the_status_page_shows_every_loop() {
    let site = site().await;
    let page = site.sign_in("grace").await.page("/status").await;
    for text in [
        "outbox",
        "every message stands as it should",
        "needs a person",
        "1f3870b",
        "2 things are not well",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(site.clock.now() == moment());
}
