//! Bans.

use super::super::raw::inventory::RawBan;
use super::super::yaml::At;
use super::Known;
use super::people::{BUILT_IN, person_ref};
use super::values::Checked;
use crate::domain::ban::{Ban, Rests};
use crate::domain::diagnostic::Code;
use crate::domain::id::ServiceId;
use crate::domain::person::Principal;

/// Checks one ban.
pub fn check(file: &mut Checked<'_>, raw: &RawBan, known: &Known) -> Option<Ban> {
    file.version(&raw.version);
    let subject = subject(file, raw, known);
    let by = person_ref(file, &raw.by, known);
    let reason = file.text(&raw.reason, 300);
    let until = raw.until.as_ref().map(|until| file.time(until));
    let (subject, by) = (subject?, by?);
    if subject.person() == Some(&by) {
        file.say(raw.by.at, Code::BanByItself, format!("@{by} cannot ban themselves"));
    }
    let until = match until {
        Some(time) => Some(time?),
        None => None,
    };
    let origin = file.path.clone();
    Some(Ban { origin, subject, by, reason, until, rests: Rests::OnFile })
}

fn subject(file: &mut Checked<'_>, raw: &RawBan, known: &Known) -> Option<Principal> {
    match (&raw.person, &raw.service) {
        (Some(person), None) => person_ref(file, person, known).map(Principal::Person),
        (None, Some(service)) => {
            let id = file.name::<ServiceId>(&service.value, service.at)?;
            let built_in = BUILT_IN.contains(&id.as_str()) || id.as_str().starts_with("host:");
            if !built_in && !known.services.contains(&id) {
                let all = known.services.iter().map(ServiceId::as_str).chain(BUILT_IN);
                file.unknown(service.at, Code::UnknownService, ("service", id.as_str()), all);
            }
            Some(Principal::Service(id))
        }
        (Some(_), Some(service)) => {
            let message = "a ban is on a person or on a service, not on both";
            file.say(service.key_at, Code::BanSubject, message);
            None
        }
        (None, None) => {
            let at = At { line: raw.version.at.line, column: 1 };
            file.say(at, Code::BanSubject, "the ban does not say on whom it is");
            None
        }
    }
}
