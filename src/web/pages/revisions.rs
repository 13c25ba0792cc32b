//! Revisions of the policy repo: where the source stands, and what became of each and why.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Redirect, Response};
use jiff::Timestamp;
use serde::Deserialize;

use super::super::Site;
use super::super::error::{WebError, show};
use super::super::look::{Badge, Moment, Tone, count};
use super::super::reader::Reader;
use super::super::shell::{Shell, Tab};
use super::super::side_by_side::SideBySide;
use super::super::words;
use crate::domain::diagnostic::{Diagnostic, Severity};
use crate::domain::id::Revision;
use crate::domain::invisible::marked;
use crate::ports::revision::{Fate, RevisionFilter, RevisionRecord};
use crate::ports::store::{SourceState, TroubleKind};

/// How many records a page lists.
const PAGE: u32 = 30;
/// Lines of words that a list shows of each.
const WORDS: usize = 3;

#[derive(Template)]
#[template(path = "pages/revisions.html")]
struct RevisionsPage {
    shell: Shell,
    standing: Vec<Standing>,
    unreachable: Option<String>,
    trouble: Option<TroubleView>,
    records: Vec<RecordRow>,
    older: Option<u64>,
    first: bool,
}

/// Where the source stands in one respect.
struct Standing {
    name: &'static str,
    what: &'static str,
    revision: Option<(String, String)>,
    at: Option<Moment>,
}

/// Why what was tried last is not applied.
struct TroubleView {
    short: String,
    summary: String,
    since: Moment,
    problems: Vec<Problem>,
    way_out: &'static str,
}

/// One diagnostic.
struct Problem {
    badge: Badge,
    place: String,
    code: String,
    message: String,
    hint: Option<String>,
}

struct RecordRow {
    seq: u64,
    short: String,
    subject: String,
    author: String,
    badge: Badge,
    at: Moment,
    pull: Option<String>,
    words: Vec<String>,
    more: usize,
    why: Option<String>,
}

/// Which part to list.
#[derive(Deserialize)]
pub struct Part {
    #[serde(default)]
    before: u64,
}

/// GET `/revisions`.
pub async fn list(
    State(site): State<Site>,
    reader: Reader,
    Query(part): Query<Part>,
) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Revisions).await?;
    let now = site.clock.now();
    let state = site.store.source().await?;
    let filter = RevisionFilter { before: part.before, limit: PAGE, ..RevisionFilter::default() };
    let records = site.store.revisions(&filter).await?;
    let full = records.len() >= PAGE as usize;
    let older = records.last().filter(|last| full && last.seq > 1).map(|last| last.seq);
    Ok(show(&RevisionsPage {
        shell,
        standing: standing(&state, now),
        unreachable: state.unreachable.clone(),
        trouble: state.trouble.as_ref().map(|trouble| TroubleView {
            short: trouble.revision.short().to_owned(),
            summary: words::sentence(&trouble.summary),
            since: Moment::new(trouble.since, now),
            problems: problems(&trouble.diagnostics),
            way_out: way_out(trouble.kind),
        }),
        records: records.iter().map(|record| row(record, now)).collect(),
        older,
        first: part.before == 0,
    }))
}

fn standing(state: &SourceState, now: Timestamp) -> Vec<Standing> {
    let named = |revision: &Option<Revision>| {
        revision.as_ref().map(|revision| (revision.to_string(), revision.short().to_owned()))
    };
    let at = |at: Option<Timestamp>| at.map(|at| Moment::new(at, now));
    vec![
        Standing {
            name: "Applied",
            what: "decides now",
            revision: named(&state.applied),
            at: at(state.applied_at),
        },
        Standing {
            name: "Attempted",
            what: "was tried last",
            revision: named(&state.attempted),
            at: None,
        },
        Standing {
            name: "Observed",
            what: "is the head of the branch",
            revision: named(&state.observed),
            at: at(state.fetched_at),
        },
    ]
}

fn way_out(kind: TroubleKind) -> &'static str {
    match kind {
        TroubleKind::Bad | TroubleKind::Unreadable => "Push a commit that mends it.",
        TroubleKind::Trust => {
            "Whatever descends from it is held too. On the host: tribune source accept REVISION."
        }
        TroubleKind::Delta => {
            "Two admins who wrote none of it let it pass with ✅ under its message in chat."
        }
        TroubleKind::Diverged => {
            "Push the old history again, or on the host: tribune source rearm REVISION."
        }
    }
}

