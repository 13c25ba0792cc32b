//! A chat platform in memory, as strict as the real thing, with all that people and servers do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::id::{AccountId, ChatChannelId, MessageId, Platform};
use tribune::domain::message::{
    AuthorKind, Edited, Mentioned, Message, MessageRef, PostKey, Posted, Reaction, Sign,
};
use tribune::domain::person::Account;
use tribune::ports::chat::{Chat, ChatError, ChatEvent, Cursor, Destination, TextFile};
use tribune::ports::clock::Clock;

/// Tribune's own account.
const TRIBUNE: &str = "tribune";

/// A chat server, and Tribune's connection to it.
pub struct FakeChat {
    platform: Platform,
    clock: Arc<dyn Clock>,
    server: Mutex<Server>,
    bell: Notify,
}

#[derive(Default)]
struct Server {
    channels: BTreeSet<ChatChannelId>,
    accounts: BTreeSet<AccountId>,
    machines: BTreeSet<AccountId>,
    deactivated: BTreeSet<AccountId>,
    names: BTreeMap<AccountId, String>,
    messages: Vec<Written>,
    by_key: BTreeMap<PostKey, usize>,
    files: BTreeMap<PostKey, (MessageRef, TextFile)>,
    hints: VecDeque<ChatEvent>,
    down: bool,
    no_files: bool,
    calls: u64,
    limit: Option<Limit>,
    busy: u64,
}

/// How much the server lets Tribune write.
struct Limit {
    writes: u32,
    per: SignedDuration,
    since: Timestamp,
    used: u32,
}

/// A message on the server.
#[derive(Debug, Clone)]
pub struct Written {
    /// As Tribune reads it.
    pub message: Message,
    /// Whether it was deleted.
    pub deleted: bool,
    /// How often it was changed.
    pub edits: u32,
    reactions: Vec<Reaction>,
    first_text: String,
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
            server.hints.push_back(ChatEvent::Messages);
            if let Some(root) = &server.messages.last().unwrap().message.thread {
                let root = MessageRef { id: root.clone(), ..at.clone() };
                server.hints.push_back(ChatEvent::Touched(root));
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

    /// The connection is lost, or is back.
    pub fn set_down(&self, down: bool) {
        let mut server = self.server();
        server.down = down;
        server.hints.push_back(ChatEvent::Gap);
        drop(server);
        self.bell.notify_one();
    }

    /// From now on Tribune may write so often in so long; what is more is asked to wait.
    pub fn limit(&self, writes: u32, per: SignedDuration) {
        let since = self.clock.now();
        self.server().limit = Some(Limit { writes, per, since, used: 0 });
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
            server.hints.push_back(ChatEvent::Touched(at.clone()));
            if let Some(id) = root {
                server.hints.push_back(ChatEvent::Touched(MessageRef { id, ..at.clone() }));
            }
        }
        self.bell.notify_one();
    }

    fn mentions(&self, text: &str) -> Vec<Mentioned> {
        let words = text.split_whitespace().filter(|word| word.starts_with('@'));
        let named =
            |word: &str| word[1..].parse::<AccountId>().is_ok().then(|| self.account(&word[1..]));
        words
            .filter_map(|word| Some(Mentioned { typed: word.into(), account: named(word)? }))
            .collect()
    }

    fn account(&self, id: &str) -> Account {
        Account { platform: self.platform.clone(), id: id.parse().unwrap() }
    }

    /// Begins a call of Tribune's.
    fn call(&self) -> Result<MutexGuard<'_, Server>, ChatError> {
        let mut server = self.server();
        server.calls += 1;
        match server.down {
            true => {
                let platform = self.platform.clone();
                Err(ChatError::Unreachable { platform, why: "connection lost".into() })
            }
            false => Ok(server),
        }
    }

    fn rejected(&self, why: &str) -> ChatError {
        ChatError::Rejected { platform: self.platform.clone(), why: why.into() }
    }

    /// As [`Self::call`], for what the server limits.
    fn write_call(&self) -> Result<MutexGuard<'_, Server>, ChatError> {
        let mut server = self.call()?;
        let now = self.clock.now();
        let Some(limit) = &mut server.limit else { return Ok(server) };
        if now >= limit.since + limit.per {
            (limit.since, limit.used) = (now, 0);
        }
        if limit.used < limit.writes {
            limit.used += 1;
            return Ok(server);
        }
        let after = (limit.since + limit.per).duration_since(now);
        server.busy += 1;
        Err(ChatError::Busy { platform: self.platform.clone(), after })
    }

    /// As [`Self::write_call`], for a message that must be there.
    fn write_on(&self, at: &MessageRef) -> Result<(MutexGuard<'_, Server>, usize), ChatError> {
        let server = self.write_call()?;
        let place = server.place(at).ok_or_else(|| self.rejected("there is no such message"))?;
        Ok((server, place))
    }

    /// As [`Self::call`], for a message that must be there.
    fn call_on(&self, at: &MessageRef) -> Result<(MutexGuard<'_, Server>, usize), ChatError> {
        let server = self.call()?;
        let place = server.place(at).ok_or_else(|| self.rejected("there is no such message"))?;
        Ok((server, place))
    }
}

