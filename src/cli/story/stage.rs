//! The world of the story: a policy repo, the watched repository, the daemon, people at browsers,
//! and a file outside the store to which every executed act appends a line.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::browser::Browser;
use super::daemon::Binary;
use super::homeserver::Homeserver;
use super::look::{Look, PATIENCE, until};
use super::page::Seen;
use super::person;
use super::rehearse::{Script, matrix_settings, rehearse, settings};
use super::seat::{MatrixTown, Seat};
use super::transcript::{StepError, Transcript};
use crate::cli::check::diagnose_files;
use crate::cli::demo::town::{BRANCH, Files, Town};
use crate::cli::diagnostic::render;
use crate::clock::SystemClock;
use crate::domain::diagnostic::Severity;
use crate::domain::id::{PersonId, RepoPath, RequestId, Revision};
use crate::domain::request::State;
use crate::manifest;
use crate::process::command::{Spec, run};
use crate::process::sandbox::probe;
use crate::source::workbench::Content;
use crate::web::host_api::{RequestDetail, RequestLine, SourceStatus};

/// The world of the story.
pub struct Stage<'a> {
    /// What is printed.
    pub tell: Transcript<'a>,
    /// The policy repo as its people work on it.
    pub town: Town,
    /// The program under test.
    pub binary: Binary,
    /// The file that acts append to.
    pub acts: PathBuf,
    /// The ban that step 5 merges, if the policy repo has it.
    pub ban: Option<(RepoPath, Content)>,
    /// The first revision.
    pub first: Revision,
    state: PathBuf,
    origin: PathBuf,
    seats: BTreeMap<PersonId, Seat>,
    matrix: Option<Arc<MatrixTown>>,
}

impl<'a> Stage<'a> {
    /// Builds everything below `folder` and starts the daemon.
    pub async fn build(
        folder: &Path,
        bin: &Path,
        files: Files,
        homeserver: Option<Homeserver>,
        tell: Transcript<'a>,
    ) -> Result<Self, StepError> {
        let make = |name: &str| {
            let path = folder.join(name);
            std::fs::create_dir_all(&path).map(|()| path).map_err(StepError::broken)
        };
        let (origin, state) = (make("policy.git")?, folder.join("state"));
        let acts = make("acts")?.join("acts.log");
        std::fs::write(&acts, "").map_err(StepError::broken)?;
        let Script { mut files, ban } = rehearse(files, &acts);
        loads(&files)?;
        let mut text = settings(&state, &origin, probe().needs_weak());
        let matrix = match homeserver {
            Some(homeserver) => {
                let (url, token) = (homeserver.url().clone(), folder.join("matrix-token"));
                let town = MatrixTown::settle(homeserver, &mut files).await?;
                write_secret(&token, town.bot_token())?;
                text.push_str(&matrix_settings(&url, &token));
                Some(Arc::new(town))
            }
            None => None,
        };
        let clock = Arc::new(SystemClock);
        let town = Town::found(&folder.join("work"), files, &person("ada"), clock)?;
        let config = folder.join("tribune.toml");
        std::fs::write(&config, text).map_err(StepError::broken)?;
        let binary = Binary::new(bin, &config, &folder.join("daemon.log"))?;
        let first = town.head()?;
        let seats = BTreeMap::new();
        let mut stage = Self { tell, town, binary, acts, ban, first, state, origin, seats, matrix };
        git(&stage.origin, &["init", "--quiet", "--bare", "-b", BRANCH]).await?;
        stage.push(Force::No).await?;
        stage.binary.start().await?;
        stage.applied().await?;
        Ok(stage)
    }

    /// Starts the daemon again; people at browsers follow it to its new port.
    pub async fn start_again(&mut self) -> Result<(), StepError> {
        self.binary.start().await?;
        for seat in self.seats.values_mut() {
            seat.follow(self.binary.console())?;
        }
        Ok(())
    }

    /// Returns the daemon's store.
    pub fn store(&self) -> PathBuf {
        self.state.join("tribune.sqlite")
    }

    /// Publishes the head of the town by `git push`; does not wait for the daemon.
    pub async fn push(&mut self, force: Force) -> Result<Revision, StepError> {
        let origin = self.origin.display().to_string();
        let mut words = vec!["push", "--quiet"];
        if force == Force::Yes {
            words.push("--force");
        }
        words.extend([origin.as_str(), BRANCH]);
        git(self.town.folder(), &words).await?;
        Ok(self.town.head()?)
    }

    /// Waits until the head of the town is what decides.
    pub async fn applied(&self) -> Result<SourceStatus, StepError> {
        let head = self.town.head()?;
        self.source(&format!("revision {} applied", head.short()), |status| {
            status.state.applied.as_ref() == Some(&head)
        })
        .await
    }

