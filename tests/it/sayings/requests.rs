//! What is said of requests and runs that no story brings about.

use jiff::Timestamp;
use tribune::domain::decision::{Decision, Outcome};
use tribune::domain::id::{RequestId, RunId};
use tribune::domain::person::Principal;
use tribune::domain::reply::{card, run, standing};
use tribune::domain::request::{Ending, Request, State};
use tribune::domain::run::{self as runs, RunRecord};

use super::replies::{at, read};
use crate::contract::store::request as stored;
use crate::examples::shipped;

fn request(targets: usize) -> Request {
    let targets = (1..=targets).map(|number| format!("web{number:02}").parse().unwrap());
    Request {
        requester: Principal::Person("ken".parse().unwrap()),
        args: Default::default(),
        targets: targets.collect(),
        state: State::Cancelled,
        asked: at("2026-06-01T08:00:00Z"),
        collect_by: None,
        ended: Some(Ending {
            at: at("2026-06-01T08:05:00Z"),
            by: None,
            why: "@ken cancelled it".to_owned(),
        }),
        ..stored(1)
    }
}

#[test]
fn what_is_said_of_many_targets_and_of_what_is_over() {
    let intent = &shipped().intents[&"restart-service".parse().unwrap()];
    let many = request(21);
    let head = card::head(&many, intent, &["web".parse().unwrap()], "!restart app on web");
    let decision =
        Decision { outcome: Outcome::Permit, filling: Default::default(), reasons: Vec::new() };
    insta::assert_snapshot!(read([
        tribune::domain::body::Body(head),
        standing::needs_nobody(&request(1)),
        standing::why(&request(1), &decision, &[]),
    ]), @r"
    r1 @ken asks for `!restart app on web`
    - what: restart-service — Restart a service on web or database hosts (change, risk 2)
    - on: 21 targets of web (list in the thread, hash `5421a6b2ae`)
    - digest: `c66790da59`
    r1 waits for nobody: cancelled.
    r1 cancelled — `!run restart-service on web` by @ken at 08:00:00 UTC

    It ended because @ken cancelled it.
    ");
}

fn ended() -> RunRecord {
    RunRecord {
        id: RunId { request: RequestId(1), attempt: 1 },
        started: at("2026-06-01T08:00:00Z"),
        ended: Some(at("2026-06-01T08:01:00Z")),
        outcome: Some(runs::Outcome::Succeeded),
        commands: Vec::new(),
        head: "the first line\n".to_owned(),
        tail: "the last line\n".to_owned(),
        dropped: 900,
        forgotten: false,
    }
}

#[test]
fn what_is_said_of_output_that_is_not_whole() {
    let long = RunRecord { head: "0123456789".to_owned(), dropped: 0, ..ended() };
    let forgotten = RunRecord {
        head: String::new(),
        tail: String::new(),
        dropped: 0,
        forgotten: true,
        ..ended()
    };
    insta::assert_snapshot!(read([
        run::output(&ended(), 1_000),
        run::output(&long, 10),
        run::output(&forgotten, 1_000),
    ]), @r"
    r1.1 succeeded at 08:01:00 UTC
    ```text
    the first line

    […]
    the last line
    ```
    900 bytes of output beyond the limit of its intent were dropped; the run went on.
    r1.1 succeeded at 08:01:00 UTC
    ```text
    01234
    [… 13 characters more: !output r1 …]
     line
    ```
    r1.1 succeeded at 08:01:00 UTC
    Its output is not kept any more; settings say for how long it is.
    ");
    insta::assert_snapshot!(run::file_text(&ended()), @r"
    the first line
    [900 bytes beyond the limit of its intent were dropped here]
    the last line
    ");
}

#[test]
fn what_is_said_of_tribune_while_one_request_waits_and_one_runs() {
    let revision = "00112233445566778899aabbccddeeff00112233".parse().unwrap();
    let since: Timestamp = at("2026-06-01T08:00:00Z");
    insta::assert_snapshot!(read([standing::overall(&standing::Overall {
        applied: &revision,
        observed: Some(&revision),
        trouble: None,
        unreachable: None,
        open: 1,
        running: &[RequestId(2)],
        standing: "no standing intents",
        since,
        pauses: &[],
        bans: &[],
        schedules: &[],
    })]), @r"
    - deciding by `0011223344`
    - 1 request waits, 1 runs: r2
    - no standing intents
    - up since 2026-06-01 08:00 UTC
    ");
}
