//! Everything that speaks HTTP: the console's pages, sign-in, live events, and the host's socket.
//!
//! A page never decides anything: it asks the engine who somebody is and what they may see, and
//! writes through [`crate::ports::board`].

pub mod host_api;
