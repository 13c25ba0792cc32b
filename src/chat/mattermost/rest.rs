//! Requests to the server: who asks, how often, and what a failure means.
//!
//! What may be done twice is tried again a few times; what may not is never tried again here, and
//! a failure tells whether it may have been done all the same. When the server asks to wait,
//! nothing is sent until then. A token that is not accepted is read again from its file, so that
//! it can be changed under a running daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap};
use reqwest::{Client, Method, StatusCode};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use super::slot::Slot;
use super::wire::AppError;
use super::{MattermostError, Timing};
use crate::chat::tls;
use crate::ports::clock::Clock;

/// The largest answer that is read.
const LARGEST: usize = 64 << 20;
/// How often what may be done twice is tried.
const TRIES: u32 = 3;

/// Why something was not done, or is not known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RestError {
    /// It was not done; the server could not be reached.
    Unreachable(String),
    /// It may have been done.
    Unknown(String),
    /// It was not done; the server asks to wait.
    Busy(Duration),
    /// It was not done; the server refuses.
    Refused {
        /// The status of HTTP.
        status: u16,
        /// The server's name for it.
        id: String,
        /// In words.
        why: String,
    },
}

impl RestError {
    /// Says whether what was asked for is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, id, .. } if !id.is_empty())
    }
}

/// Whether a request may be sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It changes nothing, or the same again.
    Fine,
    /// It would be done twice.
    Never,
}

/// What is sent along.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Nothing,
    Json(serde_json::Value),
    Bytes(Vec<u8>),
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    pub method: Method,
    /// Below `/api/v4`, each part by itself.
    pub path: &'a [&'a str],
    pub query: Vec<(&'static str, String)>,
    pub content: Content,
    pub repeat: Repeat,
}

impl<'a> Ask<'a> {
    /// Asks for something.
    pub fn get(path: &'a [&'a str]) -> Self {
        let (query, content) = (Vec::new(), Content::Nothing);
        Self { method: Method::GET, path, query, content, repeat: Repeat::Fine }
    }

    /// Asks for something with JSON.
    pub fn json(method: Method, path: &'a [&'a str], json: serde_json::Value) -> Self {
        let content = Content::Json(json);
        Self { method, path, query: Vec::new(), content, repeat: Repeat::Fine }
    }

    /// Adds to the query.
    pub fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Is never sent twice.
    pub fn once(mut self) -> Self {
        self.repeat = Repeat::Never;
        self
    }
}

/// The server's REST.
pub(super) struct Rest {
    http: Client,
    site: Url,
    token_file: PathBuf,
    token: Slot<Option<Token>>,
    /// Whose every token must be.
    account: Slot<Option<String>>,
    busy: Slot<Option<Instant>>,
    /// The server's time when it last answered, in milliseconds.
    date: Slot<Option<i64>>,
    timing: Timing,
    clock: Arc<dyn Clock>,
}

/// What Tribune shows to the server; never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token(String);

