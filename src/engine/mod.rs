//! Orchestration over ports: what happens when, and in which order.
//!
//! Every loop is level-triggered: an event only says that something may have changed, and the
//! engine then reads what is so, decides, and acts. Losing an event costs time, never truth.
//!
//! - [`reconcile`]: the policy repo to the applied [`Snapshot`]
//! - [`intake`]: messages to commands, commands to answers and requests
//! - [`requests`]: one request at a time, under its own lock, decided on what is so now
//! - [`runs`]: from permitted to ended; the only caller of the gate
//! - [`outbox`]: posts as they should stand, to posts as they stand
//! - `applied`: the snapshot that decides, provisional bans laid over it
//! - [`bans`]: who is banned in chat, until that lasts or lapses
//! - [`pauses`]: what holds an intent, or everything, for a while
//! - [`schedules`]: intents that ask for themselves
//! - [`calendar`]: what is due at a time and belongs to no request
//! - [`clocks`]: waking what has waited long enough
//! - `patrol`: looking again without a reason
//! - [`ledger`]: the audit log's file and its signed checkpoints
//! - [`standing`]: standing intents, and the drift they find
//! - [`retention`]: what is old goes
//! - [`tuning`]: what may change while it runs
//! - [`dam`]: what keeps strangers from filling the audit log
//! - [`health`]: whether all of it works, for whoever watches from outside
//! - [`host`]: what may be done over the socket on the host
//! - [`sessions`]: who is signed in to the console
//! - [`status`]: how every loop is
//! - [`verifying`]: the audit log against its witnesses, when somebody asks

mod applied;
pub mod bans;
pub mod calendar;
pub mod clocks;
pub mod dam;
pub mod health;
pub mod host;
pub mod intake;
pub mod ledger;
pub mod load;
pub mod locks;
pub mod outbox;
mod patrol;
pub mod pauses;
mod places;
pub mod reconcile;
mod renames;
pub mod requests;
pub mod retention;
pub mod runs;
pub mod schedules;
pub mod sessions;
pub mod standing;
pub mod status;
pub mod tuning;
pub mod verifying;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::id::{ChannelName, Platform, Revision};
use crate::domain::press::Seal;
use crate::domain::request::machine::Illegal;
use crate::domain::trust::TrustMode;
use crate::policy::Snapshot;
use crate::ports::chat::{Chat, ChatError};
use crate::ports::clock::Clock;
use crate::ports::copies::Copies;
use crate::ports::executor::Executor;
use crate::ports::forge::Forge;
use crate::ports::ledger::{Ledger, LedgerError};
use crate::ports::source::{Source, SourceError};
use crate::ports::store::{Store, StoreError};
use crate::redact::Redactor;

use tuning::{SettingsRead, Tuning};

/// The world, as the engine reaches it.
#[derive(Clone)]
pub struct Ports {
    /// Time and chance.
    pub clock: Arc<dyn Clock>,
    /// What must survive.
    pub store: Arc<dyn Store>,
    /// Chat platforms by name.
    pub chats: BTreeMap<Platform, Arc<dyn Chat>>,
    /// Pull requests.
    pub forge: Arc<dyn Forge>,
    /// The policy repo.
    pub source: Arc<dyn Source>,
    /// Executing.
    pub executor: Arc<dyn Executor>,
    /// Previous copies of managed files.
    pub copies: Arc<dyn Copies>,
    /// The audit log's file and checkpoints.
    pub ledger: Arc<dyn Ledger>,
}

/// What settings say.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where news of the policy repo and the daemon go.
    pub operations: ChannelName,
    /// What a revision must satisfy beside descending.
    pub trust: TrustMode,
    /// The first revision to accept; `None`: the one that is found.
    pub start: Option<Revision>,
    /// The policy repo for people, without user name, password or query.
    pub source_url: String,
    /// The watched branch.
    pub source_branch: String,
    /// How long reading evidence may take at dispatch.
    pub evidence_within: SignedDuration,
    /// How often a post that grows is edited at most.
    pub edit_every: SignedDuration,
    /// Characters of output that one post shows.
    pub output_shown: usize,
    /// What may change while the engine runs.
    pub tuning: Tuning,
    /// Where runs get their folders.
    pub workspaces: PathBuf,
    /// How runs are contained, in words, for `status`.
    pub sandbox: String,
    /// What needs a person from the start, in words.
    pub warnings: Vec<String>,
    /// The console's name as a chat platform.
    pub console: Platform,
    /// Where the console is, by person: `{person}` stands for the name.
    pub console_url: String,
    /// What proves that a button was made here.
    pub seal: Seal,
}

/// Why the engine could not do something. Never shown to people as it is.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The policy repo.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A chat.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The audit file.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A step that the state machine does not know: a bug.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The machine's own file system.
    #[error("{what}: {error}")]
    Folder {
        /// What was tried.
        what: String,
        /// What came back.
        error: std::io::Error,
    },
}

