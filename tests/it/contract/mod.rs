//! One suite per port, over the simulated world and every real adapter.

mod executor;
mod git_source;
mod source;
mod store;
