//! What is old goes, and nothing that is still needed goes with it.

use jiff::SignedDuration;
use tribune::domain::audit::chain::{StoredRow, Verifier};
use tribune::domain::audit::prune::{Told, check_beginning};
use tribune::domain::request::State;
use tribune::domain::retention::Retention;
use tribune::domain::run::Outcome;
use tribune::engine::retention::{PruneRefused, Until};
use tribune::engine::tuning::SettingsRead;
use tribune::ports::ledger::Ledger as _;
use tribune::ports::store::{AuditFilter, Change, Forget, Old, Swept};

use crate::world::{World, story};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Everything goes soon, but what is said otherwise.
fn soon() -> Retention {
    Retention {
        messages: Some(DAY),
        sign_ins: Some(DAY),
        output: Some(DAY),
        requests: Some(DAY * 10),
        posts: Some(DAY),
        mirror: Some(DAY),
        ..Retention::FOREVER
    }
}

/// Plays a story in a world that keeps things for so long.
fn keeping(retention: Retention, play: impl FnOnce(&mut World)) {
    story(|world| {
        world.stop();
        world.retention = retention;
        world.start_again();
        world.told();
        play(world);
    });
}

/// Days pass, one sweep a day and more.
fn days(world: &mut World, count: u32) {
    for _ in 0..count {
        world.pass("1d");
    }
}

#[test]
fn a_message_that_could_be_forgotten_is_never_acted_on_again() {
    keeping(soon(), |world| {
        world.say("ken", "ops", "!disk usage");
        world.end("r1.1", Outcome::Succeeded);
        world.replay();
        assert_eq!(world.requests(), 1, "it was handled");
        days(world, 4);
        assert_eq!(world.stock().messages, 0, "and that is forgotten");
        world.replay();
        assert_eq!(world.requests(), 1, "and it is too old to be acted on");
    });
}

#[test]
fn a_message_that_comes_late_is_acted_on_while_it_is_remembered() {
    keeping(soon(), |world| {
        world.manners.late_after = SignedDuration::from_hours(48);
        world.kill();
        world.chat.write("ken", "ops", "!disk usage");
        world.clock.pass(SignedDuration::from_hours(23));
        world.start_again();
        assert_eq!(world.requests(), 1);
        world.kill();
        world.chat.write("ken", "ops", "!disk usage");
        world.clock.pass(DAY);
        world.start_again();
        assert_eq!(world.requests(), 1, "a day later nobody expects it any more");
    });
}

#[test]
fn what_is_open_outlives_every_sweep() {
    keeping(soon(), |world| {
        world.say("ken", "ops", "!disk usage");
        assert_eq!(world.state("r1"), State::Running);
        let card = world.card("r1");
        days(world, 30);
        assert_eq!(world.state("r1"), State::Running);
        world.told();
        world.end("r1.1", Outcome::Succeeded);
        assert!(world.chat.text(&card).contains("succeeded"), "the same card tells of the end");
        assert_eq!(world.state("r1"), State::Succeeded);
    });
}

