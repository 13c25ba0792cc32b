//! What differs is repaired: by people who ask for it, or by Tribune.

use tribune::domain::message::Sign;
use tribune::domain::request::State;
use tribune::domain::run::{Failure, Outcome};

use super::{DIFF, clears, drifted, drifts};
use crate::world::story;

#[test]
fn who_reacts_asks_and_somebody_else_approves() {
    story(|world| {
        drifted(world, "ask");
        world.told();
        world.react("ken", "d1", Sign::Approve);
        insta::assert_snapshot!(world.told(), @r"
        » ken reacts Approve to d1
        [m4 in #ops]
        …
        differs from what is declared
        ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by hand
        +declared
        ```
        - repair: r1, asked for by @ken
        [m6 in #ops]
        r1 @ken asks for `!run sync-motd on web-dev`
        - what: sync-motd — Give hosts outside production the message of the day that this repository holds (change, risk 1)
        - on: web-dev
        - digest: `…`
        ---
        needs approval
        - 1 operator to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/motd` that somebody else merged: `!run sync-motd on web-dev pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia
        Evidence must be here by 08:47:00 UTC.
        [m7 in the thread of m6]
        @ada @dennis @grace @linus @margaret @radia r1 waits for one of you: react ✅ or ❌ on the card above.
        ");
        assert_eq!(world.state("r1"), State::NeedsApproval, "the reaction is no approval");
        world.approve("ken", "r1");
        assert_eq!(world.state("r1"), State::NeedsApproval, "nor is one of the requester");
        world.approve("radia", "r1");
        assert_eq!(world.state("r1"), State::Running);
        clears(world, "web-dev");
        world.told();
        world.end("r1.1", Outcome::Succeeded);
        insta::assert_snapshot!(world.told(), @r"
        » r1.1 ends: Succeeded
        [m4 in #ops]
        …
        cleared — repaired by r1
        It lasted 1s, until 2026-06-01 08:17 UTC.
        [m6 in #ops]
        …
        succeeded — done
        - approved by @radia
        [m8 in #dm:ken]
        r1 <chat:ops/m6> `!run sync-motd on web-dev` — succeeded: done (08:17:00 UTC)
        [m9 in the thread of m6]
        r1.1 succeeded at 08:17:00 UTC
        It printed nothing.
        [m10 in the thread of m4]
        d1 is cleared: repaired by r1.
        ");
    });
}

#[test]
fn a_reaction_is_judged_by_policy_and_counts_once() {
    story(|world| {
        drifted(world, "ask");
        world.told();
        world.react("barbara", "d1", Sign::Approve);
        world.react("zoe", "d1", Sign::Ignore);
        insta::assert_snapshot!(world.told(), @r#"
        » barbara reacts Approve to d1
        [m4 in #ops]
        …
        differs from what is declared
        ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by hand
        +declared
        ```
        - does not count: @barbara, because no policy permits it
        ✅ repair it (`!drift repair d1`), 🔕 ignore it for a day (`!drift ignore d1 7d "why"` for longer). Who asks for the repair does not approve it.
        » zoe reacts Ignore to d1
        [m4 in #ops]
        …
        differs from what is declared
        ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by hand
        +declared
        ```
        - does not count: @barbara, because no policy permits it
        - does not count: console:zoe, because nobody in the policy repo has this account
        ✅ repair it (`!drift repair d1`), 🔕 ignore it for a day (`!drift ignore d1 7d "why"` for longer). Who asks for the repair does not approve it.
        "#);
        world.react("ken", "d1", Sign::Approve);
        assert_eq!(world.state("r1"), State::NeedsApproval);
        world.say("radia", "ops", "!drift repair d1");
        world.say("ken", "ops", "!cancel r1");
        world.pass("1m");
        insta::assert_snapshot!(world.drift_says("d1"), @r#"
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
        - last repair: r1 cancelled by @ken: cancelled before it ran
        - does not count: @barbara, because no policy permits it
        - does not count: console:zoe, because nobody in the policy repo has this account
        ✅ repair it (`!drift repair d1`), 🔕 ignore it for a day (`!drift ignore d1 7d "why"` for longer). Who asks for the repair does not approve it.
        "#);
        // The old reaction asks for nothing more; a new one does.
        world.chat.remove("ken", &world.drift_card("d1"), Sign::Approve);
        world.note("ken takes the reaction back");
        world.react("ken", "d1", Sign::Approve);
        assert_eq!(world.state("r2"), State::NeedsApproval);
    });
}

#[test]
fn a_repair_that_is_no_longer_needed_is_void() {
    story(|world| {
        drifted(world, "ask");
        world.say("ken", "ops", "!drift repair d1");
        clears(world, "web-dev");
        world.pass("17m");
        assert_eq!(world.state("r1"), State::Void);
        world.approve("radia", "r1");
        assert_eq!(world.state("r1"), State::Void);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn tribune_repairs_by_itself_and_asks_when_it_cannot() {
    story(|world| {
        drifted(world, "auto");
        assert_eq!(world.state("r1"), State::Running, "no evidence is needed there");
        clears(world, "web-dev");
        world.end("r1.1", Outcome::Succeeded);
        assert!(world.drift_says("d1").contains("repaired by r1"), "{}", world.drift_says("d1"));

        drifts(world, "web-dev", DIFF);
        world.pass("17m");
        world.told();
        let failed = || Outcome::Failed { how: Failure::Exit(1), target: None };
        world.end("r2.1", failed());
        world.pass("6m");
        world.end("r3.1", failed());
        world.pass("6m");
        world.told();
        world.end("r4.1", failed());
        insta::assert_snapshot!(world.told(), @r#"
        » r4.1 ends: Failed { how: Exit(1), target: None }
        [m9 in #ops]
        …
        differs from what is declared
        ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by hand
        +declared
        ```
        - last repair: r4 failed: it exited with 1
        - not repaired by itself: 3 repairs within an hour did not help
        ✅ repair it (`!drift repair d2`), 🔕 ignore it for a day (`!drift ignore d2 7d "why"` for longer). Who asks for the repair does not approve it.
        [m17 in #ops]
        …
        failed — it exited with 1
        [m18 in the thread of m17]
        r4.1 failed: it exited with 1 at 08:46:00 UTC
        It printed nothing.
        [m19 in the thread of m9]
        r4 has ended, and d2 still differs.
        [m20 in the thread of m9]
        Tribune stops repairing d2 by itself: 3 repairs within an hour did not help. From here on people decide.
        "#);
        world.pass("17m");
        assert_eq!(world.executor.given().len(), 4, "it does not try again");
        world.react("ken", "d2", Sign::Approve);
        assert_eq!(world.state("r5"), State::NeedsApproval, "people do");
    });
}

#[test]
fn what_policy_does_not_let_tribune_do_it_does_not_do() {
    story(|world| {
        // Of what is risky Tribune keeps its hands off.
        world.edit("intents/sync-motd.yaml", "risk: 1", "risk: 3");
        drifted(world, "auto");
        // Nor does it look; both are said, neither is silence.
        world.told();
        world.say("ken", "ops", "!drift");
        insta::assert_snapshot!(world.told(), @r"
        » ken in #ops: !drift
        [m7 in #ops]
        2 targets of standing intents: 1 in sync and 1 that policy does not let Tribune look at
        - — `sync-motd` on web-dev: may not look since 2026-06-01 08:00 UTC (no policy permits it)
        ");
        assert_eq!(world.executor.looks("sync-motd web-dev"), 0);
    });
}

#[test]
fn a_reaction_that_nobody_hints_at_is_noticed_within_a_minute() {
    story(|world| {
        drifted(world, "ask");
        world.chat.hints_nothing(true);
        world.react("ken", "d1", Sign::Approve);
        assert!(world.chat.post("card:r1:1").is_none());
        world.pass("1m");
        assert!(world.chat.post("card:r1:1").is_some());
    });
}

#[test]
fn who_is_banned_provisionally_answers_to_no_drift() {
    story(|world| {
        drifted(world, "ask");
        world.say("grace", "ops", "!ban @radia \"an incident\" 1h");
        world.react("radia", "d1", Sign::Approve);
        world.react("radia", "d1", Sign::Ignore);
        world.say("radia", "ops", "!drift repair d1");
        let text = world.drift_says("d1");
        let lines = text.lines().filter(|line| line.contains("does not count"));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
        - does not count: @radia, because they are banned
        - does not count: @radia, because they are banned
        ");
        assert!(!world.audit().iter().any(|row| row.starts_with("request.made")));
    });
}
