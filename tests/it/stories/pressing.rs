//! Buttons: what people press, what they are shown, and every way to make Tribune take something
//! else for a press.

use serde_json::json;
use tribune::domain::message::{Edited, MessageRef, Sign};
use tribune::domain::press::{Bound, Offer, Seal};
use tribune::domain::request::State;
use tribune::domain::run::Outcome;
use tribune::ports::clock::Clock as _;

use super::asked;
use super::drift::drifted;
use crate::world::World;
use crate::world::pressing::{seal, story_with_buttons};
use crate::world::two::story_on_two;

const NOT_TAKEN: &str = "Nothing was done: this button does not belong to this post as it stands \
     now. `!help` lists the commands that do the same.";

const RENEWED: &str =
    "These buttons were renewed a moment ago, and nothing was done. Press once more.";

/// Returns the row about buttons of `tribune status`.
fn refused(world: &World) -> String {
    let row = world.report().loops.into_iter().find(|row| row.name == "buttons");
    row.expect("there are buttons").says
}

/// From now on only admins see what others ask for, and what differs.
fn only_admins_view(world: &mut World) {
    let view =
        |role: &str| format!("permit (principal in Role::\"{role}\", action == Action::\"view\"");
    world.edit("policies/house.cedar", &view("user"), &view("admin"));
}

/// Every offer that there is.
const ALL: [Offer; 5] =
    [Offer::Details, Offer::Output, Offer::WhoCould, Offer::Ignore, Offer::HowToReact];