#[test]
fn what_is_over_goes_piece_by_piece_and_numbers_go_on() {
    keeping(soon(), |world| {
        world.say("ken", "ops", "!disk usage");
        world.output("r1.1", "much\n");
        world.end("r1.1", Outcome::Succeeded);
        world.say("ken", "ops", "!disk usage");
        world.end("r2.1", Outcome::Succeeded);
        days(world, 3);
        world.told();
        world.say("ken", "ops", "!output r1");
        assert!(world.told().contains("Its output is not kept any more"));
        assert!(world.swept().at.is_some());
        days(world, 9);
        assert_eq!(world.requests(), 1, "the newest stays, for its number");
        world.told();
        let asked = world.say("ken", "ops", "!status r1");
        insta::assert_snapshot!(world.told(), @r"
        » ken in #ops: !status r1
        [m15 in #ops]
        Not done: there is no request r1.
        Hint: `!requests` lists the latest
        ");
        world.say("ken", "ops", "!disk usage");
        assert_eq!(world.state("r3"), State::Running);
        assert!(world.keeps_post(&format!("answer:console:{}", asked.id)));
        days(world, 4);
        assert!(!world.keeps_post(&format!("answer:console:{}", asked.id)), "answers go as well");
        assert!(world.keeps_post("card:r3:1"), "live posts do not");
    });
}

#[test]
fn the_audit_log_is_pruned_by_age_up_to_a_checkpoint() {
    let retention = Retention { audit: Some(DAY * 90), ..Retention::FOREVER };
    keeping(retention, |world| {
        world.say("ken", "ops", "!disk usage");
        world.end("r1.1", Outcome::Succeeded);
        world.pass("2h");
        world.say("ken", "ops", "!disk usage");
        let before = world.stock();
        assert_eq!(before.audit_first, 1);
        world.pass("80d");
        assert_eq!(world.stock().audit_first, 1);
        world.pass("20d");
        let after = world.stock();
        assert!(after.audit_first > 1 && after.audit < before.audit, "{after:?}");
        assert_eq!(world.swept().removed["audit"], after.audit_first - 1);
        check(world, None);
    });
}

#[test]
fn the_host_prunes_the_audit_log_and_the_log_says_so() {
    story(|world| {
        world.say("ken", "ops", "!disk usage");
        world.pass("2h");
        world.say("ken", "ops", "!ping");
        world.pass("2h");
        let checkpoints = world.wait(world.ledger().checkpoints()).unwrap();
        let row = checkpoints.last().unwrap().head.seq;
        let refused = world.prune(Until::Row(row - 1));
        assert!(matches!(refused, Err(PruneRefused::NoCheckpoint { .. })), "{refused:?}");
        let pruned = world.prune(Until::Row(row)).unwrap();
        assert_eq!((pruned.rows, pruned.up_to), (row - 1, row));
        assert_eq!(world.prune(Until::Row(row)), Err(PruneRefused::NothingThere), "twice is once");
        check(world, Some("service host:0"));
    });
}

#[test]
fn a_prune_that_was_cut_short_is_ended_by_the_next_sweep() {
    story(|world| {
        world.say("ken", "ops", "!disk usage");
        world.pass("2h");
        let checkpoints = world.wait(world.ledger().checkpoints()).unwrap();
        let row = checkpoints.last().unwrap().head.seq;
        // As a kill between two pieces leaves it.
        world.commit(Change {
            forget: Some(Forget { what: Old::Audit(row), limit: 1 }),
            swept: Some(Swept { pruning: Some(row), ..Swept::default() }),
            ..Change::default()
        });
        assert_eq!(world.stock().audit_first, 2);
        world.kill();
        world.start_again();
        world.pass("3h");
        assert_eq!(world.stock().audit_first, row);
        assert_eq!(world.swept().pruning, None);
    });
}

#[test]
fn settings_that_are_read_again_hold_at_once_or_not_at_all() {
    story(|world| {
        world.say("ken", "ops", "!disk usage");
        let engine = world.engine().clone();
        let read = |refused: Option<&str>| SettingsRead {
            at: engine.now(),
            taken: vec!["retention.messages".into()],
            restart: vec!["web.listen".into()],
            refused: refused.map(str::to_owned),
        };
        let mut tuning = (*engine.tuning()).clone();
        tuning.retention = soon();
        world.wait(engine.retune(None, read(Some("nonsense")))).unwrap();
        assert_eq!(engine.tuning().retention, Retention::FOREVER);
        let warning = engine.settings_read().unwrap().warning().unwrap();
        assert!(warning.contains("refused") && warning.contains("nonsense"), "{warning}");
        world.wait(engine.retune(Some(tuning), read(None))).unwrap();
        let warning = engine.settings_read().unwrap().warning().unwrap();
        assert_eq!(warning, "settings that changed wait for the next start: web.listen");
        days(world, 4);
        assert_eq!(world.stock().messages, 0);
        assert_eq!(world.audit().iter().filter(|row| *row == "settings.read").count(), 2);
    });
}

/// Checks what is left of the chain, and by whom it was pruned.
fn check(world: &World, by: Option<&str>) {
    let rows = world.wait(world.engine().ports().store.audit(&AuditFilter::default())).unwrap();
    let rows: Vec<StoredRow> = rows.iter().map(StoredRow::from).collect();
    let mut verifier = Verifier::from_anywhere();
    for row in &rows {
        verifier.feed(row).unwrap();
    }
    let told: Vec<Told> = rows.iter().filter_map(Told::of).collect();
    assert_eq!(told[0].by.as_ref().map(ToString::to_string).as_deref(), by);
    let checkpoints = world.wait(world.ledger().checkpoints()).unwrap();
    assert_eq!(check_beginning(rows[0].seq, &told, &checkpoints), Ok(()));
    assert!(check_beginning(rows[0].seq, &[], &checkpoints).is_err());
}
