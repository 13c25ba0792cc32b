//! From the text of policies to something that can be asked: all of it, or what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Expr, Literal};
use cedar_policy::{
    Policy, PolicyId, PolicySet, Schema, ValidationError, ValidationMode, ValidationWarning,
    Validator,
};
use miette::Diagnostic as _;

use crate::domain::decision::RuleRef;
use crate::domain::diagnostic::{Code, Diagnostic, Place};
use crate::domain::id::RepoPath;
use crate::domain::repo::{PolicyFile, PolicyRepo};

use super::alike::Alike;
use super::facts::Facts;
use super::index::Index;
use super::lint::{Subject, closed_intents, lint};
use super::moment::Moment;
use super::rule::{Rule, RuleEffect};
use super::source::{find_policy, from_cedar, place};
use super::vocabulary::Vocabulary;

/// The branch that a supposed pull request is merged into where no policy names one.
const BASE: &str = "main";

/// Rules by `@id`.
type Rules = BTreeMap<String, Arc<Rule>>;

/// The policies of one policy repo, compiled with its facts.
#[derive(Debug, Clone)]
pub struct Policies {
    pub(super) schema: Schema,
    pub(super) facts: Facts,
    pub(super) index: Index,
    pub(super) alike: Alike,
    pub(super) moment: Moment,
    /// The branch that a supposed pull request is merged into.
    pub(super) base: String,
    rules: Rules,
}

impl Policies {
    /// Compiles the policies of `repo`. Either everything is fine, warnings aside, or nothing
    /// is used and every problem that can be told is told.
    pub fn compile(repo: &PolicyRepo) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let vocabulary = Vocabulary::of(repo);
        let schema = Schema::from_cedarschema_str(&vocabulary.schema())
            .map(|(schema, _)| schema)
            .map_err(|problem| {
            let message = format!("the generated schema is not valid: {problem}");
            vec![Diagnostic::new(Code::PolicySyntax, folder(), message)]
        })?;
        let mut problems = vec![];
        let mut rules: Rules = BTreeMap::new();
        for file in &repo.policies {
            for rule in read_file(file, &mut problems) {
                if let Some(first) = rules.get(&rule.at.id) {
                    let message = format!(
                        "policy id {:?} is taken by {}:{}",
                        rule.at.id, first.at.path, first.at.line
                    );
                    problems.push(Diagnostic::new(Code::PolicyIdTwice, place_of(&rule), message));
                } else {
                    rules.insert(rule.at.id.clone(), Arc::new(rule));
                }
            }
        }
        let facts = Facts::of(repo);
        let subject = Subject::new(repo, &vocabulary, &facts);
        problems.extend(check_each(&subject, &rules, &schema));
        if problems.is_empty() {
            problems.extend(check_all(&subject, &rules));
        }
        if !problems.is_empty() {
            problems.sort();
            problems.dedup();
            return Err(problems);
        }
        let index = Index::of(rules.values(), &vocabulary.actions);
        let alike = Alike::of(repo, rules.values().map(AsRef::as_ref));
        let (moment, base) = (Moment::default(), base(&rules));
        Ok((Self { schema, facts, index, alike, moment, base, rules }, vec![]))
    }

    /// Returns the same policies with the facts of `repo`, which differs from the one that they
    /// were compiled for in its bans alone.
    pub(super) fn knowing(&self, repo: &PolicyRepo) -> Self {
        let (facts, alike) = (Facts::of(repo), Alike::of(repo, self.rules()));
        Self { facts, alike, ..self.clone() }
    }

    /// Iterates over all rules in order of id.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values().map(AsRef::as_ref)
    }

    /// Returns a rule by its `@id`.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.get(id).map(AsRef::as_ref)
    }
}

/// Returns the folder of policies as a place.
fn folder() -> Place {
    let path: RepoPath = "policies".parse().expect("a plain name is a path");
    Place { path, line: 0, column: 0 }
}

fn place_of(rule: &Rule) -> Place {
    Place { path: rule.at.path.clone(), line: rule.at.line, column: 1 }
}

/// Parses one file; what cannot be parsed, named or placed is a problem.
fn read_file(file: &PolicyFile, problems: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let set: PolicySet = match file.text.parse() {
        Ok(set) => set,
        Err(report) => {
            let report: cedar_policy::ParseErrors = report;
            problems.push(from_cedar(file, 0, Code::PolicySyntax, &report));
            let related = report.related().into_iter().flatten();
            problems.extend(related.map(|report| from_cedar(file, 0, Code::PolicySyntax, report)));
            return vec![];
        }
    };
    for template in set.templates() {
        let at = find_policy(file, &template.to_cedar(), 0).unwrap_or_default();
        let message = "a policy with slots is a template, and nothing links templates";
        problems.push(Diagnostic::new(Code::PolicyTemplate, place(file, at), message));
    }
    let mut rules = vec![];
    let mut from = 0;
    for policy in set.policies() {
        let text = policy.to_cedar().unwrap_or_default();
        let at = find_policy(file, &text, from).or_else(|| find_policy(file, &text, 0));
        let at = at.unwrap_or_default();
        from = at + text.len();
        match named(file, policy, &text, at) {
            Ok(rule) => rules.push(rule),
            Err(problem) => problems.push(problem),
        }
    }
    rules
}

