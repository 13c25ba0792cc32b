//! Presses of buttons, as chat servers tell of them.
//!
//! A server bears no cookie, knows no origin and comes under whatever name it was given, so this
//! stands outside of the guard. What a press may do hangs on the seal of its button alone, which
//! the engine looks at; here only size and time are limited.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

use super::{Site, guard};
use crate::domain::id::Platform;

/// The greatest body, in bytes: ids, names and a state.
const LARGEST_BODY: usize = 16 * 1024;
/// How long an answer may take; the servers wait for half a minute.
const WITHIN: Duration = Duration::from_secs(20);

/// Returns the route.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/chat/{platform}/press", post(press))
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(from_fn(guard::open))
}

/// POST `/chat/{platform}/press`.
async fn press(State(site): State<Site>, Path(platform): Path<String>, call: Bytes) -> Response {
    let Ok(platform) = platform.parse::<Platform>() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match tokio::time::timeout(WITHIN, (site.pressing)(platform, call.to_vec())).await {
        Ok(Some(answer)) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::GATEWAY_TIMEOUT.into_response(),
    }
}
