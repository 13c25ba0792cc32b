//! The delta guard and the words for what a revision changes, asked of two snapshots.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::body::Span;
use crate::domain::revision_change::{
    self as change, HighWater, PolicyEffect, PolicyText, Revised,
};
use crate::policy::{RuleEffect, Snapshot};
use crate::ports::store::SourceState;

fn policies(snapshot: &Snapshot) -> BTreeMap<String, PolicyText> {
    let text = |rule: &crate::policy::Rule| PolicyText {
        effect: match rule.effect {
            RuleEffect::Permit => PolicyEffect::Permit,
            RuleEffect::Forbid => PolicyEffect::Forbid,
        },
        text: rule.text.clone(),
    };
    snapshot.policies.rules().map(|rule| (rule.at.id.clone(), text(rule))).collect()
}

/// Returns why the delta guard holds a snapshot, in words, if it does.
pub(super) fn objection(state: &SourceState, next: &Snapshot, now: Timestamp) -> Option<String> {
    state.applied.as_ref()?;
    let policies = policies(next);
    let names = change::names(&Revised { repo: &next.repo, policies: &policies }, now);
    let findings = change::findings(&state.high_water, &names, now);
    let words: Vec<String> = findings.iter().map(ToString::to_string).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// Keeps what the guard compares with from now on.
pub(super) fn remember(state: &mut SourceState, applied: &Snapshot, now: Timestamp) {
    let policies = policies(applied);
    let names = change::names(&Revised { repo: &applied.repo, policies: &policies }, now);
    let findings = change::findings(&state.high_water, &names, now);
    let new = HighWater { at: now, revision: applied.revision.clone(), names };
    state.high_water = change::remember(std::mem::take(&mut state.high_water), new, &findings);
}

/// Says in words what a revision changes; nothing for the first.
pub(super) fn words(before: Option<&Snapshot>, after: &Snapshot, now: Timestamp) -> Vec<Vec<Span>> {
    let Some(before) = before else { return Vec::new() };
    let (old, new) = (policies(before), policies(after));
    change::words(
        &Revised { repo: &before.repo, policies: &old },
        &Revised { repo: &after.repo, policies: &new },
        now,
    )
}
