//! One suite per port, over the simulated world and every real adapter.

mod git_source;
mod source;
mod store;
