//! What may change while the daemon runs, and how the settings were last read again.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Engine, EngineError};
use crate::domain::audit::{Entry, Event};
use crate::domain::retention::Retention;
use crate::ports::store::Change;

/// What settings say that is taken up at once when they are read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuning {
    /// How often to fetch without a reason; up to a tenth is added by chance.
    pub fetch_every: SignedDuration,
    /// Runs at the same time, all targets together.
    pub max_running: usize,
    /// How long running things may go on when the daemon stops.
    pub grace: SignedDuration,
    /// How long things are kept.
    pub retention: Retention,
    /// What is heard of what people type.
    pub manners: Manners,
}

/// What is heard of what people type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners {
    /// A command that does something is asked about if it is older than this.
    pub late_after: SignedDuration,
    /// Commands of one person that are heard within a minute.
    pub per_person: u32,
    /// Commands in one channel that are heard within a minute.
    pub per_channel: u32,
}

/// How the settings were last read again, on SIGHUP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsRead {
    /// When.
    pub at: Timestamp,
    /// Keys that changed and were taken up.
    pub taken: Vec<String>,
    /// Keys that changed and wait for the next start.
    pub restart: Vec<String>,
    /// What is wrong with the file; then nothing of it was taken.
    pub refused: Option<String>,
}

impl SettingsRead {
    /// Returns what a person has to do about it, in words.
    pub fn warning(&self) -> Option<String> {
        match &self.refused {
            Some(why) => Some(format!(
                "the settings were read again at {} and refused; those from before hold: {why}",
                self.at
            )),
            None if self.restart.is_empty() => None,
            None => Some(format!(
                "settings that changed wait for the next start: {}",
                self.restart.join(", ")
            )),
        }
    }
}

impl Engine {
    /// Returns what may change while the engine runs, as it is now.
    pub fn tuning(&self) -> Arc<Tuning> {
        self.tuning.load_full()
    }

    /// Returns how the settings were last read again; `None`: they were not.
    pub fn settings_read(&self) -> Option<Arc<SettingsRead>> {
        self.settings_read.load_full()
    }

    /// Writes down that the settings were read again, then takes up what they say; `None`: they
    /// were refused, and all stays as it is.
    pub async fn retune(
        &self,
        tuning: Option<Tuning>,
        read: SettingsRead,
    ) -> Result<(), EngineError> {
        let entry = Entry {
            at: read.at,
            actor: None,
            event: Event::SettingsRead,
            request: None,
            revision: None,
            detail: json!({
                "taken": read.taken, "restart": read.restart, "refused": read.refused.is_some(),
            }),
        };
        self.ports.store.commit(Change { audit: vec![entry], ..Change::default() }).await?;
        self.wake_ledger();
        self.settings_read.store(Some(Arc::new(read)));
        if let Some(tuning) = tuning {
            self.tuning.store(Arc::new(tuning));
            self.wake_source();
            self.retention_wake.notify_one();
        }
        Ok(())
    }
}
