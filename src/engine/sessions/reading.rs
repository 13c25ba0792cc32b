//! Reading the audit log as one person: what it says of channels, requests and intents that they
//! may not view is left out, whatever is searched for.

use std::collections::HashMap;
use std::sync::Arc;

use super::viewing::Viewing;
use crate::domain::audit::{Entry, Event, Row};
use crate::domain::id::{PersonId, RequestId};
use crate::policy::Page;
use crate::ports::store::{AuditFilter, Store, StoreError};

/// Rows that are read at once.
const BATCH: u32 = 200;
/// Batches that are read for one page at most; the next page goes on from there.
const BATCHES: u32 = 25;

/// A page of the audit log.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// Rows, newest first.
    pub rows: Vec<Row>,
    /// Before which row the next page begins; `None`: there is none.
    pub next: Option<u64>,
}

/// Reads the audit log for people.
pub struct Reader {
    store: Arc<dyn Store>,
    viewing: Arc<Viewing>,
}

impl Reader {
    /// Reads the log of `store`, as `viewing` lets people see it.
    pub fn new(store: Arc<dyn Store>, viewing: Arc<Viewing>) -> Self {
        Self { store, viewing }
    }

    /// Returns up to `filter.limit` rows that `person` may see, newest first.
    pub async fn read(
        &self,
        person: &PersonId,
        filter: &AuditFilter,
    ) -> Result<Reading, StoreError> {
        let mut eye = Eye { viewing: &self.viewing, person, requests: HashMap::new() };
        let mut page = Reading::default();
        let mut before = filter.before;
        for _ in 0..BATCHES {
            let batch = AuditFilter { before, limit: BATCH, ..filter.clone() };
            let rows = self.store.audit(&batch).await?;
            let last = rows.len() < BATCH as usize;
            for row in rows.into_iter().rev() {
                if page.rows.len() >= filter.limit as usize {
                    page.next = page.rows.last().map(|row| row.seq);
                    return Ok(page);
                }
                before = row.seq;
                if eye.may_see(self.store.as_ref(), &row).await? {
                    page.rows.push(row);
                }
            }
            if last {
                return Ok(page);
            }
        }
        page.next = Some(before);
        Ok(page)
    }
}

/// What one person may see, remembered for one page.
struct Eye<'a> {
    viewing: &'a Viewing,
    person: &'a PersonId,
    requests: HashMap<RequestId, bool>,
}

impl Eye<'_> {
    async fn may_see(&mut self, store: &dyn Store, row: &Row) -> Result<bool, StoreError> {
        let entry = &row.entry;
        if let Some(id) = entry.request {
            return self.may_see_request(store, id).await;
        }
        Ok(match entry.event {
            Event::RevisionApplied | Event::RevisionRefused | Event::RevisionAccepted => {
                self.viewing.may_see(self.person, Page::Policy)
            }
            // Who was kept out of a channel tells that there is one.
            Event::ViewDenied => return self.may_see_denied(store, entry).await,
            _ => true,
        })
    }

    async fn may_see_request(
        &mut self,
        store: &dyn Store,
        id: RequestId,
    ) -> Result<bool, StoreError> {
        if let Some(known) = self.requests.get(&id) {
            return Ok(*known);
        }
        let request = store.request(id).await?;
        let may = match request {
            Some(request) => self.viewing.may_view_request(self.person, &request),
            // Nothing says any more whether it was private.
            None => self.viewing.may_administer(self.person),
        };
        self.requests.insert(id, may);
        Ok(may)
    }

    async fn may_see_denied(
        &mut self,
        store: &dyn Store,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let what = entry.detail["what"].as_str().and_then(|what| what.split_once(' '));
        let Some((kind, name)) = what else { return Ok(true) };
        Ok(match kind {
            "channel" => name.parse().is_ok_and(|name| self.viewing.may_view(self.person, &name)),
            "intent" => {
                name.parse().is_ok_and(|name| self.viewing.may_view_intent(self.person, &name))
            }
            "request" | "run" => match name.split('.').next().unwrap_or(name).parse() {
                Ok(id) => self.may_see_request(store, id).await?,
                Err(_) => false,
            },
            "page" => true,
            _ => false,
        })
    }
}
