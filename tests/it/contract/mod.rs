//! One suite per port, over the simulated world and every real adapter.

mod argv;
mod attacker;
mod bans;
mod buttons;
pub mod chat;
mod drift;
mod executor;
mod fake_source;
mod forge;
mod git_source;
mod local_forge;
mod managed;
mod source;
pub mod store;
mod sweep;
