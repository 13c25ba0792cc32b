//! Whether somebody can ask at all: facts that no policy can overrule.

use cedar_policy::EntityUid;
use jiff::Timestamp;

use crate::domain::person::Principal;
use crate::domain::repo::PolicyRepo;

use super::facts::{Fact, is_built_in, principal_uid, uid};

/// Somebody who may ask.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// Their name for Cedar.
    pub uid: EntityUid,
    /// The person, as `context.requester`.
    pub person: Option<EntityUid>,
    /// The owner of a service, as `context.owner`.
    pub owner: Option<EntityUid>,
    /// The entity, where the policy repo does not hold it.
    pub fact: Option<Fact>,
}

impl Standing {
    /// Looks `principal` up; the error says why they cannot ask.
    pub fn of(repo: &PolicyRepo, principal: &Principal, now: Timestamp) -> Result<Self, String> {
        let uid = principal_uid(principal);
        match principal {
            Principal::Person(person) if repo.people.contains_key(person) => {
                Ok(Self { person: Some(uid.clone()), uid, owner: None, fact: None })
            }
            Principal::Person(person) => Err(format!("@{person} is not in the policy repo")),
            Principal::Service(service) if is_built_in(service) => {
                let fact = Some(Fact::new(uid.clone()));
                let fact = fact.filter(|_| service.as_str().starts_with("host:"));
                Ok(Self { person: None, uid, owner: None, fact })
            }
            Principal::Service(service) => {
                let Some(service) = repo.services.get(service) else {
                    return Err(format!("service {service} is not in the policy repo"));
                };
                let owner = service.owner.as_ref();
                if let Some(owner) = owner {
                    check_owner(repo, owner, now).map_err(|why| {
                        format!("service {} does not work: its owner @{owner} {why}", service.id)
                    })?;
                }
                let owner = owner.map(|owner| self::uid("Person", owner.as_str()));
                Ok(Self { person: None, uid, owner, fact: None })
            }
        }
    }
}

fn check_owner(
    repo: &PolicyRepo,
    owner: &crate::domain::id::PersonId,
    now: Timestamp,
) -> Result<(), &'static str> {
    if !repo.people.contains_key(owner) {
        return Err("is not in the policy repo");
    }
    match repo.live_ban(&Principal::Person(owner.clone()), now) {
        Some(_) => Err("is banned"),
        None => Ok(()),
    }
}
