//! Signing in and out.
//!
//! The link shows a page with a button and consumes nothing, since chat programs open links to
//! show what is behind them; the button's POST consumes.

use askama::Template;
use axum::Extension;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use serde::Deserialize;

use super::Site;
use super::bind::Name;
use super::error::{WebError, show};
use super::reader::{Posted, session_cookie};

/// The page behind a sign-in link.
#[derive(Template)]
#[template(path = "sign_in.html")]
struct Landing {
    token: String,
    host: String,
}

/// What the page's button sends.
#[derive(Deserialize)]
pub struct Token {
    token: String,
}

/// A form without fields of its own.
#[derive(Deserialize)]
pub struct Nothing {}

/// GET: shows the button.
pub async fn landing(Extension(name): Extension<Name>, Path(token): Path<String>) -> Response {
    show(&Landing { token, host: name.host })
}

/// POST: consumes the token and sets the cookie. Whoever was signed in here before is not any more.
pub async fn consume(
    State(site): State<Site>,
    Extension(name): Extension<Name>,
    jar: CookieJar,
    Form(form): Form<Token>,
) -> Result<impl IntoResponse, WebError> {
    let value = site.sessions.sign_in(&form.token, &name.host).await?;
    if let Some(before) = jar.get(session_cookie(&name, String::new()).name()) {
        site.sessions.sign_out(before.value()).await?;
    }
    Ok((jar.add(session_cookie(&name, value)), Redirect::to("/")))
}

/// POST: ends the session.
pub async fn sign_out(
    State(site): State<Site>,
    jar: CookieJar,
    posted: Posted<Nothing>,
) -> Result<impl IntoResponse, WebError> {
    site.sessions.sign_out(&posted.reader.cookie).await?;
    Ok((jar.add(session_cookie(&posted.reader.name, String::new())), Redirect::to("/")))
}
