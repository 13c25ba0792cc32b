//! What strict validation lets pass and would quietly never match: a name that nothing bears, an
//! attribute that nothing has, an intent that nothing permits.
//!
//! Each lint reads the policy's parts ([`Rule`]) and tells what it found with the words to point
//! at; the place is looked up in the policy's text.

mod closed;
mod names;
mod schedules;
mod shape;
mod types;

use std::collections::BTreeSet;

use cedar_policy::pst::Expr;

use crate::domain::diagnostic::{Code, Diagnostic};
use crate::domain::repo::{PolicyFile, PolicyRepo};

use super::facts::Facts;
use super::rule::{Rule, each_below};
use super::source::{find_policy, place};
use super::vocabulary::Vocabulary;

pub(super) use closed::closed_intents;
pub(super) use schedules::closed_schedules;

/// What lints may read.
pub(super) struct Subject<'a> {
    /// The policy repo.
    pub repo: &'a PolicyRepo,
    /// The words that policies may use.
    pub vocabulary: &'a Vocabulary,
    /// The entities there are.
    pub facts: &'a Facts,
    /// Flags that somebody bears.
    pub flags: BTreeSet<&'a str>,
}

impl<'a> Subject<'a> {
    /// Gathers what lints may read.
    pub fn new(repo: &'a PolicyRepo, vocabulary: &'a Vocabulary, facts: &'a Facts) -> Self {
        let flags = repo.people.values().flat_map(|person| &person.flags);
        Self { repo, vocabulary, facts, flags: flags.map(|flag| flag.as_str()).collect() }
    }
}

/// Something that a lint found in a rule.
struct Finding {
    code: Code,
    /// The text to point at.
    at: String,
    message: String,
    hint: Option<String>,
}

impl Finding {
    fn new(code: Code, at: String, message: String) -> Self {
        Self { code, at, message, hint: None }
    }

    fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

/// One lint.
type Lint = fn(&Subject<'_>, &Rule) -> Vec<Finding>;

const LINTS: [Lint; 6] = [
    shape::unknown_has,
    shape::forbid_without_type,
    names::unknown_entities,
    names::unknown_roles,
    names::unknown_flags,
    names::unknown_values,
];

/// Runs every lint over one rule of `file`.
pub(super) fn lint(subject: &Subject<'_>, file: &PolicyFile, rule: &Rule) -> Vec<Diagnostic> {
    let start = find_policy(file, &rule.text, 0).unwrap_or_default();
    let findings = LINTS.iter().flat_map(|lint| lint(subject, rule));
    findings
        .map(|finding| {
            let offset = rule.text.find(&finding.at).unwrap_or_default();
            let place = place(file, start + offset);
            let hint = finding.hint;
            Diagnostic::new(finding.code, place, finding.message).hinted(hint)
        })
        .collect()
}

/// Calls `visit` with every part of every condition of a rule, the rule's conjuncts first.
fn each_part<'a>(rule: &'a Rule, visit: &mut impl FnMut(&'a Expr)) {
    for conjunct in &rule.conjuncts {
        each_below(&conjunct.expr, visit);
    }
}

/// Returns the candidate nearest to a misspelt name, as a hint.
fn did_you_mean<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(wrong, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| format!("did you mean {candidate:?}?"))
}
