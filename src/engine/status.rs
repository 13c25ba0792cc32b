//! How every loop is: one value that feeds `tribune status` and the console's status page.
//!
//! Each loop has a row here; a new loop adds its own to [`Engine::report`].

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::clocks::WAITING;
use super::{Engine, EngineError};
use crate::domain::drift::{Found, Watch};
use crate::domain::id::Platform;
use crate::domain::reply::run::state_words;
use crate::domain::reply::{drift, room};
use crate::domain::request::State;
use crate::domain::request::machine::next_tick;
use crate::ports::store::{RequestFilter, SourceState, TroubleKind, Waiting};

/// How everything is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When the daemon started.
    pub started: Timestamp,
    /// Every loop, in the order in which things pass through them.
    pub loops: Vec<LoopStatus>,
    /// What needs a person, in words; empty: nothing.
    pub warnings: Vec<String>,
}

/// How one loop is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopStatus {
    /// Its name, one word or two.
    pub name: String,
    /// Whether it is well.
    pub health: Health,
    /// How it is, in one line.
    pub says: String,
    /// What else there is to know: names and values.
    pub facts: Vec<(String, Fact)>,
}

/// Whether a loop is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It does what it should.
    Good,
    /// It does not, and tries again by itself.
    Trying,
    /// It does not, and a person must act.
    Stuck,
    /// It is not used, or switched off.
    Off,
}

impl Health {
    /// Returns it in a word or two.
    pub fn words(self) -> &'static str {
        match self {
            Self::Good => "well",
            Self::Trying => "trying again",
            Self::Stuck => "needs a person",
            Self::Off => "off",
        }
    }
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Words or a number.
    Text(String),
    /// A literal: a revision, an address.
    Code(String),
    /// A moment.
    At(Timestamp),
}

impl LoopStatus {
    /// Makes a row without further facts.
    pub fn new(name: &str, health: Health, says: impl Into<String>) -> Self {
        Self { name: name.to_owned(), health, says: says.into(), facts: Vec::new() }
    }

    /// Adds a fact.
    pub fn with(mut self, name: &str, fact: Fact) -> Self {
        self.facts.push((name.to_owned(), fact));
        self
    }

    /// Adds a fact if it is known.
    fn with_if(self, name: &str, fact: Option<Fact>) -> Self {
        match fact {
            Some(fact) => self.with(name, fact),
            None => self,
        }
    }
}

/// When messages were last taken in; or since when they cannot be, and why.
pub(super) type Heard = Result<Timestamp, (Timestamp, String)>;

/// What was last heard of each chat platform.
#[derive(Debug, Default)]
pub struct Hearing {
    heard: Mutex<BTreeMap<Platform, Heard>>,
    news: Notify,
}

impl Hearing {
    /// Notes that messages of a platform were taken in; says whether they could not be before.
    pub(super) fn well(&self, platform: &Platform, now: Timestamp) -> bool {
        let was_failing = self.is_failing(platform);
        self.note(platform, Ok(now));
        was_failing
    }

    /// Notes that they could not be, and why; the first time of several is kept.
    pub(super) fn failed(&self, platform: &Platform, now: Timestamp, why: &str) {
        let since = match self.of(platform) {
            Some(Err((since, _))) => since,
            Some(Ok(_)) | None => now,
        };
        self.note(platform, Err((since, why.to_owned())));
    }

    /// Says whether messages of a platform cannot be taken in now.
    pub(super) fn is_failing(&self, platform: &Platform) -> bool {
        matches!(self.of(platform), Some(Err(_)))
    }

    fn note(&self, platform: &Platform, what: Heard) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.insert(platform.clone(), what);
        self.news.notify_waiters();
    }

    /// Waits until messages of a platform were taken in for the first time, or could not be.
    pub(super) async fn once(&self, platform: &Platform) {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            if self.of(platform).is_some() {
                return;
            }
            news.await;
        }
    }

    pub(super) fn of(&self, platform: &Platform) -> Option<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).get(platform).cloned()
    }
}

