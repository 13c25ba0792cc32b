//! Delivering: what platforms allow, what goes first, and what is given up.

use jiff::SignedDuration;
use tribune::domain::request::State;
use tribune::domain::run::Outcome;

use crate::world::chat::FakeChat;
use crate::world::two::story_on_two;
use crate::world::{SECRET, World, story};

/// Returns the texts of everything that Tribune wrote on a server, as it stands.
fn said(chat: &FakeChat) -> Vec<String> {
    let everything = chat.everything();
    let ours = everything.iter().filter(|it| it.message.author.id.as_str() == "tribune");
    ours.map(|it| it.message.text.lines().next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_platform_that_is_down_or_busy_delays_no_other() {
    let both = [("ops", "chat: { console: ops, matrix: \"!ops:hs\" }")];
    story_on_two(&both, |world| {
        world.say_on_matrix("@grace:hs", "!ops:hs", "!ping");
        let before = said(world.matrix()).len();
        world.matrix().limit(0, SignedDuration::from_mins(5));
        world.say_on_matrix("@grace:hs", "!ops:hs", "!whoami");
        world.say_on_matrix("@grace:hs", "!ops:hs", "!banlist");
        let busy = (said(world.matrix()).len(), world.matrix().busy());
        assert_eq!(busy, (before, 1), "asked once, and left alone");
        world.told();
        world.say("ken", "ops", "!ping");
        assert!(world.told().contains("pong"), "the console is not delayed");
        world.matrix().limit(100, SignedDuration::from_mins(5));
        world.pass("5m");
        let order = said(world.matrix()).split_off(before);
        assert_eq!(order.len(), 2, "{order:?}");
        assert!(order[0].starts_with("@grace is Grace Hopper"), "{order:?}");
        assert!(order[1].starts_with("- @mallory for good"), "{order:?}");
    });
}

#[test]
fn a_platform_that_asks_to_wait_gets_everything_in_order_and_is_not_stormed() {
    story(|world| {
        world.chat.limit(2, SignedDuration::from_secs(10));
        let root = world.say("ken", "ops", "hello");
        for id in 1..=7 {
            world.reply("ken", &root, &format!("!status r{id}"));
        }
        for _ in 0..4 {
            world.pass("10s");
        }
        let said: Vec<String> = said(&world.chat);
        let about = |line: &String| Some(line.split_once("no request r")?.1.replace('.', ""));
        let asked: Vec<String> = said.iter().filter_map(about).collect();
        assert_eq!(asked, ["1", "2", "3", "4", "5", "6", "7"], "{said:?}");
        assert!(world.chat.busy() <= 5, "asked to wait {} times", world.chat.busy());
    });
}

#[test]
fn what_people_wait_for_goes_before_what_streams() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("radia", "r1");
        world.approve("grace", "r1");
        // Half of what is allowed goes to output at most, so that an answer finds room.
        world.chat.limit(4, SignedDuration::from_secs(10));
        for second in 0..20 {
            world.output("r1.1", &format!("line {second}\n"));
            world.pass("1s");
        }
        let busy = world.chat.busy();
        world.pass("10s");
        world.told();
        world.output("r1.1", "more\n");
        world.say("ken", "general", "!ping");
        assert!(world.told().contains("pong"), "the answer found room");
        assert!(busy <= 2, "output learned to hold back: {busy}");
        world.end("r1.1", Outcome::Succeeded);
        world.pass("30s");
        let out = world.chat.post("out:r1.1").expect("there is output");
        assert!(world.chat.text(&out).contains("line 19\nmore"), "the newest state is what counts");
    });
}

#[test]
fn a_post_that_changed_before_anybody_knew_that_it_stands_says_what_it_should() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("radia", "r1");
        world.chat.loses_the_answer("out:r1.1");
        world.approve("grace", "r1");
        world.output("r1.1", "a line\n");
        world.end("r1.1", Outcome::Succeeded);
        world.pass("30s");
        let ours = world.chat.everything().into_iter().map(|it| it.message.text);
        let told: Vec<String> = ours.filter(|text| text.starts_with("r1.1 ")).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("r1.1 succeeded") && told[0].contains("a line"), "{told:?}");
    });
}

