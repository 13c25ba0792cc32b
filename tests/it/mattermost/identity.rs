//! Nobody speaks for a person but that person.

use serde_json::{Value, json};
use tribune::chat::mattermost::Emoji;
use tribune::domain::message::{AuthorKind, Edited, MessageRef, Sign};
use tribune::domain::reply::card::above_rule;
use tribune::ports::chat::{Chat as _, ChatError, ChatEvent};

use super::server::Server;
use super::town::{self, listening, now, post, read};

/// Returns how a post of ada's is told that the server bears with these properties and more.
async fn told(props: Value, change: impl FnOnce(&Server, &str)) -> (AuthorKind, Edited) {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    let ops = server.lock().channel_id("ops");
    let posted = server.lock().store_post(&ada.id, &ops, "", "!run x", "", props, Vec::new());
    change(&server, &posted.id);
    let messages = read(&chat, &mut cursor).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].author.id.as_str(), ada.id, "bound by the id, whatever the props say");
    (messages[0].kind, messages[0].edited)
}

#[tokio::test]
async fn what_webhooks_plugins_and_bots_post_is_a_machines() {
    for prop in ["from_webhook", "from_bot", "from_plugin", "from_oauth_app"] {
        let (kind, _) = told(json!({ prop: "true" }), |_, _| {}).await;
        assert_eq!(kind, AuthorKind::Machine, "{prop}");
    }
    let (kind, _) = told(json!({}), |_, _| {}).await;
    assert_eq!(kind, AuthorKind::Human);
}

#[tokio::test]
async fn a_borrowed_name_or_picture_is_a_machines() {
    for prop in ["override_username", "override_icon_url"] {
        let (kind, _) = told(json!({ prop: "grace" }), |_, _| {}).await;
        assert_eq!(kind, AuthorKind::Machine, "{prop}");
    }
}

#[tokio::test]
async fn what_another_server_vouches_for_is_a_machines() {
    let (kind, _) = told(json!({}), |server, id| {
        server.lock().posts.get_mut(id).unwrap().remote_id = Some("r1".into());
    })
    .await;
    assert_eq!(kind, AuthorKind::Machine);
    let (kind, _) = told(json!({}), |server, _| {
        server.lock().change_user("ada", |user| user.remote_id = Some("r1".into()));
    })
    .await;
    assert_eq!(kind, AuthorKind::Machine);
}

#[tokio::test]
async fn what_the_server_itself_says_is_not_even_told() {
    let server = Server::start().await;
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    drop(server.person("eve"));
    town::wait_for(&chat, &ChatEvent::Gap).await;
    assert_eq!(read(&chat, &mut cursor).await, [], "that she joined");
}

#[tokio::test]
async fn a_closed_account_counts_no_more_from_that_moment() {
    let server = Server::start().await;
    let (ada, ken) = (server.person("ada"), server.person("ken"));
    let chat = listening(&server).await;
    let card = post(&server, &chat, "a card", "card").await.unwrap().at;
    ada.react(card.id.as_str(), "white_check_mark").await;
    ken.react(card.id.as_str(), "white_check_mark").await;
    ada.post(card.channel.as_str(), card.id.as_str(), "!approve").await;
    let kinds = |found: Vec<tribune::domain::message::Reaction>| -> Vec<AuthorKind> {
        found.iter().map(|reaction| reaction.kind).collect()
    };
    let before = kinds(chat.reactions(&card).await.unwrap());
    assert_eq!(before, [AuthorKind::Human, AuthorKind::Human]);
    // Without an event: what counts is asked, not remembered.
    let id = ada.id.clone();
    server.lock().users.get_mut(&id).unwrap().delete_at = 5;
    let after = kinds(chat.reactions(&card).await.unwrap());
    assert_eq!(after, [AuthorKind::Deactivated, AuthorKind::Human]);
    assert_eq!(chat.replies(&card).await.unwrap()[0].kind, AuthorKind::Deactivated);
}

