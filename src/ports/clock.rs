//! Time and chance.

use async_trait::async_trait;
use jiff::Timestamp;

/// The only source of time and randomness.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Returns the present time, in whole milliseconds.
    fn now(&self) -> Timestamp;

    /// Waits until `now` is not before `at`.
    async fn sleep_until(&self, at: Timestamp);

    /// Fills `bytes` from a cryptographic source.
    fn random(&self, bytes: &mut [u8]);
}
