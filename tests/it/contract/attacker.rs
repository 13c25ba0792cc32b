//! Somebody who may write below a root swaps names for links, again and again, while the executor
//! looks and writes. Whatever the executor meets, nothing outside of the root is read or changed.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tribune::domain::run::{Failure, Outcome};

use super::managed::{Yard, names};

const SOURCE: &str = "playbooks/files/motd/conf";
const SECRET: &str = "nobody may see this\n";

/// How often each outcome must be met before the attack counts as withstood.
const ENOUGH: usize = 15;

/// Swaps names until it is told to stop. Every step may fail: the executor works there too.
fn attack(root: &Path, outside: &Path, stop: &AtomicBool) {
    let (folder, aside) = (root.join("app"), root.join("aside"));
    let file = folder.join("conf");
    while !stop.load(Ordering::Relaxed) {
        // The folder becomes a link to another that has the same names.
        if fs::rename(&folder, &aside).is_ok() {
            drop(symlink(outside, &folder));
            thread::yield_now();
            drop(fs::remove_file(&folder));
            drop(fs::rename(&aside, &folder));
        }
        // The file becomes a link, then another name of a file outside.
        drop(fs::remove_file(&file));
        drop(symlink(outside.join("conf"), &file));
        thread::yield_now();
        drop(fs::remove_file(&file));
        drop(fs::hard_link(outside.join("conf"), &file));
        thread::yield_now();
        drop(fs::remove_file(&file));
        // What is being written becomes a link to what must not be written.
        for name in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if name.file_name().to_string_lossy().starts_with(".tribune-") {
                drop(fs::remove_file(name.path()));
                drop(symlink(outside.join("conf"), name.path()));
            }
        }
        // Some peace, so that the executor gets somewhere at times.
        thread::sleep(std::time::Duration::from_micros(500));
    }
}

fn prepare(yard: &Yard) -> PathBuf {
    yard.write("outside/conf", SECRET, 0o600);
    yard.write("outside/old", SECRET, 0o600);
    yard.write("root/app/conf", "old\n", 0o644);
    yard.at("outside")
}

/// Says whether everything outside is as it was.
fn check_outside(yard: &Yard) {
    assert_eq!(names(&yard.at("outside")), ["conf", "old"]);
    for name in ["outside/conf", "outside/old"] {
        assert_eq!(yard.read(name), SECRET);
        assert_eq!(yard.at(name).metadata().unwrap().mode() & 0o7777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn whoever_swaps_names_for_links_leads_the_executor_nowhere() {
    let mut yard = Yard::new("managed/app", &[(SOURCE, "0\n")]);
    yard.rule.prune = true;
    let outside = prepare(&yard);
    let stop = Arc::new(AtomicBool::new(false));
    let (root, until) = (yard.at("root"), Arc::clone(&stop));
    let attacker = thread::spawn(move || attack(&root, &outside, &until));
    let (mut done, mut refused) = (0, 0);
    for round in 0..20_000_u32 {
        yard.declare(SOURCE, &format!("{round}\n"));
        for (outcome, told) in [yard.run().await, yard.check().await] {
            assert!(!told.contains(SECRET.trim_end()), "{told}");
            match outcome {
                Outcome::Succeeded | Outcome::Differs => done += 1,
                Outcome::Failed { how: Failure::NotDone(_), .. } => refused += 1,
                other => panic!("{other:?}"),
            }
        }
        check_outside(&yard);
        if done >= ENOUGH && refused >= ENOUGH {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    attacker.join().unwrap();
    assert!(done >= ENOUGH && refused >= ENOUGH, "{done} done, {refused} refused");
    check_outside(&yard);
}
