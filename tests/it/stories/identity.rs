//! Who is who: one person on several platforms, and everybody who can never ask or approve.

use tribune::domain::message::{Edited, Sign};
use tribune::domain::request::State;
use tribune::domain::run::Outcome;

use crate::world::two::story_on_two;
use crate::world::{World, story};

const EQUAL: &str = "chat: { console: ops, matrix: \"!ops:hs\" }";

/// What people may read of why a vote does not count.
fn ignored(world: &World, request: &str) -> Vec<String> {
    let text = world.chat.text(&world.card(request));
    let lines = text.lines().filter(|line| line.starts_with("- does not count"));
    lines.map(|line| line.trim_start_matches("- does not count: ").to_owned()).collect()
}

#[test]
fn a_person_with_several_accounts_counts_once() {
    story_on_two(&[("ops", EQUAL)], |world| {
        let two = "chat: { console: [grace, grace-phone], matrix: \"@grace:hs\" }";
        let path = "inventory/people/grace.yaml";
        world.edit(path, "chat: { console: grace, matrix: \"@grace:hs\" }", two);
        world.say("ken", "ops", "!restart nginx on web-dev");
        let card = world.card("r1");
        world.approve("grace", "r1");
        world.approve("grace-phone", "r1");
        world.reply("grace-phone", &card, "!approve r1");
        world.reply("grace", &card, "!approve r1");
        assert_eq!(world.state("r1"), State::NeedsApproval, "grace fills one slot of two");
        let text = world.chat.text(&card);
        assert!(text.contains("approved by @grace\n"), "{text}");
        // What one of her accounts takes back, the others still say.
        world.withdraw("grace", "r1");
        assert!(world.chat.text(&card).contains("approved by @grace\n"));
        world.approve("radia", "r1");
        assert_eq!(world.state("r1"), State::Running);
    });
}

#[test]
fn nobody_approves_their_own_request_by_another_account() {
    story_on_two(&[("ops", EQUAL)], |world| {
        let path = "inventory/people/grace.yaml";
        let two = "chat: { console: [grace, grace-phone], matrix: \"@grace:hs\" }";
        world.edit(path, "chat: { console: grace, matrix: \"@grace:hs\" }", two);
        // Asked for on Matrix; what she drifts to on the console is no other person's.
        world.say_on_matrix("@grace:hs", "!ops:hs", "!restart nginx on web-dev");
        world.say("grace", "ops", "!restart app on web-dev");
        world.approve("grace-phone", "r2");
        world.approve("radia", "r2");
        assert_eq!(world.state("r2"), State::NeedsApproval);
        assert_eq!(
            ignored(world, "r2"),
            ["@grace-phone, because nobody approves their own request"]
        );
    });
}

#[test]
fn people_are_called_and_told_by_the_account_of_the_platform_that_it_is_about() {
    story_on_two(&[("ops", EQUAL)], |world| {
        world.say_on_matrix("@ken:hs", "!ops:hs", "!run host-info on local");
        world.end("r1.1", Outcome::Succeeded);
        let direct = |chat: &crate::world::chat::FakeChat, to: &str| {
            let all = chat.everything();
            all.iter().filter(|it| it.message.at.channel.as_str() == format!("dm:{to}")).count()
        };
        assert_eq!((direct(world.matrix(), "@ken:hs"), direct(&world.chat, "ken")), (1, 0));
        world.say_on_matrix("@ken:hs", "!ops:hs", "!restart nginx on web-dev");
        let call = world.matrix().post("card:r2:1:call").expect("people are called");
        assert!(
            world.matrix().text(&call).contains("@@grace:hs"),
            "{}",
            world.matrix().text(&call)
        );
    });
}

