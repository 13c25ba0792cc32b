//! What follows from a look.

use jiff::Timestamp;
use serde_json::json;

use super::super::{Difference, Found, Incident, Watch};
use super::{
    Effect, Note, Observation, TOLD_AFTER, TRIES, Terms, WITHIN, close, turn_to_ask, whole,
};
use crate::domain::audit;
use crate::domain::intent::OnDrift;

pub(super) fn observed(
    next: &mut Watch,
    effects: &mut Vec<Effect>,
    observation: Observation,
    terms: &Terms,
    now: Timestamp,
) {
    next.checked = Some(now);
    if let Some(incident) = &mut next.incident {
        follow(incident, effects, terms);
    }
    let (found, why) = match &observation {
        Observation::InSync => (Found::InSync, None),
        Observation::Differs(_) => (Found::Differs, None),
        Observation::Unknown { why } => (Found::Unknown, Some(why.clone())),
        Observation::Denied { why } => (Found::Denied, Some(why.clone())),
    };
    next.failures = if found == Found::Unknown { next.failures.saturating_add(1) } else { 0 };
    let fresh = match (&observation, &next.incident) {
        (Observation::Differs(difference), incident) => {
            let before = incident.as_ref().and_then(|it| it.difference.as_ref());
            before.is_none_or(|before| before.fingerprint != difference.fingerprint)
        }
        _ => false,
    };
    if next.found != found || next.why != why || fresh {
        let fingerprint = match &observation {
            Observation::Differs(difference) => Some(difference.fingerprint),
            _ => None,
        };
        effects.push(Effect::Audit {
            event: audit::Event::DriftFound,
            by: None,
            detail: whole(
                &next.key,
                next.incident.as_ref().map(|incident| incident.id),
                json!({ "found": found, "why": why, "fingerprint": fingerprint }),
            ),
        });
    }
    if next.found != found {
        next.since = now;
    }
    next.found = found;
    next.why = why;
    match observation {
        Observation::InSync => cleared(next, effects, now),
        Observation::Differs(difference) => differs(next, effects, difference, terms, now),
        Observation::Unknown { why } => unknown(next, effects, why, terms, now),
        // What was seen before may still be so; nobody can look.
        Observation::Denied { why } => {
            if let Some(incident) = &mut next.incident
                && incident.why.as_ref() != Some(&why)
            {
                incident.why = Some(why);
                effects.push(Effect::Repaint);
            }
        }
    }
}

/// Does from here on what the intent says now; but `auto` that was given up stays so.
fn follow(incident: &mut Incident, effects: &mut Vec<Effect>, terms: &Terms) {
    incident.turned &= terms.on_drift == OnDrift::Auto;
    if incident.on_drift != terms.on_drift && !incident.turned {
        incident.on_drift = terms.on_drift;
        incident.held = None;
        effects.push(Effect::Repaint);
    }
}

fn cleared(next: &mut Watch, effects: &mut Vec<Effect>, now: Timestamp) {
    let Some(incident) = next.incident.take() else { return };
    let unjudged = incident.tried.as_ref().filter(|tried| tried.unjudged);
    let by = unjudged.map(|tried| tried.repair.request);
    let why = match by {
        Some(request) => format!("repaired by {request}"),
        None if incident.difference.is_none() => "it can be told again, and is as declared".into(),
        None => "it is as declared again".to_owned(),
    };
    next.incident = close(incident, effects, why, by, now);
}

fn differs(
    next: &mut Watch,
    effects: &mut Vec<Effect>,
    difference: Difference,
    terms: &Terms,
    now: Timestamp,
) {
    let Some(incident) = &mut next.incident else {
        let mut incident = open(next, terms, Found::Differs, now);
        incident.difference = Some(difference);
        incident.differences = 1;
        let repair = incident.on_drift == OnDrift::Auto;
        next.incident = Some(incident);
        effects.push(Effect::Repaint);
        effects.extend(repair.then_some(Effect::Repair));
        return;
    };
    let was = incident.found;
    let before = incident.difference.as_ref().map(|before| before.fingerprint);
    incident.found = Found::Differs;
    if incident.why.take().is_some() {
        effects.push(Effect::Repaint);
    }
    if before != Some(difference.fingerprint) {
        incident.difference = Some(difference);
        incident.differences += 1;
        incident.changed = now;
        incident.told = now;
        incident.branch = None;
        effects.push(Effect::Repaint);
        effects.push(Effect::Note(match incident.ignored.take() {
            Some(_) => Note::IgnoreLapsed,
            None => Note::Changed,
        }));
    } else if was == Found::Unknown {
        effects.extend([Effect::Repaint, Effect::Note(Note::Back)]);
    }
    judge(incident, effects, now);
}

/// Says what the repair before this look came to, and whether Tribune tries again.
fn judge(incident: &mut Incident, effects: &mut Vec<Effect>, now: Timestamp) {
    let since = now.checked_sub(WITHIN).unwrap_or(Timestamp::MIN);
    incident.failed.retain(|at| *at > since);
    let judged = incident.tried.as_mut().filter(|tried| tried.unjudged).map(|tried| {
        tried.unjudged = false;
        tried.repair.clone()
    });
    let Some(repair) = judged else {
        let idle = incident.repair.is_none() && incident.ignored.is_none();
        if incident.on_drift == OnDrift::Auto && idle {
            effects.push(Effect::Repair);
        }
        return;
    };
    incident.failed.push(now);
    effects.extend([Effect::Repaint, Effect::Note(Note::StillDiffers(repair.request))]);
    if incident.on_drift == OnDrift::Auto && incident.failed.len() >= TRIES {
        let why = format!("{} repairs within an hour did not help", incident.failed.len());
        turn_to_ask(incident, effects, why);
    }
}

fn unknown(
    next: &mut Watch,
    effects: &mut Vec<Effect>,
    why: String,
    terms: &Terms,
    now: Timestamp,
) {
    if next.failures < TOLD_AFTER {
        return;
    }
    let Some(incident) = &mut next.incident else {
        let incident = open(next, terms, Found::Unknown, now);
        next.incident = Some(Incident { why: Some(why), ..incident });
        effects.push(Effect::Repaint);
        return;
    };
    let news = incident.found != Found::Unknown;
    if news {
        incident.found = Found::Unknown;
        incident.changed = now;
        incident.told = now;
        effects.push(Effect::Note(Note::CannotTell(why.clone())));
    }
    if news || incident.why.as_ref() != Some(&why) {
        incident.why = Some(why);
        effects.push(Effect::Repaint);
    }
}

fn open(watch: &Watch, terms: &Terms, found: Found, now: Timestamp) -> Incident {
    Incident {
        id: terms.fresh,
        key: watch.key.clone(),
        place: terms.place.clone(),
        opened: now,
        found,
        difference: None,
        differences: 0,
        changed: now,
        why: None,
        on_drift: terms.on_drift,
        turned: false,
        held: None,
        ignored: None,
        repair: None,
        tried: None,
        failed: Vec::new(),
        branch: None,
        answered: Vec::new(),
        told: now,
        notes: 0,
        closed: None,
    }
}
