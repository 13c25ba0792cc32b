//! Pages of the documentation that are made from the program are current.

use std::path::Path;

/// Compares a page with what the program says; with `UPDATE_DOCS=1` writes it instead.
pub fn assert_current(page: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    #[expect(clippy::disallowed_methods, reason = "a switch of the test, not of the program")]
    let is_update = std::env::var_os("UPDATE_DOCS").is_some();
    if is_update {
        std::fs::write(&path, made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == made,
        "docs/{page} is not current: run `UPDATE_DOCS=1 cargo test --test it docs::`"
    );
}

#[test]
fn command_line_reference_is_current() {
    assert_current("cli.md", &tribune::cli::reference());
}

#[test]
fn settings_reference_is_current() {
    let page = format!(
        "# Settings\n\nMade from the catalogue of settings; a test keeps it current. \
         `tribune init` writes a commented file with all of them, and \
         `tribune serve --check-config` tells what is wrong with one.\n\n\
         Times carry their unit: `90s`, `30m`, `24h`, `7d`. Relative paths lie beside the file. \
         The variable overrides the file.\n\n{}\n{ROOTS}{SECRETS}",
        tribune::settings::reference()
    );
    assert_current("settings.md", &page);
}

const ROOTS: &str = "## Roots of managed files\n\n\
`[file.roots]` names the folders below which intents with `run: { file: … }` manage files: \
`managed = \"/srv/managed\"` makes `managed/motd` in an intent /srv/managed/motd. Each is an absolute \
folder that is there when the daemon starts and that its user can write. Without any, no file is managed.\n\n";

const SECRETS: &str = "## Secrets\n\n\
`[secrets.NAME]` says where the value of a secret is that intents name under `secrets:`, with one of:\n\n\
| key | the value is |\n|---|---|\n\
| `file` | a file, mode 0600; its last line feed is dropped |\n\
| `env` | a variable of the daemon's environment |\n\
| `credential` | a systemd credential (`LoadCredential=`) |\n\
| `command` | what a program prints, without its last line feed: a list of words, the first the whole path of the program |\n\n\
Values are read when a run needs them, and are cut out of every output from then on, also when they have changed \
since. A program is asked for each run that names its secret and at no other time; nothing is kept for the next. It \
gets no shell, of the environment only PATH and LC_ALL, 10 seconds and 64 KiB; to give it more, begin with \
`/usr/bin/env HOME=… `. If it fails, the run does not start; the thread names the secret and the program, and \
nothing that it printed. Until a program was asked its value is unknown, so other output is not searched for it.\n\n\
## SIGHUP\n\n\
On SIGHUP the daemon reads the whole file again and checks it as at the start. If anything is wrong with it, all of it \
is refused and what held before goes on to hold. Otherwise the keys that say *taken* above are taken up at once, and \
`[secrets]`; changes of the others are named in the log and by `tribune status`, and wait for the next start. Both are \
in the audit log as `settings.read`. Runs under way keep what they were started with.\n";
