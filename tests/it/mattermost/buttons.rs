//! Buttons: how they stand on the server, and what is read of a press.

use serde_json::{Value, json};
use tribune::chat::mattermost::{Mattermost, render_buttons};
use tribune::domain::message::{AuthorKind, Edited, MessageRef};
use tribune::domain::person::Account;
use tribune::domain::press::{Button, Claim, Offer};
use tribune::domain::reply::press::label;
use tribune::ports::buttons::Buttons;
use tribune::ports::chat::{Chat as _, ChatError, ChatEvent};

use super::server::{Fault, Server};
use super::town::{self, body, config, listening, post, wait_for};

const PRESSES: &str = "https://tribune.example.org/chat/mattermost/press";

fn button(offer: Offer) -> Button {
    Button { offer, label: label(offer), state: format!("state of {offer:?}") }
}

/// Opens the adapter with buttons, and waits until it listens.
async fn with_buttons(server: &Server) -> Mattermost {
    let presses = Some(PRESSES.parse().unwrap());
    let config = tribune::chat::mattermost::Config { presses, ..config(server) };
    let chat = town::open(server, config, &["ops"]);
    wait_for(&chat, &ChatEvent::Gap).await;
    chat
}

fn buttons(chat: &Mattermost) -> &dyn Buttons {
    chat.buttons().expect("it has buttons")
}

fn props(server: &Server, at: &MessageRef) -> Value {
    server.lock().posts[at.id.as_str()].props.clone()
}

#[test]
fn a_row_of_buttons_as_the_server_takes_it() {
    let all = [Offer::Details, Offer::Output, Offer::WhoCould, Offer::Ignore, Offer::HowToReact];
    let rendered = render_buttons(&all.map(button), PRESSES);
    let golden: Value = serde_json::from_str(include_str!("golden/buttons.json")).unwrap();
    assert_eq!(rendered, golden, "{rendered:#}");
}

#[tokio::test]
async fn without_an_address_there_are_no_buttons() {
    let server = Server::start().await;
    assert!(listening(&server).await.buttons().is_none());
}

#[tokio::test]
async fn buttons_come_and_go_and_the_post_stays_as_it_is() {
    let server = Server::start().await;
    let chat = with_buttons(&server).await;
    let at = post(&server, &chat, "card", "key").await.unwrap().at;
    let before = props(&server, &at);
    let two = [Offer::Details, Offer::HowToReact].map(button);
    buttons(&chat).offer(&at, &two).await.unwrap();
    let standing = props(&server, &at);
    assert_eq!(standing["attachments"], render_buttons(&two, PRESSES));
    assert_eq!(standing["tribune_key"], before["tribune_key"]);
    assert_eq!(standing["from_bot"], "true");
    // The text can be changed beside them, and neither hides the other.
    chat.edit(&at, &body("card, changed")).await.unwrap();
    assert_eq!(props(&server, &at), standing);
    let read = chat.read(&at).await.unwrap().expect("it is there");
    assert_eq!((read.text.as_str(), read.kind), ("card, changed", AuthorKind::Tribune));
    assert_ne!(read.edited, Edited::ByOther, "what Tribune changes is no other's work");
    buttons(&chat).offer(&at, &[]).await.unwrap();
    assert_eq!(props(&server, &at), before);
    let asked = server.asked()["PUT posts/_/patch"];
    buttons(&chat).offer(&at, &[]).await.unwrap();
    assert_eq!(server.asked()["PUT posts/_/patch"], asked, "what is not there is not removed");
}

#[tokio::test]
async fn what_is_handed_out_with_a_button_is_sent_to_no_reader() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = with_buttons(&server).await;
    let at = post(&server, &chat, "card", "key").await.unwrap().at;
    buttons(&chat).offer(&at, &[button(Offer::Details)]).await.unwrap();
    let seen = ada.ask("GET", &format!("posts/{}", at.id), Value::Null).await;
    let action = &seen["props"]["attachments"][0]["actions"][0];
    assert_eq!(action["name"], "Details");
    assert!(!seen.to_string().contains("state of"), "{seen}");
}

#[tokio::test]
async fn own_buttons_are_no_news_and_nobody_elses_post_gets_any() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = with_buttons(&server).await;
    let at = post(&server, &chat, "card", "key").await.unwrap().at;
    buttons(&chat).offer(&at, &[button(Offer::Details)]).await.unwrap();
    let ops = server.lock().channel_id("ops");
    let other = ada.post(&ops, "", "mine").await;
    let other = MessageRef { id: other["id"].as_str().unwrap().parse().unwrap(), ..at.clone() };
    // Not even where the server would let Tribune.
    server.lock().change_user("tribune", |user| user.is_admin = true);
    let refused = buttons(&chat).offer(&other, &[button(Offer::Details)]).await;
    assert!(matches!(refused, Err(ChatError::Rejected { .. })), "{refused:?}");
    ada.react(other.id.as_str(), "eyes").await;
    loop {
        match town::next(&chat).await.unwrap() {
            ChatEvent::Touched(touched) if touched == other => break,
            ChatEvent::Touched(touched) => panic!("{touched:?} is Tribune's own"),
            ChatEvent::Messages | ChatEvent::Gap | ChatEvent::Unlisted(_) => {}
        }
    }
}

