//! What takes approvals their force: vetoes, clocks, and cards that are no longer what was read.

use tribune::domain::message::Edited;
use tribune::domain::request::State;

use super::{asked, half_approved};
use crate::world::story;

#[test]
fn one_veto_ends_a_request() {
    story(|world| {
        asked(world);
        world.veto("barbara", "r1");
        world.veto("dennis", "r1");
        world.approve("radia", "r1");
        world.approve("grace", "r1");
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
        » barbara reacts ❌ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - does not count: @barbara, because policy lets them fill no slot of this
        Evidence must be here by 08:30:00 UTC.
        » dennis reacts ❌ to r1
        [m3 in #ops]
        …
        vetoed by @dennis — no reason given
        - does not count: @barbara, because policy lets them fill no slot of this
        [m5 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — vetoed by @dennis: no reason given (08:00:00 UTC)
        » radia reacts ✅ to r1
        » grace reacts ✅ to r1
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn a_typed_veto_says_why() {
    story(|world| {
        let card = asked(world);
        world.reply("dennis", &card, "!deny r1 not during the review");
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
        » dennis in the thread of m3: !deny r1 not during the review
        [m3 in #ops]
        …
        vetoed by @dennis — not during the review
        [m6 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — vetoed by @dennis: not during the review (08:00:00 UTC)
        "#);
        assert_eq!(world.state("r1"), State::Vetoed);
    });
}

#[test]
fn approvals_that_come_too_late_do_not_help() {
    story(|world| {
        asked(world);
        world.pass("16m");
        world.pass("15m");
        world.approve("radia", "r1");
        world.approve("grace", "r1");
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
        » 16m pass
        [m5 in the thread of m3]
        @ada @dennis @grace @linus @margaret @radia r1 still waits; half of its time is over. React ✅ or ❌ on the card.
        » 15m pass
        [m3 in #ops]
        …
        expired — the evidence did not arrive in time
        [m6 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — expired: the evidence did not arrive in time (08:31:00 UTC)
        » radia reacts ✅ to r1
        » grace reacts ✅ to r1
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn a_card_that_somebody_else_changed_is_void() {
    story(|world| {
        let card = half_approved(world);
        let forged = world.chat.text(&card).replace("web-dev", "web01");
        world.rewrite(&card, Edited::ByOther, &forged);
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
        » radia reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: sre: @ada, @grace, @linus, @margaret
        - approved by @radia
        Evidence must be here by 08:30:00 UTC.
        » m3 is changed (ByOther): r1 @ken asks for `!run restart-service on web01 delay=0 graceful=true service=nginx`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web01
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - digest: `…`
        ---
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web01 delay=0 graceful=true service=nginx pr <number>`
        - could approve: sre: @ada, @grace, @linus, @margaret
        - approved by @radia
        Evidence must be here by 08:30:00 UTC.
        [m5 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — void: somebody else changed its card (08:00:00 UTC)
        "#);
        assert_eq!(world.state("r1"), State::Void);
    });
}

#[test]
fn a_card_that_was_deleted_is_void() {
    story(|world| {
        let card = half_approved(world);
        world.delete(&card);
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
        » radia reacts ✅ to r1
        [m3 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: sre: @ada, @grace, @linus, @margaret
        - approved by @radia
        Evidence must be here by 08:30:00 UTC.
        » m3 is deleted
        [m5 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — void: its card was deleted (08:00:00 UTC)
        "#);
        assert_eq!(world.state("r1"), State::Void);
    });
}

#[test]
fn a_changed_script_voids_approvals_and_makes_a_new_card() {
    story(|world| {
        let old = half_approved(world);
        world.edit("playbooks/scripts/service.sh", "#!/bin/sh", "#!/bin/sh\n# changed");
        assert_ne!(world.card("r1"), old);
        world.chat.add("grace", &old, tribune::domain::message::Sign::Approve);
        world.note("grace reacts ✅ to the old card");
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
        » a push: change playbooks/scripts/service.sh
        [m3 in #ops]
        …
        void — what would run has changed, so approvals of this no longer count. See the new card.
        [m5 in #ops]
        policy repo: now in force `…` “change playbooks/scripts/service.sh” by ada (before: …)
        - file `playbooks/scripts/service.sh` changed
        [m6 in the thread of m5]
        ```diff
        --- a/playbooks/scripts/service.sh
        +++ b/playbooks/scripts/service.sh
        @@ -1,4 +1,5 @@
         #!/bin/sh
        +# changed
         # Status, check and restart of a service on a host. The sample team's hosts do not exist, so the
         # steps are told and nothing is touched; put your own commands where the comments say.
         set -eu
        ```
        [m7 in #ops]
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
        [m8 in the thread of m7]
        @ada @dennis @grace @linus @margaret @radia r1 waits for one of you: react ✅ or ❌ on the card above.
        » grace reacts ✅ to the old card
        » grace reacts ✅ to r1
        [m7 in #ops]
        …
        needs approval
        - 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @linus, @margaret, @radia; sre: @ada, @linus, @margaret
        - approved by @grace
        Evidence must be here by 08:30:00 UTC.
        ");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        world.approve("radia", "r1");
        assert_eq!(world.state("r1"), State::Running);
    });
}

#[test]
fn an_unrelated_push_keeps_approvals() {
    story(|world| {
        let card = half_approved(world);
        world.edit("playbooks/scripts/host-info.sh", "#!/bin/sh", "#!/bin/sh\n# changed");
        assert_eq!(world.card("r1"), card);
        world.approve("grace", "r1");
        assert_eq!(world.state("r1"), State::Running);
    });
}
