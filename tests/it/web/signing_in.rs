//! Tokens, sessions, and how they end.

use jiff::SignedDuration;
use tribune::engine::sessions::SessionError;

use super::site::TestSite;

#[tokio::test]
async fn looking_at_the_link_consumes_nothing() {
    let site = TestSite::start().await;
    let visitor = site.visitor("ada");
    let token = site.token("ada").await;
    for _ in 0..3 {
        let page = visitor.page(&site.link(&token)).await;
        assert!(page.contains(r#"<form method="post" action="/sign-in">"#));
    }
    let answer = visitor.post("/sign-in", &[("token", &token)]).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/");
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains(&token));
    assert_eq!(site.audit().await, ["session.start"]);
}

#[tokio::test]
async fn a_token_signs_in_once() {
    let site = TestSite::start().await;
    let visitor = site.visitor("ada");
    let token = site.token("ada").await;
    let form = [("token", token.as_str())];
    assert_eq!(visitor.post("/sign-in", &form).send().await.unwrap().status(), 303);
    let again = visitor.post("/sign-in", &form).send().await.unwrap();
    assert_eq!(again.status(), 403);
    assert!(!again.headers().contains_key("set-cookie"));
    assert!(again.text().await.unwrap().contains("This link was used, has expired, or never was"));
}

#[tokio::test]
async fn of_two_at_once_with_one_token_one_signs_in() {
    let site = TestSite::start().await;
    let token = site.token("ada").await;
    let form = [("token", token.as_str())];
    let visitor = site.visitor("ada");
    let tries = (0..8).map(|_| visitor.post("/sign-in", &form).send());
    let answers = futures_util::future::join_all(tries).await;
    let good = answers.into_iter().filter(|answer| answer.as_ref().unwrap().status() == 303);
    assert_eq!(good.count(), 1);
}

#[tokio::test]
async fn a_token_ends_after_ten_minutes() {
    let site = TestSite::start().await;
    let visitor = site.visitor("ada");
    let token = site.token("ada").await;
    site.clock.advance(SignedDuration::from_mins(10));
    let late = visitor.post("/sign-in", &[("token", &token)]).send().await.unwrap();
    assert_eq!(late.status(), 403);
    assert_eq!(site.audit().await, ["session.refused expired"]);
}

#[tokio::test]
async fn guesses_do_not_fill_the_audit_log() {
    let site = TestSite::start().await;
    let visitor = site.visitor("ada");
    for guess in ["a", "b", "c"] {
        let answer = visitor.post("/sign-in", &[("token", guess)]).send().await.unwrap();
        assert_eq!(answer.status(), 403);
    }
    assert_eq!(site.audit().await, ["session.refused no such token"]);
}

#[tokio::test]
async fn a_session_is_of_one_host_name() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    assert_eq!(ada.status("/c/ops").await, 200);
    assert_eq!(ada.at(&site.host("grace.localhost")).status("/c/ops").await, 401);
}

#[tokio::test]
async fn a_ban_ends_the_session_at_once() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let csrf = ada.csrf().await;
    site.ban("ada");
    let form = [("csrf", csrf.as_str()), ("text", "let me"), ("nonce", "n")];
    assert_eq!(ada.post("/c/ops/messages", &form).send().await.unwrap().status(), 401);
    assert_eq!(ada.status("/c/ops").await, 401);
    assert_eq!(
        site.audit().await,
        ["session.start", "session.end ada is banned: left the company"]
    );
    let refused = site.sessions.issue_token(&"ada".parse().unwrap()).await.unwrap_err();
    assert_eq!(refused.to_string(), "ada is banned: left the company");
}

