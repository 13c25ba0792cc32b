//! People and services.

use std::collections::{BTreeMap, BTreeSet};

use super::super::decode::Placed;
use super::super::raw::OneOrMany;
use super::super::raw::inventory::{RawPerson, RawService, RawSigningKey};
use super::super::report::Report;
use super::super::yaml::At;
use super::values::Checked;
use super::{Known, roles};
use crate::domain::diagnostic::Code;
use crate::domain::id::{AccountId, Flag, PersonId, Platform, RepoPath, RoleName, ServiceId};
use crate::domain::person::{Person, Service, SigningKey};
use crate::domain::platform::{Misfit, account_misfit};
use crate::domain::role::Roles;

/// Services that Tribune itself brings.
pub const BUILT_IN: [&str; 2] = ["reconciler", "scheduler"];

/// Where accounts and keys were first seen, to tell those that stand twice.
#[derive(Debug, Default)]
pub struct Owners {
    accounts: BTreeMap<(String, AccountId), PersonId>,
    keys: BTreeMap<String, PersonId>,
}

/// Checks one person.
pub fn person(
    file: &mut Checked<'_>,
    id: PersonId,
    raw: &RawPerson,
    known: &Known,
    owners: &mut Owners,
) -> Person {
    file.version(&raw.version);
    let name = file.text(&raw.name, 80);
    let roles = file.names::<RoleName>(&raw.roles);
    if let Some(known) = &known.roles {
        for role in roles.iter().filter(|role| !known.contains(&role.value)) {
            let what = ("role", role.value.as_str());
            file.unknown(role.at, Code::UnknownRole, what, known.iter().map(RoleName::as_str));
        }
    }
    let flags = file.names::<Flag>(&raw.flags);
    let chat = accounts(file, &id, "chat", &raw.chat, owners);
    forms(file, &raw.chat);
    let forge = accounts(file, &id, "forge", &raw.forge, owners);
    let signing_keys =
        raw.signing_keys.iter().filter_map(|key| signing_key(file, &id, key, owners)).collect();
    Person {
        id,
        name,
        roles: roles.into_iter().map(|role| role.value).collect(),
        flags: flags.into_iter().map(|flag| flag.value).collect(),
        chat,
        forge,
        signing_keys,
    }
}

/// Checks the accounts of one person on all platforms or forges.
fn accounts<P: std::str::FromStr<Err = crate::domain::id::IdError> + Ord>(
    file: &mut Checked<'_>,
    owner: &PersonId,
    kind: &str,
    raw: &BTreeMap<String, Placed<OneOrMany>>,
    owners: &mut Owners,
) -> BTreeMap<P, BTreeSet<AccountId>> {
    let mut all = BTreeMap::new();
    for (place, ids) in raw {
        let Some(platform) = file.name::<P>(place, ids.key_at) else { continue };
        let ids = file.names::<AccountId>(&OneOrMany::each(ids));
        for id in &ids {
            let key = (format!("{kind} account on {place}"), fold(kind, &id.value));
            let first = owners.accounts.entry(key).or_insert_with(|| owner.clone());
            if first != owner {
                let message =
                    format!("the {kind} account {} on {place} is {first}'s already", id.value);
                file.say(id.at, Code::AccountTwice, message);
            }
        }
        all.insert(platform, ids.into_iter().map(|id| id.value).collect());
    }
    all
}

/// Warns of chat accounts that no account can have. They are no errors: whom another account
/// binds is still themselves, and one that binds nobody lets nobody in.
fn forms(file: &mut Checked<'_>, raw: &BTreeMap<String, Placed<OneOrMany>>) {
    for (platform, ids) in raw {
        let Ok(platform) = platform.parse::<Platform>() else { continue };
        file.known_platform(platform.as_str(), ids.key_at);
        for id in OneOrMany::each(ids) {
            let misfit = id.value.parse().ok().and_then(|it| account_misfit(&platform, &it));
            if let Some(Misfit { why, hint }) = misfit {
                file.say_hinted(id.at, Code::AccountForm, why, hint);
            }
        }
    }
}