#[test]
fn machines_ask_for_nothing_and_approve_nothing() {
    story(|world| {
        // A webhook writes in the name of whoever made it, a bridge in anybody's.
        world.chat.forge("ken", "ops", None, "!restart nginx on web-dev");
        world.note("a webhook of ken's: !restart nginx on web-dev");
        insta::assert_snapshot!(world.told(), @"» a webhook of ken's: !restart nginx on web-dev");
        world.say("ken", "ops", "!restart nginx on web-dev");
        let card = world.card("r1");
        for text in ["!approve r1", "!deny r1 no"] {
            world.chat.forge("radia", "ops", Some(&card), text);
        }
        world.chat.is_machine("grace");
        world.approve("grace", "r1");
        world.veto("grace", "r1");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        insta::assert_snapshot!(ignored(world, "r1").join("\n"), @r"
        @grace, because it is not a person's account
        @radia, because it is not a person's account
        ");
    });
}

#[test]
fn a_closed_account_asks_for_nothing_and_approves_nothing() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        let card = world.card("r1");
        world.approve("grace", "r1");
        // What she said before her account was closed counts no more either.
        world.chat.deactivate("grace");
        world.chat.deactivate("linus");
        world.reply("linus", &card, "!approve r1");
        world.approve("radia", "r1");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        world.veto("grace", "r1");
        world.reply("linus", &card, "!deny r1 no");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        insta::assert_snapshot!(ignored(world, "r1").join("\n"), @"
        @grace, because the account was closed
        @linus, because the account was closed
        ");
        world.told();
        world.say("linus", "ops", "!run host-info on local");
        insta::assert_snapshot!(world.told(), @"» linus in #ops: !run host-info on local");
    });
}

