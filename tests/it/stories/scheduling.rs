//! Schedules: who asks, how often, and when not.

use jiff::SignedDuration;
use tribune::domain::request::State;
use tribune::domain::run::Outcome;

use crate::world::{World, story};

/// A scheduled intent that looks at the clock; `more` are further lines of its file.
fn tick(world: &mut World, schedule: &str, more: &str) {
    let text = format!(
        "version: 1\nintent: tick\nsummary: Look at the clock\ncategory: read\nrisk: 0\n\
         targets: [local]\nchannel: ops\nschedule: {schedule}\nrun: {{ argv: [uptime] }}\n\
         concurrency: {{ per: nothing }}\n{more}"
    );
    world.push("a clock", &[("intents/tick.yaml", Some(&text))]);
    world.told();
}

const AT_NINE: &str = "{ cron: \"0 9 * * *\", zone: UTC }";
const HOURLY: &str = "{ cron: \"0 * * * *\", zone: UTC }";

#[track_caller]
fn says(world: &mut World, words: &[&str]) {
    let told = world.told();
    for word in words {
        assert!(told.contains(word), "nobody said {word:?}:\n{told}");
    }
}

#[test]
fn a_schedule_asks_as_the_scheduler_in_the_channel_of_its_intent() {
    story(|world| {
        tick(world, AT_NINE, "");
        world.say("ken", "ops", "!status");
        says(world, &["scheduled: tick next at 2026-06-01 09:00 UTC (0 9 * * * UTC)"]);
        world.pass("59m");
        assert!(world.executor.given().is_empty());
        world.pass("1m");
        says(world, &["in #ops]\nr1 service scheduler asks for `!run tick on local`"]);
        assert_eq!(world.state("r1"), State::Running);
        assert!(world.audit().contains(&"request.made r1 service scheduler".to_owned()));
        world.say("ken", "ops", "!intents");
        says(world, &["Look at the clock (read) — asks for itself at 2026-06-02 09:00 UTC"]);
    });
}

#[test]
fn a_schedule_says_on_what_and_with_what() {
    story(|world| {
        let intent = "version: 1\nintent: sweep\nsummary: Sweep old files\ncategory: change\n\
            risk: 1\ntargets: [development, staging]\nchannel: ops\n\
            params: { days: { type: integer, min: 1, max: 90, default: 30 } }\n\
            approval: { slots: [{ role: operator }] }\n\
            schedule: { cron: \"0 9 * * *\", zone: UTC, targets: [web-staging], args: { days: 7 } }\n\
            run: { argv: [uptime, \"{days}\", \"{target}\"] }\n";
        world.push("sweep", &[("intents/sweep.yaml", Some(intent))]);
        world.told();
        world.pass("1h");
        says(world, &["service scheduler asks for `!run sweep on web-staging days=7`"]);
        assert_eq!(world.state("r1"), State::Running);
    });
}

#[test]
fn an_occurrence_is_taken_once_whatever_crashes() {
    story(|world| {
        tick(world, AT_NINE, "");
        world.pass("1h");
        world.end("r1.1", Outcome::Succeeded);
        world.kill();
        world.start_again();
        world.pass("30s");
        assert_eq!(world.executor.given().len(), 1);
        world.pass("24h");
        assert_eq!(world.executor.given().len(), 2);
    });
}

#[test]
fn policy_decides_about_what_a_schedule_asks() {
    story(|world| {
        let rule = ("policies/run.cedar", "resource.risk <= 1", "resource.risk < 0");
        world.edit(rule.0, rule.1, rule.2);
        tick(world, AT_NINE, "");
        world.pass("1h");
        assert_eq!(world.state("r1"), State::Denied);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn in_a_freeze_window_a_schedule_makes_no_request_and_says_so_once() {
    story(|world| {
        tick(world, HOURLY, "windows: [{ deny: \"* 9-10 * * *\", zone: UTC }]\n");
        world.pass("1h");
        says(
            world,
            &["schedule: tick was not asked for at 2026-06-01 09:00 UTC: a freeze window holds \
               until 2026-06-01 11:00 UTC: * 9-10 * * * (UTC). Next: 2026-06-01 10:00 UTC."],
        );
        world.pass("1h");
        // The same message is edited.
        says(world, &["That makes 2 times in a row since 2026-06-01 09:00 UTC."]);
        assert!(world.audit().contains(&"schedule.skipped service scheduler".to_owned()));
        assert!(world.executor.given().is_empty());
        world.pass("1h");
        assert_eq!(world.state("r1"), State::Running);
    });
}

#[test]
fn in_a_pause_a_schedule_makes_no_request() {
    story(|world| {
        tick(world, HOURLY, "");
        world.say("ken", "ops", "!pause tick 90m \"it is slow\"");
        world.pass("1h");
        says(world, &["09:00 UTC: tick is paused by @ken until 2026-06-01 09:30 UTC: it is slow."]);
        world.pass("1h");
        assert_eq!(world.executor.given().len(), 1);
    });
}

#[test]
fn a_schedule_waits_for_its_own_request_to_be_over() {
    story(|world| {
        tick(world, HOURLY, "limits: { timeout: 5h }\n");
        world.pass("1h");
        world.told();
        world.pass("1h");
        says(world, &["10:00 UTC: the request of the time before, r1, is not over: running."]);
        world.end("r1.1", Outcome::Succeeded);
        world.pass("1h");
        assert_eq!(world.state("r2"), State::Running);
    });
}

#[test]
fn what_was_missed_is_left_out_or_asked_for_once() {
    for (missed, ran) in [("skip", 0), ("run_once", 1)] {
        story(|world| {
            let schedule = format!("{{ cron: \"0 * * * *\", zone: UTC, missed: {missed} }}");
            tick(world, &schedule, "");
            world.kill();
            world.clock.pass(SignedDuration::from_mins(3 * 60 + 30));
            world.start_again();
            if missed == "skip" {
                let why = "11:00 UTC: Tribune was not there then, as it was for 2 before.";
                says(world, &[why]);
            }
            assert_eq!(world.executor.given().len(), ran, "{missed}");
        });
    }
}

#[test]
fn another_rule_starts_anew_and_one_that_is_gone_asks_no_more() {
    story(|world| {
        tick(world, "{ cron: \"0 7 * * *\", zone: UTC, missed: run_once }", "");
        world.pass("10m");
        tick(world, "{ cron: \"5 8 * * *\", zone: UTC, missed: run_once }", "");
        world.pass("10m");
        assert!(world.executor.given().is_empty());
        world.push("no clock", &[("intents/tick.yaml", None)]);
        world.pass("24h");
        assert!(world.executor.given().is_empty());
    });
}
