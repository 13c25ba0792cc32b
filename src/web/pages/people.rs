//! Who is who: people, services, roles and how they nest, bans.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::super::Site;
use super::super::error::{WebError, show};
use super::super::look::{Badge, Moment, Tone, count};
use super::super::reader::Reader;
use super::super::shell::{Shell, Tab};
use crate::domain::ban::Ban;
use crate::domain::id::{PersonId, RoleName};
use crate::domain::invisible::marked;
use crate::domain::person::{Person, Principal};
use crate::domain::reply::ban_end;
use crate::domain::repo::PolicyRepo;
use crate::engine::sessions::SessionError;

/// How many people a page lists.
const PAGE: usize = 100;
/// Services that Tribune brings along.
const BUILT_IN: [(&str, &str); 3] = [
    ("reconciler", "Checks standing intents and repairs what they say, under policy"),
    ("scheduler", "Asks for what schedules say, under policy"),
    ("host:<uid>", "Commands on the machine that Tribune runs on, by the user who gave them"),
];

/// The four views of this page, for the switch at its top.
pub struct Switch {
    here: &'static str,
    live_bans: usize,
}

impl Switch {
    fn new(here: &'static str, repo: &PolicyRepo, now: Timestamp) -> Self {
        Self { here, live_bans: repo.bans.iter().filter(|ban| ban.is_live(now)).count() }
    }

    fn links(&self) -> [(&'static str, String, bool); 4] {
        let bans = match self.live_bans {
            0 => "Bans".to_owned(),
            live => format!("Bans ({live})"),
        };
        let link = |path, title: String| (path, title, path == self.here);
        [
            link("/people", "People".to_owned()),
            link("/roles", "Roles".to_owned()),
            link("/bans", bans),
            link("/services", "Services".to_owned()),
        ]
    }
}

#[derive(Template)]
#[template(path = "pages/people.html")]
struct PeoplePage {
    shell: Shell,
    switch: Switch,
    find: Find,
    roles: Vec<String>,
    flags: Vec<String>,
    people: Vec<PersonRow>,
    found: String,
    next: Option<String>,
}

struct PersonRow {
    id: String,
    name: String,
    roles: Vec<String>,
    flags: Vec<String>,
    accounts: Vec<String>,
    badge: Option<Badge>,
}

/// Whom to list.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Find {
    /// Part of a name or account.
    #[serde(default)]
    q: String,
    /// Who holds this role, nested ones included.
    #[serde(default)]
    role: String,
    /// Who bears this flag.
    #[serde(default)]
    flag: String,
    /// Only after this person.
    #[serde(default)]
    after: String,
}

impl Find {
    fn is_any(&self) -> bool {
        self.q.is_empty() && self.role.is_empty() && self.flag.is_empty()
    }

    fn matches(&self, repo: &PolicyRepo, person: &Person) -> bool {
        let part = self.q.trim().trim_start_matches('@').to_lowercase();
        let named = || {
            let accounts = person.chat.values().chain(person.forge.values()).flatten();
            let mut texts = accounts.map(|account| account.as_str().to_lowercase());
            person.id.as_str().contains(&part)
                || person.name.to_lowercase().contains(&part)
                || texts.any(|text| text.contains(&part))
        };
        let held = || repo.roles.held(&person.roles).iter().any(|role| role.as_str() == self.role);
        let flagged = || person.flags.iter().any(|flag| flag.as_str() == self.flag);
        (part.is_empty() || named())
            && (self.role.is_empty() || held())
            && (self.flag.is_empty() || flagged())
    }

    fn query(&self, after: &PersonId) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in [("q", &self.q), ("role", &self.role), ("flag", &self.flag)] {
            if !value.is_empty() {
                query.append_pair(key, value);
            }
        }
        query.append_pair("after", after.as_str()).finish()
    }
}

/// GET `/people`.
pub async fn list(
    State(site): State<Site>,
    reader: Reader,
    Query(find): Query<Find>,
) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::People).await?;
    let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
    let (repo, now) = (&snapshot.repo, site.clock.now());
    let matching: Vec<&Person> =
        repo.people.values().filter(|person| find.matches(repo, person)).collect();
    let rest = matching.iter().skip_while(|person| person.id.as_str() <= find.after.as_str());
    let shown: Vec<&Person> = rest.take(PAGE + 1).copied().collect();
    let next = (shown.len() > PAGE).then(|| find.query(&shown[PAGE - 1].id));
    let flags = repo.people.values().flat_map(|person| &person.flags).map(ToString::to_string);
    Ok(show(&PeoplePage {
        shell,
        switch: Switch::new("/people", repo, now),
        roles: repo.roles.0.keys().map(ToString::to_string).collect(),
        flags: flags.collect::<std::collections::BTreeSet<_>>().into_iter().collect(),
        found: count(matching.len(), "person", "people"),
        people: shown.into_iter().take(PAGE).map(|person| person_row(repo, person, now)).collect(),
        next,
        find,
    }))
}

fn person_row(repo: &PolicyRepo, person: &Person, now: Timestamp) -> PersonRow {
    let ban = repo.live_ban(&Principal::Person(person.id.clone()), now);
    PersonRow {
        id: person.id.to_string(),
        name: person.name.clone(),
        roles: person.roles.iter().map(ToString::to_string).collect(),
        flags: person.flags.iter().map(ToString::to_string).collect(),
        accounts: person
            .chat
            .iter()
            .flat_map(|(platform, ids)| ids.iter().map(move |id| format!("{platform}:{id}")))
            .collect(),
        badge: ban.map(ban_badge),
    }
}

