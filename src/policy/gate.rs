//! The gate: the only place that makes an [`Authorized`] value.
//!
//! Executors take `Authorized<Run>` (or `Authorized<Check>`) by value, so nothing can be executed
//! that was not decided here. The type is not `Clone`, not serde, has private fields, and no
//! constructor beside [`authorize`].

use crate::domain::digest::Digest;
use crate::domain::id::Revision;

/// Leave to execute one thing once.
#[derive(Debug)]
pub struct Authorized<T> {
    what: T,
    digest: Digest,
    revision: Revision,
    audit: u64,
}

impl<T> Authorized<T> {
    /// Returns what may be executed, and gives up the leave.
    pub fn into_inner(self) -> T {
        self.what
    }

    /// Returns what may be executed.
    pub fn what(&self) -> &T {
        &self.what
    }

    /// Returns the digest that was decided on.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the revision it was decided under.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// Returns the audit row that tells of it.
    pub fn audit(&self) -> u64 {
        self.audit
    }
}
