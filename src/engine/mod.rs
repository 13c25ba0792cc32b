//! Orchestration over ports: what happens when, and in which order.

pub mod sessions;
