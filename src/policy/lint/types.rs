//! Which types a part of a policy can be of, as far as attributes are concerned.

use std::collections::BTreeSet;

use cedar_policy::pst::{
    ActionConstraint, EntityOrSlot, Expr, Literal, PrincipalConstraint, ResourceConstraint, Var,
};

use crate::policy::rule::Rule;
use crate::policy::vocabulary::{ActionType, Vocabulary};

/// Types by name: entity types, records, contexts.
pub(super) type Types = BTreeSet<String>;

/// Returns the actions that a rule is about.
pub(super) fn actions<'a>(vocabulary: &'a Vocabulary, rule: &Rule) -> Vec<&'a ActionType> {
    let about = |action: &&ActionType| match &rule.body.action {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => uid.eid == action.name,
        ActionConstraint::In(uids) => {
            uids.iter().any(|uid| uid.eid == action.name || uid.eid == action.group)
        }
    };
    vocabulary.actions.iter().filter(about).collect()
}

/// Returns the types of principals that a rule's scope lets in.
pub(super) fn principals(vocabulary: &Vocabulary, rule: &Rule) -> Types {
    let all: Types = actions(vocabulary, rule)
        .iter()
        .flat_map(|action| action.principals.iter().map(|name| (*name).to_owned()))
        .collect();
    match &rule.body.principal {
        PrincipalConstraint::Any => all,
        PrincipalConstraint::Is(kind) | PrincipalConstraint::IsIn(kind, _) => {
            Types::from([kind.to_string()])
        }
        PrincipalConstraint::Eq(other) => type_of(other),
        PrincipalConstraint::In(other) => members(&type_of(other), all),
    }
}

/// Only people lie in roles; nothing but itself lies in a person or service.
fn members(groups: &Types, all: Types) -> Types {
    if groups.contains("Role") { Types::from(["Person".to_owned()]) } else { all }
}

fn resources(vocabulary: &Vocabulary, rule: &Rule) -> Types {
    let all = actions(vocabulary, rule)
        .iter()
        .flat_map(|action| action.resources.iter().map(|name| (*name).to_owned()))
        .collect();
    match &rule.body.resource {
        ResourceConstraint::Any | ResourceConstraint::In(_) => all,
        ResourceConstraint::Is(kind) | ResourceConstraint::IsIn(kind, _) => {
            Types::from([kind.to_string()])
        }
        ResourceConstraint::Eq(other) => type_of(other),
    }
}

fn type_of(entity: &EntityOrSlot) -> Types {
    match entity {
        EntityOrSlot::Entity(uid) => Types::from([uid.ty.to_string()]),
        EntityOrSlot::Slot(_) => Types::new(),
    }
}

/// Returns the types that `expr` can be of; none where attributes make no sense.
pub(super) fn types(vocabulary: &Vocabulary, rule: &Rule, expr: &Expr) -> Types {
    match expr {
        Expr::Var(Var::Principal) => principals(vocabulary, rule),
        Expr::Var(Var::Resource) => resources(vocabulary, rule),
        Expr::Var(Var::Context) => {
            actions(vocabulary, rule).iter().map(|action| action.context.to_owned()).collect()
        }
        Expr::Literal(Literal::EntityUID(uid)) => Types::from([uid.ty.to_string()]),
        Expr::GetAttr { expr, attr } => step(vocabulary, &types(vocabulary, rule, expr), attr),
        Expr::IfThenElse { then_expr, else_expr, .. } => {
            let mut both = types(vocabulary, rule, then_expr);
            both.extend(types(vocabulary, rule, else_expr));
            both
        }
        _ => Types::new(),
    }
}

/// Returns the types that attribute `attr` of `of` can be of; none if nothing has it.
pub(super) fn step(vocabulary: &Vocabulary, of: &Types, attr: &str) -> Types {
    of.iter()
        .flat_map(|name| vocabulary.attributes_of(name))
        .filter(|attribute| attribute.name == attr)
        .map(|attribute| attribute.kind.clone())
        .collect()
}
