//! What every chat platform promises, asked of the simulated one, of the built-in console, of
//! Mattermost over a simulated server, and of Matrix on a real Synapse, also with the limits that
//! it has by default.

use std::sync::Arc;

use async_trait::async_trait;
use tribune::chat::console::Console;
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::id::{AccountId, ChatChannelId};
use tribune::domain::message::{AuthorKind, Edited, MessageRef, PostKey, Posted, Sign};
use tribune::domain::person::Account;
use tribune::domain::reply::card::above_rule;
use tribune::ports::board::Board as _;
use tribune::ports::chat::{Chat, ChatError, ChatEvent, Cursor, Destination};
use tribune::store::sqlite::{Options, SqliteStore};

use crate::world::chat::FakeChat;
use crate::world::clock::FakeClock;

/// A platform with the channel `ops`, and people on it.
#[async_trait]
pub trait Town: Sized + Send + Sync {
    async fn new() -> Self;

    /// Returns Tribune's side.
    fn chat(&self) -> Arc<dyn Chat>;

    /// Returns the id of a channel.
    fn channel(&self, name: &str) -> ChatChannelId {
        name.parse().unwrap()
    }

    /// Returns the id of an account; Tribune's own is that of `tribune`.
    fn account(&self, name: &str) -> AccountId {
        account(name)
    }

    /// Somebody writes in a channel, or with `dm:<account>` to Tribune alone.
    async fn write(&self, who: &str, channel: &str, text: &str) -> MessageRef;

    /// Somebody replies.
    async fn reply(&self, who: &str, to: &MessageRef, text: &str) -> MessageRef;

    /// Somebody changes their own message.
    async fn rewrite(&self, who: &str, at: &MessageRef, text: &str);

    /// Somebody deletes their own message.
    async fn delete(&self, who: &str, at: &MessageRef);

    /// Somebody reacts.
    async fn add(&self, who: &str, at: &MessageRef, sign: Sign);

    /// Somebody takes a reaction back.
    async fn remove(&self, who: &str, at: &MessageRef, sign: Sign);
}

/// The simulated chat.
pub(super) struct FakeTown(Arc<FakeChat>);

/// The console over the embedded store.
struct ConsoleTown {
    console: Arc<Console>,
    _folder: tempfile::TempDir,
}

fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock::at("2026-06-01T08:00:00Z".parse().unwrap()))
}

#[async_trait]
impl Town for FakeTown {
    async fn new() -> Self {
        let chat = FakeChat::new("console", clock(), &["ops"]);
        chat.shows_buttons();
        Self(Arc::new(chat))
    }

    fn chat(&self) -> Arc<dyn Chat> {
        Arc::clone(&self.0) as _
    }

    async fn write(&self, who: &str, channel: &str, text: &str) -> MessageRef {
        self.0.write(who, channel, text)
    }

    async fn reply(&self, who: &str, to: &MessageRef, text: &str) -> MessageRef {
        self.0.reply(who, to, text)
    }

    async fn rewrite(&self, _who: &str, at: &MessageRef, text: &str) {
        self.0.rewrite(at, Edited::ByAuthor, text);
    }

    async fn delete(&self, _who: &str, at: &MessageRef) {
        self.0.delete(at);
    }

    async fn add(&self, who: &str, at: &MessageRef, sign: Sign) {
        self.0.add(who, at, sign);
    }

    async fn remove(&self, who: &str, at: &MessageRef, sign: Sign) {
        self.0.remove(who, at, sign);
    }
}

