//! Loading a policy repo: what is written is what is meant, and any bytes are taken or refused.

use jiff::SignedDuration;
use tribune::domain::id::RepoPath;
use tribune::domain::intent::{ArgvWord, Category, Notify, OnBusy, Per};
use tribune::domain::param::{ParamKind, Value};
use tribune::domain::repo::PolicyRepo;
use tribune::manifest::edit::ban_file;
use tribune::manifest::{self, Files};

use crate::bytes::holds_for_bytes;
use crate::diagnostics::case;
use crate::examples::top;

fn load(files: &Files) -> PolicyRepo {
    manifest::load(files).expect("it is without fault").repo
}

/// Loads the base of all cases with one file more, or another one.
fn with(path: &str, text: &str) -> PolicyRepo {
    let mut files = case::base();
    files.insert(path.parse().unwrap(), text.as_bytes().to_vec(), false);
    load(&files)
}

#[test]
fn what_an_intent_says_is_what_is_loaded() {
    let repo = load(&case::base());
    let intent = &repo.intents[&"restart".parse().unwrap()];
    assert_eq!(intent.summary, "Restart a service");
    assert_eq!((intent.category, intent.risk), (Category::Change, 2));
    assert_eq!(intent.targets, ["web", "db"]);
    assert_eq!(intent.aliases[0].to_string(), "restart {service} on {target}");
    assert_eq!(intent.label.as_deref(), Some("ops/restart"));
    let cite = intent.cite.as_ref().unwrap();
    assert_eq!((cite.within, cite.uses, cite.bind), (SignedDuration::from_hours(168), 1, true));
    let rule = intent.approval.as_ref().unwrap();
    let slots: Vec<_> = rule.slots.iter().map(|slot| (slot.role.as_str(), slot.count)).collect();
    assert_eq!(slots, [("operator", 1), ("sre", 1)]);
    assert_eq!(rule.collect, SignedDuration::from_mins(30));
    assert_eq!(rule.execute, SignedDuration::from_mins(15));
    assert_eq!(rule.veto[0].as_str(), "operator");
    assert_eq!(rule.notify, Notify::Role);
    let check = intent.check.as_ref().unwrap();
    assert_eq!(
        check.argv.iter().map(ArgvWord::to_string).collect::<Vec<_>>(),
        ["playbooks/restart.sh", "check"]
    );
    assert_eq!(check.drift_exit, 2);
    assert_eq!(intent.env["LANG"], "C.UTF-8");
    assert_eq!(intent.secrets[0].as_str(), "api-token");
    assert_eq!(intent.sandbox.read[0].to_str(), Some("/srv"));
    assert_eq!(intent.sandbox.write[0].to_str(), Some("/srv/app"));
    assert_eq!(intent.limits.timeout, SignedDuration::from_mins(5));
    assert_eq!((intent.limits.output, intent.limits.memory), (262_144, 536_870_912));
    assert_eq!(intent.limits.processes, 64);
    assert_eq!(intent.windows[0].deny, "* 18-23 * * 5");
    assert_eq!(intent.windows[0].zone, "Europe/Berlin");
    assert!(!intent.idempotent);
}

#[test]
fn an_intent_may_say_less_and_more() {
    let repo = with(
        "intents/more.yaml",
        "version: 1\nintent: more\nsummary: More\ncategory: read\nrisk: 0\ntargets: [local]\n\
         label: x\ncite: { within: 1h, uses: 3, bind: false }\n\
         approval: { slots: [{ role: user }], notify: nobody }\n\
         run: { argv: [echo, \"{{}}\", \"{text}\", \"{flag}\"] }\nreads: [playbooks]\nplan: false\n\
         idempotent: true\nconcurrency: { per: intent, on_busy: refuse }\n\
         params:\n  text: { type: string, summary: Words, pattern: \"[a-z-]*\", min_length: 1,\n    max_length: 9, allow_dash: true, default: \"-a\" }\n  flag: { type: boolean, default: false }\n",
    );
    let intent = &repo.intents[&"more".parse().unwrap()];
    let rule = intent.approval.as_ref().unwrap();
    assert_eq!((rule.slots[0].count, rule.notify), (1, Notify::Nobody));
    let cite = intent.cite.as_ref().unwrap();
    assert_eq!((cite.uses, cite.bind), (3, false));
    assert_eq!(intent.reads[0].as_str(), "playbooks");
    assert!(intent.idempotent);
    assert_eq!(intent.concurrency.per, Per::Intent);
    assert_eq!(intent.concurrency.on_busy, OnBusy::Refuse);
    let text = &intent.params[&"text".parse().unwrap()];
    assert_eq!(text.summary.as_deref(), Some("Words"));
    assert_eq!(text.default, Some(Value::String("-a".into())));
    assert!(text.parse("a1").is_err() && text.parse("").is_err());
    assert!(text.parse("aaaaaaaaaa").is_err() && text.parse("--x").is_ok());
    let flag = &intent.params[&"flag".parse().unwrap()];
    assert_eq!((&flag.kind, &flag.default), (&ParamKind::Boolean, &Some(Value::Boolean(false))));
    let look = &repo.intents[&"look".parse().unwrap()];
    assert!(look.cite.is_none() && look.approval.is_none() && look.check.is_none());
    assert_eq!((look.concurrency.per, look.concurrency.on_busy), (Per::Target, OnBusy::Queue));
}

