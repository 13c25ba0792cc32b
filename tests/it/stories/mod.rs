//! Stories: what people type, what Tribune says and does.
//!
//! Each is played in a [`crate::world::World`] on the shipped policy repo. `»` is what people do
//! or what happens; below it stands what Tribune says.

mod approving;
mod asking;
mod banning;
mod citing;
mod delivering;
mod drift;
mod freezing;
mod guarding;
mod hearing;
mod identity;
mod intents;
mod keeping;
mod managing;
mod pausing;
mod placing;
mod pressing;
mod reading;
mod reconciling;
mod running;
mod scheduling;
mod telling;
mod voiding;

use tribune::domain::message::MessageRef;

use crate::world::World;

/// Ken asks to restart nginx on web-dev as `r1`, which takes an operator and an sre; returns the
/// card.
fn asked(world: &mut World) -> MessageRef {
    world.say("ken", "ops", "!restart nginx on web-dev");
    world.card("r1")
}

/// As [`asked`], and radia, an operator, has approved.
fn half_approved(world: &mut World) -> MessageRef {
    let card = asked(world);
    world.approve("radia", "r1");
    card
}
