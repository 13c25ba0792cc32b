//! Conditions of policies in words, for people who were denied. What has no words is shown as
//! the policy writes it.

use cedar_policy::pst::{BinaryOp, Expr, Literal, Var};
use cedar_policy::{EntityUid, EvalResult};

use crate::domain::intent::Intent;

use super::Snapshot;
use super::ask::Ready;
use super::explain::entity_uid;
use super::facts::uid;
use super::rule::Conjunct;

/// Whether a principal is in the scope of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// It is.
    Holds,
    /// It is not: what it lacks, to be said after the principal's name.
    Lacks(String),
}

/// Says of a condition that does not hold what is lacking. `who` is how the principal is called.
pub(super) fn lacking(
    snapshot: &Snapshot,
    conjunct: &Conjunct,
    ready: &Ready,
    who: &str,
) -> String {
    let intents = snapshot.repo.intents.values();
    let name = ready.resource.id().unescaped();
    let intent = intents
        .into_iter()
        .find(|intent| intent.name.as_str() == name && ready.resource == uid("Intent", name));
    let words = Words { ready, who, intent };
    words.of(&conjunct.expr, conjunct.negated).unwrap_or_else(|| {
        let verb = if conjunct.negated { "holds" } else { "does not hold" };
        format!("the condition `{}` {verb}", conjunct.expr)
    })
}

/// A question, as it is talked about.
struct Words<'a> {
    ready: &'a Ready,
    who: &'a str,
    /// The intent that it is about, if it is about one.
    intent: Option<&'a Intent>,
}

