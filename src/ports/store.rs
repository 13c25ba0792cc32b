//! What must survive.
//!
//! There is one way to write: [`Store::commit`] takes a [`Change`], a plain value that says all
//! that one step does, and applies it in one transaction or not at all. Whatever must hold for
//! the step to be right is in [`Change::expect`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Retry;
use super::chat::Cursor;
pub use super::filter::{AuditFilter, IncidentFilter, RequestFilter, RunFilter};
pub use super::outbox::{OutboxPost, Waiting};
use super::revision::{RevisionFilter, RevisionRecord};
pub use super::stock::{Forget, Old, Stock, Swept};
use crate::domain::audit::{Entry, Row};
use crate::domain::body::Body;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::digest::Digest;
use crate::domain::drift::{Incident, Watch, WatchKey};
use crate::domain::evidence::PullRef;
use crate::domain::id::{IncidentId, IntentName, PersonId, Platform, RequestId, Revision, RunId};
use crate::domain::message::{MessageRef, Post, PostKey, Posted};
use crate::domain::pause::{Pause, Scope};
use crate::domain::press::Offer;
use crate::domain::provisional::ProvisionalBan;
use crate::domain::request::Request;
pub use crate::domain::revision_change::HighWater;
use crate::domain::run::RunRecord;
use crate::domain::schedule::Mark;

/// Why the store did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// What the change expected is not so: read again, decide again.
    #[error("somebody else was faster: {0}")]
    Conflict(Conflict),
    /// The disk is full; nothing was written.
    #[error("the disk of the store is full")]
    Full,
    /// The store does not work.
    #[error("the store does not work: {0}")]
    Broken(String),
}

impl StoreError {
    /// Says whether to try again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Conflict(_) | Self::Full => Retry::Transient,
            Self::Broken(_) => Retry::Broken,
        }
    }
}

/// Which expectation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The request has another version.
    #[error("{0} has changed")]
    Request(RequestId),
    /// Another revision is applied.
    #[error("another revision is applied")]
    Applied,
    /// The citation has no uses left; these requests used it.
    #[error("{0} is used up")]
    Used(PullRef),
    /// The message was taken in before.
    #[error("the message was handled before")]
    Seen,
    /// What is known of the target has another version.
    #[error("{0} has changed")]
    Watch(WatchKey),
    /// The pause of this scope is not the one that was read.
    #[error("the pause of {0} has changed")]
    Pause(Scope),
    /// The intent is paused.
    #[error("{0} is paused")]
    Paused(IntentName),
    /// Other bans bind provisionally than were decided with.
    #[error("other bans bind")]
    Bans,
    /// The provisional ban on this person is not the one that was read.
    #[error("the ban on @{0} has changed")]
    Ban(PersonId),
    /// These buttons were pressed before.
    #[error("the buttons of {0} were renewed")]
    Pressed(PostKey),
    /// The schedule of this intent was moved on by somebody else.
    #[error("the schedule of {0} has moved on")]
    Schedule(IntentName),
}

/// What must hold for a change to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// This revision is applied.
    Applied(Revision),
    /// No pause holds this intent, not even one whose time is over and whose end is not recorded.
    Unpaused(IntentName),
    /// Exactly these people are banned provisionally, each since then; ended ones not counted.
    Bans(BTreeMap<PersonId, Timestamp>),
}

