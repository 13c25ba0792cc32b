//! One intent: what it is, and a form that makes its command and posts it as the signed-in person,
//! through the same intake as if they had typed it.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

pub use super::form::address;
use super::form::{Field, Fields};
use super::intents::evidence;
use super::requests::{RequestRow, row};
use super::sight::Sight;
use crate::domain::duration;
use crate::domain::id::IntentName;
use crate::domain::intent::Intent;
use crate::domain::repo::PolicyRepo;
use crate::engine::sessions::SessionError;
use crate::policy::Viewed;
use crate::ports::store::RequestFilter;
use crate::web::Site;
use crate::web::error::{WebError, show};
use crate::web::look::Badge;
use crate::web::place;
use crate::web::reader::{Posted, Reader};
use crate::web::shell::{Shell, Tab, deny};

/// How many hosts of a group are offered one by one.
const HOSTS: usize = 40;
/// How many latest requests are shown.
const LATEST: usize = 5;

#[derive(Template)]
#[template(path = "pages/intent.html")]
struct IntentPage {
    shell: Shell,
    name: String,
    summary: String,
    category: Badge,
    facts: Vec<(&'static str, String)>,
    can_check: bool,
    check: bool,
    fields: Vec<Field>,
    targets: Vec<TargetChoice>,
    more: String,
    /// Whether hosts may be named that are not offered one by one.
    single: bool,
    places: Vec<PlaceChoice>,
    able: bool,
    takes_pull: bool,
    pull: String,
    line: String,
    whole: bool,
    problems: Vec<String>,
    rows: Vec<RequestRow>,
    nonce: String,
}

/// A target that may be named.
struct TargetChoice {
    name: String,
    chosen: bool,
    environments: Vec<String>,
    /// The hosts of a group, with whether they are chosen.
    hosts: Vec<(String, bool)>,
    /// How many hosts it has altogether.
    count: usize,
    /// Whether its hosts are shown.
    open: bool,
}

/// A place to post in.
struct PlaceChoice {
    slug: String,
    title: String,
    able: bool,
    chosen: bool,
}

/// GET `/intents/{name}`: the form, with what the query says filled in.
pub async fn page(
    State(site): State<Site>,
    reader: Reader,
    Path(name): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let touched = pairs.iter().any(|(name, _)| name == "on" || name.starts_with("arg."));
    let page = prepare(&site, &reader, &name, Fields::read(&pairs), touched).await?;
    Ok(show(&page))
}

/// POST `/intents/{name}`: posts the command in the chosen place.
pub async fn ask(
    State(site): State<Site>,
    Path(name): Path<String>,
    posted: Posted<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    let Posted { reader, form } = posted;
    let fields = Fields::read(&form);
    let page = prepare(&site, &reader, &name, fields.clone(), true).await?;
    let Some(slug) = fields.place.filter(|_| page.problems.is_empty()) else {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, show(&page)).into_response());
    };
    let place = place::find(&site, &reader, &slug).await?;
    let nonce = form.iter().find(|(name, _)| name == "nonce").map(|(_, value)| value.as_str());
    let nonce = nonce.unwrap_or(&page.nonce);
    let account = &reader.who.account;
    let at = site.board.write(account, &place.id, None, &page.line, nonce).await?;
    Ok(Redirect::to(&format!("{}#m-{}", place.path(), at.id)).into_response())
}

