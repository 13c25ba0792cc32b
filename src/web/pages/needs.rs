//! What an open request still needs, and who could give it.

use crate::domain::decision::{Missing, Outcome};
use crate::domain::evidence::Evidence;
use crate::domain::id::{PersonId, RoleName};
use crate::domain::request::{Request, State};
use crate::policy::{self, OpenSlot, Question, Snapshot};
use jiff::Timestamp;

/// How many people are named for a slot in a list.
const NAMED: usize = 4;

/// What is missing, for templates.
pub struct Needs {
    /// Slots still to be filled.
    pub slots: Vec<SlotView>,
    /// The pull request that would do, in words.
    pub citation: Option<String>,
    /// How slots and citation go together: `and` or `or`.
    pub joined: &'static str,
    /// Whether the reader could fill a slot.
    pub mine: bool,
}

/// One slot still to be filled.
pub struct SlotView {
    /// The role.
    pub role: String,
    /// How many people are wanted.
    pub count: u32,
    /// Who could.
    pub people: Vec<String>,
    /// Whether there are more than those.
    pub more: bool,
}

impl SlotView {
    fn of(role: &RoleName, count: u32, people: &[PersonId], more: bool) -> Self {
        let people = people.iter().map(ToString::to_string).collect();
        Self { role: role.to_string(), count, people, more }
    }
}

/// Whom to name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Some of those who hold the roles.
    Some,
    /// Everybody who could.
    All,
}

/// Returns what a request needs; `None` if it does not wait for people.
pub fn needs(
    snapshot: &Snapshot,
    request: &Request,
    me: &PersonId,
    naming: Naming,
    now: Timestamp,
) -> Option<Needs> {
    if request.state != State::NeedsApproval {
        return None;
    }
    let Some(Outcome::NeedsApproval { missing }) = &request.outcome else { return None };
    let evidence = Evidence { approvals: request.votes.clone(), ..Evidence::default() };
    let question = Question::of(&snapshot.repo, request, &evidence, now);
    let slots = match naming {
        Naming::Some => policy::some_who_could(snapshot, &question, missing, NAMED)
            .iter()
            .map(|OpenSlot { role, count, people, more }| SlotView::of(role, *count, people, *more))
            .collect(),
        Naming::All => {
            let who = policy::who_could(snapshot, &question, missing);
            let slots = missing.slots.iter();
            slots
                .map(|slot| {
                    let people = who.get(&slot.role).map(Vec::as_slice).unwrap_or_default();
                    SlotView::of(&slot.role, slot.count, people, false)
                })
                .collect()
        }
    };
    let seated = request.votes.iter().any(|vote| vote.person == *me);
    let mine = !seated
        && missing.slots.iter().any(|slot| policy::may_fill(snapshot, &question, me, &slot.role));
    Some(Needs { slots, citation: citation(missing), joined: joined(missing), mine })
}

fn joined(missing: &Missing) -> &'static str {
    if missing.both { "and" } else { "or" }
}

/// Says which pull request would do.
fn citation(missing: &Missing) -> Option<String> {
    let wanted = missing.citation.as_ref()?;
    let label = wanted.label.as_ref().map(|label| format!(" labelled {label}")).unwrap_or_default();
    let bind = if wanted.bind { " that names this command" } else { "" };
    Some(format!("a merged pull request{label}{bind}"))
}
