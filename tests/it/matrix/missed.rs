//! Nothing is missed: not while Tribune is away, not while the server is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tribune::domain::message::Sign;
use tribune::ports::chat::{Chat as _, ChatEvent, Cursor};

use super::town::{self, MatrixTown};
use crate::contract::chat::Town as _;
use crate::synapse::{Limits, Synapse};

/// Returns every text after a place, asking as the engine does.
async fn all_after(town: &MatrixTown, start: &Cursor) -> Vec<String> {
    let chat = town.restarted();
    let (mut texts, mut cursor) = (Vec::new(), start.clone());
    loop {
        let (messages, next) = chat.since(Some(&cursor)).await.unwrap();
        if messages.is_empty() {
            return texts;
        }
        texts.extend(messages.into_iter().map(|message| message.text));
        cursor = next;
    }
}

/// Everybody writes at once.
async fn write(town: &MatrixTown, each: usize) {
    let names = ["ada", "ken", "eve"];
    let write = names.map(|name| async move {
        for number in 0..each {
            town.people[name].send(&town.ops, &format!("{name} {number}")).await;
        }
    });
    futures_util::future::join_all(write).await;
}

#[tokio::test]
async fn more_than_one_sync_brings_is_listed_in_order_and_once() {
    let town = MatrixTown::new().await;
    let (_, start) = town.chat.since(None).await.unwrap();
    write(&town, 60).await;
    let expected: Vec<String> = town.people["ada"].texts(&town.ops).await;
    assert_eq!(expected.len(), 180);
    assert_eq!(all_after(&town, &start).await, expected);
}

#[tokio::test]
async fn a_thousand_missed_messages_are_caught_up_with() {
    let town = MatrixTown::new().await;
    let (_, start) = town.chat.since(None).await.unwrap();
    write(&town, 340).await;
    let begun = Instant::now();
    let found = all_after(&town, &start).await;
    assert_eq!(found.len(), 1_020);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    for name in ["ada", "ken", "eve"] {
        let own = found.iter().filter(|text| text.starts_with(name));
        assert!(
            own.eq((0..340).map(|number| format!("{name} {number}")).collect::<Vec<_>>().iter())
        );
    }
}

/// Leads to the town's server, and counts how often somebody lists messages there.
async fn counting(town: &MatrixTown) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = town.url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    let listed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&listed);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (server, count) = (server.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let (mut asks, mut told) = client.into_split();
                let (mut answers, mut server) =
                    TcpStream::connect(server).await.unwrap().into_split();
                tokio::spawn(async move { tokio::io::copy(&mut answers, &mut told).await });
                // The head of a call is small and comes in one piece.
                let mut piece = vec![0; 64 * 1024];
                while let Ok(length @ 1..) = asks.read(&mut piece).await {
                    let is_listing =
                        String::from_utf8_lossy(&piece[..length]).contains("/messages?");
                    count.fetch_add(usize::from(is_listing), Ordering::SeqCst);
                    server.write_all(&piece[..length]).await.unwrap();
                }
            });
        }
    });
    (url, listed)
}

#[tokio::test]
async fn a_backlog_is_listed_once_however_many_ask_for_it() {
    let town = MatrixTown::new().await;
    let (_, start) = town.chat.since(None).await.unwrap();
    write(&town, 60).await;
    let (url, listed) = counting(&town).await;
    let restarted = || Arc::new(town::tribune(&url, town.folder.path(), &town.wants));
    let (alone, _) = restarted().since(Some(&start)).await.unwrap();
    let needed = listed.swap(0, Ordering::SeqCst);
    assert!(needed > 0, "one answer brought all of it");
    let chat = restarted();
    let hears = Arc::clone(&chat);
    let hearing = tokio::spawn(async move { while hears.next().await.is_ok() {} });
    let (together, _) = chat.since(Some(&start)).await.unwrap();
    hearing.abort();
    assert_eq!((together, listed.load(Ordering::SeqCst)), (alone, needed));
}

/// Listens until there are messages, whatever happens to the server.
async fn heard(town: &MatrixTown) {
    let hear = async { while !matches!(town.chat.next().await, Ok(ChatEvent::Messages)) {} };
    tokio::time::timeout(Duration::from_secs(120), hear).await.expect("it goes on");
}

#[tokio::test]
async fn a_restart_of_the_server_loses_nothing_and_needs_no_new_beginning() {
    let server = Synapse::begin(Limits::None);
    let town = MatrixTown::on(&server, None).await;
    let (_, start) = town.chat.since(None).await.unwrap();
    let card = town.card("card").await;
    town.write("ada", "ops", "before").await;
    heard(&town).await;
    let restart = async {
        // It listens already, and goes on over the whole of it.
        tokio::task::yield_now().await;
        server.stop();
        server.start();
        town.write("ken", "ops", "after").await;
        town.add("ken", &card, Sign::Veto).await;
    };
    tokio::join!(heard(&town), restart);
    assert_eq!(all_after(&town, &start).await, ["before", "after"]);
    assert_eq!(town.chat.reactions(&card).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_hint_brought_along_costs_no_second_question() {
    let server = Synapse::begin(Limits::None);
    let town = MatrixTown::on(&server, None).await;
    let (_, start) = town.chat.since(None).await.unwrap();
    town.write("ada", "ops", "here").await;
    assert_eq!(town.chat.next().await.unwrap(), ChatEvent::Messages);
    server.stop();
    let (messages, next) = town.chat.since(Some(&start)).await.unwrap();
    assert_eq!(messages.len(), 1);
    // What is not in memory cannot be told without it.
    assert!(town.chat.since(Some(&next)).await.is_err());
}

#[tokio::test]
async fn what_a_server_answers_as_before_a_restart_hides_nothing_that_came_since() {
    let town = MatrixTown::new().await;
    let (_, start) = town.chat.since(None).await.unwrap();
    let card = town.card("card").await;
    for who in ["ada", "ken", "eve"] {
        town.add(who, &card, Sign::Approve).await;
        town.chat.since(None).await.unwrap();
    }
    town.write("ada", "ops", "since").await;
    assert_eq!(all_after(&town, &start).await, ["since"]);
}

#[tokio::test]
async fn a_room_is_heard_from_when_tribune_came() {
    let town = MatrixTown::new().await;
    let (_, start) = town.chat.since(None).await.unwrap();
    let ada = &town.people["ada"];
    let room = ada.make_room(serde_json::json!({ "preset": "private_chat" })).await;
    ada.send(&room, "!run before it came").await;
    {
        let mut wants = town.wants.lock().unwrap();
        wants.as_mut().unwrap().rooms.insert(room.parse().unwrap());
    }
    ada.invite(&room, &town.bot.id).await;
    town.chat.since(None).await.unwrap();
    // The invitation came with that, and is answered before reading on.
    town.chat.since(None).await.unwrap();
    ada.send(&room, "welcome").await;
    assert_eq!(all_after(&town, &start).await, ["welcome"]);
}