/// Gives a policy its own id.
fn named(file: &PolicyFile, policy: &Policy, text: &str, at: usize) -> Result<Rule, Diagnostic> {
    let here = place(file, at);
    let wanted = |key: &str, code: Code| {
        let value = policy.annotation(key).filter(|value| !value.trim().is_empty());
        let missing = || Diagnostic::new(code, here.clone(), format!("the policy has no @{key}"));
        value.map(str::to_owned).ok_or_else(missing)
    };
    let id = wanted("id", Code::PolicyIdMissing)?;
    let reason = wanted("reason", Code::PolicyReasonMissing)?;
    let policy = policy.new_id(PolicyId::new(&id));
    let rule_ref = RuleRef { id, path: file.path.clone(), line: here.line };
    Rule::new(policy, rule_ref, reason, text.to_owned()).ok_or_else(|| {
        Diagnostic::new(Code::PolicySyntax, here, "the policy cannot be taken apart")
    })
}

/// Lints and validates each rule.
fn check_each(subject: &Subject<'_>, rules: &Rules, schema: &Schema) -> Vec<Diagnostic> {
    let files = &subject.repo.policies;
    let file_of = |rule: &Rule| files.iter().find(|file| file.path == rule.at.path);
    let mut problems: Vec<Diagnostic> = vec![];
    let mut told: BTreeSet<String> = BTreeSet::new();
    for rule in rules.values() {
        let found = file_of(rule).map(|file| lint(subject, file, rule)).unwrap_or_default();
        if !found.is_empty() {
            told.insert(rule.at.id.clone());
        }
        problems.extend(found);
    }
    let (dead, other): (Vec<_>, Vec<_>) = validate(files, rules, schema.clone())
        .into_iter()
        .partition(|(_, problem)| problem.code == Code::PolicyNeverHolds);
    told.extend(other.iter().map(|(id, _)| id.clone()));
    problems.extend(other.into_iter().map(|(_, problem)| problem));
    // Where something else is wrong with a rule, that is why it never holds; and once is enough.
    problems
        .extend(dead.into_iter().filter_map(|(id, problem)| told.insert(id).then_some(problem)));
    problems
}

/// Finds what only shows in all rules together.
fn check_all(subject: &Subject<'_>, rules: &Rules) -> Vec<Diagnostic> {
    if !rules.values().any(|rule| rule.effect == RuleEffect::Permit) {
        return vec![Diagnostic::new(Code::PolicyNone, folder(), "no policy permits anything")];
    }
    closed_intents(subject, rules.values().map(AsRef::as_ref))
}

/// Validates strictly at level 1; warnings are errors. Each problem comes with its rule's id.
fn validate(files: &[PolicyFile], rules: &Rules, schema: Schema) -> Vec<(String, Diagnostic)> {
    let Ok(set) = PolicySet::from_policies(rules.values().map(|rule| rule.policy.clone())) else {
        return vec![];
    };
    let result = Validator::new(schema).validate_with_level(&set, ValidationMode::Strict, 1);
    let of = |id: &PolicyId, code: Code, report: &dyn miette::Diagnostic| {
        let rule = rules.get(&id.to_string())?;
        let file = files.iter().find(|file| file.path == rule.at.path)?;
        let at = find_policy(file, &rule.text, 0).unwrap_or_default();
        Some((id.to_string(), from_cedar(file, at, code, report)))
    };
    let errors =
        result.validation_errors().filter_map(|error| of(error.policy_id(), code_of(error), error));
    let warnings = result
        .validation_warnings()
        .filter_map(|warning| of(warning.policy_id(), code_of_warning(warning), warning));
    errors.chain(warnings).collect()
}

/// Returns the branch that a supposed pull request is merged into: the first that a rule asks
/// for, so that it is as good as rules can ask.
fn base(rules: &Rules) -> String {
    let named = rules.values().flat_map(|rule| &rule.conjuncts).find_map(|conjunct| {
        let Expr::BinaryOp { op: BinaryOp::Eq, left, right } = conjunct.expr.as_ref() else {
            return None;
        };
        match (left.as_ref(), right.as_ref()) {
            (Expr::GetAttr { attr, .. }, Expr::Literal(Literal::String(text)))
                if attr == "base" && !conjunct.negated =>
            {
                Some(text.to_string())
            }
            _ => None,
        }
    });
    named.unwrap_or_else(|| BASE.to_owned())
}

fn code_of(error: &ValidationError) -> Code {
    match error {
        ValidationError::UnrecognizedEntityType(_) => Code::PolicyUnknownType,
        ValidationError::UnrecognizedActionId(_) => Code::PolicyUnknownAction,
        ValidationError::UnsafeAttributeAccess(_) => Code::PolicyUnknownAttribute,
        ValidationError::UnsafeOptionalAttributeAccess(_) | ValidationError::UnsafeTagAccess(_) => {
            Code::PolicyUnguarded
        }
        ValidationError::EntityDerefLevelViolation(_) => Code::PolicyTooDeep,
        ValidationError::InvalidEnumEntity(_) => Code::PolicyEnum,
        ValidationError::InvalidActionApplication(_) => Code::PolicyNeverHolds,
        _ => Code::PolicyType,
    }
}

fn code_of_warning(warning: &ValidationWarning) -> Code {
    match warning {
        ValidationWarning::ImpossiblePolicy(_) | ValidationWarning::InvalidActionApplication(_) => {
            Code::PolicyNeverHolds
        }
        _ => Code::PolicyConfusable,
    }
}
