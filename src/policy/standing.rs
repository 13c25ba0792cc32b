//! Whether somebody can ask at all: facts that no policy can overrule.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;
use jiff::Timestamp;

use crate::domain::id::{PersonId, RoleName};
use crate::domain::person::Principal;
use crate::domain::repo::PolicyRepo;

use super::facts::{Fact, is_built_in, principal_uid, stand_in, uid};

/// Somebody who may ask.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// Their name for Cedar.
    pub uid: EntityUid,
    /// The person, as `context.requester`.
    pub person: Option<EntityUid>,
    /// The owner of a service, as `context.owner`.
    pub owner: Option<EntityUid>,
    /// Every role they hold.
    pub roles: BTreeSet<RoleName>,
    /// The entity, where the policy repo does not hold it.
    pub fact: Option<Fact>,
}

impl Standing {
    /// Looks `principal` up; the error says why they cannot ask.
    pub fn of(repo: &PolicyRepo, principal: &Principal, now: Timestamp) -> Result<Self, String> {
        let uid = principal_uid(principal);
        match principal {
            Principal::Person(person) if repo.people.contains_key(person) => {
                let roles = repo.roles_of(person);
                Ok(Self { person: Some(uid.clone()), uid, owner: None, roles, fact: None })
            }
            Principal::Person(person) => Err(format!("@{person} is not in the policy repo")),
            Principal::Service(service) if is_built_in(service) => {
                let fact = Some(Fact::new(uid.clone()));
                let fact = fact.filter(|_| service.as_str().starts_with("host:"));
                Ok(Self { person: None, uid, owner: None, roles: BTreeSet::new(), fact })
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
                Ok(Self { person: None, uid, owner, roles: BTreeSet::new(), fact: None })
            }
        }
    }

    /// Returns somebody who does not exist and has exactly `role`.
    pub fn stand_in(repo: &PolicyRepo, role: &RoleName) -> Self {
        let fact = stand_in("anybody", Some(role));
        let uid = fact.uid.clone();
        let roles = repo.roles.closure(role);
        Self { person: Some(uid.clone()), uid, owner: None, roles, fact: Some(fact) }
    }
}

fn check_owner(repo: &PolicyRepo, owner: &PersonId, now: Timestamp) -> Result<(), &'static str> {
    if !repo.people.contains_key(owner) {
        return Err("is not in the policy repo");
    }
    match repo.live_ban(&Principal::Person(owner.clone()), now) {
        Some(_) => Err("is banned"),
        None => Ok(()),
    }
}