impl Token {
    /// Returns it, for the places that send it or seal with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Rest {
    /// Prepares; nothing is sent yet.
    pub fn new(
        site: Url,
        token_file: PathBuf,
        tls: ClientConfig,
        timing: Timing,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MattermostError> {
        let http = Client::builder()
            .tls_backend_preconfigured(tls)
            // A redirect would carry the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(timing.connect)
            .timeout(timing.request)
            .user_agent(concat!("tribune/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| MattermostError::Client)?;
        let (token, account) = (Slot::new(None), Slot::new(None));
        let (busy, date) = (Slot::new(None), Slot::new(None));
        Ok(Self { http, site, token_file, token, account, busy, date, timing, clock })
    }

    /// From now on only tokens of this account are taken: what it puts and writes is Tribune's
    /// own, and what another one does would pass for a person's.
    pub fn bind(&self, account: &str) {
        self.account.with(|bound| {
            bound.get_or_insert_with(|| account.to_owned());
        });
    }

    /// Returns the address of the site without a slash at its end.
    pub fn site(&self) -> &str {
        self.site.as_str().trim_end_matches('/')
    }

    /// Returns the server's time when it last answered, in milliseconds.
    pub fn server_time(&self) -> Option<i64> {
        self.date.get()
    }

    /// Asks, and reads the answer.
    pub async fn ask<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<T, RestError> {
        let repeat = ask.repeat;
        let bytes = self.send(ask).await?;
        serde_json::from_slice(&bytes).map_err(|_| {
            let why = "it answers something else than Mattermost does; see mattermost.url";
            failed(repeat, why.to_owned())
        })
    }

    /// Asks, and returns the answer as it came.
    pub async fn send(&self, ask: Ask<'_>) -> Result<Vec<u8>, RestError> {
        let mut tries = 0;
        let mut is_rotated = false;
        loop {
            self.check_busy()?;
            let token = self.token()?;
            let sent = self.send_once(&ask, &token).await;
            match sent {
                Err(RestError::Refused { status: 401, .. }) if !is_rotated => {
                    is_rotated = true;
                    if self.token_again().await? == token {
                        return Err(not_accepted());
                    }
                }
                Err(RestError::Refused { status: 401, .. }) => return Err(not_accepted()),
                Err(RestError::Unreachable(_) | RestError::Unknown(_))
                    if ask.repeat == Repeat::Fine && tries + 1 < TRIES =>
                {
                    tries += 1;
                    let wait = self.timing.again * 2_u32.pow(tries);
                    tokio::time::sleep(jittered(self.clock.as_ref(), wait)).await;
                }
                other => return other,
            }
        }
    }

    async fn send_once(&self, ask: &Ask<'_>, token: &Token) -> Result<Vec<u8>, RestError> {
        let mut request = self
            .http
            .request(ask.method.clone(), self.address(ask.path))
            .query(&ask.query)
            .header(AUTHORIZATION, format!("Bearer {}", token.0));
        request = match &ask.content {
            Content::Nothing => request,
            Content::Json(json) => request.json(json),
            Content::Bytes(bytes) => {
                request.header(CONTENT_TYPE, "application/octet-stream").body(bytes.clone())
            }
        };
        let mut response = request.send().await.map_err(|error| broken(ask.repeat, &error))?;
        self.note_date(response.headers());
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let wait = wait_of(response.headers());
            self.busy.set(Some(Instant::now() + wait));
            return Err(RestError::Busy(wait));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| broken(ask.repeat, &error))?
        {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                return Err(failed(ask.repeat, "its answer is too large".to_owned()));
            }
        }
        match status {
            status if status.is_success() => Ok(bytes),
            status if status.is_server_error() => {
                Err(failed(ask.repeat, format!("it fails with status {}", status.as_u16())))
            }
            status => Err(refused(status, &bytes)),
        }
    }

    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.site.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(["api", "v4"]).extend(path);
        }
        url
    }

    /// Returns the address of the socket.
    pub fn socket(&self) -> Url {
        let mut url = self.address(&["websocket"]);
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        // Both are special schemes, between which a change is always allowed.
        if url.set_scheme(scheme).is_err() {
            tracing::error!("the address of the socket cannot be made");
        }
        url
    }

    fn check_busy(&self) -> Result<(), RestError> {
        let left = self.busy.get().map(|until| until.duration_since(Instant::now()));
        match left {
            Some(left) if !left.is_zero() => Err(RestError::Busy(left)),
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the token that is in use.
    pub fn token(&self) -> Result<Token, RestError> {
        match self.token.get() {
            Some(token) => Ok(token),
            None => self.take(self.read_token()?),
        }
    }

    /// Reads the token again, and takes it if it is one of the same account.
    pub async fn token_again(&self) -> Result<Token, RestError> {
        let token = self.read_token()?;
        if self.token.get().as_ref() != Some(&token)
            && let Some(account) = self.account.get()
        {
            let who = self.send_once(&Ask::get(&["users", "me"]), &token).await;
            let who = match who {
                Err(RestError::Refused { status: 401, .. }) => return Err(not_accepted()),
                who => serde_json::from_slice::<serde_json::Value>(&who?).unwrap_or_default(),
            };
            if who["id"] != account.as_str() {
                let why = "the token of mattermost.token_file is not one of Tribune's account";
                return Err(RestError::Unreachable(why.to_owned()));
            }
            tracing::info!("the Mattermost token was read again");
        }
        self.take(token)
    }

    fn take(&self, token: Token) -> Result<Token, RestError> {
        self.token.set(Some(token.clone()));
        Ok(token)
    }

    fn read_token(&self) -> Result<Token, RestError> {
        // Small and on the local disk.
        let read = std::fs::read_to_string(&self.token_file);
        match read.as_deref().map(str::trim) {
            Ok("") => Err(RestError::Unreachable("its token file is empty".to_owned())),
            Ok(token) => Ok(Token(token.to_owned())),
            Err(error) => {
                Err(RestError::Unreachable(format!("its token file cannot be read: {error}")))
            }
        }
    }

    fn note_date(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        if let Some(date) = date {
            self.date.set(Some(date.timestamp().as_millisecond()));
        }
    }
}

/// Waiting helps: somebody may be about to write the new token.
fn not_accepted() -> RestError {
    RestError::Unreachable("it does not accept the token of mattermost.token_file".to_owned())
}

fn failed(repeat: Repeat, why: String) -> RestError {
    match repeat {
        Repeat::Fine => RestError::Unreachable(why),
        Repeat::Never => RestError::Unknown(why),
    }
}

/// Says what became of a request, without its address.
fn broken(repeat: Repeat, error: &reqwest::Error) -> RestError {
    if error.is_connect() {
        return RestError::Unreachable(tls::why_unreached(error, "mattermost.ca_file"));
    }
    let why = match error.is_timeout() {
        true => "it takes too long to answer",
        false => "the connection broke",
    };
    failed(repeat, why.to_owned())
}

fn refused(status: StatusCode, bytes: &[u8]) -> RestError {
    let told: AppError = serde_json::from_slice(bytes).unwrap_or_default();
    let status = status.as_u16();
    let why = match told.message.as_str() {
        "" if (300..400).contains(&status) => {
            "it sends elsewhere; mattermost.url must be the address it ends at".to_owned()
        }
        "" => format!("status {status}"),
        message => {
            message.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect()
        }
    };
    RestError::Refused { status, id: told.id, why }
}

/// Returns for how long the server asks to wait: seconds, or, of some proxies, a time. What it
/// calls the reset is when it would take a whole burst again, long after it takes the next request.
fn wait_of(headers: &HeaderMap) -> Duration {
    const SECOND_OF_TIMES: u64 = 1_000_000_000;
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let now = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let seconds = match number("retry-after").or_else(|| number("x-ratelimit-reset")) {
        Some(at) if at >= SECOND_OF_TIMES => {
            let now =
                now.map_or(at, |now| u64::try_from(now.timestamp().as_second()).unwrap_or(at));
            at.saturating_sub(now)
        }
        Some(seconds) => seconds,
        None => 1,
    };
    Duration::from_secs(seconds.clamp(1, 300))
}

/// Returns between half of a time and all of it.
pub(super) fn jittered(clock: &dyn Clock, time: Duration) -> Duration {
    let mut byte = [0];
    clock.random(&mut byte);
    time.mul_f64(0.5 + f64::from(byte[0]) / 510.0)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn the_wait_is_what_the_server_says_within_reason() {
        let wait = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                (reqwest::header::HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            wait_of(&pairs.collect()).as_secs()
        };
        assert_eq!(wait(&[("x-ratelimit-reset", "7")]), 7);
        assert_eq!(wait(&[("retry-after", "1"), ("x-ratelimit-reset", "11")]), 1);
        assert_eq!(wait(&[("retry-after", "9")]), 9);
        assert_eq!(wait(&[("x-ratelimit-reset", "0")]), 1);
        assert_eq!(wait(&[("x-ratelimit-reset", "99999")]), 300);
        let date = ("date", "Mon, 01 Jun 2026 08:00:00 GMT");
        assert_eq!(wait(&[("x-ratelimit-reset", "1780300805"), date]), 5);
        assert_eq!(wait(&[("x-ratelimit-reset", "soon")]), 1);
    }

    #[test]
    fn only_the_server_itself_says_that_something_is_not_there() {
        let json = br#"{ "id": "app.post.get.app_error", "message": "gone" }"#;
        assert!(refused(StatusCode::NOT_FOUND, json).is_missing());
        // A proxy whose server is away answers the same to every address.
        assert!(!refused(StatusCode::NOT_FOUND, b"<h1>404 Not Found</h1>").is_missing());
        assert!(!refused(StatusCode::FORBIDDEN, json).is_missing());
    }

    #[test]
    fn a_token_is_never_printed() {
        assert_eq!(format!("{:?}", Token("secret".into())), "***");
    }
}