async fn prepare(
    site: &Site,
    reader: &Reader,
    name: &str,
    fields: Fields,
    touched: bool,
) -> Result<IntentPage, WebError> {
    let shell = Shell::open(site, reader, Tab::Intents).await?;
    let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
    let repo = &snapshot.repo;
    let name: IntentName = name.parse().map_err(|_| WebError::NotFound)?;
    let intent = repo.intents.get(&name).ok_or(WebError::NotFound)?;
    let me = &reader.who.person.id;
    if !site.viewing.may_view_intent(me, &name) {
        let what = format!("intent {name}");
        return Err(deny(site, reader, &what, &what, Viewed::Intent(&name)).await);
    }
    let sight = Sight::of(site, reader);
    let filter = RequestFilter { intent: Some(name), ..RequestFilter::default() };
    let latest = sight.list(site, filter, LATEST, |_| true).await?;
    let command = fields.command(repo, intent);
    let places = places(site, reader, intent, &fields);
    let targets = targets(repo, intent, &fields);
    let more = others(&targets, &fields);
    Ok(IntentPage {
        shell,
        name: intent.name.to_string(),
        summary: intent.summary.clone(),
        category: Badge::category(intent.category),
        facts: facts(intent),
        can_check: intent.check.is_some(),
        check: fields.check,
        fields: Field::all(intent, &fields),
        single: targets.iter().any(|one| one.count > one.hosts.len()) || !more.is_empty(),
        targets,
        more,
        able: places.iter().any(|place| place.able),
        places,
        takes_pull: intent.cite.is_some(),
        whole: command.is_ok(),
        line: command.as_ref().map_or_else(|_| fields.draft(intent), ToString::to_string),
        pull: fields.pull.clone(),
        problems: if touched { command.err().unwrap_or_default() } else { Vec::new() },
        rows: latest.requests.iter().map(|one| row(site, reader, &snapshot, one)).collect(),
        nonce: site.nonce(),
    })
}

/// Returns what the intent's file says, for people.
fn facts(intent: &Intent) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Evidence", evidence(intent)),
        ("Risk", format!("{} of 3", intent.risk)),
        ("Time limit", duration::words(intent.limits.timeout)),
    ];
    if let Some(rule) = &intent.approval {
        facts.push(("Approvals within", duration::words(rule.collect)));
        facts.push(("Then to start within", duration::words(rule.execute)));
        let veto: Vec<String> = rule.veto.iter().map(ToString::to_string).collect();
        if !veto.is_empty() {
            facts.push(("Veto", veto.join(", ")));
        }
    }
    for window in &intent.windows {
        facts.push(("Never starts in", format!("{} ({})", window.deny, window.zone)));
    }
    facts.push(("File", intent.path.to_string()));
    facts
}

fn targets(repo: &PolicyRepo, intent: &Intent, fields: &Fields) -> Vec<TargetChoice> {
    let chosen = |name: &str| fields.targets.iter().any(|target| target == name);
    let choice = |name: &String| {
        let resolved = repo.inventory.resolve(name);
        let is_group = !resolved.iter().any(|target| target.as_str() == name);
        let environments: BTreeSet<String> = resolved
            .iter()
            .filter_map(|target| repo.inventory.targets.get(target))
            .map(|target| target.environment.to_string())
            .collect();
        let few = is_group && resolved.len() <= HOSTS;
        let hosts: Vec<(String, bool)> = resolved
            .iter()
            .filter(|_| few)
            .map(|host| (host.to_string(), chosen(host.as_str())))
            .collect();
        TargetChoice {
            open: hosts.iter().any(|(_, chosen)| *chosen),
            chosen: chosen(name),
            environments: environments.into_iter().collect(),
            hosts,
            count: if is_group { resolved.len() } else { 0 },
            name: name.clone(),
        }
    };
    intent.targets.iter().map(choice).collect()
}

/// Returns the targets in the form that are not among the choices, in a row.
fn others(offered: &[TargetChoice], fields: &Fields) -> String {
    let is_offered = |name: &String| {
        offered
            .iter()
            .any(|one| one.name == *name || one.hosts.iter().any(|(host, _)| host == name))
    };
    let others = fields.targets.iter().filter(|name| !is_offered(name));
    others.cloned().collect::<Vec<_>>().join(" ")
}

/// Returns the places in which the reader could post the command, the first fitting one chosen.
fn places(site: &Site, reader: &Reader, intent: &Intent, fields: &Fields) -> Vec<PlaceChoice> {
    let me = &reader.who.person.id;
    let mut places: Vec<PlaceChoice> = place::places(site, reader)
        .into_iter()
        .map(|place| PlaceChoice {
            able: site.viewing.may_ask_for(me, place.channel.as_ref(), intent),
            chosen: fields.place.as_deref() == Some(place.slug.as_str()),
            title: match &place.channel {
                Some(channel) => format!("#{channel}"),
                None => "directly to Tribune".to_owned(),
            },
            slug: place.slug,
        })
        .collect();
    if !places.iter().any(|place| place.chosen)
        && let Some(first) = places.iter_mut().find(|place| place.able)
    {
        first.chosen = true;
    }
    places
}
