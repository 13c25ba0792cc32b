//! The life of a request as a pure state machine: event in, new request and effects out.
//!
//! ```text
//! requested → needs_approval ⇄ permitted ⇄ queued → running → succeeded | failed | timed_out
//!                                                           | cancelled | interrupted
//! any open state before running → denied | vetoed | expired | void | cancelled
//! ```
//!
//! The machine reads no clock and asks no policy. The engine tells it what is so (`Event`), it
//! says what follows (`Effect`), and the engine makes all of it one transaction.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Ending, Request, State};
use crate::domain::audit;
use crate::domain::decision::{Decision, Outcome};
use crate::domain::digest::Digest;
use crate::domain::evidence::Vote;
use crate::domain::id::{PersonId, RequestId};
use crate::domain::run;

/// Something that is so.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Policy decided on the evidence in hand.
    Decided {
        /// What it said.
        decision: Decision,
        /// The approvals it counted.
        approvals: Vec<Vote>,
    },
    /// Somebody who may veto did.
    Vetoed(Vote),
    /// What would run is no longer what stands on the card.
    Redigested(Digest),
    /// The card was deleted, or changed by somebody else.
    CardBroken {
        /// In words.
        why: String,
    },
    /// The policy repo no longer has what was asked for.
    Gone {
        /// In words.
        why: String,
    },
    /// It has nothing left to do.
    Moot {
        /// In words.
        why: String,
    },
    /// Its turn has not come: another request holds what it needs.
    Busy {
        /// Which one.
        holder: RequestId,
        /// Whether it waits.
        wait: Wait,
    },
    /// It is dispatched: the transaction that this makes is the dispatch.
    Dispatched,
    /// Its run ended.
    Ended(run::Outcome),
    /// Its supervisor is gone with the daemon that started it.
    SupervisorLost {
        /// Whether the intent allows another try.
        retry: Retry,
    },
    /// Somebody ends it. While it runs, the engine ends the run and sends [`Event::Ended`].
    Cancelled {
        /// Who; `None`: somebody on the host.
        by: Option<PersonId>,
    },
    /// Time has passed.
    Tick,
}

/// What a request does when its target is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// It queues.
    Queue,
    /// It is denied.
    Refuse,
}

/// Whether an interrupted run may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Through the gate again.
    Again,
    /// Never.
    Never,
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Goes to the audit log.
    Audit {
        /// What.
        event: audit::Event,
        /// By whom, if not by Tribune.
        by: Option<PersonId>,
        /// The rest.
        detail: serde_json::Value,
    },
    /// The status lines of the card change.
    Repaint,
    /// The old card is closed with a link and a new one is posted.
    NewCard,
    /// People who could fill the empty slots are mentioned again.
    Remind,
    /// It may be dispatched.
    Dispatch,
    /// It has ended: thread and requester hear of it.
    Finish,
}

/// The event makes no sense in this state: a bug of the caller, never of a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{request} is {state}: {event} does not apply", state = state.as_str())]
pub struct Illegal {
    /// Which request.
    pub request: RequestId,
    /// Its state.
    pub state: State,
    /// The event's name.
    pub event: &'static str,
}

/// How long a permitted request may wait to start; `None`: as long as it likes.
pub type ExecuteWithin = Option<SignedDuration>;

