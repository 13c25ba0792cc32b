//! One look at one target.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::{BUSY_AGAIN, FAILED_AGAIN, rule_of};
use crate::domain::audit::{Entry, Event as Told};
use crate::domain::decision::{Decision, Effect as Ruled, Outcome as Decided};
use crate::domain::digest::{Digest, digest_of};
use crate::domain::drift::machine::{self, Event, Observation};
use crate::domain::drift::{Difference, Leave, Watch, WatchKey};
use crate::domain::id::{ChatChannelId, Platform, ServiceId};
use crate::domain::intent::{Intent, StandingRule};
use crate::domain::person::Principal;
use crate::domain::reply::{drift as reply, join};
use crate::domain::request::{Mode, Request, State, Via};
use crate::domain::run::{Outcome, PlanError};
use crate::engine::runs::{Looked, NOBODYS};
use crate::engine::{Engine, EngineError};
use crate::policy::Snapshot;
use crate::ports::store::{Change, Expect, StoreError};

/// The name of the service in whose name standing intents are looked at and repaired.
const RECONCILER: &str = "reconciler";

/// What redaction leaves in place of a secret.
const REDACTED: &str = "[redacted:";

/// Returns Tribune itself, as it looks and repairs.
pub(super) fn reconciler() -> Principal {
    let name: ServiceId = RECONCILER.parse().expect("it is a service name");
    Principal::Service(name)
}

impl Engine {
    /// Looks at a target, tells what was found, and sets the clock of the next look.
    pub(super) async fn look_at_watch(self: Arc<Self>, key: WatchKey) {
        let next = match self.look_once(&key).await {
            Ok(next) => next,
            Err(EngineError::Store(StoreError::Conflict(conflict))) => {
                tracing::debug!(watch = %key, %conflict, "looking again");
                self.now()
            }
            Err(error) => {
                tracing::error!(watch = %key, %error, "failed to look; trying again");
                self.now() + FAILED_AGAIN
            }
        };
        self.standings.is_over(&key, next, self.now());
    }

    async fn look_once(self: &Arc<Self>, key: &WatchKey) -> Result<jiff::Timestamp, EngineError> {
        let again = self.now() + BUSY_AGAIN;
        let Ok(_turn) = self.standings.turns.acquire().await else { return Ok(again) };
        let Some(snapshot) = self.applied() else { return Ok(again) };
        let Some((intent, rule)) = rule_of(&snapshot, key) else { return Ok(again) };
        let Some(place) = self.drift_place(&snapshot, intent) else { return Ok(again) };
        self.hear_of_repair(&snapshot, key).await?;
        self.read_answers(&snapshot, key).await?;
        if let Some(pause) = self.paused(&key.intent).await? {
            return Ok(pause.until.max(again).min(self.spread(rule.every)));
        }
        let before = self.ports.store.watch(key).await?;
        let (observation, leave) =
            match self.observe(&snapshot, key, (intent, rule), place, before.as_ref()).await? {
                Seen::Told(observation, leave) => (observation, leave),
                Seen::NotNow => return Ok(self.now() + BUSY_AGAIN),
            };
        let after = self.tell(&snapshot, key, Event::Observed(observation), Some(leave)).await?;
        Ok(self.spread(machine::pause(&after, rule.every)))
    }

    async fn observe(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        key: &WatchKey,
        (intent, rule): (&Intent, &StandingRule),
        place: (Platform, ChatChannelId),
        before: Option<&Watch>,
    ) -> Result<Seen, EngineError> {
        let request = match check_request(snapshot, key, rule, place, self.now()) {
            Ok(request) => request,
            Err(error) => {
                let why = error.to_string();
                return Ok(Seen::Told(Observation::Unknown { why }, None));
            }
        };
        let digest = request.digest;
        let held = before.and_then(|watch| watch.leave).filter(|leave| leave.digest == digest);
        let written = std::sync::Mutex::new(held);
        let commit = |snapshot: Arc<Snapshot>, decision: Decision| {
            let written = &written;
            async move {
                // What was decided and written before needs no second row.
                if let Some(leave) = held {
                    return Ok(leave.audit);
                }
                let audit = self.write_decision(&snapshot, key, &decision).await?;
                let mut written = written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                *written = Some(Leave { audit, digest });
                Ok(audit)
            }
        };
        let looked = self.look_at(snapshot, &request, commit).await?;
        let leave = written.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let observation = match looked {
            Looked::Busy | Looked::Again => return Ok(Seen::NotNow),
            Looked::Failed(why) => Observation::Unknown { why },
            Looked::Denied(decision) => {
                let why = denied(&decision);
                let known = before.is_some_and(|it| it.why.as_ref() == Some(&why));
                if !known {
                    self.write_decision(snapshot, key, &decision).await?;
                }
                return Ok(Seen::Told(Observation::Denied { why }, None));
            }
            Looked::Done { outcome, text, dropped } => {
                match self.observation(intent, outcome, text, dropped) {
                    Some(observation) => observation,
                    None => return Ok(Seen::NotNow),
                }
            }
        };
        Ok(Seen::Told(observation, leave))
    }

