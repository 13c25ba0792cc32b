//! Presses of buttons: commands that somebody did not have to type.
//!
//! What pressed is proven by the seal, who pressed is not. So a press passes everything that a
//! typed command does (limits, kinds of accounts, bans, the strength of its place, policy), shows
//! only whoever pressed what that post's channel is shown anyway, and there is none that counts as
//! evidence. It is written down as used before anything comes of it: what follows happens at most
//! once, whatever crashes, and a press that is lost is made again.
//!
//! Whoever sends something else than a sealed state learns nothing by the answer, and is counted
//! in nobody's name: a stranger could else silence people by what they send.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Answer, Given, Passage, Read};
use crate::domain::body::Body;
use crate::domain::command::{Command, Drift};
use crate::domain::id::{IncidentId, Platform, RequestId};
use crate::domain::message::{AuthorKind, Edited, Message, PostKey};
use crate::domain::press::{Claim, Offer};
use crate::domain::reply::card::above_rule;
use crate::domain::reply::{answer as said, card, drift, intake, press as reply};
use crate::engine::dam::Dam;
use crate::engine::standing::IGNORE_FOR;
use crate::engine::{Engine, EngineError};
use crate::policy::Snapshot;
use crate::ports::buttons::Buttons;
use crate::ports::chat::Chat;
use crate::ports::store::{Change, Conflict, OutboxPost, StoreError};

/// Presses that were not taken since the daemon started.
#[derive(Debug, Default)]
pub(in crate::engine) struct Refused {
    count: AtomicU64,
    told: Dam,
}

impl Refused {
    /// Returns how many there were.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// What the card is about that a button stands under.
#[derive(Clone, Copy)]
enum Subject {
    Request(RequestId),
    Incident(IncidentId),
}

impl Subject {
    fn of(key: &PostKey) -> Option<Self> {
        let request = card::parse_key(key).map(|(request, _)| Self::Request(request));
        request.or_else(|| drift::parse_key(key).map(Self::Incident))
    }

    /// Returns the command that a button stands for; `None`: there is no such button.
    fn command(self, offer: Offer, platform: &Platform) -> Option<Command> {
        match (self, offer) {
            (Self::Request(id), Offer::Details) => Some(Command::Why(id)),
            (Self::Request(id), Offer::Output) => Some(Command::Output(id)),
            (Self::Request(id), Offer::WhoCould) => Some(Command::Who(id)),
            (Self::Request(id), Offer::HowToReact) => Some(Command::Status(Some(id))),
            (Self::Incident(id), Offer::Details | Offer::HowToReact) => {
                Some(Command::Drift(Drift::OfIncident(id)))
            }
            (Self::Incident(incident), Offer::Ignore) => Some(Command::Drift(Drift::Ignore {
                incident,
                length: IGNORE_FOR,
                reason: Some(reply::reason(platform)),
            })),
            (Self::Request(_), Offer::Ignore)
            | (Self::Incident(_), Offer::Output | Offer::WhoCould) => None,
        }
    }
}

impl Engine {
    /// Takes what a platform sends when somebody presses a button, and returns the answer in the
    /// platform's own words; `None`: it has no buttons.
    pub async fn press(self: &Arc<Self>, platform: &Platform, call: &[u8]) -> Option<String> {
        let chat = Arc::clone(self.ports.chats.get(platform)?);
        let buttons = chat.buttons()?;
        let taken = match buttons.read_press(call) {
            Some(claim) => self.take_press(chat.as_ref(), buttons, &claim).await,
            None => Ok(self.refuse_press(platform, "it cannot be read")),
        };
        let filled = match taken {
            Ok(body) => self.fill_in(&body, platform).await,
            Err(error) => Err(error),
        };
        let body = filled.unwrap_or_else(|error| {
            tracing::warn!(%platform, %error, "a press cannot be answered");
            reply::trouble()
        });
        Some(buttons.answer(&body).await)
    }