/// E-mail addresses differ by case on paper only.
fn fold(kind: &str, id: &AccountId) -> AccountId {
    let lower = id.as_str().to_lowercase();
    match kind {
        "forge" => lower.parse().unwrap_or_else(|_| id.clone()),
        _ => id.clone(),
    }
}

fn signing_key(
    file: &mut Checked<'_>,
    owner: &PersonId,
    raw: &Placed<RawSigningKey>,
    owners: &mut Owners,
) -> Option<SigningKey> {
    let valid_after = raw.value.valid_after.as_ref().and_then(|time| file.time(time));
    let valid_before = raw.value.valid_before.as_ref().and_then(|time| file.time(time));
    if let (Some(after), Some(before)) = (valid_after, valid_before)
        && after >= before
    {
        let message = format!("the key counts from {after} to {before}, so never");
        let at = raw.value.valid_before.as_ref().map_or(raw.at, |time| time.at);
        file.say(at, Code::SigningKeyNeverValid, message);
    }
    let key = &raw.value.key;
    let Some(material) = key_material(&key.value) else {
        let message = "this is not an SSH public key: type, base64, and perhaps a comment";
        file.say(key.at, Code::SigningKeyInvalid, message);
        return None;
    };
    if let Some(first) = owners.keys.insert(material, owner.clone()) {
        let whose = if first == *owner { "theirs".to_owned() } else { format!("{first}'s") };
        file.say(key.at, Code::SigningKeyTwice, format!("this signing key is {whose} already"));
    }
    Some(SigningKey { public: key.value.trim().to_owned(), valid_after, valid_before })
}

/// Returns type and base64 of a public key, if that is what the text is.
fn key_material(text: &str) -> Option<String> {
    use base64::Engine as _;

    const TYPES: [&str; 7] = [
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    ];
    let mut words = text.split_whitespace();
    let kind = words.next().filter(|kind| TYPES.contains(kind))?;
    let body = words.next()?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(body).ok()?;
    // The blob begins with its own type, as a length and text: a cheap guard against cut lines.
    let length = u32::try_from(kind.len()).ok()?.to_be_bytes();
    let inner = bytes.strip_prefix(&length)?.strip_prefix(kind.as_bytes())?;
    (inner.len() >= 32 && !text.contains('\n')).then(|| format!("{kind} {body}"))
}

/// Checks that somebody holds the role `admin`.
pub fn check_admin(report: &mut Report, people: &BTreeMap<PersonId, Person>, all: &Roles) {
    let admin =
        |person: &Person| all.held(&person.roles).iter().any(|role| role.as_str() == roles::ADMIN);
    if !people.values().any(admin) {
        let folder: RepoPath = "inventory/people".parse().expect("it is a path");
        report.say_whole(&folder, Code::NoAdmin, "nobody holds the role `admin`");
    }
}

/// Checks one service.
pub fn service(file: &mut Checked<'_>, id: ServiceId, raw: &RawService, known: &Known) -> Service {
    file.version(&raw.version);
    if BUILT_IN.contains(&id.as_str()) {
        let message = format!("the service `{id}` is Tribune's own");
        file.say(At::default(), Code::NameReserved, message);
    }
    let summary = file.text(&raw.summary, 200);
    let owner = raw.owner.as_ref().and_then(|owner| person_ref(file, owner, known));
    Service { id, summary, owner }
}

/// Checks the name of a person who must exist.
pub fn person_ref(
    file: &mut Checked<'_>,
    name: &Placed<String>,
    known: &Known,
) -> Option<PersonId> {
    let id = file.name::<PersonId>(&name.value, name.at)?;
    if !known.people.contains(&id) {
        let people = known.people.iter().map(PersonId::as_str);
        file.unknown(name.at, Code::UnknownPerson, ("person", id.as_str()), people);
    }
    Some(id)
}
