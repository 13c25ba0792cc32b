//! What every platform with buttons promises, asked of the simulated one and of Mattermost over a
//! simulated server.

use tribune::domain::body::{Block, Body, Span};
use tribune::domain::message::{AuthorKind, Edited, MessageRef, PostKey, Sign};
use tribune::domain::person::Account;
use tribune::domain::press::{Button, Offer};
use tribune::domain::reply::press::label;
use tribune::ports::buttons::Buttons;
use tribune::ports::chat::{Chat, ChatError, Destination};

use super::chat::{FakeTown, Town};
use crate::mattermost::town::MattermostTown;

macro_rules! on_both {
    ($($name:ident)*) => {
        mod fake {
            $(#[tokio::test]
            async fn $name() {
                super::$name(<super::FakeTown as super::Town>::new().await).await;
            })*
        }
        mod mattermost {
            $(#[tokio::test]
            async fn $name() {
                super::$name(<super::MattermostTown as super::Town>::new().await).await;
            })*
        }
    };
}

on_both! {
    buttons_leave_text_and_reactions_as_they_are
    the_same_buttons_again_and_none_are_fine
    only_own_posts_that_are_there_get_buttons
    kinds_of_accounts_are_told
    what_is_no_press_is_not_read_as_one
}

fn body(text: &str) -> Body {
    Body(vec![Block::Line(vec![Span::Text(text.into())])])
}

fn some() -> Vec<Button> {
    let button =
        |offer| Button { offer, label: label(offer), state: format!("state of {offer:?}") };
    [Offer::Details, Offer::Ignore].map(button).into()
}

fn buttons(chat: &dyn Chat) -> &dyn Buttons {
    chat.buttons().expect("it has buttons")
}

async fn card(town: &impl Town) -> MessageRef {
    let ops = Destination::Channel(town.channel("ops"));
    town.chat().post(&ops, &body("card"), &PostKey("card".into())).await.unwrap().at
}

async fn buttons_leave_text_and_reactions_as_they_are(town: impl Town) {
    let (chat, at) = (town.chat(), card(&town).await);
    town.add("ada", &at, Sign::Approve).await;
    let before = (chat.read(&at).await.unwrap().unwrap(), chat.reactions(&at).await.unwrap());
    for row in [some(), some().split_off(1), Vec::new()] {
        buttons(chat.as_ref()).offer(&at, &row).await.unwrap();
        let read = chat.read(&at).await.unwrap().unwrap();
        assert_ne!(read.edited, Edited::ByOther);
        assert_eq!((read.text, read.kind), (before.0.text.clone(), AuthorKind::Tribune));
        assert_eq!(chat.reactions(&at).await.unwrap(), before.1);
    }
    let edited = chat.edit(&at, &body("changed")).await.unwrap();
    assert_eq!(chat.read(&at).await.unwrap().unwrap().text, edited.text);
    // The key still finds the post.
    assert_eq!(card(&town).await, at);
}

async fn the_same_buttons_again_and_none_are_fine(town: impl Town) {
    let (chat, at) = (town.chat(), card(&town).await);
    for row in [Vec::new(), some(), some(), Vec::new(), Vec::new()] {
        buttons(chat.as_ref()).offer(&at, &row).await.unwrap();
    }
}

async fn only_own_posts_that_are_there_get_buttons(town: impl Town) {
    let (chat, at) = (town.chat(), card(&town).await);
    let others = town.write("ada", "ops", "mine").await;
    let gone = town.write("ada", "ops", "gone").await;
    town.delete("ada", &gone).await;
    let elsewhere = MessageRef { channel: town.channel("other"), ..at };
    for at in [&others, &gone, &elsewhere] {
        let done = buttons(chat.as_ref()).offer(at, &some()).await;
        assert!(matches!(done, Err(ChatError::Rejected { .. })), "{done:?}");
    }
}

async fn kinds_of_accounts_are_told(town: impl Town) {
    let chat = town.chat();
    town.write("ada", "ops", "hello").await;
    for (name, kind) in [("ada", AuthorKind::Human), ("tribune", AuthorKind::Tribune)] {
        let account = Account { platform: chat.platform().clone(), id: town.account(name) };
        assert_eq!(buttons(chat.as_ref()).kind_of(&account).await.unwrap(), kind, "{name}");
    }
}

async fn what_is_no_press_is_not_read_as_one(town: impl Town) {
    let chat = town.chat();
    for wrong in ["", "{", "null", "[]", "{}", "\u{0}", &"[".repeat(10_000)] {
        assert_eq!(buttons(chat.as_ref()).read_press(wrong.as_bytes()), None);
    }
    assert_eq!(buttons(chat.as_ref()).read_press(&[0xff, 0xfe]), None);
}
