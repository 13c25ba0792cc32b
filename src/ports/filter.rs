//! Which rows of the store to list.

use jiff::Timestamp;

use crate::domain::audit::Event;
use crate::domain::id::{IntentName, PersonId, RequestId, RunId};
use crate::domain::request::State;

/// Which requests to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestFilter {
    /// Only in these states; empty: all.
    pub states: Vec<State>,
    /// Only by this person.
    pub requester: Option<PersonId>,
    /// Only for this intent.
    pub intent: Option<IntentName>,
    /// Only older than this one.
    pub before: Option<RequestId>,
    /// At most so many; 0: all.
    pub limit: u32,
}

/// Which runs to list: those of the newest requests first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Only those that have not ended.
    pub open: bool,
    /// Only those that come after this one in the list.
    pub before: Option<RunId>,
    /// At most so many; 0: all.
    pub limit: u32,
}

/// Which audit rows to list, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Only after this row.
    pub after: u64,
    /// Only before this row; 0: all.
    pub before: u64,
    /// Only about this request.
    pub request: Option<RequestId>,
    /// Only by this person.
    pub person: Option<PersonId>,
    /// Only at or after.
    pub since: Option<Timestamp>,
    /// Only these; empty: all.
    pub events: Vec<Event>,
    /// Only where the entry, as canonical JSON, has this text; ASCII letters of either case.
    pub text: Option<String>,
    /// At most so many, the newest of them; 0: all.
    pub limit: u32,
}

/// Which incidents of drift to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentFilter {
    /// Only of this intent.
    pub intent: Option<IntentName>,
    /// Only those that have not ended.
    pub open: bool,
    /// At most so many; 0: all.
    pub limit: u32,
}
