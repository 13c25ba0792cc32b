//! What an intent or a channel says has its effect.

use tribune::domain::request::State;
use tribune::domain::run::{Failure, Outcome};

use crate::world::forge::merged;
use crate::world::story;

#[test]
fn a_value_that_begins_with_a_dash_is_taken_where_the_intent_says_so() {
    story(|world| {
        let intent = |name: &str, more: &str| {
            format!(
                "version: 1\nintent: {name}\nsummary: Say something\ncategory: read\nrisk: 0\n\
                 params:\n  text: {{ type: string{more} }}\ntargets: [local]\n\
                 run: {{ argv: [echo, \"{{text}}\"] }}\n"
            )
        };
        let (strict, free) = (intent("say", ""), intent("shout", ", allow_dash: true"));
        let files = [("intents/say.yaml", Some(&*strict)), ("intents/shout.yaml", Some(&*free))];
        world.push("two intents", &files);
        world.told();
        world.say("ken", "ops", "!run say on local text=-n");
        world.say("ken", "ops", "!run shout on local text=-n");
        assert_eq!(world.executor.ran(), ["echo -n"]);
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !run say on local text=-n
        [m5 in #ops]
        Not done: text: "-n" begins with `-`, which a program could take for an option.
        Hint: `!help say` shows its parameters
        » ken in #ops: !run shout on local text=-n
        [m7 in #ops]
        r1 @ken asks for `!run shout on local text=-n`
        - what: shout — Say something (read, risk 0)
        - on: local
        - arguments: `text=-n`
        - digest: `…`
        ---
        running
        "#);
    });
}

#[test]
fn a_check_is_decided_by_itself_and_tells_same_from_different_from_failed() {
    story(|world| {
        let intent = "intents/sync-motd.yaml";
        world.edit(intent, "idempotent: true", "idempotent: true\nsecrets: [motd-token]");
        world.told();
        for (request, outcome) in [
            ("r1.1", Outcome::Succeeded),
            ("r2.1", Outcome::Differs),
            ("r3.1", Outcome::Failed { how: Failure::Exit(64), target: None }),
        ] {
            world.say("ken", "ops", "!check sync-motd on web-dev");
            world.end(request, outcome);
        }
        world.say("barbara", "ops", "!check sync-motd on web-dev");
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !check sync-motd on web-dev
        [m5 in #ops]
        r1 @ken asks to check `!check sync-motd on web-dev`
        - what: sync-motd — Give hosts outside production the message of the day that this repository holds (change, risk 1)
        - on: web-dev
        - digest: `…`
        ---
        running
        » r1.1 ends: Succeeded
        [m5 in #ops]
        …
        succeeded — done
        [m6 in #dm:ken]
        r1 <chat:ops/m5> `!check sync-motd on web-dev` — succeeded: done (08:00:00 UTC)
        [m7 in the thread of m5]
        r1.1 succeeded at 08:00:00 UTC
        It printed nothing.
        » ken in #ops: !check sync-motd on web-dev
        [m9 in #ops]
        r2 @ken asks to check `!check sync-motd on web-dev`
        - what: sync-motd — Give hosts outside production the message of the day that this repository holds (change, risk 1)
        - on: web-dev
        - digest: `…`
        ---
        running
        » r2.1 ends: Differs
        [m9 in #ops]
        …
        succeeded — the world differs from what is declared
        [m10 in #dm:ken]
        r2 <chat:ops/m9> `!check sync-motd on web-dev` — succeeded: the world differs from what is declared (08:00:00 UTC)
        [m11 in the thread of m9]
        r2.1 found that the world differs at 08:00:00 UTC
        It printed nothing.
        » ken in #ops: !check sync-motd on web-dev
        [m13 in #ops]
        r3 @ken asks to check `!check sync-motd on web-dev`
        - what: sync-motd — Give hosts outside production the message of the day that this repository holds (change, risk 1)
        - on: web-dev
        - digest: `…`
        ---
        running
        » r3.1 ends: Failed { how: Exit(64), target: None }
        [m13 in #ops]
        …
        failed — it exited with 64
        [m14 in #dm:ken]
        r3 <chat:ops/m13> `!check sync-motd on web-dev` — failed: it exited with 64 (08:00:00 UTC)
        [m15 in the thread of m13]
        r3.1 failed: it exited with 64 at 08:00:00 UTC
        It printed nothing.
        » barbara in #ops: !check sync-motd on web-dev
        [m17 in #ops]
        r4 @barbara asks to check `!check sync-motd on web-dev`
        - what: sync-motd — Give hosts outside production the message of the day that this repository holds (change, risk 1)
        - on: web-dev
        - digest: `…`
        ---
        denied — policy says no
        - Operators may look what an intent would change: @barbara does not hold role operator — `operators-check` at policies/run.cedar:10
        - could ask for this: operator: @ada, @dennis, @grace, @ken, @linus, @margaret, @radia
        [m18 in #dm:barbara]
        r4 <chat:ops/m17> `!check sync-motd on web-dev` — denied: policy says no (08:00:00 UTC)
        "#);
        let look = world.executor.given().remove(0);
        assert_eq!(look.commands()[0].argv[1], "check");
        assert_eq!((look.commands()[0].drift_exit, look.secrets.len()), (Some(2), 0));
        world.say("ken", "ops", "!run sync-motd on web-dev");
        assert_eq!(world.state("r5"), State::NeedsApproval, "leave to look is no leave to act");
        world.approve("radia", "r5");
        let act = world.executor.given().pop().unwrap();
        assert_eq!(act.commands()[0].argv[1], "apply");
        assert_eq!((act.commands()[0].drift_exit, act.secrets[0].as_str()), (None, "motd-token"));
    });
}

#[test]
fn where_nobody_approves_no_approval_counts() {
    story(|world| {
        let channels = "inventory/channels.yaml";
        world.edit(channels, "approve: true\n  prod:", "approve: false\n  prod:");
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.told();
        world.approve("radia", "r1");
        world.approve("grace", "r1");
        insta::assert_snapshot!(world.told(), @r#"
        » radia reacts ✅ to r1
        [m5 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - does not count: @radia, because approvals do not count in this channel
        Evidence must be here by 08:30:00 UTC.
        » grace reacts ✅ to r1
        [m5 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - does not count: @radia, because approvals do not count in this channel
        - does not count: @grace, because approvals do not count in this channel
        Evidence must be here by 08:30:00 UTC.
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn a_private_channel_is_one_that_policies_can_tell_apart() {
    story(|world| {
        let (all, open) = (
            "action == Action::\"view\", resource);",
            "action == Action::\"view\", resource)\nunless { resource is Channel && resource.private };",
        );
        world.edit("policies/house.cedar", all, open);
        world.say("ken", "prod", "!run host-info");
        world.say("ken", "ops", "!run host-info");
        world.told();
        world.say("barbara", "general", "!status r1");
        world.say("barbara", "general", "!status r2");
        insta::assert_snapshot!(world.told(), @r#"
        » barbara in #general: !status r1
        [m9 in #general]
        You may not see r1: policy does not let you view where it was asked.
        » barbara in #general: !status r2
        [m11 in #general]
        r2 <chat:ops/m7> running — `!run host-info on local` by @ken at 08:00:00 UTC
        "#);
    });
}

#[test]
fn what_an_intent_reads_and_its_environment_come_with_the_run() {
    story(|world| {
        world.say("ken", "ops", "!deploy v1.4.2 to web-dev");
        let card = world.card("r1");
        let old = world.file("playbooks/files/app.conf");
        let new = format!("{old}# changed\n");
        world.push("tune the app", &[("playbooks/files/app.conf", Some(&new))]);
        assert_ne!(world.card("r1"), card, "what it reads is a part of what is approved");
        world.approve("grace", "r1");
        let plan = world.executor.given().remove(0);
        assert!(plan.files.contains_key(&"playbooks/files/app.conf".parse().unwrap()));
        let env: Vec<_> = plan.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(env, ["APP_RELEASE=v1.4.2", "LANG=C.UTF-8"]);
    });
}

#[test]
fn a_run_keeps_out_what_its_intent_says() {
    story(|world| {
        world.say("barbara", "general", "!run slow-job on local");
        world.say("barbara", "general", "!run slow-job on local seconds=5");
        assert_eq!((world.state("r1"), world.state("r2")), (State::Running, State::Queued));
        world.say("barbara", "general", "!run host-info");
        world.say("barbara", "general", "!run host-info");
        assert_eq!((world.state("r3"), world.state("r4")), (State::Running, State::Running));
        world.end("r1.1", Outcome::Succeeded);
        assert_eq!(world.state("r2"), State::Running);
    });
}

#[test]
fn output_beyond_the_limit_of_its_intent_is_dropped_and_counted() {
    story(|world| {
        world.say("barbara", "general", "!run tail-log on web-dev service=nginx");
        world.told();
        world.executor.write("r1.1", &"a line of output\n".repeat(5_000));
        world.end("r1.1", Outcome::Succeeded);
        let dropped = 17 * 5_000 - 64 * 1024;
        let said = format!("{dropped} bytes of output beyond the limit of its intent were dropped");
        assert!(world.told().contains(&said));
    });
}

#[test]
fn a_citation_need_not_name_the_command_where_the_intent_says_so() {
    story(|world| {
        let merge = world.merge(12);
        let mut pull = merged(12, ("ken", "grace"), "ops/motd", "", &merge);
        pull.command = None;
        world.forge.put(pull);
        world.say("ken", "ops", "!run sync-motd on web-dev pr 12");
        assert_eq!(world.state("r1"), State::Running);
    });
}

#[test]
fn an_intent_may_call_nobody() {
    story(|world| {
        world.say("ken", "ops", "!run rotate-logs on web-dev");
        world.pass("61m");
        let told = world.told();
        assert!(!told.contains("waits for one of you") && !told.contains("still waits"), "{told}");
    });
}

#[test]
fn who_could_still_help_is_reminded_once_at_half_of_the_time() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("grace", "r1");
        world.told();
        world.pass("15m");
        world.pass("10m");
        insta::assert_snapshot!(world.told(), @r"
        » 15m pass
        [m5 in the thread of m3]
        @ada @dennis @linus @margaret @radia r1 still waits; half of its time is over. React ✅ or ❌ on the card.
        » 10m pass
        ");
    });
}
