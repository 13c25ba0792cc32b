//! What the store in memory keeps about drift.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tribune::domain::drift::{Incident, Watch, WatchKey};
use tribune::domain::id::IncidentId;
use tribune::ports::store::{Change, Conflict, IncidentFilter, StoreError};

/// Standing intents on their targets, and incidents.
#[derive(Debug, Clone, Default)]
pub struct Drifts {
    /// Watches without their incidents.
    watches: BTreeMap<WatchKey, Watch>,
    incidents: BTreeMap<IncidentId, Incident>,
}

impl Drifts {
    /// Applies what a change says about drift.
    pub fn apply(&mut self, change: &Change) -> Result<(), StoreError> {
        for incident in &change.closed {
            self.incidents.insert(incident.id, incident.clone());
        }
        for watch in &change.watches {
            let stored = self.watches.get(&watch.key).map_or(0, |stored| stored.version);
            if stored != watch.version {
                return Err(StoreError::Conflict(Conflict::Watch(watch.key.clone())));
            }
            if let Some(incident) = &watch.incident {
                let other = self.open(&watch.key).filter(|open| open.id != incident.id);
                if other.is_some() {
                    return Err(StoreError::Broken("two incidents are open".into()));
                }
                self.incidents.insert(incident.id, incident.clone());
            }
            let bare = Watch { incident: None, version: watch.version + 1, ..watch.clone() };
            self.watches.insert(watch.key.clone(), bare);
        }
        for (key, at) in &change.looked {
            if let Some(watch) = self.watches.get_mut(key) {
                watch.checked = Some(*at);
            }
        }
        for key in &change.unwatch {
            self.watches.remove(key);
        }
        Ok(())
    }

    fn open(&self, key: &WatchKey) -> Option<&Incident> {
        self.incidents.values().find(|it| it.key == *key && it.closed.is_none())
    }

    /// Returns the highest number of an incident.
    pub fn last(&self) -> u64 {
        self.incidents.keys().map(|id| id.0).max().unwrap_or(0)
    }

    /// Removes what was over before a time, the newest excepted; returns what that was.
    pub fn forget(&mut self, before: Timestamp, limit: usize) -> Vec<IncidentId> {
        let newest = self.last();
        let is_old = |it: &&Incident| {
            it.id.0 != newest && it.closed.as_ref().is_some_and(|closed| closed.at < before)
        };
        let old: Vec<_> = self.incidents.values().filter(is_old).map(|it| it.id).collect();
        let old: Vec<_> = old.into_iter().take(limit).collect();
        self.incidents.retain(|id, _| !old.contains(id));
        old
    }

    /// Returns every watch with its open incident.
    pub fn watches(&self) -> Vec<Watch> {
        let whole =
            |watch: &Watch| Watch { incident: self.open(&watch.key).cloned(), ..watch.clone() };
        self.watches.values().map(whole).collect()
    }

    /// Returns one incident.
    pub fn incident(&self, id: IncidentId) -> Option<Incident> {
        self.incidents.get(&id).cloned()
    }

    /// Lists incidents, newest first.
    pub fn incidents(&self, filter: &IncidentFilter) -> Vec<Incident> {
        let limit = if filter.limit == 0 { usize::MAX } else { filter.limit as usize };
        self.incidents
            .values()
            .rev()
            .filter(|it| filter.intent.as_ref().is_none_or(|intent| it.key.intent == *intent))
            .filter(|it| !filter.open || it.closed.is_none())
            .take(limit)
            .cloned()
            .collect()
    }
}
