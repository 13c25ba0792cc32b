//! Channels on two platforms of unequal strength: who may ask where, and where approvals count.

use tribune::domain::channel::Absence;
use tribune::domain::message::{AuthorKind, Sign};
use tribune::domain::request::State;
use tribune::domain::run::Outcome;

use crate::world::World;
use crate::world::two::story_on_two;

/// The console may ask; only Matrix, with its single sign-on, may approve.
const WEAK_CONSOLE: &str = "chat: { console: { id: ops, may: [request] }, \
     matrix: { id: \"!ops:hs\", may: [request, approve] } }";

/// Both may everything.
const EQUAL: &str = "chat: { console: ops, matrix: \"!ops:hs\" }";

/// The console may approve and Matrix may ask.
const CROSSED: &str = "chat: { console: { id: ops, may: [approve] }, \
     matrix: { id: \"!ops:hs\", may: [request] } }";

/// What was said in direct messages on a platform.
fn direct(world: &World, matrix: bool) -> Vec<String> {
    let all = if matrix { world.matrix().everything() } else { world.chat.everything() };
    let ours = all.into_iter().filter(|it| it.message.direct);
    let ours = ours.filter(|it| it.message.kind == AuthorKind::Tribune);
    ours.map(|it| format!("{}: {}", it.message.at.channel, it.message.text)).collect()
}

