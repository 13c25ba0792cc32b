//! Tribune: operations run from chat only when git says so or enough people say so.
//!
//! Read the modules in this order: [`domain`] (the words), [`ports`] (what is needed of the
//! world), [`policy`] (deciding).

#![forbid(unsafe_code)]

pub mod app;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod domain;
pub mod engine;
pub mod exec;
pub mod forge;
pub mod manifest;
pub mod policy;
pub mod ports;
pub mod process;
pub mod redact;
pub mod settings;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod web;