#[tokio::test]
async fn who_is_no_longer_in_the_channel_counts_no_more() {
    let server = Server::start().await;
    let (ada, ken) = (server.person("ada"), server.person("ken"));
    let chat = listening(&server).await;
    let card = post(&server, &chat, "a card", "card").await.unwrap().at;
    for person in [&ada, &ken] {
        person.react(card.id.as_str(), "white_check_mark").await;
        person.post(card.channel.as_str(), card.id.as_str(), "!approve").await;
    }
    let put_out = |id: &str| {
        let mut state = server.lock();
        assert!(state.channels.get_mut(card.channel.as_str()).unwrap().members.remove(id));
    };
    put_out(&ada.id);
    let kinds = [AuthorKind::Absent, AuthorKind::Human];
    let reactions = chat.reactions(&card).await.unwrap();
    assert_eq!(reactions.iter().map(|it| it.kind).collect::<Vec<_>>(), kinds);
    let replies = chat.replies(&card).await.unwrap();
    assert_eq!(replies.iter().map(|it| it.kind).collect::<Vec<_>>(), kinds);
    // Where Tribune may not look itself, nothing is there for sure.
    let own = server.lock().id_of("tribune");
    put_out(&own);
    for refused in [chat.reactions(&card).await.err(), chat.replies(&card).await.err()] {
        assert!(matches!(refused, Some(ChatError::Rejected { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_reaction_by_a_bot_or_from_elsewhere_is_a_machines() {
    let server = Server::start().await;
    let ada = server.person("ada");
    server.lock().add_user("helper", true);
    server.lock().join("helper", "ops");
    let helper = server.person("helper");
    let chat = listening(&server).await;
    let card = post(&server, &chat, "a card", "card").await.unwrap().at;
    helper.react(card.id.as_str(), "white_check_mark").await;
    ada.react(card.id.as_str(), "x").await;
    server.lock().reactions.last_mut().unwrap().remote_id = Some("r1".into());
    let found = chat.reactions(&card).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|reaction| reaction.kind == AuthorKind::Machine), "{found:?}");
}

#[tokio::test]
async fn an_edited_message_is_told_as_edited() {
    let server = Server::start().await;
    let ada = server.person("ada");
    server.lock().change_user("ada", |user| user.is_admin = true);
    let ken = server.person("ken");
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    let ops = server.lock().channel_id("ops");
    let own = ken.post(&ops, "", "!ping").await;
    ken.edit(own["id"].as_str().unwrap(), "!run x").await;
    let foreign = ken.post(&ops, "", "hello").await;
    ada.edit(foreign["id"].as_str().unwrap(), "!run y").await;
    let messages = read(&chat, &mut cursor).await;
    assert_eq!(messages.len(), 2, "former versions are no messages");
    assert!(messages.iter().all(|message| message.edited == Edited::ByAuthor));
}

#[tokio::test]
async fn a_foreign_edit_of_a_card_shows_and_is_hinted_at() {
    let server = Server::start().await;
    let ada = server.person("ada");
    server.lock().change_user("ada", |user| user.is_admin = true);
    let chat = listening(&server).await;
    let posted = post(&server, &chat, "run x", "card").await.unwrap();
    ada.edit(posted.at.id.as_str(), "run y").await;
    town::wait_for(&chat, &ChatEvent::Touched(posted.at.clone())).await;
    let now = chat.read(&posted.at).await.unwrap().unwrap();
    assert_ne!(above_rule(&now.text), above_rule(&posted.text));
    assert_eq!(now.kind, AuthorKind::Tribune);
}

#[tokio::test]
async fn a_name_is_never_who_somebody_is() {
    let server = Server::start().await;
    let (ada, eve) = (server.person("ada"), server.person("eve"));
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    server.lock().change_user("ada", |user| user.username = "ada.old".into());
    server.lock().change_user("eve", |user| user.username = "ada".into());
    let ops = server.lock().channel_id("ops");
    eve.post(&ops, "", "!whois @ada and @Ada.old. not x@ada").await;
    let messages = read(&chat, &mut cursor).await;
    assert_eq!(messages[0].author.id.as_str(), eve.id);
    let meant: Vec<_> =
        messages[0].mentions.iter().map(|it| (it.typed.as_str(), it.account.id.as_str())).collect();
    assert_eq!(meant, [("@ada", eve.id.as_str()), ("@Ada.old", ada.id.as_str())]);
    assert_eq!(chat.name(&messages[0].author), "@ada");
}

#[tokio::test]
async fn tones_of_skin_are_one_reaction_and_only_configured_emoji_count() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let names = vec!["white_check_mark".to_owned(), "+1".to_owned()];
    let emoji = Emoji::new([(Sign::Approve, names)].into());
    let config = tribune::chat::mattermost::Config { emoji, ..town::config(&server) };
    let chat = town::open(&server, config, &["ops"]);
    let card: MessageRef = post(&server, &chat, "a card", "card").await.unwrap().at;
    for emoji in ["+1_medium_skin_tone", "+1_dark_skin_tone", "white_check_mark", "eyes"] {
        ada.react(card.id.as_str(), emoji).await;
    }
    let found = chat.reactions(&card).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].sign, Sign::Approve);
    ada.unreact(card.id.as_str(), "white_check_mark").await;
    assert_eq!(chat.reactions(&card).await.unwrap().len(), 1, "two are left");
    ada.unreact(card.id.as_str(), "+1_medium_skin_tone").await;
    ada.unreact(card.id.as_str(), "+1_dark_skin_tone").await;
    assert_eq!(chat.reactions(&card).await.unwrap(), []);
}

#[tokio::test]
async fn who_joins_in_a_picture_of_somebodys_own_has_approved_nothing() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let card = post(&server, &chat, "a card", "card").await.unwrap().at;
    let own = ["White_Check_Mark", "white_check_mark_dark_skin_tone", "X"];
    server.lock().emoji.extend(own.map(str::to_owned));
    for emoji in own {
        ada.react(card.id.as_str(), emoji).await;
    }
    assert_eq!(chat.reactions(&card).await.unwrap(), []);
    ada.react(card.id.as_str(), "white_check_mark").await;
    assert_eq!(chat.reactions(&card).await.unwrap().len(), 1);
}

