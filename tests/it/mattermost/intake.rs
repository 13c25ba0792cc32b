//! Nothing that people write is lost, and nothing comes twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tribune::chat::mattermost::Mattermost;
use tribune::clock::SystemClock;
use tribune::domain::channel::Absence;
use tribune::domain::id::ChatChannelId;
use tribune::ports::chat::{Chat as _, ChatEvent};

use super::server::{Fault, Server};
use super::town::{self, config, listening, now, open, read, texts};

/// Somebody writes many posts, straight into the database.
fn flood(server: &Server, who: &str, channel: &str, count: usize, word: &str) {
    let mut state = server.lock();
    let (user, channel) = (state.id_of(who), state.channel_id(channel));
    for number in 0..count {
        state.store_post(&user, &channel, "", &format!("{word} {number}"), "", json!({}), vec![]);
    }
}

#[tokio::test]
async fn a_thousand_missed_posts_are_caught_up_with() {
    let mut server = Server::start().await;
    drop(server.person("ada"));
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    server.stop().await;
    flood(&server, "ada", "ops", 1_000, "missed");
    server.start_again().await;
    town::wait_for(&chat, &ChatEvent::Gap).await;
    let messages = read(&chat, &mut cursor).await;
    let expected: Vec<_> = (0..1_000).map(|number| format!("missed {number}")).collect();
    assert_eq!(texts(&messages), expected);
    assert!(server.asked()["GET channels/_/posts"] < 15);
    assert_eq!(read(&chat, &mut cursor).await, []);
}

#[tokio::test]
async fn very_many_come_in_parts_and_whole() {
    let server = Server::start().await;
    drop(server.person("ada"));
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    flood(&server, "ada", "ops", 4_500, "post");
    let (first, _) = chat.since(Some(&cursor)).await.unwrap();
    assert_eq!(first.len(), 2_000, "memory stays flat");
    let expected: Vec<_> = (0..4_500).map(|number| format!("post {number}")).collect();
    assert_eq!(texts(&read(&chat, &mut cursor).await), expected);
}

#[tokio::test]
async fn many_posts_of_nobody_do_not_end_the_reading() {
    let server = Server::start().await;
    drop(server.person("ada"));
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    flood(&server, "tribune", "ops", 2_500, "own");
    flood(&server, "ada", "ops", 1, "hers");
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["hers 0"]);
}

#[tokio::test]
async fn posts_of_one_millisecond_are_all_there() {
    let server = Server::start().await;
    drop(server.person("ada"));
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    server.lock().is_frozen = true;
    flood(&server, "ada", "ops", 40, "same");
    town::wait_for(&chat, &ChatEvent::Messages).await;
    assert_eq!(read(&chat, &mut cursor).await.len(), 40);
    flood(&server, "ada", "ops", 15, "later of the same");
    server.lock().is_frozen = false;
    flood(&server, "ada", "ops", 49, "next");
    server.lock().is_frozen = true;
    flood(&server, "ada", "ops", 30, "at a page's edge");
    server.lock().is_frozen = false;
    flood(&server, "ada", "ops", 30, "after");
    assert_eq!(read(&chat, &mut cursor).await.len(), 15 + 49 + 30 + 30);
    assert_eq!(read(&chat, &mut cursor).await, []);
}

#[tokio::test]
async fn a_post_that_is_stored_late_is_told_all_the_same() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    let ops = server.lock().channel_id("ops");
    server.lock().pass(2_000);
    ada.post(&ops, "", "second").await;
    town::wait_for(&chat, &ChatEvent::Messages).await;
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["second"]);
    let late = server.lock().store_post(&ada.id, &ops, "", "first", "", json!({}), vec![]);
    server.lock().posts.get_mut(&late.id).unwrap().create_at -= 1_000;
    town::wait_for(&chat, &ChatEvent::Messages).await;
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["first"]);
    assert_eq!(read(&chat, &mut cursor).await, []);
}

