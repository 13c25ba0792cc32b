//! Messages to commands, commands to answers and requests.
//!
//! Each message is handled once: that it was is written in the same transaction as what it did.
//! Answers go where the message stood. Somebody who is banned gets one answer and nothing else.

mod answers;
mod asking;
mod banning;
mod listings;
mod pausing;
mod votes;

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;

use super::{Engine, EngineError};
use crate::domain::audit::{Entry, Event};
use crate::domain::body::Body;
use crate::domain::channel::Wanted;
use crate::domain::command::{self, Command, GrammarError, Vocabulary};
use crate::domain::id::{ChannelName, MessageId, Platform};
use crate::domain::message::{AuthorKind, Edited, Message, MessageRef, Place, Post, PostKey};
use crate::domain::person::{Account, Person, Principal};
use crate::domain::reply::{answer as reply, card, drift};
use crate::policy::Snapshot;
use crate::ports::chat::{Chat, ChatEvent, Cursor};
use crate::ports::store::{Change, Conflict, Handled};

/// How long to wait before listening again to a chat that failed.
const LISTEN_AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// Where a command was given, and by whom.
pub(super) struct Given<'a> {
    /// The message.
    pub message: &'a Message,
    /// What decides.
    pub snapshot: &'a Arc<Snapshot>,
    /// Who gave it.
    pub person: &'a Person,
    /// In which channel; `None` in a direct message.
    pub channel: Option<ChannelName>,
    /// That the message is handled, for the change that does what it says.
    pub taken: &'a Change,
}

impl Given<'_> {
    /// Returns the person as one who acts.
    pub fn principal(&self) -> Principal {
        Principal::Person(self.person.id.clone())
    }
}

/// What a command comes to.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What to say, if anything.
    pub body: Option<Body>,
    /// What to tell the audit log.
    pub audit: Vec<Entry>,
    /// Whether the message was written down as handled already, with what it did.
    pub handled: bool,
}

impl Answer {
    /// Says something and does nothing.
    pub fn say(body: Body) -> Self {
        Self { body: Some(body), ..Self::default() }
    }

    /// Was written down already.
    pub fn handled() -> Self {
        Self { handled: true, ..Self::default() }
    }
}

impl Engine {
    /// Takes in a platform's messages until the engine stops.
    pub(super) async fn listen(self: Arc<Self>, platform: Platform) {
        let Some(chat) = self.ports.chats.get(&platform).cloned() else { return };
        let mut event = Ok(ChatEvent::Gap);
        loop {
            let taken = match event {
                Ok(ChatEvent::Messages) => self.take_in(chat.as_ref()).await,
                Ok(ChatEvent::Touched(at)) => self.touched(&at).await,
                Ok(ChatEvent::Gap) => match self.take_in(chat.as_ref()).await {
                    Ok(()) => self.consider_everything().await,
                    Err(error) => Err(error),
                },
                Err(error) => Err(EngineError::Chat(error)),
            };
            if let Err(error) = taken {
                self.hearing.failed(&platform, self.now(), &error.to_string());
                tracing::warn!(%platform, %error, "failed to take in messages; trying again");
                self.ports.clock.sleep_until(self.now() + LISTEN_AGAIN).await;
                event = Ok(ChatEvent::Gap);
                continue;
            }
            self.hearing.well(&platform, self.now());
            event = chat.next().await;
        }
    }

    /// Takes in every message since the last.
    pub(super) async fn take_in(self: &Arc<Self>, chat: &dyn Chat) -> Result<(), EngineError> {
        let platform = chat.platform();
        loop {
            let before = self.ports.store.cursor(platform).await?;
            let (messages, cursor) = chat.since(before.as_ref()).await?;
            let count = messages.len();
            for (number, message) in messages.into_iter().enumerate() {
                // The last one takes the cursor along: one transaction, so one sync less.
                let is_last = number + 1 == count;
                let cursor = is_last.then(|| (platform.clone(), cursor.clone()));
                self.handle(chat, &message, cursor).await?;
            }
            // What is no command, or was handled before, writes nothing.
            if self.ports.store.cursor(platform).await?.as_ref() != Some(&cursor) {
                let cursor = Some((platform.clone(), cursor));
                self.ports.store.commit(Change { cursor, ..Change::default() }).await?;
            }
            if count == 0 {
                return Ok(());
            }
        }
    }

