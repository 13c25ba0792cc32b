//! Tribune's side: its connection, which the server limits and which may be lost.

use std::collections::BTreeMap;
use std::sync::MutexGuard;

use async_trait::async_trait;
use tribune::domain::body::Body;
use tribune::domain::channel::Absence;
use tribune::domain::id::{AccountId, ChatChannelId, Platform};
use tribune::domain::message::{AuthorKind, Message, MessageRef, PostKey, Posted, Reaction, Sign};
use tribune::domain::person::Account;
use tribune::ports::buttons::Buttons;
use tribune::ports::chat::{Chat, ChatError, ChatEvent, Cursor, Destination, TextFile};

use super::server::{Concealed, Server};
use super::{FakeChat, TRIBUNE, plain};

impl FakeChat {
    /// Begins a call of Tribune's.
    pub(super) fn call(&self) -> Result<MutexGuard<'_, Server>, ChatError> {
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

    pub(super) fn rejected(&self, why: &str) -> ChatError {
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
    pub(super) fn write_on(
        &self,
        at: &MessageRef,
    ) -> Result<(MutexGuard<'_, Server>, usize), ChatError> {
        let server = self.write_call()?;
        let place = server.place(at).ok_or_else(|| self.rejected("there is no such message"))?;
        Ok((server, place))
    }

    /// As [`Self::call`], to look at what the server may not show.
    fn look(&self, may_not: &[Concealed]) -> Result<MutexGuard<'_, Server>, ChatError> {
        let server = self.call()?;
        match may_not.contains(&server.conceals) {
            true => Err(self.rejected("it may not be seen")),
            false => Ok(server),
        }
    }

    /// Looks at what people say on a message that must be there.
    fn look_on(&self, at: &MessageRef) -> Result<(MutexGuard<'_, Server>, usize), ChatError> {
        let server = self.look(&[Concealed::Votes, Concealed::Messages])?;
        let place = server.place(at).ok_or_else(|| self.rejected("there is no such message"))?;
        Ok((server, place))
    }

    /// Posts, unless it was posted before; returns who is in haste to approve it.
    fn append_post(
        &self,
        to: &Destination,
        body: &Body,
        key: &PostKey,
    ) -> Result<(Posted, Option<AccountId>), ChatError> {
        let mut server = self.write_call()?;
        if let Some(place) = server.by_key.get(key) {
            let first = &server.messages[*place];
            let posted = Posted { at: first.message.at.clone(), text: first.first_text.clone() };
            return Ok((posted, None));
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
        Ok((Posted { at, text }, server.hasty.take()))
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
        let (posted, hasty) = self.append_post(to, body, key)?;
        if self.server().loses.take_if(|lost| lost == key).is_some() {
            let (platform, why) = (self.platform.clone(), "it may have been done".into());
            return Err(ChatError::Unreachable { platform, why });
        }
        if let Some(account) = hasty {
            self.add(account.as_str(), &posted.at, Sign::Approve);
            // The answer is under way for so long that the hint comes before it.
            for _ in 0..256 {
                tokio::task::yield_now().await;
            }
        }
        Ok(posted)
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
        let server = self.look(&[Concealed::Messages])?;
        Ok(server.place(at).map(|place| server.shown(&server.messages[place])))
    }

    async fn reactions(&self, at: &MessageRef) -> Result<Vec<Reaction>, ChatError> {
        let (server, place) = self.look_on(at)?;
        let now = |it: &Reaction| server.now(it.kind, &at.channel, &it.account);
        let reactions = server.messages[place].reactions.iter();
        Ok(reactions.map(|it| Reaction { kind: now(it), ..it.clone() }).collect())
    }

    async fn replies(&self, at: &MessageRef) -> Result<Vec<Message>, ChatError> {
        let (server, _) = self.look_on(at)?;
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

    fn absent(&self) -> BTreeMap<ChatChannelId, Absence> {
        self.server().absent.clone()
    }

    fn buttons(&self) -> Option<&dyn Buttons> {
        self.server().has_buttons.then_some(self as &dyn Buttons)
    }

    fn own_names(&self) -> Vec<String> {
        vec![format!("@{TRIBUNE}")]
    }
}
