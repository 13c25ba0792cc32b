//! Stories: what people type, what Tribune says and does.
//!
//! Each is played in a [`crate::world::World`] on the shipped policy repo. `»` is what people do
//! or what happens; below it stands what Tribune says.

mod approving;
mod asking;
mod citing;
mod drift;
mod freezing;
mod guarding;
mod intents;
mod keeping;
mod managing;
mod pausing;
mod reconciling;
mod running;
mod scheduling;
mod telling;
mod voiding;
