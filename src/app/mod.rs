//! Wiring: settings to adapters to engine to tasks, and down again in the reverse order.

pub mod chats;
mod folder;
mod reload;
pub mod secrets;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::SignedDuration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::chat::console::Console;
use crate::clock::SystemClock;
use crate::domain::id::Platform;
use crate::domain::press::Seal;
use crate::engine::tuning::SettingsRead;
use crate::engine::{Engine, Options, Ports};
use crate::exec::argv::{Argv, ArgvConfig, Secrets};
use crate::exec::by_kind::ByKind;
use crate::exec::file::{FileConfig, Files};
use crate::forge::local::LocalForge;
use crate::ports::chat::Chat;
use crate::ports::clock::Clock;
use crate::ports::source::Source;
use crate::process::sandbox::{Probe, Weak, probe};
use crate::process::supervised::Launcher;
use crate::settings::{Origin, Settings};
use crate::source::{GitSource, Remote, SourceSettings};
use crate::store::audit::OwnCheck;
use crate::store::ledger::{CheckpointSigner, FileLedger};
use crate::store::sqlite::{self, SqliteStore};
use crate::web;
use crate::web::bind::Names;
use crate::web::host::HostSocket;

use reload::Reload;
use secrets::SettingsSecrets;

/// How long reading evidence may take at dispatch.
const EVIDENCE_WITHIN: SignedDuration = SignedDuration::from_secs(10);
/// How often a post that grows is edited at most.
const EDIT_EVERY: SignedDuration = SignedDuration::from_millis(500);
/// Characters of output that one post shows.
const OUTPUT_SHOWN: usize = 3_000;
/// How long requests under way may take to be answered when everything stops.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// On which host names people find the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// On that of settings.
    Shared,
    /// Each on one of their own, so that one browser holds several of them.
    PerPerson,
}

/// A running Tribune.
pub struct App {
    engine: Arc<Engine>,
    console: Arc<Console>,
    listen: SocketAddr,
    store: Arc<SqliteStore>,
    servers: Vec<JoinHandle<std::io::Result<()>>>,
    stopping: CancellationToken,
    reload: Reload,
}

