//! The socket: what breaks it, what is missed by it, and that it is not stormed.

use std::time::{Duration, Instant};

use tribune::chat::mattermost::{Config, Timing};
use tribune::domain::message::Sign;
use tribune::ports::chat::{Chat as _, ChatEvent};

use super::server::{Server, Trick};
use super::town::{
    self, QUICK, config, failure, listening, next, now, post, read, texts, wait_for,
};

#[tokio::test]
async fn whatever_befalls_events_nothing_is_lost_and_nothing_comes_twice() {
    for trick in [Trick::Lose, Trick::Double, Trick::Swap, Trick::Break] {
        let server = Server::start().await;
        let ada = server.person("ada");
        let chat = listening(&server).await;
        let mut cursor = now(&chat).await;
        let card = post(&server, &chat, "a card", "card").await.unwrap().at;
        let ops = server.lock().channel_id("ops");
        server.lock().tricks.extend([trick; 2]);
        for text in ["one", "two", "three"] {
            ada.post(&ops, "", text).await;
        }
        ada.react(card.id.as_str(), "white_check_mark").await;
        ada.post(&ops, card.id.as_str(), "!deny").await;
        let mut all = Vec::new();
        let hear = async {
            while all.len() < 4 {
                // A gap is no failure but what the failure is followed by.
                if chat.next().await.is_ok() {
                    all.extend(read(&chat, &mut cursor).await);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), hear).await.expect("everything comes");
        assert_eq!(texts(&all), ["one", "two", "three", "!deny"], "{trick:?}");
        let signs: Vec<_> =
            chat.reactions(&card).await.unwrap().into_iter().map(|it| it.sign).collect();
        assert_eq!(signs, [Sign::Approve]);
        assert_eq!(read(&chat, &mut cursor).await, []);
    }
}

#[tokio::test]
async fn a_missing_number_is_a_gap() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let ops = server.lock().channel_id("ops");
    server.lock().tricks.push_back(Trick::Lose);
    ada.post(&ops, "", "unheard").await;
    ada.post(&ops, "", "heard").await;
    let error = failure(&chat).await;
    assert!(error.contains("event 1 is missing"), "{error}");
    wait_for(&chat, &ChatEvent::Gap).await;
}

#[tokio::test]
async fn a_server_that_says_nothing_any_more_is_left() {
    let server = Server::start().await;
    let timing =
        Timing { ping: Duration::from_millis(50), silence: Duration::from_millis(300), ..QUICK };
    let chat = town::open(&server, Config { timing, ..config(&server) }, &["ops"]);
    wait_for(&chat, &ChatEvent::Gap).await;
    server.lock().is_silent = true;
    let error = failure(&chat).await;
    assert!(error.contains("says nothing any more"), "{error}");
    server.lock().is_silent = false;
    wait_for(&chat, &ChatEvent::Gap).await;
}

#[tokio::test]
async fn a_connection_that_answers_pings_is_kept() {
    let server = Server::start().await;
    let timing =
        Timing { ping: Duration::from_millis(20), silence: Duration::from_millis(1_000), ..QUICK };
    let chat = town::open(&server, Config { timing, ..config(&server) }, &["ops"]);
    wait_for(&chat, &ChatEvent::Gap).await;
    now(&chat).await;
    let quiet = tokio::time::timeout(Duration::from_millis(2_500), chat.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    assert_eq!(server.lock().logins, 1);
}

#[tokio::test]
async fn a_server_that_drops_logins_is_not_stormed() {
    let server = Server::start().await;
    server.lock().is_flapping = true;
    let timing =
        Timing { again: Duration::from_millis(20), most: Duration::from_secs(60), ..QUICK };
    let begun = Instant::now();
    let chat = town::open(&server, Config { timing, ..config(&server) }, &["ops"]);
    let failing = async {
        while server.lock().logins < 5 {
            drop(chat.next().await);
        }
    };
    tokio::time::timeout(Duration::from_secs(30), failing).await.expect("it goes on trying");
    // Half of 40, 80, 160 and 320 ms at the least.
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_that_comes_later_is_found() {
    let mut server = Server::start().await;
    server.stop().await;
    let chat = town::open(&server, config(&server), &["ops"]);
    failure(&chat).await;
    server.start_again().await;
    wait_for(&chat, &ChatEvent::Gap).await;
    assert_eq!(now(&chat).await, now(&chat).await);
}

#[tokio::test]
async fn what_tribune_does_itself_is_not_hinted_at() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    now(&chat).await;
    let card = post(&server, &chat, "a card", "card").await.unwrap().at;
    chat.react(&card, Sign::Approve).await.unwrap();
    chat.edit(&card, &town::body("changed")).await.unwrap();
    ada.react(card.id.as_str(), "x").await;
    assert_eq!(next(&chat).await, Ok(ChatEvent::Touched(card)));
}

#[tokio::test]
async fn while_the_socket_cannot_be_had_messages_are_asked_for_without_a_login() {
    let server = Server::start().await;
    let ada = server.person("ada");
    server.lock().is_flapping = true;
    let timing = Timing {
        again: Duration::from_secs(600),
        most: Duration::from_secs(600),
        ask: Duration::from_millis(20),
        ..QUICK
    };
    let chat = town::open(&server, Config { timing, ..config(&server) }, &["ops"]);
    while server.lock().logins == 0 {
        drop(chat.next().await);
    }
    let mut cursor = now(&chat).await;
    let ops = server.lock().channel_id("ops");
    ada.post(&ops, "", "is anybody there?").await;
    let mut heard = Vec::new();
    while heard.is_empty() {
        wait_for(&chat, &ChatEvent::Messages).await;
        heard = read(&chat, &mut cursor).await;
    }
    assert_eq!((texts(&heard), server.lock().logins), (vec!["is anybody there?"], 1));
}

#[tokio::test]
async fn a_socket_that_went_deaf_with_its_token_is_opened_anew() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let timing = Timing { ping: Duration::from_millis(50), ..QUICK };
    let chat = town::open(&server, Config { timing, ..config(&server) }, &["ops"]);
    wait_for(&chat, &ChatEvent::Gap).await;
    let mut cursor = now(&chat).await;
    server.rotate();
    let ops = server.lock().channel_id("ops");
    ada.post(&ops, "", "unheard").await;
    let error = failure(&chat).await;
    assert!(error.contains("no longer knows who listens"), "{error}");
    wait_for(&chat, &ChatEvent::Gap).await;
    assert_eq!(texts(&read(&chat, &mut cursor).await), ["unheard"]);
    ada.post(&ops, "", "heard").await;
    wait_for(&chat, &ChatEvent::Messages).await;
}
