//! The list of runs.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::requests::parse;
use super::sight::Sight;
use crate::domain::command::Ask;
use crate::domain::id::RunId;
use crate::domain::run::{Outcome, RunRecord};
use crate::ports::store::RunFilter;
use crate::web::Site;
use crate::web::error::{WebError, show};
use crate::web::look::{Badge, Moment, Tone, span};
use crate::web::reader::Reader;
use crate::web::shell::{Shell, Tab};

/// How many runs a page lists.
const PAGE: usize = 30;
/// How many runs are read at once, and how many times at most for one page.
const BATCH: u32 = 60;
const BATCHES: usize = 20;

/// Which runs to show.
#[derive(Deserialize, Default)]
pub struct Wanted {
    #[serde(default)]
    show: String,
    #[serde(default)]
    before: String,
}

#[derive(Template)]
#[template(path = "pages/runs.html")]
struct RunsPage {
    shell: Shell,
    open: bool,
    first: bool,
    rows: Vec<RunRow>,
    older: Option<String>,
}

/// One run in a list.
struct RunRow {
    id: String,
    request: String,
    badge: Badge,
    command: String,
    requester: String,
    person: Option<String>,
    started: Moment,
    took: Option<String>,
}

/// GET `/runs`.
pub async fn list(
    State(site): State<Site>,
    reader: Reader,
    Query(wanted): Query<Wanted>,
) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Runs).await?;
    let sight = Sight::of(&site, &reader);
    let open = wanted.show == "open";
    let before = parse::<RunId>(&wanted.before)?;
    let (rows, older) = find(&site, &sight, open, before).await?;
    let older = older.map(|run| run.to_string());
    Ok(show(&RunsPage { shell, open, first: before.is_none(), rows, older }))
}

/// Reads a page of runs that the reader may see, and where to go on.
async fn find(
    site: &Site,
    sight: &Sight<'_>,
    open: bool,
    before: Option<RunId>,
) -> Result<(Vec<RunRow>, Option<RunId>), WebError> {
    let mut filter = RunFilter { open, before, limit: BATCH };
    let mut rows = Vec::new();
    let mut last = before;
    for _ in 0..BATCHES {
        let batch = site.store.runs(&filter).await?;
        let whole = batch.len() == BATCH as usize;
        for run in batch {
            if rows.len() == PAGE {
                return Ok((rows, last));
            }
            last = Some(run.id);
            let Some(request) = site.store.request(run.id.request).await? else { continue };
            if !sight.sees(&request) {
                continue;
            }
            rows.push(RunRow {
                id: run.id.to_string(),
                request: request.id.to_string(),
                badge: outcome_badge(&run),
                command: Ask::of(&request).to_string(),
                requester: request.requester.to_string(),
                person: request.requester.person().map(ToString::to_string),
                started: Moment::new(run.started, site.clock.now()),
                took: took(&run),
            });
        }
        if !whole {
            return Ok((rows, None));
        }
        filter.before = last;
    }
    Ok((rows, last))
}

/// Returns how long a run took, once it has ended.
pub fn took(run: &RunRecord) -> Option<String> {
    let ended = run.ended?;
    let seconds = ended.as_second() - run.started.as_second();
    Some(if seconds < 1 { "under 1 s".to_owned() } else { span(seconds) })
}

/// Returns how a run ended, as a label.
pub fn outcome_badge(run: &RunRecord) -> Badge {
    match &run.outcome {
        None => Badge::new(Tone::Go, "running"),
        Some(Outcome::Succeeded) => Badge::new(Tone::Yes, "succeeded"),
        Some(Outcome::Differs) => Badge::new(Tone::Wait, "differs"),
        Some(Outcome::Failed { .. }) => Badge::new(Tone::No, "failed"),
        Some(Outcome::TimedOut) => Badge::new(Tone::No, "timed out"),
        Some(Outcome::Cancelled) => Badge::new(Tone::Off, "cancelled"),
        Some(Outcome::Interrupted) => Badge::new(Tone::No, "interrupted"),
    }
}
