//! `tribune demo`: the whole of Tribune on one machine, with sample people.

mod history;
mod shown;
pub mod town;

use std::io::BufRead as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tempfile::TempDir;
use tokio::sync::mpsc;
use url::Url;

use super::failure::{Exit, Failure};
use super::serve::Signals;
use super::shipped;
use super::story::{self, Cast};
use super::terminal::Terminal;
use crate::app::{Addresses, App};
use crate::clock::SystemClock;
use crate::process::sandbox::probe;
use crate::settings::{self, Settings, render_template};
use crate::telemetry;

/// The port that is tried first.
const PORT: u16 = 8410;

/// Look around: sample people, a policy repo with history, chat in the browser. Nothing to set up.
///
/// Everything runs in this process, on loopback, in a temporary folder that is removed at the end.
/// Each sample person gets a link that signs them in, each on a host name of their own, so that
/// one browser holds several of them. --story plays the whole by itself and checks each step.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tribune demo\n  tribune demo --dir /tmp/look --port 9000\n  tribune demo --story"
)]
pub struct DemoArgs {
    /// Keep everything in this folder, which must be empty or new.
    #[arg(long, conflicts_with = "story")]
    dir: Option<PathBuf>,
    /// Port of the console [default: 8410, or a free one].
    #[arg(long, conflicts_with = "story")]
    port: Option<u16>,
    /// Play thirteen steps from a denied request to an intent that asks for itself, and check each.
    ///
    /// Exits 0 if every step ended as it must, else 1 and names the step that did not.
    #[arg(long)]
    story: bool,
    /// Play the story with the policy repo in this folder instead of the shipped one.
    #[arg(long, value_name = "DIR", requires = "story")]
    repo: Option<PathBuf>,
    /// Play the story against this program instead of this one.
    #[arg(long, value_name = "PATH", requires = "story")]
    bin: Option<PathBuf>,
    /// Where the people of the story speak.
    #[arg(long, value_enum, default_value_t = Place::Console, requires = "story")]
    chat: Place,
    /// The homeserver for --chat matrix. Anybody must be able to register there, without limits on
    /// how much is written: one that is thrown away afterwards, as `scripts/synapse --run` starts.
    #[arg(long, value_name = "URL", requires = "story", required_if_eq("chat", "matrix"))]
    homeserver: Option<Url>,
}

/// Where the people of the story speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    /// In the built-in console.
    Console,
    /// On a Matrix homeserver.
    Matrix,
}

/// Runs the demonstration or plays the story.
pub fn run(args: &DemoArgs, out: &mut Terminal) -> Result<Exit, Failure> {
    if args.story {
        let files = args.repo.as_deref().map_or_else(|| Ok(shipped::files()), shipped::read)?;
        let bin = match &args.bin {
            Some(bin) => std::path::absolute(bin)?,
            None => std::env::current_exe()?,
        };
        let homeserver = match args.chat {
            Place::Console => None,
            Place::Matrix => args.homeserver.clone(),
        };
        let cast = Cast { files, bin, homeserver };
        return super::wait_for(story::play(cast, out));
    }
    let folder = Folder::make(args.dir.as_deref())?;
    let settings = prepare(folder.path(), args.port)?;
    telemetry::start(&settings.log)
        .map_err(|error| Failure::new(format!("failed to start the log: {error}")))?;
    super::wait_for(show(&settings, &folder, out))
}

/// Where everything is: a folder that is kept, or one that is removed at the end.
enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    fn make(dir: Option<&Path>) -> Result<Self, Failure> {
        let Some(dir) = dir else {
            let made = tempfile::Builder::new().prefix("tribune-demo-").tempdir();
            return made.map(Self::Temporary).map_err(|error| {
                Failure::new(format!("failed to make a temporary folder: {error}"))
            });
        };
        let dir = std::path::absolute(dir)?;
        std::fs::create_dir_all(&dir)?;
        if std::fs::read_dir(&dir)?.next().is_some() {
            return Err(Failure::usage(format!("{} is not empty", dir.display()))
                .hint("name a folder that is empty or new"));
        }
        Ok(Self::Kept(dir))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// Writes the policy repo with its history and the settings.
fn prepare(folder: &Path, port: Option<u16>) -> Result<Settings, Failure> {
    let repo = folder.join("policy");
    history::write(&repo, shipped::files(), Arc::new(SystemClock))
        .map_err(|error| Failure::new(error.to_string()))?;
    let listen = listen(port);
    let managed = folder.join("managed");
    std::fs::create_dir(&managed)?;
    let managed = toml::Value::String(managed.display().to_string());
    let text = render_template(&[
        ("state", "\"state\"".to_owned()),
        ("source.path", "\"policy\"".to_owned()),
        ("source.interval", "\"10s\"".to_owned()),
        ("web.listen", format!("\"{listen}\"")),
        ("exec.weak_sandbox", probe().needs_weak().to_string()),
        ("file.roots.managed", managed.to_string()),
        ("shutdown.grace", "\"2s\"".to_owned()),
        ("log.level", "\"warn\"".to_owned()),
    ]);
    let file = folder.join("tribune.toml");
    std::fs::write(&file, &text)?;
    Ok(settings::load(&file, &text, [])?)
}

/// Returns the port that was named, or the usual one, or else whatever is free then.
fn listen(port: Option<u16>) -> SocketAddr {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if let Some(port) = port {
        return at(port);
    }
    at(if TcpListener::bind(at(PORT)).is_ok() { PORT } else { 0 })
}

async fn show(settings: &Settings, folder: &Folder, out: &mut Terminal) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    let app = App::start(settings, Addresses::PerPerson).await?;
    let mut enter = enter();
    loop {
        out.text(&shown::page(&app, settings, folder.path()).await)?;
        tokio::select! {
            Some(()) = enter.recv() => {}
            () = signals.next() => break,
        }
    }
    out.line(match folder {
        Folder::Kept(_) => "stopping; the folder stays",
        Folder::Temporary(_) => "stopping; the folder is removed",
    })?;
    app.stop().await;
    Ok(Exit::Fine)
}

/// Gives something each time Enter is pressed; nothing any more once standard input is closed.
///
/// A thread of its own, since a read of a terminal cannot be called off.
fn enter() -> mpsc::Receiver<()> {
    let (send, receive) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.is_err() || send.blocking_send(()).is_err() {
                return;
            }
        }
    });
    receive
}
