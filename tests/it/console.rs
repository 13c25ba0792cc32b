//! The built-in console over the embedded store: Tribune's side and people's side together.

use std::sync::Arc;

use tribune::chat::console::Console;
use tribune::clock::SystemClock;
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::id::{AccountId, ChatChannelId, MessageId};
use tribune::domain::message::{AuthorKind, Edited, MessageRef, PostKey, Sign};
use tribune::domain::person::Account;
use tribune::ports::board::Board;
use tribune::ports::chat::{Chat, ChatError, ChatEvent, Cursor, Destination};
use tribune::ports::console::ConsoleStore;
use tribune::store::sqlite::{Options, SqliteStore};

struct Place {
    _folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    console: Arc<Console>,
}

async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state/t.db");
    let store = Arc::new(SqliteStore::open(&file, &Options::default()).await.unwrap());
    let console = Console::open(Arc::clone(&store) as _, Arc::new(SystemClock)).await.unwrap();
    Place { _folder: folder, store, console: Arc::new(console) }
}

fn ops() -> ChatChannelId {
    "ops".parse().unwrap()
}

fn who(name: &str) -> AccountId {
    name.parse().unwrap()
}

fn body(text: &str) -> Body {
    Body(vec![Block::Line(vec![Span::Text(text.into())])])
}

fn key(key: &str) -> PostKey {
    PostKey(key.into())
}

fn no_message() -> MessageRef {
    MessageRef {
        platform: "console".parse().unwrap(),
        channel: ops(),
        id: "m9999999999".parse().unwrap(),
    }
}

impl Place {
    async fn say(&self, name: &str, text: &str) -> MessageRef {
        let nonce = format!("{name} {text}");
        self.console.write(&who(name), &ops(), None, text, &nonce).await.unwrap()
    }

    async fn reply(&self, name: &str, to: &MessageRef, text: &str) -> MessageRef {
        let nonce = format!("{name} {text}");
        self.console.write(&who(name), &ops(), Some(&to.id), text, &nonce).await.unwrap()
    }

    async fn post(&self, text: &str) -> MessageRef {
        let posted = self.console.post(&Destination::Channel(ops()), &body(text), &key(text)).await;
        posted.unwrap().at
    }

    async fn since(&self, cursor: &Cursor) -> (Vec<String>, Cursor) {
        let (messages, cursor) = self.console.since(Some(cursor)).await.unwrap();
        (messages.into_iter().map(|message| message.text).collect(), cursor)
    }
}

fn is_rejected<T: std::fmt::Debug>(result: Result<T, ChatError>) -> bool {
    matches!(result, Err(ChatError::Rejected { .. }))
}

