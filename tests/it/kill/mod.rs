//! The daemon is killed exactly at its N-th sync of the store, for every N until the request ends.
//!
//! `strace` injects SIGKILL into the unchanged binary as it enters the sync that would make a
//! commit lasting; every commit is one such call. Then the daemon is started again, people do
//! again what they had not finished, and the request must end with its act executed at most once,
//! and never unexplained: each act appends a line to a file outside the store.
//!
//! A missing `strace` fails these tests.

mod pruning;

use std::time::Duration;

use crate::ground::{Daemon, Ground};

/// What people do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Succeed,
    Veto,
    TimeOut,
    Cancel,
}

impl Script {
    /// How long the act lasts; its intent allows two seconds.
    fn seconds(self) -> u32 {
        match self {
            Self::Succeed | Self::Veto => 0,
            Self::TimeOut | Self::Cancel => 30,
        }
    }

    fn command(self) -> String {
        let intent = if self == Self::TimeOut { "act-briefly" } else { "act" };
        format!("!run {intent} on local seconds={}", self.seconds())
    }

    /// How it ends when nobody kills anything.
    fn end(self) -> &'static str {
        match self {
            Self::Succeed => "succeeded",
            Self::Veto => "vetoed",
            Self::TimeOut => "timed_out",
            Self::Cancel => "cancelled",
        }
    }
}

/// An act appends a line to a file, sleeps and says something; two intents differ in patience.
pub fn acts(ground: &Ground) -> Vec<(String, String)> {
    let script = "#!/bin/sh\necho act >>\"$1\"\nsleep \"$2\"\necho done\n";
    let folder = ground.at("acts");
    let folder = folder.display();
    let intent = |name: &str, timeout: &str| {
        let text = format!(
            "version: 1\nintent: {name}\nsummary: Append a line to a file\ncategory: change\nrisk: 1\n\
             params:\n  seconds: {{ type: integer, min: 0, max: 60, summary: How long }}\n\
             targets: [local]\napproval:\n  slots: [{{ role: sre }}]\n  veto: [operator]\n\
             run: {{ argv: [playbooks/scripts/act.sh, {folder}/log, \"{{seconds}}\"] }}\n\
             sandbox: {{ write: [{folder}] }}\nlimits: {{ timeout: {timeout} }}\n"
        );
        (format!("intents/{name}.yaml"), text)
    };
    vec![
        ("playbooks/scripts/act.sh".to_owned(), script.to_owned()),
        intent("act", "60s"),
        intent("act-briefly", "2s"),
    ]
}

/// Does whatever of the script is still to be done, until the request is over. `None`: the daemon
/// died first. People who repeat themselves use the same nonce, as the page does.
async fn play(ground: &Ground, daemon: &mut Daemon, script: Script) -> Option<String> {
    let asked = ground.say(daemon, "ken", &script.command(), "asks").await;
    asked?;
    let mut cancelled = false;
    loop {
        let state = ground.state(daemon).await?;
        match state.as_str() {
            "none" | "requested" | "permitted" | "queued" => {}
            "needs_approval" => {
                let sign = if script == Script::Veto { "veto" } else { "approve" };
                ground.react(daemon, "grace", sign).await?;
            }
            "running" if script == Script::Cancel && !cancelled => {
                ground.wait_for_act(daemon).await?;
                ground.say(daemon, "ken", "!cancel r1", "cancels").await?;
                cancelled = true;
            }
            "running" => {}
            _ => return Some(state),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn kill_at_every_commit(script: Script) {
    let ground = Ground::build(acts).await;
    let mut survived = false;
    let mut nth = 0;
    while !survived {
        nth += 1;
        assert!(nth < 200, "the request does not end");
        ground.reset();
        let mut daemon = ground.start_and_kill_at(nth);
        let first = play(&ground, &mut daemon, script).await;
        // What is said after the end is committed too.
        survived = first.is_some() && daemon.outlives(Duration::from_secs(2)).await;
        daemon.end().await;
        if survived {
            assert_eq!(first.as_deref(), Some(script.end()), "nobody was killed");
        }
        let mut daemon = ground.start();
        let state = play(&ground, &mut daemon, script)
            .await
            .unwrap_or_else(|| panic!("the daemon ended: {}", ground.log()));
        check(&ground, &mut daemon, script, nth, &state).await;
        daemon.end().await;
    }
    assert!(nth > 8, "{nth} commits are too few: is the sync that strace waits for still made?");
}

/// At most once, and never unexplained.
async fn check(ground: &Ground, daemon: &mut Daemon, script: Script, nth: u32, state: &str) {
    let acts = ground.acts();
    let context = format!("{script:?}, killed at commit {nth}: {state} with {acts} acts");
    assert!(acts <= 1, "{context}");
    match state {
        "succeeded" | "timed_out" => assert_eq!((acts, state), (1, script.end()), "{context}"),
        "vetoed" => assert_eq!((acts, script), (0, Script::Veto), "{context}"),
        "cancelled" => assert_eq!(script, Script::Cancel, "{context}"),
        // The run was committed and may have begun; the card says that nobody knows.
        "interrupted" => assert!(script != Script::Veto, "{context}"),
        _ => panic!("{context}"),
    }
    let said = ground.card_says(daemon, state).await;
    assert!(said, "the card of r1 does not say so: {context}");
    assert_eq!(ground.requests(daemon).await, 1, "one message, one request: {context}");
    ground.verify_audit(&context).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_succeeds_runs_at_most_once() {
    kill_at_every_commit(Script::Succeed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vetoed_request_never_runs() {
    kill_at_every_commit(Script::Veto).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_times_out_runs_at_most_once() {
    kill_at_every_commit(Script::TimeOut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_request_runs_at_most_once() {
    kill_at_every_commit(Script::Cancel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_spawn_and_first_output_interrupts_the_run() {
    let ground = Ground::build(acts).await;
    ground.reset();
    let mut daemon = ground.start();
    ground.say(&mut daemon, "ken", "!run act on local seconds=30", "asks").await.unwrap();
    while ground.state(&mut daemon).await.unwrap() != "needs_approval" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ground.react(&mut daemon, "grace", "approve").await.unwrap();
    // The act writes its line first and says something only after its sleep.
    ground.wait_for_act(&mut daemon).await.unwrap();
    daemon.end().await;
    let mut daemon = ground.start();
    let state = play(&ground, &mut daemon, Script::Succeed).await.unwrap();
    assert_eq!((state.as_str(), ground.acts()), ("interrupted", 1));
    check(&ground, &mut daemon, Script::Succeed, 0, &state).await;
    daemon.end().await;
}
