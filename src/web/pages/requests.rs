//! The list of requests.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::super::Site;
use super::super::error::{WebError, show};
use super::super::look::{Badge, Moment};
use super::super::reader::Reader;
use super::super::shell::{Shell, Tab};
use crate::domain::command::Ask;
use crate::domain::request::Request;
use crate::ports::store::RequestFilter;

/// How many requests a page lists.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "pages/requests.html")]
struct RequestsPage {
    shell: Shell,
    rows: Vec<RequestRow>,
}

/// One request in a list.
struct RequestRow {
    id: String,
    badge: Badge,
    command: String,
    requester: String,
    asked: Moment,
}

/// GET `/requests`.
pub async fn list(State(site): State<Site>, reader: Reader) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Requests).await?;
    let filter = RequestFilter { limit: PAGE, ..RequestFilter::default() };
    let me = &reader.who.person.id;
    let seen = |request: &Request| {
        let channel = request.channel.as_ref();
        request.requester.person() == Some(me)
            || channel.is_some_and(|name| site.viewing.may_view(me, name))
    };
    let now = site.clock.now();
    let found = site.store.requests(&filter).await?;
    let rows = found.iter().filter(|request| seen(request)).map(|request| RequestRow {
        id: request.id.to_string(),
        badge: Badge::state(request.state),
        command: Ask::of(request).to_string(),
        requester: request.requester.to_string(),
        asked: Moment::new(request.asked, now),
    });
    Ok(show(&RequestsPage { shell, rows: rows.collect() }))
}
