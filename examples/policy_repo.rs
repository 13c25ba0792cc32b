//! Writes a policy repo of any size into a folder, to try things with:
//!
//! ```sh
//! cargo run --example policy_repo -- /tmp/big --people 1000 --intents 200 --policies 200
//! tribune check /tmp/big
//! ```

use std::path::PathBuf;

use clap::Parser;

#[path = "../benches/sample/repo.rs"]
mod repo;
#[path = "../benches/sample/words.rs"]
mod words;

use repo::{Size, policy_repo, write};

#[derive(Debug, Parser)]
struct Args {
    /// The folder to write into.
    dir: PathBuf,
    /// People.
    #[arg(long, default_value_t = 1000)]
    people: usize,
    /// Intents.
    #[arg(long, default_value_t = 200)]
    intents: usize,
    /// Policies.
    #[arg(long, default_value_t = 200)]
    policies: usize,
    /// API keys and bots; one per app if not given.
    #[arg(long)]
    services: Option<usize>,
    /// Hosts; eight per app if not given.
    #[arg(long)]
    hosts: Option<usize>,
    /// Standing intents beside the others, each of which keeps one file on `local`.
    #[arg(long, default_value_t = 0)]
    files: usize,
    /// Repos of one size differ by this.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let usual = Size::new(args.people, args.intents, args.policies);
    let size = Size {
        services: args.services.unwrap_or(usual.services),
        hosts: args.hosts.unwrap_or(usual.hosts),
        files: args.files,
        seed: args.seed,
        ..usual
    };
    write(&args.dir, &policy_repo(&size))
}
