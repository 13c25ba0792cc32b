//! One policy of the policy repo, with where it stands and what it asks for piece by piece.

use std::sync::Arc;

use cedar_policy::pst::{
    ActionConstraint, BinaryOp, Clause, Effect, EntityOrSlot, EntityUID, Expr, Literal,
    PrincipalConstraint, ResourceConstraint, StaticPolicy, Template, UnaryOp, Var,
};
use cedar_policy::{Policy, PolicySet};

use crate::domain::decision::RuleRef;

use super::guard::{Guard, guards};

/// What a rule does when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleEffect {
    /// It permits.
    Permit,
    /// It forbids, whatever permits.
    Forbid,
}

/// One policy.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its `@id` and where it stands.
    pub at: RuleRef,
    /// What it does.
    pub effect: RuleEffect,
    /// Its `@reason`.
    pub reason: String,
    /// Its text.
    pub text: String,
    /// Cedar's form.
    pub(super) policy: Policy,
    /// The same, to be asked by itself.
    pub(super) alone: PolicySet,
    /// What it needs first.
    pub(super) guards: Vec<Guard>,
    /// Its parts.
    pub(super) body: Template,
    /// What must all be true beside the scope.
    pub(super) conjuncts: Vec<Conjunct>,
    /// One permit for each conjunct, with its place as id.
    pub(super) probes: PolicySet,
}

/// One of the things that must all be true for a rule to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conjunct {
    /// What it says.
    pub expr: Arc<Expr>,
    /// Whether it must be false instead.
    pub negated: bool,
}

impl Rule {
    /// Takes a static policy apart. `None`: Cedar cannot represent it, which parsing excludes.
    pub(super) fn new(policy: Policy, at: RuleRef, reason: String, text: String) -> Option<Self> {
        let body = policy.to_pst().ok()?.body().clone();
        let effect = match body.effect {
            Effect::Permit => RuleEffect::Permit,
            Effect::Forbid => RuleEffect::Forbid,
        };
        let mut conjuncts = vec![];
        for clause in body.clauses() {
            match clause {
                Clause::When(expr) => split(expr, false, &mut conjuncts),
                Clause::Unless(expr) => split(expr, true, &mut conjuncts),
            }
        }
        let (probes, guards) = (probes(&conjuncts)?, guards(&body, &conjuncts));
        let alone = PolicySet::from_policies([policy.clone()]).ok()?;
        Some(Self { at, effect, reason, text, policy, alone, guards, body, conjuncts, probes })
    }
}

impl Rule {
    /// Returns every entity that it names, actions aside.
    pub(super) fn named(&self) -> Vec<&EntityUID> {
        let mut named: Vec<&EntityUID> = vec![];
        if let PrincipalConstraint::Eq(EntityOrSlot::Entity(uid))
        | PrincipalConstraint::In(EntityOrSlot::Entity(uid))
        | PrincipalConstraint::IsIn(_, EntityOrSlot::Entity(uid)) = &self.body.principal
        {
            named.push(uid);
        }
        if let ResourceConstraint::Eq(EntityOrSlot::Entity(uid))
        | ResourceConstraint::In(EntityOrSlot::Entity(uid))
        | ResourceConstraint::IsIn(_, EntityOrSlot::Entity(uid)) = &self.body.resource
        {
            named.push(uid);
        }
        for conjunct in &self.conjuncts {
            each_below(&conjunct.expr, &mut |part| {
                if let Expr::Literal(Literal::EntityUID(uid)) = part {
                    named.push(uid);
                }
            });
        }
        named
    }
}

impl Conjunct {
    /// Says whether it reads the resource and nothing of who asks or how.
    pub fn is_fixed(&self) -> bool {
        let mut reads_resource = false;
        let mut reads_more = false;
        each_below(&self.expr, &mut |part| match part {
            Expr::Var(Var::Resource) => reads_resource = true,
            Expr::Var(Var::Principal | Var::Context) => reads_more = true,
            _ => {}
        });
        reads_resource && !reads_more
    }
}

/// Splits `a && b` (or the negation of `a || b`) into its parts.
fn split(expr: &Arc<Expr>, negated: bool, into: &mut Vec<Conjunct>) {
    match expr.as_ref() {
        Expr::BinaryOp { op: BinaryOp::And, left, right } if !negated => {
            split(left, negated, into);
            split(right, negated, into);
        }
        Expr::BinaryOp { op: BinaryOp::Or, left, right } if negated => {
            split(left, negated, into);
            split(right, negated, into);
        }
        Expr::UnaryOp { op: UnaryOp::Not, expr } => split(expr, !negated, into),
        _ => into.push(Conjunct { expr: Arc::clone(expr), negated }),
    }
}

fn probes(conjuncts: &[Conjunct]) -> Option<PolicySet> {
    let probes = conjuncts.iter().enumerate().map(|(place, conjunct)| {
        let clause = if conjunct.negated { Clause::Unless } else { Clause::When };
        let body = Template::new(
            cedar_policy::pst::PolicyID(place.to_string().into()),
            Effect::Permit,
            PrincipalConstraint::Any,
            ActionConstraint::Any,
            ResourceConstraint::Any,
        );
        let body = body.try_with_clauses([clause(Arc::clone(&conjunct.expr))]).ok()?;
        Policy::from_pst(StaticPolicy::try_from(body).ok()?.into()).ok()
    });
    PolicySet::from_policies(probes.collect::<Option<Vec<_>>>()?).ok()
}

/// Calls `visit` with `expr` and every part of it.
pub(super) fn each_below<'a>(expr: &'a Expr, visit: &mut impl FnMut(&'a Expr)) {
    visit(expr);
    match expr {
        Expr::UnaryOp { expr, .. }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. } => each_below(expr, visit),
        Expr::BinaryOp { left, right, .. } => {
            each_below(left, visit);
            each_below(right, visit);
        }
        Expr::Is { expr, in_expr, .. } => {
            each_below(expr, visit);
            if let Some(other) = in_expr {
                each_below(other, visit);
            }
        }
        Expr::IfThenElse { cond, then_expr, else_expr } => {
            each_below(cond, visit);
            each_below(then_expr, visit);
            each_below(else_expr, visit);
        }
        Expr::Set(items) => items.iter().for_each(|item| each_below(item, visit)),
        Expr::Record(fields) => fields.values().for_each(|field| each_below(field, visit)),
        // Literals, variables; slots and unknowns do not come in static policies.
        _ => {}
    }
}
