//! What Tribune posts stands there once, whatever the network does.

use std::time::Duration;

use serde_json::json;
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::message::{PostKey, Sign};
use tribune::domain::person::Account;
use tribune::ports::Retry;
use tribune::ports::chat::{Chat as _, ChatError, Destination, TextFile};

use super::server::{Fault, Server};
use super::town::{self, body, channel, listening, post};

#[tokio::test]
async fn a_post_whose_answer_is_lost_stands_once() {
    let server = Server::start().await;
    let chat = listening(&server).await;
    for (number, fault) in [Fault::After, Fault::Lost, Fault::Before].into_iter().enumerate() {
        // Also where the server itself remembers nothing.
        server.lock().remembers = Duration::ZERO;
        server.lock().faults.push_back(("POST posts".into(), fault));
        let (text, key) = (format!("card {number}"), format!("key {number}"));
        let error = post(&server, &chat, &text, &key).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Transient);
        let posted = post(&server, &chat, &text, &key).await.unwrap();
        assert_eq!(posted.text, text);
    }
    assert_eq!(server.texts("ops"), ["card 0", "card 1", "card 2"]);
}

#[tokio::test]
async fn a_post_stands_once_also_when_another_process_tries_again() {
    let server = Server::start().await;
    let chat = listening(&server).await;
    server.lock().remembers = Duration::ZERO;
    server.lock().faults.push_back(("POST posts".into(), Fault::After));
    assert!(post(&server, &chat, "card", "key").await.is_err());
    drop(chat);
    let ada = server.person("ada");
    let ops = server.lock().channel_id("ops");
    for number in 0..450 {
        ada.post(&ops, "", &format!("talk {number}")).await;
    }
    let chat = listening(&server).await;
    post(&server, &chat, "card", "key").await.unwrap();
    assert_eq!(server.texts("ops").iter().filter(|text| *text == "card").count(), 1);
    let asked = server.asked()["GET channels/_/posts"];
    post(&server, &chat, "more", "key 2").await.unwrap();
    assert_eq!(server.asked()["GET channels/_/posts"], asked, "what is known is not looked for");
}

#[tokio::test]
async fn what_others_write_into_the_key_is_not_believed() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let posted = post(&server, &chat, "first", "key").await.unwrap();
    let props = server.lock().posts[posted.at.id.as_str()].props.clone();
    let ops = server.lock().channel_id("ops");
    server.lock().store_post(&ada.id, &ops, "", "forged", "", props, vec![]);
    server.lock().posts.remove(posted.at.id.as_str());
    drop(chat);
    let chat = listening(&server).await;
    server.lock().pending.clear();
    let again = post(&server, &chat, "first", "key").await.unwrap();
    assert_eq!(again.text, "first");
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_left_alone_until_then() {
    let server = Server::start().await;
    let chat = listening(&server).await;
    server.lock().faults.push_back(("POST posts".into(), Fault::Busy(1)));
    let busy = post(&server, &chat, "card", "key").await.unwrap_err();
    assert!(matches!(&busy, ChatError::Busy { after, .. } if after.as_secs() == 1), "{busy}");
    let before = server.asked();
    let still = chat.since(None).await.unwrap_err();
    assert!(matches!(still, ChatError::Busy { .. }));
    assert_eq!(server.asked(), before, "nothing is asked meanwhile");
    let again = async {
        loop {
            match post(&server, &chat, "card", "key").await {
                Ok(posted) => return posted,
                Err(error) => assert!(matches!(error, ChatError::Busy { .. }), "{error}"),
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.unwrap();
    assert_eq!(server.texts("ops"), ["card"]);
}

#[tokio::test]
async fn what_may_be_done_twice_is_tried_again() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let at = post(&server, &chat, "card", "key").await.unwrap().at;
    for (path, fault) in [
        ("PUT posts", Fault::After),
        ("PUT posts", Fault::Status(503)),
        ("POST reactions", Fault::Lost),
        ("GET posts", Fault::Before),
        ("POST users/ids", Fault::Status(500)),
    ] {
        server.lock().faults.push_back((path.into(), fault));
    }
    assert_eq!(chat.edit(&at, &body("changed")).await.unwrap().text, "changed");
    chat.react(&at, Sign::Approve).await.unwrap();
    ada.react(at.id.as_str(), "x").await;
    assert_eq!(chat.reactions(&at).await.unwrap().len(), 2);
    assert!(server.lock().faults.iter().all(|(path, _)| path == "PUT posts"));
}

#[tokio::test]
async fn the_servers_size_of_a_post_is_kept() {
    let server = Server::start().await;
    server.lock().post_size = 300;
    let chat = listening(&server).await;
    let long = Body(vec![
        Block::Line(vec![Span::Text("output".into())]),
        Block::Code { lang: "text".into(), text: "é\n".repeat(1_000) },
    ]);
    let key = PostKey("long".into());
    let posted = chat.post(&channel(&server, "ops"), &long, &key).await.unwrap();
    assert!(posted.text.chars().count() <= 300);
    assert!(posted.text.contains("does not fit"), "{}", posted.text);
    let card = Body(vec![
        Block::Line(vec![Span::Text("x".repeat(400))]),
        Block::Rule,
        Block::Line(vec![Span::Text("below".into())]),
    ]);
    let refused = chat.post(&channel(&server, "ops"), &card, &PostKey("card".into())).await;
    assert_eq!(refused.unwrap_err().retry(), Retry::Rejected);
}

#[tokio::test]
async fn long_output_becomes_a_file_once() {
    let server = Server::start().await;
    let chat = listening(&server).await;
    let at = post(&server, &chat, "card", "key").await.unwrap().at;
    let file = TextFile { name: "r1 output.txt".into(), text: "line\n".repeat(5_000) };
    server.lock().faults.push_back(("POST files".into(), Fault::Lost));
    server.lock().faults.push_back(("POST posts".into(), Fault::Lost));
    let key = PostKey("file".into());
    assert!(chat.attach(&at, &file, &key).await.is_err());
    chat.attach(&at, &file, &key).await.unwrap();
    chat.attach(&at, &file, &key).await.unwrap();
    let state = server.lock();
    let with_file: Vec<_> = state.posts.values().filter(|it| !it.file_ids.is_empty()).collect();
    assert_eq!(with_file.len(), 1);
    assert_eq!(with_file[0].root_id, at.id.as_str());
    assert_eq!(state.files[&with_file[0].file_ids[0]], (file.name, file.text));
}

#[tokio::test]
async fn only_who_is_meant_is_notified() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let account = Account { platform: chat.platform().clone(), id: ada.id.parse().unwrap() };
    let spans = vec![
        Span::Account(account.clone()),
        Span::Text(": @channel says ".into()),
        Span::Person("ken".parse().unwrap()),
    ];
    let body = Body(vec![Block::Line(spans)]);
    let key = PostKey("direct".into());
    let posted = chat.post(&Destination::Direct(account.clone()), &body, &key).await.unwrap();
    assert_eq!(posted.text.replace('\u{200b}', "·"), "@ada·: @·channel says @·ken");
    server.lock().change_user("ada", |user| user.username = "lovelace".into());
    let renamed = async {
        while chat.name(&account) == "@ada" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), renamed).await.expect("the name is forgotten");
    let key = PostKey("again".into());
    let posted = chat.post(&Destination::Direct(account), &body, &key).await.unwrap();
    assert!(posted.text.starts_with("@lovelace"), "{}", posted.text);
}