#[tokio::test]
async fn a_server_that_is_busy_or_lost_is_tried_again() {
    let server = Server::start().await;
    let chat = with_buttons(&server).await;
    let at = post(&server, &chat, "card", "key").await.unwrap().at;
    server.lock().faults.push_back(("PUT posts".into(), Fault::Busy(3)));
    let busy = buttons(&chat).offer(&at, &[button(Offer::Details)]).await;
    assert!(matches!(busy, Err(ChatError::Busy { .. })), "{busy:?}");
}

fn call(user: &str, channel: &str, post: &str) -> Value {
    json!({
        "user_id": user, "user_name": "ada", "channel_id": channel, "channel_name": "ops",
        "team_id": "t", "team_domain": "town", "post_id": post, "trigger_id": "x",
        "type": "button", "data_source": "", "context": { "state": "s" },
    })
}

#[tokio::test]
async fn a_press_is_read_as_the_server_sends_it_and_nothing_else_is() {
    let server = Server::start().await;
    let chat = with_buttons(&server).await;
    let id = |letter: &str| letter.repeat(26);
    let good = call(&id("u"), &id("c"), &id("p"));
    let read = |call: &Value| buttons(&chat).read_press(call.to_string().as_bytes());
    let platform: tribune::domain::id::Platform = "mattermost".parse().unwrap();
    let at = MessageRef {
        platform: platform.clone(),
        channel: id("c").parse().unwrap(),
        id: id("p").parse().unwrap(),
    };
    let by = Account { platform, id: id("u").parse().unwrap() };
    assert_eq!(read(&good), Some(Claim { at, by, state: "s".to_owned() }));
    for name in ["user_id", "channel_id", "post_id", "context"] {
        for wrong in [json!(null), json!(""), json!("@ada"), json!([]), json!({ "state": 7 })] {
            let mut call = good.clone();
            call[name] = wrong;
            assert_eq!(read(&call), None, "{call}");
        }
        let mut call = good.clone();
        call.as_object_mut().unwrap().remove(name);
        assert_eq!(read(&call), None, "{call}");
    }
    for wrong in ["", "{", "null", "\u{0}", &"[".repeat(10_000)] {
        assert_eq!(buttons(&chat).read_press(wrong.as_bytes()), None);
    }
    assert_eq!(buttons(&chat).read_press(&[0xff, 0xfe]), None);
}

#[tokio::test]
async fn who_pressed_is_looked_up_each_time() {
    let server = Server::start().await;
    let chat = with_buttons(&server).await;
    server.person("ada");
    let kind = async |name: &str| {
        let id = server.lock().id_of(name).parse().unwrap();
        let account = Account { platform: chat.platform().clone(), id };
        buttons(&chat).kind_of(&account).await.unwrap()
    };
    assert_eq!(kind("ada").await, AuthorKind::Human);
    assert_eq!(kind("tribune").await, AuthorKind::Tribune);
    server.lock().change_user("ada", |user| user.delete_at = 5);
    assert_eq!(kind("ada").await, AuthorKind::Deactivated);
    server.lock().change_user("ada", |user| (user.delete_at, user.is_bot) = (0, true));
    assert_eq!(kind("ada").await, AuthorKind::Machine);
    let remote = Some("r1".to_owned());
    server.lock().change_user("ada", |user| (user.is_bot, user.remote_id) = (false, remote));
    assert_eq!(kind("ada").await, AuthorKind::Machine);
    let nobody = Account { platform: chat.platform().clone(), id: "x".repeat(26).parse().unwrap() };
    assert_eq!(buttons(&chat).kind_of(&nobody).await.unwrap(), AuthorKind::Machine);
}

#[tokio::test]
async fn an_answer_is_for_whoever_pressed_fits_and_changes_no_post() {
    let server = Server::start().await;
    server.lock().post_size = 300;
    let chat = with_buttons(&server).await;
    let answer = buttons(&chat).answer(&body("it is *so*")).await;
    assert_eq!(answer, r#"{"ephemeral_text":"it is \\*so\\*","skip_slack_parsing":true}"#);
    let long = buttons(&chat).answer(&body(&"word ".repeat(500))).await;
    let long: Value = serde_json::from_str(&long).unwrap();
    assert!(long["ephemeral_text"].as_str().unwrap().chars().count() <= 300, "{long}");
    let nothing = buttons(&chat).answer(&Default::default()).await;
    assert_eq!(nothing, r#"{"skip_slack_parsing":true}"#);
}
