//! The guards of the policy repo, and the named ways past them.

use tribune::domain::id::Revision;
use tribune::domain::message::Sign;
use tribune::domain::trust::TrustMode;

use crate::world::{World, story, story_with};

const LINUS: &str = "inventory/people/linus.yaml";

/// Grace and Margaret become admins, as Ada is one.
fn more_admins(world: &mut World) {
    let admin = |path: &str| world.file(path).replace("[sre]", "[admin]");
    let people = ["inventory/people/grace.yaml", "inventory/people/margaret.yaml"];
    let texts = people.map(admin);
    let changes: Vec<_> =
        people.into_iter().zip(texts.iter().map(|it| Some(it.as_str()))).collect();
    let revision = world.push("more admins", &changes);
    assert_eq!(world.accept(&revision, "three are better than one"), None);
    world.told();
}

/// How often somebody let something pass.
fn accepted(world: &World) -> usize {
    world.audit().iter().filter(|row| row.starts_with("revision.accepted")).count()
}

#[test]
fn what_a_guard_holds_is_let_pass_on_the_host_audited_and_said() {
    story(|world| {
        let revision = world.edit("inventory/people/margaret.yaml", "[sre]", "[admin]");
        world.told();
        let applied = world.source.head("main");
        assert_eq!(applied, revision);
        let other: Revision = "00112233445566778899aabbccddeeff00112233".parse().unwrap();
        let refused = world.accept(&other, "a slip");
        assert_eq!(refused, Some(format!("the revision that is held is {revision}")));
        assert_eq!(world.accept(&revision, "OPS-812"), None);
        world.say("margaret", "ops", "!whoami");
        insta::assert_snapshot!(world.told(), @r#"
        » source accept on the host: a slip
        [m3 in #ops]
        on the host, uid 0: `tribune source accept`
        » source accept on the host: OPS-812
        [m2 in #ops]
        policy repo: cleared by `…`. Before, `…` was not applied: @margaret becomes an admin
        [m4 in #ops]
        on the host, uid 0: `tribune source accept`
        [m5 in #ops]
        policy repo: somebody on the host (host:0) lets `…` pass in spite of the guard: OPS-812
        [m6 in #ops]
        policy repo: now in force `…` “change inventory/people/margaret.yaml” by ada (before: …)
        - @margaret gained role admin; lost role sre
        [m7 in the thread of m6]
        ```diff
        --- a/inventory/people/margaret.yaml
        +++ b/inventory/people/margaret.yaml
        @@ -1,6 +1,6 @@
         version: 1
         name: Margaret Hamilton
        -roles: [sre]
        +roles: [admin]
         flags: [release-manager]
         chat: { console: margaret }
         forge: { local: margaret@example.org }
        ```
        » margaret in #ops: !whoami
        [m9 in #ops]
        @margaret is Margaret Hamilton
        - roles: admin, operator, sre, user
        - flags: release-manager
        - answers for service release-bot — Asks for deployments to dev after a build
        - this account, for their file: `chat: { console: "margaret" }`
        - this place: #ops on console, where requests are taken and approvals count
        "#);
        insta::assert_snapshot!(world.audit().join("\n"), @r#"
        daemon.start
        revision.applied
        revision.refused
        host.command service host:0
        host.command service host:0
        revision.accepted service host:0
        revision.applied
        "#);
        assert_eq!(world.accept(&revision, "again"), Some("no revision is held".to_owned()));
        assert!(world.executor.given().is_empty());
    });
}

#[test]
fn two_admins_who_did_not_write_it_let_pass_what_is_held() {
    story(|world| {
        more_admins(world);
        world.edit(LINUS, "[sre]", "[admin]");
        for person in ["ada", "linus", "zoe", "grace"] {
            world.agree(person);
        }
        assert_eq!(accepted(world), 1, "its author, whom it makes admin, a stranger, one admin");
        world.agree("margaret");
        insta::assert_snapshot!(world.told(), @r#"
        » a push: change inventory/people/linus.yaml
        [m7 in #ops]
        policy repo: not applied `…` “change inventory/people/linus.yaml” by ada: @linus becomes an admin
        Two admins who wrote none of it let it pass with ✅ here; or on the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        » ada reacts ✅ to what is held
        » linus reacts ✅ to what is held
        » zoe reacts ✅ to what is held
        » grace reacts ✅ to what is held
        » margaret reacts ✅ to what is held
        [m7 in #ops]
        policy repo: cleared by `…`. Before, `…` was not applied: @linus becomes an admin
        [m8 in #ops]
        policy repo: @grace lets `…` pass in spite of the guard: @grace and @margaret agreed in chat
        [m9 in #ops]
        policy repo: now in force `…` “change inventory/people/linus.yaml” by ada (before: …)
        - @linus gained role admin; lost role sre
        [m10 in the thread of m9]
        ```diff
        --- a/inventory/people/linus.yaml
        +++ b/inventory/people/linus.yaml
        @@ -1,6 +1,6 @@
         version: 1
         name: Linus Ohlsson
        -roles: [sre]
        +roles: [admin]
         chat: { console: linus }
         forge: { local: linus@example.org }
         signing_keys:
        ```
        "#);
        assert!(world.audit().contains(&"revision.accepted @grace".to_owned()));
    });
}

#[test]
fn agreement_is_with_one_revision_and_never_with_ones_own() {
    story(|world| {
        more_admins(world);
        world.edit(LINUS, "[sre]", "[admin]");
        world.agree("grace");
        world.told();
        world.push_by(("ken", None), "a note", &[("playbooks/files/note", Some("a note\n"))]);
        world.agree("ada");
        world.agree("margaret");
        assert_eq!(accepted(world), 1, "grace agreed to something else, ada wrote a part of it");
        insta::assert_snapshot!(world.told(), @r#"
        » a push: a note
        [m7 in #ops]
        policy repo: `…` was not applied: @linus becomes an admin. What is held now, and why: see there
        [m8 in #ops]
        policy repo: not applied `…` “a note” by ken: @linus becomes an admin
        Two admins who wrote none of it let it pass with ✅ here; or on the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        » ada reacts ✅ to what is held
        » margaret reacts ✅ to what is held
        "#);
        world.agree("grace");
        assert_eq!(accepted(world), 2);
    });
}

#[test]
fn agreement_given_while_the_daemon_was_down_counts() {
    story(|world| {
        more_admins(world);
        world.edit(LINUS, "[sre]", "[admin]");
        world.agree("grace");
        world.kill();
        world.chat.add("margaret", &world.held(), Sign::Approve);
        world.start_again();
        assert_eq!(accepted(world), 2);
    });
}

#[test]
fn rewritten_history_is_taken_up_by_rearm_and_not_by_accept() {
    story(|world| {
        let first = world.source.head("main");
        let newer = world.edit("inventory/people/barbara.yaml", "[user]", "[operator]");
        world.source.force("main", &first);
        world.pass("1m");
        world.told();
        let refused = world.accept(&first, "set back");
        let told = "history was rewritten: that takes `tribune source rearm`";
        assert_eq!(refused.as_deref(), Some(told));
        let refused = world.rearm(&newer, "the wrong one");
        assert_eq!(refused, Some(format!("the revision that is held is {first}")));
        assert_eq!(world.rearm(&first, "set back, OPS-3"), None);
        world.say("barbara", "ops", "!whoami");
        world.edit("playbooks/scripts/host-info.sh", "#!/bin/sh", "#!/bin/sh\n# changed");
        insta::assert_snapshot!(world.told(), @r#"
        » source accept on the host: set back
        [m5 in #ops]
        on the host, uid 0: `tribune source accept`
        » source rearm on the host: the wrong one
        [m6 in #ops]
        on the host, uid 0: `tribune source rearm`
        » source rearm on the host: set back, OPS-3
        [m4 in #ops]
        policy repo: cleared by `…`. Before, `…` was not applied: it does not descend from the applied revision …: history was rewritten
        [m7 in #ops]
        on the host, uid 0: `tribune source rearm`
        [m8 in #ops]
        policy repo: somebody on the host (host:0) lets `…` pass in spite of the guard: set back, OPS-3
        [m9 in #ops]
        policy repo: now in force `…` “the policy repo” by ada (before: …)
        - @barbara gained role user; lost role operator
        [m10 in the thread of m9]
        ```diff
        --- a/inventory/people/barbara.yaml
        +++ b/inventory/people/barbara.yaml
        @@ -1,5 +1,5 @@
         version: 1
         name: Barbara Liskov
        -roles: [operator]
        +roles: [user]
         chat: { console: barbara }
         forge: { local: barbara@example.org }
        ```
        » barbara in #ops: !whoami
        [m12 in #ops]
        @barbara is Barbara Liskov
        - roles: user
        - flags: none
        - this account, for their file: `chat: { console: "barbara" }`
        - this place: #ops on console, where requests are taken and approvals count
        » a push: change playbooks/scripts/host-info.sh
        [m13 in #ops]
        policy repo: now in force `…` “change playbooks/scripts/host-info.sh” by ada (before: …)
        - file `playbooks/scripts/host-info.sh` changed
        [m14 in the thread of m13]
        ```diff
        --- a/playbooks/scripts/host-info.sh
        +++ b/playbooks/scripts/host-info.sh
        @@ -1,4 +1,5 @@
         #!/bin/sh
        +# changed
         # Shows what this machine is and how busy it is.
         set -eu
         echo "system:  $(uname -sr) on $(uname -m)"
        ```
        "#);
        insta::assert_snapshot!(world.audit().join("\n"), @r#"
        daemon.start
        revision.applied
        revision.applied
        revision.refused
        host.command service host:0
        host.command service host:0
        host.command service host:0
        revision.accepted service host:0
        revision.applied
        revision.applied
        "#);
    });
}

#[test]
fn rearm_is_for_the_revision_that_was_named_and_not_for_what_came_since() {
    story_with(TrustMode::Signed, |world| {
        let first = world.source.head("main");
        let ada = key_of(world, "ada");
        let more = [("playbooks/files/note", Some("a note\n"))];
        world.push_by(("ada", Some(&ada)), "a note", &more);
        world.source.force("main", &first);
        world.pass("1m");
        world.source.set_quiet(true);
        world.push_by(("mallory", None), "something else", &more);
        world.source.set_quiet(false);
        world.told();
        assert_eq!(world.rearm(&first, "set back, OPS-3"), None);
        insta::assert_snapshot!(world.told(), @r#"
        » source rearm on the host: set back, OPS-3
        [m4 in #ops]
        policy repo: not applied `…` “something else” by mallory: commit … is not signed
        Whatever descends from it is held too. On the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:01 UTC.
        [m5 in #ops]
        on the host, uid 0: `tribune source rearm`
        [m6 in #ops]
        policy repo: somebody on the host (host:0) lets `…` pass in spite of the guard: set back, OPS-3
        [m7 in #ops]
        policy repo: now in force `…` “the policy repo” by ada (before: …)
        - file `playbooks/files/note` was removed
        [m8 in the thread of m7]
        ```diff
        --- a/playbooks/files/note
        +++ /dev/null
        @@ -1 +0,0 @@
        -a note
        ```
        "#);
    });
}

/// Returns the key that a person signs with.
fn key_of(world: &World, person: &str) -> String {
    let text = world.file(&format!("inventory/people/{person}.yaml"));
    let key = text.lines().find_map(|line| line.trim().strip_prefix("- key: "));
    key.expect("they have one").to_owned()
}

#[test]
fn who_accepts_what_is_not_signed_has_not_agreed_to_what_it_takes_away() {
    story_with(TrustMode::Signed, |world| {
        let text = world.file(LINUS).replace("[sre]", "[admin]");
        let head = world.push_by(("ken", None), "a present", &[(LINUS, Some(&text))]);
        assert_eq!(world.accept(&head, "ken's key is lost"), None);
        world.pass("1m");
        assert_ne!(world.engine().applied().unwrap().revision, head);
        assert_eq!(world.accept(&head, "and linus is one of us"), None);
        assert_eq!(world.engine().applied().unwrap().revision, head);
        insta::assert_snapshot!(world.told(), @r#"
        » a push: a present
        [m2 in #ops]
        policy repo: not applied `…` “a present” by ken: commit … is not signed
        Whatever descends from it is held too. On the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        » source accept on the host: ken's key is lost
        [m2 in #ops]
        policy repo: `…` was not applied: commit … is not signed. What is held now, and why: see there
        [m3 in #ops]
        on the host, uid 0: `tribune source accept`
        [m4 in #ops]
        policy repo: somebody on the host (host:0) lets `…` pass in spite of the guard: ken's key is lost
        [m5 in #ops]
        policy repo: not applied `…` “a present” by ken: @linus becomes an admin
        Two admins who wrote none of it let it pass with ✅ here; or on the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        » 1m pass
        » source accept on the host: and linus is one of us
        [m5 in #ops]
        policy repo: cleared by `…`. Before, `…` was not applied: @linus becomes an admin
        [m6 in #ops]
        on the host, uid 0: `tribune source accept`
        [m7 in #ops]
        policy repo: somebody on the host (host:0) lets `…` pass in spite of the guard: and linus is one of us
        [m8 in #ops]
        policy repo: now in force `…` “a present” by ken (before: …)
        - @linus gained role admin; lost role sre
        [m9 in the thread of m8]
        ```diff
        --- a/inventory/people/linus.yaml
        +++ b/inventory/people/linus.yaml
        @@ -1,6 +1,6 @@
         version: 1
         name: Linus Ohlsson
        -roles: [sre]
        +roles: [admin]
         chat: { console: linus }
         forge: { local: linus@example.org }
         signing_keys:
        ```
        "#);
    });
}

#[test]
fn only_who_was_trusted_before_signs_what_comes_next() {
    story_with(TrustMode::Signed, |world| {
        let [ada, grace] = ["ada", "grace"].map(|person| key_of(world, person));
        let note = |text| [("playbooks/files/note", Some(text))];
        world.push_by(("ada", Some(&ada)), "signed by ada", &note("1\n"));
        world.push_by(("ken", None), "not signed", &note("2\n"));
        let head = world.push_by(("grace", Some(&grace)), "signed, on top of it", &note("3\n"));
        assert_eq!(world.accept(&head, "ken's key is lost, I saw what he wrote"), None);
        let zoe =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMEvqMQz5ckZF3O2KLkq5MjYi3cUE5xnhOFKFQqihLKZ";
        let file = format!("version: 1\nname: Zoe\nroles: [user]\nsigning_keys:\n  - key: {zoe}\n");
        world.push_by(
            ("zoe", Some(zoe)),
            "zoe joins",
            &[("inventory/people/zoe.yaml", Some(&file))],
        );
        insta::assert_snapshot!(world.told(), @r#"
        » a push: signed by ada
        [m2 in #ops]
        policy repo: now in force `…` “signed by ada” by ada (before: …)
        - file `playbooks/files/note` was added
        [m3 in the thread of m2]
        ```diff
        --- /dev/null
        +++ b/playbooks/files/note
        @@ -0,0 +1 @@
        +1
        ```
        » a push: not signed
        [m4 in #ops]
        policy repo: not applied `…` “not signed” by ken: commit … is not signed
        Whatever descends from it is held too. On the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        » a push: signed, on top of it
        [m4 in #ops]
        policy repo: not applied `…` “signed, on top of it” by grace: commit … is not signed
        Whatever descends from it is held too. On the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        » source accept on the host: ken's key is lost, I saw what he wrote
        [m4 in #ops]
        policy repo: cleared by `…`. Before, `…` was not applied: commit … is not signed
        [m5 in #ops]
        on the host, uid 0: `tribune source accept`
        [m6 in #ops]
        policy repo: somebody on the host (host:0) lets `…` pass in spite of the guard: ken's key is lost, I saw what he wrote
        [m7 in #ops]
        policy repo: now in force `…` “signed, on top of it” by grace (before: …)
        - file `playbooks/files/note` changed
        [m8 in the thread of m7]
        ```diff
        --- a/playbooks/files/note
        +++ b/playbooks/files/note
        @@ -1 +1 @@
        -1
        +3
        ```
        » a push: zoe joins
        [m4 in #ops]
        policy repo: not applied `…` “zoe joins” by zoe: commit … is signed by SHA256:…, which nobody may sign with
        Whatever descends from it is held too. On the host: `tribune source accept … --reason "…"`
        The last good revision keeps deciding. Since 2026-06-01 08:00 UTC.
        "#);
    });
}

#[test]
fn what_was_held_for_its_signers_ban_is_applied_when_the_ban_ends() {
    story_with(TrustMode::Signed, |world| {
        let grace = key_of(world, "grace");
        let note = |text| [("playbooks/files/note", Some(text))];
        world.say("ada", "ops", "!ban @grace \"a lost laptop\" 1h");
        let head = world.push_by(("grace", Some(&grace)), "a note", &note("1\n"));
        let applied = |world: &World| world.engine().applied().unwrap().revision.clone();
        world.pass("5m");
        assert_ne!(applied(world), head, "grace is banned");
        let refused = |world: &World| {
            world.audit().iter().filter(|row| row.starts_with("revision.refused")).count()
        };
        assert_eq!(refused(world), 1, "looking again says nothing new");
        world.told();
        world.say("ada", "ops", "!unban @grace");
        assert_eq!(applied(world), head);
        insta::assert_snapshot!(world.told(), @r"
        » ada in #ops: !unban @grace
        [m3 in #ops]
        @grace was banned provisionally by @ada: a lost laptop. Lifted by @ada at 08:05:00 UTC; do not merge `tribune/ban-2026-06-01-grace`.
        [m4 in #ops]
        policy repo: cleared by `…`. Before, `…` was not applied: commit … is signed by SHA256:…, which nobody may sign with
        [m6 in #ops]
        Done: the ban on @grace <chat:ops/m3> is lifted.
        [m7 in #ops]
        policy repo: now in force `…` “a note” by grace (before: …)
        - file `playbooks/files/note` was added
        [m8 in the thread of m7]
        ```diff
        --- /dev/null
        +++ b/playbooks/files/note
        @@ -0,0 +1 @@
        +1
        ```
        ");
        // The end may also come by the clock.
        world.say("ada", "ops", "!ban @grace \"a lost laptop\" 30m");
        let head = world.push_by(("grace", Some(&grace)), "another note", &note("2\n"));
        world.pass("29m");
        assert_ne!(applied(world), head);
        world.pass("1m");
        assert_eq!(applied(world), head);
        assert_eq!(refused(world), 2);
    });
}
