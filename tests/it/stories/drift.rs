//! Drift: standing intents, what they find, and what people and Tribune do about it.

use tribune::domain::message::Sign;
use tribune::domain::request::State;
use tribune::domain::run::{Failure, Outcome};

use crate::world::{World, story};

/// What a check of the message of the day finds.
const DIFF: &str = "--- web-dev:/etc/motd\n+++ declared\n@@ -1 +1 @@\n-by hand\n+declared\n";

/// The message of the day becomes a standing intent.
fn standing(world: &mut World, rule: &str) {
    let keys = format!("idempotent: true\nchannel: ops\nstanding: {{ {rule} }}");
    world.edit("intents/sync-motd.yaml", "idempotent: true", &keys);
    world.told();
}

fn development(world: &mut World, on_drift: &str) {
    standing(world, &format!("every: 15m, targets: [development], on_drift: {on_drift}"));
}

fn drifts(world: &mut World, target: &str, diff: &str) {
    world.executor.finds(&format!("sync-motd {target}"), diff, Outcome::Differs);
}

fn clears(world: &mut World, target: &str) {
    world.executor.finds(&format!("sync-motd {target}"), "", Outcome::Succeeded);
}

#[test]
fn drift_is_told_once_and_cleared_when_it_is_gone() {
    story(|world| {
        development(world, "report");
        drifts(world, "web-dev", DIFF);
        world.pass("17m");
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
fn who_reacts_asks_and_somebody_else_approves() {
    story(|world| {
        development(world, "ask");
        drifts(world, "web-dev", DIFF);
        world.pass("17m");
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
        development(world, "ask");
        drifts(world, "web-dev", DIFF);
        world.pass("17m");
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
        development(world, "ask");
        drifts(world, "web-dev", DIFF);
        world.pass("17m");
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
        development(world, "auto");
        drifts(world, "web-dev", DIFF);
        world.pass("17m");
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
        development(world, "auto");
        drifts(world, "web-dev", DIFF);
        world.pass("17m");
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
fn what_is_ignored_is_left_until_then_or_until_it_differs_anew() {
    story(|world| {
        development(world, "auto");
        world.say("grace", "ops", "!drift check sync-motd");
        drifts(world, "web-dev", DIFF);
        // A freeze keeps Tribune from repairing at once.
        world.edit(
            "intents/sync-motd.yaml",
            "idempotent: true",
            "idempotent: true\nwindows: [{ deny: \"* * * * *\", zone: UTC }]",
        );
        assert!(world.drift_says("d1").contains("a freeze window holds"));
        world.say("ken", "ops", "!drift ignore d1 2h \"being tested\"");
        world.told();
        world.pass("90m");
        insta::assert_snapshot!(world.drift_says("d1"), @r#"
        d1 drift: `sync-motd` on web-dev, found 2026-06-01 08:00 UTC
        ---
        differs from what is declared
        ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by hand
        +declared
        ```
        - ignored until 2026-06-01 10:00 UTC by @ken: being tested
        - not repaired by itself: a freeze window holds
        ✅ repair it (`!drift repair d1`), 🔕 ignore it for a day (`!drift ignore d1 7d "why"` for longer). Who asks for the repair does not approve it.
        "#);
        world.pass("40m");
        insta::assert_snapshot!(world.told(), @r#"
        » 90m pass
        » 40m pass
        [m8 in #ops]
        …
        differs from what is declared
        ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by hand
        +declared
        ```
        - not repaired by itself: a freeze window holds
        ✅ repair it (`!drift repair d1`), 🔕 ignore it for a day (`!drift ignore d1 7d "why"` for longer). Who asks for the repair does not approve it.
        [m14 in the thread of m8]
        d1 is no longer ignored, and still so.
        "#);
        world.react("ken", "d1", Sign::Ignore);
        assert!(world.drift_says("d1").contains("ignored until"));
        drifts(world, "web-dev", &DIFF.replace("by hand", "by another hand"));
        world.pass("17m");
        assert!(!world.drift_says("d1").contains("ignored until"), "{}", world.drift_says("d1"));
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
        development(world, "ask");
        drifts(world, "web-dev", DIFF);
        world.pass("17m");
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

#[test]
fn what_is_live_is_prepared_as_a_branch_exactly_as_it_was_shown() {
    story(|world| {
        let intent = "version: 1\nintent: keep-motd\nsummary: Keep the message of the day\n\
            category: change\nrisk: 1\ntargets: [local]\nchannel: ops\n\
            approval: { slots: [{ role: operator }] }\n\
            run: { file: { source: playbooks/files/motd, path: managed/motd } }\n\
            standing: { every: 15m, targets: [local], on_drift: ask }\n";
        world.push("keep the message of the day", &[("intents/keep-motd.yaml", Some(intent))]);
        let declared = world.file("playbooks/files/motd");
        let first = declared.lines().next().expect("it says something").to_owned();
        let motd = world.managed("motd");
        std::fs::write(&motd, declared.replacen(&first, "by hand", 1)).expect("the root is there");
        world.pass("17m");
        world.told();
        world.react("barbara", "d1", Sign::Keep);
        assert!(world.source.drafts().is_empty(), "policy lets operators propose");
        world.react("ken", "d1", Sign::Keep);
        let drafts = world.source.drafts();
        assert_eq!(drafts.len(), 1, "{}", world.drift_says("d1"));
        assert_eq!(drafts[0].branch, "tribune/drift-d1");
        assert!(drafts[0].message.ends_with("\n\nRequested-by: ken\n"), "{}", drafts[0].message);
        let content = String::from_utf8(drafts[0].content.clone()).unwrap();
        assert_eq!(content, declared.replacen(&first, "by hand", 1));
        assert!(world.told().contains("git merge --no-ff FETCH_HEAD"));
        // What is hidden cannot be taken over.
        let hidden = declared.replacen(&first, crate::world::SECRET, 1);
        std::fs::write(&motd, hidden).expect("the root is there");
        world.pass("17m");
        world.say("ken", "ops", "!drift keep d1");
        assert_eq!(world.source.drafts().len(), 1);
        assert!(world.told().contains("shown to nobody"));
    });
}