#[tokio::test]
async fn reactions_are_what_stands_and_not_what_the_server_remembers() {
    let server = Server::start().await;
    let (ada, ken) = (server.person("ada"), server.person("ken"));
    let chat = listening(&server).await;
    let card = post(&server, &chat, "a card", "card").await.unwrap().at;
    ada.react(card.id.as_str(), "white_check_mark").await;
    let path = format!("posts/{}/reactions", card.id);
    let stale = ada.ask("GET", &path, Value::Null).await;
    server.lock().cached.insert(card.id.to_string(), stale);
    ken.react(card.id.as_str(), "white_check_mark").await;
    assert_eq!(chat.reactions(&card).await.unwrap().len(), 2);
    ada.unreact(card.id.as_str(), "white_check_mark").await;
    let left = chat.reactions(&card).await.unwrap();
    assert_eq!(left.iter().map(|it| it.account.id.as_str()).collect::<Vec<_>>(), [&ken.id]);
}

#[tokio::test]
async fn a_reaction_is_given_when_the_server_says_and_again_when_it_is_given_again() {
    let server = Server::start().await;
    let ada = server.person("ada");
    let chat = listening(&server).await;
    let card = post(&server, &chat, "a card", "card").await.unwrap().at;
    let given = async || chat.reactions(&card).await.unwrap()[0].at.unwrap().as_millisecond();
    let soon = server.lock().now() + 3_600_000;
    let wish = json!({
        "user_id": ada.id, "post_id": card.id, "emoji_name": "arrow_left", "create_at": soon,
    });
    ada.ask("POST", "reactions", wish).await;
    let first = given().await;
    assert!(first < soon, "whoever reacts does not choose the time");
    ada.unreact(card.id.as_str(), "arrow_left").await;
    server.lock().pass(5_000);
    ada.react(card.id.as_str(), "arrow_left").await;
    assert!(given().await >= first + 5_000);
}

#[tokio::test]
async fn where_threads_can_be_moved_nothing_is_taken_for_said() {
    let server = Server::start().await;
    let (ada, eve) = (server.person("ada"), server.person("eve"));
    server.lock().add_channel("lounge", "town", "O");
    for name in ["ada", "eve"] {
        server.lock().join(name, "lounge");
    }
    let lounge = server.lock().channel_id("lounge");
    let ops = server.lock().channel_id("ops");
    server.lock().moves_threads = true;
    let said = ada.post(&lounge, "", "!run destroy, who would?").await;
    let said = said["id"].as_str().unwrap().to_owned();
    server.lock().pass(3_600_000);
    let chat = listening(&server).await;
    let mut cursor = now(&chat).await;
    // Without a license nobody can, whatever the flag says.
    ada.post(&ops, "", "!ping").await;
    assert_eq!(town::texts(&read(&chat, &mut cursor).await), ["!ping"]);
    drop(chat);
    server.lock().is_licensed = true;
    let chat = listening(&server).await;
    let to = json!({ "channel_id": ops });
    eve.ask("POST", &format!("posts/{said}/move"), to).await;
    let refused = chat.since(Some(&cursor)).await.unwrap_err();
    assert_eq!(refused.retry(), tribune::ports::Retry::Transient, "nothing is given up for it");
    assert!(refused.to_string().contains("MoveThreadsEnabled off"), "{refused}");
    let card = post(&server, &chat, "a card", "card").await.unwrap().at;
    ada.post(&ops, card.id.as_str(), "!approve r1").await;
    assert!(chat.replies(&card).await.is_err());
}
