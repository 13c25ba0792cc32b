//! Mattermost, over a simulated server that the official client keeps honest.

mod buttons;
mod daemon;
mod identity;
mod intake;
mod network;
mod official;
mod posting;
pub mod server;
mod sockets;
pub mod town;
