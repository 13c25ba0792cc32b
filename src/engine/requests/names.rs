//! Who could fill what a request misses: the names on its card.
//!
//! They are told, never decided on, and they are the dearest part of a card, since policy is asked
//! about everybody. So what was found is remembered, and after something has changed on which all
//! requests depend, decisions come first: cards keep the names they have, and one request after
//! another gets them asked for anew. `!who` always asks at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::domain::decision::{Missing, Outcome};
use crate::domain::digest::Digest;
use crate::domain::evidence::Evidence;
use crate::domain::id::{PersonId, RequestId, RoleName};
use crate::domain::reply::named::Named;
use crate::domain::request::{Request, State};
use crate::engine::{Engine, EngineError};
use crate::policy::{self, Question, Snapshot};

/// People by the role that they could fill a slot of.
pub(super) type Who = Vec<Named>;

/// How long to wait after something failed.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// The names on the cards of open requests.
#[derive(Debug, Default)]
pub struct Names {
    /// Raised when something has changed on which all of them depend.
    epoch: AtomicU64,
    known: Mutex<Known>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Known {
    found: BTreeMap<RequestId, Found>,
    /// Whose names are to be asked for anew.
    old: BTreeSet<RequestId>,
}

#[derive(Debug)]
struct Found {
    epoch: u64,
    asked: Asked,
    who: Who,
}

/// What names depend on, of the request itself.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    digest: Digest,
    missing: Missing,
    seated: BTreeSet<PersonId>,
}

