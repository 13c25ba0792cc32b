//! Commands that only tell something.

use crate::world::story;

#[test]
fn help_shows_what_one_may_do() {
    story(|world| {
        world.say("barbara", "general", "!help");
        world.say("ken", "ops", "!help restart-service");
        world.say("ken", "ops", "!help run");
        world.say("ken", "ops", "!intents");
        insta::assert_snapshot!(world.told(), @r#"
        » barbara in #general: !help
        [m3 in #general]
        Commands
        - `!help [intent]` — what you may do, or how an intent is typed
        - `!intents` — every intent with its summary
        - `!run <intent> [on <target>…] [key=value …] [pr <number>]` — ask for an intent to be run
        - `!check <intent> [on <target>…] [key=value …]` — look what an intent would change, without changing it
        - `!approve <id>` — approve a request, in its thread
        - `!deny <id> [reason]` — veto a request, in its thread
        - `!cancel <id>` — end your own request
        - `!again <id>` — ask for the same once more
        - `!status [id]` — how Tribune or a request is doing
        - `!requests [mine|open]` — the latest requests
        - `!output <id>` — what a run wrote
        - `!why <id> | why @person <intent> [on <target>…] [key=value …]` — the reasons of a decision, or what a decision would be
        - `!who <id>` — who could approve a request
        - `!whoami` — how Tribune knows you
        - `!whois @person` — how Tribune knows somebody
        - `!ban @person "<reason>" <duration|permanent>` — ban somebody at once, for a day at most unless it is merged
        - `!unban @person` — lift a ban, or prepare that it is lifted
        - `!banlist` — who is banned, until when and why
        - `!audit [id] [@person] [duration]` — the latest audit entries
        - `!drift [check [intent] | <intent> | <id> | repair <id> | keep <id> | ignore <id> <duration> [reason]]` — what differs from what is declared, and what to do about it
        - `!pause <intent|all> <duration> "<reason>"` — hold an intent, or all of them, for a while
        - `!resume <intent|all>` — let an intent, or all of them, go on
        - `!reconcile` — fetch the policy repo now
        - `!login` — a link to the web page, by direct message
        - `!ping` — whether Tribune is there
        What you may ask for here (more: `!help <intent>`)
        - `disk-usage` — Show how full a file system of this machine is (read)
        - `host-info` — Show system, load and memory of this machine (read)
        - `service-status` — Show whether a service runs (read)
        - `slow-job` — Print a line every second for a while, to watch output stream (read)
        - `tail-log` — Show the last lines of a service's log (read)
        » ken in #ops: !help restart-service
        [m5 in #ops]
        restart-service — Restart a service on web or database hosts (change, risk 2)
        - on: web, db
        - in: dev — Nothing is lost here; the machine that Tribune runs on, too
        - in: prod — What customers use
        - in: staging — As production, with data that can be made again
        - `delay`: a whole number from 0 to 600, default 0 — Seconds to wait between hosts
        - `graceful`: true or false, default true — Let open connections finish first
        - `service`: nginx, app or postgres, required — Which service
        - a cited pull request bears the label `ops/restart`
        - or it is approved by 1 operator and 1 sre
        Example: `!run restart-service on web service=nginx`
        » ken in #ops: !help run
        [m7 in #ops]
        `!run <intent> [on <target>…] [key=value …] [pr <number>]` — ask for an intent to be run
        Example: `!run restart-service on web1 service=nginx`
        » ken in #ops: !intents
        [m9 in #ops]
        - `deploy-app` — Deploy a version of the app to web hosts (change)
        - `disk-usage` — Show how full a file system of this machine is (read) — asks for itself at 2026-07-01 05:32 UTC
        - `host-info` — Show system, load and memory of this machine (read)
        - `house-rules` — Keep the message of the day of this machine as this repository has it (change)
        - `restart-service` — Restart a service on web or database hosts (change)
        - `rotate-logs` — Rotate and compress the logs of a host (change)
        - `service-status` — Show whether a service runs (read)
        - `shop-site` — Keep the web server's configuration of the shop on this machine (change)
        - `slow-job` — Print a line every second for a while, to watch output stream (read)
        - `sync-motd` — Give hosts outside production the message of the day that this repository holds (change)
        - `tail-log` — Show the last lines of a service's log (read)
        - `wipe-cache` — Throw away the page cache of web hosts (destroy)
        "#);
    });
}

#[test]
fn people_are_told_as_the_policy_repo_knows_them() {
    story(|world| {
        world.say("ken", "ops", "!whoami");
        world.say("ken", "ops", "!whois @mallory");
        world.say("ken", "ops", "!whois @mallry");
        world.say("ken", "ops", "!whois @margaret");
        world.say("ken", "ops", "!banlist");
        world.say("ken", "ops", "!ping");
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !whoami
        [m3 in #ops]
        @ken is Ken Sato
        - roles: operator, user
        - flags: none
        - this account, for their file: `chat: { console: "ken" }`
        - this place: #ops on console, where requests are taken and approvals count
        » ken in #ops: !whois @mallory
        [m5 in #ops]
        @mallory is Mallory Stone
        - roles: user
        - flags: none
        - banned for good: Shared an account; talk to Ada (by @ada)
        » ken in #ops: !whois @mallry
        [m7 in #ops]
        Not done: nobody in the policy repo is called `@mallry`.
        Hint: did you mean `@mallory`?
        » ken in #ops: !whois @margaret
        [m9 in #ops]
        @margaret is Margaret Hamilton
        - roles: operator, sre, user
        - flags: release-manager
        - answers for service release-bot — Asks for deployments to dev after a build
        » ken in #ops: !banlist
        [m11 in #ops]
        - @mallory for good: Shared an account; talk to Ada — by @ada
        » ken in #ops: !ping
        [m13 in #ops]
        pong, deciding by `…`
        "#);
    });
}

#[test]
fn requests_are_told_with_their_reasons() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.told();
        world.say("ken", "ops", "!why r1");
        world.say("ken", "ops", "!who r1");
        world.say("ken", "ops", "!status r1");
        world.say("ken", "ops", "!requests open");
        world.say("ken", "ops", "!output r1");
        world.say("ken", "ops", "!why @barbara restart-service on web-dev service=nginx");
        world.say("ken", "ops", "!again r1");
        insta::assert_snapshot!(world.told(), @r#"
        » ken in #ops: !why r1
        [m6 in #ops]
        r1 <chat:ops/m3> needs approval — `!run restart-service on web-dev delay=0 graceful=true service=nginx` by @ken at 08:00:00 UTC
        - Operators may run what enough others approved: every slot of the intent is filled: not every slot is filled — `operators-approved` at policies/run.cedar:29
        - Operators may run what a merged and independently reviewed pull request with the intent's label asks for: no pull request with label ops/restart is cited — `operators-cite` at policies/run.cedar:21
        - 1 operator and 1 sre to approve with ✅ here, each a different person and none of them the requester
        - or a merged pull request labelled `ops/restart` that names exactly this command and that somebody else merged: `!run restart-service on web-dev delay=0 graceful=true service=nginx pr <number>`
        » ken in #ops: !who r1
        [m8 in #ops]
        r1 can be approved by
        - operator: @ada, @dennis, @grace, @linus, @margaret, @radia
        - sre: @ada, @grace, @linus, @margaret
        » ken in #ops: !status r1
        [m10 in #ops]
        r1 <chat:ops/m3> needs approval — `!run restart-service on web-dev delay=0 graceful=true service=nginx` by @ken at 08:00:00 UTC
        » ken in #ops: !requests open
        [m12 in #ops]
        - r1 <chat:ops/m3> needs approval — `!run restart-service on web-dev delay=0 graceful=true service=nginx` by @ken at 08:00:00 UTC
        » ken in #ops: !output r1
        [m14 in #ops]
        r1 has not run, so there is no output.
        » ken in #ops: !why @barbara restart-service on web-dev service=nginx
        [m16 in #ops]
        `!run restart-service on web-dev service=nginx` by @barbara would be denied.
        - Operators may run what enough others approved: every slot of the intent is filled: @barbara does not hold role operator — `operators-approved` at policies/run.cedar:29
        - Operators may run what a merged and independently reviewed pull request with the intent's label asks for: @barbara does not hold role operator — `operators-cite` at policies/run.cedar:21
        » ken in #ops: !again r1
        [m18 in #ops]
        r2 @ken asks for `!run restart-service on web-dev delay=0 graceful=true service=nginx`
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
        [m19 in the thread of m18]
        @ada @dennis @grace @linus @margaret @radia r2 waits for one of you: react ✅ or ❌ on the card above.
        "#);
    });
}

#[test]
fn a_sign_in_link_comes_by_direct_message_only() {
    story(|world| {
        world.say("ken", "ops", "!login");
        world.say("ken", "dm:ken", "!login");
        let told = world.told();
        let link = regex::Regex::new("/sign-in/[A-Za-z0-9_-]+").expect("a pattern");
        insta::assert_snapshot!(link.replace_all(&told, "/sign-in/…"), @r#"
        » ken in #ops: !login
        [m3 in #ops]
        A sign-in link is for you alone: ask for it in a direct message to me.
        » ken in #dm:ken: !login
        [m5 in #dm:ken]
        Sign in to the console <http://ken.localhost:8080/sign-in/…> — it works once, until 08:10:00 UTC. Give it to nobody.
        "#);
    });
}

#[test]
fn the_audit_log_is_told_to_those_who_may_see_it() {
    story(|world| {
        world.say("barbara", "general", "!run host-info");
        world.told();
        world.say("ada", "ops", "!audit r1");
        world.say("zoe", "ops", "!audit");
        insta::assert_snapshot!(world.told(), @r#"
        » ada in #ops: !audit r1
        [m5 in #ops]
        ```text
             5 08:00:00 UTC request.made r1 @barbara
             6 08:00:00 UTC request.decided r1 tribune
             7 08:00:00 UTC run.start r1 tribune
        ```
        » zoe in #ops: !audit
        [m7 in #ops]
        I do not know you: nobody in the policy repo has the account `console:zoe`. An admin can add this to a file of inventory/people/:
        ```yaml
        chat: { console: "zoe" }
        ```
        "#);
        insta::assert_snapshot!(world.audit().join("\n"), @r#"
        daemon.start
        revision.applied
        request.made r1 @barbara
        request.decided r1
        run.start r1
        "#);
    });
}

#[test]
fn the_audit_log_in_chat_leaves_out_what_one_may_not_view() {
    story(|world| {
        world.edit(
            "policies/house.cedar",
            "action == Action::\"view\", resource);",
            "action == Action::\"view\", resource)\nunless { resource is Channel && resource.private };",
        );
        world.say("ken", "prod", "!run host-info");
        world.say("ken", "ops", "!run host-info");
        world.told();
        world.say("barbara", "ops", "!audit r1");
        world.say("barbara", "ops", "!audit @ken");
        world.say("ken", "ops", "!audit r1");
        insta::assert_snapshot!(world.told(), @r"
        » barbara in #ops: !audit r1
        [m9 in #ops]
        There are no such rows.
        » barbara in #ops: !audit @ken
        [m11 in #ops]
        ```text
             9 08:00:00 UTC request.made r2 @ken
        ```
        » ken in #ops: !audit r1
        [m13 in #ops]
        ```text
             6 08:00:00 UTC request.made r1 @ken
             7 08:00:00 UTC request.decided r1 tribune
             8 08:00:00 UTC run.start r1 tribune
        ```
        ");
    });
}