#[async_trait]
impl Town for ConsoleTown {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/t.db");
        let store = Arc::new(SqliteStore::open(&file, &Options::default()).await.unwrap());
        let console = Console::open(store, clock()).await.unwrap();
        Self { console: Arc::new(console), _folder: folder }
    }

    fn chat(&self) -> Arc<dyn Chat> {
        Arc::clone(&self.console) as _
    }

    async fn write(&self, who: &str, channel: &str, text: &str) -> MessageRef {
        let channel = channel.parse().unwrap();
        self.console.write(&account(who), &channel, None, text, text).await.unwrap()
    }

    async fn reply(&self, who: &str, to: &MessageRef, text: &str) -> MessageRef {
        let thread = Some(&to.id);
        self.console.write(&account(who), &to.channel, thread, text, text).await.unwrap()
    }

    async fn rewrite(&self, who: &str, at: &MessageRef, text: &str) {
        self.console.rewrite(&account(who), at, text).await.unwrap();
    }

    async fn delete(&self, who: &str, at: &MessageRef) {
        self.console.delete(&account(who), at).await.unwrap();
    }

    async fn add(&self, who: &str, at: &MessageRef, sign: Sign) {
        self.console.add(&account(who), at, sign).await.unwrap();
    }

    async fn remove(&self, who: &str, at: &MessageRef, sign: Sign) {
        self.console.remove(&account(who), at, sign).await.unwrap();
    }
}

fn account(name: &str) -> AccountId {
    name.parse().unwrap()
}

fn body(text: &str) -> Body {
    Body(vec![Block::Line(vec![Span::Text(text.into())])])
}

async fn post<T: Town>(town: &T, text: &str, key: &str) -> Posted {
    let ops = Destination::Channel(town.channel("ops"));
    town.chat().post(&ops, &body(text), &PostKey(key.into())).await.unwrap()
}

fn is_rejected<T>(result: Result<T, ChatError>) -> bool {
    matches!(result, Err(ChatError::Rejected { .. }))
}

/// Returns the texts after a cursor, and the next cursor.
async fn since(chat: &Arc<dyn Chat>, cursor: &Cursor) -> (Vec<String>, Cursor) {
    let (messages, cursor) = chat.since(Some(cursor)).await.unwrap();
    (messages.into_iter().map(|message| message.text).collect(), cursor)
}

async fn now(chat: &Arc<dyn Chat>) -> Cursor {
    let (messages, cursor) = chat.since(None).await.unwrap();
    assert_eq!(messages, []);
    cursor
}

async fn a_post_is_read_back_as_it_was_returned<T: Town>(town: T) {
    let chat = town.chat();
    let posted = post(&town, "hello", "one").await;
    let read = chat.read(&posted.at).await.unwrap().unwrap();
    assert_eq!((read.text, read.at), (posted.text, posted.at));
    assert_eq!((read.kind, read.edited), (AuthorKind::Tribune, Edited::No));
    assert!(!read.direct && read.thread.is_none());
}

async fn the_same_key_posts_once<T: Town>(town: T) {
    let chat = town.chat();
    let first = post(&town, "hello", "one").await;
    let again = post(&town, "hello again", "one").await;
    assert_eq!(first.at, again.at);
    assert_ne!(post(&town, "hello", "two").await.at, first.at);
    let read = chat.read(&first.at).await.unwrap().unwrap();
    assert_eq!(read.text, first.text);
}

async fn own_posts_can_be_edited_and_others_cannot<T: Town>(town: T) {
    let chat = town.chat();
    let first = post(&town, "hello", "one").await;
    let edited = chat.edit(&first.at, &body("good bye")).await.unwrap();
    assert_eq!(edited.at, first.at);
    let read = chat.read(&first.at).await.unwrap().unwrap();
    assert_eq!(read.text, edited.text);
    assert_ne!(read.edited, Edited::ByOther);
    let other = town.write("ada", "ops", "mine").await;
    assert!(is_rejected(chat.edit(&other, &body("yours")).await));
    assert_eq!(chat.read(&other).await.unwrap().unwrap().text, "mine");
}

async fn messages_of_people_come_once_and_in_order<T: Town>(town: T) {
    let chat = town.chat();
    town.write("ada", "ops", "before").await;
    let start = now(&chat).await;
    let root = town.write("ada", "ops", "one").await;
    post(&town, "Tribune's own", "own").await;
    town.reply("ken", &root, "two").await;
    let gone = town.write("ken", "ops", "gone").await;
    town.delete("ken", &gone).await;
    town.write("ken", "dm:ken", "three").await;
    let (texts, next) = since(&chat, &start).await;
    assert_eq!(texts, ["one", "two", "three"]);
    let (texts, next) = since(&chat, &next).await;
    assert_eq!(texts, [""; 0]);
    town.write("ada", "ops", "four").await;
    assert_eq!(since(&chat, &next).await.0, ["four"]);
    // As the engine reads: until nothing is left.
    let (mut all, mut next) = chat.since(Some(&start)).await.unwrap();
    loop {
        let (more, after) = chat.since(Some(&next)).await.unwrap();
        if more.is_empty() {
            break;
        }
        all.extend(more);
        next = after;
    }
    let places: Vec<_> = all.iter().map(|it| (it.direct, it.thread.is_some())).collect();
    assert_eq!(places, [(false, false), (false, true), (true, false), (false, false)]);
    assert!(all.iter().all(|message| message.kind == AuthorKind::Human));
}

