//! Pauses: what holds an intent, or everything, for a while.

use jiff::Timestamp;

use super::{Engine, EngineError};
use crate::domain::id::IntentName;
use crate::domain::pause::{self, Pause};

impl Engine {
    /// Returns the pause that holds an intent at `now`, if one does.
    pub(super) async fn paused(
        &self,
        intent: &IntentName,
        now: Timestamp,
    ) -> Result<Option<Pause>, EngineError> {
        let pauses = self.ports.store.pauses().await?;
        Ok(pause::holding(&pauses, intent, now).cloned())
    }
}