#[test]
fn what_the_inventory_says_is_what_is_loaded() {
    let repo = load(&case::base());
    let ada = &repo.people[&"ada".parse().unwrap()];
    assert_eq!(ada.name, "Ada");
    assert!(repo.roles_of(&ada.id).contains(&"user".parse().unwrap()), "roles nest");
    assert!(ada.flags.contains(&"oncall".parse().unwrap()));
    assert_eq!(ada.chat[&"mattermost".parse().unwrap()].len(), 2);
    assert!(ada.forge[&"local".parse().unwrap()].contains(&"ada@example.org".parse().unwrap()));
    assert!(ada.signing_keys[0].public.starts_with("ssh-ed25519 "));
    let bot = &repo.services[&"bot".parse().unwrap()];
    assert_eq!((bot.summary.as_str(), bot.owner.as_ref().unwrap().as_str()), ("A bot", "ben"));
    let ban = &repo.bans.of_files()[0];
    assert_eq!((ban.subject.to_string().as_str(), ban.by.as_str()), ("@dan", "ada"));
    assert_eq!(
        (ban.reason.as_str(), ban.until),
        ("for the tests", "2026-01-01T00:00:00Z".parse().ok())
    );
    let prod = &repo.channels[&"prod".parse().unwrap()];
    assert_eq!(prod.environment.as_ref().unwrap().as_str(), "prod");
    assert!(prod.private && prod.approve && !prod.ask.contains(&Category::Destroy));
    assert_eq!(prod.chat[&"console".parse().unwrap()].id.as_str(), "prod");
    let db = &repo.inventory.targets[&"db01".parse().unwrap()];
    assert_eq!(db.vars["port"], 5432);
    assert_eq!(db.environment.as_str(), "prod");
    let local = &repo.inventory.targets[&"local".parse().unwrap()];
    assert_eq!(local.environment.as_str(), "dev");
    assert_eq!(repo.inventory.resolve("web").len(), 2);
}

#[test]
fn a_ban_that_tribune_writes_is_read_as_it_was_meant() {
    let reason = "said \"no: never\" # to \\ everybody, é ✅ 'x' {a: b} - *c &d !e %f @g `h`";
    for until in [None, "2027-01-01T00:00:00Z".parse().ok()] {
        let text = ban_file(&"dan".parse().unwrap(), &"ada".parse().unwrap(), reason, until);
        let repo = with("inventory/bans/2026-06-01-dan.yaml", &text);
        let origin = "inventory/bans/2026-06-01-dan.yaml".parse().unwrap();
        let ban = repo.bans.iter().find(|ban| ban.origin == origin).unwrap();
        assert_eq!((ban.subject.to_string().as_str(), ban.by.as_str()), ("@dan", "ada"));
        assert_eq!((ban.reason.as_str(), ban.until), (reason, until));
        assert!(!ban.is_provisional());
    }
}

