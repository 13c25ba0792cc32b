//! What a rule needs that can be told at a glance, so that Cedar is not asked about rules that
//! cannot hold.
//!
//! A rule's scope comes first, then its conditions in Cedar's own order, up to the first that
//! speaks of anything but who asks, the intent, the target and the way by which it was asked.
//! Nothing before a guard that fails can err, so Cedar would find just the same; a property test
//! compares with asking about every rule.

use cedar_policy::pst::{
    BinaryOp, EntityType, Expr, Literal, PrincipalConstraint, ResourceConstraint, Template, Var,
};
use cedar_policy::{Entities, Entity, EntityTypeName, EntityUid, EvalResult};

use super::ask::Ready;
use super::explain::{entity_of, entity_uid};
use super::rule::Conjunct;

/// One thing that must be so, or must not be so, for a rule to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guard {
    what: What,
    negated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// It is of a type.
    Is(Subject, EntityTypeName),
    /// It is this one.
    Equals(Subject, EntityUid),
    /// It is this one, or lies in it.
    Within(Subject, EntityUid),
    /// Whoever asks bears a flag.
    Flag(String),
    /// There is a ban on whoever asks, over or not.
    Ban,
}

/// What a guard speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Principal,
    Resource,
    Category,
    Target,
    Environment,
    Via,
}

/// Returns what a rule needs first.
pub(super) fn guards(body: &Template, conjuncts: &[Conjunct]) -> Vec<Guard> {
    let scope = of_principal(&body.principal).into_iter().chain(of_resource(&body.resource));
    let scope = scope.map(|what| Guard { what, negated: false });
    let conditions = conjuncts.iter().map_while(|conjunct| {
        let (what, negated) = of_condition(&conjunct.expr)?;
        Some(Guard { what, negated: negated != conjunct.negated })
    });
    scope.chain(conditions).collect()
}

fn of_principal(constraint: &PrincipalConstraint) -> Vec<What> {
    use Subject::Principal as Whom;
    match constraint {
        PrincipalConstraint::Any => vec![],
        PrincipalConstraint::Is(kind) => is(Whom, kind),
        PrincipalConstraint::Eq(other) => equals(Whom, entity_of(other)),
        PrincipalConstraint::In(other) => within(Whom, entity_of(other)),
        PrincipalConstraint::IsIn(kind, other) => {
            [is(Whom, kind), within(Whom, entity_of(other))].concat()
        }
    }
}

fn of_resource(constraint: &ResourceConstraint) -> Vec<What> {
    use Subject::Resource as It;
    match constraint {
        ResourceConstraint::Any => vec![],
        ResourceConstraint::Is(kind) => is(It, kind),
        ResourceConstraint::Eq(other) => equals(It, entity_of(other)),
        ResourceConstraint::In(other) => within(It, entity_of(other)),
        ResourceConstraint::IsIn(kind, other) => {
            [is(It, kind), within(It, entity_of(other))].concat()
        }
    }
}

fn is(subject: Subject, kind: &EntityType) -> Vec<What> {
    kind_of(kind).map(|kind| What::Is(subject, kind)).into_iter().collect()
}

fn kind_of(kind: &EntityType) -> Option<EntityTypeName> {
    kind.to_string().parse().ok()
}

fn equals(subject: Subject, other: Option<EntityUid>) -> Vec<What> {
    other.map(|other| What::Equals(subject, other)).into_iter().collect()
}

fn within(subject: Subject, other: Option<EntityUid>) -> Vec<What> {
    other.map(|other| What::Within(subject, other)).into_iter().collect()
}

/// Reads a condition, and whether it is negated; `None` if it speaks of anything else.
fn of_condition(expr: &Expr) -> Option<(What, bool)> {
    match expr {
        Expr::BinaryOp { op, left, right } => match (op, literal(right)) {
            (BinaryOp::Eq, Some(other)) => Some((What::Equals(subject(left)?, other), false)),
            (BinaryOp::NotEq, Some(other)) => Some((What::Equals(subject(left)?, other), true)),
            (BinaryOp::In, Some(other)) => Some((What::Within(subject(left)?, other), false)),
            (BinaryOp::Contains, None) => {
                let flag = text(right).filter(|_| is_attribute(left, Var::Principal, "flags"))?;
                Some((What::Flag(flag), false))
            }
            _ => None,
        },
        Expr::Is { expr, entity_type, in_expr: None } => {
            Some((What::Is(subject(expr)?, kind_of(entity_type)?), false))
        }
        Expr::HasAttr { expr, attrs } if is_var(expr, Var::Principal) => {
            (attrs.len() == 1 && attrs.first() == "ban").then_some((What::Ban, false))
        }
        _ => None,
    }
}

