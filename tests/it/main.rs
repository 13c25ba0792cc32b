//! Every integration test, in one binary.

mod bytes;
mod contract;
mod grammar;
mod world;
