//! The `tribune` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Supervisors and sandboxes are this program again: first of all, before there is a thread.
    if let Some(code) = tribune::process::entry(std::env::args_os()) {
        return code;
    }
    tribune::cli::main(std::env::args_os())
}
