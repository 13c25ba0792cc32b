//! Verifying the audit log when somebody asks for it in the console.
//!
//! It reads every row, so it is done by one task at a time however many people ask, and not
//! again right after it was done.

use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::domain::audit::report::Report;
use crate::domain::id::PersonId;
use crate::ports::audit_check::{AuditCheck, AuditCheckError};
use crate::ports::clock::Clock;

/// How long a result is good enough for whoever asks next.
const REST: SignedDuration = SignedDuration::from_secs(30);

/// A verification that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who asked for it.
    pub by: PersonId,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What was found.
    pub result: Result<Report, AuditCheckError>,
}

/// How far things are.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Since when one runs, and for whom.
    pub running: Option<(Timestamp, PersonId)>,
    /// The last that ended since the daemon started.
    pub last: Option<Arc<Verified>>,
}

/// Verifies the audit log, one at a time.
pub struct Verifying {
    check: Arc<dyn AuditCheck>,
    clock: Arc<dyn Clock>,
    progress: Mutex<Progress>,
    running: watch::Sender<bool>,
}

impl Verifying {
    /// Verifies by `check`.
    pub fn new(check: Arc<dyn AuditCheck>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (progress, running) = (Mutex::default(), watch::Sender::new(false));
        Arc::new(Self { check, clock, progress, running })
    }

    /// Says how far things are.
    pub fn progress(&self) -> Progress {
        self.lock().clone()
    }

    /// Begins a verification for `by`, unless one runs or has just ended.
    pub fn begin(self: &Arc<Self>, by: &PersonId) {
        let began = self.clock.now();
        {
            let mut progress = self.lock();
            let fresh = |last: &Arc<Verified>| began.duration_since(last.ended) < REST;
            if progress.running.is_some() || progress.last.as_ref().is_some_and(fresh) {
                return;
            }
            progress.running = Some((began, by.clone()));
        }
        self.running.send_replace(true);
        let (this, by) = (Arc::clone(self), by.clone());
        tokio::spawn(async move {
            let result = this.check.verify().await;
            let ended = this.clock.now();
            let verified = Verified { by, began, ended, result };
            *this.lock() = Progress { running: None, last: Some(Arc::new(verified)) };
            this.running.send_replace(false);
        });
    }

    /// Waits until none runs.
    pub async fn settled(&self) {
        let mut running = self.running.subscribe();
        // The sender lives as long as this does.
        let _ended = running.wait_for(|running| !running).await;
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}
