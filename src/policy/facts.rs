//! What the policy repo says, as Cedar entities; and the small slice of them that one question
//! needs.
//!
//! INVARIANT: a slice holds every entity that the question names, and what those name in turn;
//! each bears everything it lies in, near or far. Cedar takes an absent entity for one without
//! attributes and parents, so `in` would quietly be false; a slice that cannot be closed is
//! therefore refused. What something only lies in need not be there: roles and groups have no
//! attributes, and nothing else leads to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use cedar_policy_core::ast::Entity as CoreEntity;
use cedar_policy_core::entities::{Entities as CoreEntities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use jiff::Timestamp;

use crate::domain::ban::Ban;
use crate::domain::id::{PersonId, RoleName, ServiceId};
use crate::domain::intent::{Category, Intent};
use crate::domain::person::{Principal, Service};
use crate::domain::repo::PolicyRepo;
use crate::domain::request::Via;

use super::act::{ChangeKind, Page};
use super::vocabulary;

/// The one instance's name.
pub(super) const INSTANCE: &str = "tribune";

/// Services that Tribune itself brings, beside `host:<uid>`.
pub(super) const BUILT_IN: [&str; 2] = ["reconciler", "scheduler"];

/// The schema's entity types as Cedar names them; making one anew for each entity that a question
/// names takes a tenth of the question.
static TYPES: LazyLock<BTreeMap<&str, EntityTypeName>> = LazyLock::new(|| {
    let named =
        |name: &'static str| (name, name.parse().expect("the schema's type names are identifiers"));
    vocabulary::types().map(named).collect()
});

/// Returns the Cedar name of an entity. `kind` is one of the schema's entity types.
pub(super) fn uid(kind: &'static str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(TYPES[kind].clone(), EntityId::new(id))
}

/// Returns the Cedar name of whoever acts.
pub(super) fn principal_uid(principal: &Principal) -> EntityUid {
    match principal {
        Principal::Person(person) => uid("Person", person.as_str()),
        Principal::Service(service) => uid("Service", service.as_str()),
    }
}

/// Says whether a service is one that Tribune itself brings.
pub(super) fn is_built_in(service: &ServiceId) -> bool {
    BUILT_IN.contains(&service.as_str()) || service.as_str().starts_with("host:")
}

/// An entity in the making.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    /// Its name.
    pub uid: EntityUid,
    /// What it lies in.
    pub parents: Vec<EntityUid>,
    /// What its attributes name.
    pub names: Vec<EntityUid>,
    /// Its attributes.
    pub attributes: Vec<(String, RestrictedExpression)>,
    /// Its tags.
    pub tags: Vec<(String, RestrictedExpression)>,
}

impl Fact {
    /// Starts an entity.
    pub fn new(uid: EntityUid) -> Self {
        Self { uid, parents: vec![], names: vec![], attributes: vec![], tags: vec![] }
    }

    /// Adds what it lies in.
    pub fn within(mut self, parents: impl IntoIterator<Item = EntityUid>) -> Self {
        self.parents.extend(parents);
        self
    }

    /// Adds an attribute.
    pub fn with(mut self, name: &str, value: RestrictedExpression) -> Self {
        self.attributes.push((name.to_owned(), value));
        self
    }

    /// Adds an attribute that names an entity.
    pub fn naming(mut self, name: &str, other: EntityUid) -> Self {
        self.names.push(other.clone());
        self.with(name, RestrictedExpression::new_entity_uid(other))
    }

    /// Returns it as Cedar takes it, lying in `within`.
    pub fn entity(&self, within: impl IntoIterator<Item = EntityUid>) -> Result<Entity, String> {
        let (attributes, tags) = (self.attributes.clone(), self.tags.clone());
        Entity::new_with_tags(self.uid.clone(), attributes, within, tags)
            .map_err(|error| format!("{} cannot be told to cedar: {error}", self.uid))
    }
}

/// A set of texts.
pub(super) fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> RestrictedExpression {
    RestrictedExpression::new_set(
        items.into_iter().map(|item| RestrictedExpression::new_string(item.to_string())),
    )
}

/// A point in time. Cedar writes years with four digits; what lies outside is far enough away.
pub(super) fn datetime(at: Timestamp) -> RestrictedExpression {
    let earliest = "0001-01-01T00:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH);
    RestrictedExpression::new_datetime(
        at.max(earliest).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
    )
}

fn ban_record(ban: &Ban) -> RestrictedExpression {
    let reason = RestrictedExpression::new_string(ban.reason.clone());
    let mut fields = vec![("reason".to_owned(), reason)];
    fields.extend(ban.until.map(|until| ("until".to_owned(), datetime(until))));
    RestrictedExpression::new_record(fields).expect("the two keys differ")
}

