//! Evidence: what a pull request or people must give before the intent runs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::super::super::decode::Placed;
use super::super::super::raw::intent::{RawApproval, RawCite, RawIntent, RawNotify, RawSlot};
use super::super::PRODUCTION;
use super::super::values::Checked;
use super::Around;
use crate::domain::diagnostic::Code;
use crate::domain::id::RoleName;
use crate::domain::intent::{ApprovalRule, Category, Cite, Notify, Slot};

const MINUTE: SignedDuration = SignedDuration::from_secs(60);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What was found.
pub struct Evidence {
    /// The label.
    pub label: Option<String>,
    /// Citations.
    pub cite: Option<Cite>,
    /// Approvals.
    pub approval: Option<ApprovalRule>,
}

/// Checks label, citation and approval.
pub fn check(
    file: &mut Checked<'_>,
    raw: &RawIntent,
    category: Category,
    around: &Around<'_>,
) -> Evidence {
    let label = raw.label.as_ref().map(|label| file.text(label, 64));
    match (&raw.label, &raw.cite) {
        (None, Some(cite)) => {
            let message = "citations are taken, and there is no label to look for";
            file.say(cite.key_at, Code::CiteWithoutLabel, message);
        }
        (Some(label), None) => {
            let message = "there is a label, and citations are not taken";
            file.say(label.key_at, Code::LabelWithoutCite, message);
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    let cite = raw.cite.as_ref().and_then(|cite| check_cite(file, &cite.value, raw, around));
    let approval = raw.approval.as_ref().and_then(|rule| check_approval(file, &rule.value, around));
    if category == Category::Destroy && raw.approval.as_ref().is_none_or(unguarded) {
        let message = "what destroys should need approvals and know a veto";
        file.say(raw.category.at, Code::DestroyUnguarded, message);
    }
    Evidence { label, cite, approval }
}

fn unguarded(approval: &Placed<RawApproval>) -> bool {
    approval.value.veto.is_empty()
}

fn check_cite(
    file: &mut Checked<'_>,
    raw: &RawCite,
    intent: &RawIntent,
    around: &Around<'_>,
) -> Option<Cite> {
    let within = file.duration(&raw.within, MINUTE..=DAY * 366);
    let uses = raw.uses.as_ref().map_or(Some(1), |uses| file.number::<u32>(uses, 1..=1000));
    let bind = raw.bind.as_ref().is_none_or(|bind| bind.value);
    if let Some(place) = raw.bind.as_ref().filter(|bind| !bind.value)
        && super::category_of(intent.category.value) != Category::Read
        && reaches_production(intent, around)
    {
        let message = format!("a change in `{PRODUCTION}` must be named by what it cites");
        file.say(place.at, Code::BindRequired, message);
    }
    Some(Cite { within: within?, uses: uses?, bind })
}

fn reaches_production(intent: &RawIntent, around: &Around<'_>) -> bool {
    let Some(inventory) = &around.known.inventory else { return false };
    intent
        .targets
        .value
        .iter()
        .flat_map(|name| inventory.resolve(&name.value))
        .filter_map(|name| inventory.targets.get(&name))
        .any(|target| target.environment.as_str() == PRODUCTION)
}

fn check_approval(
    file: &mut Checked<'_>,
    raw: &RawApproval,
    around: &Around<'_>,
) -> Option<ApprovalRule> {
    if raw.slots.value.is_empty() {
        file.say(raw.slots.at, Code::SlotsEmpty, "approval is asked for, of nobody");
    }
    let slots: Option<Vec<Slot>> =
        raw.slots.value.iter().map(|slot| check_slot(file, &slot.value, around)).collect();
    let default = |text: &Option<Placed<String>>, minutes| {
        text.clone()
            .unwrap_or_else(|| Placed { value: format!("{minutes}m"), ..Default::default() })
    };
    let collect = file.duration(&default(&raw.collect, 30), MINUTE..=DAY * 30);
    let execute = file.duration(&default(&raw.execute, 15), MINUTE..=DAY * 7);
    let veto = file.names::<RoleName>(&raw.veto);
    for role in &veto {
        known_role(file, role, around);
    }
    let slots = slots.filter(|slots| !slots.is_empty())?;
    enough_people(file, raw, &slots, around);
    Some(ApprovalRule {
        slots,
        collect: collect?,
        execute: execute?,
        veto: veto.into_iter().map(|role| role.value).collect(),
        notify: match raw.notify {
            Some(RawNotify::Nobody) => Notify::Nobody,
            Some(RawNotify::Role) | None => Notify::Role,
        },
    })
}

fn check_slot(file: &mut Checked<'_>, raw: &RawSlot, around: &Around<'_>) -> Option<Slot> {
    let role = file.name::<RoleName>(&raw.role.value, raw.role.at);
    if let Some(role) = &role {
        known_role(file, &raw.role.with(role.clone()), around);
    }
    let count = match &raw.count {
        Some(count) if count.value < 1 => {
            let message = format!("a slot of {} is filled before anybody asks", count.value);
            file.say(count.at, Code::SlotCount, message);
            None
        }
        Some(count) => file.number::<u32>(count, 1..=20),
        None => Some(1),
    };
    Some(Slot { role: role?, count: count? })
}

fn known_role(file: &mut Checked<'_>, role: &Placed<RoleName>, around: &Around<'_>) {
    if let Some(known) = &around.known.roles
        && !known.contains(&role.value)
    {
        let all = known.iter().map(RoleName::as_str);
        file.unknown(role.at, Code::UnknownRole, ("role", role.value.as_str()), all);
    }
}

/// Tells when the people who hold the roles, less one who asks, cannot fill all slots.
fn enough_people(file: &mut Checked<'_>, raw: &RawApproval, slots: &[Slot], around: &Around<'_>) {
    let Some(holders) = &around.holders else { return };
    let places: u32 = slots.iter().map(|slot| slot.count).sum();
    let mut short: BTreeMap<&RoleName, usize> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for slot in slots {
        let Some(people) = holders.get(&slot.role) else { return };
        // More than there are places is enough, however many more.
        all.extend(people.iter().take(places as usize + 1));
        if people.len() < slot.count as usize + 1 {
            short.insert(&slot.role, people.len());
        }
    }
    let message = match short.first_key_value() {
        Some((role, people)) => {
            format!("only {people} can fill the slots of `{role}`, requester included")
        }
        None if all.len() < places as usize + 1 => {
            format!("only {} can fill the {places} slots, requester included", all.len())
        }
        None => return,
    };
    file.say(raw.slots.at, Code::TooFewApprovers, message);
}