    /// Waits until `tribune source status` is as wanted.
    pub async fn source(
        &self,
        expected: &str,
        is_so: impl Fn(&SourceStatus) -> bool,
    ) -> Result<SourceStatus, StepError> {
        until(expected, PATIENCE, async || {
            let status: SourceStatus = self.binary.json(&["source", "status", "--json"]).await?;
            let seen = format!("{:?}", status.state);
            Ok(Look::of(Some(status).filter(|status| is_so(status)), || seen))
        })
        .await
    }

    /// Returns where a person sits; at a browser they are signed in the first time by a link of
    /// `tribune login`.
    pub async fn seat(&mut self, person: &PersonId) -> Result<&Seat, StepError> {
        if !self.seats.contains_key(person) {
            let seat = match &self.matrix {
                Some(town) => town.seat(person.as_str()),
                None => Seat::Console(self.sign_in(person).await?),
            };
            self.seats.insert(person.clone(), seat);
        }
        self.seats.get(person).ok_or_else(|| StepError::Broken(format!("{person} has no seat")))
    }

    async fn sign_in(&self, person: &PersonId) -> Result<Browser, StepError> {
        let output = self.binary.command(&["login", person.as_str()]).await?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let link = told.lines().next().unwrap_or_default();
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(StepError::Broken(format!("tribune login {person}: {why}")));
        }
        Ok(Browser::sign_in(link, self.binary.console()).await?)
    }

    /// Lets a person type a command in a channel; returns the message's id.
    pub async fn say(
        &mut self,
        person: &PersonId,
        channel: &str,
        text: &str,
    ) -> Result<String, StepError> {
        self.tell.did(person.as_str(), &format!("#{channel}: {text}"))?;
        self.seat(person).await?.say(channel, text).await
    }

    /// Lets a person ask for something; returns the request once there is one.
    pub async fn ask(
        &mut self,
        person: &PersonId,
        channel: &str,
        text: &str,
    ) -> Result<RequestDetail, StepError> {
        let last = self.last_request().await?;
        self.say(person, channel, text).await?;
        let id = until(&format!("a request of @{person}"), PATIENCE, async || {
            let newest = self.last_request().await?.filter(|id| Some(*id) > last);
            let stream = self.seat(person).await?.stream(channel).await?;
            Ok(Look::of(newest, || last_words(&stream)))
        })
        .await?;
        self.request(id).await
    }

    async fn last_request(&self) -> Result<Option<RequestId>, StepError> {
        let list: Vec<RequestLine> =
            self.binary.json(&["request", "list", "--limit", "1", "--json"]).await?;
        Ok(list.first().map(|line| line.id))
    }

    /// Returns a request as it is now.
    pub async fn request(&self, id: RequestId) -> Result<RequestDetail, StepError> {
        self.binary.json(&["request", "show", &id.to_string(), "--json"]).await
    }

    /// Waits until a request is in one of these states.
    pub async fn until(&self, id: RequestId, wanted: &[State]) -> Result<RequestDetail, StepError> {
        self.within(PATIENCE, id, wanted).await
    }

    /// As [`Self::until`], with less patience.
    pub async fn within(
        &self,
        patience: Duration,
        id: RequestId,
        wanted: &[State],
    ) -> Result<RequestDetail, StepError> {
        let names: Vec<&str> = wanted.iter().map(|state| state.as_str()).collect();
        let expected = format!("{id} {}", names.join(" or "));
        until(&expected, patience, async || {
            let detail = self.request(id).await?;
            let (state, seen) = (detail.request.state, state_and_why(&detail));
            if state.is_final() && !wanted.contains(&state) {
                return Err(StepError::Wrong { expected: expected.clone(), seen });
            }
            Ok(Look::of(Some(detail).filter(|_| wanted.contains(&state)), || seen))
        })
        .await
    }

    /// Waits until the current card of a request is in its channel, as `person` sees it.
    pub async fn card(
        &mut self,
        person: &PersonId,
        channel: &str,
        id: RequestId,
    ) -> Result<Seen, StepError> {
        until(&format!("the card of {id} in #{channel}"), PATIENCE, async || {
            let digest = self.request(id).await?.request.digest.short();
            let stream = self.seat(person).await?.stream(channel).await?;
            let head = format!("{id} ");
            let card = stream.iter().rfind(|seen| {
                seen.is_tribune() && seen.text.starts_with(&head) && seen.text.contains(&digest)
            });
            Ok(Look::of(card.cloned(), || format!("none of {digest}; {}", last_words(&stream))))
        })
        .await
    }

    /// Waits until the current card of a request says something.
    pub async fn card_says(
        &mut self,
        person: &PersonId,
        channel: &str,
        id: RequestId,
        words: &str,
    ) -> Result<Seen, StepError> {
        until(&format!("the card of {id} says {words:?}"), PATIENCE, async || {
            let card = self.card(person, channel, id).await?;
            let seen = card.text.clone();
            Ok(Look::of(Some(card).filter(|card| card.text.contains(words)), || seen))
        })
        .await
    }

    /// Lets a person click a reaction on the current card of a request.
    pub async fn react(
        &mut self,
        person: &PersonId,
        channel: &str,
        id: RequestId,
        sign: &str,
    ) -> Result<(), StepError> {
        let card = self.card(person, channel, id).await?;
        self.tell
            .did(person.as_str(), &format!("#{channel}: reacts {sign} on the card of {id}"))?;
        self.seat(person).await?.react(channel, &card.id, sign).await
    }

    /// Waits until a request is over.
    pub async fn settled(&self, id: RequestId) -> Result<RequestDetail, StepError> {
        self.holds(id, "its end", |detail| detail.request.state.is_final()).await
    }

    /// Waits until something is so of a request.
    pub async fn holds(
        &self,
        id: RequestId,
        expected: &str,
        is_so: impl Fn(&RequestDetail) -> bool,
    ) -> Result<RequestDetail, StepError> {
        until(&format!("{id}: {expected}"), PATIENCE, async || {
            let detail = self.request(id).await?;
            let seen = state_and_why(&detail);
            Ok(Look::of(Some(detail).filter(|detail| is_so(detail)), || seen))
        })
        .await
    }

    /// Waits until Tribune has said all of `words` in one message of a channel.
    pub async fn says(
        &mut self,
        person: &PersonId,
        channel: &str,
        words: &[&str],
    ) -> Result<Seen, StepError> {
        let expected = format!("a message in #{channel} with {}", words.join(" and "));
        until(&expected, PATIENCE, async || {
            let stream = self.seat(person).await?.stream(channel).await?;
            let said = stream.iter().rfind(|seen| {
                seen.is_tribune() && words.iter().all(|word| seen.text.contains(word))
            });
            Ok(Look::of(said.cloned(), || last_words(&stream)))
        })
        .await
    }

    /// Waits until something is so of a message of a channel.
    pub async fn message(
        &mut self,
        person: &PersonId,
        channel: &str,
        id: &str,
        expected: &str,
        is_so: impl Fn(&Seen) -> bool,
    ) -> Result<Seen, StepError> {
        until(expected, PATIENCE, async || {
            let stream = self.seat(person).await?.stream(channel).await?;
            let found = stream.into_iter().find(|seen| seen.id == id);
            let seen = found.as_ref().map_or("no such message".to_owned(), |it| it.text.clone());
            Ok(Look::of(found.filter(|found| is_so(found)), || seen))
        })
        .await
    }

    /// Waits until an act of that name beyond the first `before` is written, and returns its
    /// process number.
    pub async fn process_of(&self, name: &str, before: usize) -> Result<u32, StepError> {
        until(&format!("{name} to write where it runs"), PATIENCE, async || {
            let text = std::fs::read_to_string(&self.acts).map_err(StepError::broken)?;
            let act = text.lines().filter(|line| line.contains(name)).nth(before);
            let process = act.and_then(|line| line.split(' ').nth(1)?.parse().ok());
            Ok(Look::of(process, || text))
        })
        .await
    }

    /// Returns how many acts of that name were executed, as written outside the store.
    pub fn acts(&self, name: &str) -> Result<usize, StepError> {
        let text = std::fs::read_to_string(&self.acts).map_err(StepError::broken)?;
        Ok(text.lines().filter(|line| line.contains(name)).count())
    }
}

