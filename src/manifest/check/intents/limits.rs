//! What a run may use and touch, what excludes what, and when it may not start.

use std::path::{Component, PathBuf};

use croner::parser::CronParser;
use jiff::SignedDuration;

use super::super::super::decode::Placed;
use super::super::super::raw::intent::{
    RawConcurrency, RawLimits, RawOnBusy, RawPer, RawSandbox, RawWindow,
};
use super::super::values::Checked;
use crate::domain::diagnostic::Code;
use crate::domain::intent::{Concurrency, Limits, OnBusy, Per, Sandbox, Window};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Checks limits; a broken one takes its default beside the problem told.
pub fn limits(file: &mut Checked<'_>, raw: Option<&RawLimits>) -> Limits {
    let mut limits = Limits {
        timeout: SignedDuration::from_mins(5),
        output: 256 * KIB,
        memory: 512 * MIB,
        processes: 64,
    };
    let Some(raw) = raw else { return limits };
    if let Some(text) = &raw.timeout {
        let range = SignedDuration::from_secs(1)..=SignedDuration::from_hours(24);
        limits.timeout = file.duration(text, range).unwrap_or(limits.timeout);
    }
    if let Some(text) = &raw.output {
        limits.output = file.size(text, KIB..=16 * MIB).unwrap_or(limits.output);
    }
    if let Some(text) = &raw.memory {
        limits.memory = file.size(text, 16 * MIB..=64 * 1024 * MIB).unwrap_or(limits.memory);
    }
    if let Some(number) = &raw.processes {
        limits.processes = file.number(number, 1..=4096).unwrap_or(limits.processes);
    }
    limits
}

/// Checks paths of the sandbox.
pub fn sandbox(file: &mut Checked<'_>, raw: Option<&RawSandbox>) -> Sandbox {
    let Some(raw) = raw else { return Sandbox::default() };
    Sandbox { read: paths(file, &raw.read), write: paths(file, &raw.write) }
}

fn paths(file: &mut Checked<'_>, raw: &[Placed<String>]) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for text in raw {
        let path = PathBuf::from(&text.value);
        let plain = text.value.len() > 1
            && !text.value.ends_with('/')
            && !text.value.contains("//")
            && !text.value.contains("/./")
            && path.is_absolute()
            && !text.value.contains(char::is_control)
            && path
                .components()
                .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if !plain {
            let message = format!("{:?} is not an absolute path below `/`", text.value);
            file.say(text.at, Code::SandboxPath, message);
        } else if paths.contains(&path) {
            file.twice(text.at, &text.value);
        } else {
            paths.push(path);
        }
    }
    paths
}

/// Returns what excludes what.
pub fn concurrency(raw: Option<&RawConcurrency>) -> Concurrency {
    let per = raw.and_then(|raw| raw.per).map_or(Per::Target, |per| match per {
        RawPer::Target => Per::Target,
        RawPer::Intent => Per::Intent,
        RawPer::Nothing => Per::Nothing,
    });
    let on_busy = raw.and_then(|raw| raw.on_busy).map_or(OnBusy::Queue, |busy| match busy {
        RawOnBusy::Queue => OnBusy::Queue,
        RawOnBusy::Refuse => OnBusy::Refuse,
    });
    Concurrency { per, on_busy }
}

/// Checks freeze windows.
pub fn windows(file: &mut Checked<'_>, raw: &[Placed<RawWindow>]) -> Vec<Window> {
    raw.iter()
        .map(|window| {
            let Window { deny, zone } = Window {
                deny: window.value.deny.value.clone(),
                zone: window.value.zone.value.clone(),
            };
            if deny.split_whitespace().count() != 5 || CronParser::new().parse(&deny).is_err() {
                let message = format!("{deny:?} is not a cron expression");
                file.say(window.value.deny.at, Code::CronSyntax, message);
            }
            if jiff::tz::TimeZone::get(&zone).is_err() {
                let message = format!("there is no time zone {zone:?}");
                file.say(window.value.zone.at, Code::ZoneUnknown, message);
            }
            Window { deny, zone }
        })
        .collect()
}
