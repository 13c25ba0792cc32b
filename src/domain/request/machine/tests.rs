//! What must hold of every life of a request.

use proptest::prelude::*;

use super::*;
use crate::domain::approval::Filling;
use crate::domain::decision::Missing;
use crate::domain::digest::Digest;
use crate::domain::evidence::Means;
use crate::domain::intent::Slot;
use crate::domain::person::Principal;
use crate::domain::request::{Mode, Via};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn person(name: &str) -> PersonId {
    name.parse().expect("a name")
}

fn request() -> Request {
    Request {
        id: RequestId(7),
        version: 1,
        requester: Principal::Person(person("ada")),
        via: Via::Chat,
        channel: Some("ops".parse().expect("a channel")),
        message: None,
        card_place: (
            "console".parse().expect("a platform"),
            "ops".parse().expect("a chat channel"),
        ),
        mode: Mode::Run,
        intent: "restart".parse().expect("an intent"),
        args: Default::default(),
        asked_targets: vec!["web1".to_owned()],
        targets: ["web1".parse().expect("a target")].into(),
        cites: None,
        digest: Digest::of(b"one"),
        card: 1,
        state: State::Requested,
        asked: at(0),
        collect_by: Some(at(600)),
        permitted: None,
        execute_by: None,
        reminded: false,
        outcome: None,
        votes: Vec::new(),
        attempts: 0,
        ended: None,
    }
}

fn decided(outcome: Outcome, voters: &[&str]) -> Event {
    let approvals = voters
        .iter()
        .map(|name| Vote { person: person(name), means: Means::Reaction, at: at(1), reason: None })
        .collect();
    let decision = Decision { outcome, filling: Filling::default(), reasons: Vec::new() };
    Event::Decided { decision, approvals }
}

fn needs(role: &str) -> Outcome {
    let slots = vec![Slot { role: role.parse().expect("a role"), count: 1 }];
    Outcome::NeedsApproval { missing: Missing { slots, ..Missing::default() } }
}

const EXECUTE: ExecuteWithin = Some(SignedDuration::from_secs(60));

fn after(request: &Request, event: Event, now: i64) -> (Request, Vec<Effect>) {
    step(request, event, EXECUTE, at(now)).expect("a legal step")
}

fn audited(effects: &[Effect]) -> Vec<audit::Event> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Audit { event, .. } => Some(*event),
            _ => None,
        })
        .collect()
}

/// Whose approvals came and went.
fn voted(effects: &[Effect]) -> Vec<(audit::Event, PersonId)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Audit { event, by: Some(by), .. } => Some((*event, by.clone())),
            _ => None,
        })
        .collect()
}

#[test]
fn a_permit_starts_the_execute_clock_once() {
    let (permitted, effects) = after(&request(), decided(Outcome::Permit, &[]), 10);
    assert_eq!(permitted.state, State::Permitted);
    assert_eq!((permitted.permitted, permitted.execute_by), (Some(at(10)), Some(at(70))));
    assert!(effects.contains(&Effect::Dispatch));
    let (again, effects) = after(&permitted, decided(Outcome::Permit, &[]), 50);
    assert_eq!(again.execute_by, Some(at(70)), "deciding again gives no more time");
    assert_eq!(effects, [Effect::Dispatch], "the same outcome is not audited twice");
}

#[test]
fn an_outcome_is_audited_again_only_when_what_is_missing_changes() {
    let (first, effects) = after(&request(), decided(needs("sre"), &[]), 1);
    assert_eq!(audited(&effects), [audit::Event::RequestDecided]);
    let (same, effects) = after(&first, decided(needs("sre"), &[]), 2);
    assert_eq!(effects, []);
    let (_, effects) = after(&same, decided(needs("operator"), &[]), 3);
    assert_eq!(audited(&effects), [audit::Event::RequestDecided]);
}