#[tokio::test]
async fn deletions_between_two_pages_shift_nothing() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    flood(&server, "ada", "ops", 600, "post");
    // The second page fails once; meanwhile posts of the first go.
    server.lock().faults.push_back(("GET channels".into(), Fault::Status(500)));
    let newest: Vec<String> = {
        let state = server.lock();
        let mut posts: Vec<_> = state.posts.values().collect();
        posts.sort_by_key(|post| std::cmp::Reverse(post.create_at));
        posts.iter().take(30).map(|post| post.id.clone()).collect()
    };
    let deleting = async {
        for id in &newest {
            ada.delete(id).await;
        }
    };
    let (messages, ()) = tokio::join!(read(&chat, &mut cursor), deleting);
    let all: BTreeSet<String> = (0..570).map(|number| format!("post {number}")).collect();
    let told: BTreeSet<String> = messages.iter().map(|message| message.text.clone()).collect();
    assert!(told.is_superset(&all), "{:?}", all.difference(&told).collect::<Vec<_>>());
    assert_eq!(told.len(), messages.len());
}

#[tokio::test]
async fn only_channels_of_the_policy_repo_and_direct_talk_are_read() {
    let server = Server::start().await;
    let ada = server.person("ada");
    server.lock().add_channel("lounge", "town", "P");
    for name in ["tribune", "ada"] {
        server.lock().join(name, "lounge");
    }
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    let ops = server.lock().channel_id("ops");
    let lounge = server.lock().channel_id("lounge");
    let bot = server.lock().id_of("tribune");
    let direct = ada.direct(&bot).await;
    ada.post(&lounge, "", "elsewhere").await;
    ada.post(&ops, "", "here").await;
    ada.post(&direct, "", "alone").await;
    let messages = read(&chat, &mut cursor).await;
    assert_eq!(texts(&messages), ["here", "alone"]);
    assert_eq!(messages.iter().map(|it| it.direct).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn a_configured_channel_that_the_bot_is_not_in_is_named() {
    let server = Server::start().await;
    let dev = server.lock().add_channel("dev", "town", "P");
    let chat = open(&server, config(&server), &["ops", "dev"]);
    let mut cursor = now(&chat).await;
    let dev_alone = BTreeMap::from([(dev.parse().unwrap(), Absence::NotIn)]);
    assert_eq!(chat.absent(), dev_alone);
    server.lock().join("tribune", "dev");
    read(&chat, &mut cursor).await;
    assert_eq!(chat.absent(), BTreeMap::new());
    // Put out of it without a word.
    let own = server.lock().id_of("tribune");
    server.lock().channels.get_mut(&dev).unwrap().members.remove(&own);
    read(&chat, &mut cursor).await;
    assert_eq!(chat.absent(), dev_alone);
}

#[tokio::test]
async fn a_channel_that_is_configured_later_is_read_from_then_on() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let configured = Arc::new(Mutex::new(BTreeSet::<ChatChannelId>::new()));
    let known = Arc::clone(&configured);
    let known = Arc::new(move || known.lock().unwrap().clone());
    let chat = Mattermost::open(config(&server), known, Arc::new(SystemClock)).unwrap();
    town::wait_for(&chat, &ChatEvent::Gap).await;
    let mut cursor = now(&chat).await;
    let ops = server.lock().channel_id("ops");
    ada.post(&ops, "", "before").await;
    assert_eq!(read(&chat, &mut cursor).await, []);
    configured.lock().unwrap().insert(ops.parse().unwrap());
    assert_eq!(town::next(&chat).await, Ok(ChatEvent::Messages), "it is noticed");
    read(&chat, &mut cursor).await;
    ada.post(&ops, "", "after").await;
    town::wait_for(&chat, &ChatEvent::Messages).await;
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["after"]);
}