#[tokio::test]
async fn links_name_the_team_of_the_channel() {
    let server = Server::start().await;
    let ada = server.person("ada");
    server.lock().add_team("village");
    server.lock().add_channel("green", "village", "O");
    server.lock().join("tribune", "green");
    let chat = town::open(&server, town::config(&server), &["ops", "green"]);
    town::now(&chat).await;
    let mut links = Vec::new();
    for name in ["ops", "green"] {
        let key = PostKey(name.into());
        let at = chat.post(&channel(&server, name), &body("x"), &key).await.unwrap().at;
        links.push((chat.permalink(&at), at.id));
    }
    let account = Account { platform: chat.platform().clone(), id: ada.id.parse().unwrap() };
    let key = PostKey("dm".into());
    let at = chat.post(&Destination::Direct(account), &body("x"), &key).await.unwrap().at;
    links.push((chat.permalink(&at), at.id));
    let url = server.url();
    for ((link, id), team) in links.into_iter().zip(["town", "village", "_redirect"]) {
        assert_eq!(link, format!("{url}/{team}/pl/{id}"));
    }
}

#[tokio::test]
async fn nobody_takes_the_place_of_a_post_before_it_stands() {
    use sha2::{Digest as _, Sha256};
    let server = Server::start().await;
    let eve = server.person("eve");
    let chat = listening(&server).await;
    let bot = server.lock().id_of("tribune");
    let ops = server.lock().channel_id("ops");
    // What a stranger can know: the account, the key and how it stands among the properties.
    let digest = hex::encode(&Sha256::digest(b"card:r7:1")[..16]);
    for pending in [format!("{bot}:{digest}"), digest.clone(), format!("{bot}:card:r7:1")] {
        let bait = json!({ "channel_id": ops, "message": "lunch?", "pending_post_id": pending });
        eve.ask("POST", "posts", bait).await;
    }
    let posted = post(&server, &chat, "a card", "card:r7:1").await.unwrap();
    assert_eq!(posted.text, "a card");
    assert_eq!(server.lock().posts[posted.at.id.as_str()].user_id, bot);
}

#[tokio::test]
async fn what_somebody_else_posted_is_never_taken_for_its_own() {
    let server = Server::start().await;
    let eve = server.person("eve");
    let chat = listening(&server).await;
    let posted = post(&server, &chat, "a card", "key").await.unwrap();
    let ops = server.lock().channel_id("ops");
    let bait = eve.post(&ops, "", "lunch?").await["id"].as_str().unwrap().to_owned();
    drop(chat);
    {
        // As if eve had known the pending id and had been first.
        let mut state = server.lock();
        state.posts.remove(posted.at.id.as_str());
        state.pending.values_mut().for_each(|(id, _)| id.clone_from(&bait));
    }
    let chat = listening(&server).await;
    let refused = post(&server, &chat, "a card", "key").await.unwrap_err();
    assert_eq!(refused.retry(), Retry::Transient);
    assert!(refused.to_string().contains("post of somebody else"), "{refused}");
    server.lock().pending.clear();
    assert_eq!(post(&server, &chat, "a card", "key").await.unwrap().text, "a card");
}

#[tokio::test]
async fn a_server_that_forbids_edits_after_a_while_says_so() {
    let server = Server::start().await;
    server.lock().edit_limit = Some(300);
    let chat = listening(&server).await;
    let at = post(&server, &chat, "card", "key").await.unwrap().at;
    chat.edit(&at, &body("changed")).await.unwrap();
    server.lock().pass(301_000);
    let refused = chat.edit(&at, &body("changed again")).await.unwrap_err();
    assert_eq!(refused.retry(), Retry::Rejected);
    assert!(refused.to_string().contains("permissions_time_limit"), "{refused}");
}