    /// Returns what whoever pressed is shown.
    async fn take_press(
        self: &Arc<Self>,
        chat: &dyn Chat,
        buttons: &dyn Buttons,
        claim: &Claim,
    ) -> Result<Body, EngineError> {
        let platform = chat.platform();
        let Some(bound) = self.options.seal.open(&claim.at, &claim.state) else {
            return Ok(self.refuse_press(platform, "it was not made here for that post"));
        };
        let Some(post) = self.ports.store.post_at(&claim.at).await? else {
            return Ok(self.refuse_press(platform, "its post is not kept any more"));
        };
        let subject = Subject::of(&post.post.key).filter(|_| post.offers.contains(&bound.offer));
        let command = subject.and_then(|it| Some((it, it.command(bound.offer, platform)?)));
        let Some((subject, command)) = command else {
            return Ok(self.refuse_press(platform, "its post does not have that button any more"));
        };
        let snapshot = self.applied();
        let message = as_message(claim, self);
        match self.passage(&snapshot, &message) {
            Passage::Free => {}
            Passage::Refused => return Ok(Body::default()),
            Passage::Told(flood) => return Ok(intake::flood(flood)),
        }
        if let Some(why) = self.is_amiss(chat, buttons, claim, &post).await? {
            return Ok(self.refuse_press(platform, why));
        }
        let pressed = Some((post.post.key.clone(), bound.round));
        match self.ports.store.commit(Change { pressed, ..Change::default() }).await {
            Ok(_) => self.wake_outbox(),
            Err(StoreError::Conflict(Conflict::Pressed(_))) => return Ok(reply::renewed()),
            Err(error) => return Err(error.into()),
        }
        if bound.until <= self.now() {
            return Ok(reply::renewed());
        }
        let Some(snapshot) = snapshot else { return Ok(said::no_policy()) };
        let answer =
            self.answer_press(&snapshot, &message, (subject, bound.offer), command).await?;
        if !answer.audit.is_empty() {
            self.ports.store.commit(Change { audit: answer.audit, ..Change::default() }).await?;
            self.wake_ledger();
        }
        Ok(answer.body.unwrap_or_default())
    }

    /// Asks the server whether the post is Tribune's own and unchanged, and who pressed. Returns
    /// what is amiss.
    async fn is_amiss(
        &self,
        chat: &dyn Chat,
        buttons: &dyn Buttons,
        claim: &Claim,
        post: &OutboxPost,
    ) -> Result<Option<&'static str>, EngineError> {
        match buttons.kind_of(&claim.by).await? {
            AuthorKind::Human => {}
            AuthorKind::Tribune | AuthorKind::Machine => return Ok(Some("no person pressed it")),
            AuthorKind::Deactivated => return Ok(Some("the account was closed")),
            AuthorKind::Absent => return Ok(Some("the account is not there any more")),
        }
        let Some(read) = chat.read(&claim.at).await? else {
            return Ok(Some("its post is not there"));
        };
        let first = post.first_text.as_deref().unwrap_or_default();
        let own = read.kind == AuthorKind::Tribune
            && read.edited != Edited::ByOther
            && above_rule(&read.text) == above_rule(first);
        Ok((!own).then_some("its post was changed by somebody else"))
    }

    /// Answers as if the command had been typed by whom the platform names.
    async fn answer_press(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        message: &Message,
        (subject, offer): (Subject, Offer),
        command: Command,
    ) -> Result<Answer, EngineError> {
        let (taken, typed) = (Change::default(), "");
        let read = Read { message, taken: &taken, parsed: Ok(command), typed };
        let (given, command) = match self.admit(snapshot, read) {
            Ok(admitted) => admitted,
            Err(answer) => return Ok(*answer),
        };
        match (subject, offer) {
            (Subject::Request(id), Offer::HowToReact) => {
                let visible = self.visible(&given, id).await?;
                Ok(visible.map_or_else(|no| no, |_| Answer::say(reply::how_to_approve(id))))
            }
            (Subject::Incident(id), Offer::Details | Offer::HowToReact) => {
                self.of_incident(&given, id, offer).await
            }
            // What is longer than the answer takes is in the thread; nobody else is told.
            (Subject::Request(_) | Subject::Incident(_), _) => self.obey(&given, command).await,
        }
    }

    async fn of_incident(
        &self,
        given: &Given<'_>,
        id: IncidentId,
        offer: Offer,
    ) -> Result<Answer, EngineError> {
        let incident = match self.visible_incident(given, id).await? {
            Ok(incident) => incident,
            Err(answer) => return Ok(answer),
        };
        let intent = given.snapshot.repo.intents.get(&incident.key.intent);
        let limit = self.options.output_shown * 3;
        Ok(Answer::say(match offer {
            Offer::HowToReact => reply::how_to_answer(&incident, intent),
            _ => drift::details(&incident, intent, limit, self.now()),
        }))
    }

    /// Counts a press that is not taken, and tells the log, which strangers do not fill.
    fn refuse_press(&self, platform: &Platform, why: &str) -> Body {
        self.refused_presses.count.fetch_add(1, Ordering::Relaxed);
        if let Some(more) = self.refused_presses.told.pass(self.now()) {
            tracing::warn!(%platform, why, more_since_last = more, "a press is not taken");
        }
        reply::not_taken()
    }
}

/// Returns a press as the message that would say the same.
fn as_message(claim: &Claim, engine: &Engine) -> Message {
    Message {
        at: claim.at.clone(),
        thread: None,
        author: claim.by.clone(),
        kind: AuthorKind::Human,
        direct: false,
        text: String::new(),
        sent: engine.now(),
        edited: Edited::No,
        mentions: Vec::new(),
    }
}
