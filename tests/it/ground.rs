//! A policy repo, a state folder to begin from, people who are signed in, and the daemon: the
//! built binary, driven as people drive it.

#![expect(
    clippy::disallowed_methods,
    reason = "the test starts programs from outside, as people do"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use reqwest::{Client, redirect};
use serde_json::Value;
use tribune::store::audit::{Report, Witnesses, verify_store};
use tribune::store::ledger::PublicKey;

/// How long anything may take to become so.
const PATIENCE: Duration = Duration::from_secs(120);
const CHANNEL: &str = "ops";

pub struct Ground {
    folder: tempfile::TempDir,
    /// The port of the daemon that runs now, once it is known.
    port: Mutex<Option<u16>>,
    http: Client,
    /// Cookies of people.
    people: BTreeMap<&'static str, String>,
}

/// The daemon, perhaps inside of strace.
pub struct Daemon(Child);

impl Daemon {
    pub fn is_dead(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Says whether the daemon is still there after a while.
    pub async fn outlives(&mut self, time: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if self.is_dead() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// Sends it a signal (`TERM`, `HUP`).
    pub fn signal(&self, name: &str) {
        let words = [format!("-{name}"), self.0.id().to_string()];
        assert!(Command::new("kill").args(words).status().unwrap().success());
    }

    /// Kills it, if nobody did. The daemon is the only child of strace that may outlive it.
    pub async fn end(&mut self) {
        if !self.is_dead() {
            let own = self.0.id();
            let children =
                fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
            let inside_strace = fs::read_to_string(format!("/proc/{own}/comm"))
                .is_ok_and(|name| name.trim() == "strace");
            let target = match children.split_whitespace().next() {
                Some(child) if inside_strace => child.to_owned(),
                _ => own.to_string(),
            };
            Command::new("kill").args(["-9", &target]).status().unwrap();
        }
        self.0.wait().unwrap();
    }
}

/// A program that sees nothing of the test's environment: the daemon takes settings from it.
fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/nonexistent");
    command
}

fn run(program: &str, folder: &Path, words: &[&str]) -> String {
    let output = clean(program)
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed by this test: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

impl Ground {
    /// Writes the policy repo, lets the daemon apply it, signs people in, and keeps the state.
    /// `more` are files of the repo beside the shipped ones; scripts may be executed.
    pub async fn build(more: impl Fn(&Self) -> Vec<(String, String)>) -> Self {
        Self::build_with("", more).await
    }

    /// As [`Self::build`], with further tables of settings.
    pub async fn build_with(settings: &str, more: impl Fn(&Self) -> Vec<(String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        tribune::chat::tls::install();
        let http = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let mut ground = Self { folder, port: Mutex::default(), http, people: BTreeMap::new() };
        ground.write_repo(&more(&ground));
        ground.write_settings(settings);
        let mut daemon = ground.start();
        for person in ["ken", "grace"] {
            let cookie = ground.sign_in(&mut daemon, person).await;
            ground.people.insert(person, cookie);
        }
        daemon.end().await;
        ground.begin_here();
        ground
    }

    /// Returns a path beside the policy repo and the state.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_repo(&self, more: &[(String, String)]) {
        let repo = self.at("policy");
        fs::create_dir(self.at("acts")).unwrap();
        let binary = crate::containment::binary().display().to_string();
        let admin = ["--admin", "ada", "--account", "console:ada"];
        run(&binary, self.folder.path(), &[&["init", "policy"], &admin[..]].concat());
        for (path, text) in more {
            fs::write(repo.join(path), text).unwrap();
            if path.ends_with(".sh") {
                run("chmod", &repo, &["755", path]);
            }
        }
        run("git", &repo, &["init", "-q", "-b", "main"]);
        run("git", &repo, &["add", "-A"]);
        let who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"];
        run("git", &repo, &[&who[..], &["commit", "-q", "-m", "begin"]].concat());
    }

    fn write_settings(&self, more: &str) {
        let weak = tribune::process::sandbox::probe().needs_weak();
        let folder = self.folder.path().display();
        let text = format!(
            "state = \"{folder}/state\"\n[source]\npath = \"{folder}/policy\"\n\
             [web]\nlisten = \"127.0.0.1:0\"\n[exec]\nweak_sandbox = {weak}\n{more}"
        );
        fs::write(self.at("tribune.toml"), text).unwrap();
    }

    /// From now on [`Self::reset`] goes back to the state as it is here. No daemon runs.
    pub fn begin_here(&self) {
        run("rm", self.folder.path(), &["-rf", "begin"]);
        run("cp", self.folder.path(), &["-a", "state", "begin"]);
    }

    /// Commits files to the policy repo, which the daemon watches; returns the commit.
    pub fn commit(&self, subject: &str, files: &[(&str, &str)]) -> String {
        let repo = self.at("policy");
        for (path, text) in files {
            fs::write(repo.join(path), text).unwrap();
        }
        let who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"];
        let what = ["commit", "-q", "--allow-empty", "-a", "-m", subject];
        run("git", &repo, &[&who[..], &what[..]].concat());
        run("git", &repo, &["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Sets the policy repo back to an older commit, as a forced push does.
    pub fn rewind(&self, revision: &str) {
        run("git", &self.at("policy"), &["reset", "-q", "--hard", revision]);
    }

    /// Runs a piece of Perl as a user without rights; its argument is the state folder.
    pub fn as_nobody(&self, script: &str) -> String {
        let state = self.at("state").display().to_string();
        let become_one = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
        let words = [&become_one[..], &["perl", "-e", script, &state]].concat();
        run("setpriv", std::path::Path::new("/"), &words)
    }

    /// Back to the state in which nothing was asked yet.
    pub fn reset(&self) {
        run("rm", self.folder.path(), &["-rf", "state", "acts/log"]);
        run("cp", self.folder.path(), &["-a", "begin", "state"]);
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        let mut all = vec![crate::containment::binary().display().to_string()];
        all.extend(words.iter().map(|word| (*word).to_owned()));
        all.extend(["--config".to_owned(), self.at("tribune.toml").display().to_string()]);
        all
    }

    fn spawn(&self, words: &[String]) -> Daemon {
        *self.port.lock().unwrap() = None;
        let log = File::options().create(true).append(true).open(self.at("log")).unwrap();
        let child = clean(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Daemon(child.unwrap_or_else(|error| panic!("{} is needed by this test: {error}", words[0])))
    }

    /// Starts the daemon.
    pub fn start(&self) -> Daemon {
        self.spawn(&self.words(&["serve"]))
    }

    /// Starts the daemon as systemd does, which listens on `socket` and asks for a sign of life.
    pub fn start_told(&self, socket: &Path) -> Daemon {
        let told = format!("NOTIFY_SOCKET={}", socket.display());
        let mut words = vec!["env".to_owned(), told, "WATCHDOG_USEC=400000".to_owned()];
        words.extend(self.words(&["serve"]));
        self.spawn(&words)
    }

    /// Starts the daemon so that it dies as it enters the `nth` sync of the store's log.
    pub fn start_and_kill_at(&self, nth: u32) -> Daemon {
        let log = self.at("state/tribune.sqlite-wal");
        let mut words: Vec<String> =
            ["strace", "-f", "-qqq", "-o", "/dev/null", "-P"].map(str::to_owned).into();
        words.push(log.display().to_string());
        words.push("-e".to_owned());
        words.push("trace=fsync,fdatasync".to_owned());
        words.push("-e".to_owned());
        words.push(format!("inject=fsync,fdatasync:signal=SIGKILL:when={nth}"));
        words.extend(self.words(&["serve"]));
        self.spawn(&words)
    }

    /// Waits until `done` gives something; `None`: the daemon died first.
    pub async fn until<T>(
        &self,
        daemon: &mut Daemon,
        what: &str,
        mut done: impl AsyncFnMut() -> Option<T>,
    ) -> Option<T> {
        let begun = Instant::now();
        loop {
            if daemon.is_dead() {
                return None;
            }
            if let Some(value) = done().await {
                return Some(value);
            }
            if begun.elapsed() > PATIENCE {
                panic!("{what} takes too long\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Returns the end of the daemon's log.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.at("log")).unwrap_or_default();
        let skip = log.lines().count().saturating_sub(20);
        log.lines().skip(skip).collect::<Vec<_>>().join("\n")
    }

    /// Returns where the console is; `None` while the daemon does not say so.
    pub fn origin(&self) -> Option<String> {
        let mut port = self.port.lock().unwrap();
        if port.is_none() {
            let status: Value = serde_json::from_str(&self.tell(&["status", "--json"]).1).ok()?;
            *port = Some(status["console"].as_str()?.parse::<reqwest::Url>().ok()?.port()?);
        }
        Some(format!("http://localhost:{}", (*port)?))
    }

    /// Returns what a command of the host says; `None` if it fails.
    pub fn command(&self, words: &[&str]) -> Option<String> {
        let (code, said, _) = self.tell(words);
        (code == 0).then_some(said)
    }

    /// Returns how a command of the host exits, what it says, and what it says of failures.
    pub fn tell(&self, words: &[&str]) -> (i32, String, String) {
        let words = self.words(words);
        let output = clean(&words[0]).args(&words[1..]).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    async fn sign_in(&self, daemon: &mut Daemon, person: &str) -> String {
        let link = self
            .until(daemon, "a sign-in link", async || self.command(&["login", person]))
            .await
            .unwrap_or_else(|| panic!("the daemon ended: {}", self.log()));
        let link =
            link.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned();
        let page = self.http.get(&link).send().await.unwrap().text().await.unwrap();
        let token = between(&page, "name=\"token\" value=\"", "\"").unwrap();
        let origin = self.origin().unwrap();
        let answer = self
            .http
            .post(format!("{origin}/sign-in"))
            .header("Origin", &origin)
            .form(&[("token", token)])
            .send()
            .await
            .unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// Returns a page as somebody sees it; `None` if it cannot be had.
    pub async fn page(&self, person: &str, path: &str) -> Option<String> {
        let url = format!("{}{path}", self.origin()?);
        let answer = self.http.get(url).header("Cookie", &self.people[person]).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        answer.text().await.ok()
    }

    async fn post(&self, person: &str, path: &str, form: &[(&str, &str)]) -> Option<()> {
        let page = self.page(person, &format!("/c/{CHANNEL}")).await?;
        let csrf = between(&page, "data-csrf=\"", "\"")?;
        let mut fields = vec![("csrf", csrf)];
        fields.extend_from_slice(form);
        let origin = self.origin()?;
        let answer = self
            .http
            .post(format!("{origin}{path}"))
            .header("Cookie", &self.people[person])
            .header("Origin", &origin)
            .header("Accept", "application/json")
            .form(&fields)
            .send()
            .await
            .ok()?;
        answer.status().is_success().then_some(())
    }

    /// Lets a person type something, until the console has taken it.
    pub async fn say(
        &self,
        daemon: &mut Daemon,
        person: &str,
        text: &str,
        nonce: &str,
    ) -> Option<()> {
        let path = format!("/c/{CHANNEL}/messages");
        let form = [("text", text), ("nonce", nonce)];
        self.until(daemon, text, async || self.post(person, &path, &form).await).await
    }

    /// Lets a person click a reaction on the card, until the console has taken it.
    pub async fn react(&self, daemon: &mut Daemon, person: &str, sign: &str) -> Option<()> {
        let form = [("sign", sign), ("give", "true")];
        self.until(daemon, sign, async || {
            if self.command(&["request", "show", "r1", "--json"])?.contains("\"needs_approval\"") {
                let (id, _) = self.card().await?;
                let path = format!("/c/{CHANNEL}/m/{id}/react");
                self.post(person, &path, &form).await
            } else {
                Some(())
            }
        })
        .await
    }

    /// Returns the id and the HTML of the newest card of r1.
    async fn card(&self) -> Option<(String, String)> {
        let page = self.page("ken", &format!("/c/{CHANNEL}")).await?;
        let card = page
            .split("<li class=\"message")
            .filter(|piece| piece.contains("data-author=\"tribune\""))
            .filter(|piece| piece.contains("r1") && piece.contains("seconds="))
            .last()?;
        Some((between(card, "data-id=\"", "\"")?.to_owned(), card.to_owned()))
    }

    /// Returns the state of r1; `none` if there is no such request yet.
    pub async fn state(&self, daemon: &mut Daemon) -> Option<String> {
        self.until(daemon, "the list of requests", async || {
            let list: Value =
                serde_json::from_str(&self.command(&["request", "list", "--json"])?).ok()?;
            let first = list.as_array()?.first();
            Some(first.map_or("none", |line| line["state"].as_str().unwrap()).to_owned())
        })
        .await
    }

    /// Returns how many requests there are.
    pub async fn requests(&self, daemon: &mut Daemon) -> usize {
        let count = self.until(daemon, "the list of requests", async || {
            let list: Value =
                serde_json::from_str(&self.command(&["request", "list", "--json"])?).ok()?;
            Some(list.as_array()?.len())
        });
        count.await.expect("nobody kills this one")
    }

    /// Says whether the card of r1 comes to tell of its end.
    pub async fn card_says(&self, daemon: &mut Daemon, state: &str) -> bool {
        let word = match state {
            "succeeded" => "succeeded",
            "vetoed" => "veto",
            "timed_out" => "time",
            "cancelled" => "cancelled",
            "interrupted" => "interrupted",
            other => other,
        };
        let said = self.until(daemon, "the card", async || {
            let (_, html) = self.card().await?;
            html.to_lowercase().contains(word).then_some(())
        });
        said.await.is_some()
    }

    /// Returns how many lines acts have written.
    pub fn acts(&self) -> usize {
        fs::read_to_string(self.at("acts/log")).map_or(0, |text| text.lines().count())
    }

    /// Waits until an act has written its line.
    pub async fn wait_for_act(&self, daemon: &mut Daemon) -> Option<()> {
        self.until(daemon, "the act", async || (self.acts() > 0).then_some(())).await
    }

    /// Verifies the audit log while the daemon runs.
    pub async fn verify_audit(&self, context: &str) -> Report {
        let state = self.at("state");
        let witnesses = Witnesses {
            store: state.join("tribune.sqlite"),
            rows: Some(state.join("audit.jsonl")),
            checkpoints: vec![state.join("checkpoints")],
            key: Some(PublicKey::beside(&state.join("audit.key")).unwrap()),
        };
        let report = verify_store(&witnesses).await.unwrap();
        assert!(report.is_fine(), "{context}\n{report}");
        report
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}