impl Server {
    fn kind_of(&self, account: &AccountId) -> AuthorKind {
        match (self.machines.contains(account), self.deactivated.contains(account)) {
            (true, _) => AuthorKind::Machine,
            (false, true) => AuthorKind::Deactivated,
            (false, false) => AuthorKind::Human,
        }
    }

    /// Returns what kind an account is now that wrote or reacted as `kind`.
    fn now(&self, kind: AuthorKind, account: &Account) -> AuthorKind {
        match kind {
            AuthorKind::Human => self.kind_of(&account.id),
            AuthorKind::Tribune | AuthorKind::Machine | AuthorKind::Deactivated => kind,
        }
    }

    /// Returns a message as Tribune reads it now.
    fn shown(&self, written: &Written) -> Message {
        let message = written.message.clone();
        Message { kind: self.now(message.kind, &message.author), ..message }
    }

    /// Says whether Tribune can post there; a direct channel is there once its account is.
    fn has(&self, channel: &ChatChannelId) -> bool {
        let direct = |account: &AccountId| channel.as_str() == format!("dm:{account}");
        self.channels.contains(channel) || self.accounts.iter().any(direct)
    }

    fn place(&self, at: &MessageRef) -> Option<usize> {
        let is_it = |it: &Written| it.message.at == *at && !it.deleted;
        self.messages.iter().position(is_it)
    }

    fn append(
        &mut self,
        chat: &FakeChat,
        (channel, thread): (ChatChannelId, Option<MessageId>),
        author: AccountId,
        kind: AuthorKind,
        text: &str,
    ) -> MessageRef {
        let id = format!("m{}", self.messages.len() + 1).parse().unwrap();
        let at = MessageRef { platform: chat.platform.clone(), channel, id };
        let direct = at.channel.as_str().starts_with("dm:");
        self.messages.push(Written {
            message: Message {
                at: at.clone(),
                thread,
                author: Account { platform: chat.platform.clone(), id: author },
                kind,
                direct,
                text: text.into(),
                sent: chat.clock.now(),
                edited: Edited::No,
                mentions: chat.mentions(text),
            },
            deleted: false,
            edits: 0,
            reactions: Vec::new(),
            first_text: text.into(),
        });
        at
    }
}

impl Written {
    /// Returns how many reactions of Tribune's own are on it.
    pub fn seeds(&self) -> usize {
        self.reactions.iter().filter(|it| it.kind == AuthorKind::Tribune).count()
    }

    fn react(&mut self, account: Account, kind: AuthorKind, sign: Sign, at: Timestamp) {
        if !self.reactions.iter().any(|it| it.account == account && it.sign == sign) {
            self.reactions.push(Reaction { sign, account, kind, at: Some(at) });
        }
    }
}

#[async_trait]
impl Chat for FakeChat {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    async fn next(&self) -> Result<ChatEvent, ChatError> {
        loop {
            let hint = self.server().hints.pop_front();
            if let Some(hint) = hint {
                return Ok(hint);
            }
            self.bell.notified().await;
        }
    }

    async fn since(&self, cursor: Option<&Cursor>) -> Result<(Vec<Message>, Cursor), ChatError> {
        let server = self.call()?;
        let end = Cursor(server.messages.len().to_string());
        let Some(cursor) = cursor else { return Ok((Vec::new(), end)) };
        let after: usize = cursor.0.parse().map_err(|_| self.rejected("that is no cursor"))?;
        let new = server.messages.iter().skip(after);
        let new = new.filter(|it| !it.deleted && it.message.kind != AuthorKind::Tribune);
        Ok((new.map(|it| server.shown(it)).collect(), end))
    }

