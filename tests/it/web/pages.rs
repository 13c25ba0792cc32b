//! What people see and write.

use tribune::domain::message::Sign;
use tribune::ports::board::Board as _;
use tribune::ports::chat::Chat as _;

use super::site::TestSite;

#[tokio::test]
async fn only_channels_one_may_view_are_there() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let page = ada.page("/c/ops").await;
    assert!(page.contains("/c/ops") && page.contains("/c/prod") && page.contains("/c/@tribune"));
    assert!(!page.contains("vault"));
    let (hidden, missing) = (ada.status("/c/vault").await, ada.status("/c/nothing").await);
    assert_eq!((hidden, missing), (404, 404));
    assert_eq!(site.audit().await, ["session.start", "view.denied"]);
}

#[tokio::test]
async fn a_channel_says_what_it_is_for() {
    let site = TestSite::start().await;
    let page = site.sign_in("ada").await.page("/c/ops").await;
    assert!(page.contains("Everyday operations"), "{page}");
}

#[tokio::test]
async fn what_one_may_not_view_cannot_be_written_to_or_completed_in() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let csrf = ada.csrf().await;
    let form = [("csrf", csrf.as_str()), ("text", "hi"), ("nonce", "n")];
    assert_eq!(ada.post("/c/vault/messages", &form).send().await.unwrap().status(), 404);
    assert_eq!(ada.status("/complete?channel=vault").await, 404);
    let vault = "chan-vault".parse().unwrap();
    let at =
        site.board.write(&"grace".parse().unwrap(), &vault, None, "s3cret", "x").await.unwrap();
    assert_eq!(ada.status(&format!("/m/chan-vault/{}", at.id)).await, 404);
    // A message of a channel one may not view is not found through one that one may.
    assert_eq!(ada.status(&format!("/c/ops/t/{}", at.id)).await, 404);
    let form = [("csrf", csrf.as_str()), ("sign", "approve"), ("give", "true")];
    let path = format!("/c/ops/m/{}/react", at.id);
    assert_eq!(ada.post(&path, &form).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn hostile_text_is_inert() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    for text in [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "![x](https://tracker.example/p.gif)",
        "!run <svg onload=alert(1)>",
        "```\"><script>\n</code></pre><iframe src=//evil.example>\n```",
        "<style>body{display:none}</style>",
        "<form action=//evil.example><button>Approve</button></form>",
    ] {
        site.say("grace", text).await;
        site.say("linus", text).await;
    }
    site.post("<script>alert(2)</script> <b>x</b> [x](javascript:alert(1))").await;
    let page = ada.page("/c/ops").await;
    let list = page.split("<ol class=\"messages\"").nth(1).unwrap().split("</ol>").next().unwrap();
    for bad in [
        "<script",
        "<img",
        "<svg onload",
        "<iframe",
        "<style",
        "<form action=//",
        "href=\"javascript",
        "Linus <b>",
    ] {
        assert!(!list.contains(bad), "{bad} in {list}");
    }
    assert!(list.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[tokio::test]
async fn a_message_sent_twice_is_written_once() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let csrf = ada.csrf().await;
    let form = [("csrf", csrf.as_str()), ("text", "  hello\r\nthere "), ("nonce", "n1")];
    for _ in 0..2 {
        let answer = ada.post("/c/ops/messages", &form).send().await.unwrap();
        assert_eq!(answer.headers()["location"], "/c/ops#m-m0000000001");
    }
    let page = ada.page("/c/ops").await;
    assert_eq!(page.matches("hello<br />\nthere").count(), 1, "{page}");
    let empty = [("csrf", csrf.as_str()), ("text", " \n "), ("nonce", "n2")];
    assert_eq!(ada.post("/c/ops/messages", &empty).send().await.unwrap().status(), 422);
}

#[tokio::test]
async fn a_card_takes_reactions_and_says_whose() {
    let site = TestSite::start().await;
    let (ada, grace) = (site.sign_in("ada").await, site.sign_in("grace").await);
    let at = site.post("a card").await;
    for sign in [Sign::Approve, Sign::Veto] {
        site.board.react(&at, sign).await.unwrap();
    }
    let csrf = ada.csrf().await;
    let path = format!("/c/ops/m/{}/react", at.id);
    let give = [("csrf", csrf.as_str()), ("sign", "approve"), ("give", "true")];
    let script = ada.post(&path, &give).header("accept", "application/json");
    assert_eq!(script.send().await.unwrap().status(), 200);
    let hers = ada.page("/c/ops").await;
    assert!(hers.contains("aria-pressed=\"true\" title=\"Approve: Ada Lovelace\""), "{hers}");
    let others = grace.page("/c/ops").await;
    assert!(others.contains("aria-pressed=\"false\" title=\"Approve: Ada Lovelace\""));
    let take = [("csrf", csrf.as_str()), ("sign", "approve"), ("give", "false")];
    assert_eq!(ada.post(&path, &take).send().await.unwrap().status(), 303);
    assert!(grace.page("/c/ops").await.contains("title=\"Approve\""));
}

#[tokio::test]
async fn one_deletes_ones_own_messages_only() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let csrf = ada.csrf().await;
    let theirs = site.say("grace", "hers").await;
    let own = site.say("ada", "mine").await;
    let form = [("csrf", csrf.as_str())];
    let delete = async |id: String| {
        let answer = ada.post(&format!("/c/ops/m/{id}/delete"), &form).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!((delete(theirs).await, delete(own).await), (422, 303));
    let page = ada.page("/c/ops").await;
    assert!(page.contains("<p>hers</p>") && !page.contains("<p>mine</p>"));
    assert!(page.contains("This message was deleted."));
}

#[tokio::test]
async fn direct_talk_is_read_by_one_person() {
    let site = TestSite::start().await;
    let (ada, grace) = (site.sign_in("ada").await, site.sign_in("grace").await);
    let csrf = ada.csrf().await;
    let form = [("csrf", csrf.as_str()), ("text", "only for you"), ("nonce", "n")];
    assert_eq!(ada.post("/c/@tribune/messages", &form).send().await.unwrap().status(), 303);
    assert!(ada.page("/c/@tribune").await.contains("only for you"));
    assert!(!grace.page("/c/@tribune").await.contains("only for you"));
    assert_eq!(grace.status("/m/dm:ada/1").await, 404);
}

#[tokio::test]
async fn a_thread_stands_beside_its_channel_and_links_lead_to_it() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let csrf = ada.csrf().await;
    let root = site.post("a card").await.id.to_string();
    let form =
        [("csrf", csrf.as_str()), ("text", "a reply"), ("nonce", "n"), ("thread", root.as_str())];
    let answer = ada.post("/c/ops/messages", &form).send().await.unwrap();
    assert_eq!(answer.headers()["location"], format!("/c/ops/t/{root}#t-m0000000002"));
    assert!(!ada.page("/c/ops").await.contains("a reply"));
    assert!(ada.page("/c/ops").await.contains("1 reply"));
    assert!(ada.page(&format!("/c/ops/t/{root}")).await.contains("a reply"));
    let link = ada.get("/m/chan-ops/m0000000002").send().await.unwrap();
    assert_eq!(link.headers()["location"], format!("/c/ops/t/{root}#t-m0000000002"));
}