#[test]
fn one_place_asks_and_another_approves() {
    story_on_two(&[("ops", WEAK_CONSOLE)], |world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        insta::assert_snapshot!(world.told(), @r"
        » ken in #ops: !restart nginx on web-dev
        [m2 in #ops]
        r1 is asked for. Its card stands in #ops on matrix: only there approvals count, and output and result go to its thread.
        [matrix m2 in #!ops:hs]
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
        [matrix m3 in the thread of m2]
        @@ada:hs @@dennis:hs @@grace:hs @@linus:hs @@margaret:hs @@radia:hs r1 waits for one of you: react ✅ or ❌ on the card above.
        ");
        let card = world.card_on_matrix("r1").expect("it stands where approving is possible");
        // The link may be reacted to, and it means nothing.
        let link = world.chat.everything().last().expect("the link").message.at.clone();
        world.chat.add("radia", &link, Sign::Approve);
        world.note("radia reacts ✅ to the link");
        world.reply("grace", &link, "!approve r1");
        insta::assert_snapshot!(world.told(), @r"
        » radia reacts ✅ to the link
        » grace in the thread of m2: !approve r1
        [m4 in the thread of m2]
        That counts in the thread of the card of r1 <chat:!ops:hs/m2> only: react or reply there, where what you approve can be read.
        ");
        world.react_on_matrix("@radia:hs", &card, Sign::Approve);
        world.reply_on_matrix("@grace:hs", &card, "!approve r1");
        assert_eq!(world.state("r1"), State::Running);
        world.told();
        world.output("r1.1", "restarted\n");
        world.end("r1.1", Outcome::Succeeded);
        insta::assert_snapshot!(world.told(), @r#"
        » r1.1 writes "restarted\n"
        [matrix m5 in the thread of m2]
        r1.1 runs since 08:00:00 UTC
        ```text
        restarted
        ```
        » r1.1 ends: Succeeded
        [m5 in #dm:ken]
        r1 <chat:!ops:hs/m2> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — succeeded: done (08:00:00 UTC)
        [matrix m2 in #!ops:hs]
        …
        succeeded — done
        - approved by @radia, @grace
        [matrix m5 in the thread of m2]
        r1.1 succeeded at 08:00:00 UTC
        ```text
        restarted
        ```
        "#);
        assert_eq!(direct(world, true), Vec::<String>::new(), "ken asked on the console");
        assert_eq!(direct(world, false).len(), 1);
    });
}

#[test]
fn what_nobody_votes_on_stays_where_it_was_asked() {
    story_on_two(&[("ops", WEAK_CONSOLE)], |world| {
        world.say("ken", "ops", "!run host-info on local");
        assert_eq!(world.state("r1"), State::Running);
        assert_eq!(world.card_on_matrix("r1"), None);
    });
}

#[test]
fn who_asks_where_approving_is_possible_gets_the_card_there() {
    story_on_two(&[("ops", EQUAL)], |world| {
        world.say_on_matrix("@ken:hs", "!ops:hs", "!restart nginx on web-dev");
        assert!(world.card_on_matrix("r1").is_some());
        world.say("ken", "ops", "!restart app on web-dev");
        assert_eq!(world.card_on_matrix("r2"), None);
    });
}

#[test]
fn a_place_that_may_not_request_says_where_to_go() {
    story_on_two(&[("ops", CROSSED)], |world| {
        for text in [
            "!restart nginx on web-dev",
            "!run host-info on local",
            "!pause all 1h \"why\"",
            "!drift check",
            "!reconcile",
        ] {
            world.say("ken", "ops", text);
        }
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !restart nginx on web-dev
        [m3 in #ops]
        Not done: commands that do something are not taken in #ops on console.
        Hint: type it in #ops on matrix
        » ken in #ops: !run host-info on local
        [m5 in #ops]
        Not done: commands that do something are not taken in #ops on console.
        Hint: type it in #ops on matrix
        » ken in #ops: !pause all 1h "why"
        [m7 in #ops]
        Not done: commands that do something are not taken in #ops on console.
        Hint: type it in #ops on matrix
        » ken in #ops: !drift check
        [m9 in #ops]
        Not done: commands that do something are not taken in #ops on console.
        Hint: type it in #ops on matrix
        » ken in #ops: !reconcile
        [m11 in #ops]
        Not done: commands that do something are not taken in #ops on console.
        Hint: type it in #ops on matrix
        "#);
        // Looking is no request, and who they are they are told with what the place is good for.
        world.say("ken", "ops", "!whoami");
        world.say_on_matrix("@ken:hs", "!ops:hs", "!whoami");
        world.say_on_matrix("@zoe:hs", "!ops:hs", "!whoami");
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !whoami
        [m13 in #ops]
        @ken is Ken Sato
        - roles: operator, user
        - flags: none
        - this account, for their file: `chat: { console: "ken" }`
        - this place: #ops on console, where no requests are taken and approvals count
        » @ken:hs in #!ops:hs: !whoami
        [matrix m2 in #!ops:hs]
        @ken is Ken Sato
        - roles: operator, user
        - flags: none
        - this account, for their file: `chat: { matrix: "@ken:hs" }`
        - this place: #ops on matrix, where requests are taken and approvals do not count
        » @zoe:hs in #!ops:hs: !whoami
        [matrix m4 in #!ops:hs]
        I do not know you: nobody in the policy repo has the account `matrix:@zoe:hs`. An admin can add this to a file of inventory/people/:
        ```yaml
        chat: { matrix: "@zoe:hs" }
        ```
        "#);
    });
}

#[test]
fn nobody_is_banned_and_nothing_is_ended_from_a_place_that_may_not_request() {
    story_on_two(&[("ops", CROSSED)], |world| {
        world.say_on_matrix("@ken:hs", "!ops:hs", "!restart nginx on web-dev");
        world.told();
        let refused = "Not done: commands that do something are not taken in #ops on console.";
        for text in [
            "!ban @radia \"why\" 1h",
            "!unban @mallory",
            "!cancel r1",
            "!again r1",
            "!resume all",
            "!drift ignore d1 1d",
        ] {
            world.say("grace", "ops", text);
            let told = world.told();
            assert!(told.contains(refused), "{told}");
        }
        assert_eq!(world.state("r1"), State::NeedsApproval);
        world.approve("radia", "r1");
        assert!(world.chat.text(&world.card("r1")).contains("approved by @radia"));
    });
}

#[test]
fn a_card_whose_place_may_no_longer_approve_says_so() {
    story_on_two(&[("ops", EQUAL)], |world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("radia", "r1");
        let (from, to) = (EQUAL, WEAK_CONSOLE);
        world.edit("inventory/channels.yaml", from, to);
        world.approve("grace", "r1");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        let said = world.chat.text(&world.card("r1"));
        let said = said.split_once("does not count").expect("it says why").1;
        insta::assert_snapshot!(said, @r"
        : @radia, because approvals of this channel count on another platform only
        - does not count: @grace, because approvals of this channel count on another platform only
        Evidence must be here by 08:30:00 UTC.
        ");
    });
}

#[test]
fn what_changes_of_a_place_is_told() {
    story_on_two(&[("ops", EQUAL)], |world| {
        world.edit("inventory/channels.yaml", EQUAL, CROSSED);
        let told = world.told();
        let line = told.lines().find(|line| line.contains("channel `ops`"));
        insta::assert_snapshot!(line.unwrap_or_default(), @"- channel `ops`: gained strength console may approve; gained strength matrix may request; lost strength console may request, approve; lost strength matrix may request, approve");
    });
}

#[test]
fn where_nobody_could_approve_nothing_is_asked() {
    let elsewhere = "chat: { console: { id: ops, may: [request] }, \
         mattermost: { id: 8x3k1mq7rtyw5e9uziopasdfgh, may: [approve] } }";
    story_on_two(&[("ops", elsewhere)], |world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        insta::assert_snapshot!(world.told(), @r"
        » ken in #ops: !restart nginx on web-dev
        [m3 in #ops]
        Not done: restart-service takes approvals; those of #ops count only on mattermost, which is not connected.
        Hint: ask who looks after Tribune to connect it, or ask in another channel
        ");
    });
}

#[test]
fn where_tribune_cannot_post_nothing_is_asked_and_nothing_stands() {
    story_on_two(&[("ops", WEAK_CONSOLE)], |world| {
        world.matrix().is_absent("!ops:hs", Some(Absence::NotIn));
        world.say("ken", "ops", "!restart nginx on web-dev");
        insta::assert_snapshot!(world.told(), @r"
        » ken in #ops: !restart nginx on web-dev
        [m2 in #ops]
        Not done: restart-service takes approvals; those of #ops count only on matrix, where Tribune does not hear that channel.
        Hint: ask who looks after Tribune: `tribune status` says what to do
        ");
        // What nobody votes on does not need that room.
        world.say("ken", "ops", "!run host-info on local");
        assert_eq!(world.executor.given().len(), 1);
        world.matrix().is_absent("!ops:hs", None);
        world.say("ken", "ops", "!restart nginx on web-dev");
        assert!(world.matrix().everything().iter().any(|it| it.message.text.contains("@ken asks")));
    });
}

#[test]
fn of_two_places_the_one_that_is_heard_is_told() {
    let keys = "idempotent: true\nchannel: ops\n\
                standing: { every: 15m, targets: [development], on_drift: ask }";
    story_on_two(&[("ops", EQUAL)], |world| {
        world.matrix().is_absent("!ops:hs", Some(Absence::Encrypted));
        world.edit("intents/sync-motd.yaml", "idempotent: true", keys);
        world.executor.finds("sync-motd web-dev", "-by hand\n+declared\n", Outcome::Differs);
        world.pass("17m");
        assert!(world.chat.post("drift:d1").is_some());
        assert!(world.matrix().post("drift:d1").is_none());
    });
}

#[test]
fn drift_is_told_where_asking_is_possible_and_its_repair_approved_where_approving_is() {
    let keys = "idempotent: true\nchannel: ops\n\
                standing: { every: 15m, targets: [development], on_drift: ask }";
    story_on_two(&[("ops", CROSSED)], |world| {
        world.edit("intents/sync-motd.yaml", "idempotent: true", keys);
        world.executor.finds("sync-motd web-dev", "-by hand\n+declared\n", Outcome::Differs);
        world.pass("17m");
        let card = world.matrix().post("drift:d1").expect("it is told where asking is possible");
        world.react_on_matrix("@ken:hs", &card, Sign::Approve);
        assert_eq!(world.state("r1"), State::NeedsApproval);
        assert!(world.chat.post("card:r1:1").is_some(), "approved where approving is possible");
        world.approve("radia", "r1");
        assert_eq!(world.state("r1"), State::Running);
    });
}

#[test]
fn an_answer_to_drift_counts_only_where_asking_is_possible() {
    let keys = "idempotent: true\nchannel: ops\n\
                standing: { every: 15m, targets: [development], on_drift: ask }";
    story_on_two(&[("ops", EQUAL)], |world| {
        world.edit("intents/sync-motd.yaml", "idempotent: true", keys);
        world.executor.finds("sync-motd web-dev", "-by hand\n+declared\n", Outcome::Differs);
        world.pass("17m");
        let card =
            world.matrix().post("drift:d1").expect("not on the console, if there is a choice");
        let asks = "chat: { console: ops, matrix: { id: \"!ops:hs\", may: [approve] } }";
        world.edit("inventory/channels.yaml", EQUAL, asks);
        for sign in [Sign::Approve, Sign::Ignore] {
            world.react_on_matrix("@ken:hs", &card, sign);
        }
        let said = world.matrix().text(&card);
        let lines = said.lines().filter(|line| line.contains("does not count"));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
        - does not count: @ken, because answers are taken on console only
        - does not count: @ken, because answers are taken on console only
        ");
    });
}

/// Grace and Margaret become admins, as Ada is one.
fn more_admins(world: &mut World) {
    let admin = |path: &str| world.file(path).replace("[sre]", "[admin]");
    let people = ["inventory/people/grace.yaml", "inventory/people/margaret.yaml"];
    let texts = people.map(admin);
    let changes: Vec<_> =
        people.into_iter().zip(texts.iter().map(|it| Some(it.as_str()))).collect();
    let revision = world.push("more admins", &changes);
    assert_eq!(world.accept(&revision, "three are better than one"), None);
    world.told();
}

#[test]
fn admins_agree_to_what_is_held_where_approving_is_possible() {
    story_on_two(&[("ops", WEAK_CONSOLE)], |world| {
        more_admins(world);
        let held = world.edit("inventory/people/linus.yaml", "[sre]", "[admin]");
        let at = world.matrix().everything();
        let at = at.iter().rev().find(|it| it.message.text.starts_with("policy repo: not applied"));
        let at = at.expect("it is told where approving is possible").message.at.clone();
        let told = world.told();
        assert!(
            told.contains("Two admins who wrote none of it let it pass with ✅ here"),
            "{told}"
        );
        for admin in ["@grace:hs", "@margaret:hs"] {
            assert_ne!(world.engine().applied().unwrap().revision, held);
            world.react_on_matrix(admin, &at, Sign::Approve);
        }
        assert_eq!(world.engine().applied().unwrap().revision, held);
    });
}

#[test]
fn where_approvals_do_not_count_only_the_host_lets_pass_what_is_held() {
    let nowhere = "chat: { console: { id: ops, may: [request] }, \
         mattermost: { id: 8x3k1mq7rtyw5e9uziopasdfgh, may: [approve] } }";
    story_on_two(&[("ops", nowhere)], |world| {
        more_admins(world);
        let held = world.edit("inventory/people/linus.yaml", "[sre]", "[admin]");
        insta::assert_snapshot!(world.told(), @r#"
        » a push: change inventory/people/linus.yaml
        [m7 in #ops]
        policy repo: not applied `…` “change inventory/people/linus.yaml” by ada: @linus becomes an admin
        Approvals do not count here, so nobody can let it pass with ✅. On the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        "#);
        for admin in ["grace", "margaret"] {
            world.agree(admin);
        }
        assert_ne!(world.engine().applied().unwrap().revision, held);
        assert_eq!(world.accept(&held, "OPS-9"), None);
    });
}

#[test]
fn a_message_about_trouble_stays_where_it_is_when_the_channel_moves() {
    story_on_two(&[("ops", EQUAL)], |world| {
        let intent = world.file("intents/host-info.yaml");
        world.edit("intents/host-info.yaml", "risk: 0", "risk: 9");
        let mended: (&str, Option<&str>) = ("intents/host-info.yaml", Some(&intent));
        let channels =
            world.file("inventory/channels.yaml").replace(EQUAL, "chat: { console: ops }");
        world.told();
        let revision =
            world.push("mend, and move", &[mended, ("inventory/channels.yaml", Some(&channels))]);
        assert_eq!(world.engine().applied().unwrap().revision, revision);
        insta::assert_snapshot!(world.told(), @r#"
        » a push: mend, and move
        [m1 in #ops]
        policy repo: now in force `…` “mend, and move” by ada (before: …)
        - channel `ops`: lost place matrix:!ops:hs
        [m2 in the thread of m1]
        ```diff
        --- a/inventory/channels.yaml
        +++ b/inventory/channels.yaml
        @@ -7,7 +7,7 @@
             ask: [read]
           ops:
             summary: Daily work on everything but production
        -    chat: { console: ops, matrix: "!ops:hs" }
        +    chat: { console: ops }
             ask: [read, change, destroy]
             approve: true
           prod:
        ```
        [matrix m2 in #!ops:hs]
        policy repo: cleared by `…`. Before, `…` was not applied: it has a problem
        "#);
    });
}
