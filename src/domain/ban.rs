//! Bans: who may do nothing, until when, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{PersonId, RepoPath};
use super::person::Principal;

/// One ban of the policy repo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The file that says so.
    pub origin: RepoPath,
    /// Who is banned.
    pub subject: Principal,
    /// Who banned them.
    pub by: PersonId,
    /// Why; shown to the banned person.
    pub reason: String,
    /// When it ends; `None` is permanent.
    pub until: Option<Timestamp>,
}

impl Ban {
    /// Says whether the ban holds at `now`. It ends exactly at `until`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}
