//! Running: turns, freezes, ends, and what is said of output.

use tribune::domain::request::State;
use tribune::domain::run::{Failure, Outcome};

use crate::world::{SECRET, World, story};

/// Ken asks, and radia and grace approve.
fn approved(world: &mut World, request: &str, command: &str) {
    world.say("ken", "ops", command);
    world.approve("radia", request);
    world.approve("grace", request);
}

#[test]
fn a_target_is_used_by_one_run_at_a_time() {
    story(|world| {
        approved(world, "r1", "!restart nginx on web-dev");
        world.told();
        approved(world, "r2", "!restart app on web-dev");
        assert_eq!(world.state("r2"), State::Queued);
        world.end("r1.1", Outcome::Succeeded);
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !restart app on web-dev
        [m6 in #ops]
        r2 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=app`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=app`
        - digest: `…`
        ---
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=app pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        Evidence must be here by 08:30:00 UTC.
        [m7 in the thread of m6]
        @ada @dennis @grace @linus @margaret @radia r2 waits for one of you: react ✅ or ❌ on the card above.
        » radia reacts ✅ to r2
        [m6 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=app pr <number>`
        - could approve: sre: @ada, @grace, @linus, @margaret
        - approved by @radia
        Evidence must be here by 08:30:00 UTC.
        » grace reacts ✅ to r2
        [m6 in #ops]
        …
        queued — r1 holds what it needs
        - approved by @radia, @grace
        It must start by 08:15:00 UTC.
        » r1.1 ends: Succeeded
        [m3 in #ops]
        …
        succeeded — done
        - approved by @radia, @grace
        [m6 in #ops]
        …
        running
        - approved by @radia, @grace
        [m8 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — succeeded: done (08:00:00 UTC)
        [m9 in the thread of m3]
        r1.1 succeeded at 08:00:00 UTC
        It printed nothing.
        "#);
        assert_eq!(world.state("r2"), State::Running);
    });
}

#[test]
fn an_intent_that_refuses_to_wait_names_the_holder() {
    story(|world| {
        world.say("ken", "ops", "!deploy v1.4.2 to web-dev");
        world.approve("grace", "r1");
        world.told();
        world.say("radia", "ops", "!deploy v1.4.3 to web-dev");
        world.approve("grace", "r2");
        insta::assert_snapshot!(world.told(), @r#"
        » radia in #ops: !deploy v1.4.3 to web-dev
        [m6 in #ops]
        r2 @radia asks for `!run deploy-app on web-dev release=v1.4.3`
        - what: deploy-app — Deploy a version of the app to web hosts (change, risk 2)
        - on: web-dev
        - arguments: `release=v1.4.3`
        - digest: `…`
        ---
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/deploy` that names exactly this command and that somebody else merged: `!run deploy-app on web-dev release=v1.4.3 pr <number>`
        - could approve: sre: @ada, @grace, @linus, @margaret
        Evidence must be here by 08:30:00 UTC.
        [m7 in the thread of m6]
        @ada @grace @linus @margaret r2 waits for one of you: react ✅ or ❌ on the card above.
        » grace reacts ✅ to r2
        [m6 in #ops]
        …
        denied — r1 holds what it needs — r1 holds what it needs, and the intent says not to wait
        - approved by @grace
        [m8 in #dm:radia]
        r2 <chat:ops/m6> `!run deploy-app on web-dev release=v1.4.3` — denied: r1 holds what it needs, and the intent says not to wait (08:00:00 UTC)
        "#);
        assert_eq!(world.executor.given().len(), 1);
    });
}

#[test]
fn a_freeze_window_holds_and_the_approval_runs_out() {
    story(|world| {
        world.skip_to("15:55");
        world.say("margaret", "ops", "!wipe pages cache on web-dev");
        world.approve("grace", "r1");
        world.told();
        world.pass("6m");
        world.approve("linus", "r1");
        assert!(world.executor.given().is_empty());
        world.pass("11m");
        insta::assert_snapshot!(world.told(), @r#"
        » 6m pass
        » linus reacts ✅ to r1
        [m4 in #ops]
        …
        permitted — a freeze window holds until 2026-06-01 20:00 UTC: * 18-21 * * * (Europe/Berlin)
        - approved by @grace, @linus
        It must start by 16:11:00 UTC.
        » 11m pass
        [m4 in #ops]
        …
        expired — it was permitted and could not start in time
        - approved by @grace, @linus
        [m6 in #dm:margaret]
        r1 <chat:ops/m4> `!run wipe-cache on web-dev scope=pages` — expired: it was permitted and could not start in time (16:12:00 UTC)
        "#);
        assert_eq!(world.state("r1"), State::Expired);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn every_way_to_end_is_said() {
    let ended = |outcome: Outcome| {
        let mut said = String::new();
        story(|world| {
            world.say("barbara", "general", "!run host-info");
            world.told();
            world.end("r1.1", outcome);
            said = world.told();
        });
        said
    };
    let failed = |how| Outcome::Failed { how, target: None };
    let said = [
        ended(failed(Failure::Exit(3))),
        ended(failed(Failure::Signal(11))),
        ended(failed(Failure::Memory)),
        ended(failed(Failure::Processes)),
        ended(failed(Failure::NotStarted("no such program".into()))),
        ended(Outcome::TimedOut),
    ];
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    » r1.1 ends: Failed { how: Exit(3), target: None }
    [m3 in #general]
    …
    failed — it exited with 3
    [m4 in #dm:barbara]
    r1 <chat:general/m3> `!run host-info on local` — failed: it exited with 3 (08:00:00 UTC)
    [m5 in the thread of m3]
    r1.1 failed: it exited with 3 at 08:00:00 UTC
    It printed nothing.

    » r1.1 ends: Failed { how: Signal(11), target: None }
    [m3 in #general]
    …
    failed — signal 11 ended it
    [m4 in #dm:barbara]
    r1 <chat:general/m3> `!run host-info on local` — failed: signal 11 ended it (08:00:00 UTC)
    [m5 in the thread of m3]
    r1.1 failed: signal 11 ended it at 08:00:00 UTC
    It printed nothing.

    » r1.1 ends: Failed { how: Memory, target: None }
    [m3 in #general]
    …
    failed — it used more memory than its limit
    [m4 in #dm:barbara]
    r1 <chat:general/m3> `!run host-info on local` — failed: it used more memory than its limit (08:00:00 UTC)
    [m5 in the thread of m3]
    r1.1 failed: it used more memory than its limit at 08:00:00 UTC
    It printed nothing.

    » r1.1 ends: Failed { how: Processes, target: None }
    [m3 in #general]
    …
    failed — it had more processes than its limit
    [m4 in #dm:barbara]
    r1 <chat:general/m3> `!run host-info on local` — failed: it had more processes than its limit (08:00:00 UTC)
    [m5 in the thread of m3]
    r1.1 failed: it had more processes than its limit at 08:00:00 UTC
    It printed nothing.

    » r1.1 ends: Failed { how: NotStarted("no such program"), target: None }
    [m3 in #general]
    …
    failed — it could not be started: no such program
    [m4 in #dm:barbara]
    r1 <chat:general/m3> `!run host-info on local` — failed: it could not be started: no such program (08:00:00 UTC)
    [m5 in the thread of m3]
    r1.1 could not be started: no such program at 08:00:00 UTC
    It printed nothing.

    » r1.1 ends: TimedOut
    [m3 in #general]
    …
    timed out — it took too long and was ended
    [m4 in #dm:barbara]
    r1 <chat:general/m3> `!run host-info on local` — timed out: it took too long and was ended (08:00:00 UTC)
    [m5 in the thread of m3]
    r1.1 took too long and was ended at 08:00:00 UTC
    It printed nothing.
    "#);
}

#[test]
fn a_machine_that_cannot_contain_a_run_starts_none() {
    story(|world| {
        world.executor.refuse("this kernel cannot contain runs: set exec.weak_sandbox");
        world.say("barbara", "general", "!run host-info");
        insta::assert_snapshot!(world.told(), @r#"
        » barbara in #general: !run host-info
        [m3 in #general]
        r1 @barbara asks for `!run host-info on local`
        - what: host-info — Show system, load and memory of this machine (read, risk 0)
        - on: local
        - digest: `…`
        ---
        failed — it could not be started: this kernel cannot contain runs: set exec.weak_sandbox
        [m4 in #dm:barbara]
        r1 <chat:general/m3> `!run host-info on local` — failed: it could not be started: this kernel cannot contain runs: set exec.weak_sandbox (08:00:00 UTC)
        [m5 in the thread of m3]
        r1.1 could not be started: this kernel cannot contain runs: set exec.weak_sandbox at 08:00:00 UTC
        It printed nothing.
        "#);
        assert_eq!(world.state("r1"), State::Failed);
    });
}

#[test]
fn output_is_clean_redacted_and_cut() {
    story(|world| {
        world.say("barbara", "general", "!run host-info");
        world.told();
        world.output("r1.1", "\u{1b}[31mred\u{1b}[0m \u{202e}turned\n 10%\r100%\n");
        let (one, two) = SECRET.split_at(7);
        world.output("r1.1", &format!("password: {one}"));
        world.output("r1.1", &format!("{two}\n~~~ @ada **bold**\n```\n"));
        world.pass("1s");
        insta::assert_snapshot!(world.told(), @r#"
        » r1.1 writes "\u{1b}[31mred\u{1b}[0m \u{202e}turned\n 10%\r100%\n"
        [m4 in the thread of m3]
        r1.1 runs since 08:00:00 UTC
        ```text
        red turned
        100%
        ```
        » r1.1 writes "password: correct"
        » r1.1 writes "-horse-battery\n~~~ @ada **bold**\n```\n"
        » 1s pass
        [m4 in the thread of m3]
        r1.1 runs since 08:00:00 UTC
        ```text
        red turned
        100%
        password: [redacted:db]
        ~~~ @ada **bold**
        ```
        ```
        "#);
        world.executor.write("r1.1", &"a line of output\n".repeat(500));
        world.end("r1.1", Outcome::Succeeded);
        assert!(world.told().len() < 3_500, "what is shown is cut");
    });
}

#[test]
fn who_asked_may_cancel_and_others_may_not() {
    story(|world| {
        approved(world, "r1", "!restart nginx on web-dev");
        world.told();
        world.say("radia", "ops", "!cancel r1");
        world.say("ken", "ops", "!cancel r1");
        world.say("ken", "ops", "!cancel r1");
        insta::assert_snapshot!(world.told(), @r#"
        » radia in #ops: !cancel r1
        [m6 in #ops]
        Only who asked for r1 or an admin cancels it. To stop it, react ❌ on its card, if you may veto it.
        » ken in #ops: !cancel r1
        [m3 in #ops]
        …
        cancelled by @ken — ended while it ran
        - approved by @radia, @grace
        [m8 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — cancelled by @ken: ended while it ran (08:00:00 UTC)
        [m9 in the thread of m3]
        r1.1 was ended by a person at 08:00:00 UTC
        It printed nothing.
        » ken in #ops: !cancel r1
        [m11 in #ops]
        r1 is over already: cancelled.
        "#);
        assert_eq!(world.state("r1"), State::Cancelled);
    });
}

#[test]
fn a_request_that_waits_can_be_cancelled() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.say("ken", "ops", "!cancel r1");
        world.approve("radia", "r1");
        world.approve("grace", "r1");
        assert_eq!(world.state("r1"), State::Cancelled);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn a_run_whose_daemon_died_is_interrupted_and_never_repeated() {
    story(|world| {
        approved(world, "r1", "!restart nginx on web-dev");
        world.told();
        world.kill();
        world.start_again();
        insta::assert_snapshot!(world.told(), @r#"
        » the daemon is started again
        [m3 in #ops]
        …
        interrupted — Tribune stopped while it ran; nothing of it is left running, and it is not tried again
        - approved by @radia, @grace
        [m5 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — interrupted: Tribune stopped while it ran; nothing of it is left running, and it is not tried again (08:00:00 UTC)
        [m6 in the thread of m3]
        r1.1 was interrupted: Tribune stopped while it ran; nothing of it is left running at 08:00:00 UTC
        It printed nothing.
        "#);
        assert_eq!(world.state("r1"), State::Interrupted);
        assert_eq!(world.executor.given().len(), 1);
        assert_eq!(world.executor.reaped().len(), 1);
    });
}

#[test]
fn an_idempotent_run_goes_through_the_gate_again() {
    story(|world| {
        world.say("ken", "ops", "!run rotate-logs on web-dev");
        world.approve("radia", "r1");
        world.told();
        world.kill();
        world.start_again();
        insta::assert_snapshot!(world.told(), @r#"
        » the daemon is started again
        [m3 in #ops]
        …
        running
        - approved by @radia
        [m4 in the thread of m3]
        r1.1 was interrupted: Tribune stopped while it ran; nothing of it is left running at 08:00:00 UTC
        It printed nothing.
        "#);
        let attempts: Vec<u32> =
            world.executor.given().iter().map(|plan| plan.run.attempt).collect();
        assert_eq!(attempts, [1, 2]);
    });
}

#[test]
fn approvals_given_while_the_daemon_was_down_count() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("radia", "r1");
        let card = world.card("r1");
        world.kill();
        world.chat.add("grace", &card, tribune::domain::message::Sign::Approve);
        world.chat.write("barbara", "general", "!run host-info");
        world.told();
        world.start_again();
        insta::assert_snapshot!(world.told(), @r#"
        » the daemon is started again
        [m3 in #ops]
        …
        running
        - approved by @radia, @grace
        [m6 in #general]
        r2 @barbara asks for `!run host-info on local`
        - what: host-info — Show system, load and memory of this machine (read, risk 0)
        - on: local
        - digest: `…`
        ---
        running
        "#);
        assert_eq!(world.executor.given().len(), 2);
    });
}

#[test]
fn stopping_interrupts_what_does_not_end_in_time() {
    story(|world| {
        approved(world, "r1", "!restart nginx on web-dev");
        world.told();
        world.stop();
        world.start_again();
        insta::assert_snapshot!(world.told(), @r#"
        » the daemon is stopped
        [m3 in #ops]
        …
        interrupted — Tribune stopped while it ran; nothing of it is left running, and it is not tried again
        - approved by @radia, @grace
        [m5 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — interrupted: Tribune stopped while it ran; nothing of it is left running, and it is not tried again (08:01:00 UTC)
        [m6 in the thread of m3]
        r1.1 was interrupted: Tribune stopped while it ran; nothing of it is left running at 08:01:00 UTC
        It printed nothing.
        » the daemon is started again
        "#);
        assert_eq!(world.state("r1"), State::Interrupted);
    });
}

#[test]
fn a_full_disk_starts_nothing() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("radia", "r1");
        world.disk.set_full(true);
        world.approve("grace", "r1");
        assert!(world.executor.given().is_empty());
        world.disk.set_full(false);
        world.pass("2m");
        assert_eq!(world.executor.given().len(), 1);
    });
}

#[test]
fn a_lost_chat_starts_nothing() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("radia", "r1");
        let card = world.card("r1");
        world.chat.set_down(true);
        world.chat.add("grace", &card, tribune::domain::message::Sign::Approve);
        world.pass("1m");
        assert!(world.executor.given().is_empty());
        world.chat.set_down(false);
        world.pass("1m");
        assert_eq!(world.executor.given().len(), 1);
    });
}