#[test]
fn approvals_that_come_and_go_are_audited_each_once() {
    let (one, effects) = after(&request(), decided(needs("sre"), &["bob"]), 1);
    assert!(audited(&effects).contains(&audit::Event::VoteApprove));
    let (none, effects) = after(&one, decided(needs("sre"), &[]), 2);
    assert_eq!(audited(&effects), [audit::Event::VoteWithdraw]);
    assert_eq!(none.votes, []);

    let (two, effects) = after(&one, decided(needs("sre"), &["bob", "eve"]), 2);
    assert_eq!(voted(&effects), [(audit::Event::VoteApprove, person("eve"))]);
    assert!(effects.contains(&Effect::Repaint), "the card shows who approved");
    let (same, effects) = after(&two, decided(needs("sre"), &["bob", "eve"]), 3);
    assert_eq!(effects, []);
    let (_, effects) = after(&same, decided(needs("sre"), &["eve"]), 4);
    assert_eq!(voted(&effects), [(audit::Event::VoteWithdraw, person("bob"))]);
}

#[test]
fn a_permit_that_is_lost_stops_the_dispatch() {
    let (permitted, _) = after(&request(), decided(Outcome::Permit, &[]), 1);
    let (waiting, _) = after(&permitted, decided(needs("sre"), &[]), 2);
    assert_eq!((waiting.state, waiting.execute_by), (State::NeedsApproval, None));
    assert!(step(&waiting, Event::Dispatched, EXECUTE, at(3)).is_err());
    let (denied, effects) = after(&permitted, decided(Outcome::Deny, &[]), 2);
    assert_eq!(denied.state, State::Denied);
    assert!(effects.contains(&Effect::Finish));
}

#[test]
fn a_new_digest_voids_approvals_and_an_old_one_keeps_them() {
    let (approved, _) = after(&request(), decided(needs("sre"), &["bob"]), 1);
    let (same, effects) = after(&approved, Event::Redigested(Digest::of(b"one")), 2);
    assert_eq!((same.votes.len(), effects.len()), (1, 0));
    let (new, effects) = after(&approved, Event::Redigested(Digest::of(b"two")), 2);
    assert_eq!((new.votes.len(), new.card, new.state), (0, 2, State::Requested));
    assert!(effects.contains(&Effect::NewCard));
}

#[test]
fn each_clock_ends_its_own_state_to_the_second() {
    let (waiting, _) = after(&request(), decided(needs("sre"), &[]), 1);
    let (halfway, effects) = after(&waiting, Event::Tick, 300);
    assert_eq!((halfway.reminded, effects), (true, vec![Effect::Remind]));
    assert_eq!(after(&halfway, Event::Tick, 599).1, [], "reminded once");
    assert_eq!(after(&halfway, Event::Tick, 600).0.state, State::Expired);
    let (permitted, _) = after(&waiting, decided(Outcome::Permit, &[]), 599);
    assert_eq!(after(&permitted, Event::Tick, 658).0.state, State::Permitted);
    assert_eq!(after(&permitted, Event::Tick, 659).0.state, State::Expired);
    assert_eq!(next_tick(&waiting), Some(at(300)));
    assert_eq!(next_tick(&permitted), Some(at(659)));
}

#[test]
fn a_busy_target_queues_or_refuses_and_names_the_holder() {
    let (permitted, _) = after(&request(), decided(Outcome::Permit, &[]), 1);
    let busy = |wait| Event::Busy { holder: RequestId(3), wait };
    let (queued, _) = after(&permitted, busy(Wait::Queue), 2);
    assert_eq!(queued.state, State::Queued);
    assert_eq!(after(&queued, Event::Dispatched, 3).0.state, State::Running);
    let (refused, _) = after(&permitted, busy(Wait::Refuse), 2);
    assert_eq!(refused.state, State::Denied);
    assert!(refused.ended.expect("it ended").why.contains("r3"));
}

