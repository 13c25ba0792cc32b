//! Citations: merged, labelled, reviewed by somebody else, and used up.

use tribune::domain::evidence::Pull;
use tribune::domain::request::State;
use tribune::domain::run::Outcome;

use crate::world::forge::merged;
use crate::world::{World, story};

const COMMAND: &str = "!run restart-service on web-dev service=nginx";

/// Returns a pull request of ken's that grace merged just now, for [`COMMAND`].
fn pull(world: &mut World) -> Pull {
    let merge = world.merge(12);
    merged(12, ("ken", "grace"), "ops/restart", COMMAND, &merge)
}

#[test]
fn a_merged_labelled_reviewed_pull_request_runs_once() {
    story(|world| {
        let pull = pull(world);
        world.forge.put(pull);
        world.told();
        world.say("ken", "ops", &format!("{COMMAND} pr 12"));
        world.end("r1.1", Outcome::Succeeded);
        world.say("ken", "ops", &format!("{COMMAND} pr 12"));
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !run restart-service on web-dev service=nginx pr 12
        [m5 in #ops]
        r1 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx pr #12`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - cites: #12
        - digest: `…`
        ---
        running
        » r1.1 ends: Succeeded
        [m5 in #ops]
        …
        succeeded — done
        [m6 in #dm:ken]
        r1 <chat:ops/m5> `!run restart-service on web-dev delay=0 graceful=true service=nginx pr #12` — succeeded: done (08:00:00 UTC)
        [m7 in the thread of m5]
        r1.1 succeeded at 08:00:00 UTC
        It printed nothing.
        » ken in #ops: !run restart-service on web-dev service=nginx pr 12
        [m9 in #ops]
        r2 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx pr #12`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - cites: #12
        - digest: `…`
        ---
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - #12 does not count: it was used by r1
        Evidence must be here by 08:30:00 UTC.
        [m10 in the thread of m9]
        @ada @dennis @grace @linus @margaret @radia r2 waits for one of you: react ✅ or ❌ on the card above.
        "#);
        assert_eq!(world.executor.given().len(), 1);
    });
}

/// Plays [`COMMAND`] with a pull request that lacks something; returns what the card says.
fn cited(change: impl FnOnce(&mut World, &mut Pull)) -> String {
    let mut said = String::new();
    story(|world| {
        let mut pull = pull(world);
        change(world, &mut pull);
        world.forge.put(pull);
        world.told();
        world.say("ken", "ops", &format!("{COMMAND} pr 12"));
        assert!(world.executor.given().is_empty());
        let card = world.chat.text(&world.card("r1"));
        let told = card.lines().filter(|line| line.starts_with("- #12"));
        said = told.collect::<Vec<_>>().join("\n");
    });
    said
}

#[test]
fn a_pull_request_that_lacks_something_does_not_count_and_the_card_says_what() {
    let said = [
        cited(|_, pull| pull.merged = false),
        cited(|_, pull| pull.labels = ["urgent".to_owned()].into()),
        cited(|_, pull| pull.merged_by = Some("ken".parse().unwrap())),
        cited(|_, pull| pull.merged_by = Some("mallory".parse().unwrap())),
        cited(|_, pull| pull.merged_by = Some("barbara".parse().unwrap())),
        cited(|_, pull| {
            pull.author = Some("grace".parse().unwrap());
        }),
        cited(|_, pull| pull.command = None),
        cited(|_, pull| pull.command = Some(COMMAND.replace("web-dev", "web01"))),
        cited(|_, pull| pull.command = Some(COMMAND.replace("nginx", "app"))),
        cited(|world, _| world.pass("8d")),
        cited(|world, pull| {
            world.source.branch("elsewhere", "main");
            let made = crate::world::source::Made { message: "x", ..Default::default() };
            pull.merge = Some(world.source.commit("elsewhere", Default::default(), made));
        }),
    ];
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    - #12 does not count: it is not merged
    - #12 does not count: nobody but requester and author, who may approve, reviewed or merged it

    - #12 does not count: it lacks the label ops/restart

    - #12 does not count: nobody but requester and author, who may approve, reviewed or merged it

    - #12 does not count: nobody but requester and author, who may approve, reviewed or merged it

    - #12 does not count: nobody but requester and author, who may approve, reviewed or merged it

    - #12 does not count: nobody but requester and author, who may approve, reviewed or merged it

    - #12 does not count: it does not name this command with these arguments and targets

    - #12 does not count: it does not name this command with these arguments and targets

    - #12 does not count: it does not name this command with these arguments and targets

    - #12 does not count: it was merged 1 week 1 day ago, and restart-service takes at most 1 week

    - #12 does not count: its merge is not part of the applied revision
    "#);
}

#[test]
fn a_pull_request_that_is_not_there_does_not_count() {
    story(|world| {
        world.say("ken", "ops", &format!("{COMMAND} pr 99"));
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !run restart-service on web-dev service=nginx pr 99
        [m3 in #ops]
        r1 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx pr #99`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - cites: #99
        - digest: `…`
        ---
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - there is no pull request #99
        Evidence must be here by 08:30:00 UTC.
        [m4 in the thread of m3]
        @ada @dennis @grace @linus @margaret @radia r1 waits for one of you: react ✅ or ❌ on the card above.
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn a_forge_that_is_down_makes_a_request_wait() {
    story(|world| {
        let pull = pull(world);
        world.forge.put(pull);
        world.told();
        world.forge.set_down(true);
        world.say("ken", "ops", &format!("{COMMAND} pr 12"));
        assert!(world.executor.given().is_empty());
        world.forge.set_down(false);
        world.pass("1m");
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !run restart-service on web-dev service=nginx pr 12
        [m5 in #ops]
        r1 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx pr #12`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - cites: #12
        - digest: `…`
        ---
        being decided
        - waits: the forge cannot be reached: no route to it
        Evidence must be here by 08:30:00 UTC.
        » 1m pass
        [m5 in #ops]
        …
        running
        "#);
        assert_eq!(world.executor.given().len(), 1);
    });
}

#[test]
fn a_citation_helps_nobody_whom_policy_does_not_let_cite() {
    story(|world| {
        let pull = pull(world);
        world.forge.put(pull);
        world.told();
        world.say("barbara", "ops", &format!("{COMMAND} pr 12"));
        insta::assert_snapshot!(world.told(), @r#"
        » barbara in #ops: !run restart-service on web-dev service=nginx pr 12
        [m5 in #ops]
        r1 @barbara asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx pr #12`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - cites: #12
        - digest: `…`
        ---
        denied — policy says no
        - Operators may run what enough others approved: every slot of the intent is filled: @barbara does not hold role operator — `operators-approved` at policies/run.cedar:29
        - Operators may run what a merged and independently reviewed pull request with the intent's label asks for: @barbara does not hold role operator — `operators-cite` at policies/run.cedar:21
        - could ask for this: operator: @ada, @dennis, @grace, @ken, @linus, @margaret, @radia
        [m6 in #dm:barbara]
        r1 <chat:ops/m5> `!run restart-service on web-dev delay=0 graceful=true service=nginx pr #12` — denied: policy says no (08:00:00 UTC)
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn a_merge_by_somebody_banned_provisionally_is_no_citation() {
    story(|world| {
        let mut pull = pull(world);
        pull.merged_by = Some("radia".parse().unwrap());
        world.forge.put(pull);
        world.say("grace", "ops", "!ban @radia \"an incident\" 1h");
        world.say("ken", "ops", &format!("{COMMAND} pr 12"));
        assert_eq!(world.state("r1"), State::NeedsApproval);
        let card = world.chat.text(&world.card("r1"));
        let told = card.lines().find(|line| line.starts_with("- #12"));
        insta::assert_snapshot!(told.unwrap(), @"- #12 does not count: nobody but requester and author, who may approve, reviewed or merged it");
        world.say("grace", "ops", "!unban @radia");
        assert_eq!(world.state("r1"), State::Running, "the merge is there still");
    });
}
