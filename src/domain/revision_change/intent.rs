//! Intents in words.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Change, Parts, compared};
use crate::domain::body::Span;
use crate::domain::duration::short;
use crate::domain::id::{IntentName, ParamName};
use crate::domain::intent::{
    ApprovalRule, Cite, Concurrency, Intent, Limits, Notify, Sandbox, Schedule, Window,
};
use crate::domain::param::Param;
use crate::domain::reply::{code, slots, text};

pub(super) fn intents(
    before: &BTreeMap<IntentName, Intent>,
    after: &BTreeMap<IntentName, Intent>,
) -> Vec<Vec<Span>> {
    compared(before, after, |name, change| {
        let subject = |words: String| vec![text("intent "), code(name.to_string()), text(words)];
        match change {
            Change::Added(new) => Some(subject(format!(
                " was added: {} ({}, risk {})",
                new.summary,
                new.category.as_str(),
                new.risk
            ))),
            Change::Removed(_) => Some(subject(" was removed".to_owned())),
            Change::Changed(old, new) => intent(old, new).line(subject(": ".to_owned())),
        }
    })
}

fn intent(old: &Intent, new: &Intent) -> Parts {
    let Intent {
        name: _,
        summary,
        category,
        risk,
        params: old_params,
        targets,
        aliases,
        label,
        cite: old_cite,
        approval: old_approval,
        channel,
        schedule,
        run,
        check,
        reads,
        idempotent,
        env,
        secrets,
        sandbox: old_sandbox,
        limits: old_limits,
        concurrency: old_concurrency,
        windows,
        standing,
        path,
        blob: _, // Says only that the file is written differently.
    } = old;
    let mut parts = Parts::default();
    parts.value("category", &category.as_str(), &new.category.as_str());
    parts.value("risk", risk, &new.risk);
    approval(&mut parts, old_approval.as_ref(), new.approval.as_ref());
    cite(&mut parts, old_cite.as_ref(), new.cite.as_ref());
    parts.optional("label", label.as_ref(), new.label.as_ref());
    parts.set("target", &set(targets), &set(&new.targets));
    parts.optional("channel", channel.as_ref(), new.channel.as_ref());
    parts.optional("schedule", schedule.as_ref(), new.schedule.as_ref());
    let asked = |it: &Schedule| (it.targets.clone(), it.args.clone(), it.jitter, it.missed);
    if let (Some(old), Some(new)) = (schedule, &new.schedule) {
        parts.whole("what its schedule asks for changed", &asked(old), &asked(new));
    }
    params(&mut parts, old_params, &new.params);
    parts.whole("what it runs changed", run, &new.run);
    parts.whole("how it is checked changed", check, &new.check);
    parts.set("file to read", &set(reads), &set(&new.reads));
    parts.set("secret", &set(secrets), &set(&new.secrets));
    parts.whole("environment changed", env, &new.env);
    sandbox(&mut parts, old_sandbox, &new.sandbox);
    limits(&mut parts, old_limits, &new.limits);
    concurrency(&mut parts, old_concurrency, &new.concurrency);
    let shown = |windows: &[Window]| -> BTreeSet<String> {
        windows.iter().map(|window| format!("\"{}\" {}", window.deny, window.zone)).collect()
    };
    parts.set("freeze window", &shown(windows), &shown(&new.windows));
    parts.whole("how it is checked by itself changed", standing, &new.standing);
    parts.value("idempotent", idempotent, &new.idempotent);
    parts.whole("aliases changed", aliases, &new.aliases);
    parts.whole("summary changed", summary, &new.summary);
    parts.value("file", path, &new.path);
    parts
}

fn set<T: ToString>(list: &[T]) -> BTreeSet<String> {
    list.iter().map(ToString::to_string).collect()
}

fn approval(parts: &mut Parts, old: Option<&ApprovalRule>, new: Option<&ApprovalRule>) {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(new)) => {
            return parts.0.push(format!("takes approvals now: {}", slots(&new.slots)));
        }
        (Some(_), None) => return parts.0.push("takes no approvals any more".to_owned()),
        (None, None) => return,
    };
    let ApprovalRule { slots: old_slots, collect, execute, veto, notify } = old;
    parts.value("slots", &slots(old_slots), &slots(&new.slots));
    parts.value("collect", &short(*collect), &short(new.collect));
    parts.value("execute", &short(*execute), &short(new.execute));
    parts.set("veto of", &set(veto), &set(&new.veto));
    let notify_word = |notify: &Notify| match notify {
        Notify::Nobody => "nobody",
        Notify::Role => "role",
    };
    parts.value("notify", &notify_word(notify), &notify_word(&new.notify));
}

fn cite(parts: &mut Parts, old: Option<&Cite>, new: Option<&Cite>) {
    match (old, new) {
        (Some(old), Some(new)) => {
            let Cite { within, uses, bind } = old;
            parts.value("cite within", &short(*within), &short(new.within));
            parts.value("cite uses", uses, &new.uses);
            parts.value("cite bind", bind, &new.bind);
        }
        (None, Some(_)) => parts.0.push("takes pull requests now".to_owned()),
        (Some(_), None) => parts.0.push("takes no pull requests any more".to_owned()),
        (None, None) => {}
    }
}

fn params(parts: &mut Parts, old: &BTreeMap<ParamName, Param>, new: &BTreeMap<ParamName, Param>) {
    parts.0.extend(compared(old, new, |name, change| {
        Some(match change {
            Change::Added(_) => format!("gained parameter {name}"),
            Change::Removed(_) => format!("lost parameter {name}"),
            Change::Changed(old, new) => {
                let Param { summary, kind, default } = old;
                let mut inner = Parts::default();
                inner.whole("type or limits changed", kind, &new.kind);
                inner.optional("default", default.as_ref(), new.default.as_ref());
                inner.whole("summary changed", summary, &new.summary);
                format!("parameter {name}: {}", inner.0.join(", "))
            }
        })
    }));
}

fn sandbox(parts: &mut Parts, old: &Sandbox, new: &Sandbox) {
    let Sandbox { read, write } = old;
    let paths = |paths: &[PathBuf]| -> BTreeSet<String> {
        paths.iter().map(|path| path.display().to_string()).collect()
    };
    parts.set("readable path", &paths(read), &paths(&new.read));
    parts.set("writable path", &paths(write), &paths(&new.write));
}

fn limits(parts: &mut Parts, old: &Limits, new: &Limits) {
    let Limits { timeout, output, memory, processes } = old;
    parts.value("timeout", &short(*timeout), &short(new.timeout));
    parts.value("output bytes", output, &new.output);
    parts.value("memory bytes", memory, &new.memory);
    parts.value("processes", processes, &new.processes);
}

fn concurrency(parts: &mut Parts, old: &Concurrency, new: &Concurrency) {
    let Concurrency { per, on_busy } = old;
    parts.whole("what excludes what changed", per, &new.per);
    parts.whole("what happens when busy changed", on_busy, &new.on_busy);
}
