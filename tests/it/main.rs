//! Every integration test, in one binary.

mod audit;
mod bytes;
mod console;
mod containment;
mod contract;
mod docs;
mod examples;
mod grammar;
mod output;
mod web;
mod world;
