//! Every integration test, in one binary.

mod bytes;
mod containment;
mod contract;
mod docs;
mod grammar;
mod web;
mod world;
