//! What standing intents find is told once, and for as long as it is so.

use tribune::domain::message::Sign;
use tribune::domain::request::State;
use tribune::domain::run::{Failure, Outcome};

use super::{DIFF, clears, development, drifted, drifts, standing};
use crate::world::story;

#[test]
fn drift_is_told_once_and_cleared_when_it_is_gone() {
    story(|world| {
        drifted(world, "report");
        insta::assert_snapshot!(world.told(), @r"
        » 17m pass
        [m4 in #ops]
        d1 drift: `sync-motd` on web-dev, found 2026-06-01 08:17 UTC
        ---
        differs from what is declared
        ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by hand
        +declared
        ```
        [m5 in the thread of m4]
        ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by hand
        +declared
        ```
        ");
        world.pass("17m");
        world.pass("17m");
        insta::assert_snapshot!(world.told(), @r"
        » 17m pass
        » 17m pass
        ");
        drifts(world, "web-dev", &DIFF.replace("by hand", "by another hand"));
        world.pass("17m");
        insta::assert_snapshot!(world.told(), @r"
        » 17m pass
        [m4 in #ops]
        …
        differs from what is declared
        ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by another hand
        +declared
        ```
        - it has differed in 2 ways; in this one since 2026-06-01 09:08 UTC
        [m5 in the thread of m4]
        ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by another hand
        +declared
        ```
        [m7 in the thread of m4]
        d1 now differs in another way; the card shows it.
        ");
        clears(world, "web-dev");
        world.pass("17m");
        insta::assert_snapshot!(world.told(), @r"
        » 17m pass
        [m4 in #ops]
        …
        cleared — it is as declared again
        It lasted 1h8m, until 2026-06-01 09:25 UTC.
        [m8 in the thread of m4]
        d1 is cleared: it is as declared again.
        ");
        insta::assert_snapshot!(world.drift_audit().join("\n"), @r"
        drift.decided service reconciler
        drift.found service reconciler
        drift.decided service reconciler
        drift.found service reconciler
        drift.found service reconciler
        drift.found service reconciler
        drift.found service reconciler
        drift.closed service reconciler
        ");
    });
}

#[test]
fn one_broken_target_hides_no_other() {
    story(|world| {
        standing(world, "every: 15m, targets: [staging], on_drift: report");
        let failed = Outcome::Failed { how: Failure::Exit(127), target: None };
        world.executor.finds("sync-motd web-staging", "diff: no such file at 08:00:01\n", failed);
        drifts(world, "db-staging", DIFF);
        world.pass("17m");
        assert!(world.drift_says("d1").contains("db-staging"));
        world.pass("17m");
        world.told();
        world.say("ken", "ops", "!drift");
        world.say("ken", "ops", "!drift sync-motd");
        insta::assert_snapshot!(world.told(), @r"
        » ken in #ops: !drift
        [m8 in #ops]
        3 targets of standing intents: 1 in sync, 1 differs and 1 that nobody can tell
        - d1 <chat:ops/m4> `sync-motd` on db-staging: differs since 2026-06-01 08:17 UTC
        - d2 <chat:ops/m6> `sync-motd` on web-staging: cannot tell since 2026-06-01 08:17 UTC (it exited with 127: diff: no such file at <time>)
        » ken in #ops: !drift sync-motd
        [m10 in #ops]
        - d1 <chat:ops/m4> `sync-motd` on db-staging: differs since 2026-06-01 08:17 UTC
        - d2 <chat:ops/m6> `sync-motd` on web-staging: cannot tell since 2026-06-01 08:17 UTC (it exited with 127: diff: no such file at <time>)
        - d2 <chat:ops/m6> web-staging: since 2026-06-01 08:34 UTC
        - d1 <chat:ops/m4> db-staging: since 2026-06-01 08:17 UTC
        ");
    });
}

#[test]
fn people_are_reminded_of_what_stays() {
    story(|world| {
        standing(world, "every: 15m, targets: [development], on_drift: report, remind: 2h");
        drifts(world, "web-dev", DIFF);
        world.pass("17m");
        world.pass("100m");
        world.told();
        world.pass("21m");
        insta::assert_snapshot!(world.told(), @r"
        » 21m pass
        [m7 in the thread of m4]
        d1 is still so, unchanged since 2026-06-01 08:17 UTC.
        ");
    });
}

#[test]
fn a_restart_keeps_incidents_and_what_is_no_standing_intent_closes_them() {
    story(|world| {
        drifted(world, "ask");
        world.told();
        world.kill();
        world.start_again();
        world.pass("17m");
        let told = world.told();
        assert!(!told.contains("d1") && !told.contains("d2"), "it is no news: {told}");
        world.react("ken", "d1", Sign::Approve);
        assert_eq!(world.state("r1"), State::NeedsApproval);
        world.edit("intents/sync-motd.yaml", "targets: [development]", "targets: [staging]");
        world.pass("1m");
        assert!(world.drift_says("d1").contains("no longer checked"), "{}", world.drift_says("d1"));
        assert_eq!(world.state("r1"), State::Void);
    });
}

#[test]
fn a_run_and_a_look_do_not_meet() {
    story(|world| {
        development(world, "report");
        world.say("ken", "ops", "!run sync-motd on web-dev");
        world.approve("radia", "r1");
        assert_eq!(world.state("r1"), State::Running);
        let looks = world.executor.looks("sync-motd web-dev");
        world.pass("40m");
        assert_eq!(world.executor.looks("sync-motd web-dev"), looks, "it waits for the run");
        world.end("r1.1", Outcome::Succeeded);
        assert!(world.executor.looks("sync-motd web-dev") > looks);
    });
}
