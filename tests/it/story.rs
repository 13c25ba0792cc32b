//! `tribune demo --story` against the built binary: it passes as shipped, and it is not a show:
//! with a policy, a slot or the ban taken away, or with an `audit verify` that always says fine,
//! it fails and names the step.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tribune::domain::template::FOLDERS;
use tribune::process::command::{Output, Spec, run};

use crate::synapse::{Limits, Synapse};

const TRIBUNE: &str = env!("CARGO_BIN_EXE_tribune");

async fn play(words: &[&str]) -> Output {
    let argv = [TRIBUNE, "demo", "--story"].into_iter().chain(words.iter().copied());
    let spec = Spec::new(argv)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .timeout(Duration::from_secs(180))
        .max_output(1 << 20);
    run(&spec).await.expect("the story ends within three minutes")
}

fn told(output: &Output) -> String {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn the_story_passes_as_shipped_in_less_than_three_minutes() {
    let begun = Instant::now();
    let output = play(&[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("All 13 steps ended as they must"));
    assert!(begun.elapsed() < Duration::from_secs(180));
}

#[tokio::test]
async fn the_story_passes_on_a_real_homeserver() {
    let homeserver = Synapse::shared(Limits::None).url();
    let output = play(&["--chat", "matrix", "--homeserver", &homeserver]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("All 13 steps ended as they must"));
}

/// One after the other: each starts daemons, and machines of CI are small.
#[tokio::test]
async fn the_story_names_the_step_that_fails() {
    let file = "policies/run.cedar";
    let policy = changed(file, |text| without_policy(&text, "operators-cite"));
    fails_at(2, &["--repo", text(policy.path())]).await;

    let file = "intents/restart-service.yaml";
    let slot = changed(file, |text| text.replace(", { role: sre, count: 1 }", ""));
    fails_at(3, &["--repo", text(slot.path())]).await;

    let ban = copy();
    fs::remove_file(ban.path().join("inventory/bans/mallory.yaml")).unwrap();
    fails_at(5, &["--repo", text(ban.path())]).await;

    let rule = changed("policies/bans.cedar", |text| without_policy(&text, "banned"));
    fails_at(5, &["--repo", text(rule.path())]).await;

    let looks =
        "principal == Service::\"reconciler\", action in [Action::\"run\", Action::\"check\"]";
    let blind = changed("policies/run.cedar", |text| {
        text.replacen(looks, "principal == Service::\"reconciler\", action == Action::\"run\"", 1)
    });
    fails_at(11, &["--repo", text(blind.path())]).await;
    let idle = changed("policies/run.cedar", |text| {
        text.replacen(looks, "principal == Service::\"reconciler\", action == Action::\"check\"", 1)
    });
    fails_at(12, &["--repo", text(idle.path())]).await;

    let rule = changed("policies/run.cedar", |text| without_policy(&text, "scheduler-runs"));
    fails_at(13, &["--repo", text(rule.path())]).await;

    let folder = tempfile::tempdir().unwrap();
    let credulous = credulous(folder.path());
    fails_at(10, &["--bin", text(&credulous)]).await;
}

#[tokio::test]
async fn a_policy_repo_that_does_not_load_is_named_before_anything_starts() {
    let typo = changed("intents/host-info.yaml", |text| text.replace("category:", "kategory:"));
    let output = play(&["--repo", text(typo.path())]).await;
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let told = told(&output);
    assert!(told.contains("before step 1: the policy repo does not load"), "{told}");
    assert!(told.contains("intents/host-info.yaml:") && told.contains("kategory"), "{told}");
    assert!(told.contains("hint: `tribune check "), "{told}");
}

async fn fails_at(step: u32, words: &[&str]) {
    let output = play(words).await;
    assert_eq!(output.status.code(), Some(1), "{words:?}\n{}", told(&output));
    let named = format!("error: step {step} failed: ");
    assert!(told(&output).contains(&named), "{words:?}: not {named:?}\n{}", told(&output));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

/// Copies the shipped policy repo.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<PathBuf> = FOLDERS.iter().map(PathBuf::from).collect();
    while let Some(path) = open.pop() {
        let (from, to) = (top.join(&path), folder.path().join(&path));
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            open.extend(fs::read_dir(&from).unwrap().map(|it| path.join(it.unwrap().file_name())));
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
    folder
}

/// Copies the shipped policy repo with one file changed.
fn changed(file: &str, change: impl Fn(String) -> String) -> tempfile::TempDir {
    let folder = copy();
    let path = folder.path().join(file);
    let before = fs::read_to_string(&path).unwrap();
    let after = change(before.clone());
    assert_ne!(before, after, "nothing was taken away from {file}");
    fs::write(path, after).unwrap();
    folder
}

/// Takes one policy out of a Cedar file.
fn without_policy(text: &str, id: &str) -> String {
    let start = text.find(&format!("@id(\"{id}\")")).expect("the policy is there");
    let end = start + text[start..].find(";\n").expect("a policy ends") + 2;
    format!("{}{}", &text[..start], &text[end..])
}

/// Writes a program that is Tribune, and finds every audit log fine.
fn credulous(folder: &Path) -> PathBuf {
    let path = folder.join("tribune");
    let script = format!(
        "#!/bin/sh\nif [ \"$1 $2\" = \"audit verify\" ]; then echo the chain is whole; exit 0; fi\n\
         exec '{TRIBUNE}' \"$@\"\n"
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}
