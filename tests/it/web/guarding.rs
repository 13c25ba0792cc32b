//! What holds for every request and every answer.

use super::site::TestSite;

#[tokio::test]
async fn a_foreign_host_name_is_refused() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io"] {
        let answer = ada.at(host).get("/c/ops").send().await.unwrap();
        assert_eq!(answer.status(), 421, "{host}");
        assert!(!answer.text().await.unwrap().contains("Ada"));
    }
}

#[tokio::test]
async fn a_host_name_given_twice_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let site = TestSite::start().await;
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", site.port)).await.unwrap();
    let twice = "GET /sign-in/x HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    socket.write_all(twice.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_change_from_another_origin_is_refused() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let csrf = ada.csrf().await;
    let form = [("csrf", csrf.as_str()), ("text", "hi"), ("nonce", "n1")];
    let good = ada.post("/c/ops/messages", &form);
    assert_eq!(good.send().await.unwrap().status(), 303);
    for origin in ["http://evil.example", "null", "https://ada.localhost", "http://grace.localhost"]
    {
        let mut request = ada.post("/c/ops/messages", &form).build().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let answer = ada.http.execute(request).await.unwrap();
        assert_eq!(answer.status(), 403, "{origin}");
    }
    let mut request = ada.post("/c/ops/messages", &form).build().unwrap();
    request.headers_mut().remove("origin");
    assert_eq!(ada.http.execute(request).await.unwrap().status(), 403, "no origin at all");
}

#[tokio::test]
async fn a_form_without_the_sessions_token_is_refused() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let grace = site.sign_in("grace").await;
    let others = grace.csrf().await;
    for csrf in ["", "0", others.as_str()] {
        let form = [("csrf", csrf), ("text", "hi"), ("nonce", "n1")];
        for path in ["/c/ops/messages", "/sign-out"] {
            assert_eq!(ada.post(path, &form).send().await.unwrap().status(), 403, "{path}");
        }
    }
    assert!(ada.page("/c/ops").await.contains("Nothing has been asked here yet"));
}

#[tokio::test]
async fn every_answer_bears_the_headers() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let paths =
        ["/c/ops", "/", "/static/chat.js", "/nowhere", "/healthz", "/complete", "/sign-in/x"];
    for path in paths {
        let answer = ada.get(path).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"));
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        let cached = if path.starts_with("/static") { "no-cache" } else { "no-store" };
        assert_eq!(header("cache-control"), cached, "{path}");
    }
    let answer = ada.at("evil.example").get("/c/ops").send().await.unwrap();
    assert!(answer.headers().contains_key("content-security-policy"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let csrf = ada.csrf().await;
    let huge = "x".repeat(70_000);
    let form = [("csrf", csrf.as_str()), ("text", &huge), ("nonce", "n1")];
    let answer = ada.post("/c/ops/messages", &form).send().await;
    // Refused while it is still being sent: an answer, or a connection that is closed.
    assert!(answer.is_err() || answer.unwrap().status().is_client_error());
    let long = "x".repeat(4001);
    let form = [("csrf", csrf.as_str()), ("text", &long), ("nonce", "n2")];
    let answer = ada.post("/c/ops/messages", &form).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    assert!(answer.text().await.unwrap().contains("4001 characters is too long"));
}

#[tokio::test]
async fn it_is_healthy_without_a_policy_and_ready_with_one() {
    let site = TestSite::start().await;
    let nobody = site.visitor("ada");
    assert_eq!((nobody.status("/healthz").await, nobody.status("/readyz").await), (200, 200));
    site.forget_policy();
    assert_eq!((nobody.status("/healthz").await, nobody.status("/readyz").await), (200, 503));
    let told: serde_json::Value = nobody.get("/readyz").send().await.unwrap().json().await.unwrap();
    assert_eq!(told["ready"], false);
    assert_eq!(told["checks"][0]["name"], "source");
    assert_eq!(told["checks"][0]["reason"], "no revision of the policy repo is applied");
}

#[tokio::test]
async fn whoever_watches_asks_by_any_name_and_only_looks() {
    let site = TestSite::start().await;
    for path in ["/healthz", "/readyz"] {
        let url = format!("http://127.0.0.1:{}{path}", site.port);
        let http = reqwest::Client::new();
        for host in ["10.0.0.5:8410", "evil.example"] {
            let answer = http.get(&url).header("host", host).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path} as {host}");
            assert_eq!(answer.headers()["cache-control"], "no-store");
        }
        let answer = http.head(&url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().await.unwrap(), "");
        assert_eq!(http.post(&url).send().await.unwrap().status(), 405);
    }
}

#[tokio::test]
async fn a_press_comes_from_a_server_that_has_no_origin_and_no_cookie_and_is_small() {
    let site = TestSite::start().await;
    let url = |platform: &str| format!("http://127.0.0.1:{}/chat/{platform}/press", site.port);
    let client = reqwest::Client::new();
    let press = |platform: &str, host: &str, body: String| {
        client.post(url(platform)).header("host", host).body(body).send()
    };
    for host in ["localhost", "tribune.inner.example", "10.0.0.5:8410"] {
        let answer = press("mattermost", host, "{}".to_owned()).await.unwrap();
        assert_eq!(answer.status(), 200, "{host}");
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.text().await.unwrap(), r#"{"heard":"{}"}"#);
    }
    let large = press("mattermost", "localhost", "x".repeat(16 * 1024 + 1)).await.unwrap();
    assert_eq!(large.status(), 413);
    for platform in ["console", "matrix", "No%20Platform", "%00"] {
        let answer = press(platform, "localhost", "{}".to_owned()).await.unwrap();
        assert_eq!(answer.status(), 404, "{platform}");
    }
    let got = client.get(url("mattermost")).send().await.unwrap();
    assert_eq!(got.status(), 405);
}