/// Fails with every error that keeps a policy repo from being applied.
fn loads(files: &Files) -> Result<(), StepError> {
    let mut loaded = manifest::Files::default();
    for (path, content) in files {
        loaded.insert(path.clone(), content.bytes.clone(), content.executable);
    }
    let errors: Vec<String> = diagnose_files(loaded)
        .into_iter()
        .filter(|it| it.severity == Severity::Error)
        .map(|it| render(&it))
        .collect();
    if errors.is_empty() {
        return Ok(());
    }
    Err(StepError::Broken(format!("the policy repo does not load:\n{}", errors.concat())))
}

/// Returns what Tribune said last, for a step that failed.
fn last_words(stream: &[Seen]) -> String {
    let said = stream.iter().rfind(|seen| seen.is_tribune());
    said.map_or("nothing".to_owned(), |seen| seen.text.clone())
}

/// Returns where a request stands and why.
pub fn state_and_why(detail: &RequestDetail) -> String {
    format!("{}: {}", detail.request.state.as_str(), detail.why.join("; "))
}

/// Writes a file that only its owner reads.
fn write_secret(file: &Path, secret: &str) -> Result<(), StepError> {
    std::fs::write(file, secret).map_err(StepError::broken)?;
    let owner_only = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(file, owner_only).map_err(StepError::broken)
}

/// Whether a push may rewrite history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// It may not.
    No,
    /// It may.
    Yes,
}

/// Runs the `git` program.
async fn git(folder: &Path, words: &[&str]) -> Result<(), StepError> {
    let argv = ["git"].iter().chain(words);
    let spec = Spec::new(argv)
        .cwd(folder)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    let output = run(&spec).await.map_err(StepError::broken)?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(StepError::Broken(format!("git {}: {told}", words.join(" "))))
}
