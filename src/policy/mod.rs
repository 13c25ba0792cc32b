//! The only user of Cedar: compiling a policy repo's policies and asking them.
//!
//! Cedar decides; the host only establishes facts. A policy repo is compiled once, when its
//! revision is loaded ([`Policies::compile`]): a schema is generated from it, policies are
//! validated strictly against that, and our own lints find what validation lets pass. Then
//! questions are put to the [`Snapshot`]: [`decide`] on a request, [`may`] on anything else.
//!
//! What must never happen here: a question that could not be asked properly, or a policy that
//! failed while it was evaluated, counting as a yes. Both are a [`Deny`](crate::domain::decision::Outcome)
//! with that reason.

mod abilities;
mod act;
mod alike;
mod ask;
mod case;
mod compile;
mod decide;
mod evidence;
mod explain;
mod facts;
pub mod gate;
mod guard;
mod index;
mod lint;
mod may;
mod moment;
mod question;
mod rule;
mod sight;
mod source;
mod standing;
mod vocabulary;
mod voting;
mod wording;

#[cfg(test)]
mod tests;

use crate::domain::ban::Ban;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::id::Revision;
use crate::domain::repo::PolicyRepo;

pub use self::abilities::{Ability, abilities};
pub use self::act::{Act, Ballot, ChangeKind, Page, Scene, Viewed};
pub use self::compile::Policies;
pub use self::decide::decide;
pub use self::evidence::objections;
pub use self::may::{
    Could, CouldRun, OpenSlot, Verdict, could_fill, could_run, may, may_ask_for, some_who_could,
    visible_intents, who_could, who_may,
};
pub use self::question::Question;
pub use self::rule::{Rule, RuleEffect};
use self::vocabulary::Vocabulary;
pub use self::voting::{eligible, may_fill, standing_vetoes};

/// Everything that one revision says, ready to decide. Immutable; decisions are taken on a
/// snapshot, never on files.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The revision.
    pub revision: Revision,
    /// What it says.
    pub repo: PolicyRepo,
    /// Its policies, compiled with the facts of `repo`.
    pub policies: Policies,
}

impl Snapshot {
    /// Compiles the policies of a loaded policy repo; warnings come with the snapshot.
    pub fn compile(
        revision: Revision,
        repo: PolicyRepo,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (policies, mut warnings) = Policies::compile(&repo)?;
        let snapshot = Self { revision, repo, policies };
        warnings.extend(lint::closed_schedules(&snapshot));
        Ok((snapshot, warnings))
    }

    /// Returns the same revision with these bans binding provisionally, in place of any before.
    /// Policies see them as they see the bans of files.
    #[must_use]
    pub fn binding(&self, provisional: Vec<Ban>) -> Self {
        let bans = self.repo.bans.binding(provisional);
        let repo = PolicyRepo { bans, ..self.repo.clone() };
        let policies = self.policies.knowing(&repo);
        Self { revision: self.revision.clone(), repo, policies }
    }
}

/// Returns the Cedar schema that `repo` gives to policies, for editors and people.
pub fn schema(repo: &PolicyRepo) -> String {
    Vocabulary::of(repo).schema()
}
