//! The policy repo: what a push changes, what is refused, and what goes on deciding.

use tribune::domain::request::State;

use crate::world::story;

const BAN: &str = "version: 1\nperson: ken\nby: ada\nreason: Lost a laptop\n";

#[test]
fn a_merged_ban_ends_what_its_subject_asked_for() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("radia", "r1");
        world.told();
        world.push("ban ken", &[("inventory/bans/ken.yaml", Some(BAN))]);
        world.approve("grace", "r1");
        insta::assert_snapshot!(world.told(), @r#"
        » a push: ban ken
        [m3 in #ops]
        …
        denied — policy says no
        - @ken is banned for good: Lost a laptop. Ask @ada about it.
        [m5 in #ops]
        policy repo: now in force `…` “ban ken” by ada (before: …)
        - @ken is banned permanently by @ada: Lost a laptop
        [m6 in the thread of m5]
        ```diff
        --- /dev/null
        +++ b/inventory/bans/ken.yaml
        @@ -0,0 +1,4 @@
        +version: 1
        +person: ken
        +by: ada
        +reason: Lost a laptop
        ```
        [m7 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — denied: You are banned for good: Lost a laptop. Ask @ada about it. (08:00:00 UTC)
        » grace reacts ✅ to r1
        "#);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn a_ban_takes_an_approval_away() {
    story(|world| {
        world.say("radia", "ops", "!restart nginx on web-dev");
        world.approve("ken", "r1");
        world.push("ban ken", &[("inventory/bans/ken.yaml", Some(BAN))]);
        world.approve("grace", "r1");
        assert_eq!(world.state("r1"), State::NeedsApproval);
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn names_on_a_card_are_those_of_the_policy_that_decides_now() {
    const REST: &str = "@id(\"rest\")\n@reason(\"Radia rests this week\")\n\
        forbid (principal == Person::\"radia\", action == Action::\"approve\", resource);\n";
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("grace", "r1");
        world.approve("dennis", "r1");
        world.say("ken", "ops", "!restart nginx on web-staging");
        let told = world.told();
        let all = "operator: @ada, @dennis, @grace, @linus, @margaret, @radia;";
        assert!(told.contains(all), "{told}");
        // The request itself does not change by it, only who is named.
        world.push("radia rests", &[("policies/rest.cedar", Some(REST))]);
        let told = world.told();
        assert!(told.contains("operator: @ada, @dennis, @grace, @linus, @margaret;"), "{told}");
        assert_eq!(told.matches("could approve").count(), 1, "{told}");
        world.edit("inventory/people/edsger.yaml", "roles: [user]", "roles: [operator]");
        let told = world.told();
        let now = "operator: @ada, @dennis, @edsger, @grace, @linus, @margaret;";
        assert!(told.contains(now), "{told}");
        world.push("radia is back", &[("policies/rest.cedar", None)]);
        assert!(!world.told().contains("@radia"), "a forbid that goes waits for two admins");
    });
}

#[test]
fn a_lost_role_bites_at_once() {
    story(|world| {
        world.say("ken", "ops", "!restart nginx on web-dev");
        world.approve("radia", "r1");
        world.told();
        world.edit("inventory/people/ken.yaml", "[operator]", "[user]");
        insta::assert_snapshot!(world.told(), @r#"
        » a push: change inventory/people/ken.yaml
        [m3 in #ops]
        …
        denied — policy says no
        - Operators may run what enough others approved: every slot of the intent is filled: @ken does not hold role operator — `operators-approved` at policies/run.cedar:29
        - Operators may run what a merged and independently reviewed pull request with the intent's label asks for: @ken does not hold role operator — `operators-cite` at policies/run.cedar:21
        - could ask for this: operator: @ada, @dennis, @grace, @linus, @margaret, @radia
        - approved by @radia
        [m5 in #ops]
        policy repo: now in force `…` “change inventory/people/ken.yaml” by ada (before: …)
        - @ken gained role user; lost role operator
        [m6 in the thread of m5]
        ```diff
        --- a/inventory/people/ken.yaml
        +++ b/inventory/people/ken.yaml
        @@ -1,6 +1,6 @@
         version: 1
         name: Ken Sato
        -roles: [operator]
        +roles: [user]
         chat: { console: ken }
         forge: { local: ken@example.org }
         signing_keys:
        ```
        [m7 in #dm:ken]
        r1 <chat:ops/m3> `!run restart-service on web-dev delay=0 graceful=true service=nginx` — denied: policy says no (08:00:00 UTC)
        "#);
        assert_eq!(world.state("r1"), State::Denied);
    });
}

#[test]
fn an_intent_that_is_gone_ends_its_requests() {
    story(|world| {
        world.say("ken", "ops", "!run rotate-logs on web-dev");
        world.told();
        world.push("no more rotating", &[("intents/rotate-logs.yaml", None)]);
        insta::assert_snapshot!(world.told(), @r#"
        » a push: no more rotating
        [m3 in #ops]
        …
        denied — there is no intent rotate-logs any more
        [m4 in #ops]
        policy repo: now in force `…` “no more rotating” by ada (before: …)
        - intent `rotate-logs` was removed
        [m5 in the thread of m4]
        ```diff
        --- a/intents/rotate-logs.yaml
        +++ /dev/null
        @@ -1,14 +0,0 @@
        -version: 1
        -intent: rotate-logs
        -summary: Rotate and compress the logs of a host
        -category: change
        -risk: 1
        -targets: [web, db]
        -label: ops/logs
        -cite: { within: 14d, uses: 3 }
        -approval:
        -  slots: [{ role: operator }]
        -  collect: 2h
        -  notify: nobody
        -run: { argv: [playbooks/scripts/rotate-logs.sh, "{target}"] }
        -idempotent: true
        ```
        [m6 in #dm:ken]
        r1 <chat:ops/m3> `!run rotate-logs on web-dev` — denied: there is no intent rotate-logs any more (08:00:00 UTC)
        "#);
        assert!(world.state("r1").is_final());
    });
}

#[test]
fn a_broken_push_is_not_applied_and_the_old_rules_decide_until_it_is_fixed() {
    story(|world| {
        let good = world.file("policies/run.cedar");
        let bad = good.replace("Role::\"operator\"", "Role::\"operater\"");
        world.push("break it", &[("policies/run.cedar", Some(&bad))]);
        world.say("barbara", "general", "!run host-info");
        assert_eq!(world.executor.given().len(), 1);
        world.push("break it more", &[("intents/host-info.yaml", Some("version: 1\n"))]);
        world.told();
        let fixed = format!("{good}\n");
        let intent = world.file("intents/host-info.yaml");
        assert_eq!(intent, "version: 1\n");
        world.kill();
        world.start_again();
        world.say("barbara", "general", "!status");
        world.push(
            "fix it",
            &[
                ("policies/run.cedar", Some(&fixed)),
                ("intents/host-info.yaml", Some(include_str!("../../../intents/host-info.yaml"))),
            ],
        );
        insta::assert_snapshot!(world.told(), @r#"
        » the daemon is started again
        [m4 in #general]
        …
        interrupted — Tribune stopped while it ran; nothing of it is left running, and it is not tried again
        [m5 in #dm:barbara]
        r1 <chat:general/m4> `!run host-info on local` — interrupted: Tribune stopped while it ran; nothing of it is left running, and it is not tried again (08:00:00 UTC)
        [m6 in the thread of m4]
        r1.1 was interrupted: Tribune stopped while it ran; nothing of it is left running at 08:00:00 UTC
        It printed nothing.
        » barbara in #general: !status
        [m8 in #general]
        - deciding by `…`
        - seen and not applied: `…`
        - trouble: it has a problem
        - 0 requests wait, 0 run
        - 1 target of standing intents: 1 in sync
        - scheduled: disk-usage next at 2026-07-01 05:32 UTC (30 7 1 * * Europe/Berlin)
        - up since 2026-06-01 08:00 UTC
        » a push: fix it
        [m2 in #ops]
        policy repo: cleared by `…`. Before, `…` was not applied: it has a problem
        [m9 in #ops]
        policy repo: now in force `…` “fix it” by ada (before: …)
        No permission, intent or person changes by it.
        [m10 in the thread of m9]
        ```diff
        --- a/policies/run.cedar
        +++ b/policies/run.cedar
        @@ -61,3 +61,4 @@
         @reason("Schedules may run what is harmless, outside production")
         permit (principal == Service::"scheduler", action in [Action::"run", Action::"check"], resource)
         when { resource.risk <= 1 && context.target.environment != Environment::"prod" };
        +
        ```
        "#);
    });
}

#[test]
fn a_broken_push_names_file_line_and_author() {
    story(|world| {
        world.edit("policies/run.cedar", "Role::\"operator\"", "Role::\"operater\"");
        insta::assert_snapshot!(world.told(), @r#"
        » a push: change policies/run.cedar
        [m2 in #ops]
        policy repo: not applied `…` “change policies/run.cedar” by ada: it has 3 problems
        - `policies/run.cedar:12:22`: there is no role "operater" `policy-unknown-entity` — did you mean "operator"?
        - `policies/run.cedar:23:22`: there is no role "operater" `policy-unknown-entity` — did you mean "operator"?
        - `policies/run.cedar:31:22`: there is no role "operater" `policy-unknown-entity` — did you mean "operator"?
        Push a commit that mends it.
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        "#);
    });
}

#[test]
fn history_that_was_rewritten_is_refused_also_after_a_restart() {
    story(|world| {
        let first = world.source.head("main");
        world.edit("inventory/people/barbara.yaml", "[user]", "[operator]");
        world.told();
        world.source.force("main", &first);
        world.note("main is set back by force");
        world.say("barbara", "ops", "!whoami");
        world.kill();
        world.start_again();
        world.say("barbara", "ops", "!whoami");
        insta::assert_snapshot!(world.told(), @r#"
        » main is set back by force
        [m4 in #ops]
        policy repo: not applied `…` “the policy repo” by ada: it does not descend from the applied revision …: history was rewritten
        Push the old history again, or on the host: `tribune source rearm … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        » barbara in #ops: !whoami
        [m6 in #ops]
        @barbara is Barbara Liskov
        - roles: operator, user
        - flags: none
        - this account, for their file: `chat: { console: "barbara" }`
        - this place: #ops on console, where requests are taken and approvals count
        » the daemon is started again
        » barbara in #ops: !whoami
        [m8 in #ops]
        @barbara is Barbara Liskov
        - roles: operator, user
        - flags: none
        - this account, for their file: `chat: { console: "barbara" }`
        - this place: #ops on console, where requests are taken and approvals count
        "#);
    });
}

#[test]
fn an_unreachable_repository_changes_nothing() {
    story(|world| {
        world.source.set_down(true);
        world.pass("6m");
        world.say("barbara", "general", "!reconcile");
        world.say("barbara", "general", "!run host-info");
        insta::assert_snapshot!(world.told(), @r#"
        » 6m pass
        » barbara in #general: !reconcile
        [m3 in #general]
        Deciding by `…`: failed to fetch: connection refused.
        » barbara in #general: !run host-info
        [m5 in #general]
        r1 @barbara asks for `!run host-info on local`
        - what: host-info — Show system, load and memory of this machine (read, risk 0)
        - on: local
        - digest: `…`
        ---
        running
        "#);
        assert_eq!(world.executor.given().len(), 1);
    });
}

#[test]
fn a_slow_fetch_keeps_nobody_waiting() {
    story(|world| {
        world.source.set_slow(true);
        let asked = world.say("barbara", "general", "!reconcile");
        world.say("ken", "general", "!ping");
        world.source.set_slow(false);
        world.say("ken", "general", "!ping");
        world.reply("barbara", &asked, "!reconcile");
        insta::assert_snapshot!(world.told(), @r#"
        » barbara in #general: !reconcile
        [m3 in #general]
        Fetching the policy repo. What comes of it will stand here.
        » ken in #general: !ping
        [m5 in #general]
        pong, deciding by `…`
        » ken in #general: !ping
        [m3 in #general]
        Deciding by `…`.
        [m7 in #general]
        pong, deciding by `…`
        » barbara in the thread of m2: !reconcile
        [m9 in the thread of m2]
        Deciding by `…`.
        "#);
    });
}

#[test]
fn a_push_that_takes_too_much_at_once_waits_for_two_admins() {
    story(|world| {
        world.edit("inventory/people/margaret.yaml", "[sre]", "[admin, sre]");
        insta::assert_snapshot!(world.told(), @r#"
        » a push: change inventory/people/margaret.yaml
        [m2 in #ops]
        policy repo: not applied `…` “change inventory/people/margaret.yaml” by ada: @margaret becomes an admin
        Two admins who wrote none of it let it pass with ✅ here; or on the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        "#);
        world.push(
            "take it back",
            &[(
                "inventory/people/margaret.yaml",
                Some(include_str!("../../../inventory/people/margaret.yaml")),
            )],
        );
        world.told();
        let gone: Vec<_> = ["barbara", "linus", "radia"]
            .map(|name| format!("inventory/people/{name}.yaml"))
            .into();
        let gone: Vec<(&str, Option<&str>)> =
            gone.iter().map(|path| (path.as_str(), None)).collect();
        world.push("fewer people", &gone);
        world.edit(
            "policies/run.cedar",
            "forbid (principal is Person",
            "permit (principal is Person",
        );
        world.say("barbara", "general", "!run host-info");
        insta::assert_snapshot!(world.told(), @r#"
        » a push: fewer people
        [m4 in #ops]
        policy repo: not applied `…` “fewer people” by ada: 3 of 10 people are gone: barbara, linus and radia
        Two admins who wrote none of it let it pass with ✅ here; or on the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        » a push: change policies/run.cedar
        [m4 in #ops]
        policy repo: `…` was not applied: 3 of 10 people are gone: barbara, linus and radia. What is held now, and why: see there
        [m5 in #ops]
        policy repo: not applied `…` “change policies/run.cedar” by ada: 3 of 10 people are gone: barbara, linus and radia; the policy trainees-stay-outside, which forbids, is gone
        Two admins who wrote none of it let it pass with ✅ here; or on the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        » barbara in #general: !run host-info
        [m7 in #general]
        r1 @barbara asks for `!run host-info on local`
        - what: host-info — Show system, load and memory of this machine (read, risk 0)
        - on: local
        - digest: `…`
        ---
        running
        "#);
        assert_eq!(world.executor.given().len(), 1, "the last good revision decides");
    });
}
