//! Matrix on a real Synapse: what the contract of every chat does not ask.

mod evidence;
mod missed;
mod rooms;
mod sending;
pub mod town;