fn subject(expr: &Expr) -> Option<Subject> {
    match expr {
        Expr::Var(Var::Principal) => Some(Subject::Principal),
        Expr::Var(Var::Resource) => Some(Subject::Resource),
        _ if is_attribute(expr, Var::Resource, "category") => Some(Subject::Category),
        _ if is_attribute(expr, Var::Context, "target") => Some(Subject::Target),
        _ if is_attribute(expr, Var::Context, "via") => Some(Subject::Via),
        Expr::GetAttr { expr, attr } if attr == "environment" => {
            is_attribute(expr, Var::Context, "target").then_some(Subject::Environment)
        }
        _ => None,
    }
}

fn is_attribute(expr: &Expr, of: Var, name: &str) -> bool {
    matches!(expr, Expr::GetAttr { expr, attr } if attr == name && is_var(expr, of))
}

fn is_var(expr: &Expr, var: Var) -> bool {
    matches!(expr, Expr::Var(found) if *found == var)
}

fn literal(expr: &Expr) -> Option<EntityUid> {
    match expr {
        Expr::Literal(Literal::EntityUID(uid)) => entity_uid(uid),
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(Literal::String(text)) => Some(text.to_string()),
        _ => None,
    }
}

/// What one sees of a question at a glance; `None` where there is no such thing.
pub(super) struct Glance<'a> {
    entities: &'a Entities,
    principal: &'a EntityUid,
    resource: &'a EntityUid,
    category: Option<EntityUid>,
    target: Option<&'a EntityUid>,
    environment: Option<EntityUid>,
    via: &'a EntityUid,
    flags: Option<Vec<String>>,
    banned: Option<bool>,
}

impl<'a> Glance<'a> {
    /// Glances at a question.
    pub fn at(ready: &'a Ready) -> Self {
        let entities = &ready.entities;
        let named = |uid: &EntityUid, attribute| match entities.get(uid)?.attr(attribute)?.ok()? {
            EvalResult::EntityUid(other) => Some(other),
            _ => None,
        };
        let principal = entities.get(&ready.principal);
        Self {
            entities,
            principal: &ready.principal,
            resource: &ready.resource,
            category: named(&ready.resource, "category"),
            target: ready.target.as_ref(),
            environment: ready.target.as_ref().and_then(|target| named(target, "environment")),
            via: &ready.via,
            flags: principal.and_then(flags_of),
            banned: principal.map(|entity| entity.attr("ban").is_some()),
        }
    }

    /// Says whether a rule may hold. `false`: Cedar would find that it does not.
    pub fn may_hold(&self, guards: &[Guard]) -> bool {
        for guard in guards {
            match self.tell(&guard.what) {
                Some(so) if so == guard.negated => return false,
                Some(_) => {}
                None => return true,
            }
        }
        true
    }

    /// Says whether something is so; `None` where it cannot be told.
    fn tell(&self, what: &What) -> Option<bool> {
        match what {
            What::Is(subject, kind) => Some(self.uid(*subject)?.type_name() == kind),
            What::Equals(subject, other) => Some(self.uid(*subject)? == other),
            What::Within(subject, other) => {
                let uid = self.uid(*subject)?;
                Some(uid == other || self.entities.is_ancestor_of(other, uid))
            }
            What::Flag(flag) => Some(self.flags.as_ref()?.contains(flag)),
            What::Ban => self.banned,
        }
    }

    fn uid(&self, subject: Subject) -> Option<&EntityUid> {
        match subject {
            Subject::Principal => Some(self.principal),
            Subject::Resource => Some(self.resource),
            Subject::Category => self.category.as_ref(),
            Subject::Target => self.target,
            Subject::Environment => self.environment.as_ref(),
            Subject::Via => Some(self.via),
        }
    }
}

fn flags_of(person: &Entity) -> Option<Vec<String>> {
    let EvalResult::Set(flags) = person.attr("flags")?.ok()? else { return None };
    let text = |flag: &EvalResult| match flag {
        EvalResult::String(flag) => Some(flag.clone()),
        _ => None,
    };
    flags.iter().map(text).collect()
}
