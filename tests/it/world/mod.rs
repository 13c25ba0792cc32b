//! The simulated world: implements the ports in memory, as strict as the real thing.

pub mod store;
