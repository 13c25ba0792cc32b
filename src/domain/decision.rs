//! What policy says about a request, always with its reasons.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::approval::Filling;
use super::id::{RepoPath, RoleName, TargetName};
use super::intent::Slot;

/// The answer on a request: the same for all its targets, or the worst of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What it comes to.
    pub outcome: Outcome,
    /// How people fill the intent's slots.
    pub filling: Filling,
    /// The reasons, target by target.
    pub reasons: Vec<TargetReasons>,
}

/// The three outcomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It may run with the evidence in hand.
    Permit,
    /// It may run once this is there. Never empty: nothing missing is a `Deny`.
    NeedsApproval {
        /// What would do.
        missing: Missing,
    },
    /// No evidence would help.
    Deny,
}

/// What evidence would turn a request into a permitted one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Missing {
    /// Slots still to be filled, if approvals would do.
    pub slots: Vec<Slot>,
    /// The citation that would do, if one would.
    pub citation: Option<WantedCitation>,
    /// Whether both are needed together rather than either.
    pub both: bool,
}

impl Missing {
    /// Returns how many people of a role are still wanted.
    pub fn count_of(&self, role: &RoleName) -> u32 {
        self.slots.iter().filter(|slot| slot.role == *role).map(|slot| slot.count).sum()
    }
}

/// What a pull request must be like to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedCitation {
    /// The label it must bear.
    pub label: Option<String>,
    /// Whether it must name the command.
    pub bind: bool,
}

/// Reasons on one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetReasons {
    /// The target; `None` where the question has none.
    pub target: Option<TargetName>,
    /// Deciding rules first.
    pub reasons: Vec<Reason>,
}

/// One node of the tree of reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Where the rule stands, if it is one of the policy repo.
    pub rule: Option<RuleRef>,
    /// What it did.
    pub effect: Effect,
    /// The rule's own words (`@reason`) or Tribune's.
    pub text: String,
    /// For a permit that did not hold: what it lacked, in words.
    pub lacks: Vec<String>,
}

/// What a rule did to the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A permit that holds.
    Permits,
    /// A forbid that holds.
    Forbids,
    /// A permit that came near and did not hold.
    WouldPermit,
    /// Something of Tribune's own, such as an evaluation error.
    Refuses,
}

/// Which rule of the policy repo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleRef {
    /// The policy's `@id`.
    pub id: String,
    /// Its file.
    pub path: RepoPath,
    /// Its first line, from 1.
    pub line: u32,
}

impl Decision {
    /// Returns the rules that decided, for the audit log.
    pub fn rules(&self) -> BTreeSet<&RuleRef> {
        self.reasons
            .iter()
            .flat_map(|target| &target.reasons)
            .filter(|reason| matches!(reason.effect, Effect::Permits | Effect::Forbids))
            .filter_map(|reason| reason.rule.as_ref())
            .collect()
    }
}
