//! How an intent is also checked by Tribune itself.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::super::super::decode::Placed;
use super::super::super::raw::intent::{RawIntent, RawOnDrift, RawStanding};
use super::super::values::Checked;
use super::Around;
use crate::domain::diagnostic::Code;
use crate::domain::id::{ParamName, TargetName};
use crate::domain::intent::{Category, OnDrift, StandingRule};
use crate::domain::param::{Args, Param};
use crate::domain::suggest::nearest;

/// How often people are told again where nothing is said.
const REMIND: SignedDuration = SignedDuration::from_hours(24);

/// What the rule hangs on beside itself.
pub struct Beside<'a> {
    /// The intent's category.
    pub category: Category,
    /// Whether the intent can be looked at without acting.
    pub can_check: bool,
    /// The intent's parameters.
    pub params: &'a BTreeMap<ParamName, Param>,
    /// The intent's targets.
    pub targets: &'a [String],
}

/// Checks the rule; a broken one is left out.
pub fn check(
    file: &mut Checked<'_>,
    raw: &RawIntent,
    beside: &Beside<'_>,
    around: &Around<'_>,
) -> Option<StandingRule> {
    let placed = raw.standing.as_ref()?;
    let standing = &placed.value;
    if !beside.can_check {
        let message = "nothing says how to look without acting";
        file.say(placed.key_at, Code::StandingWithoutCheck, message);
    }
    if raw.channel.is_none() {
        let message = "nothing says in which channel drift is told";
        file.say(placed.key_at, Code::StandingWithoutChannel, message);
    }
    let on_drift = match standing.on_drift.value {
        RawOnDrift::Report => OnDrift::Report,
        RawOnDrift::Ask => OnDrift::Ask,
        RawOnDrift::Auto => OnDrift::Auto,
    };
    if on_drift == OnDrift::Auto && beside.category == Category::Destroy {
        let message = "what destroys is never done by Tribune itself";
        file.say(standing.on_drift.at, Code::StandingDestroy, message);
    }
    let every = SignedDuration::from_secs(10)..=SignedDuration::from_hours(7 * 24);
    let every = file.duration(&standing.every, every);
    let remind = SignedDuration::from_mins(10)..=SignedDuration::from_hours(365 * 24);
    let remind = standing.remind.as_ref().map(|text| file.duration(text, remind));
    let targets = targets(file, standing, beside, around);
    let args = args(file, placed, beside)?;
    Some(StandingRule {
        every: every?,
        targets,
        args,
        on_drift,
        remind: remind.unwrap_or(Some(REMIND))?,
    })
}

/// Checks that what is watched is what the intent acts on.
fn targets(
    file: &mut Checked<'_>,
    raw: &RawStanding,
    beside: &Beside<'_>,
    around: &Around<'_>,
) -> Vec<String> {
    if raw.targets.value.is_empty() {
        file.say(raw.targets.at, Code::StandingTarget, "the standing intent looks at nothing");
    }
    let names = file.names::<TargetName>(&raw.targets.value);
    if let Some(inventory) = &around.known.inventory {
        let offered: std::collections::BTreeSet<TargetName> =
            beside.targets.iter().flat_map(|name| inventory.resolve(name)).collect();
        for name in &names {
            let found = inventory.resolve(name.value.as_str());
            if found.is_empty() || !found.is_subset(&offered) {
                let known = beside.targets.join(", ");
                let message = format!("`{}` is not what the intent acts on: {known}", name.value);
                file.say(name.at, Code::StandingTarget, message);
            }
        }
    }
    names.into_iter().map(|name| name.value.to_string()).collect()
}

/// Checks arguments as those of a request are; defaults are filled in.
fn args(file: &mut Checked<'_>, placed: &Placed<RawStanding>, beside: &Beside<'_>) -> Option<Args> {
    let mut args = Args::new();
    let mut whole = true;
    for (name, value) in &placed.value.args {
        let param = name.parse::<ParamName>().ok().and_then(|it| beside.params.get_key_value(&it));
        let problem = match param {
            None => {
                let known = beside.params.keys().map(ParamName::as_str);
                let meant = nearest(name, known).map(|name| format!(": did you mean `{name}`?"));
                Some((value.key_at, format!("no parameter `{name}`{}", meant.unwrap_or_default())))
            }
            Some((name, param)) => match param.check(&value.value.0) {
                Ok(()) => {
                    args.insert(name.clone(), value.value.0.clone());
                    None
                }
                Err(error) => Some((value.at, format!("{name}: {error}"))),
            },
        };
        if let Some((at, message)) = problem {
            file.say(at, Code::StandingArgs, message);
            whole = false;
        }
    }
    for (name, param) in
        beside.params.iter().filter(|(name, _)| !args.contains_key(*name)).collect::<Vec<_>>()
    {
        match &param.default {
            Some(default) => {
                args.insert(name.clone(), default.clone());
            }
            None if placed.value.args.contains_key(name.as_str()) => {}
            None => {
                let message = format!("`{name}` has no default and is not given");
                file.say(placed.key_at, Code::StandingArgs, message);
                whole = false;
            }
        }
    }
    whole.then_some(args)
}
