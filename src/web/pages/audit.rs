//! The audit log: found by who, what, when and text, and verified when somebody asks.

use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::super::Site;
use super::super::error::{WebError, show};
use super::super::look::{Badge, Moment, Tone, exact};
use super::super::reader::{Posted, Reader};
use super::super::shell::{Shell, Tab};
use crate::domain::audit::{Event, Row};
use crate::domain::invisible::marked;
use crate::domain::person::Principal;
use crate::engine::verifying::{Progress, Verified};
use crate::ports::store::AuditFilter;

/// How many rows a page lists.
const PAGE: u32 = 50;
/// How long a form waits for a verification before the page says that it goes on.
const WAIT: Duration = Duration::from_secs(4);
/// Facts of a row that stand in its line; the rest unfolds.
const FACTS: usize = 4;
/// Characters of one such fact.
const FACT: usize = 90;

#[derive(Template)]
#[template(path = "pages/audit.html")]
struct AuditPage {
    shell: Shell,
    find: Find,
    kinds: Vec<(&'static str, Vec<&'static str>)>,
    spans: [(&'static str, &'static str); 5],
    wrong: Option<String>,
    rows: Vec<RowView>,
    older: Option<String>,
    verification: Verification,
}

/// One row.
struct RowView {
    seq: u64,
    at: Moment,
    event: &'static str,
    tone: &'static str,
    actor: String,
    person: Option<String>,
    request: Option<String>,
    revision: Option<(String, String)>,
    facts: Vec<(String, String)>,
    detail: String,
    hash: String,
}

/// What the section on verification shows.
struct Verification {
    badge: Option<Badge>,
    words: Vec<String>,
    running: Option<Moment>,
    last: Option<(String, Moment)>,
}

/// What to find.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Find {
    #[serde(default)]
    person: String,
    #[serde(default)]
    request: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    before: String,
}

/// What one can choose for `since`.
const SPANS: [(&str, &str); 5] =
    [("1h", "an hour"), ("24h", "a day"), ("7d", "a week"), ("30d", "30 days"), ("", "ever")];

impl Find {
    /// Returns the filter, or what of it makes no sense.
    fn filter(&self, now: Timestamp) -> Result<AuditFilter, String> {
        let person = self.person.trim().trim_start_matches('@');
        let request = self.request.trim();
        let text = self.text.trim();
        let kind = self.kind.as_str();
        let of_kind = |event: &&Event| {
            event.as_str() == kind || event.as_str().split('.').next() == Some(kind)
        };
        let events: Vec<Event> = Event::ALL.iter().filter(of_kind).copied().collect();
        if !kind.is_empty() && events.is_empty() {
            return Err(format!("there is no kind {kind:?} of row"));
        }
        let back = match self.since.as_str() {
            "1h" => Some(SignedDuration::from_hours(1)),
            "24h" => Some(SignedDuration::from_hours(24)),
            "7d" => Some(SignedDuration::from_hours(7 * 24)),
            "30d" => Some(SignedDuration::from_hours(30 * 24)),
            _ => None,
        };
        Ok(AuditFilter {
            after: 0,
            before: given(self.before.trim(), "the number of a row")?.unwrap_or_default(),
            request: given(request, "a request such as r42")?,
            person: given(person, "the name of a person such as ada")?,
            since: back.map(|back| now - back),
            events,
            text: (!text.is_empty()).then(|| text.to_owned()),
            limit: PAGE,
        })
    }

    fn is_any(&self) -> bool {
        [&self.person, &self.request, &self.kind, &self.since, &self.text]
            .iter()
            .all(|value| value.trim().is_empty())
    }

    fn query(&self, before: u64) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let all = [
            ("person", &self.person),
            ("request", &self.request),
            ("kind", &self.kind),
            ("since", &self.since),
            ("text", &self.text),
        ];
        for (key, value) in all.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(key, value);
        }
        query.append_pair("before", &before.to_string()).finish()
    }
}

/// Reads a field of the form that may be empty.
fn given<T: std::str::FromStr>(text: &str, wanted: &str) -> Result<Option<T>, String> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("{text:?} is not {wanted}")),
    }
}

/// GET `/audit`.
pub async fn list(
    State(site): State<Site>,
    reader: Reader,
    Query(find): Query<Find>,
) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Audit).await?;
    let now = site.clock.now();
    let (reading, wrong) = match find.filter(now) {
        Ok(filter) => (site.log().read(&reader.who.person.id, &filter).await?, None),
        Err(wrong) => (Default::default(), Some(wrong)),
    };
    Ok(show(&AuditPage {
        shell,
        kinds: kinds(),
        spans: SPANS,
        wrong,
        rows: reading.rows.iter().map(|row| view(row, now)).collect(),
        older: reading.next.map(|before| find.query(before)),
        verification: verification(&site.verifying.progress(), now),
        find,
    }))
}

/// A form that asks for a verification; it says nothing more.
#[derive(Deserialize)]
pub struct Verify {}

