//! The only user of Cedar: compiling a policy repo's policies and asking them.
//!
//! Cedar decides; the host only establishes facts.

pub mod gate;
