//! Freeze windows: what becomes of a request in each state when one begins and when it ends.
//!
//! The table here is the one of `docs/windows.md`; each of its rows is played.

use tribune::domain::request::State;
use tribune::domain::run::Outcome;

use crate::docs::assert_current;
use crate::world::{World, story};

/// One row of the table.
struct Row {
    /// Where the request stands.
    when: &'static str,
    /// What becomes of it in the freeze.
    within: &'static str,
    /// What becomes of it at the end of the freeze.
    after: &'static str,
    /// Plays it.
    play: fn(&mut World),
}

/// The freeze of `wipe-cache` is from 16:00 to 20:00 UTC on every day of the stories.
const ROWS: [Row; 7] = [
    Row {
        when: "asked for in the freeze",
        within: "it is taken, people approve it, and its card says until when the freeze holds; it does not start",
        after: "it starts at the first minute after, if it is still permitted and no clock has run out",
        play: |world| {
            world.skip_to("19:53");
            wiped(world, "r1");
            assert_eq!(world.state("r1"), State::Permitted);
            assert!(world.told().contains("a freeze window holds until 2026-06-01 20:00 UTC"));
            world.skip_to("20:00");
            assert_eq!(world.state("r1"), State::Running);
        },
    },
    Row {
        when: "waiting for approval when it begins",
        within: "people go on approving, and `collect` goes on; once permitted it waits",
        after: "as above",
        play: |world| {
            world.skip_to("15:55");
            world.say("margaret", "ops", "!wipe pages cache on web-dev");
            world.approve("grace", "r1");
            world.skip_to("16:05");
            world.approve("linus", "r1");
            assert_eq!(world.state("r1"), State::Permitted);
            assert!(world.executor.given().is_empty());
        },
    },
    Row {
        when: "permitted or queued when it begins",
        within: "it waits, also once its turn has come; `execute` goes on, and when it runs out the request has expired",
        after: "if it has not expired it starts, on evidence that is read again",
        play: |world| {
            world.edit("intents/wipe-cache.yaml", "on_busy: refuse", "on_busy: queue");
            world.skip_to("15:58");
            wiped(world, "r1");
            wiped(world, "r2");
            assert_eq!(world.state("r2"), State::Queued);
            world.skip_to("16:01");
            world.end("r1.1", Outcome::Succeeded);
            assert_eq!(world.executor.given().len(), 1);
            world.skip_to("16:20");
            assert_eq!(world.state("r2"), State::Expired);
        },
    },
    Row {
        when: "running when it begins",
        within: "it runs on to its end: the freeze is about starting. Its `limits.timeout` is what ends an overrun",
        after: "nothing",
        play: |world| {
            world.skip_to("15:59");
            wiped(world, "r1");
            world.skip_to("16:00");
            assert_eq!(world.state("r1"), State::Running);
            world.end("r1.1", Outcome::Succeeded);
            assert_eq!(world.state("r1"), State::Succeeded);
        },
    },
    Row {
        when: "a look (`!check`), or a repair of drift by the service `reconciler`",
        within: "as any other request: it is made and waits",
        after: "it starts",
        play: |world| {
            frozen_now(world);
            world.say("ken", "ops", "!check restart-service on web-dev service=nginx");
            assert_eq!(world.state("r1"), State::Permitted);
            assert!(world.executor.given().is_empty());
        },
    },
    Row {
        when: "a time of its schedule lies in the freeze",
        within: "no request is made for that time, which is said in the channel of the intent and written to the audit log",
        after: "the next time asks; what was left out is not made up for",
        play: |world| {
            let text = "version: 1\nintent: tick\nsummary: Look at the clock\ncategory: read\n\
                        risk: 0\ntargets: [local]\nchannel: ops\nrun: { argv: [uptime] }\n\
                        schedule: { cron: \"0 9 * * *\", zone: UTC, missed: run_once }\n\
                        windows: [{ deny: \"* 9 * * *\", zone: UTC }]\n";
            world.push("a clock", &[("intents/tick.yaml", Some(text))]);
            world.skip_to("09:00");
            assert!(world.told().contains("tick was not asked for at 2026-06-01 09:00 UTC"));
            world.skip_to("10:00");
            assert!(world.executor.given().is_empty());
        },
    },
    Row {
        when: "a window is merged while it waits",
        within: "as if the freeze began then",
        after: "a window that is taken away by a merge ends it then",
        play: |world| {
            frozen_now(world);
            world.say("ken", "ops", "!check restart-service on web-dev service=nginx");
            world.told();
            let text = world.file("intents/restart-service.yaml");
            let text = text.replace("windows: [{ deny: \"* * * * *\", zone: UTC }]\n", "");
            world.push("no freeze", &[("intents/restart-service.yaml", Some(&text))]);
            assert_eq!(world.state("r1"), State::Running);
        },
    },
];

