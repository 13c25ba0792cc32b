//! The list of requests: open ones with who may fill what, past ones by filters.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::needs::{Naming, Needs, needs};
use super::sight::Sight;
use crate::domain::command::Ask;
use crate::domain::id::{IntentName, PersonId, RequestId};
use crate::domain::request::{Request, State as RequestState};
use crate::engine::sessions::SessionError;
use crate::policy::Snapshot;
use crate::ports::store::RequestFilter;
use crate::web::Site;
use crate::web::error::{WebError, show};
use crate::web::look::{Badge, Moment};
use crate::web::reader::Reader;
use crate::web::shell::{Shell, Tab};

/// How many requests a page lists.
const PAGE: usize = 25;

/// Which requests to show. Empty fields come from forms that were sent as they are.
#[derive(Deserialize, Default, Clone)]
pub struct Wanted {
    /// `open`, `past` or `all`.
    #[serde(default)]
    show: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    intent: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    before: String,
}

#[derive(Template)]
#[template(path = "pages/requests.html")]
struct RequestsPage {
    shell: Shell,
    wanted: Wanted,
    filtered: bool,
    rows: Vec<RequestRow>,
    older: Option<String>,
    intents: Vec<String>,
    people: Vec<String>,
    states: Vec<(&'static str, String)>,
}

/// One request in a list.
pub struct RequestRow {
    /// Its number.
    pub id: String,
    /// How it stands.
    pub badge: Badge,
    /// What was asked.
    pub command: String,
    /// Who asked: a person or a service.
    pub requester: String,
    /// The person who asked, for a link.
    pub person: Option<String>,
    /// Where, if in a channel.
    pub channel: Option<String>,
    /// When.
    pub asked: Moment,
    /// What it waits for.
    pub needs: Option<Needs>,
    /// Until when.
    pub deadline: Option<Moment>,
    /// Why it ended.
    pub why: Option<String>,
    /// Its latest run.
    pub run: Option<String>,
}

/// GET `/requests`.
pub async fn list(
    State(site): State<Site>,
    reader: Reader,
    Query(wanted): Query<Wanted>,
) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Requests).await?;
    let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
    let sight = Sight::of(&site, &reader);
    let found = sight.list(&site, wanted.filter()?, PAGE, |_| true).await?;
    let rows = found.requests.iter().map(|request| row(&site, &reader, &snapshot, request));
    let repo = &snapshot.repo;
    let page = RequestsPage {
        shell,
        filtered: !(wanted.by.is_empty() && wanted.intent.is_empty() && wanted.state.is_empty()),
        rows: rows.collect(),
        older: found.older.map(|id| wanted.query(&id.to_string())),
        intents: repo.intents.keys().map(ToString::to_string).collect(),
        people: repo.people.keys().map(ToString::to_string).collect(),
        states: wanted.states().into_iter().map(|state| (state.as_str(), words(state))).collect(),
        wanted,
    };
    Ok(show(&page))
}

fn words(state: RequestState) -> String {
    crate::domain::reply::run::state_words(state).to_owned()
}

/// Prepares a request for a list.
pub fn row(site: &Site, reader: &Reader, snapshot: &Snapshot, request: &Request) -> RequestRow {
    let now = site.clock.now();
    let me = &reader.who.person.id;
    let ends = match request.state {
        RequestState::NeedsApproval => request.collect_by,
        RequestState::Permitted | RequestState::Queued => request.execute_by,
        _ => None,
    };
    RequestRow {
        id: request.id.to_string(),
        badge: Badge::state(request.state),
        command: Ask::of(request).to_string(),
        requester: request.requester.to_string(),
        person: request.requester.person().map(ToString::to_string),
        channel: request.channel.as_ref().map(ToString::to_string),
        asked: Moment::new(request.asked, now),
        needs: needs(snapshot, request, me, Naming::Some, now),
        deadline: ends.map(|at| Moment::new(at, now)),
        why: request.ended.as_ref().map(|ending| ending.why.clone()),
        run: (request.attempts > 0).then(|| format!("{}.{}", request.id, request.attempts)),
    }
}

impl Wanted {
    fn is_past(&self) -> bool {
        self.show == "past"
    }

    fn is_all(&self) -> bool {
        self.show == "all"
    }

    fn is_open(&self) -> bool {
        !self.is_past() && !self.is_all()
    }

    /// Returns the states among which one may choose.
    fn states(&self) -> Vec<RequestState> {
        let chosen = |state: &RequestState| self.is_all() || state.is_final() == self.is_past();
        RequestState::ALL.into_iter().filter(chosen).collect()
    }

    fn filter(&self) -> Result<RequestFilter, WebError> {
        let mut states = self.states();
        if !self.state.is_empty() {
            states.retain(|state| state.as_str() == self.state);
        }
        if states.is_empty() {
            return Err(WebError::BadForm("there is no such state among these".to_owned()));
        }
        if states.len() == RequestState::ALL.len() {
            states.clear();
        }
        Ok(RequestFilter {
            states,
            requester: parse::<PersonId>(self.by.trim_start_matches('@'))?,
            intent: parse::<IntentName>(&self.intent)?,
            before: parse::<RequestId>(&self.before)?,
            ..RequestFilter::default()
        })
    }

    /// Returns the query of the page that begins before a request.
    fn query(&self, before: &str) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("show", &self.show)
            .append_pair("by", &self.by)
            .append_pair("intent", &self.intent)
            .append_pair("state", &self.state)
            .append_pair("before", before)
            .finish()
    }
}

/// Reads a field that may be empty.
pub fn parse<T: std::str::FromStr>(text: &str) -> Result<Option<T>, WebError>
where
    T::Err: std::fmt::Display,
{
    match text.trim() {
        "" => Ok(None),
        text => {
            text.parse().map(Some).map_err(|error: T::Err| WebError::BadForm(error.to_string()))
        }
    }
}
