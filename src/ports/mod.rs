//! What Tribune needs of the world, as traits with their promises written down.
//!
//! The engine speaks to these; adapters (`chat`, `forge`, `exec`, `store`, `source`) implement
//! them; the simulated world of the tests implements them too and passes the same contract suite.

pub mod audit_check;
pub mod board;
pub mod buttons;
pub mod chat;
pub mod clock;
pub mod console;
pub mod copies;
pub mod executor;
pub mod filter;
pub mod forge;
pub mod ledger;
pub mod outbox;
pub mod revision;
pub mod source;
pub mod stock;
pub mod store;

/// What a caller should do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nothing is wrong with what was asked: try again later.
    Transient,
    /// The other side refuses this: trying again will not help.
    Rejected,
    /// Something here or there is broken: a person must act.
    Broken,
}
