//! The list of intents.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::domain::id::ChannelName;
use crate::domain::intent::{Category, Intent};
use crate::domain::reply;
use crate::engine::sessions::SessionError;
use crate::web::Site;
use crate::web::error::{WebError, show};
use crate::web::look::Badge;
use crate::web::place;
use crate::web::reader::Reader;
use crate::web::shell::{Shell, Tab};

/// How many intents a page lists.
const PAGE: usize = 50;

/// Which intents to show.
#[derive(Deserialize, Default)]
pub struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "pages/intents.html")]
struct IntentsPage {
    shell: Shell,
    wanted: Wanted,
    rows: Vec<IntentRow>,
    next: Option<String>,
}

/// One intent in a list.
struct IntentRow {
    name: String,
    summary: String,
    category: Badge,
    risk: u8,
    targets: Vec<String>,
    evidence: String,
    able: bool,
}

/// GET `/intents`.
pub async fn list(
    State(site): State<Site>,
    reader: Reader,
    Query(wanted): Query<Wanted>,
) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Intents).await?;
    let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
    let me = &reader.who.person.id;
    let channels: Vec<Option<ChannelName>> =
        place::places(&site, &reader).into_iter().map(|place| place.channel).collect();
    let fits = |intent: &&Intent| {
        wanted.fits(intent)
            && intent.name.as_str() > wanted.after.as_str()
            && site.viewing.may_view_intent(me, &intent.name)
    };
    let mut found = snapshot.repo.intents.values().filter(fits);
    let rows: Vec<IntentRow> = found
        .by_ref()
        .take(PAGE)
        .map(|intent| {
            let may_ask =
                |place: &Option<ChannelName>| site.viewing.may_ask_for(me, place.as_ref(), intent);
            row(intent, channels.iter().any(may_ask))
        })
        .collect();
    let more = found.next().is_some();
    let next = rows.last().filter(|_| more).map(|last| last.name.clone());
    Ok(show(&IntentsPage { shell, rows, next, wanted }))
}

fn row(intent: &Intent, able: bool) -> IntentRow {
    IntentRow {
        name: intent.name.to_string(),
        summary: intent.summary.clone(),
        category: Badge::category(intent.category),
        risk: intent.risk,
        targets: intent.targets.clone(),
        evidence: evidence(intent),
        able,
    }
}

/// Says what evidence an intent takes.
pub fn evidence(intent: &Intent) -> String {
    let approvals = intent.approval.as_ref().map(|rule| reply::slots(&rule.slots));
    let citation = intent.cite.as_ref().map(|_| match &intent.label {
        Some(label) => format!("a pull request labelled {label}"),
        None => "a pull request".to_owned(),
    });
    match (approvals, citation) {
        (Some(approvals), Some(citation)) => format!("{approvals}, or {citation}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "none".to_owned(),
    }
}

impl Wanted {
    fn fits(&self, intent: &Intent) -> bool {
        let asked = self.q.trim().to_lowercase();
        let words = format!("{} {}", intent.name, intent.summary).to_lowercase();
        (self.category.is_empty() || intent.category.as_str() == self.category)
            && asked.split_whitespace().all(|word| words.contains(word))
    }

    /// Returns the categories that one may choose, with whether it is chosen.
    fn categories(&self) -> [(&'static str, bool); 3] {
        Category::ALL.map(|one| (one.as_str(), one.as_str() == self.category))
    }
}
