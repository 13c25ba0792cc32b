//! Whether files can be managed below the roots of the settings.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, CWD, Mode, OFlags, ResolveFlags, access, openat2};

use super::Finding;
use crate::domain::id::RootName;
use crate::settings::Settings;

const WHAT: &str = "files";

/// Looks at every root, and whether the kernel can keep to it.
pub fn roots(settings: &Settings) -> Vec<Finding> {
    let roots = &settings.managed.roots;
    let mut findings: Vec<Finding> =
        roots.iter().map(|(name, path)| root(name, path, &settings.state)).collect();
    if !roots.is_empty() && !keeps_beneath() {
        findings.push(Finding::bad(
            WHAT,
            "this kernel has no openat2, so no file is managed",
            "use Linux 5.6 or newer, or remove [file.roots]",
        ));
    }
    findings
}

fn keeps_beneath() -> bool {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(CWD, ".", flags, Mode::empty(), ResolveFlags::BENEATH).is_ok()
}

fn root(name: &RootName, path: &Path, state: &Path) -> Finding {
    let shown = format!("root {name}: {}", path.display());
    let Ok(found) = std::fs::metadata(path) else {
        let hint = "make it for the user that Tribune runs as, or remove it from [file.roots]";
        return Finding::bad(WHAT, format!("{shown} is not there"), hint);
    };
    let me = rustix::process::geteuid().as_raw();
    if !found.is_dir() {
        return Finding::bad(WHAT, format!("{shown} is not a folder"), "name a folder");
    }
    if path.starts_with(state) || state.starts_with(path) {
        return Finding::weak(
            WHAT,
            format!("{shown} holds or lies in the state folder, where nothing is managed"),
            "choose a folder that is apart from it",
        );
    }
    if access(path, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Finding::bad(
            WHAT,
            format!("{shown} cannot be written by user {me}"),
            "give that user the folder, or run this as the user that Tribune runs as",
        );
    }
    let is_ours = found.uid() == me || found.uid() == 0;
    if !is_ours || found.mode() & 0o002 != 0 {
        return Finding::weak(
            WHAT,
            format!("{shown} has mode {:04o} and owner {}", found.mode() & 0o7777, found.uid()),
            "whoever else can write there can make runs fail; leave it to Tribune's user",
        );
    }
    Finding::good(WHAT, format!("{shown}, mode {:04o}", found.mode() & 0o7777))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::cli::doctor::Health;

    #[test]
    fn a_root_is_there_ours_and_apart_from_the_state() {
        let folder = tempfile::tempdir().unwrap();
        let name = "managed".parse().unwrap();
        let state = Path::new("/nonexistent/state");
        let health = |path: &Path, state: &Path| root(&name, path, state).health;
        assert_eq!(health(folder.path(), state), Health::Good);
        assert_eq!(health(folder.path(), &folder.path().join("state")), Health::Weak);
        assert_eq!(health(&folder.path().join("missing"), state), Health::Bad);
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(folder.path(), open).unwrap();
        assert_eq!(health(folder.path(), state), Health::Weak);
    }
}
