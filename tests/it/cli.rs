//! The command line from outside: exit codes, and errors that say what to do.

use std::fs;
use std::path::Path;

use tribune::process::command::{Output, Spec, run};

const TRIBUNE: &str = env!("CARGO_BIN_EXE_tribune");

/// Runs a command in a folder; returns its exit code and all it said.
async fn tribune(folder: &Path, words: &[&str]) -> (i32, String) {
    let argv = [TRIBUNE].into_iter().chain(words.iter().copied());
    let spec = Spec::new(argv).cwd(folder).env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent");
    let Output { status, stdout, stderr } = run(&spec).await.unwrap();
    let said = [stdout, stderr].concat();
    (status.code().unwrap_or(-1), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn init_writes_a_policy_repo_that_check_finds_good_and_settings_that_load() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["init", "ops", "--admin", "maria", "--account", "console:maria"];
    let (code, said) = tribune(folder.path(), &words).await;
    assert_eq!(code, 0, "{said}");
    let ops = folder.path().join("ops");
    let (code, said) = tribune(&ops, &["check", "--strict"]).await;
    assert_eq!((code, said.as_str()), (0, "would be applied: 0 errors, 0 warnings\n"));
    let (code, said) = tribune(&ops, &["serve", "--check-config"]).await;
    assert_eq!((code, said.as_str()), (0, "./tribune.toml is fine\n"));
    let (code, said) = tribune(folder.path(), &words).await;
    assert_eq!(code, 2, "nothing is overwritten");
    assert!(said.contains("policies is already there\nhint: name an empty folder"), "{said}");
}

#[tokio::test]
async fn check_names_place_code_and_hint_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["init", "--admin", "maria", "--account", "console:maria"];
    assert_eq!(tribune(folder.path(), &words).await.0, 0);
    let person = folder.path().join("inventory/people/maria.yaml");
    let text = fs::read_to_string(&person).unwrap().replace("[admin]", "[admn]");
    fs::write(person, text).unwrap();
    let (code, said) = tribune(folder.path(), &["check"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("inventory/people/maria.yaml:3:"), "{said}");
    assert!(said.contains("error["), "{said}");
    assert!(said.contains("would not be applied"), "{said}");
}

#[tokio::test]
async fn broken_settings_exit_with_2_and_name_line_and_likely_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tribune.toml");
    fs::write(&file, "state = 'state'\n[source]\npaht = 'policy'\n").unwrap();
    let (code, said) = tribune(folder.path(), &["serve"]).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("tribune.toml:3:1: there is no setting source.paht"), "{said}");
    assert!(said.contains("hint: did you mean source.path?"), "{said}");
}

#[tokio::test]
async fn what_is_typed_wrongly_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = tribune(folder.path(), &["chek"]).await;
    assert_eq!(code, 2);
    assert!(said.contains("similar subcommands exist: "), "{said}");
    let (code, said) = tribune(folder.path(), &["schema", "intnt"]).await;
    assert_eq!(code, 2);
    assert!(said.contains("hint: did you mean intent?"), "{said}");
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tribune.toml"), "state='s'\nsource.path='p'\n").unwrap();
    let (code, said) = tribune(folder.path(), &["status"]).await;
    assert_eq!(code, 1);
    assert!(said.contains("hint: is the daemon running with these settings?"), "{said}");
}
