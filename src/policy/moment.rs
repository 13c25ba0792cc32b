//! Points in time as Cedar takes them.

use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::Context;
use cedar_policy_core::ast::{Context as CoreContext, Value};
use jiff::Timestamp;

use super::facts::datetime;

/// Remembers the point in time that was asked about last. Making one goes through Cedar's parser,
/// which takes as long as a whole question, and one decision asks about one time again and again.
#[derive(Debug, Clone, Default)]
pub(super) struct Moment(Arc<Mutex<Option<(Timestamp, Value)>>>);

impl Moment {
    /// Returns a point in time; the error says why Cedar cannot be told of it.
    pub fn at(&self, now: Timestamp) -> Result<Value, String> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((at, made)) if *at == now => Ok(made.clone()),
            Some(_) | None => Ok(last.insert((now, value(now)?)).1.clone()),
        }
    }
}

fn value(now: Timestamp) -> Result<Value, String> {
    let context = Context::from_pairs([("now".to_owned(), datetime(now))])
        .map_err(|error| format!("the time cannot be told to cedar: {error}"))?;
    match context.as_ref() {
        CoreContext::Value(values) => values.get("now").cloned(),
        CoreContext::RestrictedResidual(_) => None,
    }
    .ok_or_else(|| "the time cannot be told to cedar".to_owned())
}
