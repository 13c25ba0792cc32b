//! Files of this machine that Tribune keeps looking at.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::time::sleep;
use tribune::clock::SystemClock;
use tribune::domain::drift::{Found, Watch};
use tribune::ports::board::Board as _;
use tribune::ports::clock::Clock as _;

use super::{CHANNEL, Town};
use crate::sample::repo::{Size, policy_repo, write};
use crate::spread::{Spread, time, timed_with};

impl Town<'_> {
    /// How long it takes from `!drift check` until every standing intent was looked at, and that
    /// is written down.
    pub(super) async fn standing(&self, files: usize, times: usize) {
        let begun = Instant::now();
        self.declare(files).await;
        self.looked_since(Timestamp::MIN, files).await;
        let first = begun.elapsed();
        let mut took = vec![];
        for number in 0..times {
            self.rest().await;
            let (asked, begun) = (SystemClock.now(), Instant::now());
            self.say("!drift check", &format!("drift-{asked}-{number}")).await;
            self.looked_since(asked, files).await;
            took.push(begun.elapsed());
        }
        let beside = format!(
            "from their commit to the first look of all, an audit row each, while open requests \
             are decided again: {}",
            time(first)
        );
        let limit = Duration::from_secs(2);
        timed_with("200 standing file intents checked", limit, Spread::of(took), beside);
    }

    /// Brings standing intents into force whose files are as declared.
    async fn declare(&self, files: usize) {
        let mut texts = policy_repo(&Size { files, ..self.size.clone() });
        texts.retain(|path, _| path.contains("settings-"));
        write(&self.ground.repo(), &texts).unwrap();
        for (path, text) in texts.iter().filter(|(path, _)| path.ends_with(".conf")) {
            let live = self.ground.managed().join(path.rsplit('/').next().unwrap());
            fs::write(&live, text).unwrap();
            fs::set_permissions(&live, Permissions::from_mode(0o644)).unwrap();
        }
        let next = self.write_commit();
        self.bring_into_force(&next).await;
    }

    /// Waits until so many targets were looked at since then. All are as declared.
    async fn looked_since(&self, since: Timestamp, files: usize) {
        let since = since.as_millisecond();
        let is_looked_at =
            |watch: &Watch| watch.checked.is_some_and(|at| at.as_millisecond() >= since);
        loop {
            let watches = self.engine().ports().store.watches().await.unwrap();
            let looked: Vec<_> = watches.iter().filter(|watch| is_looked_at(watch)).collect();
            if looked.len() == files {
                assert!(looked.iter().all(|watch| watch.found == Found::InSync), "{looked:?}");
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn say(&self, command: &str, nonce: &str) {
        let (person, ..) = &self.askers()[0];
        let account = person.id.as_str().parse().unwrap();
        let channel = CHANNEL.parse().unwrap();
        self.app.console().write(&account, &channel, None, command, nonce).await.unwrap();
    }
}
