//! Where things are measured: folders on the disk of the target folder, git, processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tribune::settings::{self, Settings};

use crate::sample::repo::{Size, Texts, policy_repo, write};

/// The built binary.
pub const TRIBUNE: &str = env!("CARGO_BIN_EXE_tribune");

/// A folder with a policy repo in git, a state folder to be, and settings for both.
pub struct Ground {
    folder: TempDir,
    listen: String,
}

/// Makes a folder on the disk that is measured.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

impl Ground {
    pub fn of(texts: &Texts) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let ground = Self { folder: folder(), listen: port.unwrap().to_string() };
        write(&ground.repo(), texts).unwrap();
        ground.git(&["init", "-q", "-b", "main"]);
        ground.commit();
        fs::create_dir(ground.managed()).unwrap();
        fs::write(ground.settings_file(), ground.settings_text()).unwrap();
        ground
    }

    /// The policy repo that is shipped, with a sample of its people.
    pub fn shipped() -> Self {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut texts = Texts::new();
        let mut open: Vec<PathBuf> =
            ["policies", "intents", "inventory", "playbooks"].map(PathBuf::from).into();
        while let Some(path) = open.pop() {
            if top.join(&path).is_dir() {
                let inside = fs::read_dir(top.join(&path)).unwrap();
                open.extend(inside.map(|entry| path.join(entry.unwrap().file_name())));
            } else {
                let text = fs::read_to_string(top.join(&path)).unwrap();
                texts.insert(path.display().to_string(), text);
            }
        }
        Self::of(&texts)
    }

    pub fn sized(size: &Size) -> Self {
        Self::of(&policy_repo(size))
    }

    pub fn repo(&self) -> PathBuf {
        self.folder.path().join("policy")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The root of managed files.
    pub fn managed(&self) -> PathBuf {
        self.folder.path().join("managed")
    }

    pub fn listen(&self) -> &str {
        &self.listen
    }

    pub fn settings_file(&self) -> PathBuf {
        self.folder.path().join("tribune.toml")
    }

    fn settings_text(&self) -> String {
        let weak = tribune::process::sandbox::probe().needs_weak();
        let (listen, managed) = (&self.listen, self.managed());
        format!(
            "state = \"state\"\n[source]\npath = \"policy\"\n[web]\nlisten = \"{listen}\"\n\
             [limits]\nperson = 100000\nchannel = 100000\n\
             [exec]\nweak_sandbox = {weak}\n[file.roots]\nmanaged = {managed:?}\n\
             [log]\nlevel = \"error\"\n"
        )
    }

    pub fn settings(&self) -> Settings {
        self.settings_with("")
    }

    /// Returns the settings with tables added.
    pub fn settings_with(&self, more: &str) -> Settings {
        let text = self.settings_text() + more;
        settings::load(&self.settings_file(), &text, []).unwrap()
    }

    pub fn git(&self, words: &[&str]) -> String {
        let output = clean("git").args(words).current_dir(self.repo()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "as it is now"]);
    }
}

/// A program that sees nothing of our environment.
pub fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/nonexistent")])
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.org")])
        .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.org")])
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null());
    command
}

/// Returns a line of `/proc/PID/status` in bytes; 0 once the process is gone.
pub fn memory(pid: u32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    number.unwrap_or(0) * 1024
}

pub fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}
