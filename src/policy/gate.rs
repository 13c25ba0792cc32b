//! The gate: the only place that makes an [`Authorized`] value.
//!
//! Executors take `Authorized<Run>` (or `Authorized<Check>`) by value, so nothing can be executed
//! that was not decided here. The type is not `Clone`, not serde, has private fields, and no
//! constructor beside [`authorize`].

use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::decision::{Decision, Outcome};
use crate::domain::digest::{Digest, digest_of};
use crate::domain::evidence::Evidence;
use crate::domain::id::Revision;
use crate::domain::request::{Mode, Request};
use crate::domain::run::{self, Check, Plan, PlanError, Run};

use super::{Question, Snapshot, decide};

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

/// Where the applied snapshot is found. What it returns is the one that decides right now.
pub trait Applied: Sync {
    /// Returns the applied snapshot.
    fn current(&self) -> Arc<Snapshot>;
}

/// What can be authorized: [`Run`] and [`Check`], nothing else.
pub trait Leave: sealed::Sealed + Sized {
    /// The mode a request must have.
    const MODE: Mode;

    #[doc(hidden)]
    fn of(plan: Plan) -> Self;
}

mod sealed {
    /// Keeps leaves to what the gate knows.
    pub trait Sealed {}
}

impl sealed::Sealed for Run {}
impl Leave for Run {
    const MODE: Mode = Mode::Run;

    fn of(plan: Plan) -> Self {
        Self(plan)
    }
}

impl sealed::Sealed for Check {}
impl Leave for Check {
    const MODE: Mode = Mode::Check;

    fn of(plan: Plan) -> Self {
        Self(plan)
    }
}

/// Why the gate stayed shut. `E` is what committing can fail with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused<E> {
    /// Leave to look was asked for a request to act, or the other way round.
    #[error("the request is to {0:?}, and the gate was asked for something else")]
    Mode(Mode),
    /// What is asked for does not fit the applied policy repo any more.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What would run is not what people approved.
    #[error("what would run has digest {found}, and the request has {expected}")]
    Digest {
        /// The digest of the current card.
        expected: Digest,
        /// The digest of what would run now.
        found: Digest,
    },
    /// Policy does not permit it with this evidence.
    #[error("policy does not permit it")]
    Decided(Box<Decision>),
    /// It could not be written down.
    #[error("it could not be written down")]
    Commit(E),
    /// It was written down, and then policy did not permit it any more, or another revision was
    /// applied. Nothing was started; the caller writes that down.
    #[error("policy changed at the last moment")]
    Overtaken(Box<Decision>),
}

/// What is put before the gate.
#[derive(Debug, Clone, Copy)]
pub struct Plea<'a> {
    /// The request as it is stored, with the digest of its current card.
    pub request: &'a Request,
    /// Which attempt this would be, from 1.
    pub attempt: u32,
    /// Evidence that was read just now.
    pub evidence: &'a Evidence,
}

/// Decides, commits, decides again, and gives leave to execute once.
///
/// `commit` writes `running`, the audit row and the use of the citation in one transaction that
/// fails if the applied revision has moved, and returns the sequence number of the audit row.
/// The caller holds the lock of the request, and spawns at once.
pub async fn authorize<T, E, C>(
    applied: &(impl Applied + ?Sized),
    plea: Plea<'_>,
    now: impl Fn() -> Timestamp,
    commit: impl FnOnce(Arc<Snapshot>, Decision) -> C,
) -> Result<Authorized<T>, Refused<E>>
where
    T: Leave,
    C: Future<Output = Result<u64, E>>,
{
    let request = plea.request;
    if request.mode != T::MODE {
        return Err(Refused::Mode(request.mode));
    }
    let before = applied.current();
    let plan = run::plan(&before.repo, request, plea.attempt)?;
    let found = digest_of(&before.repo, request)?;
    if found != request.digest {
        return Err(Refused::Digest { expected: request.digest, found });
    }
    let decided = decide_on(&before, plea, now());
    if decided.outcome != Outcome::Permit {
        return Err(Refused::Decided(Box::new(decided)));
    }
    let audit = commit(Arc::clone(&before), decided).await.map_err(Refused::Commit)?;
    let after = applied.current();
    let decided = decide_on(&after, plea, now());
    if after.revision != before.revision || decided.outcome != Outcome::Permit {
        return Err(Refused::Overtaken(Box::new(decided)));
    }
    let revision = after.revision.clone();
    Ok(Authorized { what: T::of(plan), digest: found, revision, audit })
}

fn decide_on(snapshot: &Snapshot, plea: Plea<'_>, now: Timestamp) -> Decision {
    decide(snapshot, &Question::of(&snapshot.repo, plea.request, plea.evidence, now))
}
