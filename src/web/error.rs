//! What goes wrong, as people see it: a page, or JSON for the page's own script.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::engine::EngineError;
use crate::engine::sessions::SessionError;
use crate::ports::chat::ChatError;
use crate::ports::store::StoreError;
use crate::web::words::sentence;

/// Why a request was not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// The site does not go by that name.
    #[error("this is not the name of a console of Tribune")]
    WrongHost,
    /// Another site's page, or a program, asked for a change.
    #[error("this was not sent from a page of this console")]
    WrongOrigin,
    /// The form is from another session.
    #[error("this page is out of date: reload it and try again")]
    WrongToken,
    /// Nobody is signed in.
    #[error("you are not signed in")]
    SignedOut,
    /// There is none, or they may not see it: both look the same.
    #[error("there is nothing here, or you may not see it")]
    NotFound,
    /// Policy does not let them see it.
    #[error("you may not see {what}")]
    Denied {
        /// What they wanted to see, for the middle of a sentence.
        what: String,
        /// Roles that may, the lowest ones.
        roles: Vec<String>,
        /// People who may, at least some of them.
        people: Vec<String>,
    },
    /// The form makes no sense.
    #[error("{0}")]
    BadForm(String),
    /// A sign-in was refused.
    #[error("{0}")]
    Refused(String),
    /// Something behind the page does not work.
    #[error("{0}")]
    Trouble(String),
}

impl WebError {
    /// Returns the status that goes with it.
    fn status(&self) -> StatusCode {
        match self {
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::WrongOrigin | Self::WrongToken | Self::Refused(_) | Self::Denied { .. } => {
                StatusCode::FORBIDDEN
            }
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BadForm(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Trouble(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns a heading and what to do next.
    fn advice(&self) -> (&'static str, &'static str) {
        match self {
            Self::WrongHost => ("Wrong address", "Open the address that tribune printed."),
            Self::WrongOrigin | Self::WrongToken => {
                ("Not done", "Go back, reload the page, and try again.")
            }
            Self::SignedOut => (
                "Sign in",
                "Ask Tribune for a link: say !login in a direct message to it, or have somebody \
                 run this on the host:",
            ),
            Self::Refused(_) => ("Not signed in", "A new link comes from this, on the host:"),
            Self::NotFound => ("Nothing here", "Go back to your channels."),
            Self::Denied { .. } => (
                "Not for you",
                "Policy decides who sees what, and that you tried is in the audit log.",
            ),
            Self::BadForm(_) => ("Not done", "Go back and try again."),
            Self::Trouble(_) => ("Not now", "Wait a moment and reload the page."),
        }
    }
}

impl From<SessionError> for WebError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NoPolicy => Self::Trouble(error.to_string()),
            SessionError::Store(inner) => inner.into(),
            refusal => Self::Refused(refusal.to_string()),
        }
    }
}

impl From<StoreError> for WebError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the console cannot use the store");
        Self::Trouble("the store does not answer".to_owned())
    }
}

impl From<EngineError> for WebError {
    fn from(error: EngineError) -> Self {
        tracing::error!(%error, "the console cannot ask the engine");
        Self::Trouble("a part of Tribune does not answer; its log says more".to_owned())
    }
}

impl From<ChatError> for WebError {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::Unreachable { .. } | ChatError::Busy { .. } => {
                Self::Trouble(error.to_string())
            }
            ChatError::Rejected { why, .. } => Self::BadForm(why),
        }
    }
}

/// The page of an error.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    heading: &'static str,
    text: String,
    advice: &'static str,
    command: Option<&'a str>,
    home: bool,
    could: Option<Could>,
}

/// Who may see what the reader may not.
struct Could {
    roles: Vec<String>,
    people: Vec<String>,
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let (heading, advice) = self.advice();
        let command = matches!(self, Self::SignedOut | Self::Refused(_));
        let page = ErrorPage {
            heading,
            text: sentence(&self.to_string()),
            advice,
            command: command.then_some("tribune login @you"),
            home: matches!(
                self,
                Self::NotFound | Self::BadForm(_) | Self::WrongToken | Self::Denied { .. }
            ),
            could: match &self {
                Self::Denied { roles, people, .. } => {
                    Some(Could { roles: roles.clone(), people: people.clone() })
                }
                _ => None,
            },
        };
        (self.status(), show(&page)).into_response()
    }
}

/// Renders a template as a page.
pub fn show(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page of the console cannot be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "this page cannot be shown").into_response()
        }
    }
}

/// An error for the page's own script: `{"error": …}` with the same status.
pub struct AsJson(pub WebError);

impl IntoResponse for AsJson {
    fn into_response(self) -> Response {
        let body = axum::Json(serde_json::json!({ "error": self.0.to_string() }));
        (self.0.status(), body).into_response()
    }
}
