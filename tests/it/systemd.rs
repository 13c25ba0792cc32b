//! The unit that is shipped, as systemd itself reads it, and what the daemon tells it.

#![expect(clippy::disallowed_methods, reason = "tests may start what they like")]

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::ground::Ground;

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/systemd/tribune.service")
}

/// Returns what `systemd-analyze verify` has to say about a unit; nothing: it is fine.
///
/// It ends with 0 whatever it finds, so what it prints counts. The programs of the unit are not on
/// this machine: they become one that is.
fn verify(unit: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tribune.service");
    let unit = unit.replace("/usr/local/bin/tribune", "/bin/true");
    fs::write(&path, unit).expect("writable");
    let done = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&path)
        .output()
        .expect("systemd-analyze is there: scripts/test installs it");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let failed = if done.status.success() { "" } else { "it failed" };
    said + &String::from_utf8_lossy(&done.stdout) + failed
}

#[test]
fn systemd_has_nothing_to_say_about_the_unit() {
    let unit = fs::read_to_string(unit()).expect("the unit is shipped");
    assert_eq!(verify(&unit), "");
    let misspelt = unit.replace("WatchdogSec=", "WatchdogSecs=");
    assert!(verify(&misspelt).contains("WatchdogSecs"), "what is wrong with a unit is seen");
}

#[test]
fn the_unit_gives_runs_more_time_than_the_settings_do() {
    let unit = fs::read_to_string(unit()).expect("the unit is shipped");
    for line in ["Type=notify", "KillMode=mixed", "TimeoutStopSec=90", "StateDirectory=tribune"] {
        assert!(unit.lines().any(|it| it == line), "{line}");
    }
    assert!(unit.contains("/etc/tribune/tribune.toml"));
}

/// Waits for a message that says so; what else is said is passed over.
fn hear(socket: &UnixDatagram, wanted: &str) {
    let mut bytes = [0; 512];
    loop {
        let length = socket.recv(&mut bytes).unwrap_or_else(|_| panic!("{wanted} is never said"));
        let said = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if said.lines().any(|line| line == wanted) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_is_told_when_requests_are_taken_that_it_lives_and_that_it_stops() {
    let ground = Ground::build(|_| Vec::new()).await;
    let path = ground.at("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a time");
    let mut daemon = ground.start_told(&path);
    hear(&socket, "READY=1");
    let (exit, _, _) = ground.tell(&["status"]);
    assert!(exit <= 1, "it answers as soon as it says that it is ready");
    hear(&socket, "WATCHDOG=1");
    hear(&socket, "WATCHDOG=1");
    daemon.signal("HUP");
    hear(&socket, "READY=1");
    daemon.signal("TERM");
    hear(&socket, "STOPPING=1");
    daemon.end().await;
}
