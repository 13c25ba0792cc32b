//! Banning in chat: what binds at once, how it ends, and what is refused.

use tribune::domain::request::State;
use tribune::engine::host;
use tribune::ports::store::Change;

use crate::world::{World, story};

#[track_caller]
fn says(world: &mut World, words: &[&str]) {
    let told = world.told();
    for word in words {
        assert!(told.contains(word), "nobody said {word:?}:\n{told}");
    }
}

/// Ada merges the branch that Tribune prepared as the `nth`.
fn merge_branch(world: &mut World, nth: usize) {
    let draft = world.source.drafts()[nth].clone();
    let files: Vec<(String, Option<String>)> = draft
        .files
        .iter()
        .map(|(path, content)| {
            let text = content.as_ref().map(|bytes| String::from_utf8(bytes.clone()).unwrap());
            (path.to_string(), text)
        })
        .collect();
    let files: Vec<(&str, Option<&str>)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_deref())).collect();
    world.push(&format!("merge {}", draft.branch), &files);
}

/// Returns how the post about the ban on somebody stands.
fn post_on(world: &World, subject: &str) -> String {
    let everything = world.chat.everything();
    let start = format!("@{subject} ");
    let about = everything.iter().rev().find(|it| {
        let text = &it.message.text;
        text.starts_with(&start) && text.contains("banned")
    });
    about.expect("a post about the ban").message.text.clone()
}

fn ban_rows(world: &World) -> Vec<String> {
    world.audit().into_iter().filter(|row| row.starts_with("ban.")).collect()
}