/// Says what a waiting request waits for, after a number.
fn waiting_words(state: State) -> &'static str {
    match state {
        State::NeedsApproval => "waiting for approval",
        other => state_words(other),
    }
}

/// Says what to do about what keeps a revision from being applied.
pub fn next_step(state: &SourceState) -> Option<String> {
    let trouble = state.trouble.as_ref()?;
    let revision = trouble.revision.short();
    Some(match trouble.kind {
        TroubleKind::Bad => "mend it by another commit; until then the old rules decide".into(),
        TroubleKind::Unreadable => {
            "see whether the repository can be reached; the old rules decide".into()
        }
        TroubleKind::Trust | TroubleKind::Delta => {
            format!("if this is meant, run `tribune source accept {revision} --reason …`")
        }
        TroubleKind::Diverged => format!(
            "push history that descends from the applied revision, or, if this is meant, \
             run `tribune source rearm {revision} --reason …`"
        ),
    })
}

impl Engine {
    /// Returns how everything is.
    pub async fn report(&self) -> Result<Report, EngineError> {
        let mut loops = vec![self.source_status().await?, self.requests_status().await?];
        loops.push(self.runs_status());
        loops.push(self.standing_status().await?);
        loops.push(self.outbox_status().await?);
        loops.extend(self.ports.chats.keys().map(|platform| self.chat_status(platform)));
        loops.extend(self.buttons_status());
        loops.push(self.audit_status().await?);
        loops.push(self.retention_status().await?);
        loops.push(self.sessions_status().await?);
        loops.push(self.readiness_status().await);
        loops.push(LoopStatus::new("sandbox", Health::Good, self.options.sandbox.clone()));
        Ok(Report { started: self.started, loops, warnings: self.warnings() })
    }

    /// Returns what needs a person.
    pub fn warnings(&self) -> Vec<String> {
        let read = self.settings_read().and_then(|read| read.warning());
        let renamed = self.renames.words();
        let unheard = self.ports.chats.keys().flat_map(|platform| {
            let channels = self.unheard(platform).into_iter();
            channels.map(|(channel, why)| room::unheard(&channel, platform, why))
        });
        self.options.warnings.iter().cloned().chain(read).chain(unheard).chain(renamed).collect()
    }

    /// Returns how many presses were not taken, where there are buttons.
    fn buttons_status(&self) -> Option<LoopStatus> {
        let mut platforms = self.ports.chats.keys();
        let refused = self.refused_presses.count();
        let says = format!("{refused} presses were not taken since the start; the log says why");
        platforms
            .any(|it| self.has_buttons(it))
            .then(|| LoopStatus::new("buttons", Health::Good, says))
    }

    async fn source_status(&self) -> Result<LoopStatus, EngineError> {
        let state = self.ports.store.source().await?;
        let (health, says) = match (&state.trouble, &state.unreachable, &state.applied) {
            (Some(trouble), ..) => (Health::Stuck, trouble.summary.clone()),
            (None, Some(why), _) => (Health::Trying, why.clone()),
            (None, None, None) => (Health::Trying, "no revision is applied yet".to_owned()),
            (None, None, Some(applied)) => {
                (Health::Good, format!("revision {} decides", applied.short()))
            }
        };
        let revision = |revision: &Option<crate::domain::id::Revision>| {
            revision.as_ref().map(|revision| Fact::Code(revision.short().to_owned()))
        };
        let watched = format!("{} {}", self.options.source_url, self.options.source_branch);
        Ok(LoopStatus::new("source", health, says)
            .with("Watched", Fact::Code(watched))
            .with_if("Observed", revision(&state.observed))
            .with_if("Attempted", revision(&state.attempted))
            .with_if("Applied", revision(&state.applied))
            .with_if("Applied at", state.applied_at.map(Fact::At))
            .with_if("Last fetch", state.fetched_at.map(Fact::At))
            .with_if("Wrong since", state.trouble.as_ref().map(|trouble| Fact::At(trouble.since)))
            .with_if("Next step", next_step(&state).map(Fact::Text)))
    }

