//! Measures every figure of docs/performance.md and prints the rows of its table.
//!
//! `scripts/bench` runs it. Words on the command line choose groups of figures (`repo`, `daemon`,
//! `engine`, `runs`, `matrix`); `--quick` measures little, to try whether everything still works.
//!
//! A plain program instead of a bench harness: most figures are of processes, of a store on disk
//! or of a whole daemon, and all are to stand in one table beside what they are compared with.

#![expect(clippy::unwrap_used, reason = "a figure that cannot be measured ends it")]
#![expect(clippy::print_stdout, reason = "the table is its output")]
#![expect(clippy::disallowed_methods, reason = "programs are started from outside, as people do")]

mod daemon;
mod engine;
mod ground;
mod matrix;
mod repo;
mod runs;
mod spread;

#[path = "../sample/mod.rs"]
mod sample;

/// The homeserver of the tests.
#[path = "../../tests/it/synapse/mod.rs"]
#[expect(dead_code, reason = "figures need less of it than tests")]
mod synapse;

use std::process::ExitCode;

/// How thoroughly to measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    quick: bool,
}

impl Effort {
    /// Returns how often to measure, or how much of something to make.
    fn of(self, usual: usize, quick: usize) -> usize {
        if self.quick { quick } else { usual }
    }
}

fn main() -> ExitCode {
    // The engine starts supervisors of runs by this program's own name.
    if let Some(code) = tribune::process::entry(std::env::args_os()) {
        return code;
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let effort = Effort { quick: words.iter().any(|word| word == "--quick") };
    let chosen: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let wants = |group: &str| chosen.is_empty() || chosen.iter().any(|word| *word == group);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("| figure | limit | measured | spread (10 to 90 %), times | beside |");
    println!("|---|---|---|---|---|");
    if wants("repo") {
        repo::measure(effort);
    }
    if wants("daemon") {
        runtime.block_on(daemon::measure(effort));
    }
    if wants("runs") {
        runtime.block_on(runs::measure(effort));
    }
    if wants("engine") {
        runtime.block_on(engine::measure(effort));
    }
    if wants("matrix") {
        runtime.block_on(matrix::measure(effort));
    }
    ExitCode::SUCCESS
}
