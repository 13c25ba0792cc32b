//! What Tribune is about, as values and pure functions.
//!
//! Nothing here reads a file, a clock or a socket: the time is an argument, randomness is an
//! argument, and the same inputs give the same bytes. Everything else in the crate is built
//! around these words; `docs/architecture.md` explains them in reading order.

pub mod approval;
pub mod arguments;
pub mod audit;
pub mod ban;
pub mod body;
pub mod canonical;
pub mod channel;
pub mod command;
pub mod decision;
pub mod diagnostic;
pub mod digest;
pub mod drift;
pub mod duration;
pub mod evidence;
pub mod file;
pub mod id;
pub mod intent;
pub mod invisible;
pub mod message;
pub mod param;
pub mod pause;
pub mod person;
pub mod platform;
pub mod press;
pub mod provisional;
pub mod reply;
pub mod repo;
pub mod request;
pub mod retention;
pub mod revision_change;
pub mod role;
pub mod run;
pub mod schedule;
pub mod suggest;
pub mod target;
pub mod template;
pub mod trust;
pub mod unified;
pub mod window;
