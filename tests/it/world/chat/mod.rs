//! A chat platform in memory, as strict as the real thing, with all that people and servers do.

mod bodies;
mod buttons;
mod server;
mod tribune;

use std::sync::{Arc, Mutex, MutexGuard};

use ::tribune::domain::channel::Absence;
use ::tribune::domain::id::{AccountId, ChatChannelId, MessageId, Platform};
use ::tribune::domain::message::{AuthorKind, Edited, MessageRef, PostKey, Sign};
use ::tribune::domain::person::Account;
use ::tribune::ports::chat::{ChatEvent, TextFile};
use ::tribune::ports::clock::Clock;
use jiff::SignedDuration;
use tokio::sync::Notify;

pub use self::bodies::plain;
pub use self::server::{Concealed, Written};
use self::server::{Limit, Server};

/// Tribune's own account.
const TRIBUNE: &str = "tribune";

/// A chat server, and Tribune's connection to it.
pub struct FakeChat {
    platform: Platform,
    clock: Arc<dyn Clock>,
    server: Mutex<Server>,
    bell: Notify,
}

impl FakeChat {
    /// A server with these channels; whoever writes has an account.
    pub fn new(platform: &str, clock: Arc<dyn Clock>, channels: &[&str]) -> Self {
        let channels = channels.iter().map(|name| name.parse().unwrap()).collect();
        let server = Server { channels, ..Server::default() };
        Self {
            platform: platform.parse().unwrap(),
            clock,
            server: Mutex::new(server),
            bell: Notify::new(),
        }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap()
    }

    /// Returns how often Tribune has called, to see whether it rests.
    pub fn calls(&self) -> u64 {
        self.server().calls
    }

    /// Returns every message ever written, in order.
    pub fn everything(&self) -> Vec<Written> {
        self.server().messages.clone()
    }

    /// Returns where a post of that key stands.
    pub fn post(&self, key: &str) -> Option<MessageRef> {
        let server = self.server();
        let at = *server.by_key.get(&PostKey(key.into()))?;
        Some(server.messages[at].message.at.clone())
    }

    /// Returns the present text of a message.
    pub fn text(&self, at: &MessageRef) -> String {
        let server = self.server();
        let place = server.place(at).expect("the message is there");
        server.messages[place].message.text.clone()
    }

    /// Makes an account a bot's.
    pub fn is_machine(&self, account: &str) {
        self.server().machines.insert(account.parse().unwrap());
    }

    /// The server closes an account, with everything that it ever wrote or reacted.
    pub fn deactivate(&self, account: &str) {
        self.server().deactivated.insert(account.parse().unwrap());
    }

    /// Somebody takes another name; the account stays the same.
    pub fn rename(&self, account: &str, name: &str) {
        self.server().names.insert(account.parse().unwrap(), name.to_owned());
    }

    /// A webhook, bridge or remote server writes in the name of somebody's account.
    pub fn forge(&self, account: &str, channel: &str, thread: Option<&MessageRef>, text: &str) {
        let thread = thread.map(|root| root.id.clone());
        let at = self.append(account, channel.parse().unwrap(), thread, text);
        let mut server = self.server();
        let place = server.place(&at).expect("it was just written");
        server.messages[place].message.kind = AuthorKind::Machine;
    }

    /// Somebody writes in a channel, or with `dm:<account>` to Tribune alone.
    pub fn write(&self, account: &str, channel: &str, text: &str) -> MessageRef {
        self.append(account, channel.parse().unwrap(), None, text)
    }

    /// Somebody replies in the thread of a message.
    pub fn reply(&self, account: &str, to: &MessageRef, text: &str) -> MessageRef {
        let root = {
            let server = self.server();
            let place = server.place(to).expect("there is something to reply to");
            let message = &server.messages[place].message;
            message.thread.clone().unwrap_or_else(|| message.at.id.clone())
        };
        self.append(account, to.channel.clone(), Some(root), text)
    }

    fn append(
        &self,
        account: &str,
        channel: ChatChannelId,
        thread: Option<MessageId>,
        text: &str,
    ) -> MessageRef {
        assert_ne!(account, TRIBUNE, "nobody writes as Tribune");
        let account: AccountId = account.parse().unwrap();
        let at = {
            let mut server = self.server();
            let direct = channel.as_str() == format!("dm:{account}");
            assert!(direct || server.channels.contains(&channel), "no channel {channel}");
            server.accounts.insert(account.clone());
            let kind = server.kind_of(&account);
            let at = server.append(self, (channel, thread), account, kind, text);
            server.hint(ChatEvent::Messages);
            if let Some(root) = &server.messages.last().unwrap().message.thread {
                let root = MessageRef { id: root.clone(), ..at.clone() };
                server.hint(ChatEvent::Touched(root));
            }
            at
        };
        self.bell.notify_one();
        at
    }