#[test]
fn after_a_start_what_was_missed_is_taken_in_before_anything_is_said() {
    story(|world| {
        world.chat.limit(0, SignedDuration::from_mins(1));
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.stop();
        world.chat.limit(100, SignedDuration::from_mins(1));
        world.chat.write("ken", "ops", "!cancel r1");
        world.told();
        world.start_again();
        insta::assert_snapshot!(world.told(), @"
        » the daemon is started again
        [m4 in #ops]
        r1 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - digest: `…`
        ---
        cancelled by @ken — cancelled before it ran
        [m6 in #dm:ken]
        r1 <chat:ops/m4> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — cancelled by @ken: cancelled before it ran (08:01:00 UTC)
        ");
    });
}

#[test]
fn an_answer_whose_thread_was_deleted_is_given_up_and_holds_up_nothing() {
    story(|world| {
        let root = world.say("ken", "ops", "hello");
        world.chat.limit(0, SignedDuration::from_mins(1));
        world.reply("ken", &root, "!ping");
        world.delete(&root);
        world.chat.limit(100, SignedDuration::from_mins(1));
        world.pass("1m");
        let calls = world.chat.calls();
        world.pass("24h");
        assert!(world.chat.calls() - calls < 10, "it is not tried again and again");
        let waiting = world.waiting();
        assert_eq!(waiting, 0, "nothing waits");
        world.say("ken", "ops", "!ping");
        assert!(world.told().contains("pong"));
    });
}

#[test]
fn where_a_card_stands_is_known_before_its_seeds_are_put() {
    story(|world| {
        // The card goes out; its seeds have to wait.
        world.chat.limit(1, SignedDuration::from_secs(30));
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("radia", "r1");
        world.approve("grace", "r1");
        assert!(!world.executor.ran().is_empty(), "the approvals were heard");
        world.chat.limit(100, SignedDuration::from_secs(30));
        world.pass("30s");
        let card = world.chat.everything();
        let card = card.iter().find(|it| it.message.at == world.card("r1")).expect("a card");
        assert_eq!(card.seeds(), 2);
        assert!(world.stored("card:r1:1").is_some_and(|post| post.seeded));
    });
}

/// Ken's request r1 runs and prints more than its thread shows.
fn loud(world: &mut World) {
    world.say("ken", "ops", "!restart nginx on web-dev");
    world.approve("radia", "r1");
    world.approve("grace", "r1");
    let lines: String = (0..400).map(|line| format!("line {line} of the log\n")).collect();
    world.output("r1.1", &format!("password={SECRET}\n{lines}"));
    world.end("r1.1", Outcome::Succeeded);
}

#[test]
fn long_output_comes_as_a_file_once_cleaned_and_redacted() {
    story(|world| {
        loud(world);
        let files = world.chat.files();
        assert_eq!(files.len(), 1);
        let (at, file) = &files[0];
        assert_eq!((at, file.name.as_str()), (&world.card("r1"), "output-r1.1.txt"));
        assert!(file.text.contains("line 0 of the log\n") && file.text.contains("line 399"));
        assert!(!file.text.contains(SECRET));
        world.kill();
        world.start_again();
        let asked = world.say("ken", "ops", "!output r1");
        let files = world.chat.files();
        assert_eq!(files.iter().filter(|(at, _)| *at == asked).count(), 1);
        assert_eq!(files.len(), 2, "nothing is put twice");
        assert_eq!(world.waiting(), 0);
        world.say("barbara", "lobby", "!output r1");
        assert_eq!(world.chat.files().len(), 2, "who may not see it gets no file");
    });
}

#[test]
fn short_output_is_no_file() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("radia", "r1");
        world.approve("grace", "r1");
        world.output("r1.1", "done\n");
        world.end("r1.1", Outcome::Succeeded);
        world.say("ken", "ops", "!output r1");
        assert_eq!(world.chat.files(), []);
    });
}

#[test]
fn a_file_that_is_refused_changes_nothing_and_is_not_tried_again() {
    story(|world| {
        world.chat.takes_no_files();
        loud(world);
        assert_eq!(world.state("r1"), State::Succeeded);
        assert!(world.told().contains("characters more: !output r1"));
        assert_eq!((world.chat.files(), world.waiting()), (Vec::new(), 0));
    });
}