impl Words<'_> {
    /// Words for `expr` being false, or true where it is `negated`.
    fn of(&self, expr: &Expr, negated: bool) -> Option<String> {
        match expr {
            Expr::HasAttr { expr, attrs } if attrs.len() == 1 && !negated => {
                self.absent(expr, attrs.first())
            }
            Expr::GetAttr { expr, attr } if !negated => self.untrue(expr, attr),
            Expr::BinaryOp { op, left, right } => match op {
                BinaryOp::Or if !negated => {
                    Some(format!("{}, and {}", self.of(left, false)?, self.of(right, false)?))
                }
                BinaryOp::In => self.outside(left, right, negated),
                BinaryOp::Contains if !negated => self.not_among(left, right),
                BinaryOp::HasTag if !negated => {
                    Some(format!("nobody of role {} approves", self.shown(right)?))
                }
                _ => self.compared(*op, left, right, negated),
            },
            _ => None,
        }
    }

    fn absent(&self, of: &Expr, attr: &str) -> Option<String> {
        let text = match (of, attr) {
            (Expr::Var(Var::Context), "pr") => {
                match self.attribute(&self.ready.resource, "label") {
                    Some(label) => format!("no pull request with label {} is cited", show(&label)),
                    None => "no pull request is cited".to_owned(),
                }
            }
            (Expr::Var(Var::Context), "channel") => "it was not asked in a channel".to_owned(),
            (Expr::Var(Var::Context), "role") => "no role is named to vote by".to_owned(),
            (Expr::Var(Var::Resource), "label") => {
                format!("{} names no label for pull requests", self.ready.resource.id().unescaped())
            }
            _ => return None,
        };
        Some(text)
    }

    fn untrue(&self, of: &Expr, attr: &str) -> Option<String> {
        let text = match (path(of)?.as_str(), attr) {
            ("context.approvals", "granted") => match self.intent {
                Some(intent) if intent.approval.is_none() => {
                    format!("{} takes no approvals", intent.name)
                }
                Some(_) | None => "not every slot is filled".to_owned(),
            },
            ("context.pr", "merged") => "the cited pull request is not merged".to_owned(),
            ("context.pr", "in_history") => {
                "the cited pull request is not part of the applied revision".to_owned()
            }
            ("context.pr", "independent_review") => {
                "nobody independent reviewed the cited pull request".to_owned()
            }
            ("context", "issued") => {
                format!("{} did not ask for this ban", self.who)
            }
            ("context", "outranks") => {
                let subject = self.ready.resource.id().unescaped().to_owned();
                format!("not every role of @{subject} lies below one of {}'s", self.who)
            }
            _ => return None,
        };
        Some(text)
    }

    fn outside(&self, left: &Expr, right: &Expr, negated: bool) -> Option<String> {
        let EvalResult::EntityUid(group) = self.value(right)? else { return None };
        let name = group.id().unescaped();
        let text = match (left, group.type_name().to_string().as_str(), negated) {
            (Expr::Var(Var::Principal), "Role", false) => {
                format!("{} does not hold role {name}", self.who)
            }
            (Expr::Var(Var::Principal), "Role", true) => format!("{} holds role {name}", self.who),
            (_, "Role", false) => format!("nobody of role {name} approves"),
            (_, "Group", false) => format!("{} is not in group {name}", self.shown(left)?),
            (_, "Group", true) => format!("{} is in group {name}", self.shown(left)?),
            _ => return None,
        };
        Some(text)
    }

    fn not_among(&self, set: &Expr, item: &Expr) -> Option<String> {
        let text = match path(set)?.as_str() {
            "principal.flags" => format!("{} does not bear flag {}", self.who, self.shown(item)?),
            "context.pr.labels" => {
                format!("the cited pull request lacks label {}", self.shown(item)?)
            }
            _ => return None,
        };
        Some(text)
    }

    fn compared(&self, op: BinaryOp, left: &Expr, right: &Expr, negated: bool) -> Option<String> {
        let (subject, wanted) = (self.subject(left)?, self.shown(right)?);
        let actual = self.shown(left)?;
        let must = match (op, negated) {
            (BinaryOp::Eq, false) => return Some(format!("{subject} is {actual}, not {wanted}")),
            (BinaryOp::NotEq, false) | (BinaryOp::Eq, true) => {
                return Some(format!("{subject} is {actual}"));
            }
            (BinaryOp::Less, false) | (BinaryOp::GreaterEq, true) => "below",
            (BinaryOp::LessEq, false) | (BinaryOp::Greater, true) => "at most",
            (BinaryOp::Greater, false) | (BinaryOp::LessEq, true) => "above",
            (BinaryOp::GreaterEq, false) | (BinaryOp::Less, true) => "at least",
            _ => return None,
        };
        Some(format!("{subject} is {actual}, and must be {must} {wanted}"))
    }

    /// Names what a comparison is about.
    fn subject(&self, expr: &Expr) -> Option<String> {
        if let Expr::BinaryOp { op: BinaryOp::GetTag, right, .. } = expr {
            return Some(format!("the number of approvals by role {}", self.shown(right)?));
        }
        let path = path(expr)?;
        let text = match path.as_str() {
            "resource.category" => "the intent's category".to_owned(),
            "resource.risk" => "the intent's risk".to_owned(),
            "context.target" => "the target".to_owned(),
            "context.target.environment" => {
                let Some(EvalResult::EntityUid(target)) = self.context("target") else {
                    return None;
                };
                format!("the environment of {}", target.id().unescaped())
            }
            "context.channel" => "the channel".to_owned(),
            "context.channel.environment" => "the channel's environment".to_owned(),
            "context.via" => "the way it was asked".to_owned(),
            "context.now" => "the time".to_owned(),
            "context.approvals.count" => "the number of approvals".to_owned(),
            "context.pr.age" => "the age of the cited pull request".to_owned(),
            "context.pr.base" => "the branch of the cited pull request".to_owned(),
            "principal" => "who asks".to_owned(),
            other => {
                other.strip_prefix("context.args.").map(|param| format!("argument {param}"))?
            }
        };
        Some(text)
    }

    fn shown(&self, expr: &Expr) -> Option<String> {
        self.value(expr).map(|value| show(&value))
    }

    /// Looks up what a path or literal stands for.
    fn value(&self, expr: &Expr) -> Option<EvalResult> {
        match expr {
            Expr::Literal(Literal::Bool(value)) => Some(EvalResult::Bool(*value)),
            Expr::Literal(Literal::Long(value)) => Some(EvalResult::Long(*value)),
            Expr::Literal(Literal::String(value)) => Some(EvalResult::String(value.to_string())),
            Expr::Literal(Literal::EntityUID(value)) => {
                entity_uid(value).map(EvalResult::EntityUid)
            }
            Expr::Var(Var::Principal) => Some(EvalResult::EntityUid(self.ready.principal.clone())),
            Expr::Var(Var::Resource) => Some(EvalResult::EntityUid(self.ready.resource.clone())),
            Expr::GetAttr { expr, attr } if matches!(expr.as_ref(), Expr::Var(Var::Context)) => {
                self.context(attr)
            }
            Expr::GetAttr { expr, attr } => match self.value(expr)? {
                EvalResult::EntityUid(uid) => self.attribute(&uid, attr),
                EvalResult::Record(record) => record.get(attr.as_str()).cloned(),
                _ => None,
            },
            Expr::BinaryOp { op: BinaryOp::GetTag, left, right } => {
                let (EvalResult::EntityUid(uid), EvalResult::String(tag)) =
                    (self.value(left)?, self.value(right)?)
                else {
                    return None;
                };
                self.ready.entities.get(&uid)?.tag(&tag)?.ok()
            }
            Expr::UnaryOp { expr, .. } => match expr.as_ref() {
                // `duration("7d")` and `datetime("…")` are shown as they are written.
                Expr::Literal(Literal::String(text)) => Some(EvalResult::String(text.to_string())),
                _ => None,
            },
            _ => None,
        }
    }

    fn context(&self, attr: &str) -> Option<EvalResult> {
        self.ready.request.context()?.get(attr)
    }

    fn attribute(&self, uid: &EntityUid, attr: &str) -> Option<EvalResult> {
        self.ready.entities.get(uid)?.attr(attr)?.ok()
    }
}

/// Returns `context.pr.labels` for the like; `None` for anything but attributes of a variable.
fn path(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Var(var) => Some(
            match var {
                Var::Principal => "principal",
                Var::Action => "action",
                Var::Resource => "resource",
                Var::Context => "context",
            }
            .to_owned(),
        ),
        Expr::GetAttr { expr, attr } => Some(format!("{}.{attr}", path(expr)?)),
        _ => None,
    }
}

fn show(value: &EvalResult) -> String {
    match value {
        EvalResult::Bool(value) => value.to_string(),
        EvalResult::Long(value) => value.to_string(),
        EvalResult::String(value) => value.clone(),
        EvalResult::EntityUid(uid) => match uid.type_name().to_string().as_str() {
            "Person" => format!("@{}", uid.id().unescaped()),
            "Service" => format!("service {}", uid.id().unescaped()),
            _ => uid.id().unescaped().to_owned(),
        },
        EvalResult::ExtensionValue(text) => text.clone(),
        EvalResult::Set(_) | EvalResult::Record(_) => value.to_string(),
    }
}
