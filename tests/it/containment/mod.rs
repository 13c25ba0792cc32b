//! What a run can reach and what it leaves behind: real processes of the built binary.
//!
//! The suite passes as root and as an ordinary user; `TRIBUNE_TEST_BIN` names the binary where
//! the one that was built cannot be read.

mod ending;
mod host;
mod reach;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tribune::process::sandbox::{Weak, probe};
use tribune::process::supervised::{Launcher, Supervised};
use tribune::process::wire::{Command, End, Limits, Spec, View};

/// Returns the binary under test.
#[expect(clippy::disallowed_methods, reason = "tests run where the built binary cannot be read")]
pub fn binary() -> PathBuf {
    std::env::var_os("TRIBUNE_TEST_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_tribune").into(), PathBuf::from)
}

/// Folders for one run, and its spec.
pub struct Bench {
    folder: tempfile::TempDir,
    spec: Spec,
}

impl Bench {
    /// Returns a run of one shell script, with ample limits.
    pub fn new(script: &str) -> Self {
        Self::of(vec![sh(script)])
    }

    /// Returns a run of some commands, with ample limits.
    pub fn of(commands: Vec<Command>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| fs::canonicalize(folder.path()).unwrap().join(name);
        for name in ["tree", "work"] {
            fs::create_dir(at(name)).unwrap();
        }
        fs::write(at("tree/file"), "pinned\n").unwrap();
        fs::write(at("token"), "secret\n").unwrap();
        let env = BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("HOME".to_owned(), at("work").display().to_string()),
        ]);
        let view = View {
            tree: at("tree"),
            work: at("work"),
            read: Vec::new(),
            write: Vec::new(),
            hidden: Vec::new(),
        };
        let limits = Limits { timeout: Duration::from_secs(60), memory: 512 << 20, processes: 64 };
        let level = probe().level(Weak::Refused).unwrap();
        let spec = Spec { commands, env, cwd: at("tree"), view, level, limits };
        Self { folder, spec }
    }

    /// Returns a path beside the folders of the run.
    pub fn at(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join(name)
    }

    /// Starts the run; its output comes in pieces.
    pub async fn start(&self) -> (Supervised, mpsc::Receiver<Bytes>) {
        let (to, from) = mpsc::channel(64);
        let run = Launcher::new(binary()).start(&self.spec, &self.at("lock"), to).await.unwrap();
        (run, from)
    }

    /// Runs to the end and returns how it ended and what it said.
    pub async fn run(&self) -> (End, String) {
        let (run, output) = self.start().await;
        let _cancel = run.cancel;
        let (end, said) = tokio::join!(run.finished, text(output));
        (end, said)
    }

    /// Runs to a good end and returns what it said.
    pub async fn said(&self) -> String {
        let (end, said) = self.run().await;
        assert_eq!(end, End::Done { codes: vec![0] }, "{said}");
        said
    }
}

/// Returns a command that is a shell script.
pub fn sh(script: &str) -> Command {
    Command {
        program: "/bin/sh".into(),
        argv: ["sh", "-c", script].map(str::to_owned).into(),
        accepted: Vec::new(),
    }
}

/// Returns all that comes.
pub async fn text(mut from: mpsc::Receiver<Bytes>) -> String {
    let mut all = Vec::new();
    while let Some(piece) = from.recv().await {
        all.extend_from_slice(&piece);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// Returns as soon as `word` was said.
pub async fn until(from: &mut mpsc::Receiver<Bytes>, word: &str) {
    let mut all = String::new();
    while !all.contains(word) {
        let piece = from.recv().await.expect("the run goes on until it has said it");
        all.push_str(&String::from_utf8_lossy(&piece));
    }
}

/// Returns the numbers that a file lists, one a line, of processes that still live.
pub fn alive(pids: &Path) -> Vec<String> {
    let pids = fs::read_to_string(pids).unwrap();
    assert!(!pids.is_empty());
    // One that has ended stays listed until its parent, which may be the machine's, takes note.
    let lives = |pid: &&str| {
        fs::read_to_string(Path::new("/proc").join(pid).join("stat"))
            .is_ok_and(|stat| !stat.contains(") Z "))
    };
    pids.lines().filter(lives).map(str::to_owned).collect()
}
