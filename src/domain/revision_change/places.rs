//! Channels and the inventory in words.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Parts, compared};
use crate::domain::body::Span;
use crate::domain::channel::{Channel, Spot};
use crate::domain::id::{ChannelName, Platform};
use crate::domain::intent::Category;
use crate::domain::reply::{code, text};
use crate::domain::target::{Environment, Inventory, Target};

pub(super) fn channels(
    before: &BTreeMap<ChannelName, Channel>,
    after: &BTreeMap<ChannelName, Channel>,
) -> Vec<Vec<Span>> {
    compared(before, after, |name, change| {
        let subject = |words: &str| vec![text("channel "), code(name.to_string()), text(words)];
        match change {
            Change::Added(_) => Some(subject(" was added")),
            Change::Removed(_) => Some(subject(" was removed")),
            Change::Changed(old, new) => channel(old, new).line(subject(": ")),
        }
    })
}

fn channel(old: &Channel, new: &Channel) -> Parts {
    let Channel { name: _, summary, chat, environment, private, ask, approve } = old;
    let mut parts = Parts::default();
    parts.optional("environment", environment.as_ref(), new.environment.as_ref());
    parts.value("private", private, &new.private);
    let ask_of = |channel: &BTreeSet<Category>| -> BTreeSet<&'static str> {
        channel.iter().map(|category| category.as_str()).collect()
    };
    parts.set("leave to ask for", &ask_of(ask), &ask_of(&new.ask));
    parts.value("approvals count", approve, &new.approve);
    parts.set("place", &chats(chat), &chats(&new.chat));
    let stays =
        |platform: &Platform| chat.contains_key(platform) && new.chat.contains_key(platform);
    let strengths = |chat: &BTreeMap<Platform, Spot>| -> BTreeSet<String> {
        let stay = chat.iter().filter(|(platform, _)| stays(platform));
        stay.map(|(platform, spot)| format!("{platform} may {}", spot.may)).collect()
    };
    parts.set("strength", &strengths(chat), &strengths(&new.chat));
    parts.whole("summary changed", summary, &new.summary);
    parts
}

fn chats(chat: &BTreeMap<Platform, Spot>) -> BTreeSet<String> {
    chat.iter().map(|(platform, spot)| format!("{platform}:{}", spot.id)).collect()
}

pub(super) fn inventory(before: &Inventory, after: &Inventory) -> Vec<Vec<Span>> {
    let Inventory { targets, groups, environments, .. } = before;
    let mut lines = compared(targets, &after.targets, |name, change| {
        let subject = |words: String| vec![text("target "), code(name.to_string()), text(words)];
        match change {
            Change::Added(new) => Some(subject(format!(" was added to {}", new.environment))),
            Change::Removed(old) => Some(subject(format!(" was removed from {}", old.environment))),
            Change::Changed(old, new) => target(old, new).line(subject(": ".to_owned())),
        }
    });
    lines.extend(compared(groups, &after.groups, |name, change| {
        let subject = |words: &str| vec![text("group "), code(name.to_string()), text(words)];
        match change {
            Change::Added(_) => Some(subject(" was added")),
            Change::Removed(_) => Some(subject(" was removed")),
            Change::Changed(old, new) => {
                let mut parts = Parts::default();
                parts.set("place in", old, new);
                parts.line(subject(": "))
            }
        }
    }));
    lines.extend(compared(environments, &after.environments, |name, change| {
        let subject = |words: &str| vec![text("environment "), code(name.to_string()), text(words)];
        match change {
            Change::Added(_) => Some(subject(" was added")),
            Change::Removed(_) => Some(subject(" was removed")),
            Change::Changed(old, new) => {
                let Environment { name: _, summary } = old;
                let mut parts = Parts::default();
                parts.whole("summary changed", summary, &new.summary);
                parts.line(subject(": "))
            }
        }
    }));
    lines
}

fn target(old: &Target, new: &Target) -> Parts {
    let Target { name: _, groups, environment, vars } = old;
    let mut parts = Parts::default();
    parts.value("environment", environment, &new.environment);
    parts.set("group", groups, &new.groups);
    // Names only: values may be secret.
    parts.0.extend(compared(vars, &new.vars, |name, change| {
        Some(match change {
            Change::Added(_) => format!("gained variable {name}"),
            Change::Removed(_) => format!("lost variable {name}"),
            Change::Changed(_, _) => format!("variable {name} changed"),
        })
    }));
    parts
}