#[test]
fn a_command_that_was_edited_before_it_was_read_is_not_acted_on() {
    story(|world| {
        let (harmless, real) = ("!run host-info on local", "!restart nginx on web-dev");
        world.say_and_edit("ken", "ops", (harmless, real), Edited::ByAuthor);
        world.say_and_edit("ken", "ops", (harmless, real), Edited::ByOther);
        world.say_and_edit("zoe", "ops", (harmless, real), Edited::ByAuthor);
        world.say_and_edit("mallory", "ops", (harmless, real), Edited::ByAuthor);
        world.say_and_edit("ken", "ops", (real, "never mind"), Edited::ByAuthor);
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !run host-info on local — edited at once (ByAuthor): !restart nginx on web-dev
        [m3 in #ops]
        Not done: this message was edited before I read it.
        Hint: send it once more, as a new message
        » ken in #ops: !run host-info on local — edited at once (ByOther): !restart nginx on web-dev
        [m5 in #ops]
        Not done: somebody else edited this message before I read it.
        Hint: send it once more, as a new message
        » zoe in #ops: !run host-info on local — edited at once (ByAuthor): !restart nginx on web-dev
        [m7 in #ops]
        I do not know you: nobody in the policy repo has the account `console:zoe`. An admin can add this to a file of inventory/people/:
        ```yaml
        chat: { console: "zoe" }
        ```
        » mallory in #ops: !run host-info on local — edited at once (ByAuthor): !restart nginx on web-dev
        [m9 in #ops]
        You are banned for good: Shared an account; talk to Ada. Ask @ada about it.
        » ken in #ops: !restart nginx on web-dev — edited at once (ByAuthor): never mind
        "#);
        // Told once, whatever the connection does.
        world.chat.set_down(true);
        world.chat.set_down(false);
        world.note("the connection is lost and back");
        insta::assert_snapshot!(world.told(), @"» the connection is lost and back");
        assert!(!world.audit().iter().any(|row| row.starts_with("request.made")));
    });
}

#[test]
fn an_edit_after_a_command_was_taken_in_changes_nothing() {
    story(|world| {
        let at = world.say("ken", "ops", "!restart nginx on web-dev");
        world.told();
        world.rewrite(&at, Edited::ByAuthor, "!restart app on web-dev");
        world.chat.set_down(true);
        world.chat.set_down(false);
        world.note("the connection is lost and back");
        insta::assert_snapshot!(world.told(), @r"
        » m2 is changed (ByAuthor): !restart app on web-dev
        » the connection is lost and back
        ");
        let made = world.audit().iter().filter(|row| row.starts_with("request.made")).count();
        assert_eq!(made, 1);
        assert!(world.chat.text(&world.card("r1")).contains("service=nginx"));
    });
}

#[test]
fn a_vote_that_was_edited_counts_no_more_and_none_is_made_by_editing() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        let card = world.card("r1");
        let vote = world.reply("grace", &card, "!approve r1");
        let chatter = world.reply("radia", &card, "looks fine");
        world.rewrite(&chatter, Edited::ByAuthor, "!approve r1");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        world.rewrite(&vote, Edited::ByOther, "!approve r1");
        world.approve("radia", "r1");
        assert_eq!(world.state("r1"), State::NeedsApproval, "what was edited is withdrawn");
        world.approve("grace", "r1");
        assert_eq!(world.state("r1"), State::Running);
    });
}

#[test]
fn machines_and_closed_accounts_answer_to_no_drift() {
    story(|world| {
        let keys = "idempotent: true\nchannel: ops\n\
                    standing: { every: 15m, targets: [development], on_drift: ask }";
        world.edit("intents/sync-motd.yaml", "idempotent: true", keys);
        world.executor.finds("sync-motd web-dev", "-by hand\n+declared\n", Outcome::Differs);
        world.pass("17m");
        world.chat.is_machine("grace");
        world.chat.deactivate("linus");
        for person in ["grace", "linus"] {
            world.react(person, "d1", Sign::Ignore);
            world.react(person, "d1", Sign::Approve);
        }
        world.chat.forge("radia", "ops", None, "!drift repair d1");
        world.chat.forge("radia", "ops", None, "!drift ignore d1 1d \"why\"");
        world.note("a webhook of radia's wants the repair, and wants it ignored");
        world.say_and_edit("radia", "ops", ("!ping", "!drift repair d1"), Edited::ByAuthor);
        let text = world.drift_says("d1");
        let lines = text.lines().filter(|line| line.contains("does not count"));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
        - does not count: console:grace, because it is not a person's account
        - does not count: console:grace, because it is not a person's account
        - does not count: console:linus, because the account was closed
        - does not count: console:linus, because the account was closed
        ");
        assert!(!world.audit().iter().any(|row| row.starts_with("request.made")));
    });
}

#[test]
fn one_person_answers_drift_once_by_whatever_account() {
    story(|world| {
        let keys = "idempotent: true\nchannel: ops\n\
                    standing: { every: 15m, targets: [development], on_drift: ask }";
        world.edit("intents/sync-motd.yaml", "idempotent: true", keys);
        world.edit("inventory/people/ken.yaml", "console: ken }", "console: [ken, ken-phone] }");
        world.executor.finds("sync-motd web-dev", "-by hand\n+declared\n", Outcome::Differs);
        world.pass("17m");
        let card = world.drift_card("d1");
        world.chat.add("ken", &card, Sign::Approve);
        world.chat.add("ken-phone", &card, Sign::Approve);
        world.note("ken reacts ✅ to d1 by both of his accounts");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        let made = world.audit().iter().filter(|row| row.starts_with("request.made")).count();
        assert_eq!(made, 1);
        assert!(!world.drift_says("d1").contains("does not count"), "{}", world.drift_says("d1"));
    });
}

#[test]
fn a_mention_of_a_strangers_account_is_nobody_whatever_it_is_called() {
    story_on_two(&[("ops", EQUAL)], |world| {
        world.matrix().rename("@mole:hs", "ada");
        for typed in [
            "!whois @ada",
            "!ban @ada, \"shared an account\" 7d",
            "!why @ada host-info on local",
            "!audit @ada",
        ] {
            world.say_on_matrix("@ken:hs", "!ops:hs", typed);
        }
        // On the console the same word is the name of the person.
        world.say("ken", "ops", "!whois @ada");
        world.matrix().rename("@mole:hs", "mole");
        world.say_on_matrix("@ken:hs", "!ops:hs", "!whois @ada");
        insta::assert_snapshot!(world.told(), @r#"
        » @ken:hs in #!ops:hs: !whois @ada
        [matrix m3 in #!ops:hs]
        Not done: nobody in the policy repo has the account `matrix:@mole:hs`, which `@ada` mentions.
        Hint: mention an account that a file of `inventory/people/` names
        » @ken:hs in #!ops:hs: !ban @ada, "shared an account" 7d
        [matrix m5 in #!ops:hs]
        Not done: nobody in the policy repo has the account `matrix:@mole:hs`, which `@ada` mentions.
        Hint: mention an account that a file of `inventory/people/` names
        » @ken:hs in #!ops:hs: !why @ada host-info on local
        [matrix m7 in #!ops:hs]
        Not done: nobody in the policy repo has the account `matrix:@mole:hs`, which `@ada` mentions.
        Hint: mention an account that a file of `inventory/people/` names
        » @ken:hs in #!ops:hs: !audit @ada
        [matrix m9 in #!ops:hs]
        Not done: nobody in the policy repo has the account `matrix:@mole:hs`, which `@ada` mentions.
        Hint: mention an account that a file of `inventory/people/` names
        » ken in #ops: !whois @ada
        [m2 in #ops]
        @ada is Ada Lovelace
        - roles: admin, operator, sre, user
        - flags: oncall
        » @ken:hs in #!ops:hs: !whois @ada
        [matrix m11 in #!ops:hs]
        @ada is Ada Lovelace
        - roles: admin, operator, sre, user
        - flags: oncall
        "#);
        assert!(world.source.drafts().is_empty());
    });
}

#[test]
fn neither_machines_nor_closed_accounts_nor_one_admin_twice_let_pass_what_is_held() {
    story(|world| {
        let admin = |path: &str| world.file(path).replace("[sre]", "[admin]");
        let grace = admin("inventory/people/grace.yaml")
            .replace("console: grace }", "console: [grace, grace-phone] }");
        let margaret = admin("inventory/people/margaret.yaml");
        let changes = [
            ("inventory/people/grace.yaml", Some(grace.as_str())),
            ("inventory/people/margaret.yaml", Some(margaret.as_str())),
        ];
        let revision = world.push("more admins", &changes);
        assert_eq!(world.accept(&revision, "three are better than one"), None);
        let held = world.edit("inventory/people/linus.yaml", "[sre]", "[admin]");
        let applied = |world: &World| world.engine().applied().unwrap().revision.clone();
        world.agree("grace");
        world.agree("grace-phone");
        world.chat.is_machine("margaret");
        world.agree("margaret");
        assert_ne!(applied(world), held, "one person, and a machine");
        let at = world.held();
        let text = world.chat.text(&at);
        world.rewrite(&at, Edited::ByOther, "policy repo: not applied: a typo in a comment");
        world.chat.add("barbara", &at, Sign::Approve);
        world.note("somebody changed what is said of it");
        assert_ne!(applied(world), held, "nobody agrees to what they could not read");
        assert!(!text.contains("a typo"));
    });
}

#[test]
fn a_rename_is_a_warning_and_nothing_else() {
    story(|world| {
        world.say("ken", "ops", "!ping");
        world.chat.rename("ken", "ken.thompson");
        world.told();
        world.say("ken", "ops", "!run host-info on local");
        assert_eq!(world.state("r1"), State::Running);
        insta::assert_snapshot!(world.engine().warnings().join("\n"), @"the account console:ken of @ken was @ken and is @ken.thompson now");
    });
}

#[test]
fn commands_are_taken_in_channels_threads_and_direct_messages_by_prefix_and_mention() {
    story(|world| {
        for text in ["!ping", "@tribune ping", "@Tribune: ping"] {
            let at = world.say("ken", "ops", text);
            world.reply("ken", &at, text);
            world.say("ken", "dm:ken", text);
        }
        let told = world.told();
        let pongs: Vec<&str> = told.lines().filter(|line| line.starts_with("[m")).collect();
        let of = |what: &str| pongs.iter().filter(|line| line.contains(what)).count();
        assert_eq!((of("in #ops"), of("in the thread of"), of("in #dm:ken")), (3, 3, 3), "{told}");
        assert_eq!(told.matches("\npong, deciding by").count(), 9);
    });
}