impl App {
    /// Starts everything. When it returns, requests are taken and pages are served.
    pub async fn start(settings: &Settings, addresses: Addresses) -> anyhow::Result<Self> {
        folder::private(&settings.state)?;
        folder::private(&settings.exec.work)?;
        for (name, root) in &settings.managed.roots {
            folder::root(name, root)?;
        }
        // Listening first: if another daemon is there, nothing else is touched.
        let external = &settings.web.external_url;
        let listener = web::bind::listen(settings.web.listen, Some(external)).await?;
        let listen = listener.local_addr().context("failed to learn the console's port")?;
        let external = web::bind::with_port(external, listen.port());
        let console_url = match addresses {
            Addresses::Shared => external.to_string(),
            Addresses::PerPerson => format!("http://{{person}}.localhost:{}", listen.port()),
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = SqliteStore::open(&settings.store(), &sqlite::Options::default()).await?;
        let store = Arc::new(store);
        let console = Arc::new(Console::open(store.clone(), Arc::clone(&clock)).await?);
        let (secrets, mut warnings) = SettingsSecrets::open(settings.secrets.clone())
            .context("a secret of the settings cannot be kept out of output")?;
        let secrets = Arc::new(secrets);
        let probe = probe();
        let sandbox = contained(probe, settings.exec.weak_sandbox, &mut warnings);
        let named = Arc::new(chats::Named::default());
        let others = chats::open(settings, &clock, &named)?;
        let mut ports = ports(settings, &clock, &store, &console, &secrets, probe).await?;
        ports.chats.extend(others);
        let seal = chats::seal(&settings.state, clock.as_ref())?;
        let options = options(settings, &console_url, sandbox, warnings, console.platform(), seal)?;
        let engine = Engine::new(ports, options, secrets.redactor());
        named.ask(&engine);
        engine.start().await.context("failed to start")?;
        let stopping = CancellationToken::new();
        let socket =
            HostSocket::open(&settings.socket(), &settings.socket_token(), clock.as_ref())?;
        let names = Names::new(Some(external));
        let audit = &settings.audit;
        let check = Arc::new(OwnCheck {
            store: settings.store(),
            rows: audit.jsonl.clone(),
            checkpoints: audit.checkpoints.clone(),
            key: audit.key.clone(),
        });
        let parts = web::Parts::of(&engine, console.clone(), check, names, stopping.clone());
        let servers = vec![
            tokio::spawn(web::serve(listener, parts)),
            tokio::spawn(web::host::serve(socket, Arc::clone(&engine), stopping.clone())),
        ];
        tracing::info!(%listen, "tribune is up");
        let reload = Reload::new(settings, secrets);
        Ok(Self { engine, console, listen, store, servers, stopping, reload })
    }

    /// Returns the console, for whoever writes to it within this process.
    pub fn console(&self) -> &Arc<Console> {
        &self.console
    }

    /// Returns the engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Takes up settings that were read again, all of them or, if they are broken, none.
    pub async fn reload(
        &mut self,
        read: Result<Settings, String>,
    ) -> anyhow::Result<Arc<SettingsRead>> {
        self.reload.take(&self.engine, read).await
    }

    /// Returns where the console listens.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Stops everything: no new run, those under way get their grace, what was said is on disk.
    pub async fn stop(self) {
        self.engine.stop().await;
        self.stopping.cancel();
        for server in self.servers {
            match tokio::time::timeout(ANSWERS_WITHIN, server).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => tracing::warn!(%error, "a server ended"),
                Ok(Err(error)) => tracing::warn!(%error, "a server ended"),
                Err(_) => tracing::warn!("a server still answers; not waiting for it"),
            }
        }
        self.store.close().await;
        tracing::info!("tribune is down");
    }
}

async fn ports(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    store: &Arc<SqliteStore>,
    console: &Arc<Console>,
    secrets: &Arc<SettingsSecrets>,
    probe: Probe,
) -> anyhow::Result<Ports> {
    let source: Arc<dyn Source> = Arc::new(
        GitSource::open(source_settings(settings)?).await.context("failed to open the mirror")?,
    );
    let forge = LocalForge::new(Arc::clone(&source), settings.source.branch.clone());
    let audit = &settings.audit;
    let signer = CheckpointSigner::open(&audit.key, |bytes| clock.random(bytes))
        .context("failed to get the key of the audit log")?;
    let program = std::env::current_exe().context("failed to find this program")?;
    let config = argv_config(settings, probe);
    let secrets: Arc<dyn Secrets> = secrets.clone();
    let (files, secret) = (file_config(settings), Arc::clone(&secrets));
    let files = Files::new(files, Arc::clone(clock), Arc::new(move || secret.files()));
    let files = Arc::new(files);
    let chat: Arc<dyn Chat> = console.clone();
    Ok(Ports {
        clock: Arc::clone(clock),
        store: store.clone(),
        chats: BTreeMap::from([(console.platform().clone(), chat)]),
        forge: Arc::new(forge),
        source,
        executor: Arc::new(ByKind {
            argv: Arc::new(Argv::new(config, Launcher::new(program), secrets)),
            file: files.clone(),
        }),
        copies: files,
        ledger: Arc::new(FileLedger::new(audit.jsonl.clone(), audit.checkpoints.clone(), signer)),
    })
}

