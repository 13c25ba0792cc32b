//! Messages to commands, commands to answers and requests.
//!
//! Each message is handled once: that it was is written in the same transaction as what it did.
//! Answers go where the message stood. Somebody who is banned gets one answer and nothing else.
//! A command that is read late is asked about rather than obeyed, and whoever gives too many is
//! not heard for a while.

mod answers;
mod asking;
mod banning;
pub(super) mod limits;
mod listen;
mod listings;
mod missed;
mod pausing;
pub(super) mod presses;
mod votes;

use std::sync::Arc;

use serde_json::json;

use super::{Engine, EngineError};
use crate::domain::audit::{Entry, Event};
use crate::domain::body::Body;
use crate::domain::channel::Wanted;
use crate::domain::command::{self, Command, GrammarError, Mention, Vocabulary};
use crate::domain::id::{ChannelName, MessageId, Platform};
use crate::domain::message::{AuthorKind, Edited, Message, MessageRef, Place, Post, PostKey};
use crate::domain::person::{Account, Person, Principal};
use crate::domain::reply::answer as reply;
use crate::domain::reply::intake::{self, Giver};
use crate::policy::Snapshot;
use crate::ports::chat::{Chat, Cursor};
use crate::ports::store::{Change, Conflict, Handled};

use limits::Passage;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It was handled, now or before, or is no command.
    Done,
    /// It is a command that is too old to be looked at.
    TooOld,
    /// It is a command of somebody who gives too many.
    Refused,
}

/// A message as it was read.
struct Read<'a> {
    message: &'a Message,
    /// That it is handled.
    taken: &'a Change,
    parsed: Result<Command, GrammarError>,
    /// The line that is the command, without its prefix.
    typed: &'a str,
}

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
    /// What else to post.
    pub posts: Vec<Post>,
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
    /// Handles one message, unless it was handled before.
    async fn handle(
        self: &Arc<Self>,
        chat: &dyn Chat,
        message: &Message,
        cursor: Option<(Platform, Cursor)>,
    ) -> Result<Taken, EngineError> {
        if message.kind != AuthorKind::Human {
            return Ok(Taken::Done);
        }
        let snapshot = self.applied();
        let vocabulary = snapshot
            .as_deref()
            .map(|snapshot| self.vocabulary(snapshot, chat, message))
            .unwrap_or_default();
        let parsed = match command::parse(&message.text, &vocabulary) {
            Ok(None) => return Ok(Taken::Done),
            Ok(Some(command)) => Ok(command),
            Err(error) => Err(error),
        };
        // That it was handled may be forgotten already.
        let too_old = self.tuning().retention.is_too_old(message.sent, self.now());
        let passage = if too_old { Passage::Refused } else { self.passage(&snapshot, message) };
        if passage != Passage::Free && self.ports.store.is_handled(&message.at).await? {
            return Ok(Taken::Done);
        }
        let handled = Handled { at: message.at.clone(), sent: message.sent };
        let taken = Change { seen: vec![handled], cursor, ..Change::default() };
        let answer = match (passage, &snapshot) {
            (Passage::Refused, _) if too_old => return Ok(Taken::TooOld),
            (Passage::Refused, _) => return Ok(Taken::Refused),
            (Passage::Told(flood), _) => Answer::say(intake::flood(flood)),
            (Passage::Free, Some(snapshot)) => {
                self.note_name(snapshot, chat, &message.author);
                let typed = command::typed(&message.text, &vocabulary).unwrap_or_default();
                let read = Read { message, taken: &taken, parsed, typed };
                self.answer_known(snapshot, read).await?
            }
            (Passage::Free, None) => Answer::say(reply::no_policy()),
        };
        if answer.handled {
            return Ok(Taken::Done);
        }
        let posts = answer.body.map(|body| answer_post(message, body));
        let posts = posts.into_iter().chain(answer.posts).collect();
        let change = Change { audit: answer.audit, posts, ..taken };
        match self.ports.store.commit(change).await {
            Ok(_) => {
                self.wake_outbox();
                self.wake_ledger();
                Ok(Taken::Done)
            }
            Err(error) => handled_before(error.into()).map(|()| Taken::Done),
        }
    }

    /// Counts a command, of the person whatever the account.
    fn passage(&self, snapshot: &Option<Arc<Snapshot>>, message: &Message) -> Passage {
        let who = giver(snapshot.as_deref(), message);
        let at = (message.at.platform.clone(), message.at.channel.clone());
        self.turnstile.pass(&who, &at, &self.tuning().manners)
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
        read: Read<'_>,
    ) -> Result<Answer, EngineError> {
        match self.admit(snapshot, read) {
            Ok((given, command)) => self.obey(&given, command).await,
            Err(answer) => Ok(*answer),
        }
    }

    /// Says who gives a command and where, or what they hear instead of being obeyed.
    fn admit<'a>(
        &self,
        snapshot: &'a Arc<Snapshot>,
        Read { message, taken, parsed, typed }: Read<'a>,
    ) -> Result<(Given<'a>, Command), Box<Answer>> {
        let say = |body: Body| Box::new(Answer::say(body));
        let Some(person) = snapshot.repo.person_of(&message.author) else {
            return Err(say(match parsed {
                Ok(Command::Ping) => reply::pong(Some(&snapshot.revision)),
                Ok(_) | Err(_) => reply::unknown_account(&message.author),
            }));
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
            return Err(Box::new(Answer { body, audit: vec![entry], ..Answer::default() }));
        }
        // What was edited before it was taken in is not what anybody saw being asked.
        if message.edited != Edited::No {
            return Err(say(reply::edited_before(message.edited)));
        }
        let command = parsed.map_err(|error| say(reply::refused(&error, error.hint())))?;
        let platform = &message.at.platform;
        let channel = snapshot.repo.channel_at(platform, &message.at.channel);
        match channel {
            None if !message.direct => return Err(say(reply::unknown_channel(&message.at))),
            Some(channel) if command.acts() && !channel.is_good_for(Wanted::Requests, platform) => {
                return Err(say(reply::not_from_here(channel, platform)));
            }
            Some(_) | None => {}
        }
        let is_late = now.duration_since(message.sent) > self.tuning().manners.late_after;
        if is_late && (command.acts() || command == Command::Login) {
            return Err(say(intake::late(&person.id, typed, message.sent, now)));
        }
        let channel = channel.map(|channel| channel.name.clone());
        Ok((Given { message, snapshot, person, channel, taken }, command))
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

    /// Returns what the grammar must know to read a message.
    fn vocabulary(&self, snapshot: &Snapshot, chat: &dyn Chat, message: &Message) -> Vocabulary {
        let mut vocabulary = Vocabulary { bot: chat.own_names(), ..Vocabulary::of(&snapshot.repo) };
        for mentioned in &message.mentions {
            let mention = match snapshot.repo.person_of(&mentioned.account) {
                Some(person) => Mention::Person(person.id.clone()),
                // The policy repo alone gives accounts on the console: this one is a mere name.
                None if mentioned.account.platform == self.options.console => continue,
                None => Mention::Stranger(mentioned.account.clone()),
            };
            vocabulary.mentions.insert(mentioned.typed.clone(), mention);
        }
        vocabulary
    }
}

/// Returns who gave a command: a person, whatever the account.
fn giver(snapshot: Option<&Snapshot>, message: &Message) -> Giver {
    match snapshot.and_then(|it| it.repo.person_of(&message.author)) {
        Some(person) => Giver::Person(person.id.clone()),
        None => Giver::Stranger(message.author.clone()),
    }
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