#[test]
fn a_key_counts_within_the_times_it_says_and_a_service_can_be_banned() {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPyryHL4KkYxK4oID5bzp/K+kq9h00/msG4wRoHaC9/9";
    let repo = with(
        "inventory/people/eve.yaml",
        &format!(
            "version: 1\nname: Eve\nsigning_keys:\n  - key: {key}\n    \
             valid_after: 2026-01-01T00:00:00Z\n    valid_before: 2027-01-01T00:00:00Z\n"
        ),
    );
    let key = &repo.people[&"eve".parse().unwrap()].signing_keys[0];
    assert_eq!(key.valid_after, "2026-01-01T00:00:00Z".parse().ok());
    assert_eq!(key.valid_before, "2027-01-01T00:00:00Z".parse().ok());
    let ban = "version: 1\nservice: bot\nby: ada\nreason: r\n";
    let repo = with("inventory/bans/bot.yaml", ban);
    let ban = repo.bans.iter().find(|ban| ban.until.is_none()).unwrap();
    assert_eq!(ban.subject.to_string(), "service bot");
}

#[test]
fn variables_are_merged_as_ansible_merges_them() {
    let mut files = case::base();
    let path: RepoPath = "inventory/hosts.yaml".parse().unwrap();
    let text = "all:\n  vars: { a: all, b: all, c: all, d: all }\n  children:\n    outer:\n      \
                vars: { b: outer, c: outer, d: outer }\n      children:\n        web:\n          \
                vars: { c: web, d: web, e: web }\n          hosts:\n            \"web[01:02]\": { d: host }\n    \
                zone:\n      vars: { b: zone, x: !vault secret }\n      hosts: { web01: }\n    \
                first:\n      vars: { b: first, ansible_group_priority: 9 }\n      hosts: { web01: }\n    \
                db: { hosts: db01, other: [1] }\n";
    files.insert(path, text.as_bytes().to_vec(), false);
    let repo = load(&files);
    let vars = |name: &str| repo.inventory.targets[&name.parse().unwrap()].vars.clone();
    let one = vars("web01");
    let said: Vec<_> = ["a", "b", "c", "d", "e", "x"].map(|key| one[key].as_str().unwrap()).into();
    assert_eq!(said, ["all", "first", "web", "host", "web", "secret"]);
    assert!(!one.contains_key("ansible_group_priority"));
    assert_eq!(vars("web02")["b"], "outer");
    assert_eq!(repo.inventory.resolve("outer").len(), 2);
    assert_eq!(repo.inventory.resolve("all").len(), 3);
}

#[test]
fn problems_of_all_files_are_told_in_one_load() {
    let mut files = case::base();
    for (path, text) in [
        ("inventory/people/x.yaml", "version: 1\nname: X\nroles: [sr]\nshoe: 4\n"),
        ("inventory/people/y.yaml", "version: 1\nname: 5\nflags: no\n"),
        ("intents/z.yaml", "version: 1\nintent: [\n"),
        ("inventory/q.yaml", ""),
    ] {
        files.insert(path.parse().unwrap(), text.as_bytes().to_vec(), false);
    }
    let problems = manifest::load(&files).unwrap_err();
    let lines: Vec<String> = problems.iter().map(case::told).collect();
    assert_eq!(
        lines,
        [
            "intents/z.yaml:2:9 yaml-syntax",
            "inventory/people/x.yaml:4:1 unknown-key",
            "inventory/people/y.yaml:2:7 wrong-type",
            "inventory/people/y.yaml:3:8 wrong-type",
            "inventory/q.yaml file-unknown",
        ]
    );
}

#[test]
fn old_examples_keep_loading() {
    let folder = top().join("tests/compat");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let repo = load(&case::whole(&path));
        assert!(!repo.intents.is_empty() && !repo.people.is_empty(), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn any_bytes_are_loaded_whole_or_not_at_all() {
    let shipped = Files::read(&top()).unwrap();
    holds_for_bytes("loader", |bytes| {
        let (head, body) = bytes.split_at(bytes.iter().position(|b| *b == b'\n').unwrap_or(0));
        let name = String::from_utf8_lossy(head).into_owned();
        let Ok(path) = name.parse::<RepoPath>() else { return };
        let mut files = shipped.clone();
        files.insert(path, body.get(1..).unwrap_or_default().to_vec(), false);
        match manifest::load(&files) {
            Ok(loaded) => assert!(loaded.warnings.iter().all(|warning| !warning.is_error())),
            Err(problems) => {
                assert!(problems.iter().any(|problem| problem.is_error()));
                assert!(problems.is_sorted());
                assert_eq!(manifest::load(&files), Err(problems), "twice the same");
            }
        }
    });
}