/// Returns the request after `event`, and what follows. `execute` is the intent's `execute` clock.
pub fn step(
    request: &Request,
    event: Event,
    execute: ExecuteWithin,
    now: Timestamp,
) -> Result<(Request, Vec<Effect>), Illegal> {
    let mut next = request.clone();
    let mut effects = Vec::new();
    let open = !request.state.is_final() && request.state != State::Running;
    let illegal = |event| Illegal { request: request.id, state: request.state, event };
    match event {
        Event::Decided { decision, approvals } if open => {
            decided(&mut next, &mut effects, decision, approvals, execute, now);
        }
        Event::Decided { .. } => return Err(illegal("a decision")),
        Event::Vetoed(vote) if open => {
            effects.push(Effect::Audit {
                event: audit::Event::VoteVeto,
                by: Some(vote.person.clone()),
                detail: json!({ "reason": vote.reason, "digest": next.digest }),
            });
            let why = vote.reason.clone().unwrap_or_else(|| "no reason given".to_owned());
            end(&mut next, &mut effects, State::Vetoed, Some(vote.person), why, now);
        }
        Event::Vetoed(_) => return Err(illegal("a veto")),
        Event::Redigested(digest) if open => redigested(&mut next, &mut effects, digest),
        Event::Redigested(_) => return Err(illegal("a new digest")),
        Event::CardBroken { why } if open => {
            end(&mut next, &mut effects, State::Void, None, why, now);
        }
        Event::CardBroken { .. } => return Err(illegal("a broken card")),
        Event::Gone { why } if open => end(&mut next, &mut effects, State::Denied, None, why, now),
        Event::Gone { .. } => return Err(illegal("the loss of its intent")),
        Event::Moot { why } if open => end(&mut next, &mut effects, State::Void, None, why, now),
        Event::Moot { .. } => return Err(illegal("having nothing left to do")),
        Event::Busy { holder, wait } if is_permitted(request) => match wait {
            Wait::Queue => {
                if next.state != State::Queued {
                    next.state = State::Queued;
                    effects.push(Effect::Repaint);
                }
            }
            Wait::Refuse => {
                let why = format!("{holder} holds what it needs, and the intent says not to wait");
                end(&mut next, &mut effects, State::Denied, None, why, now);
            }
        },
        Event::Busy { .. } => return Err(illegal("a held target")),
        Event::Dispatched if is_permitted(request) => {
            next.state = State::Running;
            next.attempts += 1;
            effects.push(Effect::Audit {
                event: audit::Event::RunStart,
                by: None,
                detail: json!({ "attempt": next.attempts, "digest": next.digest }),
            });
            effects.push(Effect::Repaint);
        }
        Event::Dispatched => return Err(illegal("a dispatch")),
        Event::Ended(outcome) if request.state == State::Running => {
            ended(&mut next, &mut effects, &outcome, now);
        }
        Event::Ended(_) => return Err(illegal("the end of a run")),
        Event::SupervisorLost { retry } if request.state == State::Running => {
            interrupted(&mut next, &mut effects, retry, execute, now);
        }
        Event::SupervisorLost { .. } => return Err(illegal("the loss of a supervisor")),
        Event::Cancelled { by } if open => {
            let why = "cancelled before it ran".to_owned();
            end(&mut next, &mut effects, State::Cancelled, by, why, now);
        }
        Event::Cancelled { .. } => return Err(illegal("cancelling")),
        Event::Tick => tick(&mut next, &mut effects, now),
    }
    Ok((next, effects))
}

/// INVARIANT: the only states from which a dispatch is legal, and only with a `Permit` in hand.
fn is_permitted(request: &Request) -> bool {
    matches!(request.state, State::Permitted | State::Queued)
        && request.outcome == Some(Outcome::Permit)
}

fn decided(
    next: &mut Request,
    effects: &mut Vec<Effect>,
    decision: Decision,
    approvals: Vec<Vote>,
    execute: ExecuteWithin,
    now: Timestamp,
) {
    recount(next, effects, approvals);
    if next.outcome.as_ref() != Some(&decision.outcome) {
        effects.push(Effect::Audit {
            event: audit::Event::RequestDecided,
            by: None,
            detail: json!({
                "outcome": decision.outcome,
                "rules": decision.rules(),
                "digest": next.digest,
            }),
        });
        effects.push(Effect::Repaint);
    }
    next.outcome = Some(decision.outcome.clone());
    match decision.outcome {
        Outcome::Permit => {
            if !matches!(next.state, State::Permitted | State::Queued) {
                next.state = State::Permitted;
                next.permitted = Some(now);
                next.execute_by = execute.map(|within| now.saturating_add_signed(within));
            }
            effects.push(Effect::Dispatch);
        }
        Outcome::NeedsApproval { .. } => {
            next.state = State::NeedsApproval;
            next.permitted = None;
            next.execute_by = None;
        }
        Outcome::Deny => {
            let why = "policy says no".to_owned();
            end(next, effects, State::Denied, None, why, now);
        }
    }
}

/// Tells the audit log of approvals that came and went since the last count.
fn recount(next: &mut Request, effects: &mut Vec<Effect>, approvals: Vec<Vote>) {
    let is_in = |list: &[Vote], vote: &Vote| list.iter().any(|other| other.person == vote.person);
    let came = approvals.iter().filter(|vote| !is_in(&next.votes, vote));
    let went = next.votes.iter().filter(|vote| !is_in(&approvals, vote));
    let told = came
        .map(|vote| (audit::Event::VoteApprove, vote))
        .chain(went.map(|vote| (audit::Event::VoteWithdraw, vote)));
    let before = effects.len();
    for (event, vote) in told {
        effects.push(Effect::Audit {
            event,
            by: Some(vote.person.clone()),
            detail: json!({ "means": vote.means, "digest": next.digest }),
        });
    }
    if effects.len() > before {
        effects.push(Effect::Repaint);
    }
    next.votes = approvals;
}

fn redigested(next: &mut Request, effects: &mut Vec<Effect>, digest: Digest) {
    if next.digest == digest {
        return;
    }
    effects.push(Effect::Audit {
        event: audit::Event::RequestChanged,
        by: None,
        detail: json!({ "before": next.digest, "digest": digest, "void": next.votes }),
    });
    next.digest = digest;
    next.card += 1;
    next.votes.clear();
    next.outcome = None;
    next.state = State::Requested;
    next.permitted = None;
    next.execute_by = None;
    effects.push(Effect::NewCard);
}

