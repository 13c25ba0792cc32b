//! The socket on the host: every guard's named way out, for whoever may read the token file.
//!
//! Each command is written to the audit log and said in the operations channel, as
//! `service host:<uid>`, before it is done. No command runs an intent past the gate.

mod acts;
mod files;
mod socket;
mod views;

use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use subtle::ConstantTimeEq as _;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tower_http::limit::RequestBodyLimitLayer;

pub use self::socket::{HostSocket, SocketError};
use super::host_api::{Failure, path};
use crate::engine::Engine;

/// The greatest body of a request, in bytes.
const LARGEST_BODY: usize = 16 * 1024;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Their user id, as the kernel says; `None` if it does not.
    uid: Option<u32>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self { uid: stream.io().peer_cred().ok().map(|peer| peer.uid()) }
    }
}

/// What the handlers stand on.
#[derive(Clone)]
struct Host {
    engine: Arc<Engine>,
    token: Arc<str>,
}

/// Serves the socket until `stopping`.
pub async fn serve(
    socket: HostSocket,
    engine: Arc<Engine>,
    stopping: CancellationToken,
) -> std::io::Result<()> {
    let host = Host { engine, token: socket.token.into() };
    let app = router(host).into_make_service_with_connect_info::<Caller>();
    axum::serve(socket.listener, app).with_graceful_shutdown(stopping.cancelled_owned()).await
}

fn router(host: Host) -> Router {
    Router::new()
        .route(path::STATUS, get(views::status))
        .route(path::SOURCE, get(views::source))
        .route(path::REQUESTS, get(views::requests))
        .route(path::REQUEST, get(views::request))
        .route(path::RECONCILE, post(acts::reconcile))
        .route(path::SOURCE_ACCEPT, post(acts::accept))
        .route(path::SOURCE_REARM, post(acts::rearm))
        .route(path::REQUEST_CANCEL, post(acts::cancel))
        .route(path::RUN_KILL, post(acts::kill))
        .route(path::AUDIT_PRUNE, post(acts::prune))
        .route(path::FILES, get(files::list))
        .route(path::FILE_RESTORE, post(files::restore))
        .route(path::PAUSE, post(acts::pause))
        .route(path::RESUME, post(acts::resume))
        .route(path::BANS, get(views::bans))
        .route(path::UNBAN, post(acts::unban))
        .route(path::LOGIN, post(acts::login))
        .route(path::LOGOUT, post(acts::logout))
        .fallback(|| async { HostError::NotFound("there is no such command".to_owned()) })
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(from_fn_with_state(host.clone(), admit))
        .with_state(host)
}

/// Lets in whoever shows the token. A run may connect, and has not read it.
async fn admit(
    State(host): State<Host>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    mut request: Request,
    next: Next,
) -> Response {
    let shown = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .unwrap_or_default();
    let right: bool = shown.as_bytes().ct_eq(host.token.as_bytes()).into();
    match caller.uid {
        Some(uid) if right => {
            request.extensions_mut().insert(Uid(uid));
            next.run(request).await
        }
        uid => {
            if let Err(error) = host.engine.note_host_refusal(uid).await {
                tracing::error!(%error, ?uid, "a refused caller is not in the audit log");
            }
            HostError::WrongToken.into_response()
        }
    }
}

/// The user id of a caller that was let in.
#[derive(Debug, Clone, Copy)]
struct Uid(u32);

/// Why a command was not done.
#[derive(Debug)]
enum HostError {
    /// The token is wrong or missing.
    WrongToken,
    /// There is no such thing.
    NotFound(String),
    /// It makes no sense, or a rule is against it.
    Refused {
        /// Why.
        error: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Something behind it does not work.
    Trouble(String),
}

impl HostError {
    fn refused(error: impl ToString) -> Self {
        Self::Refused { error: error.to_string(), hint: None }
    }

    fn hint(self, hint: &str) -> Self {
        match self {
            Self::Refused { error, .. } => Self::Refused { error, hint: Some(hint.to_owned()) },
            other => other,
        }
    }
}

impl<E: Into<crate::engine::EngineError>> From<E> for HostError {
    fn from(error: E) -> Self {
        let error = error.into();
        tracing::error!(%error, "a command on the host failed");
        Self::Trouble(error.to_string())
    }
}

impl IntoResponse for HostError {
    fn into_response(self) -> Response {
        use axum::http::StatusCode;
        let (status, error, hint) = match self {
            Self::WrongToken => (
                StatusCode::UNAUTHORIZED,
                "the token is not that of the daemon that runs now".to_owned(),
                Some("run the command as the daemon's user; it reads the token by itself".into()),
            ),
            Self::NotFound(error) => (StatusCode::NOT_FOUND, error, None),
            Self::Refused { error, hint } => (StatusCode::UNPROCESSABLE_ENTITY, error, hint),
            Self::Trouble(error) => (
                StatusCode::SERVICE_UNAVAILABLE,
                error,
                Some("see the daemon's log, or `tribune doctor`".into()),
            ),
        };
        (status, axum::Json(Failure { error, hint })).into_response()
    }
}
