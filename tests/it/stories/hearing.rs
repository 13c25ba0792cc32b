//! Hearing: what comes late, what was missed, and what is too much.

use jiff::SignedDuration;
use tribune::domain::channel::Absence;
use tribune::domain::duration;
use tribune::domain::request::State;
use tribune::domain::retention::Retention;
use tribune::engine::status::Fact;

use super::half_approved;
use crate::world::{World, story};

/// The daemon is down for a while, during which something happens.
fn away(world: &mut World, time: &str, happens: impl FnOnce(&mut World)) {
    world.kill();
    happens(world);
    world.clock.pass(duration::parse(time).expect("a duration"));
    world.start_again();
}

#[test]
fn a_late_command_is_asked_about_and_a_late_question_is_answered() {
    story(|world| {
        away(world, "11m", |world| {
            world.chat.write("ken", "ops", "!restart nginx on web-dev");
            world.chat.write("ken", "ops", "!pause all 1h \"trouble\"");
            world.chat.write("ken", "ops", "!whoami");
        });
        insta::assert_snapshot!(world.told(), @r#"
        » the daemon is started again
        [m5 in #ops]
        @ken, I read this only now, 11 minutes after it was typed at 2026-06-01 08:00 UTC: `!restart nginx on web-dev`. It was not done. If it is still wanted, type it again.
        [m6 in #ops]
        @ken, I read this only now, 11 minutes after it was typed at 2026-06-01 08:00 UTC: `!pause all 1h "trouble"`. It was not done. If it is still wanted, type it again.
        [m7 in #ops]
        @ken is Ken Sato
        - roles: operator, user
        - flags: none
        - this account, for their file: `chat: { console: "ken" }`
        - this place: #ops on console, where requests are taken and approvals count
        "#);
        world.say("ken", "ops", "!restart nginx on web-dev");
        assert!(world.told().contains("r1 @ken asks for"));
    });
}

#[test]
fn a_command_that_is_not_late_yet_is_done_after_a_gap() {
    story(|world| {
        away(world, "9m", |world| {
            world.chat.write("ken", "ops", "!restart nginx on web-dev");
        });
        assert!(world.told().contains("r1 @ken asks for"));
    });
}

#[test]
fn votes_count_however_late_they_are_read() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        let card = world.card("r1");
        away(world, "15m", |world| {
            world.chat.reply("radia", &card, "!approve r1");
            world.chat.reply("grace", &card, "!approve r1");
        });
        assert!(!world.executor.ran().is_empty());
    });
}

#[test]
fn what_was_missed_is_told_once_with_how_many_and_whose() {
    story(|world| {
        world.retention =
            Retention { messages: Some(SignedDuration::from_hours(24)), ..Retention::FOREVER };
        away(world, "25h", |world| {
            for intent in ["nginx", "app"] {
                world.chat.write("ken", "ops", &format!("!restart {intent} on web-dev"));
            }
            world.chat.write("stranger", "ops", "!ping");
            world.chat.write("ken", "ops", "no command");
            world.chat.write("ada", "general", "!ping");
            world.chat.write("ada", "lobby", "!ping");
        });
        insta::assert_snapshot!(world.told(), @r#"
        » the daemon is started again
        [m8 in #general]
        1 command from before I was back was too old to be acted on: 1 by @ada. Type again what is still wanted.
        [m9 in #ops]
        3 commands from before I was back were too old to be acted on: 2 by @ken, 1 by `console:stranger`. Type again what is still wanted.
        "#);
        world.kill();
        world.start_again();
        insta::assert_snapshot!(world.told(), @"» the daemon is started again");
    });
}

#[test]
fn a_channel_that_cannot_be_listed_is_told_so() {
    story(|world| {
        world.chat.unlisted("ops");
        world.chat.unlisted("lobby");
        world.note("the server does not list what was written");
        insta::assert_snapshot!(world.told(), @r#"
        » the server does not list what was written
        [m2 in #ops]
        Not everything that was typed here while I was away can be listed, so commands may have been missed. Type again what you got no answer to.
        "#);
    });
}

/// From the next start so many commands are heard.
fn limited(world: &mut World, per_person: u32, per_channel: u32) {
    world.manners.per_person = per_person;
    world.manners.per_channel = per_channel;
    world.kill();
    world.start_again();
    world.told();
}

#[test]
fn a_flood_is_answered_once_and_never_acted_on_later() {
    story(|world| {
        limited(world, 2, 100);
        for _ in 0..20 {
            world.chat.write("ken", "ops", "!restart nginx on web-dev");
        }
        world.chat.write("ada", "ops", "!ping");
        world.note("ken floods the channel, and ada asks something");
        insta::assert_snapshot!(world.told(), @r#"
        » ken floods the channel, and ada asks something
        [m23 in #ops]
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
        [m24 in #ops]
        r2 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx`
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
        [m25 in #ops]
        That is faster than I listen: 2 commands a minute. What you type until 08:01:00 UTC is not acted on, nor is it later; reactions and votes in threads count as always.
        [m26 in #ops]
        pong, deciding by `…`
        [m27 in the thread of m23]
        @ada @dennis @grace @linus @margaret @radia r1 waits for one of you: react ✅ or ❌ on the card above.
        [m28 in the thread of m24]
        @ada @dennis @grace @linus @margaret @radia r2 waits for one of you: react ✅ or ❌ on the card above.
        "#);
        world.pass("1m");
        world.kill();
        world.start_again();
        world.told();
        world.say("ken", "ops", "!requests");
        let told = world.told();
        assert!(told.contains("r2 ") && !told.contains("r3 "), "{told}");
    });
}

#[test]
fn a_flood_holds_up_no_approval() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        limited(world, 2, 3);
        let card = world.card("r1");
        for _ in 0..20 {
            world.chat.write("ken", "ops", "!ping");
            world.chat.write("dennis", "ops", "!ping");
        }
        world.chat.reply("radia", &card, "!approve r1");
        world.approve("grace", "r1");
        assert!(!world.executor.ran().is_empty());
    });
}

#[test]
fn a_full_channel_is_told_to_each_and_others_are_heard() {
    story(|world| {
        limited(world, 2, 3);
        for person in ["ken", "ken", "ada", "ada", "grace", "grace"] {
            world.chat.write(person, "ops", "!ping");
        }
        world.note("many ask");
        insta::assert_snapshot!(world.told(), @r#"
        » many ask
        [m8 in #ops]
        pong, deciding by `…`
        [m9 in #ops]
        pong, deciding by `…`
        [m10 in #ops]
        pong, deciding by `…`
        [m11 in #ops]
        More is asked in this channel than I listen to: 3 commands a minute. Yours was not acted on; type it again in a minute, or write to me directly.
        [m12 in #ops]
        More is asked in this channel than I listen to: 3 commands a minute. Yours was not acted on; type it again in a minute, or write to me directly.
        "#);
        world.say("linus", "general", "!ping");
        assert!(world.told().contains("pong"));
    });
}

/// Returns the checks that are not well.
fn unwell(world: &World) -> Vec<String> {
    let readiness = world.readiness();
    assert_eq!(readiness.ready, readiness.checks.iter().all(|check| check.ok));
    let bad = readiness.checks.into_iter().filter(|check| !check.ok);
    bad.map(|check| format!("{}: {} ({:?} s)", check.name, check.reason, check.age)).collect()
}

#[test]
fn the_daemon_is_ready_while_chats_store_source_and_outbox_are() {
    story(|world| {
        assert_eq!(unwell(world), [""; 0]);
        world.chat.set_down(true);
        world.note("the chat is lost");
        world.pass("10s");
        assert_eq!(unwell(world), ["chat console: not connected (Some(10) s)"]);
        world.chat.set_down(false);
        world.pass("2s");
        assert_eq!(unwell(world), [""; 0]);
        world.disk.set_full(true);
        world.pass("17s");
        assert_eq!(unwell(world), [""; 0], "the store is not written at each look");
        world.pass("31s");
        assert_eq!(unwell(world), ["store: its disk is full (Some(0) s)"]);
        world.pass("40s");
        assert_eq!(unwell(world), ["store: its disk is full (Some(40) s)"]);
        world.disk.set_full(false);
        world.pass("31s");
        assert_eq!(unwell(world), [""; 0]);
        world.chat.limit(0, SignedDuration::from_mins(10));
        world.say("ken", "ops", "!ping");
        world.pass("1m");
        assert_eq!(unwell(world), [""; 0]);
        world.pass("1m");
        assert_eq!(unwell(world), ["outbox: messages wait and none goes out (Some(120) s)"]);
    });
}

#[test]
fn a_channel_that_is_not_heard_is_named_and_the_daemon_stays_ready() {
    story(|world| {
        assert_eq!(world.report().warnings, [""; 0]);
        // A channel that no policy repo names is nobody's business.
        world.chat.is_absent("lobby", Some(Absence::NotIn));
        assert_eq!(world.report().warnings, [""; 0]);
        world.chat.is_absent("ops", Some(Absence::NotIn));
        world.chat.is_absent("prod", Some(Absence::Encrypted));
        insta::assert_snapshot!(world.report().warnings.join("\n"), @r"
        #ops on console is not heard: Tribune is not in it, or it was closed. Invite Tribune there, or mend the id in inventory/channels.yaml
        #prod on console is not heard: it is encrypted, which Tribune cannot read. Make a room without encryption, and name that one in inventory/channels.yaml
        ");
        let row = world.report().loops.into_iter().find(|row| row.name == "chat console");
        let row = row.expect("the console is a chat");
        assert_eq!(row.says, "connected, but 2 channels are not heard");
        assert_eq!(row.health.words(), "needs a person");
        assert!(row.facts.contains(&("Not heard".into(), Fact::Text("#ops, #prod".into()))));
        world.pass("1s");
        assert_eq!(unwell(world), [""; 0], "invited or not, the daemon does its work");
        let said = world.readiness().checks.into_iter().find(|it| it.name == "chat console");
        assert_eq!(said.expect("it is told").reason, "connected; 2 channels are not heard");
        for channel in ["ops", "prod"] {
            world.chat.is_absent(channel, None);
        }
        assert_eq!(world.report().warnings, [""; 0]);
    });
}

#[test]
fn a_source_that_is_not_fetched_for_long_is_stale() {
    story(|world| {
        world.source.set_down(true);
        world.pass("14m");
        assert_eq!(unwell(world), [""; 0]);
        world.pass("3m");
        let unwell = unwell(world);
        assert!(unwell[0].starts_with("source: the policy repo was not fetched for long"));
    });
}

#[test]
fn a_reaction_that_nobody_hints_at_is_noticed_within_a_minute() {
    story(|world| {
        half_approved(world);
        world.chat.hints_nothing(true);
        world.approve("grace", "r1");
        world.pass("30s");
        assert!(world.executor.ran().is_empty(), "nobody told of it");
        world.pass("30s");
        assert!(!world.executor.ran().is_empty());
    });
}

#[test]
fn an_approval_that_is_taken_back_unheard_is_noticed_within_a_minute() {
    story(|world| {
        half_approved(world);
        world.chat.hints_nothing(true);
        world.withdraw("radia", "r1");
        world.told();
        world.pass("1m");
        insta::assert_snapshot!(world.told(), @r"
        » 1m pass
        [m3 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        Evidence must be here by 08:30:00 UTC.
        ");
    });
}

#[test]
fn a_command_that_nobody_hints_at_is_read_within_a_minute() {
    story(|world| {
        world.chat.hints_nothing(true);
        world.say("ken", "ops", "!restart nginx on web-dev");
        assert_eq!(world.chat.post("card:r1:1"), None);
        world.pass("1m");
        assert!(world.chat.post("card:r1:1").is_some());
    });
}

#[test]
fn each_of_very_many_requests_has_its_turn() {
    story(|world| {
        world.chat.hints_nothing(true);
        for _ in 0..70 {
            world.chat.write("ken", "ops", "!restart nginx on web-dev");
        }
        world.pass("1m");
        for number in [1, 70] {
            world.approve("radia", &format!("r{number}"));
            world.approve("grace", &format!("r{number}"));
        }
        for _ in 0..4 {
            world.pass("1m");
        }
        assert_eq!(world.state("r1"), State::Running);
        assert_eq!(world.state("r70"), State::Queued, "one at a time on one host");
    });
}

#[test]
fn who_reacts_before_it_is_known_where_a_card_stands_counts() {
    story(|world| {
        world.chat.hastens("radia");
        world.say("ken", "ops", "!restart nginx on web-dev");
        assert!(world.chat.text(&world.card("r1")).contains("approved by @radia"));
        world.approve("grace", "r1");
        assert!(!world.executor.ran().is_empty());
    });
}
