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
    /// Slots that somebody could fill.
    pub slots: Vec<SlotView>,
    /// The pull request that would do, in words.
    pub citation: Option<String>,
    /// How slots and citation go together: `and` or `or`.
    pub joined: &'static str,
    /// Whether the reader could fill a slot.
    pub mine: bool,
}

/// One slot that somebody could fill.
pub struct SlotView {
    /// The role.
    pub role: String,
    /// How many people are wanted; 0: it is full, and somebody in it could fill another instead.
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
    let mut slots: Vec<SlotView> = match naming {
        Naming::Some => policy::some_who_could(snapshot, &question, missing, NAMED)
            .iter()
            .map(|OpenSlot { role, count, people, more }| SlotView::of(role, *count, people, *more))
            .collect(),
        Naming::All => {
            let who = policy::who_could(snapshot, &question, missing);
            who.iter()
                .map(|(role, people)| SlotView::of(role, missing.count_of(role), people, false))
                .collect()
        }
    };
    slots.sort_by_key(|slot| slot.count == 0);
    let mine = policy::could_fill(snapshot, &question, missing, me);
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
