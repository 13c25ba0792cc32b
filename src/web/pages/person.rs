//! One person: who they are and, by policy as it decides now, what they may do.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp;

use super::super::Site;
use super::super::error::{WebError, show};
use super::super::look::{Badge, Tone, and};
use super::super::reader::Reader;
use super::super::shell::{Shell, Tab};
use super::people::{BanRow, ban_badge};
use crate::domain::decision::{Effect, Missing, Outcome};
use crate::domain::id::{EnvironmentName, IntentName, PersonId};
use crate::domain::person::{Person, Principal, SigningKey};
use crate::domain::reply;
use crate::engine::sessions::SessionError;
use crate::policy::{self, Ability, Act, ChangeKind, Scene, Snapshot, Viewed};

#[derive(Template)]
#[template(path = "pages/person.html")]
struct PersonPage {
    shell: Shell,
    id: String,
    name: String,
    ban: Option<Badge>,
    direct: Vec<String>,
    inherited: Vec<String>,
    flags: Vec<String>,
    chat: Vec<String>,
    forge: Vec<String>,
    keys: Vec<String>,
    bans: Vec<BanRow>,
    may: Vec<(&'static str, String)>,
    environments: Vec<String>,
    intents: Vec<IntentRow>,
    sees_audit: bool,
}

/// What the person may do with one intent.
struct IntentRow {
    name: String,
    summary: String,
    /// By environment, in the order of the head; `None`: it has no targets there.
    cells: Vec<Option<Cell>>,
}

/// What the person may do with one intent in one environment.
struct Cell {
    environment: String,
    run: Badge,
    /// What it takes, or why not.
    how: String,
    check: Option<&'static str>,
    approve: Option<String>,
}

/// GET `/people/{id}`.
pub async fn show_person(
    State(site): State<Site>,
    reader: Reader,
    Path(id): Path<PersonId>,
) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::People).await?;
    let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
    let person = snapshot.repo.people.get(&id).ok_or(WebError::NotFound)?.clone();
    let now = site.clock.now();
    let me = reader.who.person.id.clone();
    let visible = |intent: &IntentName| site.viewing.may_view_intent(&me, intent);
    let channels = channels(&site, &snapshot, &person, &me, now);
    let may = what_else(&snapshot, &person, channels, now);
    // Many questions to policy: not on a thread that answers people, and one person at a time.
    let _turn = site.asking.acquire().await.map_err(|_| WebError::NotFound)?;
    let table = {
        let (snapshot, id) = (Arc::clone(&snapshot), id.clone());
        tokio::task::spawn_blocking(move || policy::abilities(&snapshot, &id, now)).await
    };
    let table = table.map_err(|_| WebError::Trouble("policy could not be asked".to_owned()))?;
    let repo = &snapshot.repo;
    let environments: Vec<EnvironmentName> = repo.inventory.environments.keys().cloned().collect();
    let intents = repo.intents.values().filter(|intent| visible(&intent.name)).map(|intent| {
        let abilities = table.get(&intent.name);
        let cell = |environment: &EnvironmentName| {
            abilities.and_then(|by| by.get(environment)).map(|ability| cell(environment, ability))
        };
        IntentRow {
            name: intent.name.to_string(),
            summary: intent.summary.clone(),
            cells: environments.iter().map(cell).collect(),
        }
    });
    let intents = intents.collect();
    let held = repo.roles_of(&id);
    let principal = Principal::Person(id.clone());
    let accounts = |place: String, ids: &std::collections::BTreeSet<_>| {
        ids.iter()
            .map(|id: &crate::domain::id::AccountId| format!("{place}:{id}"))
            .collect::<Vec<_>>()
    };
    Ok(show(&PersonPage {
        id: id.to_string(),
        name: person.name.clone(),
        ban: repo.live_ban(&principal, now).map(ban_badge),
        direct: person.roles.iter().map(ToString::to_string).collect(),
        inherited: held.difference(&person.roles).map(ToString::to_string).collect(),
        flags: person.flags.iter().map(ToString::to_string).collect(),
        chat: person.chat.iter().flat_map(|(on, ids)| accounts(on.to_string(), ids)).collect(),
        forge: person.forge.iter().flat_map(|(on, ids)| accounts(on.to_string(), ids)).collect(),
        keys: person.signing_keys.iter().map(key).collect(),
        bans: repo.bans.on(&principal).map(|ban| BanRow::new(ban, now)).collect(),
        may,
        environments: environments.iter().map(ToString::to_string).collect(),
        intents,
        sees_audit: shell.tabs.iter().any(|link| link.tab == Tab::Audit),
        shell,
    }))
}