/// Returns how a live ban looks beside a name.
pub fn ban_badge(ban: &Ban) -> Badge {
    Badge::new(Tone::No, format!("banned {}", ban_end(ban)))
}

#[derive(Template)]
#[template(path = "pages/roles.html")]
struct RolesPage {
    shell: Shell,
    switch: Switch,
    roles: Vec<RoleRow>,
}

/// One role in the tree, parents before children.
struct RoleRow {
    name: String,
    depth: usize,
    within: Vec<String>,
    people: Vec<String>,
    all: String,
}

/// The deepest nesting that is drawn; deeper roles stand at this depth.
const DEEPEST: usize = 6;
/// How many people are named beside a role.
const NAMED: usize = 12;

/// GET `/roles`.
pub async fn roles(State(site): State<Site>, reader: Reader) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::People).await?;
    let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
    let repo = &snapshot.repo;
    let mut roles = Vec::new();
    let roots = repo.roles.0.iter().filter(|(_, within)| within.is_empty());
    for (role, _) in roots {
        walk(repo, role, 0, &mut roles);
    }
    let switch = Switch::new("/roles", repo, site.clock.now());
    Ok(show(&RolesPage { shell, switch, roles }))
}

/// Adds a role and, below it, the roles that lie directly in it. One that lies in several is
/// told once, below the first.
fn walk(repo: &PolicyRepo, role: &RoleName, depth: usize, rows: &mut Vec<RoleRow>) {
    if rows.iter().any(|row| row.name == role.as_str()) {
        return;
    }
    let holders = repo.people.values().filter(|person| person.roles.contains(role));
    let all = repo.people.keys().filter(|person| repo.roles_of(person).contains(role)).count();
    rows.push(RoleRow {
        name: role.to_string(),
        depth: depth.min(DEEPEST),
        within: repo.roles.0.get(role).into_iter().flatten().map(ToString::to_string).collect(),
        people: holders.map(|person| person.id.to_string()).collect(),
        all: count(all, "person", "people"),
    });
    let above = repo.roles.0.iter().filter(|(_, within)| within.contains(role));
    for (child, _) in above {
        walk(repo, child, depth + 1, rows);
    }
}

#[derive(Template)]
#[template(path = "pages/bans.html")]
struct BansPage {
    shell: Shell,
    switch: Switch,
    live: Vec<BanRow>,
    ended: Vec<BanRow>,
}

/// One ban.
pub struct BanRow {
    /// Whom it is on.
    pub subject: String,
    /// Their page, if they are a person.
    pub person: Option<String>,
    /// Who banned them.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The file that says so, or that will once it is merged.
    pub file: String,
    /// Whether it is provisional: asked for in chat and not merged yet.
    pub provisional: bool,
    /// When it ends or ended; `None`: never.
    pub until: Option<Moment>,
}

impl BanRow {
    /// Prepares a ban.
    pub fn new(ban: &Ban, now: Timestamp) -> Self {
        Self {
            subject: ban.subject.to_string(),
            person: ban.subject.person().map(ToString::to_string),
            by: ban.by.to_string(),
            reason: marked(&ban.reason),
            file: ban.origin.to_string(),
            provisional: ban.is_provisional(),
            until: ban.until.map(|until| Moment::new(until, now)),
        }
    }
}

/// GET `/bans`.
pub async fn bans(State(site): State<Site>, reader: Reader) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::People).await?;
    let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
    let (repo, now) = (&snapshot.repo, site.clock.now());
    let mut bans: Vec<&Ban> = repo.bans.iter().collect();
    bans.sort_by_key(|ban| (ban.until.unwrap_or(Timestamp::MAX), ban.origin.clone()));
    let (live, ended): (Vec<&Ban>, Vec<&Ban>) = bans.into_iter().partition(|ban| ban.is_live(now));
    let rows = |bans: Vec<&Ban>| bans.into_iter().map(|ban| BanRow::new(ban, now)).collect();
    Ok(show(&BansPage {
        shell,
        switch: Switch::new("/bans", repo, now),
        live: rows(live),
        ended: rows(ended.into_iter().rev().collect()),
    }))
}

#[derive(Template)]
#[template(path = "pages/services.html")]
struct ServicesPage {
    shell: Shell,
    switch: Switch,
    services: Vec<ServiceRow>,
    built_in: [(&'static str, &'static str); 3],
}

struct ServiceRow {
    id: String,
    summary: String,
    owner: Option<String>,
    badge: Badge,
}

/// GET `/services`.
pub async fn services(State(site): State<Site>, reader: Reader) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::People).await?;
    let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
    let (repo, now) = (&snapshot.repo, site.clock.now());
    let banned = |principal: Principal| repo.live_ban(&principal, now).is_some();
    let services = repo.services.values().map(|service| {
        let owner_is_out = service.owner.as_ref().is_some_and(|owner| {
            !repo.people.contains_key(owner) || banned(Principal::Person(owner.clone()))
        });
        let badge = if banned(Principal::Service(service.id.clone())) {
            Badge::new(Tone::No, "banned")
        } else if owner_is_out {
            Badge::new(Tone::No, "stopped: its owner is banned or gone")
        } else {
            Badge::new(Tone::Yes, "works")
        };
        ServiceRow {
            id: service.id.to_string(),
            summary: service.summary.clone(),
            owner: service.owner.as_ref().map(ToString::to_string),
            badge,
        }
    });
    let switch = Switch::new("/services", repo, now);
    Ok(show(&ServicesPage { shell, switch, services: services.collect(), built_in: BUILT_IN }))
}
