//! Drift: what standing intents find, what became of it, and each difference side by side.
//! Whatever can be done about it is done on its card in chat; this page leads there.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp;

use super::super::Site;
use super::super::error::{WebError, show};
use super::super::look::{Badge, Moment, Tone, count};
use super::super::reader::Reader;
use super::super::shell::{Shell, Tab};
use super::super::side_by_side::SideBySide;
use super::super::words;
use crate::domain::drift::{Found, Incident, Watch};
use crate::domain::id::IncidentId;
use crate::domain::intent::OnDrift;
use crate::domain::invisible::marked;
use crate::domain::message::PostKey;
use crate::ports::store::IncidentFilter;

/// How many incidents that have ended are listed.
const ENDED: u32 = 50;

#[derive(Template)]
#[template(path = "pages/drift.html")]
struct DriftPage {
    shell: Shell,
    open: Vec<IncidentRow>,
    watches: Vec<WatchRow>,
    summary: String,
    ended: Vec<IncidentRow>,
}

struct IncidentRow {
    id: String,
    intent: String,
    target: String,
    badge: Badge,
    opened: Moment,
    what: String,
}

struct WatchRow {
    intent: String,
    target: String,
    badge: Badge,
    since: Moment,
    checked: Option<Moment>,
    why: Option<String>,
    incident: Option<String>,
}

/// GET `/drift`.
pub async fn list(State(site): State<Site>, reader: Reader) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Drift).await?;
    let (me, now) = (&reader.who.person.id, site.clock.now());
    let open = IncidentFilter { open: true, ..IncidentFilter::default() };
    let all = IncidentFilter { limit: ENDED, ..IncidentFilter::default() };
    let seen = |incident: &Incident| site.viewing.may_view_incident(me, incident);
    let open = site.store.incidents(&open).await?;
    let ended = site.store.incidents(&all).await?;
    let mut watches = site.store.watches().await?;
    watches.retain(|watch| site.viewing.may_view_intent(me, &watch.key.intent));
    let in_sync = watches.iter().filter(|watch| watch.found == Found::InSync).count();
    Ok(show(&DriftPage {
        shell,
        open: open.iter().filter(|one| seen(one)).map(|one| row(one, now)).collect(),
        ended: ended
            .iter()
            .filter(|one| one.closed.is_some() && seen(one))
            .map(|one| row(one, now))
            .collect(),
        summary: format!("{in_sync} of {} as declared", count(watches.len(), "place", "places")),
        watches: watches.iter().map(|watch| watch_row(watch, seen, now)).collect(),
    }))
}

fn row(incident: &Incident, now: Timestamp) -> IncidentRow {
    IncidentRow {
        id: incident.id.to_string(),
        intent: incident.key.intent.to_string(),
        target: incident.key.target.to_string(),
        badge: badge(incident, now),
        opened: Moment::new(incident.opened, now),
        what: what(incident),
    }
}

fn watch_row(watch: &Watch, seen: impl Fn(&Incident) -> bool, now: Timestamp) -> WatchRow {
    WatchRow {
        intent: watch.key.intent.to_string(),
        target: watch.key.target.to_string(),
        badge: found_badge(watch.found),
        since: Moment::new(watch.since, now),
        checked: watch.checked.map(|at| Moment::new(at, now)),
        why: watch.why.as_deref().map(words::sentence),
        // Its card may stand in a channel that the reader may not view.
        incident: watch.incident.as_ref().filter(|one| seen(one)).map(|one| one.id.to_string()),
    }
}

fn found_badge(found: Found) -> Badge {
    let tone = match found {
        Found::InSync => Tone::Yes,
        Found::Differs => Tone::Wait,
        Found::Unknown | Found::Denied => Tone::No,
        Found::Unchecked => Tone::Off,
    };
    Badge::new(tone, found.as_str())
}

fn badge(incident: &Incident, now: Timestamp) -> Badge {
    if incident.closed.is_some() {
        return Badge::new(Tone::Yes, "over");
    }
    if incident.repair.is_some() {
        return Badge::new(Tone::Go, "being repaired");
    }
    if incident.ignored.as_ref().is_some_and(|ignored| now < ignored.until) {
        return Badge::new(Tone::Off, "ignored");
    }
    found_badge(incident.found)
}

/// Says in a sentence what is to be known of an incident first.
fn what(incident: &Incident) -> String {
    if let Some(closed) = &incident.closed {
        return words::sentence(&closed.why);
    }
    if let Some(why) = &incident.why {
        return words::sentence(why);
    }
    match &incident.difference {
        Some(difference) => {
            let diff = SideBySide::of(&difference.text);
            if diff.is_empty() { "It differs.".to_owned() } else { format!("{}.", diff.counts()) }
        }
        None => String::new(),
    }
}

#[derive(Template)]
#[template(path = "pages/incident.html")]
struct IncidentPage {
    shell: Shell,
    row: IncidentRow,
    facts: Vec<(&'static str, String)>,
    repair: Option<String>,
    changed: Moment,
    closed: Option<Moment>,
    ignored: Option<(String, Moment, String)>,
    card: Option<String>,
    diff: SideBySide,
    plain: Option<String>,
    dropped: u64,
    concealed: bool,
}

/// GET `/drift/{id}`.
pub async fn incident(
    State(site): State<Site>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Drift).await?;
    let (me, now) = (&reader.who.person.id, site.clock.now());
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let found = site.store.incident(id).await?;
    let incident = found
        .filter(|incident| site.viewing.may_view_incident(me, incident))
        .ok_or(WebError::NotFound)?;
    let card = site.store.post(&PostKey(format!("drift:{id}"))).await?;
    let posted = card.and_then(|post| post.posted).map(|posted| posted.at);
    let card = posted.filter(|at| at.platform == site.platform);
    let difference = incident.difference.as_ref();
    let text = difference.map(|difference| difference.text.as_str()).unwrap_or_default();
    let diff = SideBySide::of(text).between("Live now", "As declared");
    Ok(show(&IncidentPage {
        shell,
        row: row(&incident, now),
        facts: facts(&incident),
        repair: incident.repair.as_ref().map(|repair| repair.request.to_string()),
        changed: Moment::new(incident.changed, now),
        closed: incident.closed.as_ref().map(|closed| Moment::new(closed.at, now)),
        ignored: incident.ignored.as_ref().map(|ignored| {
            let reason = ignored.reason.as_deref().map(marked).unwrap_or_default();
            (ignored.by.to_string(), Moment::new(ignored.until, now), reason)
        }),
        card: card.map(|at| format!("/m/{}/{}", at.channel, at.id)),
        plain: (diff.is_empty() && !text.is_empty()).then(|| marked(text)),
        diff,
        dropped: difference.map_or(0, |difference| difference.dropped),
        concealed: difference.is_some_and(|difference| difference.concealed),
    }))
}

fn facts(incident: &Incident) -> Vec<(&'static str, String)> {
    let answer = match incident.on_drift {
        OnDrift::Report => "it is told, and no more",
        OnDrift::Ask => "people are asked what to do",
        OnDrift::Auto => "Tribune asks for the repair itself",
    };
    let mut facts = vec![("What is done", answer.to_owned())];
    facts.extend(incident.held.iter().map(|held| ("But", words::sentence(held))));
    if !incident.failed.is_empty() {
        let failed = count(incident.failed.len(), "repair failed", "repairs failed");
        facts.push(("Within the hour", failed));
    }
    if incident.differences > 1 {
        facts.push(("Differences so far", incident.differences.to_string()));
    }
    facts.extend(incident.branch.iter().map(|branch| ("Prepared on branch", branch.clone())));
    facts
}