#[test]
fn a_ban_binds_at_once_and_waits_for_its_merge() {
    story(|world| {
        world.say("ken", "general", "!ban @barbara \"shared an account\" 7d");
        world.say("barbara", "general", "!run disk-usage on local");
        world.say("radia", "general", "!banlist");
        world.say("radia", "general", "!whois @barbara");
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #general: !ban @barbara "shared an account" 7d
        [m3 in #general]
        Done: @barbara is banned provisionally, until 2026-06-02 08:00 UTC; it holds until 2026-06-08 08:00 UTC once its branch is merged.
        [m4 in #ops]
        @barbara is banned provisionally by @ken until 2026-06-02 08:00 UTC: shared an account
        - it holds until 2026-06-08 08:00 UTC once inventory/bans/2026-06-01-barbara.yaml is merged: in a clone of the policy repo run `git fetch /state/mirror tribune/ban-2026-06-01-barbara` and `git merge --no-ff FETCH_HEAD`
        - `!unban @barbara` lifts it: for who asked for it, or an admin
        » barbara in #general: !run disk-usage on local
        [m6 in #general]
        You are banned provisionally until 2026-06-02 08:00 UTC: shared an account. Ask @ken about it.
        » radia in #general: !banlist
        [m8 in #general]
        - @mallory for good: Shared an account; talk to Ada — by @ada
        - @barbara provisionally until 2026-06-02 08:00 UTC: shared an account — by @ken
        » radia in #general: !whois @barbara
        [m10 in #general]
        @barbara is Barbara Liskov
        - roles: user
        - flags: none
        - banned provisionally until 2026-06-02 08:00 UTC: shared an account (by @ken)
        "#);
        let drafts = world.source.drafts();
        assert_eq!(drafts.len(), 1);
        assert_eq!(drafts[0].branch, "tribune/ban-2026-06-01-barbara");
        assert_eq!(drafts[0].message, "ban barbara\n\nshared an account\n\nRequested-by: ken\n");
        let (path, content) = drafts[0].files.iter().next().unwrap();
        assert_eq!(path.as_str(), "inventory/bans/2026-06-01-barbara.yaml");
        insta::assert_snapshot!(
            String::from_utf8(content.clone().unwrap()).unwrap(),
            @r#"
        version: 1
        person: barbara
        by: ken
        reason: "shared an account"
        until: 2026-06-08T08:00:00Z
        "#
        );
        assert_eq!(ban_rows(world), ["ban.set @ken", "ban.prepared", "ban.refused @barbara"]);
    });
}

#[test]
fn merged_it_is_lasting_and_the_file_alone_counts() {
    story(|world| {
        world.say("grace", "ops", "!ban @ken \"left the team\" permanent");
        assert!(
            post_on(world, "ken")
                .contains("for good once inventory/bans/2026-06-01-ken.yaml is merged: ")
        );
        merge_branch(world, 0);
        let post = post_on(world, "ken");
        assert!(
            post.contains("Lasting: inventory/bans/2026-06-01-ken.yaml says so since revision"),
            "{post}"
        );
        world.pass("25h");
        world.told();
        world.say("ken", "ops", "!ping");
        says(world, &["You are banned for good: left the team. Ask @grace about it."]);
        assert_eq!(ban_rows(world)[..3], ["ban.set @grace", "ban.prepared", "ban.end"]);
    });
}

#[test]
fn what_is_not_merged_within_a_day_lapses() {
    story(|world| {
        world.say("ken", "ops", "!ban @barbara \"shared an account\" 7d");
        world.pass("23h");
        world.say("barbara", "general", "!ping");
        says(world, &["You are banned provisionally until 2026-06-02 08:00 UTC"]);
        world.pass("1h");
        let post = post_on(world, "barbara");
        assert!(
            post.contains("Lapsed at 2026-06-02 08:00 UTC: nobody merged inventory/bans/"),
            "{post}"
        );
        world.say("barbara", "general", "!ping");
        says(world, &["pong"]);
        // A late merge binds as any merge does.
        merge_branch(world, 0);
        world.told();
        world.say("barbara", "general", "!ping");
        says(world, &["You are banned until 2026-06-08 08:00 UTC: shared an account."]);
    });
}

#[test]
fn one_that_was_asked_for_a_short_while_is_simply_over() {
    story(|world| {
        world.say("ken", "ops", "!ban @barbara calm down for a bit 30m");
        world.pass("30m");
        let post = post_on(world, "barbara");
        assert!(post.contains("calm down for a bit. Over since 2026-06-01 08:30 UTC."), "{post}");
        world.say("barbara", "general", "!ping");
        says(world, &["pong"]);
    });
}

#[test]
fn its_issuer_or_an_admin_lifts_it_and_nobody_else() {
    story(|world| {
        world.say("ken", "ops", "!ban @barbara \"shared an account\" 7d");
        world.told();
        for (who, why) in [
            ("barbara", "You are banned provisionally until"),
            ("radia", "@radia did not ask for this ban"),
            ("grace", "@grace does not hold role admin"),
        ] {
            world.say(who, "general", "!unban @barbara");
            says(world, &[why]);
        }
        world.say("ken", "general", "!unban @barbara");
        says(world, &["Done: the ban on @barbara", "is lifted."]);
        let post = post_on(world, "barbara");
        assert!(
            post.contains(
                "Lifted by @ken at 08:00:00 UTC; do not merge `tribune/ban-2026-06-01-barbara`"
            ),
            "{post}"
        );
        world.say("barbara", "general", "!ping");
        says(world, &["pong"]);
        world.say("ken", "general", "!unban @barbara");
        says(world, &["@barbara is not banned."]);
        world.say("radia", "ops", "!ban @edsger \"shared an account\" 7d");
        world.say("ada", "ops", "!unban @edsger");
        world.told();
        world.say("edsger", "general", "!ping");
        says(world, &["pong"]);
        let rows = ban_rows(world);
        for row in ["ban.denied @radia", "ban.denied @grace", "ban.end @ken", "ban.end @ada"] {
            assert!(rows.contains(&row.to_owned()), "{row}: {rows:?}");
        }
    });
}

#[test]
fn who_may_not_be_banned_is_said_with_the_reason() {
    story(|world| {
        world.say("ken", "general", "!ban @mallory \"again\" 7d");
        world.say("ken", "general", "!ban @ken \"a rest\" 7d");
        world.say("ken", "general", "!ban @grace \"too strict\" 7d");
        world.say("ken", "general", "!ban @radia \"too strict\" 7d");
        world.say("barbara", "general", "!ban @edsger \"no\" 7d");
        world.say("ken", "general", "!ban release-bot \"noisy\" 7d");
        world.say("ken", "general", "!ban @nobody \"noisy\" 7d");
        world.say("ken", "general", "!ban @barbara 7d");
        world.say("ken", "general", "!ban @barbara \"shared an account\"");
        world.say("ken", "general", "!ban @barbara \"shared an account\" soon");
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #general: !ban @mallory "again" 7d
        [m3 in #general]
        Not done: @mallory is banned already.
        Hint: for good, by @ada: Shared an account; talk to Ada; `!banlist` lists who is
        » ken in #general: !ban @ken "a rest" 7d
        [m5 in #general]
        Not done: nobody bans themselves.
        Hint: to take a rest from operations, ask an admin
        » ken in #general: !ban @grace "too strict" 7d
        [m7 in #general]
        Policy says no.
        - Operators and above ban people of strictly lower roles only: not every role of @grace lies below one of @ken's — `ban-below` at policies/bans.cedar:16
        - Admins may, also for a second time within a week: @ken does not hold role admin and not every role of @grace lies below one of @ken's — `ban-again` at policies/bans.cedar:21
        » ken in #general: !ban @radia "too strict" 7d
        [m9 in #general]
        Policy says no.
        - Operators and above ban people of strictly lower roles only: not every role of @radia lies below one of @ken's — `ban-below` at policies/bans.cedar:16
        - Admins may, also for a second time within a week: @ken does not hold role admin and not every role of @radia lies below one of @ken's — `ban-again` at policies/bans.cedar:21
        » barbara in #general: !ban @edsger "no" 7d
        [m11 in #general]
        Policy says no.
        - Admins may, also for a second time within a week: @barbara does not hold role admin and not every role of @edsger lies below one of @barbara's — `ban-again` at policies/bans.cedar:21
        - Operators and above ban people of strictly lower roles only: @barbara does not hold role operator and not every role of @edsger lies below one of @barbara's — `ban-below` at policies/bans.cedar:16
        » ken in #general: !ban release-bot "noisy" 7d
        [m13 in #general]
        Not done: `release-bot` does not name a person.
        Hint: type `!ban @person "<reason>" <duration|permanent>`, such as `!ban @bob "shared an account" 7d`; a service is banned by a file of `inventory/bans/`, and stops at once when its owner is banned
        » ken in #general: !ban @nobody "noisy" 7d
        [m15 in #general]
        Not done: nobody in the policy repo is called `@nobody`.
        Hint: people are the files of `inventory/people/`; write them as `@ada`
        » ken in #general: !ban @barbara 7d
        [m17 in #general]
        Not done: `!ban` does not say why.
        Hint: type `!ban @person "<reason>" <duration|permanent>`, such as `!ban @bob "shared an account" 7d`
        » ken in #general: !ban @barbara "shared an account"
        [m19 in #general]
        Not done: a duration is missing: write it as 90s, 30m, 24h, 7d, 2w or 1h30m.
        Hint: type `!ban @person "<reason>" <duration|permanent>`, such as `!ban @bob "shared an account" 7d`
        » ken in #general: !ban @barbara "shared an account" soon
        [m21 in #general]
        Not done: "soon" is not a duration: write it as 90s, 30m, 24h, 7d, 2w or 1h30m.
        Hint: type `!ban @person "<reason>" <duration|permanent>`, such as `!ban @bob "shared an account" 7d`
        "#);
        assert!(world.source.drafts().is_empty());
        assert_eq!(ban_rows(world).iter().filter(|row| *row == "ban.set @ken").count(), 0);
    });
}

#[test]
fn somebody_banned_provisionally_is_not_banned_twice() {
    story(|world| {
        world.say("ken", "ops", "!ban @barbara \"shared an account\" 7d");
        world.told();
        world.say("grace", "general", "!ban @barbara \"me too\" 7d");
        says(
            world,
            &[
                "Not done: @barbara is banned already.",
                "provisionally until 2026-06-02 08:00 UTC, by @ken: shared an account",
            ],
        );
    });
}

#[test]
fn a_second_ban_within_a_week_is_for_admins() {
    story(|world| {
        world.say("ken", "ops", "!ban @barbara \"shared an account\" 1h");
        world.say("ken", "ops", "!unban @barbara");
        world.told();
        world.say("ken", "general", "!ban @barbara \"once more\" 1h");
        says(
            world,
            &["Policy says no.", "@barbara was banned in chat at 2026-06-01 08:00 UTC by @ken"],
        );
        world.say("ada", "general", "!ban @barbara \"once more\" 1h");
        says(world, &["@barbara is banned provisionally by @ada until 2026-06-01 09:00 UTC"]);
        assert_eq!(world.source.drafts()[1].branch, "tribune/ban-2026-06-01-barbara-2");
        world.say("ada", "ops", "!unban @barbara");
        world.pass("7d");
        world.told();
        world.say("ken", "general", "!ban @barbara \"a week later\" 1h");
        says(world, &["@barbara is banned provisionally by @ken until 2026-06-08 09:00 UTC"]);
    });
}

#[test]
fn three_at_once_are_the_most_that_one_person_may() {
    story(|world| {
        for subject in ["barbara", "edsger", "ken"] {
            world.say("grace", "ops", &format!("!ban @{subject} \"an incident\" 1h"));
        }
        world.told();
        world.say("grace", "general", "!ban @radia \"an incident\" 1h");
        says(
            world,
            &[
                "Not done: you have 3 provisional bans in force, the most that one person may.",
                "merge or `!unban` one of @barbara, @edsger and @ken",
            ],
        );
        world.say("linus", "ops", "!ban @radia \"an incident\" 1h");
        world.say("grace", "ops", "!unban @ken");
        world.told();
        world.say("grace", "general", "!ban @dennis \"an incident\" 1h");
        says(world, &["@dennis is banned provisionally by @grace"]);
    });
}

#[test]
fn open_requests_end_and_approvals_no_longer_count() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("radia", "r1");
        world.say("radia", "ops", "!restart nginx on web-dev");
        world.told();
        world.say("grace", "ops", "!ban @radia \"an incident\" 1h");
        assert_eq!((world.state("r1"), world.state("r2")), (State::NeedsApproval, State::Denied));
        world.approve("linus", "r1");
        assert_eq!(world.state("r1"), State::NeedsApproval, "the operator's slot is empty again");
        world.approve("dennis", "r1");
        assert_eq!(world.state("r1"), State::Running);
        // An approval that is given while banned counts as little.
        world.say("ken", "ops", "!restart nginx on web-staging");
        world.approve("radia", "r3");
        world.approve("linus", "r3");
        assert_eq!(world.state("r3"), State::NeedsApproval);
        world.say("grace", "ops", "!unban @radia");
        assert_eq!(world.state("r3"), State::Running, "the reaction is there still");
    });
}

#[test]
fn a_veto_that_was_given_before_stays_in_force() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.veto("radia", "r1");
        assert_eq!(world.state("r1"), State::Vetoed);
        world.say("grace", "ops", "!ban @radia \"an incident\" 1h");
        assert_eq!(world.state("r1"), State::Vetoed);
    });
}

#[test]
fn sessions_end_at_once_and_no_link_is_given() {
    story(|world| {
        let barbara = "barbara".parse().unwrap();
        let signed_in = |world: &World, cookie: &str| {
            let sessions = world.engine().sessions();
            world.wait(sessions.session(cookie, "here")).expect("the store works").is_some()
        };
        let issued = world.wait(world.engine().sessions().issue_token(&barbara)).unwrap();
        let cookie = world.wait(world.engine().sessions().sign_in(&issued.token, "here")).unwrap();
        assert!(signed_in(world, &cookie));
        world.say("ken", "ops", "!ban @barbara \"shared an account\" 7d");
        assert!(!signed_in(world, &cookie));
        let refused = world.wait(world.engine().sessions().issue_token(&barbara)).unwrap_err();
        assert!(refused.to_string().starts_with("barbara is banned until"), "{refused}");
        world.say("ken", "ops", "!unban @barbara");
        assert!(!signed_in(world, &cookie), "what ended stays ended");
    });
}

#[test]
fn a_ban_of_the_policy_repo_is_lifted_by_merge_alone() {
    story(|world| {
        world.say("barbara", "general", "!unban @mallory");
        says(world, &["Policy says no.", "@barbara does not hold role operator"]);
        world.say("ken", "general", "!unban @mallory");
        says(
            world,
            &[
                "@mallory is banned by inventory/bans/mallory.yaml, which chat cannot lift.",
                "`git fetch /state/mirror tribune/unban-mallory`",
                "It takes effect when it is merged, and not before.",
            ],
        );
        world.say("mallory", "general", "!ping");
        says(world, &["You are banned for good"]);
        let draft = &world.source.drafts()[0];
        assert_eq!(draft.message, "lift the ban on mallory\n\nRequested-by: ken\n");
        merge_branch(world, 0);
        world.told();
        world.say("mallory", "general", "!ping");
        says(world, &["pong"]);
        world.say("ken", "general", "!unban @mallory");
        says(world, &["@mallory is not banned."]);
        world.source.set_broken(true);
        world.say("ken", "ops", "!unban @dennis");
        says(world, &["@dennis is not banned."]);
    });
}

#[test]
fn a_branch_that_cannot_be_prepared_is_told_and_nothing_is_lifted() {
    story(|world| {
        world.source.set_broken(true);
        world.say("ken", "general", "!unban @mallory");
        says(
            world,
            &[
                "Not done: the mirror of the policy repo takes no branch now.",
                "remove inventory/bans/mallory.yaml by pull request",
            ],
        );
        world.say("mallory", "general", "!ping");
        says(world, &["You are banned for good"]);
    });
}

#[test]
fn a_ban_survives_a_kill_and_its_branch_is_prepared_afterwards() {
    story(|world| {
        world.source.set_broken(true);
        world.say("ken", "ops", "!ban @barbara \"shared an account\" 7d");
        says(world, &["until 2026-06-08 08:00 UTC once inventory/bans/", "is being prepared"]);
        world.kill();
        world.start_again();
        world.say("barbara", "general", "!ping");
        says(world, &["You are banned provisionally until 2026-06-02 08:00 UTC"]);
        assert!(world.source.drafts().is_empty());
        world.source.set_broken(false);
        world.pass("1m");
        assert_eq!(world.source.drafts().len(), 1);
        assert!(
            post_on(world, "barbara")
                .contains("`git fetch /state/mirror tribune/ban-2026-06-01-barbara`")
        );
        // It lapses by the clock while nobody is there.
        world.kill();
        world.clock.pass(jiff::SignedDuration::from_hours(24));
        world.start_again();
        assert!(post_on(world, "barbara").contains("Lapsed at 2026-06-02 08:00 UTC"));
        world.told();
        world.say("barbara", "general", "!ping");
        says(world, &["pong"]);
    });
}

#[test]
fn the_host_has_a_way_out() {
    story(|world| {
        world.say("ken", "ops", "!ban @barbara \"shared an account\" 7d");
        let engine = std::sync::Arc::clone(world.engine());
        let barbara = "barbara".parse().unwrap();
        let by = host::principal(0);
        let lifted = world.wait(async {
            engine.note_host_command(0, "unban @barbara", serde_json::Value::Null).await?;
            engine.lift_ban(&barbara, &by, Some("a mistake"), |_| Change::default()).await
        });
        assert!(lifted.unwrap().is_some());
        world.note("unban @barbara on the host");
        says(world, &["on the host, uid 0: `tribune unban @barbara`", "Lifted by service host:0"]);
        assert!(ban_rows(world).contains(&"ban.end service host:0".to_owned()));
        world.say("barbara", "general", "!ping");
        says(world, &["pong"]);
    });
}

#[test]
fn status_tells_of_provisional_bans() {
    story(|world| {
        world.say("ken", "ops", "!ban @barbara \"shared an account\" 7d");
        world.told();
        world.say("ken", "ops", "!status");
        says(
            world,
            &[
                "banned: @barbara provisionally until 2026-06-02 08:00 UTC by @ken: shared an account",
            ],
        );
    });
}
