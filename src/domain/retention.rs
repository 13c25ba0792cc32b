//! How long things are kept, and which posts may go.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::id::{IncidentId, RequestId};
use super::message::{FILE, OUTPUT, PostKey};
use super::reply::{card, drift, run};

/// How much longer than messages are acted on it is remembered that they were handled, so that
/// no step of a clock lets one be both forgotten and acted on.
const MESSAGE_MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// How long things are kept after they ended; `None`: for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// How often to look.
    pub every: SignedDuration,
    /// Messages that were handled. An older one is never acted on.
    pub messages: Option<SignedDuration>,
    /// Sign-in links and sessions.
    pub sign_ins: Option<SignedDuration>,
    /// The output of runs.
    pub output: Option<SignedDuration>,
    /// Requests with their runs and posts, and incidents of drift with theirs.
    pub requests: Option<SignedDuration>,
    /// Posts that were said once.
    pub posts: Option<SignedDuration>,
    /// Threads of the built-in console.
    pub console: Option<SignedDuration>,
    /// Audit rows, up to a checkpoint.
    pub audit: Option<SignedDuration>,
    /// Objects of the mirror that nothing reaches.
    pub mirror: Option<SignedDuration>,
}

impl Retention {
    /// Everything is kept for good; a sweep still looks every hour.
    pub const FOREVER: Self = Self {
        every: SignedDuration::from_hours(1),
        messages: None,
        sign_ins: None,
        output: None,
        requests: None,
        posts: None,
        console: None,
        audit: None,
        mirror: None,
    };

    /// Says whether a message is too old to be acted on: that it was handled may be forgotten.
    pub fn is_too_old(&self, sent: Timestamp, now: Timestamp) -> bool {
        self.messages.is_some_and(|kept| now.duration_since(sent) >= kept)
    }

    /// Returns before when a handled message must have been written to be forgotten.
    pub fn messages_before(&self, now: Timestamp) -> Option<Timestamp> {
        self.messages.and_then(|kept| before(now, kept + MESSAGE_MARGIN))
    }
}

/// Returns the moment `kept` before `now`.
pub fn before(now: Timestamp, kept: SignedDuration) -> Option<Timestamp> {
    now.checked_sub(kept).ok()
}

/// Beginnings of the names of posts that are said once: nobody edits, answers or counts them.
pub const SAID_ONCE: [&str; 8] =
    ["accepted:", "answer:", "checkpoint:", FILE, "host:", "missed:", "paused:", "revision:"];

/// Says whether a post is said once, so that it may be forgotten while others live.
pub fn is_said_once(key: &PostKey) -> bool {
    SAID_ONCE.iter().any(|start| key.0.starts_with(start))
}

/// Returns the names of the posts of a request: whole ones, and beginnings of others.
pub fn posts_of(request: RequestId) -> (PostKey, [String; 2]) {
    let card = card::key(request, 0).0;
    let card = card.trim_end_matches('0').to_owned();
    (run::outcome_key(request), [card, format!("{OUTPUT}{request}.")])
}

/// Returns the names of the posts of an incident of drift: the card, and the beginning of others.
pub fn posts_of_incident(incident: IncidentId) -> (PostKey, String) {
    let card = drift::key(incident);
    let others = format!("{card}:");
    (card, others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RunId;

    #[test]
    fn the_posts_of_a_request_are_named_and_those_of_others_are_not() {
        let (outcome, [cards, outputs]) = posts_of(RequestId(7));
        assert_eq!(outcome, run::outcome_key(RequestId(7)));
        assert!(card::key(RequestId(7), 12).0.starts_with(&cards));
        assert!(!card::key(RequestId(71), 2).0.starts_with(&cards));
        let output = |request| run::output_key(RunId { request: RequestId(request), attempt: 1 });
        assert!(output(7).0.starts_with(&outputs));
        assert!(!output(71).0.starts_with(&outputs));
    }

    #[test]
    fn the_posts_of_an_incident_are_named_and_those_of_others_are_not() {
        let (card, others) = posts_of_incident(IncidentId(7));
        assert_eq!(card, drift::key(IncidentId(7)));
        assert!(drift::diff_key(IncidentId(7)).0.starts_with(&others));
        assert!(drift::note_key(IncidentId(7), 3).0.starts_with(&others));
        assert!(!drift::diff_key(IncidentId(71)).0.starts_with(&others));
    }

    #[test]
    fn no_message_is_forgotten_while_it_could_be_acted_on() {
        let kept = SignedDuration::from_hours(48);
        let retention = Retention { messages: Some(kept), ..Retention::FOREVER };
        let now = Timestamp::from_second(1_000_000).unwrap();
        let forgotten = retention.messages_before(now).unwrap();
        for seconds in -100_000..100_000 {
            let sent = forgotten + SignedDuration::from_secs(seconds);
            assert!(sent >= forgotten || retention.is_too_old(sent, now), "{sent}");
        }
        assert!(!retention.is_too_old(now - kept + SignedDuration::from_secs(1), now));
    }

    #[test]
    fn live_posts_are_never_said_once() {
        for live in ["card:r1:1", "out:r1.1", "outcome:r1", "trouble:1"] {
            assert!(!is_said_once(&PostKey(live.to_owned())), "{live}");
        }
        assert!(is_said_once(&PostKey("answer:console:12".to_owned())));
    }
}