/// The running engine. Cheap to share; all state that must survive is in the store.
pub struct Engine {
    ports: Ports,
    options: Options,
    redactor: Arc<ArcSwap<Redactor>>,
    tuning: ArcSwap<Tuning>,
    settings_read: ArcSwapOption<SettingsRead>,
    deciding: Arc<applied::Deciding>,
    /// Bans change one at a time, so that what decides is what the store says.
    banning: tokio::sync::Mutex<()>,
    sessions: Arc<sessions::Sessions>,
    locks: locks::Locks,
    runs: runs::Running,
    clocks: clocks::Clocks,
    names: requests::Names,
    rounds: Arc<requests::Rounds>,
    standings: standing::Standings,
    /// What people want done about drift is read by one task at a time.
    answering: tokio::sync::Mutex<()>,
    hearing: status::Hearing,
    health: health::Remembered,
    turnstile: intake::limits::Turnstile,
    outlets: outbox::Outlets,
    refused_presses: intake::presses::Refused,
    renames: renames::Renames,
    calendar_wake: Notify,
    source_wake: Notify,
    ledger_wake: Notify,
    retention_wake: Notify,
    sweeping: tokio::sync::Mutex<()>,
    host_refusals: dam::Dam,
    reconciling: tokio::sync::Mutex<()>,
    draining: AtomicBool,
    started: Timestamp,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Engine {
    /// Makes an engine that does nothing yet; see [`Engine::start`]. Whoever learns of another
    /// secret replaces `redactor`.
    pub fn new(ports: Ports, options: Options, redactor: Arc<ArcSwap<Redactor>>) -> Arc<Self> {
        let started = ports.clock.now();
        let deciding = Arc::new(applied::Deciding::default());
        let sessions = Arc::new(sessions::Sessions::new(
            Arc::clone(&ports.store),
            Arc::clone(&ports.clock),
            {
                let deciding = Arc::clone(&deciding);
                Arc::new(move || deciding.load())
            },
            options.console.clone(),
        ));
        Arc::new(Self {
            turnstile: intake::limits::Turnstile::new(
                &options.tuning.manners,
                Arc::clone(&ports.clock),
            ),
            outlets: outbox::Outlets::new(ports.chats.keys()),
            ports,
            tuning: ArcSwap::from_pointee(options.tuning.clone()),
            settings_read: ArcSwapOption::empty(),
            options,
            redactor,
            deciding,
            banning: tokio::sync::Mutex::new(()),
            sessions,
            locks: locks::Locks::default(),
            runs: runs::Running::default(),
            clocks: clocks::Clocks::default(),
            names: requests::Names::default(),
            rounds: Arc::default(),
            standings: standing::Standings::default(),
            answering: tokio::sync::Mutex::new(()),
            hearing: status::Hearing::default(),
            health: health::Remembered::default(),
            refused_presses: intake::presses::Refused::default(),
            renames: renames::Renames::default(),
            calendar_wake: Notify::new(),
            source_wake: Notify::new(),
            ledger_wake: Notify::new(),
            retention_wake: Notify::new(),
            sweeping: tokio::sync::Mutex::new(()),
            host_refusals: dam::Dam::default(),
            reconciling: tokio::sync::Mutex::new(()),
            draining: AtomicBool::new(false),
            started,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Loads what was applied, cleans up after an earlier daemon, and starts every loop.
    ///
    /// When it returns, requests are taken. A policy repo that cannot be loaded is no error: it
    /// is said in the operations channel as soon as there is one, and nothing is permitted.
    pub async fn start(self: &Arc<Self>) -> Result<(), EngineError> {
        self.audit_start().await?;
        self.restore_bans().await?;
        self.restore_applied().await?;
        self.reconcile().await;
        self.recover_runs().await?;
        self.offer_on_open_cards().await?;
        for platform in self.ports.chats.keys() {
            self.spawn("intake", Arc::clone(self).listen(platform.clone()));
            self.spawn("outbox", Arc::clone(self).keep_posts(platform.clone()));
        }
        self.spawn("names", Arc::clone(self).keep_names());
        self.spawn("clocks", Arc::clone(self).keep_time());
        self.spawn("patrol", Arc::clone(self).keep_patrolling());
        self.spawn("standing", Arc::clone(self).keep_standing());
        self.spawn("calendar", Arc::clone(self).keep_calendar());
        self.spawn("source", Arc::clone(self).keep_source());
        self.spawn("retention", Arc::clone(self).keep_only_so_long());
        self.spawn("ledger", Arc::clone(self).keep_ledger());
        self.consider_all().await?;
        Ok(())
    }

    /// Stops: no new dispatch, running things get their grace and are then interrupted, and
    /// what was said is in the store.
    pub async fn stop(self: &Arc<Self>) {
        self.draining.store(true, Ordering::SeqCst);
        self.drain_runs().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if let Err(error) = self.audit_stop().await {
            tracing::error!(%error, "failed to write the end of the audit log");
        }
    }

    /// Returns the snapshot that decides, if there is one: the applied revision, with the bans
    /// that bind provisionally.
    pub fn applied(&self) -> Option<Arc<Snapshot>> {
        self.deciding.load()
    }

    /// Returns the world.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Returns what settings say.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the present time.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Says whether no new run is started because the daemon is stopping.
    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Runs a loop or a step until it ends or the engine stops.
    fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
            tracing::debug!(task = name, "ended");
        });
    }
}
