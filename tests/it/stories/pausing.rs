//! Pausing: what waits, what goes on, and what is said of it.

use tribune::domain::request::State;
use tribune::domain::run::Outcome;

use crate::world::{World, story};

/// Ken asks to restart nginx on web-dev, and radia and grace approve.
fn approved(world: &mut World, request: &str) {
    world.say("ken", "ops", "!restart nginx on web-dev");
    world.approve("radia", request);
    world.approve("grace", request);
}

#[track_caller]
fn says(world: &mut World, words: &[&str]) {
    let told = world.told();
    for word in words {
        assert!(told.contains(word), "nobody said {word:?}:\n{told}");
    }
}

#[test]
fn what_is_paused_waits_and_goes_on_when_somebody_resumes() {
    story(|world| {
        world.say("ken", "ops", "!pause restart-service 2h \"storage moves\"");
        says(
            world,
            &[
                "restart-service is paused by @ken until 2026-06-01 10:00 UTC: storage moves",
                "`!resume restart-service` ends it now",
            ],
        );
        approved(world, "r1");
        says(
            world,
            &[
                "needs approval — restart-service is paused by @ken until 2026-06-01 10:00 UTC",
                "permitted — restart-service is paused by @ken until 2026-06-01 10:00 UTC: storage moves",
            ],
        );
        assert_eq!(world.state("r1"), State::Permitted);
        assert!(world.executor.given().is_empty());
        world.say("grace", "ops", "!resume restart-service");
        says(world, &["restart-service goes on: resumed by @grace; r1 waited for it."]);
        assert_eq!(world.state("r1"), State::Running);
        let audit = world.audit();
        assert!(audit.contains(&"pause.set @ken".to_owned()), "{audit:?}");
        assert!(audit.contains(&"pause.end @grace".to_owned()), "{audit:?}");
    });
}

#[test]
fn clocks_go_on_in_a_pause_and_the_approval_runs_out() {
    story(|world| {
        world.say("ken", "ops", "!pause restart-service 1h \"storage moves\"");
        approved(world, "r1");
        world.pass("16m");
        assert_eq!(world.state("r1"), State::Expired);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn what_runs_goes_on_and_what_is_queued_waits() {
    story(|world| {
        approved(world, "r1");
        approved(world, "r2");
        assert_eq!(world.state("r2"), State::Queued);
        world.say("grace", "ops", "!pause all 30m we look into it");
        says(
            world,
            &["everything is paused by @grace until 2026-06-01 08:30 UTC: we look into it"],
        );
        world.end("r1.1", Outcome::Succeeded);
        assert_eq!((world.state("r1"), world.state("r2")), (State::Succeeded, State::Queued));
        world.say("ken", "ops", "!run host-info on local");
        assert_eq!(world.state("r3"), State::Permitted);
        world.say("grace", "ops", "!resume all");
        assert_eq!((world.state("r2"), world.state("r3")), (State::Running, State::Running));
    });
}

#[test]
fn the_end_of_a_pause_is_announced_before_and_when_it_comes() {
    story(|world| {
        world.say("ken", "ops", "!pause host-info 1h \"it is slow\"");
        world.say("barbara", "ops", "!run host-info on local");
        world.pass("49m");
        assert!(!world.told().contains("ends in"));
        world.pass("1m");
        says(
            world,
            &[
                "ends in 10 minutes, at 09:00:00 UTC; r1 waits. To make it longer: `!pause host-info",
            ],
        );
        world.pass("10m");
        says(
            world,
            &[
                "host-info was paused by @ken: it is slow. Over since 2026-06-01 09:00 UTC.",
                "host-info goes on: its pause is over; r1 waited for it.",
            ],
        );
        assert_eq!(world.state("r1"), State::Running);
    });
}

#[test]
fn a_pause_gets_longer_by_pausing_and_shorter_by_resuming_alone() {
    story(|world| {
        world.say("ken", "ops", "!pause host-info 1h \"it is slow\"");
        world.say("ken", "ops", "!pause host-info 30m \"it is slow\"");
        says(
            world,
            &[
                "Not done: host-info is paused for longer already.",
                "it holds until 2026-06-01 09:00 UTC; to end it sooner, `!resume host-info` first",
            ],
        );
        world.say("radia", "ops", "!pause host-info 2h \"still slow\"");
        says(world, &["host-info is paused by @radia until 2026-06-01 10:00 UTC: still slow"]);
        world.say("ken", "ops", "!pause host-info 3w \"for good\"");
        says(world, &["Not done: a pause lasts at most 2w."]);
        world.say("ken", "ops", "!pause host-info 1h");
        says(world, &["`!pause` does not say why"]);
        world.say("ken", "ops", "!pause host-info soon \"why\"");
        says(world, &["\"soon\" is not a duration"]);
        world.say("grace", "ops", "!resume host-info");
        world.say("grace", "ops", "!resume host-info");
        says(world, &["host-info is not paused."]);
    });
}

#[test]
fn who_may_pause_and_resume_is_policy() {
    story(|world| {
        world.say("barbara", "ops", "!pause host-info 1h \"no\"");
        says(world, &["Policy says no."]);
        world.say("ken", "ops", "!pause all 1h \"no\"");
        says(world, &["Policy says no."]);
        world.say("ken", "ops", "!pause host-info 1h \"yes\"");
        world.say("ken", "ops", "!resume host-info");
        says(world, &["Policy says no."]);
        assert!(world.audit().contains(&"pause.refused @barbara".to_owned()));
        world.say("barbara", "ops", "!run host-info on local");
        assert_eq!(world.state("r1"), State::Permitted);
    });
}

#[test]
fn a_pause_survives_the_daemon_and_ends_without_it() {
    story(|world| {
        world.say("ken", "ops", "!pause host-info 1h \"it is slow\"");
        world.say("barbara", "ops", "!run host-info on local");
        world.kill();
        world.start_again();
        assert_eq!(world.state("r1"), State::Permitted);
        world.say("grace", "ops", "!status");
        says(world, &["paused: host-info is paused by @ken until 2026-06-01 09:00 UTC"]);
        world.say("grace", "ops", "!intents");
        says(world, &["(read) — paused until 2026-06-01 09:00 UTC"]);
        world.kill();
        world.clock.pass(jiff::SignedDuration::from_hours(2));
        world.start_again();
        says(world, &["host-info goes on: its pause is over; r1 waited for it."]);
    });
}

#[test]
fn a_pause_on_the_host_is_audited_and_announced() {
    story(|world| {
        world.pause_on_host("all", "30m", "we look into it");
        says(
            world,
            &["everything is paused by service host:0 until 2026-06-01 08:30 UTC: we look into it"],
        );
        assert!(world.audit().contains(&"pause.set service host:0".to_owned()));
        world.say("barbara", "ops", "!run host-info on local");
        assert_eq!(world.state("r1"), State::Permitted);
    });
}