impl Names {
    /// Something has changed on which the names of every request depend.
    pub(super) fn outdate(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// The request is over.
    pub(in crate::engine) fn forget(&self, request: RequestId) {
        let mut known = self.known();
        known.found.remove(&request);
        known.old.remove(&request);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the names found for exactly this, however old; old ones will be asked for anew.
    fn remembered(&self, request: RequestId, asked: &Asked) -> Option<Who> {
        let mut known = self.known();
        let found = known.found.get(&request).filter(|found| found.asked == *asked)?;
        let (who, is_old) = (found.who.clone(), found.epoch < self.epoch.load(Ordering::SeqCst));
        if is_old && known.old.insert(request) {
            self.wake.notify_one();
        }
        Some(who)
    }

    /// Remembers names; says whether others stood there.
    fn remember(&self, request: RequestId, found: Found) -> bool {
        let mut known = self.known();
        known.old.remove(&request);
        let who = found.who.clone();
        known.found.insert(request, found).is_some_and(|before| before.who != who)
    }
}

/// Names some of the people by each role.
pub(super) fn some_of(
    request: RequestId,
    who: impl IntoIterator<Item = (RoleName, Vec<PersonId>)>,
) -> Who {
    who.into_iter().map(|(role, people)| Named::of(request, role, people)).collect()
}

impl Engine {
    /// Returns who could fill what a request misses; perhaps not the newest, see above.
    pub(super) fn names(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        evidence: &Evidence,
        now: Timestamp,
    ) -> Who {
        let (State::NeedsApproval, Some(Outcome::NeedsApproval { missing })) =
            (request.state, &request.outcome)
        else {
            return Who::new();
        };
        let seated = evidence.approvals.iter().map(|vote| vote.person.clone()).collect();
        let asked = Asked { digest: request.digest, missing: missing.clone(), seated };
        if let Some(who) = self.names.remembered(request.id, &asked) {
            return who;
        }
        let epoch = self.names.epoch.load(Ordering::SeqCst);
        let question = Question::of(&snapshot.repo, request, evidence, now);
        let who = some_of(request.id, policy::who_could(snapshot, &question, missing));
        self.names.remember(request.id, Found { epoch, asked, who: who.clone() });
        who
    }

    /// Returns how many cards bear names that are still to be asked for anew.
    pub fn names_left(&self) -> usize {
        self.names.known().old.len()
    }

    /// Asks for old names anew until the engine stops, one request at a time.
    pub(in crate::engine) async fn keep_names(self: Arc<Self>) {
        loop {
            self.rounds.over().await;
            let next = self.names.known().old.first().copied();
            let Some(request) = next else {
                self.names.wake.notified().await;
                continue;
            };
            if let Err(error) = self.name_again(request).await {
                tracing::error!(%request, %error, "failed to read a request; trying again");
                self.ports.clock.sleep_until(self.now() + AGAIN).await;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn name_again(self: &Arc<Self>, id: RequestId) -> Result<(), EngineError> {
        let epoch = self.names.epoch.load(Ordering::SeqCst);
        let request = self.ports.store.request(id).await?;
        let (Some(request), Some(snapshot)) = (request, self.applied()) else {
            self.names.forget(id);
            return Ok(());
        };
        let (State::NeedsApproval, Some(Outcome::NeedsApproval { missing })) =
            (request.state, request.outcome.clone())
        else {
            self.names.forget(id);
            return Ok(());
        };
        let evidence = Evidence { approvals: request.votes.clone(), ..Evidence::default() };
        let seated = request.votes.iter().map(|vote| vote.person.clone()).collect();
        let question = Question::of(&snapshot.repo, &request, &evidence, self.now());
        let who = some_of(id, policy::who_could(&snapshot, &question, &missing));
        let asked = Asked { digest: request.digest, missing, seated };
        if self.names.remember(id, Found { epoch, asked, who }) {
            self.consider(id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: RequestId = RequestId(1);

    fn asked(digest: &str, seated: &[&str]) -> Asked {
        let seated = seated.iter().map(|name| name.parse().unwrap()).collect();
        let digest = Digest::of(digest.as_bytes());
        Asked {
            digest,
            missing: Missing { slots: Vec::new(), citation: None, both: false },
            seated,
        }
    }

    fn who(name: &str) -> Who {
        some_of(ONE, [("sre".parse().unwrap(), vec![name.parse().unwrap()])])
    }

    fn found(names: &Names, seated: &[&str], name: &str) -> Found {
        let epoch = names.epoch.load(Ordering::SeqCst);
        Found { epoch, asked: asked("a", seated), who: who(name) }
    }

    #[test]
    fn names_are_told_again_for_exactly_what_they_were_found_for() {
        let names = Names::default();
        assert!(!names.remember(ONE, found(&names, &[], "ada")), "there were none before");
        assert_eq!(names.remembered(ONE, &asked("a", &[])), Some(who("ada")));
        assert_eq!(names.remembered(ONE, &asked("b", &[])), None, "something else would run");
        assert_eq!(names.remembered(ONE, &asked("a", &["ada"])), None, "a place is taken");
        assert_eq!(names.remembered(RequestId(2), &asked("a", &[])), None);
        assert!(names.known().old.is_empty(), "they are new");
    }

    #[test]
    fn old_names_stand_until_they_are_asked_for_anew_and_are_asked_for_once() {
        let names = Names::default();
        names.remember(ONE, found(&names, &[], "ada"));
        names.outdate();
        for _ in 0..3 {
            assert_eq!(names.remembered(ONE, &asked("a", &[])), Some(who("ada")));
            assert_eq!(names.known().old.len(), 1);
        }
        assert!(names.remember(ONE, found(&names, &[], "grace")), "others stand there now");
        assert!(names.known().old.is_empty());
        assert!(!names.remember(ONE, found(&names, &[], "grace")), "and still the same");
        assert_eq!(names.remembered(ONE, &asked("a", &[])), Some(who("grace")));
        assert!(names.known().old.is_empty());
    }

    #[test]
    fn names_that_were_found_before_a_change_are_old_however_late_they_come() {
        let names = Names::default();
        let late = found(&names, &[], "ada");
        names.outdate();
        names.remember(ONE, late);
        names.remembered(ONE, &asked("a", &[]));
        assert_eq!(names.known().old.len(), 1);
        names.forget(ONE);
        assert!(names.known().old.is_empty(), "what is over is nobody's to ask for");
        assert_eq!(names.remembered(ONE, &asked("a", &[])), None);
    }
}
