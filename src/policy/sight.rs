//! What policies can see of a person, so that people who look the same are asked about once.
//!
//! Of what the policy repo says of a person, a rule reads only what it names: roles by name, the
//! role that is being voted for, flags. Bans and names are left to [`super::alike`], since the
//! host reads bans too. Where a rule reads more than can be told from its text, it sees everything.

use std::collections::BTreeSet;

use cedar_policy::pst::{BinaryOp, Expr, Literal, Var};

use crate::domain::id::RoleName;

use super::rule::{Rule, each_below};

/// What some rules can see of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sight {
    /// Roles: whether somebody holds them.
    pub roles: BTreeSet<RoleName>,
    /// Flags.
    pub flags: bool,
    /// All roles and flags.
    pub everything: bool,
}

impl Sight {
    /// Returns what one rule sees.
    pub fn of(rule: &Rule) -> Self {
        let mut sight = Self::default();
        let roles = rule.named().into_iter().filter(|uid| uid.ty.to_string() == "Role");
        sight.roles.extend(roles.filter_map(|uid| uid.eid.parse().ok()));
        for conjunct in &rule.conjuncts {
            each_below(&conjunct.expr, &mut |part| sight.read(part));
        }
        sight
    }

    /// Adds what others see.
    pub fn add(&mut self, other: &Self) {
        self.roles.extend(other.roles.iter().cloned());
        self.flags |= other.flags;
        self.everything |= other.everything;
    }

    /// Adds roles that whoever asks looks at.
    pub fn with<'a>(mut self, roles: impl IntoIterator<Item = &'a RoleName>) -> Self {
        self.roles.extend(roles.into_iter().cloned());
        self
    }

    fn read(&mut self, part: &Expr) {
        match part {
            Expr::GetAttr { attr, .. } => self.flags |= attr == "flags",
            Expr::HasAttr { attrs, .. } => self.flags |= attrs.iter().any(|attr| attr == "flags"),
            Expr::BinaryOp { op: BinaryOp::In, right, .. } => self.everything |= !is_told(right),
            Expr::Is { in_expr: Some(other), .. } => self.everything |= !is_told(other),
            // How many approve by a role.
            Expr::BinaryOp { op: BinaryOp::HasTag | BinaryOp::GetTag, right, .. } => {
                match right.as_ref() {
                    Expr::Literal(Literal::String(role)) => self.roles.extend(role.parse().ok()),
                    _ => self.everything = true,
                }
            }
            Expr::Slot(_) | Expr::Unknown { .. } => self.everything = true,
            _ => {}
        }
    }
}

/// Says whether the text tells in what something is to lie: named entities, or the role that is
/// voted for, which whoever asks adds.
fn is_told(place: &Expr) -> bool {
    match place {
        Expr::Literal(_) => true,
        Expr::Set(items) => items.iter().all(|item| is_told(item)),
        Expr::GetAttr { expr, attr } => {
            attr == "role" && matches!(expr.as_ref(), Expr::Var(Var::Context))
        }
        _ => false,
    }
}
