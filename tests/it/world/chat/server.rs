//! What the server keeps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use tribune::domain::channel::Absence;
use tribune::domain::id::{AccountId, ChatChannelId, MessageId};
use tribune::domain::message::{
    AuthorKind, Edited, Mentioned, Message, MessageRef, PostKey, Reaction, Sign,
};
use tribune::domain::person::Account;
use tribune::domain::press::Button;
use tribune::ports::chat::{ChatEvent, TextFile};

use super::FakeChat;

#[derive(Default)]
pub(super) struct Server {
    pub(super) channels: BTreeSet<ChatChannelId>,
    pub(super) accounts: BTreeSet<AccountId>,
    pub(super) machines: BTreeSet<AccountId>,
    pub(super) deactivated: BTreeSet<AccountId>,
    pub(super) names: BTreeMap<AccountId, String>,
    pub(super) messages: Vec<Written>,
    pub(super) by_key: BTreeMap<PostKey, usize>,
    pub(super) files: BTreeMap<PostKey, (MessageRef, TextFile)>,
    pub(super) hints: VecDeque<ChatEvent>,
    pub(super) down: bool,
    /// Whether hints are lost.
    pub(super) hints_nothing: bool,
    /// Who reacts to the next post before Tribune hears that it stands.
    pub(super) hasty: Option<AccountId>,
    /// The next post of this key is made, and its answer is lost.
    pub(super) loses: Option<PostKey>,
    pub(super) no_files: bool,
    /// What it does not show to Tribune.
    pub(super) conceals: Concealed,
    /// Accounts that are no longer in a channel, with everything that they said there.
    pub(super) gone: BTreeSet<(ChatChannelId, AccountId)>,
    /// Channels that Tribune is not in, though it should be.
    pub(super) absent: BTreeMap<ChatChannelId, Absence>,
    pub(super) has_buttons: bool,
    pub(super) calls: u64,
    pub(super) limit: Option<Limit>,
    pub(super) busy: u64,
}

/// What a server refuses to show to Tribune.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Concealed {
    /// It shows everything.
    #[default]
    Nothing,
    /// Reactions and replies.
    Votes,
    /// Messages too.
    Messages,
}

/// How much the server lets Tribune write.
pub(super) struct Limit {
    pub(super) writes: u32,
    pub(super) per: SignedDuration,
    pub(super) since: Timestamp,
    pub(super) used: u32,
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
    pub(super) reactions: Vec<Reaction>,
    pub(super) first_text: String,
    pub(super) buttons: Vec<Button>,
}

impl Server {
    pub(super) fn kind_of(&self, account: &AccountId) -> AuthorKind {
        match (self.machines.contains(account), self.deactivated.contains(account)) {
            (true, _) => AuthorKind::Machine,
            (false, true) => AuthorKind::Deactivated,
            (false, false) => AuthorKind::Human,
        }
    }

    /// Returns what kind an account is now that wrote or reacted in a channel as `kind`.
    pub(super) fn now(
        &self,
        kind: AuthorKind,
        channel: &ChatChannelId,
        account: &Account,
    ) -> AuthorKind {
        let is_gone = self.gone.contains(&(channel.clone(), account.id.clone()));
        match (kind, self.kind_of(&account.id)) {
            (AuthorKind::Human, AuthorKind::Human) if is_gone => AuthorKind::Absent,
            (AuthorKind::Human, now) => now,
            (kind, _) => kind,
        }
    }

    /// Returns a message as Tribune reads it now.
    pub(super) fn shown(&self, written: &Written) -> Message {
        let message = written.message.clone();
        Message { kind: self.now(message.kind, &message.at.channel, &message.author), ..message }
    }

    /// Says whether Tribune can post there; a direct channel is there once its account is.
    pub(super) fn has(&self, channel: &ChatChannelId) -> bool {
        let direct = |account: &AccountId| channel.as_str() == format!("dm:{account}");
        self.channels.contains(channel) || self.accounts.iter().any(direct)
    }

    /// Tells Tribune that something may have happened.
    pub(super) fn hint(&mut self, hint: ChatEvent) {
        if !self.hints_nothing {
            self.hints.push_back(hint);
        }
    }

    pub(super) fn place(&self, at: &MessageRef) -> Option<usize> {
        let is_it = |it: &Written| it.message.at == *at && !it.deleted;
        self.messages.iter().position(is_it)
    }

    /// Words that begin with `@` mention the account that goes by that name now, if there is one.
    fn mentions(&self, chat: &FakeChat, text: &str) -> Vec<Mentioned> {
        let words = text.split_whitespace().map(|word| word.trim_end_matches([',', ':']));
        let mentioned = |word: &str| {
            let account = chat.account(self.called(word)?.as_str());
            Some(Mentioned { typed: word.to_owned(), account })
        };
        words.filter(|word| word.starts_with('@')).filter_map(mentioned).collect()
    }

    fn called(&self, word: &str) -> Option<&AccountId> {
        let named = self.names.iter().find(|(_, name)| word[1..] == **name).map(|(id, _)| id);
        named.or_else(|| {
            let by_id = |id: &&AccountId| id.as_str() == word || *id.as_str() == word[1..];
            self.accounts.iter().filter(|id| !self.names.contains_key(*id)).find(by_id)
        })
    }

    pub(super) fn append(
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
        let mentions = self.mentions(chat, text);
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
                mentions,
            },
            deleted: false,
            edits: 0,
            reactions: Vec::new(),
            first_text: text.into(),
            buttons: Vec::new(),
        });
        at
    }
}

impl Written {
    /// Returns how many reactions of Tribune's own are on it.
    pub fn seeds(&self) -> usize {
        self.reactions.iter().filter(|it| it.kind == AuthorKind::Tribune).count()
    }

    pub(super) fn react(&mut self, account: Account, kind: AuthorKind, sign: Sign, at: Timestamp) {
        if !self.reactions.iter().any(|it| it.account == account && it.sign == sign) {
            self.reactions.push(Reaction { sign, account, kind, at: Some(at) });
        }
    }
}
