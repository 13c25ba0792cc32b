//! A whole daemon in this process, on a store of 100,000 audit rows and 1,000 open requests.

mod standing;

use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::time::sleep;
use tribune::app::{Addresses, App};
use tribune::clock::SystemClock;
use tribune::domain::command::Ask;
use tribune::domain::id::{AccountId, ChatChannelId, PersonId, RequestId};
use tribune::domain::message::MessageRef;
use tribune::domain::person::{Person, Principal};
use tribune::domain::request::{Mode, State, Via};
use tribune::engine::Engine;
use tribune::engine::requests::Asking;
use tribune::policy::Snapshot;
use tribune::ports::board::Board as _;
use tribune::ports::clock::Clock as _;
use tribune::ports::store::{Change, RequestFilter};

use crate::Effort;
use crate::ground::{Ground, clean};
use crate::sample::repo::Size;
use crate::sample::store::fill_audit;
use crate::spread::{Spread, counted, time, timed, timed_with};

const CHANNEL: &str = "prod";

pub async fn measure(effort: Effort) {
    let quick = effort.of(0, 1) == 1;
    let size = if quick { Size::new(100, 40, 40) } else { Size::new(1000, 200, 200) };
    let ground = Ground::sized(&size);
    let settings = ground.settings();
    fill_audit(&settings.store(), effort.of(100_000, 1000)).await;
    let app = App::start(&settings, Addresses::Shared).await.unwrap();
    let town = Town { size, ground: &ground, app: &app };
    town.in_force(effort.of(10, 2)).await;
    town.open_requests(effort.of(1000, 10)).await;
    town.messages(effort.of(100, 3)).await;
    town.syncs(effort.of(20, 2)).await;
    town.decided_again(effort.of(5, 1)).await;
    town.standing(effort.of(200, 5), effort.of(20, 2)).await;
    app.stop().await;
}

struct Town<'a> {
    size: Size,
    ground: &'a Ground,
    app: &'a App,
}

