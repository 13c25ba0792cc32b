//! Targets of an intent, and where its cards stand.

use super::super::super::decode::Placed;
use super::super::super::raw::intent::RawIntent;
use super::super::values::Checked;
use super::Around;
use crate::domain::diagnostic::Code;
use crate::domain::id::{ChannelName, TargetName};
use crate::domain::target::LOCAL;

/// Checks that targets exist and mean something.
pub fn check(file: &mut Checked<'_>, raw: &RawIntent, around: &Around<'_>) -> Vec<String> {
    if raw.targets.value.is_empty() {
        file.say(raw.targets.at, Code::IntentNoTarget, "the intent can be asked on nothing");
    }
    let targets = file.names::<TargetName>(&raw.targets.value);
    for target in &targets {
        one(file, target, around);
    }
    targets.into_iter().map(|target| target.value.to_string()).collect()
}

/// Checks that the channel of cards exists.
pub fn channel(
    file: &mut Checked<'_>,
    raw: &RawIntent,
    around: &Around<'_>,
) -> Option<ChannelName> {
    let written = raw.channel.as_ref()?;
    let name = file.name::<ChannelName>(&written.value, written.at)?;
    if let Some(known) = &around.known.channels
        && !known.contains(&name)
    {
        let all = known.iter().map(ChannelName::as_str);
        file.unknown(written.at, Code::UnknownChannel, ("channel", name.as_str()), all);
    }
    Some(name)
}

fn one(file: &mut Checked<'_>, target: &Placed<TargetName>, around: &Around<'_>) {
    let name = target.value.as_str();
    if let Some(known) = &around.known.targets
        && !known.contains(name)
    {
        let all = known.iter().map(String::as_str);
        file.unknown(target.at, Code::UnknownTarget, ("target", name), all);
    } else if let Some(inventory) = &around.known.inventory
        && inventory.resolve(name).is_empty()
    {
        if name == LOCAL {
            file.say(target.at, Code::NoEnvironment, "`local` lies in no environment");
        } else {
            file.say(target.at, Code::EmptyTarget, format!("the group `{name}` has no host"));
        }
    }
}