    async fn requests_status(&self) -> Result<LoopStatus, EngineError> {
        let filter = RequestFilter { states: WAITING.to_vec(), ..RequestFilter::default() };
        let open = self.ports.store.requests(&filter).await?;
        let count = |state| open.iter().filter(|request| request.state == state).count();
        let parts: Vec<String> = WAITING
            .into_iter()
            .filter(|state| count(*state) > 0)
            .map(|state| format!("{} {}", count(state), waiting_words(state)))
            .collect();
        let says = if parts.is_empty() { "none waits".to_owned() } else { parts.join(", ") };
        let next = open.iter().filter_map(next_tick).min();
        let left = self.left_in_round();
        let again = (left > 0).then(|| Fact::Text(left.to_string()));
        Ok(LoopStatus::new("requests", Health::Good, says)
            .with_if("Still to be decided again", again)
            .with_if("Next clock", next.map(Fact::At)))
    }

    fn runs_status(&self) -> LoopStatus {
        let running = self.running();
        let (health, says) = if self.is_draining() {
            (Health::Off, "nothing new starts: the daemon is stopping".to_owned())
        } else {
            let most = self.tuning().max_running;
            (Health::Good, format!("{} of at most {most} under way", running.len()))
        };
        let names: Vec<String> = running.iter().map(ToString::to_string).collect();
        let names = (!names.is_empty()).then(|| Fact::Text(names.join(", ")));
        LoopStatus::new("runs", health, says).with_if("Running", names)
    }

    async fn standing_status(&self) -> Result<LoopStatus, EngineError> {
        let watches = self.ports.store.watches().await?;
        let blind = |watch: &Watch| matches!(watch.found, Found::Unknown | Found::Denied);
        let health = if watches.iter().any(blind) { Health::Trying } else { Health::Good };
        Ok(LoopStatus::new("standing", health, drift::counts(&watches)))
    }

    async fn outbox_status(&self) -> Result<LoopStatus, EngineError> {
        let waiting = self.ports.store.posts_waiting().await?;
        let sum = |count: fn(&Waiting) -> u64| waiting.values().map(count).sum::<u64>();
        let (posts, failing) = (sum(|it| it.posts), sum(|it| it.failing));
        let now = self.now();
        let held: Vec<_> = self
            .ports
            .chats
            .keys()
            .filter_map(|platform| self.outlets.of(platform)?.pace().held(now).cloned())
            .collect();
        let (health, says) = match (posts, failing) {
            (0, _) => (Health::Good, "every message stands as it should".to_owned()),
            (posts, 0) if held.is_empty() => {
                (Health::Good, format!("{posts} messages are on their way"))
            }
            (posts, 0) => (Health::Trying, format!("{posts} messages wait")),
            (posts, failing) => {
                let says = format!("{posts} messages wait, {failing} of them failed before");
                (Health::Trying, says)
            }
        };
        let next = held.iter().map(|held| held.until).min();
        let whys: Vec<String> = held.into_iter().map(|held| held.why).collect();
        let why = (!whys.is_empty()).then(|| Fact::Text(whys.join("; ")));
        let away: Vec<String> = waiting
            .iter()
            .filter(|(platform, _)| !self.ports.chats.contains_key(platform))
            .map(|(platform, waiting)| format!("{} for {platform}", waiting.posts))
            .collect();
        let away = (!away.is_empty()).then(|| Fact::Text(away.join(", ")));
        Ok(LoopStatus::new("outbox", health, says)
            .with_if("Next try", next.map(Fact::At))
            .with_if("Held by", why)
            .with_if("For platforms that are not connected", away))
    }