/// Margaret asks to wipe the cache of web-dev, and grace and linus approve.
fn wiped(world: &mut World, request: &str) {
    world.say("margaret", "ops", "!wipe pages cache on web-dev");
    world.approve("grace", request);
    world.approve("linus", request);
}

/// From now on `restart-service` is frozen.
fn frozen_now(world: &mut World) {
    let text = world.file("intents/restart-service.yaml");
    let text = format!("{text}windows: [{{ deny: \"* * * * *\", zone: UTC }}]\n");
    world.push("freeze", &[("intents/restart-service.yaml", Some(&text))]);
}

#[test]
fn a_freeze_does_to_each_state_what_the_table_says() {
    for row in ROWS {
        story(|world| (row.play)(world));
    }
}

#[test]
fn the_page_of_freeze_windows_has_the_table_that_is_played() {
    let rows: String = ROWS
        .iter()
        .map(|row| format!("| {} | {} | {} |\n", row.when, row.within, row.after))
        .collect();
    let page = format!(
        "# Freeze windows, pauses and schedules\n\n{FREEZES}\n\
         | the request is | in the freeze | at its end |\n|---|---|---|\n{rows}\n{REST}"
    );
    assert_current("windows.md", &page);
}

const FREEZES: &str = "\
The table is made from the test that plays each of its rows.

## Freeze windows

`windows` of an intent name minutes in which no run of it starts. One window that denies is enough. A
freeze is about starting: it never ends what runs, and it stops no clock, so that nothing starts later
on approvals that were given for earlier.
";

const REST: &str = "\
## Pauses

`!pause <intent|all> <duration> \"<reason>\"` holds an intent, or all of them, for two weeks at most;
`!resume <intent|all>` ends it. On the host: `tribune pause` and `tribune resume`. Who may is policy
(actions `pause` and `resume` on an intent or the instance); the host may always, is audited and
announced.

- What has not started waits, queued or not, and its card says who paused, why and until when. What
  runs goes on. A dispatch that is under way while somebody pauses is refused in its transaction.
- Clocks go on: a request whose `collect` or `execute` runs out in a pause has expired, and is asked for
  again with `!again`.
- Pausing again makes a pause longer. What would end it sooner is refused: that is `!resume`.
- A pause of everything and one of an intent are two; each is lifted by its own name.
- It is announced where it was asked for (everything, and what was asked for in private or on the
  host: in the operations channel), ten minutes before its end (a short one at three quarters), and
  when it is over. It survives a restart.
- A scheduled time in a pause makes no request, as in a freeze.

## Schedules

An intent with `schedule` asks for itself, as the service `scheduler` and `via` `schedule`; policy,
approval and the gate are the same as for people. Its cards stand in the intent's `channel`.

- `cron` has five fields, or six with seconds first, and `zone` says in which time zone they are read.
  Times are at least a minute apart.
- When clocks are changed: a time of day that is left out fires at the first moment after the gap, a
  time of day that comes twice fires the first time only, and what recurs within the hour goes on in
  real time.
- `jitter` asks later by up to so much. How much hangs on the intent and the time alone, so a restart
  changes nothing.
- Each time asks at most once: that it was dealt with is written in the transaction that makes the
  request.
- A time makes no request while a freeze window or a pause holds, while the request of the time before
  is not over, and if Tribune came more than a minute too late for it. That is said in the channel, in
  one message for all in a row, and written to the audit log.
- `missed: run_once` asks as soon as Tribune is there again, once for all that were missed; `skip`
  leaves them out.
- Another `cron` or `zone` starts anew: what they name before they are in force was not missed.
";
