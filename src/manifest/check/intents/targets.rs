//! Targets of an intent.

use super::super::super::raw::intent::RawIntent;
use super::super::values::Checked;
use super::Around;
use crate::domain::diagnostic::Code;
use crate::domain::id::{GroupName, TargetName};
use crate::domain::target::LOCAL;

/// Checks that targets exist and mean something.
pub fn check(file: &mut Checked<'_>, raw: &RawIntent, around: &Around<'_>) -> Vec<String> {
    if raw.targets.value.is_empty() {
        file.say(raw.targets.at, Code::IntentNoTarget, "the intent can be asked on nothing");
    }
    let targets = file.names::<TargetName>(&raw.targets.value);
    if let Some(inventory) = &around.known.inventory {
        for target in &targets {
            let name = target.value.as_str();
            if !inventory.resolve(name).is_empty() {
                continue;
            }
            if inventory.groups.keys().any(|group| group.as_str() == name) {
                let message = format!("the group `{name}` has no host");
                file.say(target.at, Code::EmptyTarget, message);
            } else if name == LOCAL {
                let message = "`local` lies in no environment";
                file.say(target.at, Code::NoEnvironment, message);
            } else {
                let groups = inventory.groups.keys().map(GroupName::as_str);
                let all = groups.chain(inventory.targets.keys().map(TargetName::as_str));
                file.unknown(target.at, Code::UnknownTarget, ("target", name), all);
            }
        }
    }
    targets.into_iter().map(|target| target.value.to_string()).collect()
}
