//! What counts as said and approved, whatever people do to it.

use reqwest::Method;
use serde_json::json;
use tribune::chat::matrix::Matrix;
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::message::{AuthorKind, Edited, MessageRef, PostKey, Sign};
use tribune::ports::chat::{Chat as _, ChatEvent, Destination};

use super::town::{MatrixTown, body};
use crate::contract::chat::Town as _;

/// How long something may take to be told.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Returns every hint up to one that is wanted.
async fn hints_to(chat: &Matrix, wanted: &ChatEvent) -> Vec<ChatEvent> {
    let mut hints = Vec::new();
    let hear = async {
        while hints.last() != Some(wanted) {
            hints.push(chat.next().await.unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, hear).await.expect("the hint comes");
    hints
}

/// Returns who approves and vetoes, by what kind of account.
async fn signs(town: &MatrixTown, card: &MessageRef) -> Vec<(String, Sign, AuthorKind)> {
    let found = town.chat.reactions(card).await.unwrap();
    found.into_iter().map(|it| (it.account.id.to_string(), it.sign, it.kind)).collect()
}

#[tokio::test]
async fn a_reaction_that_was_taken_back_does_not_count_and_its_card_is_told() {
    let town = MatrixTown::new().await;
    let card = town.card("card").await;
    town.add("ada", &card, Sign::Approve).await;
    hints_to(&town.chat, &ChatEvent::Touched(card.clone())).await;
    assert_eq!(signs(&town, &card).await.len(), 1);
    town.remove("ada", &card, Sign::Approve).await;
    hints_to(&town.chat, &ChatEvent::Touched(card.clone())).await;
    assert_eq!(signs(&town, &card).await, []);
}

#[tokio::test]
async fn a_reaction_that_came_and_went_while_nobody_looked_does_not_count() {
    let town = MatrixTown::new().await;
    let card = town.card("card").await;
    town.add("ada", &card, Sign::Approve).await;
    town.remove("ada", &card, Sign::Approve).await;
    town.add("ken", &card, Sign::Veto).await;
    hints_to(&town.chat, &ChatEvent::Touched(card.clone())).await;
    let ken = (town.people["ken"].id.clone(), Sign::Veto, AuthorKind::Human);
    assert_eq!(signs(&town, &card).await, [ken]);
}

#[tokio::test]
async fn a_reaction_from_before_a_restart_is_taken_back_by_a_gap() {
    let town = MatrixTown::new().await;
    let card = town.card("card").await;
    town.add("ada", &card, Sign::Approve).await;
    let chat = town.restarted();
    chat.since(None).await.unwrap();
    town.remove("ada", &card, Sign::Approve).await;
    hints_to(&chat, &ChatEvent::Gap).await;
    assert_eq!(chat.reactions(&card).await.unwrap(), []);
}

#[tokio::test]
async fn a_reaction_given_again_counts_again_and_once() {
    let town = MatrixTown::new().await;
    let card = town.card("card").await;
    let (ada, room) = (&town.people["ada"], card.channel.as_str());
    ada.react(room, card.id.as_str(), "✅").await;
    town.remove("ada", &card, Sign::Approve).await;
    ada.react(room, card.id.as_str(), "✅\u{fe0f}").await;
    ada.react(room, card.id.as_str(), "✅").await;
    ada.react(room, card.id.as_str(), "🎉").await;
    assert_eq!(signs(&town, &card).await, [(ada.id.clone(), Sign::Approve, AuthorKind::Human)]);
}

#[tokio::test]
async fn anothers_edit_of_a_card_is_none() {
    let town = MatrixTown::new().await;
    let card = town.card("card").await;
    let before = town.chat.read(&card).await.unwrap().unwrap();
    town.rewrite("eve", &card, "another card").await;
    assert_eq!(town.chat.read(&card).await.unwrap().unwrap(), before);
}

#[tokio::test]
async fn a_card_that_shows_another_thing_than_it_says_is_seen() {
    let town = MatrixTown::new().await;
    let card = town.card("card").await;
    // Whoever has the token writes as Tribune, and most people see only the HTML.
    let lie = json!({ "msgtype": "m.text", "body": "* a card",
        "m.new_content": { "msgtype": "m.text", "body": "a card",
            "format": "org.matrix.custom.html", "formatted_body": "<p>a harmless card</p>" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": card.id.as_str() } });
    town.bot.send_event(&town.ops, "m.room.message", lie).await;
    assert_eq!(town.chat.read(&card).await.unwrap().unwrap().edited, Edited::ByOther);
    town.chat.edit(&card, &body("a card")).await.unwrap();
    assert_eq!(town.chat.read(&card).await.unwrap().unwrap().edited, Edited::ByAuthor);
}

#[tokio::test]
async fn a_card_that_a_moderator_removed_is_gone_and_told() {
    let town = MatrixTown::new().await;
    let card = town.card("card").await;
    town.people["ada"].redact(&town.ops, card.id.as_str()).await;
    hints_to(&town.chat, &ChatEvent::Touched(card.clone())).await;
    assert_eq!(town.chat.read(&card).await.unwrap(), None);
    assert!(town.chat.edit(&card, &body("back again")).await.is_err());
}

#[tokio::test]
async fn a_reply_that_was_edited_says_so_and_its_thread_is_told() {
    let town = MatrixTown::new().await;
    let card = town.card("card").await;
    let reply = town.reply("ada", &card, "!approve r1").await;
    hints_to(&town.chat, &ChatEvent::Touched(card.clone())).await;
    town.rewrite("ada", &reply, "!approve r2").await;
    hints_to(&town.chat, &ChatEvent::Touched(card.clone())).await;
    let replies = town.chat.replies(&card).await.unwrap();
    let found: Vec<_> = replies.iter().map(|it| (it.text.as_str(), it.edited)).collect();
    assert_eq!(found, [("!approve r2", Edited::ByAuthor)]);
    town.delete("ada", &reply).await;
    hints_to(&town.chat, &ChatEvent::Touched(card.clone())).await;
    assert_eq!(town.chat.replies(&card).await.unwrap(), []);
}

#[tokio::test]
async fn a_message_that_was_edited_before_it_was_taken_in_says_so() {
    let town = MatrixTown::new().await;
    let (_, start) = town.chat.since(None).await.unwrap();
    let message = town.write("ada", "ops", "!ping").await;
    town.rewrite("eve", &message, "!run all").await;
    let (messages, _) = town.chat.since(Some(&start)).await.unwrap();
    assert_eq!((messages[0].text.as_str(), messages[0].edited), ("!ping", Edited::No));
    town.rewrite("ada", &message, "!run all").await;
    let again = town.restarted();
    let (messages, _) = again.since(Some(&start)).await.unwrap();
    assert_eq!((messages[0].text.as_str(), messages[0].edited), ("!run all", Edited::ByAuthor));
}

#[tokio::test]
async fn notices_and_accounts_of_bridges_are_no_people() {
    let town = MatrixTown::new().await;
    let (_, start) = town.chat.since(None).await.unwrap();
    let notice = json!({ "msgtype": "m.notice", "body": "!ping" });
    town.people["ada"].send_event(&town.ops, "m.room.message", notice).await;
    let (messages, _) = town.chat.since(Some(&start)).await.unwrap();
    assert_eq!(messages[0].kind, AuthorKind::Machine);
}

#[tokio::test]
async fn a_closed_account_approves_nothing() {
    let town = MatrixTown::new().await;
    let card = town.card("card").await;
    town.add("eve", &card, Sign::Approve).await;
    let eve = &town.people["eve"];
    assert_eq!(signs(&town, &card).await, [(eve.id.clone(), Sign::Approve, AuthorKind::Human)]);
    let auth = json!({ "type": "m.login.password", "password": eve.password,
        "identifier": { "type": "m.id.user", "user": eve.id } });
    eve.call(Method::POST, &["account", "deactivate"], json!({ "auth": auth })).await;
    // The server takes the account out of its rooms in its own time.
    let closed = (eve.id.clone(), Sign::Approve, AuthorKind::Absent);
    let see = async { while signs(&town, &card).await != std::slice::from_ref(&closed) {} };
    tokio::time::timeout(PATIENCE, see).await.expect("the account leaves its rooms");
}

#[tokio::test]
async fn who_left_the_room_or_was_put_out_of_it_counts_no_more() {
    let town = MatrixTown::new().await;
    let card = town.card("card").await;
    for who in ["eve", "ken", "ada"] {
        town.add(who, &card, Sign::Approve).await;
        town.reply(who, &card, "!approve r1").await;
    }
    town.people["eve"].call(Method::POST, &["rooms", &town.ops, "leave"], json!({})).await;
    let ban = json!({ "user_id": town.people["ken"].id });
    town.people["ada"].call(Method::POST, &["rooms", &town.ops, "ban"], ban).await;
    let kinds = [AuthorKind::Absent, AuthorKind::Absent, AuthorKind::Human];
    let reactions = town.chat.reactions(&card).await.unwrap();
    assert_eq!(reactions.iter().map(|it| it.kind).collect::<Vec<_>>(), kinds);
    let replies = town.chat.replies(&card).await.unwrap();
    assert_eq!(replies.iter().map(|it| it.kind).collect::<Vec<_>>(), kinds);
}

#[tokio::test]
async fn whom_a_text_mentions_is_what_its_pills_mean() {
    let town = MatrixTown::new().await;
    let (_, start) = town.chat.since(None).await.unwrap();
    let ken = &town.people["ken"].id;
    let pill = format!("<a href=\"https://matrix.to/#/{ken}\">Ada Lovelace</a>");
    let content = json!({ "msgtype": "m.text", "body": "!whois Ada Lovelace",
        "format": "org.matrix.custom.html", "formatted_body": format!("!whois {pill}"),
        "m.mentions": { "user_ids": [ken] } });
    town.people["ada"].send_event(&town.ops, "m.room.message", content).await;
    let (messages, _) = town.chat.since(Some(&start)).await.unwrap();
    assert_eq!(messages[0].text, format!("!whois {ken}"));
    assert_eq!(messages[0].mentions[0].account, town.account_of("ken"));
    let names = town.chat.own_names();
    assert!(names.contains(&town.bot.id), "{names:?}");
}

#[tokio::test]
async fn rooms_of_every_version_are_the_same() {
    for version in ["10", "11", "12"] {
        let server = crate::synapse::Synapse::shared(crate::synapse::Limits::None);
        let town = MatrixTown::on(server, Some(version)).await;
        let lines = vec![Span::Text("a ".into()), Span::Account(town.account_of("ken"))];
        let to = Destination::Channel(town.ops.parse().unwrap());
        let text = Body(vec![Block::Line(lines)]);
        let posted = town.chat.post(&to, &text, &PostKey("card".into())).await.unwrap();
        let card = posted.at;
        let read = town.chat.read(&card).await.unwrap().unwrap();
        assert_eq!((read.text, read.edited), (posted.text, Edited::No), "{version}");
        town.chat.react(&card, Sign::Approve).await.unwrap();
        town.add("ada", &card, Sign::Approve).await;
        hints_to(&town.chat, &ChatEvent::Touched(card.clone())).await;
        assert_eq!(signs(&town, &card).await.len(), 2, "{version}");
        town.remove("ada", &card, Sign::Approve).await;
        hints_to(&town.chat, &ChatEvent::Touched(card.clone())).await;
        assert_eq!(signs(&town, &card).await.len(), 1, "{version}");
        // Who made the room moderates it, in version 12 without standing in any list.
        town.people["ada"].redact(&town.ops, card.id.as_str()).await;
        hints_to(&town.chat, &ChatEvent::Touched(card.clone())).await;
        assert_eq!(town.chat.read(&card).await.unwrap(), None, "{version}");
    }
}