    async fn post(
        &self,
        to: &Destination,
        body: &Body,
        key: &PostKey,
    ) -> Result<Posted, ChatError> {
        let mut server = self.write_call()?;
        if let Some(place) = server.by_key.get(key) {
            let first = &server.messages[*place];
            return Ok(Posted { at: first.message.at.clone(), text: first.first_text.clone() });
        }
        let place = match to {
            Destination::Channel(channel) if server.has(channel) => (channel.clone(), None),
            Destination::Channel(_) => return Err(self.rejected("there is no such channel")),
            Destination::Thread(root) => {
                let place = server.place(root);
                let place = place.ok_or_else(|| self.rejected("there is no such thread"))?;
                let first = &server.messages[place].message;
                let id = first.thread.clone().unwrap_or_else(|| first.at.id.clone());
                (root.channel.clone(), Some(id))
            }
            Destination::Direct(account) => {
                (format!("dm:{}", account.id).parse().expect("a channel"), None)
            }
        };
        let text = plain(body);
        let author = TRIBUNE.parse().expect("an account");
        let at = server.append(self, place, author, AuthorKind::Tribune, &text);
        let last = server.messages.len() - 1;
        server.by_key.insert(key.clone(), last);
        Ok(Posted { at, text })
    }

    async fn edit(&self, at: &MessageRef, body: &Body) -> Result<Posted, ChatError> {
        let (mut server, place) = self.write_on(at)?;
        let written = &mut server.messages[place];
        if written.message.kind != AuthorKind::Tribune {
            return Err(self.rejected("that is somebody else's message"));
        }
        written.message.text = plain(body);
        written.edits += 1;
        Ok(Posted { at: at.clone(), text: written.message.text.clone() })
    }

    async fn react(&self, at: &MessageRef, sign: Sign) -> Result<(), ChatError> {
        let (mut server, place) = self.write_on(at)?;
        let account = self.account(TRIBUNE);
        server.messages[place].react(account, AuthorKind::Tribune, sign, self.clock.now());
        Ok(())
    }

    async fn read(&self, at: &MessageRef) -> Result<Option<Message>, ChatError> {
        let server = self.call()?;
        Ok(server.place(at).map(|place| server.shown(&server.messages[place])))
    }

    async fn reactions(&self, at: &MessageRef) -> Result<Vec<Reaction>, ChatError> {
        let (server, place) = self.call_on(at)?;
        let reactions = server.messages[place].reactions.iter();
        let shown =
            reactions.map(|it| Reaction { kind: server.now(it.kind, &it.account), ..it.clone() });
        Ok(shown.collect())
    }

    async fn replies(&self, at: &MessageRef) -> Result<Vec<Message>, ChatError> {
        let (server, _) = self.call_on(at)?;
        let replies = server.messages.iter().filter(|it| {
            !it.deleted
                && it.message.at.channel == at.channel
                && it.message.thread.as_ref() == Some(&at.id)
        });
        Ok(replies.map(|it| server.shown(it)).collect())
    }

    fn permalink(&self, at: &MessageRef) -> String {
        format!("chat:{}/{}", at.channel, at.id)
    }

    async fn attach(
        &self,
        at: &MessageRef,
        file: &TextFile,
        key: &PostKey,
    ) -> Result<(), ChatError> {
        let (mut server, _) = self.write_on(at)?;
        if server.no_files {
            return Err(self.rejected("it takes no files"));
        }
        server.files.entry(key.clone()).or_insert_with(|| (at.clone(), file.clone()));
        Ok(())
    }

    fn name(&self, account: &Account) -> String {
        match self.server().names.get(&account.id) {
            Some(name) => format!("@{name}"),
            None => format!("@{}", account.id.as_str().trim_start_matches('@')),
        }
    }

    fn own_names(&self) -> Vec<String> {
        vec![format!("@{TRIBUNE}")]
    }
}

/// Returns a body as text, for people who read tests.
pub fn plain(body: &Body) -> String {
    let line = |spans: &Vec<Span>| match one_line(&spans.iter().map(span).collect::<String>()) {
        // A line of text is no rule.
        line if line.trim_end() == RULE => format!("\\{line}"),
        line => line,
    };
    let blocks = body.0.iter().map(|block| match block {
        Block::Line(spans) => line(spans),
        Block::List(rows) => {
            rows.iter().map(|row| format!("- {}", line(row))).collect::<Vec<_>>().join("\n")
        }
        Block::Code { lang, text } => format!("```{lang}\n{}\n```", text.trim_end_matches('\n')),
        Block::Rule => RULE.into(),
    });
    blocks.collect::<Vec<_>>().join("\n")
}

const RULE: &str = "---";

/// Text stays on its line, as on every platform.
fn one_line(text: &str) -> String {
    let ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.replace(ends, " ")
}

fn span(span: &Span) -> String {
    match span {
        Span::Text(text) | Span::Strong(text) => text.clone(),
        Span::Code(text) => format!("`{text}`"),
        Span::Person(person) | Span::Mention(person) => format!("@{person}"),
        Span::Account(account) => format!("@{}", account.id),
        Span::Post { text, .. } => text.clone(),
        Span::Link { text, url } => format!("{text} <{url}>"),
    }
}
