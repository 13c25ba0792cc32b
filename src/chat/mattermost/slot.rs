//! A value that is copied out and in; nobody holds its lock for longer.

use std::sync::{Mutex, PoisonError};

/// The value.
pub(super) struct Slot<T>(Mutex<T>);

impl<T> Slot<T> {
    /// Keeps a value.
    pub fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Puts another.
    pub fn set(&self, value: T) {
        self.with(|kept| *kept = value);
    }

    /// Looks at it or changes it, quickly.
    pub fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Clone> Slot<T> {
    /// Returns a copy.
    pub fn get(&self) -> T {
        self.with(|value| value.clone())
    }
}
