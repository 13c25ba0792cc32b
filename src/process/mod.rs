//! Starting processes: the only place in the crate that does.
//!
//! [`command`] runs a short helper program (`git`, a probe) to its end. Nothing here knows what a
//! request or an intent is; nothing inherits the daemon's environment or descriptors; and whatever
//! is started is killed with everything that it started.

pub mod command;
mod pidfd;