#[test]
fn a_card_has_the_buttons_that_its_state_calls_for_and_each_serves_again_and_again() {
    story_with_buttons(|world| {
        let card = asked(world);
        world.told();
        assert_eq!(world.chat.labels(&card), ["Details", "Who could approve", "How to answer"]);
        world.press("barbara", &card, Offer::Details);
        world.press("ken", &card, Offer::WhoCould);
        world.press("radia", &card, Offer::HowToReact);
        insta::assert_snapshot!(world.told(), @r"
        » barbara presses, and is shown: r1 <chat:ops/m3> needs approval — `!run restart-service on web-dev delay=0 graceful=true service=nginx` by @ken at 08:00:00 UTC
        - Operators may run what enough others approved: every slot of the intent is filled: not every slot is filled — `operators-approved` at policies/run.cedar:29
        - Operators may run what a merged and independently reviewed pull request with the intent's label asks for: no pull request with label ops/restart is cited — `operators-cite` at policies/run.cedar:21
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        » ken presses, and is shown: r1 can be approved by
        - operator: @ada, @dennis, @grace, @linus, @margaret, @radia
        - sre: @ada, @grace, @linus, @margaret
        » radia presses, and is shown: Read what stands above the line. React ✅ to approve exactly that, ❌ to veto it; or reply in the thread: `!approve r1`, `!deny r1 why`.
        To take it back, remove the reaction or delete the reply. Nobody approves their own request. No button approves: who pressed one cannot be proven.
        ");
        world.approve("radia", "r1");
        world.approve("grace", "r1");
        assert_eq!(world.state("r1"), State::Running);
        assert_eq!(world.chat.labels(&card), ["Output", "Details"]);
        world.output("r1.1", "restarting\n");
        world.told();
        world.press("barbara", &card, Offer::Output);
        world.end("r1.1", Outcome::Succeeded);
        world.told();
        world.press("barbara", &card, Offer::Output);
        world.press("barbara", &card, Offer::Details);
        insta::assert_snapshot!(world.told(), @r"
        » barbara presses, and is shown: r1.1 succeeded at 08:00:00 UTC
        ```text
        restarting
        ```
        » barbara presses, and is shown: r1 <chat:ops/m3> succeeded — `!run restart-service on web-dev delay=0 graceful=true service=nginx` by @ken at 08:00:00 UTC
        - Operators may run what enough others approved: every slot of the intent is filled — `operators-approved` at policies/run.cedar:29
        It ended because done.
        ");
        assert!(world.audit().iter().all(|row| !row.contains("barbara")), "{:?}", world.audit());
    });
}

#[test]
fn drift_is_ignored_by_a_button_as_by_the_command_and_says_so() {
    story_with_buttons(|world| {
        drifted(world, "ask");
        let card = world.drift_card("d1");
        assert_eq!(world.chat.labels(&card), ["Details", "Ignore for a day", "How to answer"]);
        world.told();
        world.press("barbara", &card, Offer::Ignore);
        assert!(!world.drift_says("d1").contains("ignored until"), "policy lets operators");
        world.press("ken", &card, Offer::HowToReact);
        world.press("ken", &card, Offer::Details);
        world.press("ken", &card, Offer::Ignore);
        insta::assert_snapshot!(world.told(), @r#"
        » barbara presses, and is shown: Not done: policy does not let them ignore it.
        Hint: `!drift d1` shows how it stands
        » ken presses, and is shown: React ✅ to ask for a repair (`!drift repair d1`). To leave it as it is for longer than a day: `!drift ignore d1 7d "why"`. No button repairs or keeps: who pressed one cannot be proven.
        » ken presses, and is shown: ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by hand
        +declared
        ```
        » ken presses, and is shown: d1 is left as it is until 2026-06-02 08:17 UTC.
        [m4 in #ops]
        …
        differs from what is declared
        ```diff
        --- web-dev:/etc/motd
        +++ declared
        @@ -1 +1 @@
        -by hand
        +declared
        ```
        - ignored until 2026-06-02 08:17 UTC by @ken: by a button on console
        ✅ repair it (`!drift repair d1`), 🔕 ignore it for a day (`!drift ignore d1 7d "why"` for longer). Who asks for the repair does not approve it.
        [m6 in the thread of m4]
        @ken lets d1 be as it is until 2026-06-02 08:17 UTC: by a button on console.
        "#);
        let rows = world.drift_audit();
        assert_eq!(rows.last().map(String::as_str), Some("drift.answered @ken"), "{rows:?}");
        super::drift::clears(world, "web-dev");
        world.pass("17m");
        assert!(world.chat.labels(&card).is_empty(), "what is over has no buttons");
    });
}

#[test]
fn drift_that_is_only_told_says_so() {
    story_with_buttons(|world| {
        drifted(world, "report");
        let card = world.drift_card("d1");
        let shown = world.press("ken", &card, Offer::HowToReact);
        insta::assert_snapshot!(shown, @r#"This is only told: nothing is repaired from here. To leave it as it is for longer than a day: `!drift ignore d1 7d "why"`. No button repairs or keeps: who pressed one cannot be proven."#);
    });
}

#[test]
fn a_press_counts_once_whoever_sends_it_again() {
    story_with_buttons(|world| {
        drifted(world, "ask");
        let card = world.drift_card("d1");
        let state = world.chat.state(&card, Offer::Ignore);
        let others = world.chat.state(&card, Offer::Details);
        assert!(world.press_with("ken", &card, &state).contains("is left as it is until"));
        let before = world.drift_audit().len();
        for again in [&state, &others] {
            assert_eq!(world.press_with("ken", &card, again), RENEWED);
        }
        world.stop();
        world.start_again();
        assert_eq!(world.press_with("ken", &card, &state), RENEWED, "also after a restart");
        assert_eq!(world.drift_audit().len(), before);
        assert_ne!(world.chat.state(&card, Offer::Ignore), state);
        assert!(world.press("ken", &card, Offer::Details).contains("+declared"));
    });
}

#[test]
fn of_two_presses_at_once_one_is_taken_and_the_other_made_again() {
    story_with_buttons(|world| {
        let card = asked(world);
        let mut shown = world.press_at_once(["barbara", "ken"], &card, Offer::WhoCould);
        shown.sort();
        assert_eq!(shown[0], RENEWED);
        assert!(shown[1].starts_with("r1 can be approved by"), "{shown:?}");
        assert!(world.press("ken", &card, Offer::WhoCould).starts_with("r1 can be approved by"));
    });
}

#[test]
fn a_button_that_is_too_old_is_renewed() {
    story_with_buttons(|world| {
        drifted(world, "report");
        let card = world.drift_card("d1");
        world.pass("8d");
        assert_eq!(world.press("ken", &card, Offer::Ignore), RENEWED);
        assert!(!world.drift_says("d1").contains("ignored until"));
        world.press("ken", &card, Offer::Ignore);
        assert!(world.drift_says("d1").contains("by @ken: by a button on console"));
    });
}

#[test]
fn a_state_is_of_one_button_under_one_post_in_one_channel() {
    story_with_buttons(|world| {
        let card = asked(world);
        world.say("ken", "ops", "!restart app on web-dev");
        let other = world.card("r2");
        let state = world.chat.state(&card, Offer::Details);
        assert_eq!(world.press_with("ken", &other, &state), NOT_TAKEN);
        let moved = MessageRef { channel: "general".parse().unwrap(), ..card.clone() };
        assert_eq!(world.press_with("ken", &moved, &state), NOT_TAKEN);
        let gone = MessageRef { id: "m999".parse().unwrap(), ..card.clone() };
        assert_eq!(world.press_with("ken", &gone, &state), NOT_TAKEN);
        // Even a state that was made here says nothing of a post that is no card, or is not there.
        let said = world.say("ken", "ops", "!ping");
        let answer = world.chat.post(&format!("answer:console:{}", said.id)).expect("an answer");
        for at in [&answer, &gone, &moved] {
            let until = world.clock.now() + jiff::SignedDuration::from_hours(1);
            let made = seal().close(at, &Bound { offer: Offer::Details, round: 0, until });
            assert_eq!(world.press_with("ken", at, &made), NOT_TAKEN, "{at:?}");
        }
        assert_eq!(refused(world), "6 presses were not taken since the start; the log says why");
        assert!(world.press_with("ken", &card, &state).starts_with("r1"), "nothing was used up");
    });
}

#[test]
fn nobody_makes_a_state_without_the_key_and_nothing_else_is_taken_for_one() {
    story_with_buttons(|world| {
        let card = asked(world);
        let until = world.clock.now() + jiff::SignedDuration::from_hours(1);
        let foreign = Seal::new(&[8; 32]);
        for offer in ALL {
            let forged = foreign.close(&card, &Bound { offer, round: 0, until });
            assert_eq!(world.press_with("ken", &card, &forged), NOT_TAKEN);
        }
        let (said, mac) = (json!({ "offer": "approve", "round": 0, "until": until }), "A");
        for wrong in ["", "approve", &said.to_string(), &format!("{said}.{mac}")] {
            assert_eq!(world.press_with("radia", &card, wrong), NOT_TAKEN, "{wrong}");
        }
        for wrong in [
            json!(null),
            json!([]),
            json!({ "state": "x" }),
            json!({ "at": card, "by": "ken" }),
            json!({ "at": card, "by": "ken", "state": { "offer": "approve" } }),
            json!({ "at": card, "by": "ken", "state": "x".repeat(100_000) }),
        ] {
            assert_eq!(world.call(&wrong), NOT_TAKEN);
        }
    });
}

#[test]
fn no_press_approves_denies_repairs_or_keeps() {
    story_with_buttons(|world| {
        let card = asked(world);
        let rounds = |world: &World, key: &str| world.stored(key).expect("it is kept").round;
        let now = world.clock.now();
        let until = now + jiff::SignedDuration::from_hours(1);
        // Whoever had the key itself could press every button that there is, and no other: that
        // none of them decides is in the words that there are.
        for offer in ALL {
            let round = rounds(world, "card:r1:1");
            let state = seal().close(&card, &Bound { offer, round, until });
            for person in ["radia", "grace"] {
                world.press_with(person, &card, &state);
            }
        }
        assert_eq!(world.state("r1"), State::NeedsApproval);
        drifted(world, "ask");
        let card = world.drift_card("d1");
        let until = world.clock.now() + jiff::SignedDuration::from_hours(1);
        for offer in ALL {
            let round = rounds(world, "drift:d1");
            let state = seal().close(&card, &Bound { offer, round, until });
            world.press_with("ken", &card, &state);
        }
        assert!(world.source.drafts().is_empty());
        let rows = world.audit();
        assert!(!rows.iter().any(|row| row.contains("r2")), "no repair was asked for: {rows:?}");
        world.react("ken", "d1", Sign::Approve);
        assert_eq!(world.state("r2"), State::NeedsApproval, "a reaction does");
    });
}

#[test]
fn strangers_the_banned_machines_and_closed_accounts_press_in_vain() {
    story_with_buttons(|world| {
        drifted(world, "ask");
        let card = world.drift_card("d1");
        world.told();
        let shown = world.press("zoe", &card, Offer::Ignore);
        assert!(
            shown.contains("nobody in the policy repo has the account `console:zoe`"),
            "{shown}"
        );
        let shown = world.press("mallory", &card, Offer::Details);
        assert!(shown.starts_with("You are banned"), "{shown}");
        assert_eq!(world.audit().last().map(String::as_str), Some("ban.refused @mallory"));
        world.chat.is_machine("ken");
        world.chat.deactivate("grace");
        for account in ["ken", "grace", "tribune"] {
            assert_eq!(world.press(account, &card, Offer::Ignore), NOT_TAKEN, "{account}");
        }
        assert!(!world.drift_says("d1").contains("ignored"), "{}", world.drift_says("d1"));
    });
}

#[test]
fn a_post_that_somebody_else_changed_or_deleted_has_no_buttons_that_count() {
    story_with_buttons(|world| {
        drifted(world, "ask");
        let card = world.drift_card("d1");
        let text = world.chat.text(&card);
        let state = world.chat.state(&card, Offer::Ignore);
        let other = text.replacen("web-dev", "web-prod", 1);
        world.rewrite(&card, Edited::ByAuthor, &other);
        assert_eq!(world.press_with("ken", &card, &state), NOT_TAKEN);
        world.rewrite(&card, Edited::ByOther, &text);
        assert_eq!(world.press_with("ken", &card, &state), NOT_TAKEN);
        world.delete(&card);
        assert_eq!(world.press_with("ken", &card, &state), NOT_TAKEN);
        assert_eq!(world.stored("drift:d1").expect("it is kept").round, 0, "nothing was used up");
    });
}

#[test]
fn presses_obey_view_and_the_strength_of_their_place() {
    const STRAIGHT: &str = "chat: { console: ops, matrix: { id: \"!ops:hs\", may: [approve] } }";
    const CROSSED: &str = "chat: { console: { id: ops, may: [approve] }, \
         matrix: { id: \"!ops:hs\", may: [request] } }";
    story_on_two(&[("ops", STRAIGHT)], |world| {
        world.chat.shows_buttons();
        drifted(world, "ask");
        let card = world.drift_card("d1");
        world.edit("inventory/channels.yaml", STRAIGHT, CROSSED);
        let shown = world.press("ken", &card, Offer::Ignore);
        assert!(shown.contains("commands that do something are not taken in #ops"), "{shown}");
        let shown = world.press("ken", &card, Offer::Details);
        assert!(shown.contains("+declared"), "{shown}");
        only_admins_view(world);
        for offer in [Offer::Details, Offer::HowToReact] {
            let shown = world.press("ken", &card, offer);
            assert!(shown.contains("there is no incident d1, or you may not see it"), "{shown}");
        }
    });
}

#[test]
fn who_may_not_view_a_request_is_shown_nothing_of_it() {
    story_with_buttons(|world| {
        let card = asked(world);
        only_admins_view(world);
        for offer in [Offer::Details, Offer::WhoCould, Offer::HowToReact] {
            let shown = world.press("radia", &card, offer);
            assert!(shown.starts_with("You may not see r1"), "{shown}");
            assert_eq!(world.audit().last().map(String::as_str), Some("view.denied r1 @radia"));
            assert!(!world.press("ken", &card, offer).contains("You may not"), "it is his own");
        }
    });
}

#[test]
fn presses_count_as_commands_do() {
    story_with_buttons(|world| {
        world.manners.per_person = 3;
        world.stop();
        world.start_again();
        let card = asked(world);
        world.press("ken", &card, Offer::Details);
        world.press("ken", &card, Offer::Details);
        let shown = world.press("ken", &card, Offer::Details);
        assert!(shown.starts_with("That is faster than I listen: 3 commands a minute."), "{shown}");
        assert_eq!(world.press("ken", &card, Offer::Details), "", "and is told once");
        // What is not sealed is counted in nobody's name.
        for _ in 0..9 {
            world.press_with("radia", &card, "x");
        }
        assert!(world.press("radia", &card, Offer::Details).starts_with("r1"));
    });
}

#[test]
fn a_chat_that_does_not_answer_uses_nothing_up() {
    story_with_buttons(|world| {
        let card = asked(world);
        let state = world.chat.state(&card, Offer::Details);
        world.chat.set_down(true);
        let shown = world.press_with("ken", &card, &state);
        assert_eq!(
            shown,
            "Something does not answer now, so this was not done. Press again in a moment."
        );
        world.chat.set_down(false);
        assert!(world.press_with("ken", &card, &state).starts_with("r1"));
    });
}

#[test]
fn a_card_whose_digest_changed_loses_its_buttons() {
    story_with_buttons(|world| {
        let old = asked(world);
        let state = world.chat.state(&old, Offer::Details);
        world.edit("playbooks/scripts/service.sh", "set -eu", "set -eu # another way");
        let new = world.card("r1");
        assert_ne!(old, new);
        assert!(world.chat.labels(&old).is_empty());
        assert_eq!(world.press_with("ken", &old, &state), NOT_TAKEN);
        assert!(world.press("ken", &new, Offer::Details).starts_with("r1"));
    });
}

#[test]
fn a_chat_without_buttons_has_none_and_keeps_none() {
    crate::world::story(|world| {
        let card = asked(world);
        assert!(world.chat.labels(&card).is_empty());
        assert!(world.stored("card:r1:1").expect("it is kept").offers.is_empty());
        assert!(world.report().loops.iter().all(|row| row.name != "buttons"));
    });
}

#[test]
fn cards_that_stand_get_their_buttons_when_these_are_switched_on() {
    crate::world::story(|world| {
        drifted(world, "ask");
        let card = asked(world);
        let incident = world.drift_card("d1");
        world.stop();
        world.chat.shows_buttons();
        let text = world.chat.text(&card);
        world.start_again();
        assert_eq!(world.chat.labels(&card), ["Details", "Who could approve", "How to answer"]);
        assert_eq!(world.chat.labels(&incident), ["Details", "Ignore for a day", "How to answer"]);
        assert_eq!(world.chat.text(&card), text, "what stands there stays as it is");
        assert!(world.press("ken", &card, Offer::Details).starts_with("r1"));
        let state = world.chat.state(&card, Offer::Details);
        world.pass("1s");
        world.stop();
        world.start_again();
        assert_eq!(world.chat.state(&card, Offer::Details), state, "those stay as they are");
    });
}

#[test]
fn who_is_banned_provisionally_or_is_known_elsewhere_alone_presses_in_vain() {
    const EQUAL: &str = "chat: { console: ops, matrix: { id: \"!ops:hs\", may: [approve] } }";
    story_on_two(&[("ops", EQUAL)], |world| {
        world.chat.shows_buttons();
        drifted(world, "ask");
        let card = world.drift_card("d1");
        // Ken's account on Matrix is nobody's on this platform, whoever says so.
        let shown = world.press("@ken:hs", &card, Offer::Ignore);
        assert!(shown.contains("nobody in the policy repo has the account"), "{shown}");
        world.say("grace", "ops", "!ban @radia \"an incident\" 1h");
        for offer in [Offer::Ignore, Offer::Details, Offer::HowToReact] {
            let shown = world.press("radia", &card, offer);
            assert!(shown.starts_with("You are banned"), "{shown}");
        }
        assert!(!world.drift_says("d1").contains("ignored"), "{}", world.drift_says("d1"));
        world.say("grace", "ops", "!unban @radia");
        world.press("radia", &card, Offer::Ignore);
        assert!(world.drift_says("d1").contains("ignored"), "{}", world.drift_says("d1"));
    });
}
