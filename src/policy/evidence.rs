//! Evidence as Cedar entities: the approvals in hand, the cited pull request, and what one can
//! suppose in their place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cedar_policy::{EntityUid, RestrictedExpression};
use jiff::SignedDuration;

use crate::domain::duration::words;
use crate::domain::evidence::Citation;
use crate::domain::id::{PersonId, RoleName};
use crate::domain::intent::{Intent, Slot};
use crate::domain::repo::PolicyRepo;

use super::facts::{Fact, stand_in, texts, uid};

/// What supports a question: in hand, or supposed.
#[derive(Debug, Clone)]
pub(super) struct Support {
    /// The entity `context.approvals`.
    pub approvals: EntityUid,
    /// The entity `context.pr`.
    pub pull: Option<EntityUid>,
    /// The entities themselves, with people who do not exist.
    pub facts: Vec<Fact>,
}

/// Approvals that count.
#[derive(Debug, Clone, Default)]
pub(super) struct Approvals<'a> {
    /// Who approves.
    pub people: Vec<&'a PersonId>,
    /// Slots that are filled by people who do not exist.
    pub supposed: Vec<Slot>,
    /// Whether every slot is filled; never without slots.
    pub granted: bool,
}

/// A citation that counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cited<'a> {
    /// None.
    Nothing,
    /// The one in hand.
    InHand(&'a Citation),
    /// One as good as the intent can ask for.
    Perfect(&'a str),
}

impl Support {
    /// Makes the entities.
    pub fn new(
        repo: &PolicyRepo,
        intent: &Intent,
        approvals: &Approvals<'_>,
        cited: Cited<'_>,
    ) -> Self {
        let mut facts = approvals_facts(repo, approvals);
        let approvals = uid("Approvals", "in-hand");
        let pull = match cited {
            Cited::Nothing => None,
            Cited::InHand(citation) => Some(pull_fact(repo, citation)),
            Cited::Perfect(base) => {
                facts.push(stand_in("author", None));
                Some(perfect_pull(intent, base))
            }
        };
        let pull = pull.map(|fact| {
            let uid = fact.uid.clone();
            facts.push(fact);
            uid
        });
        Self { approvals, pull, facts }
    }
}

fn approvals_facts(repo: &PolicyRepo, approvals: &Approvals<'_>) -> Vec<Fact> {
    let mut per_role: BTreeMap<RoleName, i64> = BTreeMap::new();
    let mut count = |roles: BTreeSet<RoleName>| {
        for role in roles {
            *per_role.entry(role).or_default() += 1;
        }
    };
    let mut people: Vec<EntityUid> = vec![];
    let mut facts = vec![];
    for person in &approvals.people {
        count(repo.roles_of(person));
        people.push(uid("Person", person.as_str()));
    }
    for slot in &approvals.supposed {
        for _ in 0..slot.count {
            count(repo.roles.closure(&slot.role));
            let fact = stand_in(&format!("{}#{}", slot.role, people.len()), Some(&slot.role));
            people.push(fact.uid.clone());
            facts.push(fact);
        }
    }
    let names = people.iter().cloned().map(RestrictedExpression::new_entity_uid);
    let total = i64::try_from(people.len()).unwrap_or(i64::MAX);
    let mut fact = Fact::new(uid("Approvals", "in-hand"))
        .with("count", RestrictedExpression::new_long(total))
        .with("granted", RestrictedExpression::new_bool(approvals.granted))
        .with("approvers", RestrictedExpression::new_set(names))
        .within(people.iter().cloned());
    fact.names = people;
    fact.tags = per_role
        .into_iter()
        .map(|(role, count)| (role.to_string(), RestrictedExpression::new_long(count)))
        .collect();
    facts.push(fact);
    facts
}

/// No time at all, made once: Cedar's parser makes durations.
static NO_TIME: LazyLock<RestrictedExpression> = LazyLock::new(|| duration(SignedDuration::ZERO));

fn duration(span: SignedDuration) -> RestrictedExpression {
    let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    RestrictedExpression::new_duration(format!("{millis}ms"))
}

fn pull_fact(repo: &PolicyRepo, citation: &Citation) -> Fact {
    let pull = &citation.pull;
    let number = i64::try_from(pull.pull.number).unwrap_or(i64::MAX);
    let known = |person: &Option<PersonId>| {
        person
            .as_ref()
            .filter(|person| repo.people.contains_key(*person))
            .map(|person| uid("Person", person.as_str()))
    };
    let fact = Fact::new(uid("Pull", &pull.pull.to_string()))
        .with("repo", RestrictedExpression::new_string(pull.pull.repo.clone()))
        .with("number", RestrictedExpression::new_long(number))
        .with("merged", RestrictedExpression::new_bool(pull.merged))
        .with("base", RestrictedExpression::new_string(pull.base.clone()))
        .with("labels", texts(&pull.labels))
        .with("author_flags", texts(&citation.author_flags))
        .with("age", duration(citation.age))
        .with("independent_review", RestrictedExpression::new_bool(citation.independent_review))
        .with("in_history", RestrictedExpression::new_bool(citation.in_history));
    let fact = match known(&pull.author) {
        Some(author) => fact.naming("author", author),
        None => fact,
    };
    match known(&pull.labelled_by) {
        Some(person) => fact.naming("labelled_by", person),
        None => fact,
    }
}

/// Returns a pull request that nobody could object to: merged, reviewed, fresh, with the
/// intent's label, by somebody without flags.
fn perfect_pull(intent: &Intent, base: &str) -> Fact {
    let author = uid("Person", "?author");
    Fact::new(uid("Pull", "?perfect"))
        .with("repo", RestrictedExpression::new_string(String::new()))
        .with("number", RestrictedExpression::new_long(1))
        .with("merged", RestrictedExpression::new_bool(true))
        .with("base", RestrictedExpression::new_string(base.to_owned()))
        .with("labels", texts(&intent.label))
        .with("author_flags", texts::<&str>([]))
        .with("age", NO_TIME.clone())
        .with("independent_review", RestrictedExpression::new_bool(true))
        .with("in_history", RestrictedExpression::new_bool(true))
        .naming("author", author.clone())
        .naming("labelled_by", author)
}

/// Says why a cited pull request is no evidence for `intent`, whatever policies say; empty if it
/// counts.
pub fn objections(intent: &Intent, citation: &Citation) -> Vec<String> {
    let Some(cite) = &intent.cite else {
        return vec![format!("{} takes no pull request as evidence", intent.name)];
    };
    let mut found = vec![];
    let mut object = |holds: bool, text: String| {
        if holds {
            found.push(text);
        }
    };
    object(!citation.pull.merged, "it is not merged".to_owned());
    object(
        citation.pull.merged && !citation.in_history,
        "its merge is not part of the applied revision".to_owned(),
    );
    if let Some(label) = &intent.label {
        object(!citation.pull.labels.contains(label), format!("it lacks the label {label}"));
    }
    object(
        citation.age > cite.within,
        format!(
            "it was merged {} ago, and {} takes at most {}",
            words(citation.age),
            intent.name,
            words(cite.within)
        ),
    );
    object(
        !citation.independent_review,
        "nobody but requester and author, who may approve, reviewed or merged it".to_owned(),
    );
    object(
        cite.bind && !citation.bound,
        "it does not name this command with these arguments and targets".to_owned(),
    );
    found
}
