//! The `tribune` program.

fn main() {}
