//! What differs is left as it is: ignored for a while, or taken over.

use tribune::domain::message::Sign;

use super::{DIFF, development, drifts};
use crate::world::story;

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
        let content = drafts[0].files.values().next().cloned().flatten().unwrap();
        let content = String::from_utf8(content).unwrap();
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
