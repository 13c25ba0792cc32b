use std::sync::{Arc, Mutex};

use super::*;
use crate::domain::decision::Outcome;
use crate::domain::digest::{Digest, digest_of};
use crate::domain::id::RequestId;
use crate::domain::request::{Request, State};
use crate::domain::run::{Check, Run};
use crate::policy::gate::{Applied, Authorized, Plea, Refused, authorize};

struct Shelf(Mutex<Arc<Snapshot>>);

impl Applied for Shelf {
    fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.lock().unwrap())
    }
}

fn shelf(snapshot: Snapshot) -> Shelf {
    Shelf(Mutex::new(Arc::new(snapshot)))
}

fn request(case: &Case, repo: &PolicyRepo) -> Request {
    let mut request = Request {
        id: RequestId(7),
        version: 1,
        requester: case.requester.clone(),
        via: case.via,
        channel: case.channel.clone(),
        message: None,
        card_place: (id("console"), id("ops")),
        mode: case.mode,
        intent: case.intent.clone(),
        args: case.args.clone(),
        asked_targets: vec![],
        targets: case.targets.clone(),
        cites: None,
        digest: Digest::of(b""),
        card: 1,
        state: State::Permitted,
        asked: now(),
        collect_by: None,
        permitted: None,
        execute_by: None,
        reminded: false,
        outcome: None,
        votes: vec![],
        attempts: 0,
        ended: None,
    };
    request.digest = digest_of(repo, &request).unwrap();
    request
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn pass(
    shelf: &Shelf,
    case: &Case,
    request: &Request,
    then: impl FnOnce(),
) -> Result<Authorized<Run>, Refused<&'static str>> {
    let plea = Plea { request, attempt: 1, evidence: &case.evidence };
    block(authorize(shelf, plea, now, |_, decision| async move {
        assert_eq!(decision.outcome, Outcome::Permit);
        then();
        Ok(41)
    }))
}

#[test]
fn a_permitted_request_passes_with_what_was_decided() {
    let shelf = shelf(team());
    let case = Case::new("kim", "load", &["web1"]);
    let request = request(&case, &shelf.current().repo);
    let leave = pass(&shelf, &case, &request, || ()).unwrap();
    assert_eq!((leave.digest(), leave.audit()), (request.digest, 41));
    assert_eq!(leave.revision(), &shelf.current().revision);
    assert_eq!(leave.into_inner().0.commands()[0].argv, ["true", "web1"]);
}

#[test]
fn leave_to_look_is_not_leave_to_act() {
    let shelf = shelf(team());
    let case = Case { mode: Mode::Check, ..Case::new("bob", "restart", &["web1"]) };
    let request = request(&case, &shelf.current().repo);
    assert_eq!(pass(&shelf, &case, &request, || ()).unwrap_err(), Refused::Mode(Mode::Check));
    let plea = Plea { request: &request, attempt: 1, evidence: &case.evidence };
    let leave: Authorized<Check> =
        block(authorize(&shelf, plea, now, |_, _| async { Ok::<_, ()>(1) })).unwrap();
    assert_eq!(leave.what().0.commands()[0].drift_exit, Some(2));
}

#[test]
fn nothing_is_committed_without_a_permit_or_for_another_digest() {
    let shelf = shelf(team());
    let never = || panic!("committed");
    let case = Case::new("bob", "restart", &["web1"]);
    let mut request = request(&case, &shelf.current().repo);
    let refused = pass(&shelf, &case, &request, never).unwrap_err();
    assert!(matches!(refused, Refused::Decided(_)), "{refused:?}");
    request.args.insert(id("service"), Value::String("app".to_owned()));
    let case = case.citing(citation());
    let refused = pass(&shelf, &case, &request, never).unwrap_err();
    assert!(matches!(refused, Refused::Digest { .. }), "{refused:?}");
    request.intent = id("gone");
    let refused = pass(&shelf, &case, &request, never).unwrap_err();
    assert!(matches!(refused, Refused::Plan(_)), "{refused:?}");
}

#[test]
fn a_failed_commit_gives_no_leave() {
    let shelf = shelf(team());
    let case = Case::new("kim", "load", &["web1"]);
    let request = request(&case, &shelf.current().repo);
    let plea = Plea { request: &request, attempt: 1, evidence: &case.evidence };
    let result: Result<Authorized<Run>, _> =
        block(authorize(&shelf, plea, now, |_, _| async { Err("disk full") }));
    assert_eq!(result.unwrap_err(), Refused::Commit("disk full"));
}

#[test]
fn a_revision_that_is_applied_during_the_commit_gives_no_leave() {
    let shelf = shelf(team());
    let case = Case::new("kim", "load", &["web1"]);
    let request = request(&case, &shelf.current().repo);
    let mut next = team();
    next.revision = id(&"2".repeat(40));
    let refused = pass(&shelf, &case, &request, || *shelf.0.lock().unwrap() = Arc::new(next));
    assert!(matches!(refused.unwrap_err(), Refused::Overtaken(_)));
}

#[test]
fn time_that_passes_during_the_commit_counts() {
    // The ban of `old` ended at noon: a second before, at the second look, it still holds.
    let shelf = shelf(team());
    let case = Case::new("old", "load", &["web1"]);
    let request = request(&case, &shelf.current().repo);
    let looks = std::cell::Cell::new(0_i64);
    let clock = || {
        looks.set(looks.get() + 1);
        now() - SignedDuration::from_secs(looks.get() - 1)
    };
    let plea = Plea { request: &request, attempt: 1, evidence: &case.evidence };
    let result: Result<Authorized<Run>, Refused<()>> =
        block(authorize(&shelf, plea, clock, |_, _| async { Ok(1) }));
    assert!(matches!(result.unwrap_err(), Refused::Overtaken(_)));
}