/// All that one step does. Requests carry the version they were read with (0: new); the store
/// refuses the change if it has moved, and stores version + 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Change {
    /// What must hold.
    pub expect: Vec<Expect>,
    /// Goes to the audit log first.
    pub audit: Vec<Entry>,
    /// Requests to insert or replace.
    pub requests: Vec<Request>,
    /// Runs to insert or replace.
    pub runs: Vec<RunRecord>,
    /// Uses of citations to take; refused beyond `limit`. A request that took one before takes
    /// no second one.
    pub uses: Vec<Use>,
    /// Posts as they should stand now. A new body raises the generation; the same one changes
    /// nothing. Moving a post to another place is refused.
    pub posts: Vec<Post>,
    /// What people may press under posts of this change or of earlier ones.
    pub offers: Vec<(PostKey, Vec<Offer>)>,
    /// A press to take, of the buttons of a post that bear this number; refused with
    /// [`Conflict::Pressed`] unless they stand. Those that come after bear the next.
    pub pressed: Option<(PostKey, u64)>,
    /// Messages handled by this step; refused if one was handled before.
    pub seen: Vec<Handled>,
    /// How far a platform's messages were taken in.
    pub cursor: Option<(Platform, Cursor)>,
    /// Where the source stands.
    pub source: Option<SourceState>,
    /// Merges seen for the first time; later sightings change nothing.
    pub sightings: Vec<(Revision, Timestamp)>,
    /// What became of revisions; the store gives each its place and forgets the oldest beyond
    /// [`super::revision::RECORDS_KEPT`].
    pub revisions: Vec<RevisionRecord>,
    /// A sign-in token to add.
    pub token: Option<SignInToken>,
    /// A sign-in token to consume (its hash); refused with [`Conflict::Seen`] if there is none,
    /// it was used, or it has expired at the given time.
    pub consume: Option<(Digest, Timestamp)>,
    /// A session to add or replace.
    pub session: Option<Session>,
    /// Sessions to end, by hash.
    pub end_sessions: Vec<Digest>,
    /// Watches to insert or replace, each with its open incident; they carry versions as
    /// requests do.
    pub watches: Vec<Watch>,
    /// Incidents that have ended; the watch that they belonged to no longer holds them.
    pub closed: Vec<Incident>,
    /// When watches were last looked at, where nothing else about them changed.
    pub looked: Vec<(WatchKey, Timestamp)>,
    /// Watches that no standing intent asks for any more.
    pub unwatch: Vec<WatchKey>,
    /// Pauses to make, replace or lift; refused if one is not the one that was read.
    pub pauses: Vec<Swap<Scope, Pause>>,
    /// Provisional bans to make, replace or forget; refused if one is not the one that was read.
    pub bans: Vec<Swap<PersonId, ProvisionalBan>>,
    /// Marks of schedules to make, move or remove; refused if one is not the one that was read.
    pub schedules: Vec<Swap<IntentName, Mark>>,
    /// What to remove for good.
    pub forget: Option<Forget>,
    /// How the last sweep went.
    pub swept: Option<Swept>,
}

/// A message that was handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// Which.
    pub at: MessageRef,
    /// When it was written, by the chat server's clock.
    pub sent: Timestamp,
}

/// A stored value that is replaced if it still is what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap<K, V> {
    /// Under which name.
    pub key: K,
    /// What was read; `None`: nothing.
    pub before: Option<V>,
    /// What is stored from now on; `None`: nothing.
    pub after: Option<V>,
}

/// What a commit gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Sequence numbers of the audit rows, in order.
    pub audit: Vec<u64>,
    /// How many things were removed for good; as many as the limit: there may be more.
    pub forgotten: u64,
}

/// One run that a pull request supported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// Which pull request.
    pub pull: PullRef,
    /// Which request used it.
    pub request: RequestId,
    /// How many requests may.
    pub limit: u32,
}

/// Where the source stands; each field is a different revision on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceState {
    /// The head that was last fetched.
    pub observed: Option<Revision>,
    /// The revision that was last tried.
    pub attempted: Option<Revision>,
    /// The revision that decides.
    pub applied: Option<Revision>,
    /// When it was applied.
    pub applied_at: Option<Timestamp>,
    /// When the last fetch worked.
    pub fetched_at: Option<Timestamp>,
    /// Why the last fetch did not, in words.
    pub unreachable: Option<String>,
    /// What is wrong with `attempted`, if it is not applied.
    pub trouble: Option<Trouble>,
    /// What the delta guard compares with: sizes and names at their highest within 24 hours.
    pub high_water: Vec<HighWater>,
    /// Revisions that somebody on the host accepted in spite of the trust mode.
    pub accepted: Vec<Revision>,
    /// Revisions that people let pass the delta guard, on the host or in chat.
    #[serde(default)]
    pub agreed: Vec<Revision>,
}

