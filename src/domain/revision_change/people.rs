//! People, services, roles and bans in words.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Change, Parts, compared};
use crate::domain::ban::Ban;
use crate::domain::body::Span;
use crate::domain::id::{AccountId, PersonId, RepoPath, ServiceId};
use crate::domain::person::{Person, Principal, Service, SigningKey};
use crate::domain::reply::{code, join, text, time};
use crate::domain::role::Roles;

pub(super) fn people(
    before: &BTreeMap<PersonId, Person>,
    after: &BTreeMap<PersonId, Person>,
) -> Vec<Vec<Span>> {
    compared(before, after, |id, change| {
        let subject = |words: String| vec![Span::Person(id.clone()), text(words)];
        match change {
            Change::Added(new) => Some(subject(format!(" joined ({})", named(&new.roles)))),
            Change::Removed(old) => Some(subject(format!(" left ({})", named(&old.roles)))),
            Change::Changed(old, new) => person(old, new).line(subject(" ".to_owned())),
        }
    })
}

fn named<T: ToString>(roles: &BTreeSet<T>) -> String {
    let names: Vec<String> = roles.iter().map(ToString::to_string).collect();
    if names.is_empty() { "no role".to_owned() } else { join(&names, "and") }
}

fn person(old: &Person, new: &Person) -> Parts {
    let Person { id: _, name, roles, flags, chat, forge, signing_keys } = old;
    let mut parts = Parts::default();
    parts.set("role", roles, &new.roles);
    parts.set("flag", flags, &new.flags);
    parts.value("name", name, &new.name);
    parts.set("chat account", &accounts(chat), &accounts(&new.chat));
    parts.set("forge account", &accounts(forge), &accounts(&new.forge));
    let keys = |keys: &[SigningKey]| keys.iter().map(key).collect::<BTreeSet<String>>();
    parts.set("signing key", &keys(signing_keys), &keys(&new.signing_keys));
    parts
}

fn accounts<K: ToString>(accounts: &BTreeMap<K, BTreeSet<AccountId>>) -> BTreeSet<String> {
    accounts
        .iter()
        .flat_map(|(place, ids)| ids.iter().map(|id| format!("{}:{id}", place.to_string())))
        .collect()
}

/// Returns a key by its type, its end and its time, enough to tell it from others.
fn key(key: &SigningKey) -> String {
    let SigningKey { public, valid_after, valid_before } = key;
    let mut words = public.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let body = words.next().unwrap_or_default();
    let end = body.get(body.len().saturating_sub(8)..).unwrap_or(body);
    let from = valid_after.map(|at| format!(" from {}", time(at))).unwrap_or_default();
    let until = valid_before.map(|at| format!(" until {}", time(at))).unwrap_or_default();
    format!("{kind} …{end}{from}{until}")
}

pub(super) fn services(
    before: &BTreeMap<ServiceId, Service>,
    after: &BTreeMap<ServiceId, Service>,
) -> Vec<Vec<Span>> {
    compared(before, after, |id, change| {
        let subject = |words: String| vec![text("service "), code(id.to_string()), text(words)];
        let owner = |service: &Service| {
            service.owner.as_ref().map(|owner| format!(" for @{owner}")).unwrap_or_default()
        };
        match change {
            Change::Added(new) => Some(subject(format!(" was added{}", owner(new)))),
            Change::Removed(old) => Some(subject(format!(" was removed{}", owner(old)))),
            Change::Changed(old, new) => {
                let Service { id: _, summary, owner } = old;
                let mut parts = Parts::default();
                parts.optional("owner", owner.as_ref(), new.owner.as_ref());
                parts.whole("summary changed", summary, &new.summary);
                parts.line(subject(": ".to_owned()))
            }
        }
    })
}

pub(super) fn roles(before: &Roles, after: &Roles) -> Vec<Vec<Span>> {
    let Roles(before) = before;
    compared(before, &after.0, |role, change| {
        let words = match change {
            Change::Added(new) => format!(" was added, within {}", named(new)),
            Change::Removed(_) => " was removed".to_owned(),
            Change::Changed(old, new) => {
                format!(" lies within {} instead of {}", named(new), named(old))
            }
        };
        Some(vec![text("role "), code(role.to_string()), text(words)])
    })
}

pub(super) fn bans(before: &[Ban], after: &[Ban], now: Timestamp) -> Vec<Vec<Span>> {
    let by_file = |bans: &[Ban]| -> BTreeMap<RepoPath, Ban> {
        bans.iter().map(|ban| (ban.origin.clone(), ban.clone())).collect()
    };
    compared(&by_file(before), &by_file(after), |_, change| match change {
        Change::Added(new) if new.is_live(now) => Some(banned(new, " is banned ")),
        Change::Removed(old) if old.is_live(now) => {
            Some(vec![subject(old), text(format!(" is banned no longer (it held {})", until(old)))])
        }
        Change::Added(ban) | Change::Removed(ban) => {
            Some(vec![text("the list of ended bans changed for "), subject(ban)])
        }
        Change::Changed(old, new) => {
            let Ban { origin: _, subject: whom, by, reason, until: end, rests: _ } = old;
            if *whom != new.subject {
                return Some(banned(new, &format!(" instead of {whom} is banned ")));
            }
            let mut parts = Parts::default();
            let shown = |end: Option<Timestamp>| end.map_or("permanent".to_owned(), time);
            parts.value("end", &shown(*end), &shown(new.until));
            parts.value("banned by", by, &new.by);
            parts.whole("reason changed", reason, &new.reason);
            parts.line(vec![text("the ban on "), subject(new), text(": ")])
        }
    })
}

fn banned(ban: &Ban, words: &str) -> Vec<Span> {
    let by = vec![text(" by "), Span::Person(ban.by.clone()), text(format!(": {}", ban.reason))];
    [vec![subject(ban), text(format!("{words}{}", until(ban)))], by].concat()
}

fn until(ban: &Ban) -> String {
    ban.until.map_or_else(|| "permanently".to_owned(), |end| format!("until {}", time(end)))
}

fn subject(ban: &Ban) -> Span {
    match &ban.subject {
        Principal::Person(person) => Span::Person(person.clone()),
        Principal::Service(service) => text(format!("service {service}")),
    }
}
