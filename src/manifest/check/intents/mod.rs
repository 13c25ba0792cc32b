//! Intents: one file here per part of an intent.

mod aliases;
mod command;
mod evidence;
mod file;
mod limits;
mod params;
mod schedule;
mod standing;
mod targets;

pub use aliases::check_ambiguous;
pub use params::check_types;

use std::collections::{BTreeMap, BTreeSet};

use super::super::files::Files;
use super::super::raw::intent::RawIntent;
use super::Known;
use super::channels::category_of;
use super::values::Checked;
use crate::domain::diagnostic::Code;
use crate::domain::id::{IntentName, ObjectId, ParamName, PersonId, RoleName};
use crate::domain::intent::{Executor, Intent};
use crate::domain::pause;

/// What an intent is checked against.
pub struct Around<'a> {
    /// Names of other files.
    pub known: &'a Known,
    /// All files.
    pub files: &'a Files,
    /// People who hold each role, those banned for good left out; `None` while that is in doubt.
    pub holders: Option<BTreeMap<RoleName, BTreeSet<PersonId>>>,
}

/// Checks one intent.
pub fn check(
    file: &mut Checked<'_>,
    raw: &RawIntent,
    stem: &str,
    blob: ObjectId,
    around: &Around<'_>,
) -> Option<Intent> {
    file.version(&raw.version);
    let name = file.name::<IntentName>(&raw.intent.value, raw.intent.at);
    if raw.intent.value != stem {
        let message = format!("the file is named `{stem}` and declares `{}`", raw.intent.value);
        file.say(raw.intent.at, Code::NameMismatch, message);
    }
    if raw.intent.value == pause::ALL {
        let message = format!("`{}` is what `!pause` and `!resume` call every intent", pause::ALL);
        file.say(raw.intent.at, Code::NameReserved, message);
    }
    if let Some(plan) = raw.plan.as_ref().filter(|plan| plan.value) {
        let message = "plans are not supported by this version of Tribune";
        file.say(plan.at, Code::NotYetSupported, message);
    }
    let category = category_of(raw.category.value);
    let risk = file.number::<u8>(&raw.risk, 0..=3);
    let params = params::check(file, &raw.params);
    // Names of broken parameters count as declared, so that their holes are not told as well.
    let declared: BTreeSet<ParamName> =
        raw.params.keys().filter_map(|name| name.parse().ok()).collect();
    let targets = targets::check(file, raw, around);
    let channel = targets::channel(file, raw, around);
    let mut command = command::Command::new(file, &around.files.tree, &declared);
    let run = command.run(raw, around.files);
    let check = raw.check.as_ref().map(|check| command.check(check));
    let env = command.env(raw);
    let reads = command.reads(&raw.reads);
    command.unused(raw);
    let aliases = aliases::check(file, raw, &params);
    let evidence = evidence::check(file, raw, category, around);
    let summary = file.text(&raw.summary, 120);
    let limits = limits::limits(file, raw.limits.as_ref());
    let sandbox = limits::sandbox(file, raw.sandbox.as_ref());
    let windows = limits::windows(file, &raw.windows);
    let beside = standing::Beside {
        category,
        can_check: check.is_some() || matches!(run, Some(Executor::File(_))),
        params: &params,
        targets: &targets,
    };
    let standing = standing::check(file, raw, &beside, around);
    let intent = Intent {
        name: name?,
        summary,
        category,
        risk: risk?,
        params,
        targets,
        aliases,
        label: evidence.label,
        cite: evidence.cite,
        approval: evidence.approval,
        channel,
        schedule: None,
        run: run?,
        check,
        reads,
        idempotent: raw.idempotent,
        env: env.values,
        secrets: env.secrets,
        sandbox,
        limits,
        concurrency: limits::concurrency(raw.concurrency.as_ref()),
        windows,
        standing,
        path: file.path.clone(),
        blob,
    };
    let written = raw.schedule.as_ref();
    let schedule = written.and_then(|raw| schedule::check(file, raw, &intent, around));
    Some(Intent { schedule, ..intent })
}
