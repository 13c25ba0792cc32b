//! What the file system looks like from inside a run, as Landlock rules.
//!
//! Landlock only grants: what no rule names cannot be opened, created, removed, renamed or cut
//! short. It does not stop `stat`, `chmod`, `chown` or `connect`; `docs/security-model.md` says
//! what follows from that.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd,
    RestrictSelf, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    make_bitflags,
};

use super::wire::{Level, View};

/// Folders of the system that every run may read and execute from.
const SYSTEM: [&str; 14] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
    "/proc",
    "/sys",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/utmp",
];

/// The folder of which a run sees only what everybody may read.
const PUBLIC_PART: &str = "/etc";

/// Devices that hold nothing and control nothing.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// The Landlock ABI from which on files can be held: before it, `truncate` was not covered, and a
/// run could have emptied the store.
pub const NEEDED_ABI: u32 = 3;

/// The Landlock ABI from which on signals and abstract sockets can be held.
pub const SCOPES_ABI: u32 = 6;

/// Why a view could not be put in force.
#[derive(Debug, thiserror::Error)]
pub(super) enum ViewError {
    /// The kernel cannot, or did not.
    #[error("the kernel cannot hold it (Landlock): {0}")]
    Landlock(#[from] RulesetError),
    /// The kernel took the rules and does not keep them.
    #[error("the kernel does not enforce Landlock rules; switch Landlock on (lsm=landlock,…)")]
    NotEnforced,
    /// A path that must be there is not.
    #[error("{} cannot be opened: {why}", path.display())]
    Missing {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// Returns the Landlock ABI of the running kernel, 0 if it has none.
pub(super) fn abi() -> u32 {
    // Nothing is asked of the kernel here but its version: no flag is set, so no call is made.
    let status = RestrictSelf::default().no_new_privs(false).apply();
    match status.map(|status| status.landlock) {
        Ok(LandlockStatus::Available { effective_abi, kernel_abi }) => {
            kernel_abi.and_then(|abi| u32::try_from(abi).ok()).unwrap_or(effective_abi as u32)
        }
        Ok(LandlockStatus::NotEnabled | LandlockStatus::NotImplemented) | Err(_) => 0,
    }
}

/// Restricts this process, for good, to a view.
pub(super) fn restrict(view: &View, level: Level) -> Result<(), ViewError> {
    let mut ruleset = Ruleset::default();
    ruleset = match level {
        Level::Required { scopes } => {
            let ruleset = ruleset
                .set_compatibility(CompatLevel::HardRequirement)
                .handle_access(AccessFs::from_all(ABI::V3))?;
            let ruleset = if scopes { ruleset.scope(Scope::from_all(ABI::V6))? } else { ruleset };
            ruleset.set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::IoctlDev)?
        }
        Level::BestEffort => ruleset
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V5))?
            .scope(Scope::from_all(ABI::V6))?,
    };
    let mut created = ruleset.create()?.set_compatibility(CompatLevel::BestEffort);
    for grant in grants(view)? {
        let rule = PathBeneath::new(grant.handle, grant.access);
        created = created.add_rule(rule)?;
    }
    let status = created.restrict_self()?;
    match (level, status.ruleset) {
        (Level::Required { .. }, RulesetStatus::NotEnforced) => Err(ViewError::NotEnforced),
        _ => Ok(()),
    }
}

/// One path and what may be done beneath it.
struct Grant {
    handle: PathFd,
    access: BitFlags<AccessFs>,
}

/// What to do about a path that is not there.
#[derive(Clone, Copy)]
enum Absent {
    Skip,
    Refuse,
}

