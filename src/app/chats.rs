//! The chats of settings, beside the console.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock, Weak};

use anyhow::Context as _;

use crate::chat::mattermost::{self, Config, Emoji, Mattermost, Timing};
use crate::domain::id::{ChatChannelId, Platform};
use crate::engine::Engine;
use crate::ports::chat::Chat;
use crate::ports::clock::Clock;
use crate::settings::{self, Settings};

/// Which channels the applied policy repo names; the engine comes after the chats.
#[derive(Default)]
pub struct Named(OnceLock<Weak<Engine>>);

impl Named {
    /// Learns whom to ask; until then there are no channels.
    pub fn ask(&self, engine: &Arc<Engine>) {
        self.0.get_or_init(|| Arc::downgrade(engine));
    }

    /// Returns the channels of a platform now.
    pub fn on(&self, platform: &str) -> BTreeSet<ChatChannelId> {
        let engine = self.0.get().and_then(Weak::upgrade);
        let Some(snapshot) = engine.and_then(|engine| engine.applied()) else {
            return BTreeSet::new();
        };
        let Ok(platform) = platform.parse::<Platform>() else { return BTreeSet::new() };
        let channels = snapshot.repo.channels.values();
        channels.filter_map(|channel| channel.chat.get(&platform).cloned()).collect()
    }
}

/// Opens every chat of settings. A server that is not there is no error: it may come.
pub fn open(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    named: &Arc<Named>,
) -> anyhow::Result<BTreeMap<Platform, Arc<dyn Chat>>> {
    let mut chats: BTreeMap<Platform, Arc<dyn Chat>> = BTreeMap::new();
    if let Some(given) = &settings.mattermost {
        let named = Arc::clone(named);
        let configured = Arc::new(move || named.on(mattermost::PLATFORM));
        let chat = Mattermost::open(config(given), configured, Arc::clone(clock))
            .context("failed to prepare Mattermost")?;
        chats.insert(chat.platform().clone(), Arc::new(chat));
    }
    Ok(chats)
}

/// Returns how to speak to a Mattermost server.
pub fn config(given: &settings::Mattermost) -> Config {
    Config {
        url: given.url.clone(),
        token_file: given.token_file.clone(),
        ca_file: given.ca_file.clone(),
        emoji: Emoji::new(given.emoji.clone()),
        timing: Timing::default(),
    }
}
