//! Who counts as approving, and which slot they fill.

use tribune::domain::message::Edited;
use tribune::domain::request::State;
use tribune::domain::run::Outcome;

use super::{asked, half_approved};
use crate::world::story;

#[test]
fn two_people_of_two_roles_let_a_request_run() {
    story(|world| {
        asked(world);
        world.approve("ken", "r1");
        world.approve("grace", "r1");
        world.approve("linus", "r1");
        world.output("r1.1", "restarting\n");
        world.pass("1s");
        world.end("r1.1", Outcome::Succeeded);
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !restart nginx on web-dev
        [m3 in #ops]
        r1 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - digest: `…`
        ---
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        Evidence must be here by 08:30:00 UTC.
        [m4 in the thread of m3]
        @ada @dennis @grace @linus @margaret @radia r1 waits for one of you: react ✅ or ❌ on the card above.
        » ken reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - does not count: @ken, because nobody approves their own request
        Evidence must be here by 08:30:00 UTC.
        » grace reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @linus, @margaret, @radia; sre: @ada, @linus, @margaret
        - approved by @grace
        - does not count: @ken, because nobody approves their own request
        Evidence must be here by 08:30:00 UTC.
        » linus reacts ✅ to r1
        [m3 in #ops]
        …
        running
        - approved by @grace, @linus
        - does not count: @ken, because nobody approves their own request
        » r1.1 writes "restarting\n"
        [m5 in the thread of m3]
        r1.1 runs since 08:00:00 UTC
        ```text
        restarting
        ```
        » 1s pass
        » r1.1 ends: Succeeded
        [m3 in #ops]
        …
        succeeded — done
        - approved by @grace, @linus
        [m5 in the thread of m3]
        r1.1 succeeded at 08:00:01 UTC
        ```text
        restarting
        ```
        [m6 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — succeeded: done (08:00:01 UTC)
        "#);
        assert_eq!(
            world.executor.ran(),
            ["playbooks/scripts/service.sh restart nginx web-dev true 0"]
        );
    });
}

#[test]
fn one_person_with_both_roles_fills_one_slot() {
    story(|world| {
        asked(world);
        world.approve("ada", "r1");
        insta::assert_snapshot!(world.told(), @r"
        » ken in #ops: !restart nginx on web-dev
        [m3 in #ops]
        r1 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - digest: `…`
        ---
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        Evidence must be here by 08:30:00 UTC.
        [m4 in the thread of m3]
        @ada @dennis @grace @linus @margaret @radia r1 waits for one of you: react ✅ or ❌ on the card above.
        » ada reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @dennis, @grace, @linus, @margaret, @radia; sre: @grace, @linus, @margaret
        - approved by @ada
        Evidence must be here by 08:30:00 UTC.
        ");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        world.approve("radia", "r1");
        assert_eq!(world.state("r1"), State::Running);
    });
}

#[test]
fn an_operator_takes_the_lower_slot_whoever_comes_first() {
    story(|world| {
        half_approved(world);
        world.approve("dennis", "r1");
        assert_eq!(world.state("r1"), State::NeedsApproval, "two operators are no sre");
        world.approve("grace", "r1");
        assert_eq!(world.state("r1"), State::Running);
    });
}

#[test]
fn bots_strangers_the_banned_and_the_requester_do_not_count() {
    story(|world| {
        asked(world);
        world.chat.is_machine("bridge");
        for account in ["bridge", "zoe", "mallory", "barbara", "ken"] {
            world.approve(account, "r1");
        }
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !restart nginx on web-dev
        [m3 in #ops]
        r1 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - digest: `…`
        ---
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        Evidence must be here by 08:30:00 UTC.
        [m4 in the thread of m3]
        @ada @dennis @grace @linus @margaret @radia r1 waits for one of you: react ✅ or ❌ on the card above.
        » bridge reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - does not count: @bridge, because it is not a person's account
        Evidence must be here by 08:30:00 UTC.
        » zoe reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - does not count: @bridge, because it is not a person's account
        - does not count: @zoe, because nobody in the policy repo has this account
        Evidence must be here by 08:30:00 UTC.
        » mallory reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - does not count: @bridge, because it is not a person's account
        - does not count: @zoe, because nobody in the policy repo has this account
        - does not count: @mallory, because they are banned
        Evidence must be here by 08:30:00 UTC.
        » barbara reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - does not count: @bridge, because it is not a person's account
        - does not count: @zoe, because nobody in the policy repo has this account
        - does not count: @mallory, because they are banned
        - does not count: @barbara, because policy lets them fill no slot of this
        Evidence must be here by 08:30:00 UTC.
        » ken reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - does not count: @bridge, because it is not a person's account
        - does not count: @zoe, because nobody in the policy repo has this account
        - does not count: @mallory, because they are banned
        - does not count: @barbara, because policy lets them fill no slot of this
        - does not count: @ken, because nobody approves their own request
        Evidence must be here by 08:30:00 UTC.
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn an_approval_that_is_taken_back_does_not_count() {
    story(|world| {
        half_approved(world);
        world.withdraw("radia", "r1");
        world.approve("grace", "r1");
        insta::assert_snapshot!(world.told(), @r"
        » ken in #ops: !restart nginx on web-dev
        [m3 in #ops]
        r1 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - digest: `…`
        ---
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        Evidence must be here by 08:30:00 UTC.
        [m4 in the thread of m3]
        @ada @dennis @grace @linus @margaret @radia r1 waits for one of you: react ✅ or ❌ on the card above.
        » radia reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: sre: @ada, @grace, @linus, @margaret
        - approved by @radia
        Evidence must be here by 08:30:00 UTC.
        » radia takes ✅ back from r1
        [m3 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        Evidence must be here by 08:30:00 UTC.
        » grace reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @linus, @margaret, @radia; sre: @ada, @linus, @margaret
        - approved by @grace
        Evidence must be here by 08:30:00 UTC.
        ");
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn typed_approvals_count_in_the_thread_of_the_card_until_they_are_changed() {
    story(|world| {
        asked(world);
        world.say("grace", "ops", "!approve r1");
        let card = world.card("r1");
        let typed = world.reply("grace", &card, "!approve r1");
        world.rewrite(&typed, Edited::ByAuthor, "!approve r1 (or not)");
        world.reply("radia", &card, "!approve r1");
        insta::assert_snapshot!(world.told(), @r"
        » ken in #ops: !restart nginx on web-dev
        [m3 in #ops]
        r1 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - digest: `…`
        ---
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        Evidence must be here by 08:30:00 UTC.
        [m4 in the thread of m3]
        @ada @dennis @grace @linus @margaret @radia r1 waits for one of you: react ✅ or ❌ on the card above.
        » grace in #ops: !approve r1
        [m6 in #ops]
        That counts in the thread of the card of r1 <chat:ops/m3> only: react or reply there, where what you approve can be read.
        » grace in the thread of m3: !approve r1
        [m3 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @linus, @margaret, @radia; sre: @ada, @linus, @margaret
        - approved by @grace
        Evidence must be here by 08:30:00 UTC.
        » m7 is changed (ByAuthor): !approve r1 (or not)
        [m3 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        Evidence must be here by 08:30:00 UTC.
        » radia in the thread of m3: !approve r1
        [m3 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: sre: @ada, @grace, @linus, @margaret
        - approved by @radia
        Evidence must be here by 08:30:00 UTC.
        ");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        let typed = world.reply("grace", &card, "!approve r1");
        assert_eq!(world.state("r1"), State::Running);
        world.delete(&typed);
        assert_eq!(world.state("r1"), State::Running, "what runs has been decided");
    });
}

#[test]
fn what_destroys_takes_two_sre() {
    story(|world| {
        world.say("margaret", "ops", "!wipe pages cache on web-dev");
        world.approve("grace", "r1");
        world.approve("radia", "r1");
        insta::assert_snapshot!(world.told(), @r#"
        » margaret in #ops: !wipe pages cache on web-dev
        [m3 in #ops]
        r1 @margaret asks for `!run wipe-cache on web-dev scope=pages`
        - what: wipe-cache — Throw away the page cache of web hosts (destroy, risk 3)
        - on: web-dev
        - arguments: `scope=pages`
        - digest: `…`
        ---
        needs approval
        - 2 sre to approve with ✅ here, each a different person and none of them the requester
        - could approve: sre: @ada, @grace, @linus
        Evidence must be here by 08:30:00 UTC.
        [m4 in the thread of m3]
        @ada @grace @linus r1 waits for one of you: react ✅ or ❌ on the card above.
        » grace reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - could approve: sre: @ada, @linus
        - approved by @grace
        Evidence must be here by 08:30:00 UTC.
        » radia reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - could approve: sre: @ada, @linus
        - approved by @grace
        - does not count: @radia, because policy lets them fill no slot of this
        Evidence must be here by 08:30:00 UTC.
        "#);
        assert!(world.executor.given().is_empty());
        world.approve("linus", "r1");
        assert_eq!(world.state("r1"), State::Running);
    });
}
