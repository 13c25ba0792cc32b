//! Who is asking: the session behind a request, and forms that prove to come from its pages.

use axum::Form;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq as _;

use super::Site;
use super::bind::Name;
use super::error::WebError;
use crate::domain::digest::Digest;
use crate::engine::sessions::SignedIn;

/// Who is signed in, decided anew for this request.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Who.
    pub who: SignedIn,
    /// The name of the site they use.
    pub name: Name,
    /// The cookie's value, for what outlives the request.
    pub cookie: String,
}

impl Reader {
    /// Returns what forms of this session bear; made of the cookie, and tells nothing of it.
    pub fn csrf(&self) -> String {
        Digest::of(format!("tribune csrf\n{}", self.cookie).as_bytes()).to_string()
    }

    /// Checks what a form bears.
    fn check_csrf(&self, given: &str) -> Result<(), WebError> {
        let same: bool = self.csrf().as_bytes().ct_eq(given.as_bytes()).into();
        if same { Ok(()) } else { Err(WebError::WrongToken) }
    }
}

impl FromRequestParts<Site> for Reader {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, WebError> {
        let name = parts.extensions.get::<Name>().cloned().ok_or(WebError::WrongHost)?;
        let jar = CookieJar::from_headers(&parts.headers);
        let cookie = jar.get(cookie_name(&name)).ok_or(WebError::SignedOut)?.value().to_owned();
        let who = site.sessions.session(&cookie, &name.host).await?.ok_or(WebError::SignedOut)?;
        Ok(Self { who, name, cookie })
    }
}

/// A form that was sent from a page of the reader's own session.
pub struct Posted<T> {
    /// Who sent it.
    pub reader: Reader,
    /// What it says.
    pub form: T,
}

impl<T: DeserializeOwned> FromRequest<Site> for Posted<T> {
    type Rejection = WebError;

    async fn from_request(request: Request, site: &Site) -> Result<Self, WebError> {
        let (mut parts, body) = request.into_parts();
        let reader = Reader::from_request_parts(&mut parts, site).await?;
        let body = Request::from_parts(parts.clone(), body);
        let bytes = Bytes::from_request(body, site)
            .await
            .map_err(|_| WebError::BadForm("this is too long to be sent".to_owned()))?;
        let given = url::form_urlencoded::parse(&bytes)
            .find_map(|(key, value)| (key == "csrf").then_some(value))
            .unwrap_or_default();
        reader.check_csrf(&given)?;
        let request = Request::from_parts(parts, Body::from(bytes));
        let Form(form) = Form::<T>::from_request(request, site)
            .await
            .map_err(|_| WebError::BadForm("this form is not complete".to_owned()))?;
        Ok(Self { reader, form })
    }
}

/// The session cookie's name. Under https the prefix makes browsers refuse one that another host
/// of the domain set.
fn cookie_name(name: &Name) -> &'static str {
    if name.secure { "__Host-tribune" } else { "tribune" }
}

/// Makes the session cookie, or with an empty value the one that takes it away.
///
/// Under https `Lax`: no GET changes anything, and links in other chats shall work. On loopback
/// `Strict`.
pub fn session_cookie(name: &Name, value: String) -> Cookie<'static> {
    let gone = value.is_empty();
    let mut cookie = Cookie::build((cookie_name(name), value))
        .path("/")
        .http_only(true)
        .secure(name.secure)
        .same_site(if name.secure { SameSite::Lax } else { SameSite::Strict })
        .build();
    if gone {
        cookie.make_removal();
    }
    cookie
}
