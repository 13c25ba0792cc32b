//! A real Matrix homeserver for tests: Synapse, started once for all of them, which dies with
//! this process. `scripts/synapse` installs it; without it these tests fail and say so.

#![expect(clippy::disallowed_methods, reason = "tests start programs of their own")]

pub mod people;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// The name of the server in ids.
pub const NAME: &str = "hs.test";

const VERSION: &str = "1.163.2";
/// How long it may take to start, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much people may do in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// As much as they want.
    None,
    /// What Synapse allows when nobody says anything, of messages, joins, invitations and rooms.
    Default,
}

/// A homeserver.
pub struct Synapse {
    port: u16,
    folder: PathBuf,
    child: Mutex<Option<Child>>,
    accounts: AtomicU32,
}

impl Synapse {
    /// Returns the one that all tests share.
    pub fn shared(limits: Limits) -> &'static Self {
        static FREE: OnceLock<Synapse> = OnceLock::new();
        static LIMITED: OnceLock<Synapse> = OnceLock::new();
        match limits {
            Limits::None => FREE.get_or_init(|| Self::begin(limits)),
            Limits::Default => LIMITED.get_or_init(|| Self::begin(limits)),
        }
    }

    /// Starts another one, which may be stopped and started again.
    pub fn begin(limits: Limits) -> Self {
        let folder = tempfile::Builder::new().prefix("synapse-").tempdir().unwrap().keep();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        configure(&folder, port, limits);
        let accounts = AtomicU32::new(0);
        let server = Self { port, folder, child: Mutex::new(None), accounts };
        server.start();
        server
    }

    /// Returns where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns a name that no account has yet.
    pub fn name(&self, like: &str) -> String {
        format!("{like}-{}", self.accounts.fetch_add(1, Ordering::Relaxed))
    }

    /// Starts it, and waits until it answers. What PostgreSQL does by itself now and then is done
    /// for its SQLite before: without statistics of what is in it, Synapse's questions about a
    /// room take longer the more is in the room.
    pub fn start(&self) {
        let database = self.folder.join("homeserver.db");
        if database.exists() {
            let script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('ANALYZE')";
            let done = clean(python()).args(["-c", script]).arg(&database).status().unwrap();
            assert!(done.success(), "the homeserver's database cannot be analysed");
        }
        // It ends when its standard input does: with this process, whatever becomes of that.
        let script = "cd \"$1\" || exit 1\n\
            \"$2\" -m synapse.app.homeserver -c hs.yaml -c extra.yaml >>out 2>&1 </dev/null &\n\
            server=$!\n\
            read -r word\n\
            kill -9 $server\n\
            wait $server\n\
            [ \"$word\" = stay ] || rm -rf \"$1\"\n";
        let child = clean("/bin/sh")
            .args(["-c", script, "sh"])
            .arg(&self.folder)
            .arg(python())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        *self.child.lock().unwrap() = Some(child);
        let begun = Instant::now();
        while !self.answers() {
            let log = || fs::read_to_string(self.folder.join("out")).unwrap_or_default();
            assert!(begun.elapsed() < PATIENCE, "Synapse does not start:\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Kills it; what it had written to disk stays.
    pub fn stop(&self) {
        let Some(mut child) = self.child.lock().unwrap().take() else { return };
        child.stdin.take().unwrap().write_all(b"stay\n").unwrap();
        child.wait().unwrap();
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let request = b"GET /_matrix/client/versions HTTP/1.0\r\n\r\n";
        let mut answer = String::new();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(request).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.contains("200 OK")
    }
}

impl Drop for Synapse {
    fn drop(&mut self) {
        // The end of its input ends it, and its folder goes.
        match self.child.lock().unwrap().take() {
            Some(mut child) => {
                drop(child.stdin.take());
                child.wait().unwrap();
            }
            None => fs::remove_dir_all(&self.folder).unwrap(),
        }
    }
}

fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(format!(".test-servers/synapse-{VERSION}/bin/python"));
    assert!(python.exists(), "Synapse {VERSION} is not installed: run scripts/synapse");
    python
}

fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/nonexistent");
    command
}

fn configure(folder: &Path, port: u16, limits: Limits) {
    let made = clean(python())
        .args(["-m", "synapse.app.homeserver", "--server-name", NAME, "--config-path", "hs.yaml"])
        .args(["--generate-config", "--report-stats=no"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let free = "{per_second: 10000, burst_count: 10000}";
    let mut extra = format!(
        "listeners: [{{port: {port}, bind_addresses: ['127.0.0.1'], type: http, tls: false, \
         resources: [{{names: [client], compress: false}}]}}]\n\
         federation_domain_whitelist: []\ntrusted_key_servers: []\nbcrypt_rounds: 4\n\
         presence: {{enabled: false}}\nurl_preview_enabled: false\n\
         enable_registration: true\nenable_registration_without_verification: true\n\
         database: {{name: sqlite3, args: {{database: '{}'}}}}\n\
         rc_registration: {free}\n\
         rc_login: {{address: {free}, account: {free}, failed_attempts: {free}}}\n",
        folder.join("homeserver.db").display(),
    );
    if limits == Limits::None {
        for what in ["message", "admin_redaction", "room_creation", "joins_per_room"] {
            extra.push_str(&format!("rc_{what}: {free}\n"));
        }
        extra.push_str(&format!(
            "rc_joins: {{local: {free}, remote: {free}}}\n\
             rc_invites: {{per_room: {free}, per_user: {free}, per_issuer: {free}}}\n"
        ));
    }
    fs::write(folder.join("extra.yaml"), extra).unwrap();
}