    /// Writes what policy says to looking; what it decided on must still be applied.
    async fn write_decision(
        &self,
        snapshot: &Snapshot,
        key: &WatchKey,
        decision: &Decision,
    ) -> Result<u64, EngineError> {
        let entry = Entry {
            at: self.now(),
            actor: Some(reconciler()),
            event: Told::DriftDecided,
            request: None,
            revision: Some(snapshot.revision.clone()),
            detail: json!({
                "intent": key.intent, "target": key.target, "outcome": decision.outcome,
                "rules": decision.rules(),
            }),
        };
        let expect = vec![Expect::Applied(snapshot.revision.clone())];
        let change = Change { expect, audit: vec![entry], ..Change::default() };
        let receipt = self.ports.store.commit(change).await?;
        self.wake_ledger();
        Ok(receipt.audit.first().copied().unwrap_or_default())
    }

    /// Says what the end of a check means; `None`: nothing, it was cut short.
    fn observation(
        &self,
        intent: &Intent,
        outcome: Outcome,
        text: String,
        dropped: u64,
    ) -> Option<Observation> {
        Some(match outcome {
            Outcome::Succeeded => Observation::InSync,
            Outcome::Differs => {
                let fingerprint = self.standings.fingerprints.of(&text);
                let concealed = text.contains(REDACTED) || reply::is_sensitive(intent);
                let text = text.trim_end().to_owned();
                Observation::Differs(Difference { fingerprint, text, dropped, concealed })
            }
            Outcome::Failed { how, target: _ } => {
                let last = text.lines().rev().find(|line| !line.trim().is_empty());
                let said = last.map(|line| self.standings.fingerprints.masked(line.trim()));
                let said = said.map(|line| format!(": {}", reply::cut(&line, 200)));
                Observation::Unknown { why: format!("{how}{}", said.unwrap_or_default()) }
            }
            Outcome::TimedOut => {
                Observation::Unknown { why: "it took too long and was ended".to_owned() }
            }
            Outcome::Cancelled | Outcome::Interrupted => return None,
        })
    }
}

/// What a look came to, for the clock.
enum Seen {
    /// Something was found.
    Told(Observation, Option<Leave>),
    /// Somebody else is at it, or things move.
    NotNow,
}

/// Returns the check of one target as the gate takes it. It is never stored.
fn check_request(
    snapshot: &Snapshot,
    key: &WatchKey,
    rule: &StandingRule,
    card_place: (Platform, ChatChannelId),
    now: jiff::Timestamp,
) -> Result<Request, PlanError> {
    let mut request = Request {
        id: NOBODYS,
        version: 0,
        requester: reconciler(),
        via: Via::Reconciler,
        channel: None,
        message: None,
        card_place,
        mode: Mode::Check,
        intent: key.intent.clone(),
        args: rule.args.clone(),
        asked_targets: vec![key.target.to_string()],
        targets: BTreeSet::from([key.target.clone()]),
        cites: None,
        digest: Digest::of(b""),
        card: 1,
        state: State::Permitted,
        asked: now,
        collect_by: None,
        permitted: Some(now),
        execute_by: None,
        reminded: false,
        outcome: Some(Decided::Permit),
        votes: Vec::new(),
        attempts: 0,
        ended: None,
    };
    request.digest = digest_of(&snapshot.repo, &request)?;
    Ok(request)
}

/// Returns why policy says no, in words.
pub(super) fn denied(decision: &Decision) -> String {
    let reasons = decision.reasons.iter().flat_map(|target| &target.reasons);
    let mut forbids: Vec<String> = reasons
        .filter(|reason| matches!(reason.effect, Ruled::Forbids | Ruled::Refuses))
        .map(|reason| reason.text.clone())
        .collect();
    forbids.dedup();
    if forbids.is_empty() {
        return match decision.outcome {
            Decided::NeedsApproval { .. } => "policy wants approvals for it".to_owned(),
            Decided::Permit | Decided::Deny => "no policy permits it".to_owned(),
        };
    }
    join(&forbids, "and")
}
