//! The life of one request, as people live it while something befalls Tribune, its server or the
//! network between: asked for, approved by two of whom one takes it back for a while, executed,
//! told of; each once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::chance::Chance;
use super::places::{PEOPLE, Place, Seen};
use super::wire::Wire;
use crate::ground::{Daemon, Ground};

/// How long anything may take to become so: longer than the engine waits before it looks without
/// a hint. That nothing waits so long is promised by stories and the adapters' own tests.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(100);

/// What happens when the network is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// No more than that.
    Cut,
    /// The daemon is killed, and started again.
    Daemon,
    /// The server is killed, and started again.
    Server,
}

/// Tribune, a chat server, and the network between.
pub struct Scene<P> {
    pub place: P,
    pub wire: Wire,
    ground: Ground,
    daemon: Daemon,
    blow: Blow,
    /// How many cuts have had their consequences.
    struck: u64,
}

/// A request as the daemon tells it.
#[derive(Debug)]
struct Told {
    state: String,
    /// Whose approvals count.
    votes: BTreeSet<String>,
}

/// An act appends a line to a file outside the store.
fn act(ground: &Ground) -> Vec<(String, String)> {
    let folder = ground.at("acts");
    let folder = folder.display();
    let script = "#!/bin/sh\necho act >>\"$1\"\necho done\n";
    let intent = format!(
        "version: 1\nintent: act\nsummary: Append a line to a file\ncategory: change\nrisk: 1\n\
         targets: [local]\napproval:\n  slots: [{{ role: operator }}, {{ role: sre }}]\n\
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
    let with = |path: String, name: &str, id: &str| {
        let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
        let before = format!("chat: {{ console: {name} }}");
        let after = format!("chat: {{ console: {name}, {}: \"{id}\" }}", place.platform());
        let text = std::fs::read_to_string(shipped).unwrap().replace(&before, &after);
        assert!(text.contains(id), "{path}");
        (path, text)
    };
    let people =
        PEOPLE.map(|name| with(format!("inventory/people/{name}.yaml"), name, &place.id_of(name)));
    let channels = with("inventory/channels.yaml".to_owned(), "ops", &place.channel());
    people.into_iter().chain([channels]).collect()
}

impl<P: Place> Scene<P> {
    /// Sets the scene; the daemon listens.
    pub async fn set(place: P) -> Self {
        let wire = Wire::to(place.server()).await;
        // What takes part here types fast, and a lot.
        let settings =
            format!("[limits]\nperson = 10000\nchannel = 10000\n{}", place.settings(wire.at()));
        let ground = Ground::build_with(&settings, |ground| {
            act(ground).into_iter().chain(moved(&place)).collect()
        })
        .await;
        let daemon = ground.start();
        let scene = Self { place, wire, ground, daemon, blow: Blow::Cut, struck: 0 };
        // A daemon without a place to read from begins at the present moment.
        let begun = Instant::now();
        scene.place.say("ken", "!ping").await;
        let mut again = begun;
        while !scene.place.seen().await.iter().any(|post| post.text.starts_with("pong")) {
            assert!(begun.elapsed() < PATIENCE, "nobody answers\n{}", scene.ground.log());
            if again.elapsed() > Duration::from_secs(2) {
                scene.place.say("ken", "!ping").await;
                again = Instant::now();
            }
            tokio::time::sleep(GLANCE).await;
        }
        scene
    }

    /// Returns how many pieces pass in a life that nothing befalls.
    pub async fn measure(&mut self) -> u64 {
        self.live(None, Blow::Cut).await;
        self.wire.passed()
    }

    /// Plays the life of one request, in which the network is cut as the `nth` piece passes; says
    /// whether it was.
    pub async fn live(&mut self, nth: Option<u64>, blow: Blow) -> bool {
        let context = format!("{blow:?} at piece {nth:?}");
        let before = self.until(&context, "the last one", async |scene| scene.newest().await).await;
        let (acts, cuts) = (self.ground.acts(), self.wire.cuts());
        self.blow = blow;
        self.wire.cut_after(nth);
        self.place.say("ken", "!run act on local").await;
        let id = self
            .until(&context, "the request", async |scene| {
                scene.newest().await.filter(|id| *id != before)
            })
            .await;
        assert_eq!(id, before + 1, "one message, one request: {context}");
        let head = format!("r{id} ");
        let card = self
            .until(&context, "its card", async |scene| {
                let seen = scene.place.seen().await;
                seen.into_iter().find(|post| is_card(post, &head)).map(|post| post.id)
            })
            .await;
        self.vote(&context, id, &card).await;
        assert_eq!(self.ground.acts(), acts, "what was taken back does not count: {context}");
        self.place.approve("radia", &card).await;
        let state = self
            .until(&context, "its end", async |scene| {
                let state = scene.told(id)?.state;
                let is_over = !matches!(
                    state.as_str(),
                    "requested" | "needs_approval" | "permitted" | "queued" | "running"
                );
                is_over.then_some(state)
            })
            .await;
        self.check_end(&context, id, &state, acts).await;
        self.wire.cuts() > cuts
    }

    /// One approves and takes it back, another approves.
    async fn vote(&mut self, context: &str, id: u64, card: &str) {
        let counted = async |scene: &mut Self, who: &'static str| {
            scene
                .until(context, who, async |scene| {
                    let told = scene.told(id)?;
                    assert_eq!(told.state, "needs_approval", "{context}: {told:?}");
                    (told.votes == BTreeSet::from([who.to_owned()])).then_some(())
                })
                .await;
        };
        self.place.approve("radia", card).await;
        counted(self, "radia").await;
        self.place.withdraw("radia", card).await;
        self.place.approve("grace", card).await;
        counted(self, "grace").await;
    }

    async fn check_end(&mut self, context: &str, id: u64, state: &str, acts: usize) {
        let acts = self.ground.acts() - acts;
        match state {
            "succeeded" => assert_eq!(acts, 1, "it ran once: {context}"),
            // The daemon was killed while it ran.
            "interrupted" if self.blow == Blow::Daemon => assert!(acts <= 1, "{context}"),
            other => panic!("r{id} is {other}: {context}\n{}", self.ground.log()),
        }
        let head = format!("r{id} ");
        let word = state.to_owned();
        self.until(context, "its result", async |scene| {
            let seen = scene.place.seen().await;
            let card = seen.iter().find(|post| is_card(post, &head))?;
            let thread = seen.iter().filter(|post| post.root.as_deref() == Some(&card.id));
            let told = thread.filter(|post| begins(post, &format!("r{id}.1 {word}"))).count();
            (card.text.contains(&word) && (told == 1 || word != "succeeded")).then_some(())
        })
        .await;
        self.check_seen(context).await;
    }

    /// Nothing stands twice.
    pub async fn check_seen(&self, context: &str) {
        let seen = self.place.seen().await;
        let keys: BTreeSet<&str> = seen.iter().map(|post| post.key.as_str()).collect();
        assert_eq!(keys.len(), seen.len(), "nothing is said twice: {context}\n{seen:#?}");
    }

    /// Everything that people did while nobody got through is taken in afterwards.
    pub async fn live_apart(&mut self, chance: &mut Chance) {
        // More than a server tells of by itself: what is asked for must be listed.
        const CHATTER: u64 = 130;
        let context = "a long absence";
        let before = self.until(context, "the last one", async |scene| scene.newest().await).await;
        let acts = self.ground.acts();
        self.wire.set_down(true);
        let asked_at = chance.below(20);
        for number in 0..CHATTER {
            if number == asked_at {
                self.place.say("ken", "!run act on local").await;
            }
            self.place.say("grace", &format!("lovely weather {number}")).await;
        }
        self.wire.set_down(false);
        let id = before + 1;
        let head = format!("r{id} ");
        let card = self
            .until(context, "its card", async |scene| {
                let seen = scene.place.seen().await;
                seen.into_iter().find(|post| is_card(post, &head)).map(|post| post.id)
            })
            .await;
        self.wire.set_down(true);
        self.place.approve("radia", &card).await;
        self.place.withdraw("radia", &card).await;
        self.place.approve("grace", &card).await;
        self.wire.set_down(false);
        let grace = BTreeSet::from(["grace".to_owned()]);
        self.until(context, "the approval", async |scene| {
            (scene.told(id)?.votes == grace).then_some(())
        })
        .await;
        assert_eq!(self.ground.acts(), acts, "{context}");
        self.place.approve("radia", &card).await;
        self.until(context, "its end", async |scene| {
            (scene.told(id)?.state == "succeeded").then_some(())
        })
        .await;
        self.check_end(context, id, "succeeded", acts).await;
        assert_eq!(self.newest().await, Some(id), "one message, one request: {context}");
    }

    /// Nothing was forged or lost of what is written down.
    pub async fn end(mut self) {
        self.ground.verify_audit("at the end").await;
        self.daemon.end().await;
    }

    /// Waits until something is so; what follows of a cut happens meanwhile.
    async fn until<T>(
        &mut self,
        context: &str,
        what: &str,
        mut look: impl AsyncFnMut(&Self) -> Option<T>,
    ) -> T {
        let begun = Instant::now();
        loop {
            self.strike().await;
            if let Some(found) = look(self).await {
                return found;
            }
            if begun.elapsed() > PATIENCE {
                let list = self.ground.command(&["request", "list", "--limit", "1"]);
                let seen = self.place.seen().await;
                let last = &seen[seen.len().saturating_sub(4)..];
                let log = self.ground.log();
                panic!("{what} takes too long: {context}\n{list:?}\n{last:#?}\n{log}");
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn strike(&mut self) {
        let cuts = self.wire.cuts();
        if std::mem::replace(&mut self.struck, cuts) == cuts {
            return;
        }
        match self.blow {
            Blow::Cut => {}
            Blow::Daemon => {
                self.daemon.end().await;
                self.daemon = self.ground.start();
            }
            Blow::Server => self.place.restart().await,
        }
    }

    /// Returns the number of the newest request, 0 if there is none; `None`: the daemon does not
    /// answer.
    async fn newest(&self) -> Option<u64> {
        let list = self.ground.command(&["request", "list", "--limit", "1", "--json"])?;
        let list: Value = serde_json::from_str(&list).unwrap();
        list.as_array()?.first().map_or(Some(0), |newest| newest["id"].as_u64())
    }

    fn told(&self, id: u64) -> Option<Told> {
        let told = self.ground.command(&["request", "show", &format!("r{id}"), "--json"])?;
        let told: Value = serde_json::from_str(&told).unwrap();
        let request = &told["request"];
        let votes = request["votes"].as_array()?.iter();
        Some(Told {
            state: request["state"].as_str()?.to_owned(),
            votes: votes.map(|vote| vote["person"].as_str().unwrap().to_owned()).collect(),
        })
    }
}

/// Says whether a message is a card that begins with these words.
fn is_card(post: &Seen, head: &str) -> bool {
    post.root.is_none() && begins(post, head)
}

/// Says whether a message begins with these words, in whatever form.
fn begins(post: &Seen, head: &str) -> bool {
    post.text.replace('*', "").starts_with(head)
}