async fn reactions_are_those_that_stand_now<T: Town>(town: T) {
    let chat = town.chat();
    let card = post(&town, "a card", "card").await.at;
    for _ in 0..2 {
        chat.react(&card, Sign::Approve).await.unwrap();
        town.add("ada", &card, Sign::Approve).await;
    }
    town.add("ken", &card, Sign::Veto).await;
    town.add("eve", &card, Sign::Approve).await;
    town.remove("eve", &card, Sign::Approve).await;
    let reactions = chat.reactions(&card).await.unwrap();
    let found: Vec<_> =
        reactions.iter().map(|it| (it.account.id.clone(), it.sign, it.kind)).collect();
    let expected = [
        (town.account("tribune"), Sign::Approve, AuthorKind::Tribune),
        (town.account("ada"), Sign::Approve, AuthorKind::Human),
        (town.account("ken"), Sign::Veto, AuthorKind::Human),
    ];
    assert_eq!(found, expected);
}

async fn replies_are_those_that_stand_now<T: Town>(town: T) {
    let chat = town.chat();
    let card = post(&town, "a card", "card").await.at;
    let first = town.reply("ada", &card, "one").await;
    town.reply("ken", &first, "two").await;
    let gone = town.reply("ken", &card, "gone").await;
    town.delete("ken", &gone).await;
    town.rewrite("ada", &first, "changed").await;
    let thread = Destination::Thread(card.clone());
    chat.post(&thread, &body("three"), &PostKey("reply".into())).await.unwrap();
    let replies = chat.replies(&card).await.unwrap();
    let found: Vec<_> = replies.iter().map(|it| (it.text.as_str(), it.edited)).collect();
    let expected = [("changed", Edited::ByAuthor), ("two", Edited::No), ("three", Edited::No)];
    assert_eq!(found, expected);
    assert!(replies.iter().all(|reply| reply.thread.as_ref() == Some(&card.id)));
    assert_eq!(chat.read(&gone).await.unwrap(), None);
}

async fn what_is_not_there_cannot_be_changed<T: Town>(town: T) {
    let chat = town.chat();
    let at = post(&town, "hello", "one").await.at;
    let nowhere = MessageRef { id: "m9999999999".parse().unwrap(), ..at.clone() };
    let elsewhere = MessageRef { channel: town.channel("other"), ..at };
    for at in [nowhere, elsewhere] {
        assert_eq!(chat.read(&at).await.unwrap(), None);
        assert!(is_rejected(chat.edit(&at, &body("x")).await));
        assert!(is_rejected(chat.react(&at, Sign::Veto).await));
        // Nobody can tell from an empty list whether nobody said anything.
        assert!(is_rejected(chat.reactions(&at).await));
        assert!(is_rejected(chat.replies(&at).await));
        let thread = Destination::Thread(at);
        assert!(is_rejected(chat.post(&thread, &body("x"), &PostKey("x".into())).await));
    }
}

async fn a_direct_post_is_read_by_its_account_alone<T: Town>(town: T) {
    let chat = town.chat();
    let start = now(&chat).await;
    let heard = town.write("ada", "dm:ada", "hello").await;
    let ada = Account { platform: chat.platform().clone(), id: town.account("ada") };
    let key = PostKey("direct".into());
    let posted = chat.post(&Destination::Direct(ada.clone()), &body("psst"), &key).await.unwrap();
    let read = chat.read(&posted.at).await.unwrap().unwrap();
    assert!(read.direct);
    assert_eq!(read.at.channel, heard.channel);
    let (messages, _) = chat.since(Some(&start)).await.unwrap();
    assert!(messages.iter().all(|message| message.direct && message.author == ada));
    assert!(chat.name(&ada).contains("ada"));
    assert!(!chat.permalink(&posted.at).is_empty());
}

