//! Counting approvals: which votes count, and how people fill slots.
//!
//! One person counts once however many accounts they have, and fills one slot: filling is a
//! bipartite matching between people and slots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::{PersonId, RoleName};
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

/// The seats of the slots, and who sits where.
struct Seats {
    /// The slot of each seat.
    places: Vec<usize>,
    /// The seats that each person may take.
    edges: Vec<Vec<usize>>,
    /// Who sits there.
    taken: Vec<Option<usize>>,
}

impl Seats {
    /// Seats as many people as possible. Kuhn's augmenting paths: small and exact.
    fn fill(
        slots: &[Slot],
        people: &[PersonId],
        mut may_fill: impl FnMut(&PersonId, &Slot) -> bool,
    ) -> Self {
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
        Self { places, edges, taken }
    }

    /// Says whether one more person would find a seat who may fill this slot alone.
    fn has_room(&self, slot: usize) -> bool {
        let newcomer = self.edges.len();
        let mut edges = self.edges.clone();
        edges.push((0..self.places.len()).filter(|place| self.places[*place] == slot).collect());
        let mut seen = vec![false; self.places.len()];
        augment(newcomer, &edges, &mut self.taken.clone(), &mut seen)
    }
}

/// Fills as many places of `slots` as possible, each person at most one.
///
/// `people` come in the order in which they voted; `may_fill` says whether a person may take a
/// place of that slot. The result is a maximum matching; among those, earlier people keep places.
pub fn fill(
    slots: &[Slot],
    people: &[PersonId],
    may_fill: impl FnMut(&PersonId, &Slot) -> bool,
) -> Filling {
    let seats = Seats::fill(slots, people, may_fill);
    let mut filling = Filling::default();
    let mut empty = vec![0_u32; slots.len()];
    for (place, holder) in seats.taken.iter().enumerate() {
        match holder {
            Some(person) => {
                filling.filled.insert(people[*person].clone(), seats.places[place]);
            }
            None => empty[seats.places[place]] += 1,
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

/// Returns the roles by which one more person would fill something, in the intent's order: those
/// of empty slots, and of full ones if somebody in them could take an empty one instead.
pub fn openings(
    slots: &[Slot],
    people: &[PersonId],
    may_fill: impl FnMut(&PersonId, &Slot) -> bool,
) -> Vec<RoleName> {
    let seats = Seats::fill(slots, people, may_fill);
    let open = slots.iter().enumerate().filter(|(index, _)| seats.has_room(*index));
    open.map(|(_, slot)| slot.role.clone()).collect()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(role: &str, count: u32) -> Slot {
        Slot { role: role.parse().expect("a role"), count }
    }

    fn people(count: usize) -> Vec<PersonId> {
        (0..count).map(|index| format!("p{index}").parse().expect("a name")).collect()
    }

    #[test]
    fn one_person_with_two_roles_does_not_fill_both_slots() {
        let slots = [slot("operator", 1), slot("sre", 1)];
        let filling = fill(&slots, &people(1), |_, _| true);
        assert_eq!(filling.filled.len(), 1);
        assert_eq!(filling.missing, [slot("sre", 1)]);
        assert!(fill(&slots, &people(2), |_, _| true).is_complete());
    }

    #[test]
    fn somebody_moves_along_so_that_another_finds_a_place() {
        // The first could take either slot, the second only the first one.
        let slots = [slot("operator", 1), slot("sre", 1)];
        let filling = fill(&slots, &people(2), |person, slot| {
            person.as_str() == "p0" || slot.role.as_str() == "operator"
        });
        assert!(filling.is_complete());
        assert_eq!(filling.filled[&people(2)[1]], 0);
    }

    #[test]
    fn who_could_sit_elsewhere_leaves_their_role_open() {
        let slots = [slot("operator", 1), slot("sre", 1)];
        let roles = |may_sre: bool| {
            let open =
                openings(&slots, &people(1), |_, slot| may_sre || slot.role.as_str() == "operator");
            open.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(roles(true), ["operator", "sre"]);
        assert_eq!(roles(false), ["sre"]);
    }

    /// Returns the most places that can be filled, by trying everything.
    fn brute(
        places: &[usize],
        allowed: &[Vec<bool>],
        person: usize,
        taken: &mut Vec<bool>,
    ) -> usize {
        if person == allowed.len() {
            return 0;
        }
        let mut best = brute(places, allowed, person + 1, taken);
        for place in 0..places.len() {
            if !taken[place] && allowed[person][places[place]] {
                taken[place] = true;
                best = best.max(1 + brute(places, allowed, person + 1, taken));
                taken[place] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn matching_agrees_with_brute_force(
            counts in prop::collection::vec(1_u32..3, 1..4),
            allowed in prop::collection::vec(prop::collection::vec(any::<bool>(), 3), 0..5),
        ) {
            let slots: Vec<Slot> = counts
                .iter()
                .enumerate()
                .map(|(index, count)| slot(&format!("role{index}"), *count))
                .collect();
            let people = people(allowed.len());
            let index_of = |slot: &Slot| slots.iter().position(|other| other.role == slot.role);
            let filling = fill(&slots, &people, |person, slot| {
                let who = people.iter().position(|other| other == person).expect("known");
                allowed[who][index_of(slot).expect("known")]
            });
            let places: Vec<usize> = slots
                .iter()
                .enumerate()
                .flat_map(|(index, slot)| std::iter::repeat_n(index, slot.count as usize))
                .collect();
            let most = brute(&places, &allowed, 0, &mut vec![false; places.len()]);
            prop_assert_eq!(filling.filled.len(), most);
            let missing: u32 = filling.missing.iter().map(|slot| slot.count).sum();
            prop_assert_eq!(missing as usize, places.len() - most);
            for (person, slot) in &filling.filled {
                let who = people.iter().position(|other| other == person).expect("known");
                prop_assert!(allowed[who][*slot]);
            }
            let open = openings(&slots, &people, |person, slot| {
                let who = people.iter().position(|other| other == person).expect("known");
                allowed[who][index_of(slot).expect("known")]
            });
            for (index, slot) in slots.iter().enumerate() {
                let mut grown = allowed.clone();
                grown.push((0..3).map(|other| other == index).collect());
                let most_then = brute(&places, &grown, 0, &mut vec![false; places.len()]);
                prop_assert_eq!(open.contains(&slot.role), most_then > most);
            }
        }
    }
}
