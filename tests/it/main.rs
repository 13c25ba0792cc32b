//! Every integration test, in one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod architecture;
mod architecture_gate;
mod audit;
mod bytes;
mod chaos;
mod cli;
mod console;
mod containment;
mod contract;
mod diagnostics;
mod docs;
mod examples;
mod grammar;
mod ground;
mod host;
mod inventory;
mod keys;
mod kill;
mod manifest;
mod matrix;
mod mattermost;
mod output;
mod sample;
mod sayings;
mod shipped_policies;
mod stories;
mod story;
mod synapse;
mod systemd;
mod web;
mod world;