fn options(
    settings: &Settings,
    console_url: &str,
    sandbox: String,
    warnings: Vec<String>,
    console: &Platform,
    seal: Seal,
) -> anyhow::Result<Options> {
    Ok(Options {
        operations: settings.operations.clone(),
        trust: settings.source.trust,
        start: settings.source.start.clone(),
        source_url: match &settings.source.origin {
            Origin::Remote(address) => Remote::parse(address)?.to_string(),
            Origin::Local(path) => path.display().to_string(),
        },
        source_branch: settings.source.branch.clone(),
        evidence_within: EVIDENCE_WITHIN,
        edit_every: EDIT_EVERY,
        output_shown: OUTPUT_SHOWN,
        tuning: reload::tuning(settings),
        workspaces: settings.exec.work.clone(),
        sandbox,
        warnings,
        console: console.clone(),
        console_url: console_url.to_owned(),
        seal,
    })
}

fn source_settings(settings: &Settings) -> anyhow::Result<SourceSettings> {
    let source = &settings.source;
    let mut remote = match &source.origin {
        Origin::Remote(address) => Remote::parse(address)?,
        Origin::Local(path) => Remote::parse(&path.to_string_lossy())?,
    };
    if let Some(file) = &source.token_file {
        let token = std::fs::read_to_string(file)
            .with_context(|| format!("failed to read source.token_file {}", file.display()))?;
        remote = remote.with_token(token.trim());
    }
    Ok(SourceSettings {
        remote,
        branch: source.branch.clone(),
        mirror: settings.mirror(),
        ssh_key: source.ssh_key.clone(),
        known_hosts: source.known_hosts.clone(),
        ca_file: source.ca_file.clone(),
        timeout: source.timeout.unsigned_abs(),
    })
}

/// Returns where files are managed, and where they never are: Tribune's own.
fn file_config(settings: &Settings) -> FileConfig {
    let mut own = own(settings);
    own.extend([settings.exec.work.clone(), settings.file.clone()]);
    if let Origin::Local(path) = &settings.source.origin {
        own.push(path.clone());
    }
    FileConfig {
        roots: settings.managed.roots.clone(),
        copies: settings.previous(),
        keep: settings.managed.keep as usize,
        own,
    }
}

/// Returns the state folder, the files of the audit log, and what it fetches with; secrets of runs come to these.
fn own(settings: &Settings) -> Vec<PathBuf> {
    let own = [
        settings.state.clone(),
        settings.audit.jsonl.clone(),
        settings.audit.checkpoints.clone(),
        settings.audit.key.clone(),
    ];
    let of_source = [&settings.source.token_file, &settings.source.ssh_key];
    let of_mattermost = settings.mattermost.iter().map(|chat| &chat.token_file);
    let of_chats = of_mattermost.chain(settings.matrix.iter().map(|chat| &chat.token_file));
    let others = of_source.into_iter().flatten().chain(of_chats);
    own.into_iter().chain(others.cloned()).collect()
}

/// Returns how runs are held, and what they never see.
fn argv_config(settings: &Settings, probe: Probe) -> ArgvConfig {
    ArgvConfig {
        path: settings.exec.path.clone(),
        locks: settings.state.join("locks"),
        hidden: own(settings),
        weak: if settings.exec.weak_sandbox { Weak::Allowed } else { Weak::Refused },
        probe,
    }
}

/// Returns how runs are contained, in words; adds a warning if that is weak.
fn contained(probe: Probe, is_weak_allowed: bool, warnings: &mut Vec<String>) -> String {
    let abi = probe.landlock_abi;
    match (probe.needs_weak(), is_weak_allowed) {
        (true, true) => {
            let weak = format!(
                "weak: this kernel has Landlock ABI {abi}, and settings allow runs all the same; \
                 they have the daemon's rights over its files"
            );
            warnings.push(format!("sandbox {weak}"));
            weak
        }
        (true, false) => {
            let refused = format!("runs are refused: this kernel has Landlock ABI {abi}");
            warnings.push(format!("{refused}; see `tribune doctor`"));
            refused
        }
        (false, _) if probe.holds_signals() => format!("Landlock ABI {abi}"),
        (false, _) => format!("Landlock ABI {abi}; runs can signal the daemon's processes"),
    }
}
