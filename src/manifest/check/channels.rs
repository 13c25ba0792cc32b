//! Channels.

use std::collections::BTreeMap;

use super::super::raw::intent::RawCategory;
use super::super::raw::inventory::{RawChannel, RawChannels};
use super::Known;
use super::values::Checked;
use crate::domain::channel::Channel;
use crate::domain::diagnostic::Code;
use crate::domain::id::{ChannelName, ChatChannelId, EnvironmentName, Platform};
use crate::domain::intent::Category;

/// Checks `inventory/channels.yaml`.
pub fn check(
    file: &mut Checked<'_>,
    raw: &RawChannels,
    known: &Known,
) -> BTreeMap<ChannelName, Channel> {
    file.version(&raw.version);
    let mut places = BTreeMap::new();
    raw.channels
        .iter()
        .filter_map(|(name, channel)| {
            let name = file.name::<ChannelName>(name, channel.key_at)?;
            let chat = chat(file, &name, &channel.value, &mut places);
            let environment = environment(file, &channel.value, known);
            let checked = Channel {
                summary: file.text(&channel.value.summary, 200),
                chat,
                environment,
                private: channel.value.private,
                ask: ask(file, &channel.value),
                approve: channel.value.approve,
                name: name.clone(),
            };
            Some((name, checked))
        })
        .collect()
}

fn chat(
    file: &mut Checked<'_>,
    channel: &ChannelName,
    raw: &RawChannel,
    places: &mut BTreeMap<(Platform, ChatChannelId), ChannelName>,
) -> BTreeMap<Platform, ChatChannelId> {
    let mut chat = BTreeMap::new();
    for (platform, id) in &raw.chat {
        let platform = file.name::<Platform>(platform, id.key_at);
        let place = file.name::<ChatChannelId>(&id.value, id.at);
        let (Some(platform), Some(place)) = (platform, place) else { continue };
        let key = (platform.clone(), place.clone());
        if let Some(first) = places.insert(key, channel.clone()) {
            let message = format!("{place} on {platform} is the channel `{first}` already");
            file.say(id.at, Code::ChannelTwice, message);
        }
        chat.insert(platform, place);
    }
    chat
}

fn environment(file: &mut Checked<'_>, raw: &RawChannel, known: &Known) -> Option<EnvironmentName> {
    let written = raw.environment.as_ref()?;
    let name = file.name::<EnvironmentName>(&written.value, written.at)?;
    if let Some(known) = &known.environments
        && !known.contains(&name)
    {
        let all = known.iter().map(EnvironmentName::as_str);
        let what = ("environment", name.as_str());
        file.unknown(written.at, Code::UnknownEnvironment, what, all);
    }
    Some(name)
}

fn ask(file: &mut Checked<'_>, raw: &RawChannel) -> std::collections::BTreeSet<Category> {
    let mut ask = std::collections::BTreeSet::new();
    for category in &raw.ask {
        let meant = category_of(category.value);
        if !ask.insert(meant) {
            file.twice(category.at, meant.as_str());
        }
    }
    ask
}

/// Returns the category that is meant.
pub fn category_of(raw: RawCategory) -> Category {
    match raw {
        RawCategory::Read => Category::Read,
        RawCategory::Change => Category::Change,
        RawCategory::Destroy => Category::Destroy,
    }
}
