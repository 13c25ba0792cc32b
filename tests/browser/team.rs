//! A demonstration in which a team has been at work: requests of every kind, revisions that were
//! applied and refused, hostile words.

use std::process::Stdio;

use crate::demo::Demo;
use crate::visitor::Visitor;

/// Words that do their worst.
pub const HOSTILE: &str = "<img src=x onerror='window.broken=1'> \
                           <script>window.broken=1</script> end-of-hostile";

/// Commits a change of the policy repo.
#[expect(clippy::disallowed_methods, reason = "tests start programs of their own")]
fn commit(demo: &Demo, author: &str, subject: &str, edit: impl FnOnce(&std::path::Path)) {
    let folder = demo.policy();
    edit(&folder);
    let email = format!("{author}@example.org");
    for args in [vec!["add", "-A"], vec!["commit", "-q", "-m", subject]] {
        let done = std::process::Command::new("git")
            .arg("-C")
            .arg(&folder)
            .args(["-c", &format!("user.name={author}"), "-c", &format!("user.email={email}")])
            .args(["-c", "commit.gpgsign=false"])
            .args(args)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(done.success(), "{subject}");
    }
}

fn edit(folder: &std::path::Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has {from}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// Fills a demonstration with work. Takes the links of everybody it needs but `ada`'s.
pub async fn at_work(demo: &Demo) {
    let ken = Visitor::sign_in(demo, "ken").await;
    let barbara = Visitor::sign_in(demo, "barbara").await;
    let radia = Visitor::sign_in(demo, "radia").await;
    let grace = Visitor::sign_in(demo, "grace").await;

    barbara.say("general", "!run host-info on local").await;
    barbara.card("general", "succeeded", "host-info").await;
    barbara.say("ops", "!run restart-service on web-staging service=nginx").await;

    ken.say("ops", "!run restart-service on web-dev service=app").await;
    let card = ken.card("ops", "needs_approval", "service=app").await;
    radia.react("ops", &card, "approve").await;
    grace.react("ops", &card, "approve").await;
    ken.card("ops", "succeeded", "service=app").await;

    ken.say("ops", "!run restart-service on web-staging service=postgres").await;
    let card = ken.card("ops", "needs_approval", "service=postgres").await;
    radia.react("ops", &card, "veto").await;
    ken.card("ops", "vetoed", "service=postgres").await;
    ken.say("ops", "!run restart-service on web-staging service=nginx pr #2").await;
    ken.card("ops", "succeeded", "pr").await;
    radia.say("ops", "!run deploy-app on web-staging release=v1.4.3").await;
    radia.card("ops", "needs_approval", "v1.4.3").await;

    revisions(demo, &ken).await;

    let long = "long".repeat(60);
    barbara.say("ops", &format!("{HOSTILE} {long}")).await;
    ken.say("ops", "!run restart-service on db-staging service=postgres graceful=false").await;
    ken.card("ops", "needs_approval", "graceful=false").await;
}

/// Two revisions that are applied, one of them with words that do their worst, and one that is
/// refused and stays so.
async fn revisions(demo: &Demo, ken: &Visitor) {
    let subject = "Ken is on call; restarts may wait longer";
    commit(demo, "ada", subject, |folder| {
        edit(
            folder,
            "inventory/people/ken.yaml",
            "roles: [operator]",
            "roles: [operator]\nflags: [oncall]",
        );
        edit(folder, "intents/restart-service.yaml", "collect: 30m", "collect: 45m");
        edit(folder, "intents/restart-service.yaml", "timeout: 15m", "timeout: 20m");
        let stands = "idempotent: true\nchannel: ops\n\
                      standing: { every: 1h, targets: [development], on_drift: ask }";
        edit(folder, "intents/sync-motd.yaml", "idempotent: true", stands);
    });
    ken.sees("/revisions", subject).await;
    ken.sees("/drift", "/drift/d1").await;
    let subject = "A ban with <b>bold</b> \u{202e}sdrawkcab\u{202c} words";
    commit(demo, "grace", subject, |folder| {
        let reason = format!("{HOSTILE} {}", "W".repeat(120)).replace('\'', "''");
        let text = format!(
            "version: 1\nperson: edsger\nby: grace\nreason: '{reason}'\nuntil: 2030-01-01T00:00:00Z\n"
        );
        std::fs::write(folder.join("inventory/bans/edsger.yaml"), text).unwrap();
    });
    ken.sees("/revisions", "A ban with &#60;b&#62;bold").await;
    let subject = "house: operators propose, misspelled";
    commit(demo, "radia", subject, |folder| {
        edit(folder, "policies/house.cedar", "Role::\"operator\"", "Role::\"operater\"");
        edit(
            folder,
            "inventory/roles.yaml",
            "operator: { in: [user] }",
            "operator: { inn: [user] }",
        );
    });
    ken.sees("/revisions", subject).await;
}
