//! Attributes that are asked for and never there.

use std::collections::BTreeSet;

use cedar_policy::pst::{Expr, Var};

use crate::domain::diagnostic::Code;
use crate::policy::rule::{Rule, RuleEffect};

use super::types::{principals, step, types};
use super::{Finding, Subject, did_you_mean, each_part};

/// Every attribute after `has` exists on something that may stand before it.
pub(super) fn unknown_has(subject: &Subject<'_>, rule: &Rule) -> Vec<Finding> {
    let vocabulary = subject.vocabulary;
    let mut found = vec![];
    each_part(rule, &mut |part| {
        let Expr::HasAttr { expr, attrs } = part else { return };
        let mut of = types(vocabulary, rule, expr);
        for attr in attrs.iter() {
            let next = step(vocabulary, &of, attr);
            if next.is_empty() && !of.is_empty() {
                let kinds = of.iter().cloned().collect::<Vec<_>>().join(" and ");
                let known = of.iter().flat_map(|name| vocabulary.attributes_of(name));
                let hint = did_you_mean(attr, known.map(|attribute| attribute.name.as_str()));
                let message = format!("{kinds} never has an attribute {:?}", attr.as_str());
                let finding = Finding::new(Code::PolicyHasUnknown, format!("has {attr}"), message);
                found.push(finding.hint(hint));
                return;
            }
            of = next;
        }
    });
    found
}

/// A forbid that reads an attribute of the principal which some principals never have says which
/// type it means; else it would quietly never meet the others.
pub(super) fn forbid_without_type(subject: &Subject<'_>, rule: &Rule) -> Vec<Finding> {
    if rule.effect == RuleEffect::Permit {
        return vec![];
    }
    let possible = principals(subject.vocabulary, rule);
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    let mut says_type = false;
    each_part(rule, &mut |part| match part {
        Expr::HasAttr { expr, attrs } if **expr == Expr::Var(Var::Principal) => {
            asked.insert(attrs.first().as_str());
        }
        Expr::Is { expr, .. } if **expr == Expr::Var(Var::Principal) => says_type = true,
        _ => {}
    });
    if says_type {
        return vec![];
    }
    let lacks = |attr: &&str| {
        possible.iter().find_map(|kind| {
            let known = subject.vocabulary.attributes_of(kind);
            (!known.iter().any(|known| known.name == *attr)).then_some((attr.to_string(), kind))
        })
    };
    asked
        .iter()
        .filter_map(lacks)
        .map(|(attr, kind)| {
            let message = format!("a {kind} never has {attr:?}, so this never forbids one");
            Finding::new(Code::PolicyForbidType, format!("has {attr}"), message)
        })
        .collect()
}