#[tokio::test]
async fn messages_of_people_come_once_and_in_order() {
    let place = place().await;
    place.say("ada", "before").await;
    let (none, start) = place.console.since(None).await.unwrap();
    assert_eq!(none, []);
    place.say("ada", "one").await;
    let card = place.post("tribune's own").await;
    place.reply("bob", &card, "two").await;
    let gone = place.say("bob", "gone").await;
    place.console.delete(&who("bob"), &gone).await.unwrap();
    let (texts, cursor) = place.since(&start).await;
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(place.since(&cursor).await, (vec![], cursor.clone()));
    place.say("ada", "three").await;
    assert_eq!(place.since(&cursor).await.0, ["three"]);
    assert_eq!(place.since(&start).await.0, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_message_reads_back_as_it_is() {
    let place = place().await;
    let card = place.post("a card").await;
    let reply = place.reply("ada", &card, "!approve").await;
    let read = place.console.read(&reply).await.unwrap().unwrap();
    assert_eq!((read.author.id, read.kind), (who("ada"), AuthorKind::Human));
    assert_eq!((read.thread, read.direct), (Some(card.id.clone()), false));
    let read = place.console.read(&card).await.unwrap().unwrap();
    assert_eq!((read.kind, read.edited), (AuthorKind::Tribune, Edited::No));
    assert_eq!(place.console.read(&no_message()).await.unwrap(), None);
    let elsewhere = MessageRef { channel: "other".parse().unwrap(), ..card };
    assert_eq!(place.console.read(&elsewhere).await.unwrap(), None);
}

#[tokio::test]
async fn the_same_key_never_posts_twice() {
    let place = place().await;
    let channel = Destination::Channel(ops());
    let first = place.console.post(&channel, &body("one"), &key("card")).await.unwrap();
    let second = place.console.post(&channel, &body("two"), &key("card")).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(place.console.messages(&ops(), None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_takes_the_place_of_a_post_of_tribunes() {
    let place = place().await;
    // Somebody guesses the key of the next card and writes with it first.
    let guess = place.console.write(&who("eve"), &ops(), None, "mine", "card").await.unwrap();
    let card = place.console.post(&Destination::Channel(ops()), &body("card"), &key("card")).await;
    assert_ne!(card.unwrap().at, guess);
    let tribune = who("tribune");
    assert!(is_rejected(place.console.write(&tribune, &ops(), None, "hello", "n").await));
    assert!(is_rejected(place.console.delete(&tribune, &guess).await));
}

#[tokio::test]
async fn only_the_author_changes_a_message() {
    let place = place().await;
    let mine = place.say("ada", "mine").await;
    let card = place.post("a card").await;
    assert!(is_rejected(place.console.rewrite(&who("bob"), &mine, "yours").await));
    assert!(is_rejected(place.console.rewrite(&who("bob"), &card, "yours").await));
    assert!(is_rejected(place.console.delete(&who("bob"), &mine).await));
    assert!(is_rejected(place.console.edit(&mine, &body("tribune's")).await));
    place.console.rewrite(&who("ada"), &mine, "changed").await.unwrap();
    let read = place.console.read(&mine).await.unwrap().unwrap();
    assert_eq!((read.text.as_str(), read.edited), ("changed", Edited::ByAuthor));
    let posted = place.console.edit(&card, &body("a new card")).await.unwrap();
    assert_eq!((posted.at, posted.text.as_str()), (card.clone(), "a new card"));
    assert_eq!(place.console.read(&card).await.unwrap().unwrap().edited, Edited::ByAuthor);
}

#[tokio::test]
async fn an_edit_by_somebody_else_is_told_apart() {
    let place = place().await;
    let card = place.post("a card").await;
    let root = who("root");
    place.store.rewrite(&card.id, &root, Edited::ByOther, "another card").await.unwrap();
    let read = place.console.read(&card).await.unwrap().unwrap();
    assert_eq!((read.text.as_str(), read.edited), ("another card", Edited::ByOther));
}

#[tokio::test]
async fn reactions_are_what_they_are_now() {
    let place = place().await;
    let card = place.post("a card").await;
    place.console.react(&card, Sign::Approve).await.unwrap();
    place.console.react(&card, Sign::Approve).await.unwrap();
    for name in ["bob", "ada"] {
        place.console.add(&who(name), &card, Sign::Approve).await.unwrap();
        place.console.add(&who(name), &card, Sign::Approve).await.unwrap();
    }
    place.console.add(&who("ada"), &card, Sign::Veto).await.unwrap();
    place.console.remove(&who("bob"), &card, Sign::Approve).await.unwrap();
    place.console.remove(&who("bob"), &card, Sign::Approve).await.unwrap();
    let reactions = place.console.reactions(&card).await.unwrap();
    let given: Vec<_> =
        reactions.iter().map(|r| (r.account.id.as_str(), r.sign, r.kind, r.at.is_some())).collect();
    assert_eq!(
        given,
        [
            ("tribune", Sign::Approve, AuthorKind::Tribune, true),
            ("ada", Sign::Approve, AuthorKind::Human, true),
            ("ada", Sign::Veto, AuthorKind::Human, true),
        ]
    );
    assert!(is_rejected(place.console.add(&who("ada"), &no_message(), Sign::Veto).await));
}

#[tokio::test]
async fn a_reply_to_a_reply_is_in_the_same_thread() {
    let place = place().await;
    let card = place.post("a card").await;
    let first = place.reply("ada", &card, "first").await;
    let second = place.reply("bob", &first, "second").await;
    let answer =
        place.console.post(&Destination::Thread(second), &body("answer"), &key("answer")).await;
    let gone = place.reply("ada", &card, "gone").await;
    place.console.delete(&who("ada"), &gone).await.unwrap();
    let replies = place.console.replies(&card).await.unwrap();
    let texts: Vec<_> = replies.iter().map(|reply| reply.text.as_str()).collect();
    assert_eq!(texts, ["first", "second", "answer"]);
    assert!(answer.is_ok());
    let thread = place.console.thread(&card).await.unwrap();
    assert_eq!(
        thread.iter().map(|m| m.deleted).collect::<Vec<_>>(),
        [false, false, false, false, true]
    );
    assert_eq!((thread[0].replies, thread[4].text.as_str()), (3, ""));
    let elsewhere = MessageRef { channel: "other".parse().unwrap(), ..card };
    assert!(is_rejected(
        place.console.post(&Destination::Thread(elsewhere), &body("x"), &key("x")).await
    ));
}

#[tokio::test]
async fn direct_messages_have_a_channel_of_their_own() {
    let place = place().await;
    let ada = Account { platform: "console".parse().unwrap(), id: who("ada") };
    let posted =
        place.console.post(&Destination::Direct(ada), &body("psst"), &key("dm")).await.unwrap();
    assert_eq!(posted.at.channel, place.console.direct_channel(&who("ada")));
    assert_eq!(posted.at.channel.as_str(), "dm:ada");
    assert!(place.console.read(&posted.at).await.unwrap().unwrap().direct);
    let elsewhere = Account { platform: "slack".parse().unwrap(), id: who("ada") };
    let refused = place.console.post(&Destination::Direct(elsewhere), &body("x"), &key("x")).await;
    assert!(is_rejected(refused));
}

#[tokio::test]
async fn pages_go_back_from_the_newest() {
    let place = place().await;
    for number in 0..7 {
        let root = place.say("ada", &format!("message {number}")).await;
        place.reply("bob", &root, &format!("reply {number}")).await;
    }
    let page = async |before: Option<&MessageId>| {
        let page = place.console.messages(&ops(), before, 3).await.unwrap();
        let texts = page.iter().map(|message| message.text.clone()).collect::<Vec<_>>();
        (texts, page.first().map(|message| message.id.clone()))
    };
    let (texts, first) = page(None).await;
    assert_eq!(texts, ["message 4", "message 5", "message 6"]);
    let (texts, first) = page(first.as_ref()).await;
    assert_eq!(texts, ["message 1", "message 2", "message 3"]);
    assert_eq!(page(first.as_ref()).await.0, ["message 0"]);
}

#[tokio::test]
async fn ids_sort_as_they_were_written() {
    let place = place().await;
    let mut ids = Vec::new();
    for number in 0..12 {
        ids.push(place.say("ada", &number.to_string()).await.id);
    }
    assert!(ids.is_sorted(), "{ids:?}");
}

#[tokio::test]
async fn hints_tell_what_people_did_and_nothing_of_tribunes_own() {
    let place = place().await;
    let card = place.post("a card").await;
    place.console.edit(&card, &body("a newer card")).await.unwrap();
    place.console.react(&card, Sign::Approve).await.unwrap();
    place.say("ada", "hello").await;
    place.reply("ada", &card, "!approve").await;
    assert_eq!(place.console.next().await, Ok(ChatEvent::Messages));
    assert_eq!(place.console.next().await, Ok(ChatEvent::Touched(card.clone())));
    // Whoever waits is woken.
    let waiting = tokio::spawn({
        let console = Arc::clone(&place.console);
        async move { console.next().await }
    });
    tokio::task::yield_now().await;
    place.console.add(&who("bob"), &card, Sign::Approve).await.unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(ChatEvent::Touched(card)));
}

#[tokio::test]
async fn a_page_catches_up_by_number() {
    let place = place().await;
    let card = place.post("a card").await;
    let (none, start) = place.console.changes(None).await.unwrap();
    assert_eq!(none, []);
    let reply = place.reply("ada", &card, "hello").await;
    place.console.add(&who("ada"), &card, Sign::Veto).await.unwrap();
    let (events, seq) = place.console.changes(Some(start)).await.unwrap();
    let seen: Vec<_> = events.iter().map(|e| (e.message.clone(), e.thread.clone())).collect();
    assert_eq!(seen, [(reply, Some(card.id.clone())), (card.clone(), None)]);
    let waiting = tokio::spawn({
        let console = Arc::clone(&place.console);
        async move { console.changes(Some(seq)).await }
    });
    tokio::task::yield_now().await;
    place.console.edit(&card, &body("changed")).await.unwrap();
    let (events, later) = waiting.await.unwrap().unwrap();
    assert_eq!((events.len(), later), (1, seq + 1));
}

#[tokio::test]
async fn empty_and_endless_messages_are_refused() {
    let place = place().await;
    for text in ["", " \n\t", &"x".repeat(16_001)] {
        assert!(is_rejected(place.console.write(&who("ada"), &ops(), None, text, "n").await));
    }
}
