//! Reading what people say: what a chat refuses to show, and who is not there any more.

use tribune::domain::message::{Edited, Sign};
use tribune::domain::request::State;
use tribune::domain::run::Outcome;

use super::drift::drifted;
use super::half_approved;
use crate::world::chat::Concealed;
use crate::world::forge::merged;
use crate::world::two::story_on_two;
use crate::world::{World, story};

const COMMAND: &str = "!run restart-service on web-dev service=nginx";

/// What stands on a card below its rule, without what nobody voted.
fn below(text: &str) -> String {
    let lines = text.split_once("\n---\n").expect("a card").1.lines();
    let told = lines.filter(|line| !line.starts_with("- 1 ") && !line.starts_with("- or a merged"));
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_card_that_the_chat_does_not_show_is_not_gone() {
    story(|world| {
        let card = half_approved(world);
        world.chat.conceals(Concealed::Messages);
        world.approve("grace", "r1");
        assert_eq!(world.state("r1"), State::NeedsApproval, "nothing was read, so nothing counts");
        assert!(below(&world.chat.text(&card)).contains("it may not be seen"));
        world.chat.conceals(Concealed::Nothing);
        world.pass("5s");
        assert_eq!(world.state("r1"), State::Running, "and nothing was lost");
    });
}

#[test]
fn a_veto_that_the_chat_does_not_show_is_not_missed() {
    story(|world| {
        let merge = world.merge(12);
        world.forge.put(merged(12, ("ken", "grace"), "ops/restart", COMMAND, &merge));
        world.say("ken", "ops", "!pause restart-service 10m \"storage moves\"");
        world.say("ken", "ops", &format!("{COMMAND} pr 12"));
        assert_eq!(world.state("r1"), State::Permitted, "it waits for the pause alone");
        world.chat.conceals(Concealed::Votes);
        world.veto("radia", "r1");
        world.say("grace", "ops", "!resume restart-service");
        world.pass("10s");
        assert!(world.executor.given().is_empty(), "who knows whether anybody objects");
        world.chat.conceals(Concealed::Nothing);
        world.pass("5s");
        assert_eq!(world.state("r1"), State::Vetoed);
        assert!(world.executor.given().is_empty());
    });
}

/// How often a repair was asked for.
fn repairs(world: &World) -> usize {
    world.audit().iter().filter(|row| row.starts_with("request.made")).count()
}

#[test]
fn an_answer_to_drift_is_acted_on_once_whatever_is_shown_meanwhile() {
    story(|world| {
        drifted(world, "ask");
        world.react("ken", "d1", Sign::Approve);
        world.say("ken", "ops", "!cancel r1");
        assert_eq!(repairs(world), 1);
        let card = world.drift_card("d1");
        for concealed in [Concealed::Votes, Concealed::Messages] {
            world.chat.conceals(concealed);
            world.pass("1m");
            world.chat.conceals(Concealed::Nothing);
            world.pass("1m");
            assert_eq!(repairs(world), 1, "{concealed:?}");
        }
        // Somebody changes the card, and puts it back.
        let text = world.chat.text(&card);
        world.rewrite(&card, Edited::ByAuthor, &text.replacen("web-dev", "web-prod", 1));
        world.rewrite(&card, Edited::ByAuthor, &text);
        assert_eq!(repairs(world), 1);
        world.chat.remove("ken", &card, Sign::Approve);
        world.note("ken takes it back");
        world.react("ken", "d1", Sign::Approve);
        assert_eq!(repairs(world), 2, "taken back and given again, it is another answer");
    });
}

#[test]
fn an_answer_to_drift_counts_in_no_channel_that_the_policy_repo_does_not_name() {
    story(|world| {
        drifted(world, "ask");
        let intent =
            world.file("intents/sync-motd.yaml").replace("channel: ops", "channel: general");
        let channels = world.file("inventory/channels.yaml");
        let moved = channels.replace("chat: { console: ops }", "chat: { console: lobby }");
        let changes: [(&str, Option<&str>); 2] =
            [("intents/sync-motd.yaml", Some(&intent)), ("inventory/channels.yaml", Some(&moved))];
        world.push("the channel moves", &changes);
        for sign in [Sign::Approve, Sign::Ignore] {
            world.react("ken", "d1", sign);
        }
        assert_eq!(repairs(world), 0);
        let said = world.drift_says("d1");
        let lines = said.lines().filter(|line| line.contains("does not count"));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
        - does not count: @ken, because this channel is not in the policy repo any more
        - does not count: @ken, because this channel is not in the policy repo any more
        ");
    });
}

#[test]
fn who_is_no_longer_in_the_channel_approves_nothing() {
    story(|world| {
        let card = half_approved(world);
        world.reply("grace", &card, "nobody has said anything yet");
        world.chat.leave("radia", "ops");
        world.chat.leave("grace", "ops");
        world.reply("grace", &card, "!approve r1");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        insta::assert_snapshot!(below(&world.chat.text(&card)), @r"
        needs approval
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - does not count: @radia, because they are no longer in this channel
        - does not count: @grace, because they are no longer in this channel
        Evidence must be here by 08:30:00 UTC.
        ");
        world.approve("linus", "r1");
        world.approve("dennis", "r1");
        assert_eq!(world.state("r1"), State::Running);
        world.end("r1.1", Outcome::Succeeded);
    });
}

#[test]
fn a_crowd_of_strangers_hides_nothing_that_stands_on_a_card() {
    story(|world| {
        let card = half_approved(world);
        for number in 0..40 {
            world.chat.add(&format!("stranger{number}"), &card, Sign::Approve);
        }
        world.approve("ken", "r1");
        let text = below(&world.chat.text(&card));
        assert!(text.contains("- approved by @radia\n"), "{text}");
        assert!(
            text.contains("- does not count: @ken, because nobody approves their own"),
            "{text}"
        );
        assert!(text.contains("- does not count: @stranger8, because nobody in the"), "{text}");
        assert!(text.contains("- does not count: 31 more\n"), "{text}");
    });
}

#[test]
fn a_person_on_two_platforms_is_one_person_where_the_card_stands() {
    const WEAK_CONSOLE: &str = "chat: { console: { id: ops, may: [request] }, \
         matrix: { id: \"!ops:hs\", may: [request, approve] } }";
    story_on_two(&[("ops", WEAK_CONSOLE)], |world| {
        // Grace asks on the console, and her card stands where only her other account is.
        world.say("grace", "ops", "!restart nginx on web-dev");
        let card = world.card_on_matrix("r1").expect("approvals count there");
        world.react_on_matrix("@grace:hs", &card, Sign::Approve);
        world.reply_on_matrix("@grace:hs", &card, "!approve r1");
        let text = world.matrix().text(&card);
        assert!(text.contains("@grace:hs, because nobody approves their own request"), "{text}");
        // Linus says yes on both; it is one voice of two that are needed.
        let link = world.chat.everything().last().expect("the link").message.at.clone();
        world.chat.add("linus", &link, Sign::Approve);
        world.react_on_matrix("@linus:hs", &card, Sign::Approve);
        world.reply("linus", &link, "!approve r1");
        world.reply_on_matrix("@linus:hs", &card, "!approve r1");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        let text = world.matrix().text(&card);
        assert!(text.contains("approved by @linus\n"), "{text}");
        world.react_on_matrix("@radia:hs", &card, Sign::Approve);
        assert_eq!(world.state("r1"), State::Running);
    });
}

#[test]
fn trouble_told_on_a_platform_that_is_away_keeps_no_drift_from_being_answered() {
    const APART: &str = "chat: { console: { id: ops, may: [request] }, \
         matrix: { id: \"!ops:hs\", may: [approve] } }";
    story_on_two(&[("ops", APART)], |world| {
        drifted(world, "ask");
        // Held, and told where it can be approved.
        world.edit("inventory/people/linus.yaml", "[sre]", "[admin]");
        world.matrix().set_down(true);
        world.note("matrix is away");
        world.chat.hints_nothing(true);
        world.react("ken", "d1", Sign::Approve);
        assert_eq!(repairs(world), 0);
        world.pass("1m");
        assert_eq!(repairs(world), 1, "the patrol passes all the same");
    });
}
