//! Whether the daemon is up and does its work, for whoever watches it.
//!
//! These two are asked without sign-in and under any host name: load balancers ask by address.
//! What they say names no address, person or secret, and only GET and HEAD are answered.

use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::{Site, guard};

/// Returns the routes, which stand outside of the guard.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .layer(from_fn(guard::open))
}

/// GET `/healthz`: the process answers.
async fn healthy() -> &'static str {
    "ok\n"
}

/// GET `/readyz`: every chat is connected, and whatever else a daemon needs is there.
async fn ready(State(site): State<Site>) -> Response {
    let readiness = (site.watching)().await;
    let status = match readiness.ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(readiness)).into_response()
}
