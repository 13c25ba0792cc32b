//! The whole daemon on a Mattermost server: asked, approved and answered there.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::server::{Fault, Person, Server, Trick};
use crate::ground::{Daemon, Ground};

/// The address of a proxy before the daemon.
const FRONT: &str = "https://tribune.example.org";

/// A daemon whose policy repo knows two people and a channel of the server.
struct Town {
    server: Arc<Server>,
    ground: Ground,
    daemon: Daemon,
    ken: Person,
    grace: Person,
    ops: String,
}

impl Town {
    async fn build() -> Self {
        let server = Arc::new(Server::start().await);
        server.lock().pass(130_000);
        let (ken, grace) = (server.person("ken"), server.person("grace"));
        let ops = server.lock().channel_id("ops");
        let repo = |path: &str| {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory");
            fs::read_to_string(format!("{root}/{path}")).unwrap()
        };
        let with = |path: &str, at: &str, id: &str| {
            let here = format!("chat: {{ console: {at} }}");
            let both = format!("chat: {{ console: {at}, mattermost: {id} }}");
            let text = repo(path).replace(&here, &both);
            assert!(text.contains(id), "{path}");
            (format!("inventory/{path}"), text)
        };
        let files = [
            with("channels.yaml", "ops", &ops),
            with("people/ken.yaml", "ken", &ken.id),
            with("people/grace.yaml", "grace", &grace.id),
        ];
        let ground = Ground::build(|ground| {
            crate::kill::acts(ground).into_iter().chain(files.clone()).collect()
        })
        .await;
        let settings = ground.at("tribune.toml");
        let text = fs::read_to_string(&settings).unwrap();
        let (url, token) = (server.url(), server.token_file());
        let more = format!(
            "[mattermost]\nurl = \"{url}\"\ntoken_file = {token:?}\nbuttons = \"{FRONT}\"\n"
        );
        fs::write(&settings, text + &more).unwrap();
        let daemon = ground.start();
        Self { server, ground, daemon, ken, grace, ops }
    }

    /// Has the proxy before the daemon lead to where it listens now.
    async fn front(&mut self) {
        let ground = &self.ground;
        let found = ground.until(&mut self.daemon, "its port", async || ground.origin()).await;
        let behind = found.unwrap_or_else(|| panic!("the daemon ended\n{}", ground.log()));
        self.server.lock().fronts.insert(FRONT.to_owned(), behind);
    }

    /// Waits until a post has a button, whose state is another than before.
    async fn button(&mut self, post: &str, action: &str, before: &str) -> String {
        let state = |server: &Server| {
            let state = server.lock();
            let row = state.posts[post].props["attachments"][0]["actions"].clone();
            let found = row.as_array()?.iter().find(|it| it["id"] == action)?.clone();
            let state = found["integration"]["context"]["state"].as_str()?.to_owned();
            (state != before).then_some(state)
        };
        self.until(&format!("the button {action}"), state).await
    }

    /// Returns what was shown to somebody alone.
    fn shown(&self, who: &str) -> Vec<String> {
        let state = self.server.lock();
        let shown = state.shown.iter().filter(|(user, _)| user == who);
        shown.map(|(_, text)| text.clone()).collect()
    }

    /// Waits until something can be seen on the server.
    async fn until<T>(&mut self, what: &str, look: impl Fn(&Server) -> Option<T>) -> T {
        let server = Arc::clone(&self.server);
        let found = self.ground.until(&mut self.daemon, what, async || look(&server)).await;
        found.unwrap_or_else(|| panic!("the daemon ended\n{}", self.ground.log()))
    }

    /// Waits for a post whose text holds some words, and returns its id.
    async fn post_with(&mut self, words: &str) -> String {
        self.until(words, |server| {
            let state = server.lock();
            let bot = state.id_of("tribune");
            let posts = state.posts.values().filter(|it| it.delete_at == 0 && it.user_id == bot);
            let mut found = posts.filter(|post| post.message.contains(words));
            found.next().map(|post| post.id.clone())
        })
        .await
    }

    /// Waits until the daemon has taken down where it begins to read.
    async fn ready(&mut self) {
        self.until("the daemon to listen", |server| {
            (!server.lock().sockets.is_empty()).then_some(())
        })
        .await;
        // What is said before the first reading was not said to it.
        for number in 0.. {
            let text = format!("!status r{}", 900 + number);
            self.ken.post(&self.ops, "", &text).await;
            let answer = format!("r{}", 900 + number);
            let heard = tokio::time::timeout(Duration::from_secs(3), self.post_with(&answer));
            if heard.await.is_ok() {
                return;
            }
        }
    }