/// POST `/audit/verify`: begins a verification and waits for it a moment.
pub async fn verify(
    State(site): State<Site>,
    posted: Posted<Verify>,
) -> Result<Redirect, WebError> {
    Shell::open(&site, &posted.reader, Tab::Audit).await?;
    site.verifying.begin(&posted.reader.who.person.id);
    // One that takes longer goes on; the page says so.
    let _in_time = tokio::time::timeout(WAIT, site.verifying.settled()).await;
    Ok(Redirect::to("/audit#verification"))
}

/// Returns all kinds of rows by what they are about.
fn kinds() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
    for event in Event::ALL {
        let name = event.as_str();
        let noun = name.split('.').next().unwrap_or(name);
        match kinds.iter_mut().find(|(known, _)| *known == noun) {
            Some((_, names)) => names.push(name),
            None => kinds.push((noun, vec![name])),
        }
    }
    kinds
}

fn view(row: &Row, now: Timestamp) -> RowView {
    let entry = &row.entry;
    let person = entry.actor.as_ref().and_then(Principal::person);
    let facts = match &entry.detail {
        serde_json::Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null() && !value.is_object())
            .map(|(key, value)| (key.replace('_', " "), short(value)))
            .filter(|(_, value)| !value.is_empty())
            .take(FACTS)
            .collect(),
        _ => Vec::new(),
    };
    RowView {
        seq: row.seq,
        at: Moment::new(entry.at, now),
        event: entry.event.as_str(),
        tone: tone(entry.event.as_str()).class(),
        actor: entry.actor.as_ref().map_or_else(|| "Tribune".to_owned(), ToString::to_string),
        person: person.map(ToString::to_string),
        request: entry.request.map(|request| request.to_string()),
        revision: entry
            .revision
            .as_ref()
            .map(|revision| (revision.to_string(), revision.short().to_owned())),
        facts,
        detail: marked(&serde_json::to_string_pretty(&entry.detail).unwrap_or_default()),
        hash: row.hash.to_string(),
    }
}

/// Returns one value of a detail in few words.
fn short(value: &serde_json::Value) -> String {
    let is_hash =
        |text: &str| text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let text = match value {
        serde_json::Value::String(text) if is_hash(text) => text[..10].to_owned(),
        serde_json::Value::String(text) => marked(text),
        serde_json::Value::Array(values) if values.iter().all(serde_json::Value::is_string) => {
            let texts: Vec<&str> = values.iter().filter_map(serde_json::Value::as_str).collect();
            marked(&texts.join(", "))
        }
        serde_json::Value::Array(_) => String::new(),
        other => other.to_string(),
    };
    match text.chars().count() {
        ..=FACT => text,
        _ => text.chars().take(FACT).chain(['…']).collect(),
    }
}

/// Returns the tone of a kind of row, by its verb.
fn tone(event: &str) -> Tone {
    match event.split('.').next_back().unwrap_or_default() {
        "denied" | "refused" | "veto" => Tone::No,
        "approve" | "applied" | "accepted" => Tone::Yes,
        "start" | "made" => Tone::Go,
        "decided" | "changed" | "withdraw" => Tone::Wait,
        _ => Tone::Off,
    }
}

fn verification(progress: &Progress, now: Timestamp) -> Verification {
    let last = progress.last.as_deref();
    Verification {
        badge: last.map(|last| match &last.result {
            Ok(report) if report.is_fine() => Badge::new(Tone::Yes, "whole"),
            Ok(_) => Badge::new(Tone::No, "not whole"),
            Err(_) => Badge::new(Tone::Wait, "not verified"),
        }),
        words: last.map(said).unwrap_or_default(),
        running: progress.running.as_ref().map(|(since, _)| Moment::new(*since, now)),
        last: last.map(|last| (last.by.to_string(), Moment::new(last.ended, now))),
    }
}

/// Says what a verification found, a sentence each.
fn said(verified: &Verified) -> Vec<String> {
    let report = match &verified.result {
        Ok(report) => report,
        Err(error) => return vec![error.to_string()],
    };
    let mut words: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    match &report.head {
        Some(head) if report.is_fine() => words.push(format!(
            "No row was changed, removed or reordered: {} rows, and the last one's hash is {}.",
            head.count, head.hash
        )),
        Some(head) => words.push(format!("The last row is {}.", head.seq)),
        None => words.push("There are no rows.".to_owned()),
    }
    if report.compared > 0 {
        words.push(format!("The audit file agrees on {} rows.", report.compared));
    }
    words.push(match &report.last_checkpoint {
        Some(last) => format!(
            "{} {}; the last is over row {}, of {}.",
            report.checkpoints,
            if report.checkpoints == 1 {
                "signed checkpoint agrees"
            } else {
                "signed checkpoints agree"
            },
            last.head.seq,
            exact(last.at)
        ),
        None => "No signed checkpoint was there to compare with.".to_owned(),
    });
    words.extend(report.notes.iter().cloned());
    words
}
