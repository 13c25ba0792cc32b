//! Executors: how a plan that was permitted becomes processes.
//!
//! An executor takes leave (`Authorized`) by value, turns the plan into a spec for
//! [`process`](crate::process), and the end of the processes into an outcome. It decides nothing.

pub mod argv;
mod resolve;