impl SourceState {
    /// Says whether people let pass what the trouble is, so that it is worth another attempt.
    pub fn is_let_pass(&self, trouble: &Trouble) -> bool {
        match trouble.kind {
            TroubleKind::Trust => self.accepted.contains(&trouble.revision),
            TroubleKind::Delta => self.agreed.contains(&trouble.revision),
            TroubleKind::Bad | TroubleKind::Diverged | TroubleKind::Unreadable => false,
        }
    }
}

/// Why a revision is not applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Which revision.
    pub revision: Revision,
    /// Which kind.
    pub kind: TroubleKind,
    /// In words, one line.
    pub summary: String,
    /// What `check` says about it.
    pub diagnostics: Vec<Diagnostic>,
    /// Since when.
    pub since: Timestamp,
}

/// Which kind of trouble keeps a revision from being applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// It does not load; its child may.
    Bad,
    /// It, or a commit on the way to it, is not trusted; so are its descendants.
    Trust,
    /// It does not descend from the applied revision.
    Diverged,
    /// It removes or changes too much at once.
    Delta,
    /// It cannot be fetched or read.
    Unreadable,
}

/// A link that signs somebody in once. Only its hash is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInToken {
    /// SHA-256 of the token.
    pub hash: Digest,
    /// Whom it signs in.
    pub person: PersonId,
    /// When it ends.
    pub until: Timestamp,
}

/// A browser that is signed in. Only the hash of its cookie is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the cookie's value.
    pub hash: Digest,
    /// Who.
    pub person: PersonId,
    /// The host name it belongs to.
    pub host: String,
    /// When it began.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// What must survive.
#[async_trait]
pub trait Store: Send + Sync {
    /// Applies a change whole, or not at all. When it returns `Ok`, it is on disk.
    async fn commit(&self, change: Change) -> Result<Receipt, StoreError>;

    /// Returns a number that no request had before. Also a number that was given out and never
    /// committed is not given again before a restart.
    async fn next_request(&self) -> Result<RequestId, StoreError>;

    /// Returns a request.
    async fn request(&self, id: RequestId) -> Result<Option<Request>, StoreError>;

    /// Lists requests.
    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError>;

    /// Returns a run.
    async fn run(&self, id: RunId) -> Result<Option<RunRecord>, StoreError>;

    /// Lists runs without their output.
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, StoreError>;

    /// Returns runs that were started and have not ended, oldest first.
    async fn runs_open(&self) -> Result<Vec<RunRecord>, StoreError>;

    /// Returns the requests that used a pull request, in the order of use.
    async fn uses(&self, pull: &PullRef) -> Result<Vec<RequestId>, StoreError>;

    /// Returns a post.
    async fn post(&self, key: &PostKey) -> Result<Option<OutboxPost>, StoreError>;

    /// Returns the post that stands at a message.
    async fn post_at(&self, at: &MessageRef) -> Result<Option<OutboxPost>, StoreError>;

