//! The client-server API as far as it is used: one call at a time, with deadlines.
//!
//! Tries again by itself only what may be sent twice: GET, and PUT, whose paths name what they
//! make. The token comes from a file that is read again when the server no longer knows it. No
//! address and no token is ever part of an error.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde_json::Value;

use crate::chat::tls;
use crate::ports::clock::Clock;

/// How long one call may take, beside what the server is asked to wait.
const WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to connect.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How often what may be sent twice is sent, at most.
const TRIES: u32 = 3;
/// The first pause between them; it doubles, and up to as much is added by chance.
const PAUSE: SignedDuration = SignedDuration::from_millis(150);
/// The largest answer that is read, in bytes.
const LARGEST: usize = 64 << 20;
/// The longest wait that a server may ask for.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// Why a call did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// There was no answer, or none that can be understood; it may have been done all the same.
    Unreachable(String),
    /// It asks to wait.
    Busy(SignedDuration),
    /// It says no.
    Refused {
        /// The status of HTTP.
        status: u16,
        /// Matrix' own word for it (`M_FORBIDDEN`), empty if there is none.
        code: String,
        /// The server's words.
        why: String,
    },
}

impl Failure {
    /// Says whether what was asked for is not there. A proxy that knows no such page is no proof.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, code, .. } if code == "M_NOT_FOUND")
    }

    /// Says whether the server gave this word.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == word)
    }
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Content,
    waits: Duration,
}

#[derive(Debug, Clone)]
enum Content {
    None,
    Json(Value),
    File(String, &'static str),
}

impl Call {
    fn new(method: Method, path: &[&str]) -> Self {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        Self { method, path, query: Vec::new(), body: Content::None, waits: Duration::ZERO }
    }

    /// Reads.
    pub fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    /// Makes what the path names.
    pub fn put(path: &[&str], body: Value) -> Self {
        Self { body: Content::Json(body), ..Self::new(Method::PUT, path) }
    }

    /// Does something that must not be done twice.
    pub fn post(path: &[&str], body: Value) -> Self {
        Self { body: Content::Json(body), ..Self::new(Method::POST, path) }
    }

    /// Sends a file.
    pub fn file(path: &[&str], text: String, kind: &'static str) -> Self {
        Self { body: Content::File(text, kind), ..Self::new(Method::POST, path) }
    }

    /// Adds to the query.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// The server may take so much longer.
    pub fn waiting(mut self, waits: Duration) -> Self {
        self.waits = waits;
        self
    }

    fn may_be_sent_twice(&self) -> bool {
        self.method != Method::POST
    }
}

/// The server.
pub struct Api {
    http: Client,
    homeserver: Url,
    token_file: PathBuf,
    token: Mutex<Arc<str>>,
    /// How often the token changed.
    changes: AtomicU64,
    /// Whose every token must be.
    account: OnceLock<String>,
    clock: Arc<dyn Clock>,
}

impl Api {
    /// Prepares to speak to a server; nothing is sent. An authority of `ca_file` is trusted
    /// beside those of the machine.
    pub fn new(
        homeserver: Url,
        token_file: PathBuf,
        ca_file: Option<&Path>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let token = read_token(&token_file)?;
        let mut tls = tls::client_config(ca_file).map_err(|error| error.to_string())?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let http = Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|_| "failed to prepare an HTTP client".to_owned())?;
        let (token, changes, account) = (Mutex::new(token), AtomicU64::new(0), OnceLock::new());
        Ok(Self { http, homeserver, token_file, token, changes, account, clock })
    }

    /// From now on only tokens of this account are taken.
    pub fn bind(&self, account: &str) {
        // Whoever came first asked the same server.
        self.account.get_or_init(|| account.to_owned());
    }

    /// Returns how often the token changed: the server forgets the names of calls with it.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Calls, and returns what the server answers.
    pub async fn call(&self, call: Call) -> Result<Value, Failure> {
        let mut tries = 1;
        loop {
            let failure = match self.with_current_token(&call).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let again = matches!(failure, Failure::Unreachable(_)) && call.may_be_sent_twice();
            if !again || tries >= TRIES {
                return Err(failure);
            }
            self.pause(PAUSE * (1 << (tries - 1))).await;
            tries += 1;
        }
    }

