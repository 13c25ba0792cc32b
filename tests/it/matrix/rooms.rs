//! Rooms that Tribune is in, and those that it is not.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use tribune::domain::body::Block;
use tribune::domain::channel::Absence;
use tribune::domain::message::PostKey;
use tribune::domain::reply::room as reply;
use tribune::ports::chat::{Chat as _, ChatError, Destination};

use super::town::{MatrixTown, body};
use crate::contract::chat::Town as _;

const ENCRYPTION: &str = "m.room.encryption";

fn encryption() -> Value {
    json!({ "algorithm": "m.megolm.v1.aes-sha2" })
}

fn text(body: tribune::domain::body::Body) -> String {
    match &body.0[..] {
        [Block::Line(spans)] => tribune::domain::body::plain(spans),
        other => panic!("{other:?}"),
    }
}

/// Returns what a room says of Tribune's membership.
async fn membership(town: &MatrixTown, by: &str, room: &str) -> Value {
    let path = ["rooms", room, "state", "m.room.member", town.bot.id.as_str()];
    town.people[by].call(Method::GET, &path, Value::Null).await
}

/// Reads on twice: an invitation is answered before the second time.
async fn read_on(town: &MatrixTown) {
    for _ in 0..2 {
        town.chat.since(None).await.unwrap();
    }
}

#[tokio::test]
async fn a_room_that_nobody_configured_is_not_joined() {
    let town = MatrixTown::new().await;
    let body = json!({ "preset": "private_chat", "invite": [town.bot.id] });
    let room = town.people["eve"].make_room(body).await;
    read_on(&town).await;
    let found = membership(&town, "eve", &room).await;
    assert_eq!(found["membership"], "leave");
    assert_eq!(found["reason"], reply::invited_elsewhere());
}

#[tokio::test]
async fn an_encrypted_room_is_told_once_and_nothing_is_posted_there() {
    let town = MatrixTown::new().await;
    let ada = &town.people["ada"];
    ada.set_state(&town.ops, ENCRYPTION, encryption()).await;
    read_on(&town).await;
    ada.send(&town.ops, "hello?").await;
    read_on(&town).await;
    town.restarted().since(None).await.unwrap();
    let told = text(reply::encrypted());
    let texts = ada.texts(&town.ops).await;
    assert_eq!(texts.iter().filter(|text| **text == told).count(), 1, "{texts:?}");
    let to = Destination::Channel(town.ops.parse().unwrap());
    let posted = town.chat.post(&to, &body("a secret"), &PostKey("one".into())).await;
    let Err(ChatError::Rejected { why, .. }) = posted else { panic!("{posted:?}") };
    assert!(why.contains("is encrypted"), "{why}");
}

#[tokio::test]
async fn a_room_that_is_wanted_and_not_heard_is_named() {
    let town = MatrixTown::new().await;
    let ada = &town.people["ada"];
    assert_eq!(town.chat.absent(), BTreeMap::new());
    let room = ada.make_room(json!({ "preset": "private_chat" })).await;
    town.wants.lock().unwrap().as_mut().unwrap().rooms.insert(room.parse().unwrap());
    let alone = BTreeMap::from([(room.parse().unwrap(), Absence::NotIn)]);
    for _ in 0..2 {
        read_on(&town).await;
        assert_eq!(town.chat.absent(), alone, "nobody invited it");
        ada.invite(&room, &town.bot.id).await;
        read_on(&town).await;
        assert_eq!(town.chat.absent(), BTreeMap::new());
        let kick = json!({ "user_id": town.bot.id });
        ada.call(Method::POST, &["rooms", &room, "kick"], kick).await;
    }
    ada.invite(&room, &town.bot.id).await;
    ada.set_state(&town.ops, ENCRYPTION, encryption()).await;
    let encrypted = BTreeMap::from([(town.ops.parse().unwrap(), Absence::Encrypted)]);
    read_on(&town).await;
    assert_eq!(town.chat.absent(), encrypted);
    let again = town.restarted();
    again.since(None).await.unwrap();
    assert_eq!(again.absent(), encrypted);
}