    /// Returns posts of a platform whose chat does not agree with them and that may be tried at
    /// `now`: those that people wait for before those that stream, each oldest first; none that
    /// waits for the post whose thread it belongs to, and none that would overtake one of its
    /// kind in its thread.
    async fn posts_due(
        &self,
        platform: &Platform,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxPost>, StoreError>;

    /// Counts the posts that wait to be sent, by platform; those of platforms that are not
    /// connected too.
    async fn posts_waiting(&self) -> Result<BTreeMap<Platform, Waiting>, StoreError>;

    /// Records that a generation of a post was sent: the body as it was sent, and how the server
    /// took it. The text of the first time is kept for the comparison at dispatch.
    async fn post_sent(
        &self,
        key: &PostKey,
        generation: u64,
        sent: &Body,
        posted: &Posted,
    ) -> Result<(), StoreError>;

    /// Records that seeds were put under a post.
    async fn post_seeded(&self, key: &PostKey) -> Result<(), StoreError>;

    /// Records that these buttons were put under a post, unless others should stand there by now.
    async fn post_offered(
        &self,
        key: &PostKey,
        round: u64,
        offers: &[Offer],
    ) -> Result<(), StoreError>;

    /// Records that sending failed, and when to try again.
    async fn post_failed(&self, key: &PostKey, not_before: Timestamp) -> Result<(), StoreError>;

    /// Records that nothing more is done about a generation of a post: it is given up, or it was
    /// sent and is no message of its own. A newer one is sent.
    async fn post_given_up(&self, key: &PostKey, generation: u64) -> Result<(), StoreError>;

    /// Says whether a message was handled, as far as that is remembered.
    async fn is_handled(&self, at: &MessageRef) -> Result<bool, StoreError>;

    /// Returns how far a platform's messages were taken in.
    async fn cursor(&self, platform: &Platform) -> Result<Option<Cursor>, StoreError>;

    /// Returns where the source stands.
    async fn source(&self) -> Result<SourceState, StoreError>;

    /// Returns when a merge was first seen.
    async fn first_seen(&self, revision: &Revision) -> Result<Option<Timestamp>, StoreError>;

    /// Lists what became of revisions, without diffs.
    async fn revisions(&self, filter: &RevisionFilter) -> Result<Vec<RevisionRecord>, StoreError>;

    /// Returns one such record, whole.
    async fn revision(&self, seq: u64) -> Result<Option<RevisionRecord>, StoreError>;

    /// Lists audit rows.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Row>, StoreError>;

    /// Returns one audit row, if it is there.
    async fn audit_row(&self, seq: u64) -> Result<Option<Row>, StoreError>;

    /// Returns the last audit row.
    async fn audit_head(&self) -> Result<Option<Row>, StoreError>;

    /// Returns a sign-in token that was not consumed; it may have expired.
    async fn token(&self, hash: &Digest) -> Result<Option<SignInToken>, StoreError>;

    /// Returns a session that was not ended; the caller looks at `until`.
    async fn session(&self, hash: &Digest) -> Result<Option<Session>, StoreError>;

    /// Returns every stored pause in order of scope; those that are over too, until they are
    /// lifted.
    async fn pauses(&self) -> Result<Vec<Pause>, StoreError>;

    /// Returns every provisional ban in order of subject; ended ones too, until they are
    /// forgotten.
    async fn bans(&self) -> Result<Vec<ProvisionalBan>, StoreError>;

    /// Returns the mark of every schedule, in order of intent.
    async fn schedules(&self) -> Result<BTreeMap<IntentName, Mark>, StoreError>;

    /// Returns every session that was not ended, oldest first.
    async fn sessions(&self) -> Result<Vec<Session>, StoreError>;

    /// Returns a number that no incident of drift had before; as [`Store::next_request`] does.
    async fn next_incident(&self) -> Result<IncidentId, StoreError>;

    /// Returns what is known of every standing intent on each of its targets, in order of key.
    async fn watches(&self) -> Result<Vec<Watch>, StoreError>;

    /// Returns what is known of one standing intent on one target.
    async fn watch(&self, key: &WatchKey) -> Result<Option<Watch>, StoreError>;

    /// Returns an incident of drift, open or not.
    async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError>;

    /// Lists incidents of drift.
    async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError>;

    /// Writes one value over the last, to see whether the store can be written. Takes no more
    /// room however often it is done.
    async fn probe(&self, now: Timestamp) -> Result<(), StoreError>;

    /// Returns how the last sweep went.
    async fn swept(&self) -> Result<Swept, StoreError>;

    /// Counts what is kept.
    async fn stock(&self) -> Result<Stock, StoreError>;
}
