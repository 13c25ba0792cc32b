//! Everything that speaks HTTP: the console's pages, sign-in, live events, and the host's socket.
//!
//! A page never decides anything: it asks the engine who somebody is and what they may see, and
//! writes through [`crate::ports::board`]. Every request passes `guard` first: the host name
//! must be ours, and whatever is not GET must come from one of our own pages. Outside of it stand
//! only `health` and `press`, which read no cookie.

pub mod bind;
pub mod host;
pub mod host_api;

mod assets;
mod card;
mod chat;
mod complete;
mod error;
mod guard;
mod health;
mod live;
mod look;
mod markdown;
mod pages;
mod place;
mod press;
mod reader;
mod shell;
mod side_by_side;
mod sign_in;
mod view;
mod words;
mod write;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

use crate::domain::id::Platform;
use crate::engine::health::Readiness;
use crate::engine::sessions::Sessions;
use crate::engine::sessions::reading;
use crate::engine::sessions::viewing::Viewing;
use crate::engine::status::Report;
use crate::engine::verifying::Verifying;
use crate::engine::{Engine, EngineError};
use crate::ports::audit_check::AuditCheck;
use crate::ports::board::Board;
use crate::ports::clock::Clock;
use crate::ports::store::Store;

/// The greatest body of a request, in bytes.
const LARGEST_BODY: usize = 64 * 1024;

/// Tells whether the daemon does its work.
pub type Watching = Arc<dyn Fn() -> BoxFuture<'static, Readiness> + Send + Sync>;

/// Takes what a chat platform sends when somebody presses a button, and returns the answer; `None`:
/// the platform has no buttons.
pub type Pressing =
    Arc<dyn Fn(Platform, Vec<u8>) -> BoxFuture<'static, Option<String>> + Send + Sync>;

/// Tells how every loop is.
pub type Reporting = Arc<dyn Fn() -> BoxFuture<'static, Result<Report, EngineError>> + Send + Sync>;

/// What the pages stand on.
pub struct Parts {
    /// Who is signed in.
    pub sessions: Arc<Sessions>,
    /// Where messages are.
    pub board: Arc<dyn Board>,
    /// The board's name as a chat platform.
    pub platform: Platform,
    /// What policy says.
    pub viewing: Arc<Viewing>,
    /// Where requests are, for completion.
    pub store: Arc<dyn Store>,
    /// How every loop is.
    pub report: Reporting,
    /// Tells whether the daemon does its work.
    pub watching: Watching,
    /// Takes presses of buttons on chat platforms.
    pub pressing: Pressing,
    /// Verifies the audit log.
    pub verifying: Arc<Verifying>,
    /// Lets one at a time put many questions to policy.
    pub asking: Semaphore,
    /// Time and chance.
    pub clock: Arc<dyn Clock>,
    /// The names the site answers under.
    pub names: bind::Names,
    /// Ends live streams, so that the daemon can stop.
    pub stopping: CancellationToken,
}

impl Parts {
    /// Takes the parts from the engine and from the console that is one of its chats.
    pub fn of(
        engine: &Arc<Engine>,
        board: Arc<dyn Board>,
        check: Arc<dyn AuditCheck>,
        names: bind::Names,
        stopping: CancellationToken,
    ) -> Self {
        let ports = engine.ports();
        let (store, clock) = (Arc::clone(&ports.store), Arc::clone(&ports.clock));
        let report: Reporting = {
            let engine = Arc::clone(engine);
            Arc::new(move || {
                let engine = Arc::clone(&engine);
                Box::pin(async move { engine.report().await })
            })
        };
        let watching: Watching = {
            let engine = Arc::clone(engine);
            Arc::new(move || {
                let engine = Arc::clone(&engine);
                Box::pin(async move { engine.readiness().await })
            })
        };
        let pressing: Pressing = {
            let engine = Arc::clone(engine);
            Arc::new(move |platform, call| {
                let engine = Arc::clone(&engine);
                Box::pin(async move { engine.press(&platform, &call).await })
            })
        };
        let applied = {
            let engine = Arc::clone(engine);
            Arc::new(move || engine.applied())
        };
        Self {
            sessions: Arc::clone(engine.sessions()),
            board,
            platform: engine.options().console.clone(),
            viewing: Arc::new(Viewing::new(Arc::clone(&store), Arc::clone(&clock), applied)),
            store,
            report,
            watching,
            pressing,
            verifying: Verifying::new(check, Arc::clone(&clock)),
            asking: Semaphore::new(1),
            clock,
            names,
            stopping,
        }
    }
}

/// The parts, shared by all requests.
#[derive(Clone)]
pub struct Site(Arc<Parts>);

impl Deref for Site {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Site {
    /// Returns the audit log as people may read it.
    fn log(&self) -> reading::Reader {
        reading::Reader::new(Arc::clone(&self.store), Arc::clone(&self.viewing))
    }

    /// Makes a name for a message that is about to be written, so that sending twice writes once.
    fn nonce(&self) -> String {
        let mut bytes = [0; 12];
        self.clock.random(&mut bytes);
        hex::encode(bytes)
    }
}

/// Serves the site until `stopping`.
pub async fn serve(listener: TcpListener, parts: Parts) -> std::io::Result<()> {
    let stopping = parts.stopping.clone();
    let app = router(parts);
    axum::serve(listener, app).with_graceful_shutdown(stopping.cancelled_owned()).await
}

/// Puts the site together.
fn router(parts: Parts) -> Router {
    let site = Site(Arc::new(parts));
    let mut routes = Router::new()
        .route("/", get(chat::home))
        .route("/menu", get(chat::menu))
        .route("/c/{slug}", get(chat::channel))
        .route("/c/{slug}/t/{root}", get(chat::thread))
        .route("/m/{channel}/{id}", get(chat::permalink))
        .route("/requests", get(pages::requests::list))
        .route("/requests/{id}", get(pages::request::page))
        .route("/status", get(pages::status::page))
        .route("/intents", get(pages::intents::list))
        .route("/intents/{name}", get(pages::intent::page).post(pages::intent::ask))
        .route("/runs", get(pages::runs::list))
        .route("/runs/{id}", get(pages::run::page))
        .route("/runs/{id}/output", get(pages::run::output))
        .route("/c/{slug}/messages", post(write::message))
        .route("/c/{slug}/m/{id}/react", post(write::react))
        .route("/c/{slug}/m/{id}/delete", post(write::delete))
        .route("/complete", get(complete::complete))
        .route("/events", get(live::events))
        .route("/sign-in/{token}", get(sign_in::landing))
        .route("/sign-in", post(sign_in::consume))
        .route("/sign-out", post(sign_in::sign_out))
        .fallback(nothing);
    routes = pages::records(routes);
    for (path, method) in assets::routes() {
        routes = routes.route(path, method);
    }
    routes
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(from_fn_with_state(site.clone(), guard::guard))
        .merge(health::routes())
        .merge(press::routes())
        .with_state(site)
}

/// Anything else.
async fn nothing() -> error::WebError {
    error::WebError::NotFound
}