    /// What people did unseen may count for requests, and for what the delta guard holds.
    async fn consider_everything(self: &Arc<Self>) -> Result<(), EngineError> {
        if let Err(error) = self.count_any_agreement().await {
            // Whoever agrees next makes it be counted again.
            tracing::warn!(%error, "failed to count who agrees to what is held");
        }
        self.read_all_answers().await?;
        self.consider_all().await
    }

    /// Something about a message may have changed: if it is a card, its request is looked at.
    async fn touched(self: &Arc<Self>, at: &MessageRef) -> Result<(), EngineError> {
        let Some(post) = self.ports.store.post_at(at).await? else { return Ok(()) };
        let key = &post.post.key;
        if let Some((request, _)) = card::parse_key(key) {
            self.consider(request);
        } else if let Some(incident) = drift::parse_key(key) {
            self.drift_touched(incident).await?;
        } else if key.0.starts_with("trouble:") {
            self.count_agreement(key).await?;
        }
        Ok(())
    }

    /// Handles one message, unless it was handled before.
    async fn handle(
        self: &Arc<Self>,
        chat: &dyn Chat,
        message: &Message,
        cursor: Option<(Platform, Cursor)>,
    ) -> Result<(), EngineError> {
        if message.kind != AuthorKind::Human {
            return Ok(());
        }
        // That it was handled may be forgotten already.
        if self.tuning().retention.is_too_old(message.sent, self.now()) {
            tracing::info!(at = ?message.at, sent = %message.sent, "too old to be acted on");
            return Ok(());
        }
        let snapshot = self.applied();
        let vocabulary = snapshot
            .as_deref()
            .map(|snapshot| vocabulary(snapshot, chat, message))
            .unwrap_or_default();
        let parsed = match command::parse(&message.text, &vocabulary) {
            Ok(None) => return Ok(()),
            Ok(Some(command)) => Ok(command),
            Err(error) => Err(error),
        };
        let handled = Handled { at: message.at.clone(), sent: message.sent };
        let taken = Change { seen: vec![handled], cursor, ..Change::default() };
        let answer = match &snapshot {
            Some(snapshot) => {
                self.note_name(snapshot, chat, &message.author);
                self.answer_known(snapshot, message, &taken, parsed).await?
            }
            None => Answer::say(reply::no_policy()),
        };
        if answer.handled {
            return Ok(());
        }
        let posts = answer.body.map(|body| answer_post(message, body));
        let posts = posts.into_iter().collect();
        let change = Change { audit: answer.audit, posts, ..taken };
        match self.ports.store.commit(change).await {
            Ok(_) => {
                self.wake_outbox();
                self.wake_ledger();
                Ok(())
            }
            Err(error) => handled_before(error.into()),
        }
    }

    /// Warns of an account that has another name than before. Nothing hangs on it.
    fn note_name(&self, snapshot: &Snapshot, chat: &dyn Chat, account: &Account) {
        let Some(person) = snapshot.repo.person_of(account) else { return };
        let name = chat.name(account);
        if let Some(before) = self.renames.note(account, &person.id, name) {
            tracing::warn!(%account, person = %person.id, was = %before, "an account was renamed");
        }
    }

    async fn answer_known(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        message: &Message,
        taken: &Change,
        parsed: Result<Command, GrammarError>,
    ) -> Result<Answer, EngineError> {
        let Some(person) = snapshot.repo.person_of(&message.author) else {
            return Ok(match parsed {
                Ok(Command::Ping) => Answer::say(reply::pong(Some(&snapshot.revision))),
                Ok(_) | Err(_) => Answer::say(reply::unknown_account(&message.author)),
            });
        };
        let principal = Principal::Person(person.id.clone());
        let now = self.now();
        if let Some(ban) = snapshot.repo.live_ban(&principal, now) {
            let entry = Entry {
                at: now,
                actor: Some(principal),
                event: Event::BanRefused,
                request: None,
                revision: Some(snapshot.revision.clone()),
                detail: json!({ "ban": ban.origin, "message": message.at }),
            };
            let body = Some(reply::banned(ban));
            return Ok(Answer { body, audit: vec![entry], handled: false });
        }
        // What was edited before it was taken in is not what anybody saw being asked.
        if message.edited != Edited::No {
            return Ok(Answer::say(reply::edited_before(message.edited)));
        }
        let command = match parsed {
            Ok(command) => command,
            Err(error) => return Ok(Answer::say(reply::refused(&error, error.hint()))),
        };
        let platform = &message.at.platform;
        let channel = snapshot.repo.channel_at(platform, &message.at.channel);
        match channel {
            None if !message.direct => {
                return Ok(Answer::say(reply::unknown_channel(&message.at)));
            }
            Some(channel) if command.acts() && !channel.is_good_for(Wanted::Requests, platform) => {
                return Ok(Answer::say(reply::not_from_here(channel, platform)));
            }
            Some(_) | None => {}
        }
        let channel = channel.map(|channel| channel.name.clone());
        let given = Given { message, snapshot, person, channel, taken };
        self.obey(&given, command).await
    }

