//! Counting approvals: which votes count, and how people fill slots.
//!
//! One person counts once however many accounts they have, and fills one slot: filling is a
//! bipartite matching between people and slots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::PersonId;
use super::intent::Slot;

/// How people fill the slots of an intent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filling {
    /// Who fills which slot; the number is the slot's place in the intent.
    pub filled: BTreeMap<PersonId, usize>,
    /// What is still wanted, empty slots only, in the intent's order.
    pub missing: Vec<Slot>,
}

impl Filling {
    /// Says whether every slot is filled.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// Fills as many places of `slots` as possible, each person at most one.
///
/// `people` come in the order in which they voted; `may_fill` says whether a person may take a
/// place of that slot. The result is a maximum matching; among those, earlier people keep places.
pub fn fill(
    slots: &[Slot],
    people: &[PersonId],
    mut may_fill: impl FnMut(&PersonId, &Slot) -> bool,
) -> Filling {
    // A place is one of the `count` seats of a slot. Kuhn's augmenting paths: small and exact.
    let places: Vec<usize> = slots
        .iter()
        .enumerate()
        .flat_map(|(index, slot)| std::iter::repeat_n(index, slot.count as usize))
        .collect();
    let edges: Vec<Vec<usize>> = people
        .iter()
        .map(|person| {
            let allowed: Vec<bool> = slots.iter().map(|slot| may_fill(person, slot)).collect();
            (0..places.len()).filter(|place| allowed[places[*place]]).collect()
        })
        .collect();
    let mut taken: Vec<Option<usize>> = vec![None; places.len()];
    for person in 0..people.len() {
        augment(person, &edges, &mut taken, &mut vec![false; places.len()]);
    }
    let mut filling = Filling::default();
    let mut empty = vec![0_u32; slots.len()];
    for (place, holder) in taken.iter().enumerate() {
        match holder {
            Some(person) => {
                filling.filled.insert(people[*person].clone(), places[place]);
            }
            None => empty[places[place]] += 1,
        }
    }
    filling.missing = slots
        .iter()
        .zip(empty)
        .filter(|(_, count)| *count > 0)
        .map(|(slot, count)| Slot { role: slot.role.clone(), count })
        .collect();
    filling
}

/// Seats `person`, moving others along if that helps; says whether it worked.
fn augment(
    person: usize,
    edges: &[Vec<usize>],
    taken: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for &place in &edges[person] {
        if std::mem::replace(&mut seen[place], true) {
            continue;
        }
        let free = match taken[place] {
            None => true,
            Some(holder) => augment(holder, edges, taken, seen),
        };
        if free {
            taken[place] = Some(person);
            return true;
        }
    }
    false
}
