//! Points in time as Cedar takes them.

use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::RestrictedExpression;
use jiff::Timestamp;

use super::facts::datetime;

/// Remembers the point in time that was asked about last. Making one goes through Cedar's parser,
/// which takes as long as a whole question, and one decision asks about one time again and again.
#[derive(Debug, Clone, Default)]
pub(super) struct Moment(Arc<Mutex<Option<(Timestamp, RestrictedExpression)>>>);

impl Moment {
    /// Returns a point in time.
    pub fn at(&self, now: Timestamp) -> RestrictedExpression {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((at, made)) if *at == now => made.clone(),
            Some(_) | None => last.insert((now, datetime(now))).1.clone(),
        }
    }
}
