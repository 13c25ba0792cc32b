//! How the server is reached: encrypted, below a path, with a token that changes.

use std::path::PathBuf;

use tribune::chat::mattermost::Config;
use tribune::ports::Retry;
use tribune::ports::chat::{Chat as _, ChatEvent};

use super::server::{Server, Site};
use super::town::{self, config, failure, listening, post, wait_for};

const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/mattermost/tls/ca.pem");

#[tokio::test]
async fn a_site_below_a_path_behind_an_authority_of_its_own_works() {
    let server = Server::at(Site { prefix: "/chat", is_encrypted: true }).await;
    let given = Config { ca_file: Some(PathBuf::from(AUTHORITY)), ..config(&server) };
    let chat = town::open(&server, given, &["ops"]);
    wait_for(&chat, &ChatEvent::Gap).await;
    let at = post(&server, &chat, "hello", "key").await.unwrap().at;
    town::now(&chat).await;
    assert_eq!(chat.permalink(&at), format!("{}/town/pl/{}", server.url(), at.id));
    assert_eq!(chat.own_names(), ["@tribune"]);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_and_said_so() {
    let server = Server::at(Site { prefix: "", is_encrypted: true }).await;
    let chat = town::open(&server, config(&server), &["ops"]);
    let error = failure(&chat).await;
    assert!(error.contains("certificate is not trusted"), "{error}");
    let error = post(&server, &chat, "hello", "key").await.unwrap_err().to_string();
    assert!(error.contains("certificate is not trusted"), "{error}");
    assert_eq!(server.lock().logins, 0);
}

#[tokio::test]
async fn a_new_token_is_taken_up_without_a_restart() {
    let mut server = Server::start().await;
    let chat = listening(&server).await;
    post(&server, &chat, "one", "one").await.unwrap();
    server.rotate();
    post(&server, &chat, "two", "two").await.unwrap();
    server.rotate();
    server.stop().await;
    server.start_again().await;
    wait_for(&chat, &ChatEvent::Gap).await;
    assert_eq!(server.texts("ops"), ["one", "two"]);
}

#[tokio::test]
async fn a_token_of_somebody_else_is_never_taken_up() {
    let mut server = Server::start().await;
    let chat = listening(&server).await;
    post(&server, &chat, "one", "one").await.unwrap();
    server.person("ada");
    let theirs = server.lock().new_token("ada");
    std::fs::write(server.token_file(), theirs).unwrap();
    // Neither when the socket opens anew, while the old one still holds, nor when it holds no more.
    server.stop().await;
    server.start_again().await;
    while !failure(&chat).await.contains("is not one of Tribune's account") {}
    let bot = server.lock().id_of("tribune");
    server.lock().tokens.retain(|_, user| *user != bot);
    let error = post(&server, &chat, "two", "two").await.unwrap_err();
    assert_eq!(error.retry(), Retry::Transient, "nothing is given up for it");
    assert!(error.to_string().contains("is not one of Tribune's account"), "{error}");
    server.rotate();
    post(&server, &chat, "two", "two").await.unwrap();
    assert_eq!(server.texts("ops"), ["one", "two"]);
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_said_and_waited_for() {
    let server = Server::start().await;
    let chat = listening(&server).await;
    server.lock().tokens.clear();
    let error = post(&server, &chat, "one", "one").await.unwrap_err();
    assert_eq!(error.retry(), Retry::Transient, "nothing is given up for it");
    assert!(error.to_string().contains("does not accept the token"), "{error}");
    let logins = server.asked();
    assert!(logins["GET users/me"] <= 2, "a refused token is not shown again and again");
    server.rotate();
    post(&server, &chat, "one", "one").await.unwrap();
}

#[tokio::test]
async fn errors_name_neither_address_nor_token() {
    let mut server = Server::start().await;
    let chat = listening(&server).await;
    let token = std::fs::read_to_string(server.token_file()).unwrap();
    server.stop().await;
    let error = post(&server, &chat, "x", "x").await.unwrap_err().to_string();
    let down = failure(&chat).await;
    for told in [error, down] {
        assert!(!told.contains("127.0.0.1") && !told.contains("localhost"), "{told}");
        assert!(!told.contains(token.trim()), "{told}");
    }
}

#[tokio::test]
async fn a_channel_that_is_closed_to_it_is_refused_and_no_trouble_elsewhere() {
    let server = Server::start().await;
    let ada = server.person("ada");
    server.lock().add_channel("secret", "town", "P");
    let chat = town::open(&server, config(&server), &["ops", "secret"]);
    wait_for(&chat, &ChatEvent::Gap).await;
    let mut cursor = town::now(&chat).await;
    let ops = server.lock().channel_id("ops");
    ada.post(&ops, "", "!ping").await;
    assert_eq!(town::texts(&town::read(&chat, &mut cursor).await), ["!ping"]);
    let key = tribune::domain::message::PostKey("x".into());
    let refused = chat.post(&town::channel(&server, "secret"), &town::body("x"), &key).await;
    assert_eq!(refused.unwrap_err().retry(), Retry::Rejected);
}

#[tokio::test]
async fn a_bot_that_is_in_no_channel_yet_is_no_trouble() {
    let server = Server::start().await;
    let ops = server.lock().channel_id("ops");
    let bot = server.lock().id_of("tribune");
    server.lock().channels.get_mut(&ops).unwrap().members.remove(&bot);
    let chat = listening(&server).await;
    let mut cursor = town::now(&chat).await;
    assert_eq!(town::read(&chat, &mut cursor).await, []);
    let clock = std::sync::Arc::new(tribune::clock::SystemClock);
    let look = tribune::chat::mattermost::look(config(&server), clock).await.unwrap();
    assert_eq!((look.channels, look.moves_threads, look.edit_limit), (0, false, None));
    let ada = server.person("ada");
    let direct = ada.direct(&bot).await;
    ada.post(&direct, "", "!ping").await;
    assert_eq!(town::texts(&town::read(&chat, &mut cursor).await), ["!ping"]);
}
