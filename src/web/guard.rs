//! What holds for every answer and every request: names, origins, headers.

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Site;
use super::bind::Name;
use super::error::WebError;

/// Nothing from elsewhere, no script or style in the page, no frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
     base-uri 'none'";

/// Headers of every answer. The referrer policy is `same-origin` rather than `no-referrer`: under
/// the latter browsers send `Origin: null` with forms, and the check of origins would have to
/// accept that. Neither tells other sites anything.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];

/// Checks the request's host name and origin before anything else looks at it, and puts the
/// headers on whatever comes back. The name found is left for the handlers as an extension.
pub async fn guard(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let response = match admit(&site, &request) {
        Ok(name) => {
            request.extensions_mut().insert(name);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    };
    dressed(response)
}

/// As [`guard`], for what anybody may ask under any name: load balancers ask by address.
pub async fn open(request: Request, next: Next) -> Response {
    dressed(next.run(request).await)
}

/// Puts the headers on an answer.
fn dressed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Finds the name the request came for and checks that a change was asked for by our own page.
fn admit(site: &Site, request: &Request) -> Result<Name, WebError> {
    let host = one(request.headers(), &header::HOST)
        .and_then(|host| site.names.find(host))
        .ok_or(WebError::WrongHost)?;
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if !safe && one(request.headers(), &header::ORIGIN) != Some(host.origin.as_str()) {
        return Err(WebError::WrongOrigin);
    }
    Ok(host)
}

/// Returns the one value of a header; `None` if it is missing, unreadable or there twice.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok())?
}

/// Answers when a handler panicked: a plain page, no word of why.
pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a request for the console panicked");
    (StatusCode::INTERNAL_SERVER_ERROR, "something broke here; the log of tribune says more")
        .into_response()
}