/// Returns every grant of a view.
fn grants(view: &View) -> Result<Vec<Grant>, ViewError> {
    let read = AccessFs::from_read(ABI::V3);
    let write = make_bitflags!(AccessFs::{
        Execute | ReadFile | ReadDir | WriteFile | RemoveDir | RemoveFile | MakeDir | MakeReg
        | MakeSock | MakeFifo | MakeSym | Refer | Truncate
    });
    let mut found = Vec::new();
    for path in system_paths() {
        for path in shown(&path, &view.hidden) {
            grant(&path, read, Absent::Skip, &mut found)?;
        }
    }
    let device = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate});
    for path in DEVICES {
        grant(path.as_ref(), device, Absent::Skip, &mut found)?;
    }
    for (paths, access) in [(&view.read, read), (&view.write, write)] {
        for path in paths {
            check_there(path)?;
            for path in shown(path, &view.hidden) {
                grant(&path, access, Absent::Skip, &mut found)?;
            }
        }
    }
    grant(&view.tree, read, Absent::Refuse, &mut found)?;
    grant(&view.work, write, Absent::Refuse, &mut found)?;
    Ok(found)
}

/// Adds a grant; of a file, only what can be done to files.
fn grant(
    path: &Path,
    access: BitFlags<AccessFs>,
    absent: Absent,
    into: &mut Vec<Grant>,
) -> Result<(), ViewError> {
    let handle = match (PathFd::new(path), absent) {
        (Ok(handle), _) => handle,
        (Err(_), Absent::Skip) => return Ok(()),
        (Err(error), Absent::Refuse) => {
            return Err(ViewError::Missing { path: path.to_owned(), why: error.to_string() });
        }
    };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(ABI::V3) };
    into.push(Grant { handle, access });
    Ok(())
}

/// Refuses a path of an intent's `sandbox` that is not there: a grant of nothing would be found
/// out only in the middle of the run.
fn check_there(path: &Path) -> Result<(), ViewError> {
    let missing = |error: io::Error| ViewError::Missing {
        path: path.to_owned(),
        why: format!("{error}; correct `sandbox` in the intent or make it"),
    };
    fs::metadata(path).map(drop).map_err(missing)
}

/// Returns the system folders, and of `/etc` what everybody may read.
fn system_paths() -> Vec<PathBuf> {
    let public = |path: &PathBuf| {
        let needed = if path.is_dir() { 0o005 } else { 0o004 };
        fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & needed == needed)
    };
    let mut paths: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    paths.extend(children(PUBLIC_PART.as_ref()).into_iter().filter(public));
    paths
}

/// Returns `path` itself, or as much of it as holds nothing of what is hidden.
fn shown(path: &Path, hidden: &[PathBuf]) -> Vec<PathBuf> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let hidden: Vec<PathBuf> =
        hidden.iter().map(|it| fs::canonicalize(it).unwrap_or_else(|_| it.clone())).collect();
    let mut found = Vec::new();
    show(&real, &hidden, &mut found);
    found
}

/// Adds what of `path` may be shown. A symbolic link is left out where it would have to be
/// followed: what it leads to is granted, or not, in its own place.
fn show(path: &Path, hidden: &[PathBuf], found: &mut Vec<PathBuf>) {
    if hidden.iter().any(|hidden| path.starts_with(hidden)) {
        return;
    }
    if !hidden.iter().any(|hidden| hidden.starts_with(path)) {
        found.push(path.to_owned());
        return;
    }
    for child in children(path) {
        if !child.is_symlink() {
            show(&child, hidden, found);
        }
    }
}

/// Returns what lies in a folder, sorted; nothing if it cannot be read.
fn children(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_shown_around_what_is_hidden_in_it() {
        let top = tempfile::tempdir().unwrap();
        let at = |path: &str| fs::canonicalize(top.path()).unwrap().join(path);
        fs::create_dir_all(at("a/state")).unwrap();
        fs::create_dir_all(at("a/other")).unwrap();
        fs::create_dir_all(at("b")).unwrap();
        std::os::unix::fs::symlink(at("a"), at("link")).unwrap();
        assert_eq!(shown(top.path(), &[at("a/state")]), [at("a/other"), at("b")]);
        assert_eq!(shown(top.path(), &[]), [at("")]);
        assert_eq!(shown(&at("a/state"), &[at("a")]), Vec::<PathBuf>::new());
    }
}
