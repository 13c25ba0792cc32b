//! One suite per port, over the simulated world and every real adapter.

mod executor;
mod forge;
mod git_source;
mod source;
mod store;
