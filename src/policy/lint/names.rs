//! Names that policies write and nothing bears.

use cedar_policy::EntityUid;
use cedar_policy::pst::{BinaryOp, Expr, Literal, Var};

use crate::domain::diagnostic::Code;
use crate::domain::param::ParamKind;
use crate::policy::explain::entity_uid;
use crate::policy::rule::Rule;

use super::types::types;
use super::{Finding, Subject, did_you_mean, each_part};

/// Every entity that a rule names exists. Enumerations and actions Cedar checks itself.
pub(super) fn unknown_entities(subject: &Subject<'_>, rule: &Rule) -> Vec<Finding> {
    rule.named()
        .into_iter()
        .filter(|uid| subject.vocabulary.attributes.contains_key(&uid.ty.to_string()))
        .filter_map(entity_uid)
        .filter(|uid| !exists(subject, uid))
        .map(|uid| {
            let kind = uid.type_name().to_string();
            let name = uid.id().unescaped().to_owned();
            let others = subject.facts.of_kind(&kind);
            let hint = did_you_mean(&name, others.iter().map(String::as_str));
            let message = format!("there is no {} {name:?}", kind.to_lowercase());
            let at = format!("{kind}::{name:?}");
            Finding::new(Code::PolicyUnknownEntity, at, message).hint(hint)
        })
        .collect()
}

fn exists(subject: &Subject<'_>, uid: &EntityUid) -> bool {
    let host = uid.id().unescaped().strip_prefix("host:");
    let is_host = host.is_some_and(|user| user.bytes().all(|byte| byte.is_ascii_digit()));
    subject.facts.contains(uid) || (uid.type_name().to_string() == "Service" && is_host)
}

/// Roles by which approvals are counted exist.
pub(super) fn unknown_roles(subject: &Subject<'_>, rule: &Rule) -> Vec<Finding> {
    let roles = &subject.repo.roles.0;
    let mut found = vec![];
    each_part(rule, &mut |part| {
        let Expr::BinaryOp { op: BinaryOp::HasTag | BinaryOp::GetTag, right, .. } = part else {
            return;
        };
        let Some(name) = text(right) else { return };
        if !roles.keys().any(|role| role.as_str() == name) {
            let hint = did_you_mean(name, roles.keys().map(|role| role.as_str()));
            let message = format!("there is no role {name:?}");
            let at = format!("{name:?}");
            found.push(Finding::new(Code::PolicyUnknownRole, at, message).hint(hint));
        }
    });
    found
}

/// Flags that a rule asks for are borne by somebody.
pub(super) fn unknown_flags(subject: &Subject<'_>, rule: &Rule) -> Vec<Finding> {
    let flags = &subject.flags;
    let mut found = vec![];
    each_part(rule, &mut |part| {
        let Expr::BinaryOp {
            op: BinaryOp::Contains | BinaryOp::ContainsAll | BinaryOp::ContainsAny,
            left,
            right,
        } = part
        else {
            return;
        };
        if !are_flags(subject, rule, left) {
            return;
        }
        for name in texts(right).filter(|name| !flags.contains(name)) {
            let hint = did_you_mean(name, flags.iter().copied());
            let message = format!("nobody bears the flag {name:?}");
            let at = format!("{name:?}");
            found.push(Finding::new(Code::PolicyUnknownFlag, at, message).hint(hint));
        }
    });
    found
}

fn are_flags(subject: &Subject<'_>, rule: &Rule, expr: &Expr) -> bool {
    let Expr::GetAttr { expr, attr } = expr else { return false };
    let of = types(subject.vocabulary, rule, expr);
    (attr == "flags" && of.contains("Person")) || (attr == "author_flags" && of.contains("Pull"))
}

/// Values that an argument is compared with are ones it can have.
pub(super) fn unknown_values(subject: &Subject<'_>, rule: &Rule) -> Vec<Finding> {
    let mut found = vec![];
    each_part(rule, &mut |part| {
        let Expr::BinaryOp { op, left, right } = part else { return };
        let (param, values) = match op {
            BinaryOp::Eq | BinaryOp::NotEq => match (argument(left), argument(right)) {
                (Some(param), _) => (param, right),
                (None, Some(param)) => (param, left),
                (None, None) => return,
            },
            BinaryOp::Contains => match argument(right) {
                Some(param) => (param, left),
                None => return,
            },
            _ => return,
        };
        let Some(allowed) = enumerated(subject, param) else { return };
        for value in texts(values).filter(|value| !allowed.contains(value)) {
            let hint = did_you_mean(value, allowed.iter().copied())
                .or_else(|| Some(format!("it can be one of {}", allowed.join(", "))));
            let message = format!("argument {param} can never be {value:?}");
            let at = format!("{value:?}");
            found.push(Finding::new(Code::PolicyUnknownValue, at, message).hint(hint));
        }
    });
    found
}

/// Returns the parameter if `expr` is `context.args.param`.
fn argument(expr: &Expr) -> Option<&str> {
    let Expr::GetAttr { expr, attr: param } = expr else { return None };
    let Expr::GetAttr { expr, attr } = expr.as_ref() else { return None };
    (attr == "args" && **expr == Expr::Var(Var::Context)).then_some(param.as_str())
}

/// Returns every value that a parameter can have, if each intent that has it lists them.
fn enumerated<'a>(subject: &Subject<'a>, param: &str) -> Option<Vec<&'a str>> {
    let mut allowed = vec![];
    for intent in subject.repo.intents.values() {
        let declared = intent.params.iter().find(|(name, _)| name.as_str() == param);
        match declared.map(|(_, param)| &param.kind) {
            Some(ParamKind::String { one_of, .. }) if !one_of.is_empty() => {
                allowed.extend(one_of.iter().map(String::as_str));
            }
            Some(_) => return None,
            None => {}
        }
    }
    Some(allowed)
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(Literal::String(text)) => Some(text.as_str()),
        _ => None,
    }
}

/// Returns the text that `expr` is, or the texts of the set that it is.
fn texts(expr: &Expr) -> impl Iterator<Item = &str> {
    let items: Vec<&Expr> = match expr {
        Expr::Set(items) => items.iter().map(AsRef::as_ref).collect(),
        other => vec![other],
    };
    items.into_iter().filter_map(text)
}
