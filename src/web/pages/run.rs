//! One run with its whole output: as it comes, and as a file to take along.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::runs::{outcome_badge, took};
use super::sight::{Sight, card_path};
use crate::domain::command::Ask;
use crate::domain::id::RunId;
use crate::domain::request::Request;
use crate::domain::run::{Outcome, RunRecord};
use crate::policy::Page;
use crate::web::Site;
use crate::web::error::{WebError, show};
use crate::web::look::{Badge, Moment};
use crate::web::reader::Reader;
use crate::web::shell::{Shell, Tab};

#[derive(Template)]
#[template(path = "pages/run.html")]
struct RunPage {
    shell: Shell,
    id: String,
    badge: Badge,
    command: String,
    request: String,
    intent: String,
    requester: String,
    person: Option<String>,
    started: Moment,
    ended: Option<Moment>,
    took: Option<String>,
    how: Option<String>,
    commands: Vec<String>,
    log: Log,
    card: Option<String>,
}

/// The output as a page shows it.
struct Log {
    head: String,
    tail: String,
    dropped: u64,
    /// Whether it was removed, as old as it was.
    forgotten: bool,
    /// How much of the head is there, in bytes; what follows comes as live events.
    to: usize,
    running: bool,
}

/// GET `/runs/{id}`.
pub async fn page(
    State(site): State<Site>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Runs).await?;
    let (request, run) = find(&site, &reader, &id).await?;
    let now = site.clock.now();
    let page = RunPage {
        shell,
        id: run.id.to_string(),
        badge: outcome_badge(&run),
        command: Ask::of(&request).to_string(),
        request: request.id.to_string(),
        intent: request.intent.to_string(),
        requester: request.requester.to_string(),
        person: request.requester.person().map(ToString::to_string),
        started: Moment::new(run.started, now),
        ended: run.ended.map(|at| Moment::new(at, now)),
        took: took(&run),
        how: how(&run),
        commands: run.commands.clone(),
        card: card_path(&site, &request).await?,
        log: Log {
            to: run.head.len(),
            running: run.ended.is_none(),
            head: run.head,
            tail: run.tail,
            dropped: run.dropped,
            forgotten: run.forgotten,
        },
    };
    Ok(show(&page))
}

/// GET `/runs/{id}/output`: the whole log as a text file.
pub async fn output(
    State(site): State<Site>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Response, WebError> {
    Shell::open(&site, &reader, Tab::Runs).await?;
    let (_, run) = find(&site, &reader, &id).await?;
    let name = format!("attachment; filename=\"{}.log\"", run.id);
    let mut text = run.head;
    if run.dropped > 0 {
        text.push_str(&format!("\n[… {} bytes were dropped here …]\n", run.dropped));
    }
    text.push_str(&run.tail);
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CONTENT_DISPOSITION, &name)];
    Ok((headers, text).into_response())
}

async fn find(site: &Site, reader: &Reader, id: &str) -> Result<(Request, RunRecord), WebError> {
    let id: RunId = id.parse().map_err(|_| WebError::NotFound)?;
    let request = Sight::of(site, reader).request(site, id.request).await?;
    let run = site.store.run(id).await?.ok_or(WebError::NotFound)?;
    Ok((request, run))
}

/// Says how a run failed.
fn how(run: &RunRecord) -> Option<String> {
    match run.outcome.as_ref()? {
        Outcome::Failed { how, target: Some(target) } => Some(format!("on {target}: {how}")),
        Outcome::Failed { how, target: None } => Some(how.to_string()),
        Outcome::Differs => Some("the world is not as declared".to_owned()),
        Outcome::TimedOut => Some("it took longer than its limit and was killed".to_owned()),
        Outcome::Interrupted => Some("Tribune stopped while it ran".to_owned()),
        Outcome::Succeeded | Outcome::Cancelled => None,
    }
}

/// Follows a run's output for one reader.
pub struct Following {
    id: RunId,
    sent: usize,
    tail: String,
    dropped: u64,
    over: bool,
}

impl Following {
    /// Begins after the first `sent` bytes of the head.
    pub fn new(id: RunId, sent: usize) -> Self {
        Self { id, sent, tail: String::new(), dropped: 0, over: false }
    }

    /// Returns what has come since, if anything; `view` is decided again.
    pub async fn news(&mut self, site: &Site, reader: &Reader) -> Result<Option<Value>, WebError> {
        if self.over {
            return Ok(None);
        }
        if !site.viewing.may_see(&reader.who.person.id, Page::Runs) {
            return Err(WebError::NotFound);
        }
        let (_, run) = find(site, reader, &self.id.to_string()).await?;
        let text = run.head.get(self.sent..).unwrap_or_default();
        let cut = run.dropped != self.dropped || run.tail != self.tail;
        self.over = run.ended.is_some();
        if text.is_empty() && !cut && !self.over {
            return Ok(None);
        }
        let news = json!({
            "from": self.sent,
            "to": run.head.len(),
            "text": text,
            "tail": cut.then_some(&run.tail),
            "dropped": run.dropped,
            "over": self.over,
        });
        self.sent = run.head.len();
        (self.tail, self.dropped) = (run.tail, run.dropped);
        Ok(Some(news))
    }
}
