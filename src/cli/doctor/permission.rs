//! Who else can read secrets or change programs.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::settings::{SecretOrigin, Settings};

/// Looks whether somebody else could put programs where runs find them.
pub fn programs(path: &[PathBuf]) -> Finding {
    const WHAT: &str = "path";
    let me = rustix::process::geteuid().as_raw();
    for folder in path {
        let Ok(found) = std::fs::metadata(folder) else { continue };
        let foreign = found.uid() != 0 && found.uid() != me;
        if foreign || found.mode() & 0o002 != 0 {
            return Finding::bad(
                WHAT,
                format!("others can put programs into {}", folder.display()),
                "take it out of exec.path, or take others' write permission away",
            );
        }
    }
    Finding::good(WHAT, format!("{} folders that only root or this user writes", path.len()))
}

/// What a finding about a secret is about.
const WHAT: &str = "secret";

/// Looks whether the files that hold secrets are there and nobody else reads them, and whether the
/// programs that give others are there and nobody else changes them. Nothing is read or run.
pub fn secrets(settings: &Settings) -> Vec<Finding> {
    let mut findings: Vec<Finding> = settings
        .secrets
        .iter()
        .map(|(name, origin)| match origin {
            SecretOrigin::File(file) => secret_file(name.as_str(), file),
            SecretOrigin::Variable(variable) => Finding::good(
                WHAT,
                format!(
                    "{name}: the variable {variable}; only the daemon sees its own environment"
                ),
            ),
            SecretOrigin::Credential(credential) => Finding::good(
                WHAT,
                format!("{name}: the credential {credential}; only the daemon sees its own"),
            ),
            SecretOrigin::Command(argv) => secret_program(name.as_str(), argv),
        })
        .collect();
    let own = [settings.socket_token(), settings.audit.key.clone()];
    findings.extend(
        own.iter().filter(|file| file.exists()).map(|file| secret_file("of Tribune", file)),
    );
    let of_matrix = settings.matrix.iter().map(|chat| ("matrix.token_file", &chat.token_file));
    let of_mattermost =
        settings.mattermost.iter().map(|chat| ("mattermost.token_file", &chat.token_file));
    findings.extend(of_matrix.chain(of_mattermost).map(|(key, file)| token_file(key, file)));
    findings
}

fn secret_file(name: &str, file: &Path) -> Finding {
    let shown = file.display();
    match std::fs::metadata(file) {
        Err(error) => Finding::bad(
            WHAT,
            format!("{name}: {shown}: {error}"),
            "runs that name this secret are refused until the file is there",
        ),
        Ok(found) if found.mode() & 0o077 != 0 => Finding::bad(
            WHAT,
            format!("{name}: {shown} has mode {:04o}: others read it", found.mode() & 0o7777),
            format!("chmod 600 {shown}"),
        ),
        Ok(_) => Finding::good(WHAT, format!("{name}: {shown}")),
    }
}

/// The daemon does not start without it.
fn token_file(key: &str, file: &Path) -> Finding {
    let hint = "write the access token into that file, mode 0600, as the daemon's user";
    match std::fs::metadata(file) {
        Err(error) => Finding::bad(WHAT, format!("{key}: {}: {error}", file.display()), hint),
        Ok(found) if found.len() == 0 => {
            Finding::bad(WHAT, format!("{key}: {} is empty", file.display()), hint)
        }
        Ok(_) => secret_file(key, file),
    }
}

fn secret_program(name: &str, argv: &[String]) -> Finding {
    let program = argv.first().map_or("", String::as_str);
    let me = rustix::process::geteuid().as_raw();
    match std::fs::metadata(program) {
        Err(error) => Finding::bad(
            WHAT,
            format!("{name}: {program}: {error}"),
            "runs that name this secret are refused until the program is there",
        ),
        Ok(found) if !found.is_file() || found.mode() & 0o111 == 0 => Finding::bad(
            WHAT,
            format!("{name}: {program} is not a program"),
            "name the whole path of a program that can be run",
        ),
        Ok(found) if (found.uid() != 0 && found.uid() != me) || found.mode() & 0o002 != 0 => {
            Finding::bad(
                WHAT,
                format!("{name}: others can change {program}"),
                "let only root or this user write it",
            )
        }
        Ok(_) => Finding::good(WHAT, format!("{name}: {program} gives it; it was not run")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::cli::doctor::Health;

    #[test]
    fn a_secret_that_others_read_is_bad() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(secret_file("key", file.path()).health, Health::Good);
        let open = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(file.path(), open).unwrap();
        assert_eq!(secret_file("key", file.path()).health, Health::Bad);
        assert_eq!(secret_file("key", Path::new("/nowhere/at/all")).health, Health::Bad);
    }

    #[test]
    fn a_program_that_others_change_or_that_is_none_is_bad() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        let health = |mode| {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            secret_program("key", std::slice::from_ref(&path)).health
        };
        assert_eq!(health(0o755), Health::Good);
        assert_eq!(health(0o757), Health::Bad);
        assert_eq!(health(0o644), Health::Bad);
        assert_eq!(secret_program("key", &["/nowhere".to_owned()]).health, Health::Bad);
    }
}
