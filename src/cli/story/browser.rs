//! One person at a browser: signs in by link, reads pages, writes messages, clicks reactions.

use std::net::SocketAddr;

use reqwest::header::{ACCEPT, COOKIE, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::Url;

use super::page::{self, List, Seen};

/// Why the console did not do what a person wanted.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// Nobody answers.
    #[error("the console does not answer: {0}")]
    Silent(String),
    /// It answers with something else.
    #[error("{what}: the console answers {status}: {told}")]
    Refused {
        /// What was tried.
        what: String,
        /// The status.
        status: StatusCode,
        /// The beginning of what it said.
        told: String,
    },
    /// The page is not as it should be.
    #[error("the page lacks {0}")]
    Odd(&'static str),
}

impl From<reqwest::Error> for BrowserError {
    fn from(error: reqwest::Error) -> Self {
        Self::Silent(error.without_url().to_string())
    }
}

/// Somebody's browser, signed in.
pub struct Browser {
    http: Client,
    origin: String,
    cookie: String,
    csrf: String,
}

impl Browser {
    /// Opens a sign-in link and clicks its button.
    pub async fn sign_in(link: &str, console: SocketAddr) -> Result<Self, BrowserError> {
        let link = Url::parse(link).map_err(|_| BrowserError::Odd("a link that is an address"))?;
        let host = link.host_str().ok_or(BrowserError::Odd("a host in its link"))?.to_owned();
        let origin = link.origin().ascii_serialization();
        crate::chat::tls::install();
        let http = Client::builder().redirect(Policy::none()).resolve(&host, console).build()?;
        let landing = http.get(link.clone()).send().await?;
        let landing = succeed("open the sign-in link", landing).await?.text().await?;
        let token = token(&landing).ok_or(BrowserError::Odd("a button to sign in"))?;
        let answer = http
            .post(format!("{origin}/sign-in"))
            .header(ORIGIN, &origin)
            .form(&[("token", token)])
            .send()
            .await?;
        let answer = succeed("sign in", answer).await?;
        let cookie = answer
            .headers()
            .get(SET_COOKIE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .ok_or(BrowserError::Odd("a cookie"))?
            .to_owned();
        let mut browser = Self { http, origin, cookie, csrf: String::new() };
        let page = browser.page("/menu").await?;
        browser.csrf = page::attribute(&page, "data-csrf")
            .ok_or(BrowserError::Odd("its form token"))?
            .to_owned();
        Ok(browser)
    }

    /// Follows the console to another port, after a restart.
    pub fn follow(&mut self, console: SocketAddr) -> Result<(), BrowserError> {
        let odd = || BrowserError::Odd("an address with a port");
        let mut url = Url::parse(&self.origin).map_err(|_| odd())?;
        url.set_port(Some(console.port())).map_err(|()| odd())?;
        self.origin = url.origin().ascii_serialization();
        Ok(())
    }

    /// Writes a message into a channel; returns its id.
    pub async fn say(&self, channel: &str, text: &str) -> Result<String, BrowserError> {
        let nonce = uuid::Uuid::new_v4().to_string();
        let form = [("text", text), ("nonce", nonce.as_str())];
        let answer = self.post(&format!("/c/{channel}/messages"), "write", &form).await?;
        let answer: serde_json::Value = answer.json().await?;
        answer["id"].as_str().map(str::to_owned).ok_or(BrowserError::Odd("the message's id"))
    }

    /// Clicks a reaction: `approve` or `veto`.
    pub async fn react(&self, channel: &str, id: &str, sign: &str) -> Result<(), BrowserError> {
        let form = [("sign", sign), ("give", "true")];
        self.post(&format!("/c/{channel}/m/{id}/react"), "react", &form).await.map(drop)
    }

    /// Reads a channel.
    pub async fn stream(&self, channel: &str) -> Result<Vec<Seen>, BrowserError> {
        Ok(page::messages(&self.page(&format!("/c/{channel}")).await?, List::Stream))
    }

    /// Reads a thread, its first message included.
    pub async fn thread(&self, channel: &str, root: &str) -> Result<Vec<Seen>, BrowserError> {
        Ok(page::messages(&self.page(&format!("/c/{channel}/t/{root}")).await?, List::Thread))
    }

    async fn page(&self, path: &str) -> Result<String, BrowserError> {
        let url = format!("{}{path}", self.origin);
        let answer = self.http.get(url).header(COOKIE, &self.cookie).send().await?;
        Ok(succeed("read", answer).await?.text().await?)
    }

    async fn post(
        &self,
        path: &str,
        what: &str,
        form: &[(&str, &str)],
    ) -> Result<Response, BrowserError> {
        let mut fields = vec![("csrf", self.csrf.as_str())];
        fields.extend_from_slice(form);
        let answer = self
            .http
            .post(format!("{}{path}", self.origin))
            .header(COOKIE, &self.cookie)
            .header(ORIGIN, &self.origin)
            .header(ACCEPT, "application/json")
            .form(&fields)
            .send()
            .await?;
        succeed(what, answer).await
    }
}

/// Returns the token of the sign-in page.
fn token(html: &str) -> Option<&str> {
    let (_, rest) = html.split_once("name=\"token\" value=\"")?;
    Some(rest.split_once('"')?.0)
}

async fn succeed(what: &str, answer: Response) -> Result<Response, BrowserError> {
    let status = answer.status();
    if status.is_success() || status.is_redirection() {
        return Ok(answer);
    }
    let told = answer.text().await.unwrap_or_default();
    // A page is for eyes; its status says enough here.
    let told = if told.starts_with('<') { "a page" } else { &told };
    let told = told.chars().take(300).collect();
    Err(BrowserError::Refused { what: what.to_owned(), status, told })
}
