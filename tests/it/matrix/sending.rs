//! Posts: once, whole, and only as loud as they should be.

use reqwest::Method;
use serde_json::{Value, json};
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::message::{MessageRef, PostKey};
use tribune::ports::chat::{Chat, ChatError, Destination, TextFile};

use super::town::{MatrixTown, body};
use crate::contract::chat::Town as _;
use crate::synapse::{Limits, Synapse};

async fn post(town: &MatrixTown, chat: &impl Chat, key: &str) -> Result<MessageRef, ChatError> {
    let to = Destination::Channel(town.ops.parse().unwrap());
    chat.post(&to, &body("a post"), &PostKey(key.into())).await.map(|posted| posted.at)
}

/// Returns Tribune's own messages in `ops`, oldest first.
async fn own(town: &MatrixTown) -> Vec<Value> {
    let mut events = town.people["ada"].timeline(&town.ops).await;
    events.retain(|it| it["type"] == "m.room.message" && it["sender"] == town.bot.id.as_str());
    events
}

/// Gives Tribune's account another token, and takes the old one away.
async fn rotate(town: &MatrixTown) {
    let body = json!({ "type": "m.login.password", "password": town.bot.password,
        "identifier": { "type": "m.id.user", "user": town.bot.id } });
    let made = town.bot.call(Method::POST, &["login"], body).await;
    let token = made["access_token"].as_str().unwrap();
    std::fs::write(town.folder.path().join("token"), format!("{token}\n")).unwrap();
    town.bot.call(Method::POST, &["logout"], json!({})).await;
}

#[tokio::test]
async fn a_post_is_sent_once_over_restarts_and_changes_of_the_token() {
    let town = MatrixTown::new().await;
    let first = post(&town, &*town.chat, "one").await.unwrap();
    assert_eq!(post(&town, &town.restarted(), "one").await.unwrap(), first);
    rotate(&town).await;
    // The server knows nothing any more of what was sent with the other token.
    assert_eq!(post(&town, &town.restarted(), "one").await.unwrap(), first);
    assert_eq!(post(&town, &*town.chat, "one").await.unwrap(), first);
    assert_ne!(post(&town, &*town.chat, "two").await.unwrap(), first);
    assert_eq!(own(&town).await.len(), 2);
}

#[tokio::test]
async fn a_new_token_is_taken_without_a_restart_and_anothers_is_not() {
    let town = MatrixTown::new().await;
    let first = post(&town, &*town.chat, "one").await.unwrap();
    let file = town.folder.path().join("token");
    town.bot.call(Method::POST, &["logout"], json!({})).await;
    let Err(error) = town.chat.read(&first).await else { panic!("it was logged out") };
    assert!(matches!(error, ChatError::Unreachable { .. }), "it is no proof of anything");
    assert!(error.to_string().contains("put a new one into"), "{error}");
    std::fs::write(&file, &town.people["eve"].token).unwrap();
    let error = town.chat.read(&first).await.unwrap_err().to_string();
    assert!(error.contains(&format!("is not one of {}", town.bot.id)), "{error}");
    assert!(!error.contains(&town.people["eve"].token), "{error}");
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_waited_for() {
    let town = MatrixTown::on(Synapse::shared(Limits::Default), None).await;
    let mut refused = None;
    for number in 0..15 {
        match post(&town, &*town.chat, &format!("post {number}")).await {
            Ok(_) => {}
            Err(ChatError::Busy { after, .. }) => {
                refused = Some((number, after));
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    let (number, after) = refused.expect("ten messages at once are allowed");
    assert!(number >= 5 && after.is_positive() && after.as_secs() < 60, "{number} {after:?}");
    tokio::time::sleep(after.unsigned_abs()).await;
    post(&town, &*town.chat, &format!("post {number}")).await.unwrap();
    assert_eq!(own(&town).await.len(), number + 1);
}

#[tokio::test]
async fn only_whom_a_post_names_is_notified() {
    let town = MatrixTown::new().await;
    let to = Destination::Channel(town.ops.parse().unwrap());
    let text = |spans| Body(vec![Block::Line(spans)]);
    let ken = town.account_of("ken");
    let quiet = text(vec![Span::Text(format!("{} @room", ken.id))]);
    town.chat.post(&to, &quiet, &PostKey("quiet".into())).await.unwrap();
    let loud = text(vec![Span::Account(ken.clone()), Span::Text(", look".into())]);
    town.chat.post(&to, &loud, &PostKey("loud".into())).await.unwrap();
    let own = own(&town).await;
    assert_eq!(own[0]["content"]["m.mentions"], json!({}));
    assert_eq!(own[1]["content"]["m.mentions"], json!({ "user_ids": [ken.id] }));
}

#[tokio::test]
async fn a_text_that_no_event_holds_is_cut_also_when_it_is_edited() {
    let town = MatrixTown::new().await;
    let at = post(&town, &*town.chat, "one").await.unwrap();
    let long = "\u{1f600}\"\\ & <tag>\n".repeat(20_000);
    let code = Body(vec![Block::Code { lang: "text".into(), text: long.clone() }]);
    let edited = town.chat.edit(&at, &code).await.unwrap();
    assert!(edited.text.ends_with(" …") && edited.text.len() > 10_000);
    assert_eq!(town.chat.read(&at).await.unwrap().unwrap().text, edited.text);
}

#[tokio::test]
async fn a_file_is_put_into_the_thread_once() {
    let town = MatrixTown::new().await;
    let card = town.card("card").await;
    let file = TextFile { name: "output.txt".into(), text: "line\n".repeat(1_000) };
    let key = PostKey("output".into());
    for chat in [&*town.chat, &town.restarted()] {
        chat.attach(&card, &file, &key).await.unwrap();
    }
    let own = own(&town).await;
    let files: Vec<_> = own.iter().filter(|it| it["content"]["msgtype"] == "m.file").collect();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0]["content"]["m.relates_to"]["event_id"], card.id.as_str());
    assert_eq!(files[0]["content"]["info"]["size"], 5_000);
    assert!(files[0]["content"]["url"].as_str().unwrap().starts_with("mxc://hs.test/"));
}

#[tokio::test]
async fn an_answer_goes_into_the_thread_of_what_it_answers() {
    let town = MatrixTown::new().await;
    let root = town.write("ada", "ops", "!ping").await;
    let reply = town.reply("ken", &root, "!ping").await;
    let to = Destination::Thread(reply);
    let posted = town.chat.post(&to, &body("pong"), &PostKey("pong".into())).await.unwrap();
    let read = town.chat.read(&posted.at).await.unwrap().unwrap();
    assert_eq!(read.thread, Some(root.id));
}
