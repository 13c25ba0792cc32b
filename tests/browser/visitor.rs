//! Somebody who uses the console without a browser, to fill it with work.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use crate::demo::Demo;

/// How long something may take to show.
const PATIENCE: Duration = Duration::from_secs(90);

/// A person who is signed in.
pub struct Visitor {
    http: Client,
    base: String,
    host: String,
    cookie: String,
    csrf: String,
}

impl Visitor {
    /// Signs a person in by their link, which is used up.
    pub async fn sign_in(demo: &Demo, person: &str) -> Self {
        tribune::chat::tls::install();
        let page = demo.page(person, "");
        let host = page.strip_prefix("http://").unwrap().to_owned();
        let (_, port) = host.split_once(':').unwrap();
        tribune::chat::tls::install();
        let mut visitor = Self {
            http: Client::builder().redirect(Policy::none()).build().unwrap(),
            base: format!("http://127.0.0.1:{port}"),
            host,
            cookie: String::new(),
            csrf: String::new(),
        };
        let (_, token) = demo.link(person).rsplit_once('/').unwrap();
        let answer = visitor.post("/sign-in", &[("token", token)]).await;
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        visitor.cookie = cookie.split(';').next().unwrap().to_owned();
        let menu = visitor.page("/menu").await;
        let rest = menu.split("name=\"csrf\" value=\"").nth(1).unwrap();
        visitor.csrf = rest.split('"').next().unwrap().to_owned();
        visitor
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("host", &self.host)
            .header("origin", format!("http://{}", self.host))
            .header("cookie", &self.cookie)
            .form(form);
        let answer = request.send().await.unwrap();
        let good = answer.status().is_success() || answer.status().is_redirection();
        assert!(good, "{path}: {}", answer.status());
        answer
    }

    /// Returns a page.
    pub async fn page(&self, path: &str) -> String {
        let url = format!("{}{path}", self.base);
        let request = self.http.get(url).header("host", &self.host).header("cookie", &self.cookie);
        request.send().await.unwrap().text().await.unwrap()
    }

    /// Sends a form of the console.
    pub async fn send(&self, path: &str, form: &[(&str, &str)]) {
        let form = [&[("csrf", self.csrf.as_str())], form].concat();
        self.post(path, &form).await;
    }

    /// Writes in a channel.
    pub async fn say(&self, channel: &str, text: &str) {
        let path = format!("/c/{channel}/messages");
        self.send(&path, &[("text", text), ("nonce", text)]).await;
    }

    /// Waits until a page says something.
    pub async fn sees(&self, path: &str, text: &str) {
        self.find(path, text, |page| page.contains(text).then_some(())).await;
    }

    /// Waits for the newest card in `state` that has this text; returns its id.
    pub async fn card(&self, channel: &str, state: &str, text: &str) -> String {
        let class = format!("card {state}");
        let found = |page: &str| {
            page.rsplit("<li ").find_map(|item| {
                let (tag, rest) = item.split_once('>')?;
                let id = tag.split("data-id=\"").nth(1)?.split('"').next()?;
                (tag.contains(&class) && rest.contains(text)).then(|| id.to_owned())
            })
        };
        self.find(&format!("/c/{channel}"), &format!("{class} with {text}"), found).await
    }

    /// Gives a reaction to a card.
    pub async fn react(&self, channel: &str, card: &str, sign: &str) {
        let path = format!("/c/{channel}/m/{card}/react");
        self.send(&path, &[("sign", sign), ("give", "true")]).await;
    }

    async fn find<T>(&self, path: &str, what: &str, look: impl Fn(&str) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = look(&self.page(path).await) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(_) => panic!("{path} never shows {what}:\n{}", self.page(path).await),
        }
    }
}