#[tokio::test]
async fn direct_talk_that_is_new_is_read_from_its_beginning_also_after_a_restart() {
    let server = Server::start().await;
    let (ada, ken) = (server.person("ada"), server.person("ken"));
    let bot = server.lock().id_of("tribune");
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    let talk = ada.direct(&bot).await;
    ada.post(&talk, "", "one").await;
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["one"]);
    drop(chat);
    server.lock().pass(60_000);
    let other = ken.direct(&bot).await;
    ken.post(&other, "", "two").await;
    ada.post(&talk, "", "three").await;
    let chat = listening(&server).await;
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["two", "three"]);
    server.lock().pass(60_000);
    ada.post(&talk, "", "four").await;
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["four"]);
}

#[tokio::test]
async fn what_was_told_and_not_taken_is_told_again() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let cursor = now(&chat).await;
    let ops = server.lock().channel_id("ops");
    ada.post(&ops, "", "one").await;
    let (first, _) = chat.since(Some(&cursor)).await.unwrap();
    let (again, next) = chat.since(Some(&cursor)).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(texts(&first), ["one"]);
    let asked = server.asked()["GET channels/_/posts"];
    assert_eq!(chat.since(Some(&next)).await.unwrap().0, []);
    assert_eq!(chat.since(Some(&next)).await.unwrap().0, []);
    assert!(server.asked()["GET channels/_/posts"] <= asked + 1, "nothing new is not asked for");
}

#[tokio::test]
async fn a_failure_half_way_loses_nothing() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    read(&chat, &mut cursor).await;
    let ops = server.lock().channel_id("ops");
    ada.post(&ops, "", "one").await;
    town::wait_for(&chat, &ChatEvent::Messages).await;
    for path in ["GET channels", "POST users/ids"] {
        for _ in 0..3 {
            server.lock().faults.push_back((path.into(), Fault::Before));
        }
        assert!(chat.since(Some(&cursor)).await.is_err(), "{path}");
    }
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["one"]);
}

#[tokio::test]
async fn channels_are_listed_to_see_whether_there_is_more_and_not_where_it_was_told() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    read(&chat, &mut cursor).await;
    let ops = server.lock().channel_id("ops");
    let lists = || server.asked()["GET users/me/channels"];
    let before = lists();
    for text in ["one", "two", "three"] {
        ada.post(&ops, "", text).await;
        town::wait_for(&chat, &ChatEvent::Messages).await;
        assert_eq!(texts(&read(&chat, &mut cursor).await), [text]);
    }
    assert_eq!(lists(), before + 3, "the socket told where something was new");
    let bot = server.lock().id_of("tribune");
    let direct = ada.direct(&bot).await;
    ada.post(&direct, "", "alone").await;
    town::wait_for(&chat, &ChatEvent::Messages).await;
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["alone"]);
    server.lock().drop_sockets();
    town::failure(&chat).await;
    ada.post(&ops, "", "unheard").await;
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["unheard"]);
}

#[tokio::test]
async fn a_post_that_is_gone_for_good_ends_no_reading() {
    let server = Server::start().await;
    drop(server.person("ada"));
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    flood(&server, "ada", "ops", 200, "post");
    server.lock().faults.push_back(("GET channels".into(), Fault::Gone));
    let error = chat.since(Some(&cursor)).await.unwrap_err().to_string();
    assert!(error.contains("is gone"), "{error}");
    let messages = read(&chat, &mut cursor).await;
    assert_eq!(messages.len(), 199, "all but the one that is gone");
    assert_eq!(messages[0].text, "post 0");
}

#[tokio::test]
async fn a_post_that_can_be_read_only_later_is_told_then() {
    let server = Server::start().await;
    let ada = server.person("ada");
    server.lock().catch_up();
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    read(&chat, &mut cursor).await;
    let ops = server.lock().channel_id("ops");
    let posted = {
        let mut state = server.lock();
        let posted = state.store_post(&ada.id, &ops, "", "!ping", "", json!({}), vec![]);
        state.behind.insert(posted.id.clone());
        posted
    };
    town::wait_for(&chat, &ChatEvent::Messages).await;
    for _ in 0..2 {
        assert_eq!(read(&chat, &mut cursor).await, []);
    }
    server.lock().behind.remove(&posted.id);
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["!ping"], "without a further hint");
}
