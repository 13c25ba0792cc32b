//! Fetching: one `git` process with a closed environment, and what its failures mean.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::Mutex;

use crate::ports::source::SourceError;
use crate::process::command::{self, CommandError, Spec};

use super::SourceSettings;
use super::mirror;
use super::remote::{Protocol, Remote};

/// Where the fetched head is put.
pub(super) const OBSERVED: &str = "refs/tribune/observed";

/// How long packing the mirror may take.
const COLLECT_WITHIN: Duration = Duration::from_secs(300);

/// Programs that `git` may start are looked up here and nowhere else.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Configuration of every `git` process, whatever files say: no hooks, no helpers that could
/// prompt, no cleaning that could drop what is not pinned yet, and every object checked.
const CONFIG: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.askPass=",
    "credential.helper=",
    "transfer.fsckObjects=true",
    "fetch.writeCommitGraph=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
];

/// Fetches the watched branch into the mirror.
pub(super) struct Transport {
    settings: SourceSettings,
    /// One fetch at a time: two would fight for the lock of the ref.
    busy: Mutex<()>,
}

impl Transport {
    /// Checks the branch name and that a local repository may be read whoever owns it.
    pub(super) fn new(settings: SourceSettings) -> Result<Self, SourceError> {
        if !git2::Reference::is_valid_name(&format!("refs/heads/{}", settings.branch)) {
            let why = format!("{:?} is not the name of a branch", settings.branch);
            return Err(SourceError::Broken(why));
        }
        mirror::write_git_config(&settings.mirror, &git_config(&settings.remote))?;
        Ok(Self { settings, busy: Mutex::new(()) })
    }

    /// Fetches. A force-push is fetched like any other: its lineage is judged elsewhere.
    pub(super) async fn fetch(&self) -> Result<(), SourceError> {
        let _one_at_a_time = self.busy.lock().await;
        match command::run(&self.spec()).await {
            Ok(output) => {
                let stderr = String::from_utf8_lossy(&output.stderr);
                // For a shallow remote git only warns, and leaves the ref as it was.
                let ok = output.status.success() && !is_shallow(&stderr);
                if ok { Ok(()) } else { Err(self.explain(&stderr)) }
            }
            Err(CommandError::TimedOut { timeout, .. }) => {
                mirror::sweep(&self.settings.mirror);
                let why = format!(
                    "{} did not answer within {} s",
                    self.settings.remote,
                    timeout.as_secs()
                );
                Err(SourceError::Unreachable(why))
            }
            Err(CommandError::NotStarted { .. }) => Err(SourceError::Broken(format!(
                "the program git was not found on {PATH}: install it"
            ))),
            Err(error) => Err(SourceError::Broken(error.to_string())),
        }
    }

    /// Packs what is reached and removes what nothing reaches and nothing touched for so long.
    pub(super) async fn collect(&self, unreached: SignedDuration) -> Result<(), SourceError> {
        let _one_at_a_time = self.busy.lock().await;
        let mut argv = self.argv();
        // We are alone with the mirror: a lock of another collection is a killed one's.
        argv.extend(["gc".into(), "--quiet".into(), "--force".into()]);
        argv.push(format!("--prune={}.seconds.ago", unreached.as_secs()).into());
        match command::run(&self.closed(argv).timeout(COLLECT_WITHIN)).await {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(SourceError::Broken(gist(&String::from_utf8_lossy(&output.stderr)))),
            Err(error) => {
                mirror::sweep(&self.settings.mirror);
                Err(SourceError::Broken(error.to_string()))
            }
        }
    }

    /// Returns how every `git` begins.
    fn argv(&self) -> Vec<std::ffi::OsString> {
        let mut argv: Vec<std::ffi::OsString> = vec!["git".into()];
        for setting in CONFIG {
            argv.extend(["-c".into(), setting.into()]);
        }
        let mut git_dir = std::ffi::OsString::from("--git-dir=");
        git_dir.push(&self.settings.mirror);
        argv.push(git_dir);
        argv
    }

    /// Returns a `git` in the closed environment.
    fn closed(&self, argv: Vec<std::ffi::OsString>) -> Spec {
        Spec::new(argv)
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .env("HOME", self.settings.mirror.as_os_str())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", mirror::git_config(&self.settings.mirror))
            .cwd(&self.settings.mirror)
    }

    fn spec(&self) -> Spec {
        let mut argv = self.argv();
        for word in [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--",
            self.settings.remote.address(),
        ] {
            argv.push(word.into());
        }
        argv.push(format!("+refs/heads/{}:{OBSERVED}", self.settings.branch).into());
        let mut spec = self
            .closed(argv)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", protocol_name(&self.settings.remote))
            .env("GIT_SSH_COMMAND", self.ssh_command())
            .timeout(self.settings.timeout);
        if let Some(file) = &self.settings.ca_file {
            spec = spec.env("GIT_SSL_CAINFO", file.as_os_str());
        }
        if let Some((key, value)) = self.settings.remote.header() {
            // In the environment, where other users of the machine cannot see it.
            spec = spec
                .env("GIT_CONFIG_COUNT", "1")
                .env("GIT_CONFIG_KEY_0", key)
                .env("GIT_CONFIG_VALUE_0", value);
        }
        spec
    }

