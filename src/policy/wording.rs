//! Conditions of policies in words, for people who were denied.

use super::ask::Ready;
use super::rule::Conjunct;

/// Whether a principal is in the scope of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// It is.
    Holds,
    /// It is not: what it lacks, to be said after the principal's name.
    Lacks(String),
}

/// Says of a condition that does not hold what is lacking.
pub(super) fn lacking(conjunct: &Conjunct, _ready: &Ready, _who: &str) -> String {
    let not = if conjunct.negated { "true" } else { "not true" };
    format!("{not}: {}", conjunct.expr)
}