    /// Somebody reacts.
    pub fn add(&self, account: &str, at: &MessageRef, sign: Sign) {
        self.change(at, |server, place| {
            let account = self.account(account);
            let kind = server.kind_of(&account.id);
            server.messages[place].react(account, kind, sign, self.clock.now());
        });
    }

    /// Somebody takes a reaction back.
    pub fn remove(&self, account: &str, at: &MessageRef, sign: Sign) {
        self.change(at, |server, place| {
            let account = self.account(account);
            let reactions = &mut server.messages[place].reactions;
            reactions.retain(|it| it.account != account || it.sign != sign);
        });
    }

    /// A text is changed, by its author or by somebody with power over the server.
    pub fn rewrite(&self, at: &MessageRef, by: Edited, text: &str) {
        self.change(at, |server, place| {
            let written = &mut server.messages[place];
            written.message.text = text.into();
            written.message.edited = by;
            written.edits += 1;
        });
    }

    /// A message is deleted.
    pub fn delete(&self, at: &MessageRef) {
        self.change(at, |server, place| server.messages[place].deleted = true);
    }

    /// What was written in a channel cannot be listed.
    pub fn unlisted(&self, channel: &str) {
        let channel = channel.parse().unwrap();
        self.server().hints.push_back(ChatEvent::Unlisted(channel));
        self.bell.notify_one();
    }

    /// From now on hints are lost, or no longer.
    pub fn hints_nothing(&self, is_so: bool) {
        self.server().hints_nothing = is_so;
    }

    /// Somebody approves the next post as soon as it stands, before Tribune is told that it does.
    pub fn hastens(&self, account: &str) {
        self.server().hasty = Some(account.parse().unwrap());
    }

    /// The connection is lost, or is back.
    pub fn set_down(&self, down: bool) {
        let mut server = self.server();
        server.down = down;
        server.hint(ChatEvent::Gap);
        drop(server);
        self.bell.notify_one();
    }

    /// From now on Tribune may write so often in so long; what is more is asked to wait.
    pub fn limit(&self, writes: u32, per: SignedDuration) {
        let since = self.clock.now();
        self.server().limit = Some(Limit { writes, per, since, used: 0 });
    }

    /// The next post of this key will stand there, and Tribune will not hear of it.
    pub fn loses_the_answer(&self, key: &str) {
        self.server().loses = Some(PostKey(key.to_owned()));
    }

    /// From now on this is what the server refuses to show to Tribune.
    pub fn conceals(&self, what: Concealed) {
        self.server().conceals = what;
    }

    /// Somebody leaves a channel, or is put out of it; what they said stays there.
    pub fn leave(&self, account: &str, channel: &str) {
        let gone = (channel.parse().unwrap(), account.parse().unwrap());
        self.server().gone.insert(gone);
    }

    /// Tribune is not in a channel that it should be in.
    pub fn is_absent(&self, channel: &str, why: Option<Absence>) {
        let channel = channel.parse().unwrap();
        match why {
            Some(why) => self.server().absent.insert(channel, why),
            None => self.server().absent.remove(&channel),
        };
    }

    /// From now on the server takes no files.
    pub fn takes_no_files(&self) {
        self.server().no_files = true;
    }

    /// Returns every file, with the message whose thread it is in.
    pub fn files(&self) -> Vec<(MessageRef, TextFile)> {
        self.server().files.values().cloned().collect()
    }

    /// Returns how often Tribune was asked to wait.
    pub fn busy(&self) -> u64 {
        self.server().busy
    }

    fn change(&self, at: &MessageRef, change: impl FnOnce(&mut Server, usize)) {
        {
            let mut server = self.server();
            let place = server.place(at).expect("the message is there");
            change(&mut server, place);
            let root = server.messages[place].message.thread.clone();
            server.hint(ChatEvent::Touched(at.clone()));
            if let Some(id) = root {
                server.hint(ChatEvent::Touched(MessageRef { id, ..at.clone() }));
            }
        }
        self.bell.notify_one();
    }

    fn account(&self, id: &str) -> Account {
        Account { platform: self.platform.clone(), id: id.parse().unwrap() }
    }
}