/// An entity of the policy repo.
#[derive(Debug, Clone)]
struct Known {
    /// As Cedar keeps it.
    entity: Arc<CoreEntity>,
    /// Everything it lies in, directly or not.
    within: BTreeSet<EntityUid>,
    /// What its attributes name.
    names: Vec<EntityUid>,
}

/// Everything the policy repo says that policies can ask about, and the actions; or why Cedar
/// does not take it.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts(BTreeMap<EntityUid, Result<Known, String>>);

/// Facts by name, each lying in what it lies in directly.
#[derive(Debug, Clone, Default)]
pub(super) struct Plain(pub BTreeMap<EntityUid, Fact>);

impl Plain {
    /// Returns the facts of `repo`.
    pub fn of(repo: &PolicyRepo) -> Self {
        let mut facts = Self::default();
        for (action, group) in vocabulary::actions_and_groups() {
            let within = group.map(|group| uid("Action", group));
            facts.add(Fact::new(uid("Action", action)).within(within));
        }
        facts.add_principals(repo);
        facts.add_places(repo);
        for intent in repo.intents.values() {
            facts.add(intent_fact(intent));
        }
        facts.add(Fact::new(uid("Instance", INSTANCE)));
        for kind in ChangeKind::ALL {
            let change = uid("Change", kind.as_str());
            facts.add(Fact::new(change).naming("kind", uid("Kind", kind.as_str())));
            facts.add(Fact::new(uid("Kind", kind.as_str())));
        }
        for category in Category::ALL {
            facts.add(Fact::new(uid("Category", category.as_str())));
        }
        for via in Via::ALL {
            facts.add(Fact::new(uid("Via", via.as_str())));
        }
        for page in Page::ALL {
            facts.add(Fact::new(uid("Page", page.as_str())));
        }
        facts
    }

    fn add(&mut self, fact: Fact) {
        self.0.insert(fact.uid.clone(), fact);
    }

    fn add_principals(&mut self, repo: &PolicyRepo) {
        for (role, within) in &repo.roles.0 {
            let parents = within.iter().map(|role| uid("Role", role.as_str()));
            self.add(Fact::new(uid("Role", role.as_str())).within(parents));
        }
        for person in repo.people.values() {
            let fact =
                person_fact(person.id.as_str(), &person.roles).with("flags", texts(&person.flags));
            self.add(with_ban(fact, repo, &Principal::Person(person.id.clone())));
        }
        for service in repo.services.values() {
            self.add(service_fact(repo, service));
        }
        for service in BUILT_IN.iter().filter_map(|name| name.parse::<ServiceId>().ok()) {
            let fact = Fact::new(uid("Service", service.as_str()));
            self.add(with_ban(fact, repo, &Principal::Service(service)));
        }
    }

    fn add_places(&mut self, repo: &PolicyRepo) {
        for environment in repo.inventory.environments.keys() {
            self.add(Fact::new(uid("Environment", environment.as_str())));
        }
        for (group, within) in &repo.inventory.groups {
            let parents = within.iter().map(|group| uid("Group", group.as_str()));
            self.add(Fact::new(uid("Group", group.as_str())).within(parents));
        }
        for target in repo.inventory.targets.values() {
            let parents = target.groups.iter().map(|group| uid("Group", group.as_str()));
            let environment = uid("Environment", target.environment.as_str());
            let fact = Fact::new(uid("Target", target.name.as_str())).within(parents);
            self.add(fact.naming("environment", environment));
        }
        for channel in repo.channels.values() {
            let fact = Fact::new(uid("Channel", channel.name.as_str()))
                .with("private", RestrictedExpression::new_bool(channel.private));
            let fact = match &channel.environment {
                Some(name) => fact.naming("environment", uid("Environment", name.as_str())),
                None => fact,
            };
            self.add(fact);
        }
    }

    /// Returns everything that a fact lies in, directly or not.
    fn within(&self, fact: &Fact) -> Result<BTreeSet<EntityUid>, String> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&EntityUid> = fact.parents.iter().collect();
        while let Some(next) = open.pop() {
            if found.insert(next.clone()) {
                open.extend(&self.0.get(next).ok_or_else(|| unknown(next))?.parents);
            }
        }
        Ok(found)
    }
}

impl Facts {
    /// Returns the facts of `repo`.
    pub fn of(repo: &PolicyRepo) -> Self {
        let plain = Plain::of(repo);
        let known = plain.0.values().map(|fact| {
            let known = plain.within(fact).and_then(|within| {
                let entity = fact.entity(within.iter().cloned())?;
                Ok(Known { entity: kept(&entity), within, names: fact.names.clone() })
            });
            (fact.uid.clone(), known)
        });
        Self(known.collect())
    }

    /// Says whether there is such an entity.
    pub fn contains(&self, uid: &EntityUid) -> bool {
        self.0.contains_key(uid)
    }

    /// Returns the names of all entities of a type.
    pub fn of_kind(&self, kind: &str) -> Vec<String> {
        let uids = self.0.keys().filter(|uid| uid.type_name().to_string() == kind);
        uids.map(|uid| uid.id().unescaped().to_owned()).collect()
    }

