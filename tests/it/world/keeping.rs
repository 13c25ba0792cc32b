//! What is kept in a world, and what happens to it.

use std::sync::Arc;

use tribune::domain::message::PostKey;
use tribune::engine::host;
use tribune::engine::retention::{PruneRefused, Pruned, Until};
use tribune::ports::chat::{Chat as _, Cursor};
use tribune::ports::store::{Change, RequestFilter, Stock, Swept};

use super::World;
use super::ledger::FakeLedger;

impl World {
    /// Waits for something that the engine does.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Returns the audit files.
    pub fn ledger(&self) -> &Arc<FakeLedger> {
        &self.ledger
    }

    /// Writes to the store what a daemon could have written.
    pub fn commit(&self, change: Change) {
        self.wait(self.store().commit(change)).expect("it is taken");
    }

    /// Returns how much is kept.
    pub fn stock(&self) -> Stock {
        self.wait(self.store().stock()).expect("readable")
    }

    /// Returns how the last sweep went.
    pub fn swept(&self) -> Swept {
        self.wait(self.store().swept()).expect("readable")
    }

    /// Says whether the state of a post is kept.
    pub fn keeps_post(&self, key: &str) -> bool {
        self.wait(self.store().post(&PostKey(key.to_owned()))).expect("readable").is_some()
    }

    /// Returns how many requests there are.
    pub fn requests(&self) -> usize {
        self.wait(self.store().requests(&RequestFilter::default())).expect("readable").len()
    }

    /// The chat server gives every message again, as after a cursor was lost.
    pub fn replay(&mut self) {
        let cursor = Some((self.chat.platform().clone(), Cursor("0".into())));
        self.commit(Change { cursor, ..Change::default() });
        self.kill();
        self.start();
        self.then("every message comes again");
    }

    /// Root on the host prunes the audit log.
    pub fn prune(&mut self, until: Until) -> Result<Pruned, PruneRefused> {
        let engine = Arc::clone(self.engine());
        let by = Some(host::principal(0));
        let done = self.wait(engine.prune_audit(until, by, "kept elsewhere"));
        self.then("the audit log is pruned on the host");
        done.expect("the store works")
    }
}
