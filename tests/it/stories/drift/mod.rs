//! Drift: standing intents, what they find, and what people and Tribune do about it.

mod leaving;
mod repairing;
mod telling;

use tribune::domain::run::Outcome;

use crate::world::World;

/// What a check of the message of the day finds.
const DIFF: &str = "--- web-dev:/etc/motd\n+++ declared\n@@ -1 +1 @@\n-by hand\n+declared\n";

/// The message of the day becomes a standing intent.
fn standing(world: &mut World, rule: &str) {
    let keys = format!("idempotent: true\nchannel: ops\nstanding: {{ {rule} }}");
    world.edit("intents/sync-motd.yaml", "idempotent: true", &keys);
    world.told();
}

fn development(world: &mut World, on_drift: &str) {
    standing(world, &format!("every: 15m, targets: [development], on_drift: {on_drift}"));
}

fn drifts(world: &mut World, target: &str, diff: &str) {
    world.executor.finds(&format!("sync-motd {target}"), diff, Outcome::Differs);
}

pub(super) fn clears(world: &mut World, target: &str) {
    world.executor.finds(&format!("sync-motd {target}"), "", Outcome::Succeeded);
}

/// On `web-dev` it differs, and that was found.
pub(super) fn drifted(world: &mut World, on_drift: &str) {
    development(world, on_drift);
    drifts(world, "web-dev", DIFF);
    world.pass("17m");
}