#[test]
fn every_end_of_a_run_has_its_state() {
    let (permitted, _) = after(&request(), decided(Outcome::Permit, &[]), 1);
    let (running, effects) = after(&permitted, Event::Dispatched, 2);
    assert_eq!((running.attempts, audited(&effects)), (1, vec![audit::Event::RunStart]));
    let failed = run::Outcome::Failed { how: run::Failure::Exit(1), target: None };
    for (outcome, state) in [
        (run::Outcome::Succeeded, State::Succeeded),
        (run::Outcome::Differs, State::Succeeded),
        (failed, State::Failed),
        (run::Outcome::TimedOut, State::TimedOut),
        (run::Outcome::Cancelled, State::Cancelled),
        (run::Outcome::Interrupted, State::Interrupted),
    ] {
        let (ended, effects) = after(&running, Event::Ended(outcome), 3);
        assert_eq!(ended.state, state);
        assert!(audited(&effects).contains(&audit::Event::RunEnd));
        assert!(effects.contains(&Effect::Finish));
    }
    let lost = |retry| after(&running, Event::SupervisorLost { retry }, 3).0;
    assert_eq!(lost(Retry::Never).state, State::Interrupted);
    let again = lost(Retry::Again);
    assert_eq!((again.state, again.execute_by), (State::Permitted, Some(at(63))));
}

#[test]
fn a_veto_a_broken_card_a_lost_intent_and_a_cancel_each_end_it_with_their_reason() {
    let vote = Vote {
        person: person("grace"),
        means: Means::Typed,
        at: at(1),
        reason: Some("not today".to_owned()),
    };
    let why = || "why".to_owned();
    for (event, state, by) in [
        (Event::Vetoed(vote), State::Vetoed, Some("grace")),
        (Event::CardBroken { why: why() }, State::Void, None),
        (Event::Gone { why: why() }, State::Denied, None),
        (Event::Moot { why: why() }, State::Void, None),
        (Event::Cancelled { by: Some(person("ada")) }, State::Cancelled, Some("ada")),
        (Event::Cancelled { by: None }, State::Cancelled, None),
    ] {
        let (ended, effects) = after(&request(), event, 5);
        assert_eq!(ended.state, state);
        let ending = ended.ended.expect("it ended");
        assert_eq!((ending.at, ending.by), (at(5), by.map(person)));
        assert!(effects.contains(&Effect::Finish));
    }
}

fn veto() -> Event {
    let vote = Vote { person: person("bob"), means: Means::Reaction, at: at(1), reason: None };
    Event::Vetoed(vote)
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(veto()),
        Just(decided(Outcome::Permit, &[])),
        Just(decided(Outcome::Permit, &["bob"])),
        Just(decided(needs("sre"), &[])),
        Just(decided(Outcome::Deny, &[])),
        Just(Event::Redigested(Digest::of(b"two"))),
        Just(Event::Redigested(Digest::of(b"one"))),
        Just(Event::CardBroken { why: "why".to_owned() }),
        Just(Event::Gone { why: "why".to_owned() }),
        Just(Event::Moot { why: "why".to_owned() }),
        Just(Event::Busy { holder: RequestId(3), wait: Wait::Queue }),
        Just(Event::Busy { holder: RequestId(3), wait: Wait::Refuse }),
        Just(Event::Dispatched),
        Just(Event::Ended(run::Outcome::Succeeded)),
        Just(Event::Ended(run::Outcome::TimedOut)),
        Just(Event::SupervisorLost { retry: Retry::Again }),
        Just(Event::SupervisorLost { retry: Retry::Never }),
        Just(Event::Cancelled { by: None }),
        Just(Event::Tick),
    ]
}

proptest! {
    #[test]
    fn nothing_runs_without_a_permit_and_nothing_follows_an_end(
        events in prop::collection::vec((any_event(), 0_i64..700), 1..40),
    ) {
        let mut request = request();
        for (event, now) in events {
            let Ok((next, _)) = step(&request, event.clone(), EXECUTE, at(now)) else { continue };
            if next.state == State::Running && request.state != State::Running {
                prop_assert_eq!(&event, &Event::Dispatched);
                prop_assert!(matches!(request.state, State::Permitted | State::Queued));
                prop_assert_eq!(&request.outcome, &Some(Outcome::Permit));
                prop_assert_eq!(next.attempts, request.attempts + 1);
            }
            if request.state.is_final() {
                prop_assert_eq!(&next, &request);
            }
            if request.state == State::Running {
                prop_assert_eq!(next.digest, request.digest);
                prop_assert!(next.state != State::Vetoed && next.state != State::Void);
            }
            prop_assert_eq!(next.state.is_final(), next.ended.is_some());
            request = next;
        }
    }
}