impl Town<'_> {
    fn engine(&self) -> &Arc<Engine> {
        self.app.engine()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.engine().applied().unwrap()
    }

    /// How long a commit takes from the moment before its branch moves.
    async fn in_force(&self, times: usize) {
        let mut took = vec![];
        for round in 0..times {
            let next = self.prepare(round);
            let begun = Instant::now();
            self.bring_into_force(&next).await;
            took.push(begun.elapsed());
            self.rest().await;
        }
        let limit = Duration::from_millis(300);
        timed("commit in a local repo to in force", limit, Spread::of(took), &[]);
    }

    /// Writes a commit that no branch names yet.
    fn prepare(&self, round: usize) -> String {
        let file = "inventory/channels.yaml";
        let path = self.ground.repo().join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}# {round}\n")).unwrap();
        self.write_commit()
    }

    /// Writes everything in the working directory as a commit that no branch names yet.
    fn write_commit(&self) -> String {
        self.ground.git(&["add", "-A"]);
        let tree = self.ground.git(&["write-tree"]);
        self.ground.git(&["commit-tree", "-p", "HEAD", "-m", "another", &tree])
    }

    /// Moves the branch, and waits until what it names decides.
    async fn bring_into_force(&self, next: &str) {
        self.ground.git(&["update-ref", "refs/heads/main", next]);
        while self.snapshot().revision.as_str() != next {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// People without flags, on a team and not banned, with what each may ask for.
    fn askers(&self) -> Vec<(Person, String, String)> {
        let snapshot = self.snapshot();
        let repo = &snapshot.repo;
        let restarts =
            repo.intents.keys().filter_map(|name| name.as_str().strip_prefix("restart-"));
        let apps: Vec<&str> = restarts.collect();
        let works = |person: &&Person| {
            person.flags.is_empty()
                && person.roles.iter().any(|role| role.as_str().starts_with("team-"))
                && repo.live_ban(&Principal::Person(person.id.clone()), SystemClock.now()).is_none()
        };
        let people = repo.people.values().filter(works);
        people
            .zip(apps.iter().cycle())
            .map(|(person, app)| (person.clone(), format!("restart-{app}"), format!("{app}-pro01")))
            .collect()
    }

    async fn open_requests(&self, count: usize) {
        let askers = self.askers();
        for (person, intent, host) in askers.iter().cycle().take(count) {
            let channel: ChatChannelId = CHANNEL.parse().unwrap();
            let asking = Asking {
                requester: Principal::Person(person.id.clone()),
                via: Via::Chat,
                channel: Some(CHANNEL.parse().unwrap()),
                message: None,
                card_place: ("console".parse().unwrap(), channel),
                ask: Ask {
                    mode: Mode::Run,
                    intent: intent.parse().unwrap(),
                    targets: vec![host.parse().unwrap()],
                    args: [].into(),
                    cites: None,
                },
            };
            self.engine().ask(asking, Change::default()).await.unwrap().unwrap();
        }
        self.rest().await;
        assert_eq!(self.open().await.len(), count);
    }

    async fn open(&self) -> Vec<RequestId> {
        let filter =
            RequestFilter { states: vec![State::NeedsApproval], ..RequestFilter::default() };
        let open = self.engine().ports().store.requests(&filter).await.unwrap();
        open.into_iter().map(|request| request.id).collect()
    }

    /// Waits until nothing is left to be said, and a little longer.
    async fn rest(&self) {
        let store = &self.engine().ports().store;
        while !store.posts_waiting().await.unwrap().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        sleep(Duration::from_millis(50)).await;
    }

    async fn messages(&self, times: usize) {
        let mut took = vec![];
        for (number, asker) in self.askers().iter().cycle().take(times).enumerate() {
            let (begun, ended) = self.ask(asker, number).await;
            took.push(Duration::try_from(ended - begun).unwrap());
        }
        let syncs = Spread::measure(100, three_syncs(self.ground));
        let limit = Duration::from_millis(10);
        let beside = [("3 bare syncs of the same disk", syncs)];
        timed(
            "message accepted to decision posted on the console",
            limit,
            Spread::of(took),
            &beside,
        );
    }

    /// Somebody asks in the console; returns when it was accepted, and when its card stood there.
    async fn ask(&self, asker: &(Person, String, String), number: usize) -> (Timestamp, Timestamp) {
        let (person, intent, host) = asker;
        let console = self.app.console();
        let (_, mut after) = console.changes(None).await.unwrap();
        let account: AccountId = PersonId::as_str(&person.id).parse().unwrap();
        let command = format!("!run {intent} on {host} delay={}", number + 1);
        let channel = CHANNEL.parse().unwrap();
        let nonce = format!("{}-{number}", SystemClock.now());
        console.write(&account, &channel, None, &command, &nonce).await.unwrap();
        // To the microsecond, which the clock of the daemon is not.
        let begun = Timestamp::now();
        let (answer, ended) = loop {
            let (events, last) = console.changes(Some(after)).await.unwrap();
            // Before anything is read of it: what follows the post is not on its way.
            let noticed = Timestamp::now();
            after = last;
            if let Some(text) = self.answer(events.into_iter().map(|event| event.message)).await {
                break (text, noticed);
            }
        };
        assert!(answer.contains(&format!("delay={}", number + 1)), "{answer}");
        self.rest().await;
        (begun, ended)
    }

    async fn answer(&self, changed: impl Iterator<Item = MessageRef>) -> Option<String> {
        for at in changed {
            let message = self.app.console().message(&at).await.unwrap()?;
            if message.author.as_str() == "tribune" && message.thread.is_none() {
                return Some(message.text);
            }
        }
        None
    }

    /// Counts syncs between accepted and posted, from outside.
    async fn syncs(&self, times: usize) {
        let log = self.ground.state().join("../syncs");
        let mut strace = trace(&log);
        sleep(Duration::from_secs(1)).await;
        let mut spans = vec![];
        for (number, asker) in self.askers().iter().cycle().take(times).enumerate() {
            spans.push(self.ask(asker, 200 + number).await);
        }
        clean("kill").args(["-INT", &strace.id().to_string()]).status().unwrap();
        strace.wait().unwrap();
        let text = fs::read_to_string(&log).unwrap();
        let at: Vec<Timestamp> = text.lines().filter_map(sync_at).collect();
        assert!(!at.is_empty(), "strace saw no sync");
        let mut counts: Vec<usize> = spans
            .iter()
            .map(|(begun, ended)| at.iter().filter(|at| (begun..=ended).contains(at)).count())
            .collect();
        counts.sort_unstable();
        let (median, most) = (counts[counts.len() / 2], counts[counts.len() - 1]);
        let beside = format!("at most {most}, of {} messages", counts.len());
        counted("syncs of it, counted by strace", "3", median <= 3, median.to_string(), beside);
    }

    /// Brings a commit into force and, once the engine has decided everything on it, has it decide
    /// every open request once more, as it does by itself after a push.
    async fn decided_again(&self, times: usize) {
        let (mut took, mut named) = (vec![], vec![]);
        for round in 0..times {
            let next = self.prepare(1000 + round);
            self.bring_into_force(&next).await;
            self.rest().await;
            self.round_over().await;
            let begun = Instant::now();
            self.engine().consider_all().await.unwrap();
            self.round_over().await;
            took.push(begun.elapsed());
            while self.engine().names_left() > 0 {
                sleep(Duration::from_millis(1)).await;
            }
            named.push(begun.elapsed());
        }
        let named = time(Spread::of(named).median);
        let beside = format!("until each card says anew who could approve: {named}");
        let limit = Duration::from_secs(1);
        timed_with("1,000 open requests decided again", limit, Spread::of(took), beside);
    }

    async fn round_over(&self) {
        while self.engine().left_in_round() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Appends a page and syncs, three times, beside the store.
fn three_syncs(ground: &Ground) -> impl FnMut() {
    let mut file = File::create(ground.state().join("../bare")).unwrap();
    move || {
        for _ in 0..3 {
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
        }
    }
}

fn trace(log: &std::path::Path) -> Child {
    let own = std::process::id().to_string();
    let mut strace = clean("strace");
    strace.args(["-f", "-ttt", "-T", "-e", "trace=fsync,fdatasync", "-p", &own, "-o"]).arg(log);
    strace.stderr(Stdio::null()).spawn().unwrap()
}

/// Reads when a sync was over from a line of strace: one that is not over when the card stands
/// there was not waited for.
fn sync_at(line: &str) -> Option<Timestamp> {
    let mut words = line.split_whitespace().skip(1);
    let at: f64 = words.next()?.parse().ok()?;
    let call = words.next()?;
    let took: f64 = line.rsplit_once('<')?.1.strip_suffix('>')?.parse().ok()?;
    let over = match call {
        "<..." if line.contains("sync resumed>") => at,
        _ if call.starts_with("fsync(") || call.starts_with("fdatasync(") => at + took,
        _ => return None,
    };
    Timestamp::from_microsecond((over * 1e6) as i64).ok()
}
