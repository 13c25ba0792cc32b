//! Executors: how a plan that was permitted becomes processes, or files.
//!
//! An executor takes leave (`Authorized`) by value, does what the plan says, and tells how that
//! ended. It decides nothing. [`by_kind`] gives each plan to the executor of its kind.

pub mod argv;
pub mod by_kind;
pub mod file;
mod resolve;
