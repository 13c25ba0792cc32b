//! Runs: what it costs to start one, and how fast its output is cleaned.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tribune::process::sandbox::{Weak, probe};
use tribune::process::supervised::Launcher;
use tribune::process::wire::{Command, End, Limits, Spec, View};
use tribune::redact::{Cleaner, HeadTail, Redactor};

use crate::Effort;
use crate::ground::{TRIBUNE, folder, mebibytes, memory};
use crate::spread::{Spread, counted, time, timed};

const LINE: &str =
    "2026-06-01T08:00:00Z web01 app[4711]: GET /orders/8123 200 12ms client=10.0.3.7";

pub async fn measure(effort: Effort) {
    let top = folder();
    for name in ["tree", "work"] {
        fs::create_dir(top.path().join(name)).unwrap();
    }
    starting(top.path(), effort.of(100, 3)).await;
    printing(top.path(), effort.of(1_000_000_000, 5_000_000)).await;
}

async fn starting(top: &Path, times: usize) {
    let (mut ours, mut plain, mut bwrap) = (vec![], vec![], vec![]);
    let is_there = Path::new("/usr/bin/bwrap").exists();
    for _ in 0..times {
        let begun = Instant::now();
        run(top, "/usr/bin/true", &["true"], |_| {}).await;
        ours.push(begun.elapsed());
        plain.push(program(&["/usr/bin/true"]).await);
        if is_there {
            let words = ["/usr/bin/bwrap", "--ro-bind", "/", "/", "--unshare-all", "/usr/bin/true"];
            bwrap.push(program(&words).await);
        }
    }
    let (ours, plain) = (Spread::of(ours), Spread::of(plain));
    let mut beside = vec![("`tokio::process`", plain)];
    if is_there {
        beside.push(("`bwrap --unshare-all`", Spread::of(bwrap)));
    }
    timed(
        "`true` as a run, supervised and in its sandbox",
        Duration::from_millis(20) + plain.median,
        ours,
        &beside,
    );
    if !is_there {
        println!("| | | bwrap is not there: install the package bubblewrap | | |");
    }
}

async fn program(words: &[&str]) -> Duration {
    let begun = Instant::now();
    let mut command = tokio::process::Command::new(words[0]);
    command.args(&words[1..]).env_clear().stdin(Stdio::null());
    assert!(command.status().await.unwrap().success());
    begun.elapsed()
}

/// A run that prints much: through supervisor and cleaner into what is kept of it.
async fn printing(top: &Path, bytes: usize) {
    let script = top.join("tree/print.sh");
    fs::write(&script, format!("#!/bin/sh\nyes '{LINE}' | head -c {bytes}\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let redactor = Arc::new(Redactor::new([("db", "correct-horse-battery")]).unwrap());
    let mut cleaner = Cleaner::new(redactor);
    let mut kept = HeadTail::new(256 * 1024);
    let own = std::process::id();
    let before = memory(own, "VmRSS");
    let (mut peak, mut seen) = (before, 0_usize);
    let begun = Instant::now();
    run(top, script.to_str().unwrap(), &["print.sh"], |piece| {
        kept.push(&cleaner.push(piece));
        seen += piece.len();
        if seen % (1 << 20) < piece.len() {
            peak = peak.max(memory(own, "VmRSS"));
        }
    })
    .await;
    let took = begun.elapsed();
    assert!(seen >= bytes, "output was lost: {seen} of {bytes}");
    let speed = bytes as f64 / 1e6 / took.as_secs_f64();
    let size = bytes as f64 / 1e9;
    let figure = format!("output of a run that prints {size} GB, cleaned");
    counted(&figure, "50 MB/s", speed > 50.0, format!("{speed:.0} MB/s"), time(took));
    let grown = peak - before;
    counted("memory it takes meanwhile", "flat", grown < 16 << 20, mebibytes(grown), String::new());
}

/// Runs a program as the executor does, and hands on what it prints.
async fn run(top: &Path, program: &str, words: &[&str], mut each: impl FnMut(&[u8])) {
    let (tree, work) = (top.join("tree"), top.join("work"));
    let spec = Spec {
        commands: vec![Command {
            program: program.into(),
            argv: words.iter().map(|word| (*word).to_owned()).collect(),
            accepted: vec![],
        }],
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        cwd: tree.clone(),
        view: View { tree, work, read: vec![], write: vec![], hidden: vec![] },
        level: probe().level(Weak::Allowed).unwrap(),
        limits: Limits { timeout: Duration::from_secs(300), memory: 1 << 30, processes: 64 },
    };
    let (sender, mut pieces) = mpsc::channel(64);
    let lock = top.join("run.lock");
    let started = Launcher::new(TRIBUNE).start(&spec, &lock, sender).await.unwrap();
    while let Some(piece) = pieces.recv().await {
        each(&piece);
    }
    assert_eq!(started.finished.await, End::Done { codes: vec![0] });
}