    /// Returns the command line of `ssh`; `git` gives it to a shell, hence the quoting.
    fn ssh_command(&self) -> String {
        let mut words = vec!["ssh".to_owned(), "-F".into(), "/dev/null".into()];
        let mut option = |text: String| words.extend(["-o".to_owned(), text]);
        option("BatchMode=yes".into());
        option("StrictHostKeyChecking=yes".into());
        let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
        if let Some(hosts) = &self.settings.known_hosts {
            option(format!("UserKnownHostsFile=\"{}\"", shown(hosts)));
        }
        if let Some(key) = &self.settings.ssh_key {
            option("IdentitiesOnly=yes".into());
            option(format!("IdentityFile=\"{}\"", shown(key)));
        }
        // Only NUL cannot be quoted, and no path holds one.
        shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| "ssh".into())
    }

    /// Says in our words what `git` complains of.
    fn explain(&self, stderr: &str) -> SourceError {
        let remote = &self.settings.remote;
        let said = |phrases: &[&str]| phrases.iter().any(|phrase| stderr.contains(phrase));
        if said(&["couldn't find remote ref"]) {
            return SourceError::Empty(self.settings.branch.clone());
        }
        if is_shallow(stderr) {
            return SourceError::Shallow;
        }
        if said(&["No space left on device"]) {
            return SourceError::Broken(
                "the disk is full: make room below the state folder".into(),
            );
        }
        if said(&["mismatched algorithms"]) {
            return SourceError::Refused(format!(
                "{remote} uses SHA-256 object names, which is not supported"
            ));
        }
        if said(&["Host key verification failed"]) {
            return SourceError::Refused(format!(
                "the host key of {remote} is not a known one: add it to the known hosts of the settings"
            ));
        }
        if is_untrusted(stderr) {
            return SourceError::Refused(format!(
                "nobody we trust vouches for the certificate of {remote}: name its authority as \
                 source.ca_file, or install it on this machine"
            ));
        }
        if said(&REFUSALS) {
            return SourceError::Refused(format!("{remote} does not accept our credentials"));
        }
        if said(&ABSENT) {
            return SourceError::Unreachable(format!("there is no git repository at {remote}"));
        }
        if said(&DAMAGE) {
            return SourceError::Corrupt(format!(
                "{remote} sends damaged objects ({}): run `git fsck` there",
                gist(stderr)
            ));
        }
        SourceError::Unreachable(format!("{remote}: {}", gist(stderr)))
    }
}

fn is_untrusted(stderr: &str) -> bool {
    UNTRUSTED.iter().any(|phrase| stderr.contains(phrase))
}

fn is_shallow(stderr: &str) -> bool {
    stderr.contains("shallow roots are not allowed")
        || stderr.contains("shallow update not allowed")
}

/// What git says of a server whose certificate no known authority has signed; its two TLS stacks
/// differ.
const UNTRUSTED: [&str; 3] = [
    "server certificate verification failed",
    "SSL certificate problem",
    "server verification failed",
];

/// What git and ssh say when credentials are missing or wrong.
const REFUSALS: [&str; 7] = [
    "Authentication failed",
    "Permission denied (",
    "could not read Username",
    "could not read Password",
    "terminal prompts disabled",
    "returned error: 401",
    "returned error: 403",
];

/// What git says when there is nothing to fetch from.
const ABSENT: [&str; 5] = [
    "does not appear to be a git repository",
    "not a git repository",
    "does not exist",
    "returned error: 404",
    "repository not found",
];

/// What git says when objects on the way are damaged or missing.
const DAMAGE: [&str; 10] = [
    "fsck error",
    "corrupt",
    "inflate",
    "bad object",
    "unable to read",
    "missing blob",
    "missing tree",
    "did not send all necessary objects",
    "pack-objects died",
    "index-pack failed",
];

/// Returns the configuration file of our `git` processes. A local repository that another user
/// owns is fetched from because settings name it; git would otherwise refuse.
fn git_config(remote: &Remote) -> String {
    let mut text = String::from("# written by tribune at each start\n");
    if let Some(path) = remote.local_path() {
        let path = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
        let path = path.trim_end_matches('/');
        text += &format!("[safe]\n\tdirectory = \"{path}\"\n\tdirectory = \"{path}/.git\"\n");
    }
    text
}

fn protocol_name(remote: &Remote) -> &'static str {
    match remote.protocol() {
        Protocol::File(_) => "file",
        Protocol::Http(scheme) => scheme,
        Protocol::Ssh => "ssh",
    }
}

/// Returns the line that says most, cleaned and short: git's own verdict, else the last line.
fn gist(stderr: &str) -> String {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines()
        .find(|line| line.starts_with("error: ") || line.starts_with("fatal: "))
        .or_else(|| lines().next_back())
        .unwrap_or("git gave no reason");
    let line = line.trim_start_matches("error: ").trim_start_matches("fatal: ");
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_of_an_unknown_authority_is_told_from_wrong_credentials() {
        for said in [
            "fatal: unable to access 'https://h/p.git/': server certificate verification failed. \
             CAfile: none CRLfile: none",
            "fatal: unable to access 'https://h/p.git/': SSL certificate problem: unable to get \
             local issuer certificate",
        ] {
            assert!(is_untrusted(said), "{said}");
            assert!(!REFUSALS.iter().any(|refusal| said.contains(refusal)), "{said}");
        }
        assert!(!is_untrusted("fatal: Authentication failed for 'https://h/p.git/'"));
    }
}
