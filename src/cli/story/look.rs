//! Looking again and again until something is so.

use std::time::{Duration, Instant};

use super::transcript::StepError;

/// How long anything may take to become so.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
pub const GLANCE: Duration = Duration::from_millis(100);

/// What one look sees.
#[derive(Debug)]
pub enum Look<T> {
    /// What was waited for.
    Found(T),
    /// It is not so yet; this is what there is instead.
    NotYet(String),
}

impl<T> Look<T> {
    /// Returns what was found, or says what there is instead.
    pub fn of(found: Option<T>, instead: impl FnOnce() -> String) -> Self {
        found.map_or_else(|| Self::NotYet(instead()), Self::Found)
    }
}

/// Looks until it is so, and returns what was waited for. After `patience` the step fails with
/// what was seen last.
pub async fn until<T>(
    expected: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Look<T>, StepError>,
) -> Result<T, StepError> {
    let begun = Instant::now();
    loop {
        match look().await? {
            Look::Found(found) => return Ok(found),
            Look::NotYet(seen) if begun.elapsed() > patience => {
                return Err(StepError::Wrong { expected: expected.to_owned(), seen });
            }
            Look::NotYet(_) => tokio::time::sleep(GLANCE).await,
        }
    }
}
