//! One request: what it needs and who could give it, how it was decided, its votes and runs.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::needs::{Naming, Needs, needs};
use super::said::{self, Line};
use super::sight::{Sight, card_path};
use crate::domain::command::Ask;
use crate::domain::evidence::Means;
use crate::domain::id::RunId;
use crate::domain::reply::card;
use crate::domain::request::{Mode, Request, State as RequestState};
use crate::engine::sessions::SessionError;
use crate::policy::Page;
use crate::ports::store::AuditFilter;
use crate::web::Site;
use crate::web::error::{WebError, show};
use crate::web::look::{Badge, Moment, Tone};
use crate::web::pages::runs::outcome_badge;
use crate::web::reader::Reader;
use crate::web::shell::{Shell, Tab};

/// How many targets are listed; the others are counted.
const TARGETS: usize = 60;
/// How many audit rows are listed.
const ROWS: u32 = 40;

#[derive(Template)]
#[template(path = "pages/request.html")]
struct RequestPage {
    shell: Shell,
    row: Head,
    said: Vec<Line>,
    votes: Vec<VoteRow>,
    runs: Vec<RunRow>,
    history: Vec<HistoryRow>,
    facts: Facts,
    card: Option<String>,
    again: String,
}

/// What the request is and needs.
struct Head {
    id: String,
    badge: Badge,
    tone: Tone,
    command: String,
    needs: Option<Needs>,
    why: Option<String>,
    deadline: Option<Moment>,
}

struct VoteRow {
    person: String,
    means: &'static str,
    at: Moment,
    reason: Option<String>,
}

struct RunRow {
    id: String,
    badge: Badge,
    started: Moment,
}

struct HistoryRow {
    event: &'static str,
    actor: String,
    at: Moment,
}

struct Facts {
    requester: String,
    person: Option<String>,
    via: &'static str,
    channel: Option<String>,
    asked: Moment,
    check: bool,
    intent: String,
    targets: Vec<String>,
    more_targets: usize,
    args: Vec<(String, String)>,
    cites: Option<String>,
    digest: String,
    card: u32,
    permitted: Option<Moment>,
    ended_by: Option<String>,
    ended: Option<Moment>,
}

/// GET `/requests/{id}`.
pub async fn page(
    State(site): State<Site>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Requests).await?;
    let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
    let sight = Sight::of(&site, &reader);
    let request = sight.request(&site, id.parse().map_err(|_| WebError::NotFound)?).await?;
    let now = site.clock.now();
    let post = site.store.post(&card::key(request.id, request.card)).await?;
    let me = &reader.who.person.id;
    let ends = match request.state {
        RequestState::NeedsApproval => request.collect_by,
        RequestState::Permitted | RequestState::Queued => request.execute_by,
        _ => None,
    };
    let page = RequestPage {
        row: Head {
            id: request.id.to_string(),
            badge: Badge::state(request.state),
            tone: Tone::of(request.state),
            command: Ask::of(&request).to_string(),
            needs: needs(&snapshot, &request, me, Naming::All, now),
            why: request.ended.as_ref().map(|ending| ending.why.clone()),
            deadline: ends.map(|at| Moment::new(at, now)),
        },
        said: post.map(|post| said::below_the_rule(&post.post.body)).unwrap_or_default(),
        votes: votes(&site, &request),
        runs: runs(&site, &request).await?,
        history: history(&site, &reader, &request).await?,
        facts: facts(&site, &request),
        card: card_path(&site, &request).await?,
        again: super::intent::address(&Ask::of(&request)),
        shell,
    };
    Ok(show(&page))
}

fn votes(site: &Site, request: &Request) -> Vec<VoteRow> {
    let now = site.clock.now();
    let row = |vote: &crate::domain::evidence::Vote| VoteRow {
        person: vote.person.to_string(),
        means: match vote.means {
            Means::Reaction => "by reaction",
            Means::Typed => "typed",
        },
        at: Moment::new(vote.at, now),
        reason: vote.reason.clone(),
    };
    request.votes.iter().map(row).collect()
}

async fn runs(site: &Site, request: &Request) -> Result<Vec<RunRow>, WebError> {
    let now = site.clock.now();
    let mut rows = Vec::new();
    for attempt in (1..=request.attempts).rev() {
        let run = site.store.run(RunId { request: request.id, attempt }).await?;
        rows.extend(run.map(|run| RunRow {
            id: run.id.to_string(),
            badge: outcome_badge(&run),
            started: Moment::new(run.started, now),
        }));
    }
    Ok(rows)
}

/// Returns what the audit log says of the request, newest last, if the reader may see that log.
async fn history(
    site: &Site,
    reader: &Reader,
    request: &Request,
) -> Result<Vec<HistoryRow>, WebError> {
    if !site.viewing.may_see(&reader.who.person.id, Page::Audit) {
        return Ok(Vec::new());
    }
    let filter = AuditFilter { request: Some(request.id), limit: ROWS, ..AuditFilter::default() };
    let now = site.clock.now();
    let rows = site.store.audit(&filter).await?;
    Ok(rows
        .into_iter()
        .map(|row| HistoryRow {
            event: row.entry.event.as_str(),
            actor: row.entry.actor.map_or_else(|| "Tribune".to_owned(), |actor| actor.to_string()),
            at: Moment::new(row.entry.at, now),
        })
        .collect())
}

fn facts(site: &Site, request: &Request) -> Facts {
    let now = site.clock.now();
    let moment = |at| Moment::new(at, now);
    let ending = request.ended.as_ref();
    Facts {
        requester: request.requester.to_string(),
        person: request.requester.person().map(ToString::to_string),
        via: request.via.as_str(),
        channel: request.channel.as_ref().map(ToString::to_string),
        asked: moment(request.asked),
        check: request.mode == Mode::Check,
        intent: request.intent.to_string(),
        targets: request.targets.iter().take(TARGETS).map(ToString::to_string).collect(),
        more_targets: request.targets.len().saturating_sub(TARGETS),
        args: request
            .args
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        cites: request.cites.as_ref().map(ToString::to_string),
        digest: request.digest.to_string(),
        card: request.card,
        permitted: request.permitted.map(moment),
        ended_by: ending.and_then(|ending| ending.by.as_ref()).map(ToString::to_string),
        ended: ending.map(|ending| moment(ending.at)),
    }
}
