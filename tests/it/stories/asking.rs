//! Asking, and being refused before anybody else is bothered.

use tribune::domain::message::Edited;

use crate::world::story;

#[test]
fn a_stranger_is_told_how_to_become_known() {
    story(|world| {
        world.say("zoe", "ops", "!run host-info");
        world.say("zoe", "ops", "!ping");
        insta::assert_snapshot!(world.told(), @r#"
        » zoe in #ops: !run host-info
        [m3 in #ops]
        I do not know you: nobody in the policy repo has the account `console:zoe`. An admin can add this to a file of inventory/people/:
        ```yaml
        chat: { console: "zoe" }
        ```
        » zoe in #ops: !ping
        [m5 in #ops]
        pong, deciding by `…`
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn a_banned_person_hears_why_and_nothing_else() {
    story(|world| {
        world.say("mallory", "ops", "!run host-info");
        world.say("mallory", "ops", "!help");
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("mallory", "r1");
        insta::assert_snapshot!(world.told(), @r#"
        » mallory in #ops: !run host-info
        [m3 in #ops]
        You are banned for good: Shared an account; talk to Ada. Ask @ada about it.
        » mallory in #ops: !help
        [m5 in #ops]
        You are banned for good: Shared an account; talk to Ada. Ask @ada about it.
        » ken in #ops: !restart nginx on web-dev
        [m7 in #ops]
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
        [m8 in the thread of m7]
        @ada @dennis @grace @linus @margaret @radia r1 waits for one of you: react ✅ or ❌ on the card above.
        » mallory reacts ✅ to r1
        [m7 in #ops]
        …
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        - does not count: @mallory, because they are banned
        Evidence must be here by 08:30:00 UTC.
        "#);
        assert!(world.audit().contains(&"ban.refused @mallory".to_owned()));
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn commands_that_do_not_hold_say_what_to_type_instead() {
    story(|world| {
        for text in [
            "!rnu host-info",
            "!run host-inf",
            "!run restart-service on web-dev",
            "!run restart-service on web-dev service=ngnix delay=soon",
            "!run restart-service on web-dev service=nginx dealy=5",
            "!run restart-service service=nginx",
            "!run restart-service on web-dve service=nginx",
            "!run restart-service on local service=nginx",
            "!run deploy-app on web-dev release=latest",
            "!run tail-log on web-dev service=nginx match=-rf",
            "!check host-info",
            "!adduser @zoe user",
            "!approve r99",
        ] {
            world.say("ken", "ops", text);
        }
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !rnu host-info
        [m3 in #ops]
        Not done: there is no command `!rnu`.
        Hint: did you mean `!run`? `!help` lists what you may do
        » ken in #ops: !run host-inf
        [m5 in #ops]
        Not done: there is no intent `host-inf`.
        Hint: did you mean `host-info`? `!help host-info` shows how it is typed
        » ken in #ops: !run restart-service on web-dev
        [m7 in #ops]
        Not done: service is missing: add service=<nginx|app|postgres>.
        Hint: `!help restart-service` shows its parameters
        » ken in #ops: !run restart-service on web-dev service=ngnix delay=soon
        [m9 in #ops]
        Not done: delay: "soon" is not a whole number, such as 5 or -5; service: "ngnix" is not one of the values allowed; did you mean `nginx`?
        Hint: `!help restart-service` shows its parameters
        » ken in #ops: !run restart-service on web-dev service=nginx dealy=5
        [m11 in #ops]
        Not done: restart-service has no parameter dealy: did you mean delay?
        Hint: `!help restart-service` shows its parameters
        » ken in #ops: !run restart-service service=nginx
        [m13 in #ops]
        Not done: say on what: restart-service acts on web, db.
        Hint: type `!run restart-service on web service=nginx`
        » ken in #ops: !run restart-service on web-dve service=nginx
        [m15 in #ops]
        Not done: restart-service does not act on web-dve; it acts on web, db.
        Hint: did you mean `web-dev`?
        » ken in #ops: !run restart-service on local service=nginx
        [m17 in #ops]
        Not done: restart-service does not act on local; it acts on web, db.
        Hint: `!help restart-service` shows its targets
        » ken in #ops: !run deploy-app on web-dev release=latest
        [m19 in #ops]
        Not done: release: "latest" does not match the pattern `v[0-9]+\.[0-9]+\.[0-9]+`.
        Hint: `!help deploy-app` shows its parameters
        » ken in #ops: !run tail-log on web-dev service=nginx match=-rf
        [m21 in #ops]
        Not done: match: "-rf" begins with `-`, which a program could take for an option.
        Hint: `!help tail-log` shows its parameters
        » ken in #ops: !check host-info
        [m23 in #ops]
        Not done: host-info cannot be checked: it has no check.
        Hint: `!run host-info` acts; there is no way to look first
        » ken in #ops: !adduser @zoe user
        [m25 in #ops]
        Not done: `!adduser` is not there yet.
        Hint: propose it by pull request: add a file to `inventory/people/`
        » ken in #ops: !approve r99
        [m27 in #ops]
        Not done: there is no request r99.
        Hint: `!requests` lists the latest
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn a_user_is_denied_and_told_why_and_who_could() {
    story(|world| {
        world.say("barbara", "ops", "!restart nginx on web-dev");
        insta::assert_snapshot!(world.told(), @r#"
        » barbara in #ops: !restart nginx on web-dev
        [m3 in #ops]
        r1 @barbara asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - digest: `…`
        ---
        denied — policy says no
        - Operators may run what enough others approved: every slot of the intent is filled: @barbara does not hold role operator — `operators-approved` at policies/run.cedar:29
        - Operators may run what a merged and independently reviewed pull request with the intent's label asks for: @barbara does not hold role operator — `operators-cite` at policies/run.cedar:21
        - could ask for this: operator: @ada, @dennis, @grace, @ken, @linus, @margaret, @radia
        [m4 in #dm:barbara]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — denied: policy says no (08:00:00 UTC)
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn production_is_changed_only_from_its_channel() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web01");
        world.say("ken", "ops", "!restart nginx on web-dev web01");
        world.say("ken", "prod", "!restart nginx on web01");
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !restart nginx on web01
        [m3 in #ops]
        r1 @ken asks for `!run restart-service on web01 delay=0 graceful=true service=nginx`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web01
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - digest: `…`
        ---
        denied — policy says no
        - Production, when asked for in chat, only from its own channel — `prod-from-its-channel` at policies/run.cedar:36
        [m4 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web01 delay=0 graceful=true service=nginx` — denied: policy says no (08:00:00 UTC)
        » ken in #ops: !restart nginx on web-dev web01
        [m6 in #ops]
        r2 @ken asks for `!run restart-service on web-dev web01 delay=0 graceful=true service=nginx`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web-dev, web01
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - digest: `…`
        ---
        denied — policy says no
        - Production, when asked for in chat, only from its own channel — `prod-from-its-channel` at policies/run.cedar:36
        [m7 in #dm:ken]
        r2 <chat:ops/m6> `!run restart-service on web-dev web01 delay=0 graceful=true service=nginx` — denied: policy says no (08:00:00 UTC)
        » ken in #prod: !restart nginx on web01
        [m9 in #prod]
        r3 @ken asks for `!run restart-service on web01 delay=0 graceful=true service=nginx`
        - what: restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web01
        - arguments: `delay=0` `graceful=true` `service=nginx`
        - digest: `…`
        ---
        needs approval
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web01 delay=0 graceful=true service=nginx pr <number>`
        - could approve: operator: @ada, @dennis, @grace, @linus, @margaret, @radia; sre: @ada, @grace, @linus, @margaret
        Evidence must be here by 08:30:00 UTC.
        [m10 in the thread of m9]
        @ada @dennis @grace @linus @margaret @radia r3 waits for one of you: react ✅ or ❌ on the card above.
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn a_channel_takes_only_what_it_is_for() {
    story(|world| {
        world.say("ken", "general", "!restart nginx on web-dev");
        world.say("ken", "lobby", "!run host-info");
        world.say("ken", "dm:ken", "!restart nginx on web-dev");
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #general: !restart nginx on web-dev
        [m3 in #general]
        Not done: change intents are not asked for in #general.
        Hint: ask in another channel: `!help` there shows more
        » ken in #lobby: !run host-info
        [m5 in #lobby]
        This channel is not in the policy repo, so nothing is done here. Its id is `console: lobby`; an admin can add it to inventory/channels.yaml.
        » ken in #dm:ken: !restart nginx on web-dev
        [m7 in #dm:ken]
        Not done: restart-service takes approvals, and nobody can approve in a direct message.
        Hint: ask in a channel where people can see it
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn reading_needs_nobody() {
    story(|world| {
        world.say("barbara", "general", "!run host-info");
        insta::assert_snapshot!(world.told(), @r#"
        » barbara in #general: !run host-info
        [m3 in #general]
        r1 @barbara asks for `!run host-info on local`
        - what: host-info — Show system, load and memory of this machine (read, risk 0)
        - on: local
        - digest: `…`
        ---
        running
        "#);
        assert_eq!(world.executor.ran(), ["playbooks/scripts/host-info.sh"]);
    });
}

#[test]
fn what_is_no_command_does_nothing() {
    story(|world| {
        world.say("ken", "ops", "> !run host-info");
        world.say("ken", "ops", "try `!run host-info` one day\n```\n!run host-info\n```");
        world.chat.is_machine("bridge");
        world.say("bridge", "ops", "!run host-info");
        world.chat.set_down(true);
        let at = world.chat.write("ken", "ops", "good morning");
        world.chat.rewrite(&at, Edited::ByAuthor, "!run host-info");
        let at = world.chat.write("ken", "ops", "!run host-info");
        world.chat.delete(&at);
        world.chat.set_down(false);
        world.pass("5s");
        insta::assert_snapshot!(world.told(), @r"
        » ken in #ops: > !run host-info
        » ken in #ops: try `!run host-info` one day
        ```
        !run host-info
        ```
        » bridge in #ops: !run host-info
        » 5s pass
        [m7 in #ops]
        Not done: this message was edited before I read it.
        Hint: send it once more, as a new message
        ");
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn nobody_who_may_not_see_it_reads_a_request() {
    story(|world| {
        world.say("ken", "dm:ken", "!run host-info");
        world.say("barbara", "general", "!output r1");
        world.say("ken", "general", "!status r1");
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #dm:ken: !run host-info
        [m3 in #dm:ken]
        r1 @ken asks for `!run host-info on local`
        - what: host-info — Show system, load and memory of this machine (read, risk 0)
        - on: local
        - digest: `…`
        ---
        running
        » barbara in #general: !output r1
        [m5 in #general]
        You may not see r1: policy does not let you view where it was asked.
        » ken in #general: !status r1
        [m7 in #general]
        r1 <chat:dm:ken/m3> running — `!run host-info on local` by @ken at 08:00:00 UTC
        "#);
        assert!(world.audit().contains(&"view.denied r1 @barbara".to_owned()));
    });
}
