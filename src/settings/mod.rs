//! The daemon's own configuration: a TOML file, overridden by the environment, with files for
//! secrets.
//!
//! Everything is checked before anything is started, every problem is told at once, and a key
//! that nothing reads is refused.

mod given;
mod keys;
mod matrix;
mod mattermost;
mod read;
mod reload;
mod template;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use url::Url;

use crate::domain::id::{ChannelName, Revision, RootName, SecretName};
use crate::domain::retention::Retention;
use crate::domain::trust::TrustMode;

pub use keys::{Key, Kind, keys, nearest};
pub use matrix::Matrix;
pub use mattermost::Mattermost;
pub use read::load;
pub use reload::{Changed, changed};
pub use template::{Chosen, reference, render as render_template};

/// Everything that the daemon is told by its operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file that says it.
    pub file: PathBuf,
    /// The folder for what must survive.
    pub state: PathBuf,
    /// The policy repo.
    pub source: Source,
    /// The console.
    pub web: Web,
    /// The Mattermost server, if there is one.
    pub mattermost: Option<Mattermost>,
    /// The Matrix homeserver, if there is one.
    pub matrix: Option<Matrix>,
    /// The channel for Tribune's own affairs.
    pub operations: ChannelName,
    /// Running programs.
    pub exec: Exec,
    /// Managed files.
    pub managed: Managed,
    /// Where secrets of runs come from.
    pub secrets: BTreeMap<SecretName, SecretOrigin>,
    /// The audit log's files.
    pub audit: Audit,
    /// How long things are kept.
    pub retention: Retention,
    /// What is heard of what people type.
    pub intake: Intake,
    /// How long runs may take to end at shutdown.
    pub grace: SignedDuration,
    /// The daemon's log.
    pub log: Log,
    /// Every value that holds, as TOML, by full name of its key.
    pub values: BTreeMap<&'static str, String>,
}

/// The policy repo and how far it is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub origin: Origin,
    /// The branch that decides.
    pub branch: String,
    /// How often to fetch.
    pub interval: SignedDuration,
    /// The first revision to accept.
    pub start: Option<Revision>,
    /// What a new revision must prove.
    pub trust: TrustMode,
    /// How long one fetch may take.
    pub timeout: SignedDuration,
    /// The token for https.
    pub token_file: Option<PathBuf>,
    /// The key for ssh.
    pub ssh_key: Option<PathBuf>,
    /// The hosts that ssh knows.
    pub known_hosts: Option<PathBuf>,
    /// The authorities for https.
    pub ca_file: Option<PathBuf>,
}

/// Where the policy repo is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Elsewhere, by address.
    Remote(String),
    /// On this machine.
    Local(PathBuf),
}

/// The console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What people type.
    pub external_url: Url,
}

/// Running programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// Where programs are looked for.
    pub path: Vec<PathBuf>,
    /// Where runs live.
    pub work: PathBuf,
    /// How many at once.
    pub max_parallel: u32,
    /// Whether to run where the kernel cannot confine.
    pub weak_sandbox: bool,
}

/// Managed files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// Folders below which files are managed, by the name that intents use; none: no file is.
    pub roots: BTreeMap<RootName, PathBuf>,
    /// How many previous copies of one file stay.
    pub keep: u32,
}

/// Where the value of a secret comes from; it is read when a run needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretOrigin {
    /// A file, whose last line feed is dropped.
    File(PathBuf),
    /// An environment variable of the daemon.
    Variable(String),
    /// A systemd credential (`LoadCredential=`).
    Credential(String),
    /// What a program prints, without its last line feed; the words, the first a whole path.
    Command(Vec<String>),
}

/// The audit log's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Rows as JSON lines.
    pub jsonl: PathBuf,
    /// Signed checkpoints.
    pub checkpoints: PathBuf,
    /// The key that signs them.
    pub key: PathBuf,
}

/// What is heard of what people type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intake {
    /// Older commands that do something are asked about.
    pub late_after: SignedDuration,
    /// Commands of one person within a minute.
    pub per_person: u32,
    /// Commands in one channel within a minute.
    pub per_channel: u32,
}

/// The daemon's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Its form.
    pub format: LogFormat,
    /// What is logged.
    pub level: String,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Settings {
    /// Returns the socket that commands on the host speak to.
    pub fn socket(&self) -> PathBuf {
        self.state.join("host.sock")
    }

    /// Returns the file whose content a command must show on that socket.
    pub fn socket_token(&self) -> PathBuf {
        self.state.join("host.token")
    }

    /// Returns the SQLite file.
    pub fn store(&self) -> PathBuf {
        self.state.join("tribune.sqlite")
    }

    /// Returns the folder of previous copies of managed files.
    pub fn previous(&self) -> PathBuf {
        self.state.join("previous")
    }

    /// Returns the folder of the bare mirror.
    pub fn mirror(&self) -> PathBuf {
        self.state.join("mirror.git")
    }
}

/// What is wrong with the settings: every problem, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SettingsError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Problem {
    /// `tribune.toml:3:1`, a variable's name, or the file.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Returns the settings file to use when none is named: `tribune.toml` here, else in `/etc`.
pub fn default_file(here: &Path) -> PathBuf {
    let local = here.join("tribune.toml");
    if local.is_file() { local } else { PathBuf::from("/etc/tribune/tribune.toml") }
}
