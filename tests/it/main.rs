//! Every integration test, in one binary.

mod bytes;
mod grammar;
