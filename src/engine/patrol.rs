//! Looking again without a reason.
//!
//! What a chat tells is a hint, and a hint may be lost. So a patrol passes what people answer to,
//! a few things a minute, however many there are: a lost hint costs a minute, or a few where very
//! much waits, and never more. A platform that cannot be heard is left out; it is looked at as a
//! whole when it is back.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{Engine, EngineError};
use crate::domain::id::{IncidentId, Platform, RequestId};
use crate::domain::request::State;
use crate::ports::store::{IncidentFilter, RequestFilter};

/// How often the patrol passes.
pub(super) const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// How many of each kind it looks at in one.
const LOOKS: usize = 60;

/// Where the last patrol ended.
#[derive(Debug, Default)]
struct Ended {
    request: Option<RequestId>,
    incident: Option<IncidentId>,
}

impl Engine {
    /// Patrols until the engine stops.
    pub(super) async fn keep_patrolling(self: Arc<Self>) {
        let mut ended = Ended::default();
        loop {
            // All of it was looked at when the engine started.
            self.ports.clock.sleep_until(self.now() + EVERY).await;
            if let Err(error) = self.patrol(&mut ended).await {
                tracing::warn!(%error, "a patrol was cut short; the next begins where it ended");
            }
        }
    }

    async fn patrol(self: &Arc<Self>, ended: &mut Ended) -> Result<(), EngineError> {
        let states = vec![State::Requested, State::NeedsApproval];
        let filter = RequestFilter { states, ..RequestFilter::default() };
        let open = self.ports.store.requests(&filter).await?;
        let heard = open.iter().filter(|request| self.is_heard(&request.card_place.0));
        let turn = turn(heard.map(|request| request.id).collect(), ended.request);
        for (nth, request) in turn.iter().enumerate() {
            self.look_again(*request, self.now() + spread(nth, turn.len()));
        }
        ended.request = turn.last().copied().or(ended.request);
        if let Err(error) = self.count_any_agreement().await {
            // Where that is told may be away, and drift is told elsewhere.
            tracing::warn!(%error, "failed to count who agrees to what is held");
        }
        self.patrol_drift(ended).await
    }

    async fn patrol_drift(self: &Arc<Self>, ended: &mut Ended) -> Result<(), EngineError> {
        let filter = IncidentFilter { open: true, ..IncidentFilter::default() };
        let open = self.ports.store.incidents(&filter).await?;
        let heard = open.iter().filter(|incident| self.is_heard(&incident.place.0));
        for incident in turn(heard.map(|incident| incident.id).collect(), ended.incident) {
            self.drift_touched(incident).await?;
            ended.incident = Some(incident);
        }
        Ok(())
    }

    fn is_heard(&self, platform: &Platform) -> bool {
        !self.hearing.is_failing(platform)
    }
}

/// Returns whose turn it is: those after the last one, and from the beginning again.
fn turn<T: Ord + Copy>(mut all: Vec<T>, last: Option<T>) -> Vec<T> {
    all.sort_unstable();
    let next = all.partition_point(|it| last.is_some_and(|last| *it <= last));
    all.rotate_left(next);
    all.truncate(LOOKS);
    all
}

/// Returns how long after its beginning a patrol comes to the `nth` of so many.
fn spread(nth: usize, of: usize) -> SignedDuration {
    let share = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    EVERY * share(nth) / share(of.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_its_turn_and_no_patrol_is_longer_than_another() {
        let all: Vec<usize> = (0..150).rev().collect();
        let first = turn(all.clone(), None);
        assert_eq!(first, (0..60).collect::<Vec<_>>());
        let second = turn(all.clone(), first.last().copied());
        assert_eq!(second, (60..120).collect::<Vec<_>>());
        let third = turn(all.clone(), second.last().copied());
        assert_eq!(third, (120..150).chain(0..30).collect::<Vec<_>>());
        assert_eq!(turn(vec![3, 1], Some(2)), [3, 1]);
        assert_eq!(turn(vec![3, 1], Some(9)), [1, 3], "what it ended with may be gone");
        assert!(turn(Vec::<u8>::new(), Some(9)).is_empty());
    }

    #[test]
    fn looks_are_spread_over_the_patrol() {
        let at = |nth, of| spread(nth, of).as_secs();
        assert_eq!([at(0, 1), at(0, 60), at(1, 60), at(59, 60)], [0, 0, 1, 59]);
    }
}
