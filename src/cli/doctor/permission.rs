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

/// Looks whether the files that hold secrets are there and nobody else reads them.
pub fn secrets(settings: &Settings) -> Vec<Finding> {
    let mut findings: Vec<Finding> = settings
        .secrets
        .iter()
        .filter_map(|(name, origin)| match origin {
            SecretOrigin::File(file) => Some(secret_file(name.as_str(), file)),
            SecretOrigin::Variable(_) | SecretOrigin::Credential(_) => None,
        })
        .collect();
    let own = [settings.socket_token(), settings.audit.key.clone()];
    findings.extend(
        own.iter().filter(|file| file.exists()).map(|file| secret_file("of Tribune", file)),
    );
    findings
}

fn secret_file(name: &str, file: &Path) -> Finding {
    const WHAT: &str = "secret";
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
}
