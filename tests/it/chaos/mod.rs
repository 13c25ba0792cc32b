//! The network between Tribune and its chat server is cut at every piece that passes while a
//! request lives: it is asked for, approved, executed and told of all the same, each once.
//!
//! The daemon is the built binary and stays up; people speak to the server itself. The server is
//! a real Synapse, and the simulated Mattermost.

mod places;
mod wire;

use std::time::{Duration, Instant};

use serde_json::Value;

use self::places::{OnMatrix, OnMattermost, Place};
use self::wire::Wire;
use crate::ground::{Daemon, Ground};

/// How long anything may take to become so.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(50);
/// More pieces than any request's life takes.
const MOST: u64 = 400;

/// An act appends a line to a file outside the store.
fn act(ground: &Ground) -> Vec<(String, String)> {
    let folder = ground.at("acts");
    let folder = folder.display();
    let script = "#!/bin/sh\necho act >>\"$1\"\necho done\n";
    let intent = format!(
        "version: 1\nintent: act\nsummary: Append a line to a file\ncategory: change\nrisk: 1\n\
         targets: [local]\napproval:\n  slots: [{{ role: sre }}]\n  collect: 1h\n  execute: 1h\n\
         run: {{ argv: [playbooks/scripts/act.sh, {folder}/log] }}\n\
         sandbox: {{ write: [{folder}] }}\n"
    );
    vec![
        ("playbooks/scripts/act.sh".to_owned(), script.to_owned()),
        ("intents/act.yaml".to_owned(), intent),
    ]
}

/// The shipped files of people and channels, with where they are on the platform.
fn moved(place: &impl Place) -> Vec<(String, String)> {
    let shipped = |path: &str| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(root.join(path)).unwrap()
    };
    let mut files = Vec::new();
    for name in ["ken", "grace"] {
        let path = format!("inventory/people/{name}.yaml");
        let before = format!("{{ console: {name} }}");
        let after =
            format!("{{ console: {name}, {}: \"{}\" }}", place.platform(), place.id_of(name));
        files.push((path.clone(), shipped(&path).replace(&before, &after)));
    }
    let path = "inventory/channels.yaml";
    let after = format!("{{ {}: \"{}\" }}", place.platform(), place.channel());
    files.push((path.to_owned(), shipped(path).replace("{ console: ops }", &after)));
    files
}

/// One request as the daemon tells it.
struct Told {
    id: String,
    state: String,
}

fn newest(ground: &Ground) -> Option<Told> {
    let list: Value =
        serde_json::from_str(&ground.command(&["request", "list", "--limit", "1", "--json"])?)
            .ok()?;
    let line = list.as_array()?.first()?;
    Some(Told { id: format!("r{}", line["id"].as_u64()?), state: line["state"].as_str()?.into() })
}

/// Waits until something is so.
async fn until<T>(ground: &Ground, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} takes too long\n{}", ground.log());
        tokio::time::sleep(GLANCE).await;
    }
}

/// Plays the life of one request; says whether the network was cut meanwhile.
async fn live(ground: &Ground, place: &impl Place, wire: &Wire, nth: u64) -> bool {
    let (before, acts) = (newest(ground).map(|told| told.id), ground.acts());
    wire.cut_after(nth);
    place.say("ken", "!run act on local").await;
    let id = until(ground, "the request", async || {
        newest(ground).map(|told| told.id).filter(|id| Some(id) != before.as_ref())
    })
    .await;
    let head = format!("{id} ");
    let card = until(ground, "its card", async || {
        place.posts().await.into_iter().find(|post| post.text.starts_with(&head))
    })
    .await;
    place.approve("grace", &card.id).await;
    until(ground, "its end", async || {
        let told = newest(ground)?;
        assert!(told.state != "interrupted" && told.state != "void", "{id} is {}", told.state);
        (told.state == "succeeded").then_some(())
    })
    .await;
    let was_cut = wire.was_cut();
    until(ground, "its result", async || {
        let posts = place.posts().await;
        let card = posts.iter().find(|post| post.id == card.id)?;
        let thread = place.replies(&card.id).await;
        (card.text.contains("succeeded") && !thread.is_empty()).then_some(())
    })
    .await;
    let context = format!("cut at piece {nth}");
    assert_eq!(ground.acts(), acts + 1, "it ran once: {context}");
    let posts = place.posts().await;
    let cards = posts.iter().filter(|post| post.text.starts_with(&head)).count();
    assert_eq!(cards, 1, "one card: {context}");
    let mut thread: Vec<String> =
        place.replies(&card.id).await.into_iter().map(|post| post.text).collect();
    let all = thread.len();
    thread.sort();
    thread.dedup();
    assert_eq!(thread.len(), all, "nothing is said twice: {context}\n{thread:#?}");
    was_cut
}

async fn cut_everywhere(place: impl Place) {
    let wire = Wire::to(place.server()).await;
    let settings = place.settings(wire.at());
    let ground = Ground::build_with(&settings, |ground| {
        act(ground).into_iter().chain(moved(&place)).collect()
    })
    .await;
    let mut daemon: Daemon = ground.start();
    // A daemon without a place to read from begins at the present moment.
    until(&ground, "an answer", async || {
        place.say("ken", "!ping").await;
        place.posts().await.iter().any(|post| post.text.starts_with("pong")).then_some(())
    })
    .await;
    live(&ground, &place, &wire, MOST * 1_000).await;
    let mut nth = 0;
    loop {
        nth += 1;
        assert!(nth < MOST, "a request takes more pieces than {MOST}");
        if !live(&ground, &place, &wire, nth).await {
            break;
        }
    }
    assert!(nth > 8, "{nth} pieces are too few for a request's life");
    let requests: Value = serde_json::from_str(
        &ground.command(&["request", "list", "--limit", "1000", "--json"]).unwrap(),
    )
    .unwrap();
    let asked = usize::try_from(nth).unwrap() + 1;
    assert_eq!(requests.as_array().unwrap().len(), asked, "one message, one request");
    ground.verify_audit("after every cut").await;
    daemon.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_cut_anywhere_loses_and_repeats_nothing_on_matrix() {
    cut_everywhere(OnMatrix::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_cut_anywhere_loses_and_repeats_nothing_on_mattermost() {
    cut_everywhere(OnMattermost::new().await).await;
}
