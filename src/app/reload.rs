//! Settings that are read again while the daemon runs (SIGHUP).
//!
//! One way in: the whole file is read and checked as at the start. If anything is wrong with it,
//! nothing of it is taken and what holds stays. Else the keys that may change are taken up, and
//! the others are named, since they wait for the next start.

use std::sync::Arc;

use super::secrets::SettingsSecrets;
use crate::engine::Engine;
use crate::engine::tuning::{Manners, SettingsRead, Tuning};
use crate::settings::{Settings, changed};

/// What settings say that may change.
pub fn tuning(settings: &Settings) -> Tuning {
    Tuning {
        fetch_every: settings.source.interval,
        max_running: settings.exec.max_parallel as usize,
        grace: settings.grace,
        retention: settings.retention,
        manners: Manners {
            late_after: settings.intake.late_after,
            per_person: settings.intake.per_person,
            per_channel: settings.intake.per_channel,
        },
    }
}

/// What holds, for the comparison with what is read.
pub struct Reload {
    /// As the daemon was started: what waits for the next start is still so.
    started: Settings,
    /// As they were last taken up.
    taken: Settings,
    secrets: Arc<SettingsSecrets>,
}

impl Reload {
    /// Begins with the settings that the daemon is started with.
    pub fn new(settings: &Settings, secrets: Arc<SettingsSecrets>) -> Self {
        Self { started: settings.clone(), taken: settings.clone(), secrets }
    }

    /// Takes up what was read, or notes why it could not be; returns how that went.
    pub async fn take(
        &mut self,
        engine: &Engine,
        read: Result<Settings, String>,
    ) -> anyhow::Result<Arc<SettingsRead>> {
        let at = engine.now();
        let settings = match read {
            Ok(settings) => settings,
            Err(why) => return refuse(engine, why).await,
        };
        // Before anything else changes: a value that cannot be kept out of output is refused.
        match self.secrets.look_at(&settings.secrets) {
            Ok(problems) => {
                for why in problems {
                    tracing::warn!(why, "a secret cannot be read now");
                }
            }
            Err(error) => return refuse(engine, error.to_string()).await,
        }
        let taken = changed(&self.taken, &settings).live;
        let restart = changed(&self.started, &settings).restart;
        let outcome = SettingsRead { at, taken, restart, refused: None };
        engine.retune(Some(tuning(&settings)), outcome.clone()).await?;
        self.secrets.take(settings.secrets.clone());
        self.taken = settings;
        Ok(Arc::new(outcome))
    }
}

async fn refuse(engine: &Engine, why: String) -> anyhow::Result<Arc<SettingsRead>> {
    let (taken, restart) = (Vec::new(), Vec::new());
    let outcome = SettingsRead { at: engine.now(), taken, restart, refused: Some(why) };
    engine.retune(None, outcome.clone()).await?;
    Ok(Arc::new(outcome))
}