fn problems(diagnostics: &[Diagnostic]) -> Vec<Problem> {
    let problem = |one: &Diagnostic| Problem {
        badge: match one.severity {
            Severity::Error => Badge::new(Tone::No, "error"),
            Severity::Warning => Badge::new(Tone::Wait, "warning"),
        },
        place: one.place.to_string(),
        code: one.code.to_string(),
        message: words::ticked(&one.message),
        hint: one.hint.as_deref().map(words::ticked),
    };
    diagnostics.iter().map(problem).collect()
}

fn badge(fate: &Fate) -> Badge {
    match fate {
        Fate::Applied => Badge::new(Tone::Yes, "applied"),
        Fate::Held { kind: TroubleKind::Delta | TroubleKind::Trust, .. } => {
            Badge::new(Tone::Wait, "held")
        }
        Fate::Held {
            kind: TroubleKind::Bad | TroubleKind::Diverged | TroubleKind::Unreadable,
            ..
        } => Badge::new(Tone::No, "refused"),
        Fate::LetPass { .. } => Badge::new(Tone::Go, "let pass"),
    }
}

/// Says why it is held, or who let it pass and why.
fn why(fate: &Fate) -> Option<String> {
    match fate {
        Fate::Applied => None,
        Fate::Held { summary, .. } => Some(words::sentence(summary)),
        Fate::LetPass { by, reason } => Some(format!("{by}: {}", marked(reason))),
    }
}

fn row(record: &RevisionRecord, now: Timestamp) -> RecordRow {
    let words = words::lines(&record.words);
    RecordRow {
        seq: record.seq,
        short: record.revision.short().to_owned(),
        subject: marked(&record.subject),
        author: marked(&record.author),
        badge: badge(&record.fate),
        at: Moment::new(record.at, now),
        pull: record.pull.as_ref().map(ToString::to_string),
        more: words.len().saturating_sub(WORDS),
        words: words.into_iter().take(WORDS).collect(),
        why: why(&record.fate),
    }
}

#[derive(Template)]
#[template(path = "pages/revision.html")]
struct RevisionPage {
    shell: Shell,
    row: RecordRow,
    revision: String,
    before: Option<(String, String)>,
    committed: Moment,
    words: Vec<String>,
    is_applied: bool,
    problems: Vec<Problem>,
    diff: SideBySide,
    cut: Option<String>,
}

/// GET `/revisions/{seq}`.
pub async fn show_one(
    State(site): State<Site>,
    reader: Reader,
    Path(seq): Path<u64>,
) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Revisions).await?;
    let now = site.clock.now();
    let record = site.store.revision(seq).await?.ok_or(WebError::NotFound)?;
    let before = record.before.as_ref();
    Ok(show(&RevisionPage {
        shell,
        revision: record.revision.to_string(),
        before: before.map(|before| (before.to_string(), before.short().to_owned())),
        committed: Moment::new(record.committed, now),
        words: words::lines(&record.words),
        is_applied: record.fate == Fate::Applied,
        problems: problems(&record.diagnostics),
        diff: SideBySide::of(&record.diff),
        cut: (record.diff_cut > 0).then(|| {
            let more = usize::try_from(record.diff_cut).unwrap_or(usize::MAX);
            count(more, "more character of the diff was", "more characters of the diff were")
        }),
        row: row(&record, now),
    }))
}

/// GET `/revisions/at/{revision}`: goes to what became of a revision last.
pub async fn by_name(
    State(site): State<Site>,
    reader: Reader,
    Path(revision): Path<Revision>,
) -> Result<Redirect, WebError> {
    Shell::open(&site, &reader, Tab::Revisions).await?;
    let filter = RevisionFilter { revision: Some(revision), limit: 1, ..RevisionFilter::default() };
    let found = site.store.revisions(&filter).await?;
    let record = found.first().ok_or(WebError::NotFound)?;
    Ok(Redirect::to(&format!("/revisions/{}", record.seq)))
}