fn ended(next: &mut Request, effects: &mut Vec<Effect>, outcome: &run::Outcome, now: Timestamp) {
    let (state, why) = match outcome {
        run::Outcome::Succeeded => (State::Succeeded, "done".to_owned()),
        run::Outcome::Differs => {
            (State::Succeeded, "the world differs from what is declared".to_owned())
        }
        run::Outcome::Failed { how, target: None } => (State::Failed, how.to_string()),
        run::Outcome::Failed { how, target: Some(target) } => {
            (State::Failed, format!("on {target} {how}"))
        }
        run::Outcome::TimedOut => (State::TimedOut, "it took too long and was ended".to_owned()),
        run::Outcome::Cancelled => (State::Cancelled, "ended while it ran".to_owned()),
        run::Outcome::Interrupted => (State::Interrupted, "its supervisor died".to_owned()),
    };
    let by = next.ended.take().and_then(|ending| ending.by);
    effects.push(Effect::Audit {
        event: audit::Event::RunEnd,
        by: None,
        detail: json!({ "attempt": next.attempts, "outcome": outcome }),
    });
    end(next, effects, state, by, why, now);
}

fn interrupted(
    next: &mut Request,
    effects: &mut Vec<Effect>,
    retry: Retry,
    execute: ExecuteWithin,
    now: Timestamp,
) {
    effects.push(Effect::Audit {
        event: audit::Event::RunEnd,
        by: None,
        detail: json!({ "attempt": next.attempts, "outcome": run::Outcome::Interrupted }),
    });
    match retry {
        Retry::Never => {
            let why = "Tribune stopped while it ran; nothing of it is left running, and it is \
                       not tried again"
                .to_owned();
            end(next, effects, State::Interrupted, None, why, now);
        }
        Retry::Again => {
            next.state = State::Permitted;
            next.permitted = Some(now);
            next.execute_by = execute.map(|within| now.saturating_add_signed(within));
            effects.push(Effect::Repaint);
            effects.push(Effect::Dispatch);
        }
    }
}

fn tick(next: &mut Request, effects: &mut Vec<Effect>, now: Timestamp) {
    match next.state {
        State::Requested | State::NeedsApproval => {
            let Some(by) = next.collect_by else { return };
            if now >= by {
                let why = "the evidence did not arrive in time".to_owned();
                end(next, effects, State::Expired, None, why, now);
            } else if !next.reminded && now >= halfway(next.asked, by) {
                next.reminded = true;
                effects.push(Effect::Remind);
            }
        }
        State::Permitted | State::Queued => {
            if next.execute_by.is_some_and(|by| now >= by) {
                let why = "it was permitted and could not start in time".to_owned();
                end(next, effects, State::Expired, None, why, now);
            }
        }
        State::Running
        | State::Succeeded
        | State::Failed
        | State::TimedOut
        | State::Cancelled
        | State::Interrupted
        | State::Denied
        | State::Vetoed
        | State::Expired
        | State::Void => {}
    }
}

/// Returns the middle between two times.
fn halfway(from: Timestamp, to: Timestamp) -> Timestamp {
    from.saturating_add_signed(to.duration_since(from) / 2)
}

/// Returns when the next [`Event::Tick`] is worth sending, if ever.
pub fn next_tick(request: &Request) -> Option<Timestamp> {
    match request.state {
        State::Requested | State::NeedsApproval => {
            let by = request.collect_by?;
            Some(if request.reminded { by } else { halfway(request.asked, by) })
        }
        State::Permitted | State::Queued => request.execute_by,
        State::Running
        | State::Succeeded
        | State::Failed
        | State::TimedOut
        | State::Cancelled
        | State::Interrupted
        | State::Denied
        | State::Vetoed
        | State::Expired
        | State::Void => None,
    }
}

fn end(
    next: &mut Request,
    effects: &mut Vec<Effect>,
    state: State,
    by: Option<PersonId>,
    why: String,
    now: Timestamp,
) {
    next.state = state;
    effects.push(Effect::Audit {
        event: audit::Event::RequestChanged,
        by: by.clone(),
        detail: json!({ "state": state, "why": why }),
    });
    next.ended = Some(Ending { at: now, by, why });
    effects.push(Effect::Repaint);
    effects.push(Effect::Finish);
}

/// Adds without ever failing: a clock past the end of time never runs out.
trait SaturatingAdd {
    fn saturating_add_signed(self, by: SignedDuration) -> Timestamp;
}

impl SaturatingAdd for Timestamp {
    fn saturating_add_signed(self, by: SignedDuration) -> Timestamp {
        self.checked_add(by).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests;