#[tokio::test]
async fn a_direct_invitation_is_answered_with_a_room_that_can_be_read() {
    let town = MatrixTown::new().await;
    let ken = &town.people["ken"];
    let state = json!([{ "type": ENCRYPTION, "state_key": "", "content": encryption() }]);
    let body = json!({ "preset": "trusted_private_chat", "is_direct": true,
        "invite": [town.bot.id], "initial_state": state });
    let room = ken.make_room(body).await;
    read_on(&town).await;
    let direct = town.direct("ken").await;
    let found = membership(&town, "ken", &room).await;
    assert_eq!(found["membership"], "leave");
    let told = found["reason"].as_str().unwrap();
    let link = format!("https://matrix.to/#/{}", direct.replace('!', "%21"));
    assert!(told.contains(&link), "{told}");
    assert_eq!(ken.texts(&direct).await, [text(reply::write_here()), "hello".to_owned()]);
}

#[tokio::test]
async fn a_stranger_who_wants_to_talk_hears_what_an_admin_must_write() {
    let town = MatrixTown::new().await;
    let eve = &town.people["eve"];
    town.wants.lock().unwrap().as_mut().unwrap().accounts.remove(&eve.id.parse().unwrap());
    let body = json!({ "preset": "trusted_private_chat", "is_direct": true,
        "invite": [town.bot.id] });
    let room = eve.make_room(body).await;
    read_on(&town).await;
    let found = membership(&town, "eve", &room).await;
    assert_eq!(found["membership"], "leave");
    assert_eq!(found["reason"], reply::invited_by_stranger(&eve.id));
}

#[tokio::test]
async fn a_direct_room_is_opened_once_and_holds_two() {
    let town = MatrixTown::new().await;
    let direct = town.direct("ada").await;
    let to = Destination::Direct(town.account_of("ada"));
    let again = town.restarted().post(&to, &body("again"), &PostKey("again".into())).await;
    assert_eq!(again.unwrap().at.channel.as_str(), direct);
    let ada = &town.people["ada"];
    let eve = json!({ "user_id": town.people["eve"].id });
    let (status, _) = ada.try_call(Method::POST, &["rooms", &direct, "invite"], eve).await;
    assert_eq!(status, 403);
    let path = ["rooms", &direct, "state", ENCRYPTION, ""];
    let (status, _) = ada.try_call(Method::PUT, &path, encryption()).await;
    assert_eq!(status, 403);
    // Who left is invited again.
    ada.call(Method::POST, &["rooms", &direct, "leave"], json!({})).await;
    let once_more = town.restarted().post(&to, &body("more"), &PostKey("more".into())).await;
    assert_eq!(once_more.unwrap().at.channel.as_str(), direct);
    ada.join(&direct).await;
}

#[tokio::test]
async fn a_direct_room_with_a_third_person_is_none() {
    let town = MatrixTown::new().await;
    let direct = town.direct("ada").await;
    // Only Tribune's own account can do that.
    town.bot.invite(&direct, &town.people["eve"].id).await;
    town.people["eve"].join(&direct).await;
    let heard = town.write("ada", "dm:ada", "!login").await;
    let message = town.restarted().read(&heard).await.unwrap().unwrap();
    assert!(!message.direct);
    let to = Destination::Direct(town.account_of("ada"));
    let posted = town.restarted().post(&to, &body("a link"), &PostKey("link".into())).await;
    assert_ne!(posted.unwrap().at.channel.as_str(), direct);
}

#[tokio::test]
async fn a_post_into_a_room_that_is_wanted_and_not_joined_yet_joins_it() {
    let town = MatrixTown::new().await;
    let made = json!({ "preset": "private_chat", "invite": [town.bot.id] });
    let room = town.people["ada"].make_room(made).await;
    town.wants.lock().unwrap().as_mut().unwrap().rooms.insert(room.parse().unwrap());
    let to = Destination::Channel(room.parse().unwrap());
    town.chat.post(&to, &body("news"), &PostKey("news".into())).await.unwrap();
    assert_eq!(town.people["ada"].texts(&room).await, ["news"]);
}

#[tokio::test]
async fn what_is_said_as_soon_as_tribune_has_come_is_heard() {
    let town = MatrixTown::new().await;
    let made = json!({ "preset": "private_chat", "invite": [town.bot.id] });
    let room = town.people["ada"].make_room(made).await;
    town.wants.lock().unwrap().as_mut().unwrap().rooms.insert(room.parse().unwrap());
    // Its very first start: it knows no place, and joins.
    let chat = town.restarted();
    let (_, begin) = chat.since(None).await.unwrap();
    town.people["ada"].send(&room, "welcome").await;
    let (heard, _) = town.restarted().since(Some(&begin)).await.unwrap();
    let texts: Vec<_> = heard.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["welcome"]);
}