/// Returns every hint up to the one that something happened to `last`.
async fn hints_to(chat: &Arc<dyn Chat>, last: &MessageRef) -> Vec<ChatEvent> {
    let last = ChatEvent::Touched(last.clone());
    let mut hints = Vec::new();
    let hear = async {
        while hints.last() != Some(&last) {
            hints.push(chat.next().await.unwrap());
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), hear).await.expect("hints come");
    hints
}

async fn hints_come_and_are_never_the_same_for_ever<T: Town>(town: T) {
    let chat = town.chat();
    let card = post(&town, "a card", "card").await.at;
    let other = post(&town, "another card", "other").await.at;
    town.write("ada", "ops", "hello").await;
    town.add("ada", &card, Sign::Approve).await;
    let first = hints_to(&chat, &card).await;
    assert!(first.contains(&ChatEvent::Messages), "{first:?}");
    // What was told is over: only what happens since is told.
    town.add("ada", &other, Sign::Approve).await;
    assert_eq!(hints_to(&chat, &other).await, [ChatEvent::Touched(other)]);
}

async fn nothing_that_is_said_passes_for_the_rule_of_a_card<T: Town>(town: T) {
    let chat = town.chat();
    let rows =
        ["---", "a\n---\nb", "a\r\n---\r\nb", "\n\n---\n\n", "a\u{2028}---\u{85}b", "***", "___"];
    let spans = rows
        .into_iter()
        .flat_map(|row| [Span::Text(row.into()), Span::Strong(row.into()), Span::Code(row.into())]);
    let mut blocks: Vec<Block> = spans.clone().map(|span| Block::Line(vec![span])).collect();
    blocks.push(Block::List(spans.map(|span| vec![span]).collect()));
    blocks.push(Block::Line(vec![Span::Text("the end of it".into())]));
    blocks.push(Block::Rule);
    blocks.push(Block::Line(vec![Span::Text("below".into())]));
    let ops = Destination::Channel(town.channel("ops"));
    let posted = chat.post(&ops, &Body(blocks), &PostKey("card".into())).await.unwrap();
    let read = chat.read(&posted.at).await.unwrap().unwrap();
    let above = above_rule(&read.text);
    assert!(above.ends_with("the end of it"), "{above}");
    assert!(read.text.ends_with("below"));
}

macro_rules! on_each {
    ($($name:ident)*) => {
        mod fake {
            $(#[tokio::test]
            async fn $name() {
                super::$name(<super::FakeTown as super::Town>::new().await).await;
            })*
        }
        mod console {
            $(#[tokio::test]
            async fn $name() {
                super::$name(<super::ConsoleTown as super::Town>::new().await).await;
            })*
        }
        mod matrix {
            $(#[tokio::test]
            async fn $name() {
                type Town = crate::matrix::town::MatrixTown;
                super::$name(<Town as super::Town>::new().await).await;
            })*
        }
        mod matrix_with_default_limits {
            $(#[tokio::test]
            async fn $name() {
                type Town = crate::matrix::town::LimitedTown;
                super::$name(<Town as super::Town>::new().await).await;
            })*
        }
        mod mattermost {
            $(#[tokio::test]
            async fn $name() {
                type Town = crate::mattermost::town::MattermostTown;
                super::$name(<Town as super::Town>::new().await).await;
            })*
        }
    };
}

on_each! {
    a_post_is_read_back_as_it_was_returned
    the_same_key_posts_once
    own_posts_can_be_edited_and_others_cannot
    messages_of_people_come_once_and_in_order
    reactions_are_those_that_stand_now
    replies_are_those_that_stand_now
    what_is_not_there_cannot_be_changed
    a_direct_post_is_read_by_its_account_alone
    hints_come_and_are_never_the_same_for_ever
    nothing_that_is_said_passes_for_the_rule_of_a_card
}
