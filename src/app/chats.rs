//! The chats of settings, beside the console.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};

use anyhow::Context as _;

use crate::chat::matrix::{self, Matrix, MatrixConfig, Wanted};
use crate::chat::mattermost::{self, Config, Emoji, Mattermost, Timing};
use crate::domain::id::{ChatChannelId, Platform};
use crate::domain::press::Seal;
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
        channels.filter_map(|channel| Some(channel.chat.get(&platform)?.id.clone())).collect()
    }
}

impl Named {
    /// Returns the rooms and accounts that the applied policy repo names on a platform; `None`:
    /// there is none yet.
    pub fn wanted(&self, platform: &str) -> Option<Wanted> {
        let snapshot = self.0.get().and_then(Weak::upgrade)?.applied()?;
        let platform: Platform = platform.parse().ok()?;
        let people = snapshot.repo.people.values();
        let accounts = people.filter_map(|person| person.chat.get(&platform)).flatten();
        Some(Wanted { accounts: accounts.cloned().collect(), rooms: self.on(platform.as_str()) })
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
    if let Some(given) = &settings.matrix {
        let named = Arc::clone(named);
        let wanted = Arc::new(move || named.wanted(matrix::PLATFORM));
        let config = matrix_config(given, instance(&settings.state, clock.as_ref())?);
        let chat = Matrix::new(config, Arc::clone(clock), wanted)
            .map_err(|why| anyhow::anyhow!("failed to prepare Matrix: {why}"))?;
        chats.insert(chat.platform().clone(), Arc::new(chat));
    }
    Ok(chats)
}

/// Returns how to speak to a Matrix homeserver.
pub fn matrix_config(given: &settings::Matrix, instance: String) -> MatrixConfig {
    let emoji = given.emoji.iter();
    MatrixConfig {
        homeserver: given.homeserver.clone(),
        token_file: given.token_file.clone(),
        ca_file: given.ca_file.clone(),
        emoji: emoji
            .fold(matrix::Emoji::default(), |all, (sign, list)| all.with(*sign, list.clone())),
        machines: given.machines.clone(),
        instance,
    }
}

/// Returns the name of this state folder among all there ever were: keys of posts are only
/// unique within one store.
fn instance(state: &Path, clock: &dyn Clock) -> anyhow::Result<String> {
    kept::<8>(&state.join("instance"), clock)
}

/// Returns what seals the buttons of this state folder.
pub fn seal(state: &Path, clock: &dyn Clock) -> anyhow::Result<Seal> {
    let file = state.join("buttons.key");
    let mut key = [0; 32];
    hex::decode_to_slice(kept::<32>(&file, clock)?, &mut key).with_context(|| {
        format!("{} is no key; remove it, and buttons that stand are renewed", file.display())
    })?;
    Ok(Seal::new(&key))
}

/// Returns what a file says; so many random bytes, in hexadecimal, the first time. Only this user
/// can read it.
fn kept<const BYTES: usize>(file: &Path, clock: &dyn Clock) -> anyhow::Result<String> {
    let failed = || format!("failed to keep {}", file.display());
    match std::fs::read_to_string(file) {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Ok(_) => anyhow::bail!("{} is empty; remove it", file.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut chance = [0_u8; BYTES];
            clock.random(&mut chance);
            let text = hex::encode(chance);
            let folder = file.parent().with_context(failed)?;
            let mut made = tempfile::NamedTempFile::new_in(folder).with_context(failed)?;
            made.write_all(text.as_bytes()).with_context(failed)?;
            made.as_file().sync_all().with_context(failed)?;
            made.persist_noclobber(file).with_context(failed)?;
            Ok(text)
        }
        Err(error) => Err(error).with_context(failed),
    }
}

/// Returns how to speak to a Mattermost server.
pub fn config(given: &settings::Mattermost) -> Config {
    Config {
        url: given.url.clone(),
        token_file: given.token_file.clone(),
        ca_file: given.ca_file.clone(),
        emoji: Emoji::new(given.emoji.clone()),
        timing: Timing::default(),
        presses: given.buttons.as_ref().map(|url| {
            let mut url = url.clone();
            url.set_path("/chat/mattermost/press");
            url
        }),
    }
}
