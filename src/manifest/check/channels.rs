//! Channels.

use std::collections::BTreeMap;

use super::super::decode::Placed;
use super::super::raw::intent::RawCategory;
use super::super::raw::inventory::{RawChannel, RawChannels, RawMay, RawSpot};
use super::values::Checked;
use super::{Known, PRODUCTION};
use crate::domain::channel::{Channel, Spot, Strength, Wanted};
use crate::domain::diagnostic::Code;
use crate::domain::id::{ChannelName, ChatChannelId, EnvironmentName, Platform};
use crate::domain::intent::Category;
use crate::domain::platform::{Misfit, channel_misfit};

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
            strengths(file, channel, &checked);
            Some((name, checked))
        })
        .collect()
}

fn chat(
    file: &mut Checked<'_>,
    channel: &ChannelName,
    raw: &RawChannel,
    places: &mut BTreeMap<(Platform, ChatChannelId), ChannelName>,
) -> BTreeMap<Platform, Spot> {
    let mut chat = BTreeMap::new();
    for (platform, spot) in &raw.chat {
        let platform = file.name::<Platform>(platform, spot.key_at);
        let written = written_id(spot);
        let id = file.name::<ChatChannelId>(&written.value, written.at);
        let may = strength(file, spot);
        let (Some(platform), Some(id)) = (platform, id) else { continue };
        file.known_platform(platform.as_str(), spot.key_at);
        if let Some(Misfit { why, hint }) = channel_misfit(&platform, &id) {
            file.say_hinted(written.at, Code::ChannelForm, why, hint);
        }
        let key = (platform.clone(), id.clone());
        if let Some(first) = places.insert(key, channel.clone()) {
            let message = format!("{id} on {platform} is the channel `{first}` already");
            file.say(written.at, Code::ChannelTwice, message);
        }
        chat.insert(platform, Spot { id, may });
    }
    chat
}

fn written_id(spot: &Placed<RawSpot>) -> Placed<String> {
    match &spot.value {
        RawSpot::Id(id) => spot.with(id.clone()),
        RawSpot::Place(place) => place.id.clone(),
    }
}

fn declared(spot: &Placed<RawSpot>) -> Option<&Placed<Vec<Placed<RawMay>>>> {
    match &spot.value {
        RawSpot::Id(_) => None,
        RawSpot::Place(place) => place.may.as_ref(),
    }
}

fn strength(file: &mut Checked<'_>, spot: &Placed<RawSpot>) -> Strength {
    let Some(may) = declared(spot) else { return Strength::BOTH };
    if may.value.is_empty() {
        file.say(may.at, Code::StrengthEmpty, "this place may do nothing");
    }
    let mut strength = Strength { request: false, approve: false };
    for word in &may.value {
        let (said, name) = match word.value {
            RawMay::Request => (&mut strength.request, "request"),
            RawMay::Approve => (&mut strength.approve, "approve"),
        };
        if std::mem::replace(said, true) {
            file.twice(word.at, name);
        }
    }
    strength
}

/// Tells what the places of a channel leave open, or give away.
fn strengths(file: &mut Checked<'_>, raw: &Placed<RawChannel>, channel: &Channel) {
    let (asks, approves) = (!channel.ask.is_empty(), channel.approve);
    for may in raw.value.chat.values().filter_map(declared) {
        for word in &may.value {
            let unused = match word.value {
                RawMay::Request => (!asks).then_some("nothing may be asked in this channel"),
                RawMay::Approve => (!approves).then_some("no approvals count in this channel"),
            };
            if let Some(unused) = unused {
                file.say(word.at, Code::StrengthUnused, unused);
            }
        }
    }
    // A place that could not be read may be the one that is looked for.
    if channel.chat.is_empty() || channel.chat.len() < raw.value.chat.len() {
        return;
    }
    if asks && channel.good_for(Wanted::Requests).is_empty() {
        let message = format!("no place of `{}` may request", channel.name);
        file.say(raw.key_at, Code::ChannelNobodyAsks, message);
    }
    if approves && channel.good_for(Wanted::Approvals).is_empty() {
        let message = format!("no place of `{}` may approve", channel.name);
        file.say(raw.key_at, Code::ChannelNobodyApproves, message);
    }
    let for_prod = channel.environment.as_ref().is_some_and(|it| it.as_str() == PRODUCTION);
    if for_prod && approves && channel.chat.len() > 1 {
        for (platform, spot) in raw.value.chat.iter().filter(|(_, it)| declared(it).is_none()) {
            let message = format!("whoever signs in to {platform} may approve here too");
            file.say(spot.at, Code::StrengthUndeclared, message);
        }
    }
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