/// Returns the channels that the person may read, as far as the reader may know of them.
fn channels(
    site: &Site,
    snapshot: &Snapshot,
    person: &Person,
    reader: &PersonId,
    now: Timestamp,
) -> Vec<String> {
    let principal = Principal::Person(person.id.clone());
    let sees = |name: &crate::domain::id::ChannelName| {
        let act = Act::View(Viewed::Channel(name));
        policy::may(snapshot, &principal, &act, &Scene::chat(None, now)).allowed
    };
    let names = snapshot.repo.channels.keys();
    names
        .filter(|name| site.viewing.may_view(reader, name) && sees(name))
        .map(|name| format!("#{name}"))
        .collect()
}

/// Returns what the person may do beside running intents, in words.
fn what_else(
    snapshot: &Snapshot,
    person: &Person,
    channels: Vec<String>,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let principal = Principal::Person(person.id.clone());
    let scene = Scene::chat(None, now);
    let may = |act: &Act<'_>| policy::may(snapshot, &principal, act, &scene).allowed;
    let yes_no = |yes: bool| if yes { "yes".to_owned() } else { "no".to_owned() };
    let or_no = |words: Vec<String>| if words.is_empty() { "no".to_owned() } else { and(&words) };
    let kinds = ChangeKind::ALL.into_iter().filter(|kind| may(&Act::Propose(*kind, None)));
    let proposes = kinds.map(|kind| kind.as_str().to_owned()).collect();
    vec![
        ("Reads", if channels.is_empty() { "no channel".to_owned() } else { and(&channels) }),
        ("Bans", or_no(bannable(snapshot, person, &may))),
        ("Proposes changes of", or_no(proposes)),
        ("Pauses everything", yes_no(may(&Act::Pause(None)))),
        ("Administers Tribune", yes_no(may(&Act::Administer))),
    ]
}

/// Returns the sets of roles whose holders the person may ban: one of each is asked about.
fn bannable(snapshot: &Snapshot, person: &Person, may: &dyn Fn(&Act<'_>) -> bool) -> Vec<String> {
    let mut kinds = std::collections::BTreeMap::new();
    for other in snapshot.repo.people.values().filter(|other| other.id != person.id) {
        kinds.entry(&other.roles).or_insert(&other.id);
    }
    let below =
        kinds.into_iter().filter(|(_, other)| may(&Act::Ban { subject: other, again: false }));
    below
        .map(|(roles, _)| match roles.len() {
            0 => "people without a role".to_owned(),
            _ => roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + "),
        })
        .collect()
}

fn cell(environment: &EnvironmentName, ability: &Ability) -> Cell {
    let (tone, words) = match &ability.run {
        Outcome::Permit => (Tone::Yes, "may run"),
        Outcome::NeedsApproval { .. } => (Tone::Wait, "with evidence"),
        Outcome::Deny => (Tone::No, "no"),
    };
    let mut how = match &ability.run {
        Outcome::Permit => String::new(),
        Outcome::NeedsApproval { missing } => needs(missing),
        Outcome::Deny => why_not(ability),
    };
    if let Some(channel) = &ability.channel {
        how = [how, format!("asked in #{channel}")]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("; ");
    }
    if ability.on_some {
        how = [how, "on some targets only".to_owned()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("; ");
    }
    let roles: Vec<String> = ability.approve.iter().map(ToString::to_string).collect();
    Cell {
        environment: environment.to_string(),
        run: Badge::new(tone, words),
        how,
        check: ability.check.as_ref().map(|outcome| match outcome {
            Outcome::Permit => "may check",
            Outcome::NeedsApproval { .. } => "may check with evidence",
            Outcome::Deny => "may not check",
        }),
        approve: (!roles.is_empty()).then(|| format!("approves as {}", and(&roles))),
    }
}

/// Says what evidence it takes.
fn needs(missing: &Missing) -> String {
    let slots = (!missing.slots.is_empty())
        .then(|| format!("approval of {}", reply::slots(&missing.slots)));
    let citation = missing.citation.as_ref().map(|wanted| match &wanted.label {
        Some(label) => format!("a merged pull request labelled {label}"),
        None => "a merged pull request".to_owned(),
    });
    let parts: Vec<String> = slots.into_iter().chain(citation).collect();
    parts.join(if missing.both { " and " } else { " or " })
}

/// Says why not, in the words of the rule that forbids it; of no rule if none permits it.
fn why_not(ability: &Ability) -> String {
    let forbids = ability.reasons.iter().find(|reason| match reason.effect {
        Effect::Forbids | Effect::Refuses => true,
        Effect::Permits | Effect::WouldPermit => false,
    });
    forbids.map_or_else(|| "no rule permits it".to_owned(), |reason| reason.text.clone())
}

/// Returns a signing key by its type and its end, enough to tell it from others.
fn key(key: &SigningKey) -> String {
    let mut words = key.public.split_whitespace();
    let (kind, body) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let end: String = body.chars().skip(body.chars().count().saturating_sub(10)).collect();
    let from = key.valid_after.map(|at| format!(", from {}", reply::time(at))).unwrap_or_default();
    let until =
        key.valid_before.map(|at| format!(", until {}", reply::time(at))).unwrap_or_default();
    format!("{kind} …{end}{from}{until}")
}