    /// Waits so long, and up to as much more by chance.
    pub async fn pause(&self, time: SignedDuration) {
        let mut chance = [0_u8; 2];
        self.clock.random(&mut chance);
        let share = f64::from(u16::from_le_bytes(chance)) / f64::from(u16::MAX);
        self.clock.sleep_until(self.clock.now() + time + time.mul_f64(share)).await;
    }

    async fn with_current_token(&self, call: &Call) -> Result<Value, Failure> {
        let token = self.token();
        match self.once(call, &token).await {
            Err(failure) if failure.is("M_UNKNOWN_TOKEN") => {
                let token = self.token_instead_of(&token).await?;
                self.once(call, &token).await
            }
            result => result,
        }
    }

    fn token(&self) -> Arc<str> {
        Arc::clone(&self.token.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the token file again, for a token that the server does not know any more.
    async fn token_instead_of(&self, failed: &str) -> Result<Arc<str>, Failure> {
        let held = self.token();
        if *held != *failed {
            // Another call has found it meanwhile.
            return Ok(held);
        }
        let token = read_token(&self.token_file).map_err(Failure::Unreachable)?;
        let file = self.token_file.display();
        if *token == *failed {
            return Err(Failure::Unreachable(format!(
                "its access token does not hold any more: put a new one into {file}"
            )));
        }
        if let Some(account) = self.account.get() {
            let who = Call::get(&["_matrix", "client", "v3", "account", "whoami"]);
            if self.once(&who, &token).await?["user_id"] != account.as_str() {
                return Err(Failure::Unreachable(format!(
                    "the access token in {file} is not one of {account}"
                )));
            }
        }
        tracing::info!("the Matrix access token was read again");
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&token);
        self.changes.fetch_add(1, Ordering::AcqRel);
        Ok(token)
    }

    async fn once(&self, call: &Call, token: &str) -> Result<Value, Failure> {
        let mut url = self.homeserver.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::Unreachable("its address has no path".to_owned()))?
            .pop_if_empty()
            .extend(&call.path);
        let request = self
            .http
            .request(call.method.clone(), url)
            .query(&call.query)
            .bearer_auth(token)
            .timeout(WITHIN + call.waits);
        let request = match &call.body {
            Content::None => request,
            Content::Json(value) => request.json(value),
            Content::File(text, kind) => request.header("content-type", *kind).body(text.clone()),
        };
        answer(request.send().await.map_err(|error| broken(&error))?).await
    }
}

async fn answer(mut response: Response) -> Result<Value, Failure> {
    let status = response.status();
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let told =
        header.and_then(|seconds| seconds.trim().parse().ok()).map(SignedDuration::from_secs);
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + piece.len() > LARGEST {
            return Err(Failure::Unreachable("its answer is too large".to_owned()));
        }
        bytes.extend_from_slice(&piece);
    }
    let value = serde_json::from_slice::<Value>(&bytes);
    if status.is_success() {
        return value.map_err(|_| Failure::Unreachable("its answer is no JSON".to_owned()));
    }
    let value = value.unwrap_or_default();
    let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    if status == StatusCode::TOO_MANY_REQUESTS {
        let after = value["retry_after_ms"].as_i64().map(SignedDuration::from_millis).or(told);
        let after = after.unwrap_or(SignedDuration::from_secs(1));
        return Err(Failure::Busy(after.clamp(SignedDuration::from_millis(50), LONGEST_WAIT)));
    }
    if status.is_server_error() || status.is_redirection() {
        return Err(Failure::Unreachable(format!("it answers with status {}", status.as_u16())));
    }
    let why = match word("error") {
        why if why.is_empty() => format!("status {}", status.as_u16()),
        why => why.chars().take(200).collect(),
    };
    Err(Failure::Refused { status: status.as_u16(), code: word("errcode"), why })
}

fn broken(error: &reqwest::Error) -> Failure {
    Failure::Unreachable(if error.is_timeout() {
        "it does not answer in time".to_owned()
    } else if error.is_connect() {
        tls::why_unreached(error, "matrix.ca_file")
    } else {
        "the connection to it broke".to_owned()
    })
}

fn read_token(file: &Path) -> Result<Arc<str>, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("failed to read the token file {}: {error}", file.display()))?;
    match text.trim() {
        "" => Err(format!("the token file {} is empty", file.display())),
        token => Ok(token.into()),
    }
}