    fn chat_status(&self, platform: &Platform) -> LoopStatus {
        let name = format!("chat {platform}");
        match self.hearing.of(platform) {
            None => LoopStatus::new(&name, Health::Trying, "connecting"),
            Some(Ok(at)) => {
                let unheard = self.unheard(platform);
                let (health, says) = match unheard.len() {
                    0 => (Health::Good, "connected".to_owned()),
                    1 => (Health::Stuck, "connected, but 1 channel is not heard".to_owned()),
                    many => {
                        (Health::Stuck, format!("connected, but {many} channels are not heard"))
                    }
                };
                let names: Vec<String> =
                    unheard.iter().map(|(channel, _)| format!("#{channel}")).collect();
                let names = (!names.is_empty()).then(|| Fact::Text(names.join(", ")));
                LoopStatus::new(&name, health, says)
                    .with("Last taken in", Fact::At(at))
                    .with_if("Not heard", names)
            }
            Some(Err((since, why))) => {
                LoopStatus::new(&name, Health::Trying, why).with("Since", Fact::At(since))
            }
        }
    }

    async fn audit_status(&self) -> Result<LoopStatus, EngineError> {
        let head = self.ports.store.audit_head().await?.map_or(0, |row| row.seq);
        let rows = Fact::Text(head.to_string());
        let written = match self.ports.ledger.last_row().await {
            Ok(written) => written,
            Err(error) => {
                let says = format!("its file cannot be read: {error}");
                return Ok(LoopStatus::new("audit", Health::Stuck, says).with("Rows", rows));
            }
        };
        let (health, says) = match head.saturating_sub(written) {
            0 => (Health::Good, "store and file agree".to_owned()),
            behind => (Health::Trying, format!("the file is {behind} rows behind the store")),
        };
        let signed = self.ports.ledger.last_checkpoint().await.ok().flatten();
        Ok(LoopStatus::new("audit", health, says)
            .with("Rows", rows)
            .with_if("Last checkpoint", signed.map(|signed| Fact::At(signed.at))))
    }

    async fn retention_status(&self) -> Result<LoopStatus, EngineError> {
        let stock = self.ports.store.stock().await?;
        let swept = self.ports.store.swept().await?;
        let says = match swept.at {
            None => "nothing was swept yet".to_owned(),
            Some(_) if swept.removed.values().all(|removed| *removed == 0) => {
                "nothing was too old at the last sweep".to_owned()
            }
            Some(_) => {
                let removed = swept.removed.iter().filter(|(_, removed)| **removed > 0);
                let parts: Vec<String> =
                    removed.map(|(kind, removed)| format!("{removed} {kind}")).collect();
                format!("the last sweep removed {}", parts.join(", "))
            }
        };
        let kept = format!(
            "{} requests, output of {} runs, {} messages, {} audit rows",
            stock.requests, stock.outputs, stock.posts, stock.audit
        );
        Ok(LoopStatus::new("retention", Health::Good, says)
            .with("Kept", Fact::Text(kept))
            .with_if("Last sweep", swept.at.map(Fact::At))
            .with_if("Next by", swept.at.map(|at| Fact::At(at + self.tuning().retention.every))))
    }

    async fn sessions_status(&self) -> Result<LoopStatus, EngineError> {
        let sessions = self.ports.store.sessions().await?;
        let mut people: Vec<String> =
            sessions.iter().map(|session| format!("@{}", session.person)).collect();
        people.sort();
        people.dedup();
        let says = match people.len() {
            0 => "nobody is signed in to the console".to_owned(),
            1 => "1 person is signed in to the console".to_owned(),
            many => format!("{many} people are signed in to the console"),
        };
        let who = (!people.is_empty()).then(|| Fact::Text(people.join(", ")));
        Ok(LoopStatus::new("sessions", Health::Good, says).with_if("Who", who))
    }
}
