//! Pages beside the chat. Each asks [`super::shell::Shell::open`] first, which holds the check
//! that the page may be seen, and then reads what it shows.

pub mod audit;
pub mod drift;
mod form;
pub mod intent;
pub mod intents;
mod needs;
pub mod people;
pub mod person;
pub mod request;
pub mod requests;
pub mod revisions;
pub mod run;
pub mod runs;
mod said;
mod sight;
pub mod status;

use axum::Router;
use axum::routing::{get, post};

use super::Site;

/// Adds the pages that tell what is and what was: people, revisions, the audit log.
pub fn records(routes: Router<Site>) -> Router<Site> {
    routes
        .route("/drift", get(drift::list))
        .route("/drift/{id}", get(drift::incident))
        .route("/people", get(people::list))
        .route("/people/{id}", get(person::show_person))
        .route("/roles", get(people::roles))
        .route("/bans", get(people::bans))
        .route("/services", get(people::services))
        .route("/revisions", get(revisions::list))
        .route("/revisions/{seq}", get(revisions::show_one))
        .route("/revisions/at/{revision}", get(revisions::by_name))
        .route("/audit", get(audit::list))
        .route("/audit/verify", post(audit::verify))
}