#[tokio::test]
async fn a_ban_in_chat_ends_the_session_at_once() {
    let site = TestSite::start().await;
    let grace = site.sign_in("grace").await;
    let csrf = grace.csrf().await;
    let link = site.token("grace").await;
    site.ban_in_chat("grace");
    let form = [("csrf", csrf.as_str()), ("text", "let me"), ("nonce", "n")];
    assert_eq!(grace.post("/c/ops/messages", &form).send().await.unwrap().status(), 401);
    assert_eq!(grace.status("/c/ops").await, 401);
    let audit = site.audit().await;
    assert!(audit.last().unwrap().starts_with("session.end grace is banned until"), "{audit:?}");
    assert!(site.sessions.issue_token(&"grace".parse().unwrap()).await.is_err());
    let clicked = site.visitor("grace").post("/sign-in", &[("token", &link)]).send().await;
    assert_eq!(clicked.unwrap().status(), 403);
}

#[tokio::test]
async fn a_ban_between_link_and_click_is_seen() {
    let site = TestSite::start().await;
    let token = site.token("ada").await;
    site.ban("ada");
    let answer = site.visitor("ada").post("/sign-in", &[("token", &token)]).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("Ada is banned: left the company"));
}

#[tokio::test]
async fn somebody_removed_is_signed_out() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    site.apply(|repo| drop(repo.people.remove(&"ada".parse().unwrap())));
    assert_eq!(ada.status("/c/ops").await, 401);
    // Coming back does not bring the session back.
    site.apply(|repo| {
        let (id, person) = super::site::person("ada", "Ada");
        repo.people.insert(id, person);
    });
    assert_eq!(ada.status("/c/ops").await, 401);
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    site.clock.advance(SignedDuration::from_hours(12) - SignedDuration::from_secs(1));
    assert_eq!(ada.status("/c/ops").await, 200);
    site.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(ada.status("/c/ops").await, 401);
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let csrf = ada.csrf().await;
    let answer = ada.post("/sign-out", &[("csrf", &csrf)]).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(ada.status("/c/ops").await, 401);
    assert_eq!(site.audit().await, ["session.start", "session.end signed out"]);
}

#[tokio::test]
async fn the_host_signs_somebody_out_everywhere() {
    let site = TestSite::start().await;
    let (first, second) = (site.sign_in("ada").await, site.sign_in("ada").await);
    let grace = site.sign_in("grace").await;
    let ended = site.sessions.sign_out_everywhere(&"ada".parse().unwrap()).await.unwrap();
    assert_eq!(ended, 2);
    assert_eq!((first.status("/c/ops").await, second.status("/c/ops").await), (401, 401));
    assert_eq!(grace.status("/c/ops").await, 200);
}

#[tokio::test]
async fn without_a_policy_nobody_is_signed_in_and_no_session_is_lost() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    site.forget_policy();
    assert_eq!(ada.status("/c/ops").await, 503);
    assert_eq!(
        site.sessions.issue_token(&"ada".parse().unwrap()).await,
        Err(SessionError::NoPolicy)
    );
    site.apply(|repo| *repo = super::site::people_and_channels());
    assert_eq!(ada.status("/c/ops").await, 200);
}

#[tokio::test]
async fn who_has_no_console_account_is_told_what_to_add() {
    let site = TestSite::start().await;
    site.apply(|repo| {
        let (id, mut person) = super::site::person("hedy", "Hedy");
        person.chat.clear();
        repo.people.insert(id, person);
    });
    for (who, what) in [("hedy", "add `chat: { console: hedy }`"), ("eve", "nobody is called eve")]
    {
        let refused = site.sessions.issue_token(&who.parse().unwrap()).await.unwrap_err();
        assert!(refused.to_string().contains(what), "{refused}");
    }
}

#[tokio::test]
async fn under_https_the_cookie_is_secure() {
    let people = super::site::people_and_channels();
    let site = TestSite::start_with(people, "127.0.0.1:0", Some("https://t.example")).await;
    let mut visitor = site.visitor("ada");
    visitor.host = "t.example".to_owned();
    let token = site.token("ada").await;
    let send = |origin: &'static str| {
        let mut request = visitor.post("/sign-in", &[("token", &token)]).build().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        visitor.http.execute(request)
    };
    assert_eq!(send("http://t.example").await.unwrap().status(), 403);
    let answer = send("https://t.example").await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-tribune=") && cookie.contains("Secure"), "{cookie}");
}
