//! When an intent asks for itself.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::super::super::decode::Placed;
use super::super::super::raw::intent::{RawMissed, RawSchedule};
use super::super::values::Checked;
use super::Around;
use crate::domain::arguments::arguments;
use crate::domain::diagnostic::Code;
use crate::domain::id::{ParamName, TargetName};
use crate::domain::intent::{Category, Intent, Missed, Schedule};
use crate::domain::schedule::{Rule, RuleError};

/// Occurrences that are looked at for how near one another they come.
const LOOKED_AT: usize = 100;

/// Occurrences are at least so far from one another.
const NEAREST: SignedDuration = SignedDuration::from_mins(1);

/// Jitter is at most this, and less than what lies between two occurrences.
const MOST_JITTER: SignedDuration = SignedDuration::from_hours(1);

/// Checks the schedule of an intent that is without fault but for it.
pub fn check(
    file: &mut Checked<'_>,
    written: &Placed<RawSchedule>,
    intent: &Intent,
    around: &Around<'_>,
) -> Option<Schedule> {
    let raw = &written.value;
    let rule = match Rule::parse(&raw.cron.value, &raw.zone.value) {
        Ok(rule) => Some(rule),
        Err(error @ RuleError::Cron(_)) => {
            let hint = "write five fields, or six with seconds first";
            file.say(raw.cron.at, Code::CronSyntax, format!("{error}: {hint}"));
            None
        }
        Err(error @ RuleError::Zone(_)) => {
            file.say(raw.zone.at, Code::ZoneUnknown, error.to_string());
            None
        }
    };
    let between = rule.as_ref().and_then(|rule| between(file, raw, rule));
    if intent.category == Category::Destroy {
        let message = "what destroys is asked for by a person, never by a schedule";
        file.say(written.at, Code::ScheduleDestroy, message);
    }
    if intent.channel.is_none() {
        let message = "the cards of scheduled requests need a place: the intent has no `channel`";
        file.say(written.at, Code::ScheduleNoChannel, message);
    }
    Some(Schedule {
        cron: raw.cron.value.clone(),
        zone: raw.zone.value.clone(),
        targets: targets(file, written, intent, around),
        args: args(file, written, intent),
        jitter: jitter(file, raw, between).unwrap_or(SignedDuration::ZERO),
        missed: match raw.missed {
            Some(RawMissed::RunOnce) => Missed::RunOnce,
            Some(RawMissed::Skip) | None => Missed::Skip,
        },
    })
}

/// Returns how near one another occurrences come, if there are any.
fn between(file: &mut Checked<'_>, raw: &RawSchedule, rule: &Rule) -> Option<SignedDuration> {
    // Any time does: what a rule names does not hang on when it is loaded.
    let start = Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH);
    let times: Vec<Timestamp> = std::iter::successors(rule.after(start), |time| rule.after(*time))
        .take(LOOKED_AT)
        .collect();
    if times.is_empty() {
        let message = format!("{:?} names no time that ever comes", raw.cron.value);
        file.say(raw.cron.at, Code::ScheduleNever, message);
        return None;
    }
    let nearest = times.windows(2).map(|two| two[1].duration_since(two[0])).min();
    let nearest = nearest.unwrap_or(SignedDuration::MAX);
    if nearest < NEAREST {
        let message = format!("{:?} names times less than a minute apart", raw.cron.value);
        file.say(raw.cron.at, Code::ScheduleTooOften, message);
    }
    Some(nearest)
}

fn jitter(
    file: &mut Checked<'_>,
    raw: &RawSchedule,
    between: Option<SignedDuration>,
) -> Option<SignedDuration> {
    let written = raw.jitter.as_ref()?;
    let jitter = file.duration(written, SignedDuration::from_secs(1)..=MOST_JITTER)?;
    if between.is_some_and(|between| jitter >= between) {
        let message = format!("{:?} is no less than what lies between two times", written.value);
        file.say(written.at, Code::BadDuration, message);
    }
    Some(jitter)
}

fn targets(
    file: &mut Checked<'_>,
    written: &Placed<RawSchedule>,
    intent: &Intent,
    around: &Around<'_>,
) -> Vec<String> {
    let names = file.names::<TargetName>(&written.value.targets);
    let Some(inventory) = &around.known.inventory else { return Vec::new() };
    let offered: std::collections::BTreeSet<TargetName> =
        intent.targets.iter().flat_map(|name| inventory.resolve(name)).collect();
    for name in &names {
        let found = inventory.resolve(name.value.as_str());
        if found.is_empty() || !found.is_subset(&offered) {
            let message = format!("{} does not act on `{}`", intent.name, name.value);
            file.say(name.at, Code::ScheduleTarget, message);
        }
    }
    if names.is_empty() && (intent.targets.len() != 1 || offered.len() != 1) {
        let message = format!("say on what: {} acts on {}", intent.name, intent.targets.join(", "));
        file.say(written.at, Code::ScheduleTarget, message);
    }
    names.into_iter().map(|name| name.value.to_string()).collect()
}

fn args(
    file: &mut Checked<'_>,
    written: &Placed<RawSchedule>,
    intent: &Intent,
) -> BTreeMap<ParamName, String> {
    let mut args = BTreeMap::new();
    let mut at = written.at;
    for (name, value) in &written.value.args {
        at = value.key_at;
        if let Some(name) = file.name::<ParamName>(name, value.key_at) {
            args.insert(name, value.value.0.to_string());
        }
    }
    if let Err(wrong) = arguments(intent, &args) {
        for error in wrong {
            file.say(at, Code::ScheduleArgs, error.to_string());
        }
    }
    args
}
