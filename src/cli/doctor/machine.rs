//! The state folder, the clock and the port.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::Finding;
use crate::clock::SystemClock;
use crate::ports::clock::Clock as _;
use crate::process::sandbox::probe;
use crate::settings::Settings;

/// Free space below which the store may soon be unable to write.
const LITTLE: u64 = 200 * 1024 * 1024;

/// Looks at the folder for what must survive and the disk it is on.
pub fn state(folder: &Path) -> Vec<Finding> {
    const WHAT: &str = "state";
    let shown = folder.display();
    let Ok(found) = std::fs::metadata(folder) else {
        let parent = folder.ancestors().find(|parent| parent.is_dir()).unwrap_or(Path::new("/"));
        return vec![match rustix::fs::access(parent, rustix::fs::Access::WRITE_OK) {
            Ok(()) => Finding::good(WHAT, format!("{shown} is not there yet and can be made")),
            Err(_) => Finding::bad(
                WHAT,
                format!("{shown} is not there and cannot be made by this user"),
                "make it for the user that Tribune runs as, or set state",
            ),
        }];
    };
    let me = rustix::process::geteuid().as_raw();
    let mode = found.mode() & 0o7777;
    let own = if !found.is_dir() {
        Finding::bad(WHAT, format!("{shown} is not a folder"), "remove it, or set state")
    } else if found.uid() != me {
        Finding::bad(
            WHAT,
            format!("{shown} belongs to user {}, and this is user {me}", found.uid()),
            "run this as the user that Tribune runs as",
        )
    } else if mode & 0o077 != 0 {
        Finding::bad(
            WHAT,
            format!("{shown} has mode {mode:04o}: others can get at it"),
            format!("chmod 700 {shown}"),
        )
    } else {
        Finding::good(WHAT, format!("{shown}, mode {mode:04o}"))
    };
    vec![own, disk(folder)]
}

fn disk(folder: &Path) -> Finding {
    const WHAT: &str = "disk";
    match rustix::fs::statvfs(folder) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let seen = format!("{} MiB free", free / (1024 * 1024));
            if free < LITTLE {
                Finding::weak(WHAT, seen, "make room: when the disk is full nothing is dispatched")
            } else {
                Finding::good(WHAT, seen)
            }
        }
        Err(error) => Finding::weak(WHAT, format!("cannot be asked: {error}"), "look at `df`"),
    }
}

/// Looks whether the present time can be right: not before what was written last.
pub fn clock(settings: &Settings) -> Finding {
    const WHAT: &str = "clock";
    let now = SystemClock.now();
    let written = [settings.store(), settings.audit.jsonl.clone()]
        .iter()
        .filter_map(|file| std::fs::metadata(file).ok())
        .filter_map(|found| Timestamp::from_second(found.mtime()).ok())
        .max();
    let hint = "windows, expiries and bans hang on it: run a time service such as chrony";
    match written {
        Some(written) if written > now + SignedDuration::from_mins(1) => {
            Finding::bad(WHAT, format!("it is {now}, and the store was written at {written}"), hint)
        }
        Some(_) | None => Finding::good(WHAT, format!("it is {now}")),
    }
}

/// Looks whether the console can listen.
pub fn port(settings: &Settings) -> Finding {
    const WHAT: &str = "port";
    let listen = settings.web.listen;
    match TcpListener::bind(listen) {
        Ok(_) => Finding::good(WHAT, format!("{listen} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            if settings.socket().exists() {
                Finding::good(WHAT, format!("{listen} is in use, by the running daemon it seems"))
            } else {
                Finding::bad(
                    WHAT,
                    format!("{listen} is in use by another program"),
                    "set web.listen to another port",
                )
            }
        }
        Err(error) => Finding::bad(
            WHAT,
            format!("{listen}: {error}"),
            "set web.listen to an address of this machine",
        ),
    }
}

/// Looks whether the kernel can hold runs.
pub fn sandbox(weak_sandbox: bool) -> Finding {
    const WHAT: &str = "sandbox";
    let probe = probe();
    let seen = format!("Landlock ABI {}", probe.landlock_abi);
    match (probe.needs_weak(), weak_sandbox) {
        (true, false) => Finding::bad(
            WHAT,
            format!("{seen}: runs are refused"),
            "use Linux 6.2 or newer with Landlock, or accept the risk with exec.weak_sandbox = true",
        ),
        (true, true) => Finding::weak(
            WHAT,
            format!("{seen}: runs have this user's rights over the store"),
            "use Linux 6.2 or newer with Landlock",
        ),
        (false, _) if probe.holds_signals() => Finding::good(WHAT, seen),
        (false, _) => Finding::weak(
            WHAT,
            format!("{seen}: runs can send signals to processes of this user"),
            "Linux 6.12 or newer stops that",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::cli::doctor::Health;

    #[test]
    fn a_state_folder_that_others_read_is_bad() {
        let folder = tempfile::tempdir().unwrap();
        let set = |mode| {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set(0o755);
        assert_eq!(state(folder.path())[0].health, Health::Bad);
        set(0o700);
        assert_eq!(state(folder.path())[0].health, Health::Good);
    }
}
