//! A lock for each request, never a global one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::domain::id::RequestId;

/// Locks by request; one that nobody holds or waits for is forgotten.
#[derive(Debug, Default)]
pub struct Locks(Mutex<HashMap<RequestId, Weak<AsyncMutex<()>>>>);

/// Holds the lock of one request until dropped.
#[derive(Debug)]
pub struct Held {
    request: RequestId,
    _guard: OwnedMutexGuard<()>,
}

impl Held {
    /// Returns the request whose lock this is.
    pub fn request(&self) -> RequestId {
        self.request
    }
}

impl Locks {
    /// Waits for the lock of `request`.
    pub async fn lock(&self, request: RequestId) -> Held {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            match locks.get(&request).and_then(Weak::upgrade) {
                Some(lock) => lock,
                None => {
                    let lock = Arc::new(AsyncMutex::new(()));
                    locks.insert(request, Arc::downgrade(&lock));
                    lock
                }
            }
        };
        Held { request, _guard: lock.lock_owned().await }
    }
}
