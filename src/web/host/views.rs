//! Looking: nothing here changes anything, and nothing is audited.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, Query, State};

use super::{Host, HostError};
use crate::domain::body::{Block, Body, Span};
use crate::domain::command::Ask;
use crate::domain::id::{PersonId, RequestId, RunId};
use crate::domain::reply::card;
use crate::domain::request::{Request, State as RequestState};
use crate::engine::Engine;
use crate::engine::status::next_step;
use crate::engine::tuning::SettingsRead;
use crate::ports::store::RequestFilter;
use crate::web::host_api::{
    BanList, Kept, Planned, RequestDetail, RequestLine, RequestQuery, SourceStatus, Status,
};

/// How many requests are listed where nothing is said.
const LISTED: u32 = 50;

/// GET status.
pub async fn status(State(host): State<Host>) -> Result<Json<Status>, HostError> {
    let engine = &host.engine;
    let store = &engine.ports().store;
    let signed_in: BTreeSet<PersonId> =
        store.sessions().await?.into_iter().map(|session| session.person).collect();
    let open = RequestFilter { states: open_states(), ..RequestFilter::default() };
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: engine.started(),
        console: engine.options().console_url.clone(),
        source: source_status(engine).await?,
        open: store.requests(&open).await?.iter().map(line).collect(),
        running: store.runs_open().await?.into_iter().map(|run| run.id).collect(),
        signed_in: signed_in.into_iter().collect(),
        pauses: engine.pauses().await?,
        bans: engine.binding_bans().await?,
        schedules: engine.planned().await?.into_iter().map(planned).collect(),
        audit_seq: store.audit_head().await?.map_or(0, |row| row.seq),
        sandbox: engine.options().sandbox.clone(),
        kept: Kept {
            retention: engine.tuning().retention,
            stock: store.stock().await?,
            swept: store.swept().await?,
        },
        settings: engine.settings_read().map(|read| SettingsRead::clone(&read)),
        warnings: engine.warnings(),
        loops: engine.report().await?.loops,
    }))
}

/// GET bans.
pub async fn bans(State(host): State<Host>) -> Result<Json<BanList>, HostError> {
    let now = host.engine.now();
    let snapshot = host.engine.applied();
    let bans = snapshot.iter().flat_map(|snapshot| snapshot.repo.bans.iter());
    let bans = bans.filter(|ban| ban.is_live(now)).cloned().collect();
    Ok(Json(BanList { bans, provisional: host.engine.binding_bans().await? }))
}

fn planned(planned: crate::engine::schedules::Planned) -> Planned {
    let last = planned.mark.and_then(|mark| mark.last);
    Planned { intent: planned.intent, rule: planned.rule, next: planned.next, last }
}

/// GET source.
pub async fn source(State(host): State<Host>) -> Result<Json<SourceStatus>, HostError> {
    Ok(Json(source_status(&host.engine).await?))
}

/// Returns where the source stands.
pub async fn source_status(engine: &Engine) -> Result<SourceStatus, HostError> {
    let state = engine.ports().store.source().await?;
    let hint = next_step(&state);
    Ok(SourceStatus {
        url: engine.options().source_url.clone(),
        branch: engine.options().source_branch.clone(),
        state,
        hint,
    })
}

/// GET requests.
pub async fn requests(
    State(host): State<Host>,
    Query(query): Query<RequestQuery>,
) -> Result<Json<Vec<RequestLine>>, HostError> {
    let filter = RequestFilter {
        states: if query.open { open_states() } else { Vec::new() },
        requester: query.requester,
        limit: if query.limit == 0 { LISTED } else { query.limit },
        ..RequestFilter::default()
    };
    let found = host.engine.ports().store.requests(&filter).await?;
    Ok(Json(found.iter().map(line).collect()))
}

/// GET one request.
pub async fn request(
    State(host): State<Host>,
    Path(id): Path<String>,
) -> Result<Json<RequestDetail>, HostError> {
    let id: RequestId = id.parse().map_err(HostError::refused)?;
    let store = &host.engine.ports().store;
    let found = store.request(id).await?;
    let request = found.ok_or_else(|| HostError::NotFound(format!("there is no request {id}")))?;
    let mut runs = Vec::new();
    for attempt in 1..=request.attempts {
        runs.extend(store.run(RunId { request: id, attempt }).await?);
    }
    let post = store.post(&card::key(id, request.card)).await?;
    Ok(Json(RequestDetail {
        command: Ask::of(&request).to_string(),
        why: post.map(|post| standing(&post.post.body)).unwrap_or_default(),
        request,
        runs,
    }))
}

/// Returns what a card says below its rule, one plain line each.
fn standing(card: &Body) -> Vec<String> {
    let below = card.0.iter().skip_while(|block| **block != Block::Rule).skip(1);
    below
        .flat_map(|block| match block {
            Block::Line(spans) => vec![plain(spans)],
            Block::List(items) => items.iter().map(|item| plain(item)).collect(),
            Block::Code { text, .. } => text.lines().map(str::to_owned).collect(),
            Block::Rule => Vec::new(),
        })
        .collect()
}

fn plain(spans: &[Span]) -> String {
    spans
        .iter()
        .map(|span| match span {
            Span::Text(text) | Span::Strong(text) | Span::Code(text) => text.clone(),
            Span::Person(person) | Span::Mention(person) => format!("@{person}"),
            Span::Account(account) => format!("@{}", account.id),
            Span::Post { text, .. } | Span::Link { text, .. } => text.clone(),
        })
        .collect()
}

fn line(request: &Request) -> RequestLine {
    RequestLine {
        id: request.id,
        state: request.state,
        requester: request.requester.clone(),
        intent: request.intent.clone(),
        targets: request.targets.iter().cloned().collect(),
        command: Ask::of(request).to_string(),
        asked: request.asked,
    }
}

fn open_states() -> Vec<RequestState> {
    vec![
        RequestState::Requested,
        RequestState::NeedsApproval,
        RequestState::Permitted,
        RequestState::Queued,
        RequestState::Running,
    ]
}
