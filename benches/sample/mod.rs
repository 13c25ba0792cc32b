//! What benches and tests work on: policy repos and stores of any size.

pub mod repo;
mod words;