    async fn end(mut self) {
        self.daemon.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_asked_approved_run_and_answered_on_mattermost() {
    let mut town = Town::build().await;
    town.ready().await;
    town.ken.post(&town.ops, "", "@tribune run act on local seconds=0").await;
    let card = town.post_with("act on local").await;
    // Whoever asks cannot approve, and a broken network in between changes nothing.
    town.ken.react(&card, "white_check_mark").await;
    town.server.lock().tricks.push_back(Trick::Lose);
    town.grace.react(&card, "white_check_mark").await;
    town.grace.post(&town.ops, "", "!ping").await;
    // Nobody but Tribune posts from here on.
    town.server.lock().faults.push_back(("POST posts".into(), Fault::After));
    town.until("the act to be done", |server| {
        let state = server.lock();
        let card = &state.posts[&card];
        card.message.to_lowercase().contains("succeeded").then_some(())
    })
    .await;
    town.post_with("done").await;
    assert_eq!(town.ground.acts(), 1);
    assert_eq!(twice(&town.server), Vec::<String>::new(), "nothing stands twice");
    town.end().await;
}

/// Returns the keys that more than one of Tribune's posts bears.
fn twice(server: &Server) -> Vec<String> {
    let state = server.lock();
    let bot = state.id_of("tribune");
    let own = state.posts.values().filter(|it| it.user_id == bot && it.original_id.is_empty());
    let mut seen = std::collections::BTreeSet::new();
    own.filter_map(|post| post.props["tribune_key"].as_str())
        .filter(|key| !seen.insert((*key).to_owned()))
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_were_typed_while_the_daemon_was_down_are_answered_once() {
    let mut town = Town::build().await;
    town.ready().await;
    town.daemon.end().await;
    town.ken.post(&town.ops, "", "!whoami").await;
    let before = town.server.texts("ops").len();
    town.daemon = town.ground.start();
    let ken = town.ken.id.clone();
    town.post_with(&ken).await;
    town.ken.post(&town.ops, "", "!status r777").await;
    town.post_with("r777").await;
    let after = town.server.texts("ops");
    let answers = after[before..].iter().filter(|text| text.contains(&ken)).count();
    assert_eq!(answers, 1, "{after:?}");
    town.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buttons_are_pressed_answered_and_renewed_on_mattermost_also_after_a_restart() {
    let mut town = Town::build().await;
    town.ready().await;
    town.front().await;
    town.ken.post(&town.ops, "", "!run act on local seconds=0").await;
    let card = town.post_with("act on local").await;
    let text = town.server.lock().posts[&card].message.clone();
    let first = town.button(&card, "whocould", "").await;
    assert!(town.ken.press(&card, "whocould").await);
    let ken = town.ken.id.clone();
    assert!(town.shown(&ken)[0].starts_with("r1 can be approved by"), "{:?}", town.shown(&ken));
    let second = town.button(&card, "whocould", &first).await;
    // One press later, and by another daemon on the same state, the buttons are good for one more.
    town.daemon.end().await;
    assert!(!town.ken.press(&card, "whocould").await, "nobody listens");
    town.daemon = town.ground.start();
    town.front().await;
    assert!(town.grace.press(&card, "details").await);
    let grace = town.grace.id.clone();
    assert!(town.shown(&grace)[0].contains("needs approval"), "{:?}", town.shown(&grace));
    town.button(&card, "whocould", &second).await;
    assert!(!town.grace.press(&card, "approve").await, "there is no such button");
    // What the daemon is sent past the server is not taken.
    let to = town.server.lock().fronts[FRONT].clone() + "/chat/mattermost/press";
    let forged = serde_json::json!({
        "user_id": grace, "channel_id": town.ops, "post_id": card, "type": "button",
        "context": { "state": first },
    });
    let answer = reqwest::Client::new().post(&to).json(&forged).send().await.unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    let said = answer["ephemeral_text"].as_str().unwrap();
    assert!(said.starts_with("These buttons were renewed"), "{said}");
    // None of it moved the request or touched what people approve.
    assert_eq!(town.ground.acts(), 0);
    assert_eq!(town.server.lock().posts[&card].message, text);
    assert_eq!(twice(&town.server), Vec::<String>::new(), "nothing stands twice");
    town.grace.react(&card, "white_check_mark").await;
    town.button(&card, "output", "").await;
    town.until("the act to be done", |server| {
        server.lock().posts[&card].message.to_lowercase().contains("succeeded").then_some(())
    })
    .await;
    town.button(&card, "output", "").await;
    assert_eq!(town.ground.acts(), 1);
    let key = std::fs::metadata(town.ground.at("state/buttons.key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
    town.end().await;
}