    async fn obey(
        self: &Arc<Self>,
        given: &Given<'_>,
        command: Command,
    ) -> Result<Answer, EngineError> {
        match command {
            Command::Ping => Ok(Answer::say(reply::pong(Some(&given.snapshot.revision)))),
            Command::Help(topic) => Ok(self.help(given, topic)),
            Command::WhoAmI => Ok(self.who_am_i(given)),
            Command::WhoIs(person) => Ok(self.who_is(given, &person)),
            Command::Intents => self.intents(given).await,
            Command::Ban { person, reason, length } => {
                self.ban_in_chat(given, person, reason, length).await
            }
            Command::Unban(person) => self.unban_in_chat(given, &person).await,
            Command::BanList => Ok(self.ban_list(given)),
            Command::Ask(ask) => self.ask_in_chat(given, ask).await,
            Command::Again(id) => self.again(given, id).await,
            Command::Approve(id) | Command::Deny { request: id, .. } => {
                self.typed_vote(given, id).await
            }
            Command::Cancel(id) => self.cancel_in_chat(given, id).await,
            Command::Status(None) => self.overall(given).await,
            Command::Status(Some(id)) => self.status_of(given, id).await,
            Command::Requests(listing) => self.requests(given, listing).await,
            Command::Output(id) => self.output_of(given, id).await,
            Command::Why(id) => self.why(given, id).await,
            Command::WhyIf { person, ask } => self.why_if(given, &person, ask),
            Command::Who(id) => self.who(given, id).await,
            Command::Pause { scope, length, reason } => {
                self.pause_in_chat(given, scope, length, reason).await
            }
            Command::Resume(scope) => self.resume_in_chat(given, &scope).await,
            Command::Audit(query) => self.audit_rows(given, query).await,
            Command::Drift(command) => self.drift(given, command).await,
            Command::Login => self.login(given).await,
            Command::Reconcile => self.reconcile_in_chat(given).await,
        }
    }
}

/// Returns what the grammar must know to read a message.
fn vocabulary(snapshot: &Snapshot, chat: &dyn Chat, message: &Message) -> Vocabulary {
    let mut vocabulary = Vocabulary { bot: chat.own_names(), ..Vocabulary::of(&snapshot.repo) };
    for mentioned in &message.mentions {
        if let Some(person) = snapshot.repo.person_of(&mentioned.account) {
            vocabulary.mentions.insert(mentioned.typed.clone(), person.id.clone());
        }
    }
    vocabulary
}

/// Returns the post that answers a message: in its thread if it stands in one.
pub(super) fn answer_post(message: &Message, body: Body) -> Post {
    let MessageRef { platform, channel, id } = message.at.clone();
    let place = match &message.thread {
        Some(root) => Place::Reply(thread_root(&message.at, root)),
        None => Place::Channel(platform.clone(), channel),
    };
    Post { key: PostKey(format!("answer:{platform}:{id}")), place, body, seeds: Vec::new() }
}

/// Returns the first message of the thread that a message stands in.
pub(super) fn thread_root(at: &MessageRef, root: &MessageId) -> MessageRef {
    MessageRef { id: root.clone(), ..at.clone() }
}

/// A message that was handled before is no error.
pub(super) fn handled_before(error: EngineError) -> Result<(), EngineError> {
    let seen = super::requests::is_conflict(&error, |conflict| *conflict == Conflict::Seen);
    if seen { Ok(()) } else { Err(error) }
}
