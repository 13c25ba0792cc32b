//! Forges: where pull requests live. Only the one that git itself is, so far.

pub mod local;
