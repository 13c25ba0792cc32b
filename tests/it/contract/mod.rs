//! One suite per port, over the simulated world and every real adapter.

mod store;
