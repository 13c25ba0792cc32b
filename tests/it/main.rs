//! Every integration test, in one binary.

mod audit;
mod bytes;
mod containment;
mod contract;
mod docs;
mod grammar;
mod web;
mod world;
