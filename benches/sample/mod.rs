//! What benches work on: policy repos and stores of any size.

pub mod repo;
pub mod store;
mod words;