    /// Returns the slice for a question: everything that `named` and `extra` lead to.
    ///
    /// It is not held against the schema here, where that would take half the time of a question:
    /// a property test does it for every question that it makes.
    pub fn slice(&self, named: &[EntityUid], extra: &[Fact]) -> Result<Entities, String> {
        let extra: BTreeMap<&EntityUid, &Fact> =
            extra.iter().map(|fact| (&fact.uid, fact)).collect();
        let mut open: Vec<&EntityUid> = named.iter().chain(extra.keys().copied()).collect();
        let mut seen = BTreeSet::new();
        let mut entities = vec![];
        while let Some(next) = open.pop() {
            if !seen.insert(next) {
                continue;
            }
            if let Some(fact) = extra.get(next) {
                open.extend(&fact.names);
                entities.push(kept(&fact.entity(self.within(fact, &extra)?)?));
            } else {
                let known = self.known(next)?;
                open.extend(&known.names);
                entities.push(Arc::clone(&known.entity));
            }
        }
        closed(entities)
    }

    /// Returns everything that a fact beside the policy repo lies in, directly or not.
    fn within(
        &self,
        fact: &Fact,
        extra: &BTreeMap<&EntityUid, &Fact>,
    ) -> Result<BTreeSet<EntityUid>, String> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&EntityUid> = fact.parents.iter().collect();
        while let Some(next) = open.pop() {
            if !found.insert(next.clone()) {
                continue;
            }
            match extra.get(next) {
                Some(other) => open.extend(&other.parents),
                None => found.extend(self.known(next)?.within.iter().cloned()),
            }
        }
        Ok(found)
    }

    fn known(&self, uid: &EntityUid) -> Result<&Known, String> {
        self.0.get(uid).ok_or_else(|| unknown(uid))?.as_ref().map_err(Clone::clone)
    }
}

fn kept(entity: &Entity) -> Arc<CoreEntity> {
    Arc::new(entity.as_ref().clone())
}

/// Puts entities together that bear everything they lie in. Working that out once more would be a
/// quarter of a question, and only Cedar's core takes our word; the property test compares with what
/// Cedar works out itself.
fn closed(entities: Vec<Arc<CoreEntity>>) -> Result<Entities, String> {
    CoreEntities::new()
        .add_entities(
            entities,
            None::<&NoEntitiesSchema>,
            TCComputation::AssumeAlreadyComputed,
            Extensions::all_available(),
        )
        .map(Entities::from)
        .map_err(|error| format!("the facts cannot be told to cedar: {error}"))
}

/// Says that there is no such entity.
fn unknown(uid: &EntityUid) -> String {
    let kind = uid.type_name().to_string().to_lowercase();
    format!("{kind} {} is not in the policy repo", uid.id().unescaped())
}

/// Returns a person, flags and ban aside.
pub(super) fn person_fact<'a>(name: &str, roles: impl IntoIterator<Item = &'a RoleName>) -> Fact {
    Fact::new(uid("Person", name)).within(roles.into_iter().map(|role| uid("Role", role.as_str())))
}

/// Returns somebody who has exactly one role. No person can bear the name.
pub(super) fn stand_in(name: &str, role: Option<&RoleName>) -> Fact {
    person_fact(&format!("?{name}"), role).with("flags", texts::<&str>([]))
}

fn with_ban(fact: Fact, repo: &PolicyRepo, subject: &Principal) -> Fact {
    // The ban that lasts longest says it all: if any is live, this one is.
    let longest = repo.bans.on(subject).max_by_key(|ban| ban.until.unwrap_or(Timestamp::MAX));
    match longest {
        Some(ban) => fact.with("ban", ban_record(ban)),
        None => fact,
    }
}

fn service_fact(repo: &PolicyRepo, service: &Service) -> Fact {
    let fact = Fact::new(uid("Service", service.id.as_str()));
    let fact = match known_owner(repo, service) {
        Some(owner) => fact.naming("owner", uid("Person", owner.as_str())),
        None => fact,
    };
    with_ban(fact, repo, &Principal::Service(service.id.clone()))
}

/// Returns the owner of a service if the policy repo knows them.
pub(super) fn known_owner<'a>(repo: &PolicyRepo, service: &'a Service) -> Option<&'a PersonId> {
    service.owner.as_ref().filter(|owner| repo.people.contains_key(*owner))
}

fn intent_fact(intent: &Intent) -> Fact {
    let fact = Fact::new(uid("Intent", intent.name.as_str()))
        .naming("category", uid("Category", intent.category.as_str()))
        .with("risk", RestrictedExpression::new_long(i64::from(intent.risk)));
    match &intent.label {
        Some(label) => fact.with("label", RestrictedExpression::new_string(label.clone())),
        None => fact,
    }
}
