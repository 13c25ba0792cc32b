//! The `tribune` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    tribune::cli::main(std::env::args_os())
}
