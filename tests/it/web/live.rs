//! Live events.

use futures_util::StreamExt as _;
use jiff::SignedDuration;
use reqwest::Response;

use super::site::{TestSite, Visitor};

/// A stream of events as a browser reads it.
pub struct Listener {
    bytes: futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    read: String,
}

impl Listener {
    pub async fn open(visitor: &Visitor, path: &str) -> Self {
        let answer: Response = visitor.get(path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        Self { bytes: answer.bytes_stream().boxed(), read: String::new() }
    }

    /// Returns the next event's name and data; `None` when the stream ended.
    pub async fn next(&mut self) -> Option<(String, serde_json::Value)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
                };
                let name = field("event:").map(str::to_owned);
                let data = field("data:").and_then(|data| serde_json::from_str(data).ok());
                let rest = rest.to_owned();
                self.read = rest;
                match (name, data) {
                    (Some(name), Some(data)) => return Some((name, data)),
                    _ => continue,
                }
            }
            let piece = self.bytes.next().await?.ok()?;
            self.read.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }
}

#[tokio::test]
async fn a_message_arrives_without_reload() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let mut listener = Listener::open(&ada, "/events?channel=ops").await;
    site.say("grace", "hello").await;
    let (name, data) = listener.next().await.unwrap();
    assert_eq!((name.as_str(), data["list"].as_str()), ("message", Some("stream")));
    assert!(data["html"].as_str().unwrap().contains("<p>hello</p>"), "{data}");
}

#[tokio::test]
async fn what_was_missed_comes_after_reconnecting() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    site.say("grace", "one").await;
    site.say("grace", "two").await;
    let mut listener = Listener::open(&ada, "/events?channel=ops&after=1").await;
    assert!(listener.next().await.unwrap().1["html"].as_str().unwrap().contains("two"));
    let answer =
        ada.get("/events?channel=ops&after=2").header("last-event-id", "0").send().await.unwrap();
    let mut again = Listener { bytes: answer.bytes_stream().boxed(), read: String::new() };
    assert!(again.next().await.unwrap().1["html"].as_str().unwrap().contains("one"));
}

#[tokio::test]
async fn other_channels_are_only_named_and_hidden_ones_not_even_that() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let mut listener = Listener::open(&ada, "/events?channel=prod").await;
    use tribune::ports::board::Board as _;
    let vault = "chan-vault".parse().unwrap();
    site.board.write(&"grace".parse().unwrap(), &vault, None, "s3cret", "x").await.unwrap();
    site.say("grace", "hello").await;
    let (name, data) = listener.next().await.unwrap();
    assert_eq!((name.as_str(), data), ("elsewhere", serde_json::json!({ "channel": "ops" })));
}

#[tokio::test]
async fn a_banned_persons_stream_ends_with_the_next_event() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let mut listener = Listener::open(&ada, "/events?channel=ops").await;
    site.ban("ada");
    site.say("grace", "she must not read this").await;
    assert_eq!(listener.next().await.unwrap().0, "signed-out");
    assert!(listener.next().await.is_none());
}

#[tokio::test]
async fn a_stream_of_who_is_banned_in_chat_ends_with_the_next_event() {
    let site = TestSite::start().await;
    let grace = site.sign_in("grace").await;
    let mut listener = Listener::open(&grace, "/events?channel=ops").await;
    site.ban_in_chat("grace");
    site.say("ada", "she must not read this").await;
    assert_eq!(listener.next().await.unwrap().0, "signed-out");
    assert!(listener.next().await.is_none());
}

#[tokio::test]
async fn an_idle_stream_is_decided_again() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let mut listener = Listener::open(&ada, "/events?channel=ops").await;
    site.ban("ada");
    site.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(listener.next().await.unwrap().0, "signed-out");
}

#[tokio::test]
async fn a_reply_updates_the_count_and_the_open_thread() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let root = site.post("a card").await.id.to_string();
    let path = format!("/events?channel=ops&thread={root}");
    let mut listener = Listener::open(&ada, &path).await;
    let csrf = ada.csrf().await;
    let form =
        [("csrf", csrf.as_str()), ("text", "yes"), ("nonce", "n"), ("thread", root.as_str())];
    ada.post("/c/ops/messages", &form).send().await.unwrap();
    let (_, first) = listener.next().await.unwrap();
    assert!(first["html"].as_str().unwrap().contains("1 reply"), "{first}");
    let (_, second) = listener.next().await.unwrap();
    assert_eq!(second["list"], "thread");
    assert!(second["html"].as_str().unwrap().contains("<p>yes</p>"), "{second}");
}

#[tokio::test]
async fn nobody_listens_without_a_session() {
    let site = TestSite::start().await;
    assert_eq!(site.visitor("ada").status("/events?channel=ops").await, 401);
}
