//! `tribune demo` as a child process.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long the demonstration may take to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running demonstration; it ends with this value.
pub struct Demo {
    child: Child,
    links: BTreeMap<String, String>,
    folder: tempfile::TempDir,
}

impl Demo {
    /// Starts one on a free port and reads the sign-in links it prints.
    #[expect(clippy::disallowed_methods, reason = "tests start programs of their own")]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_tribune"))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .arg("demo")
            .args(["--port", "0", "--dir"])
            .arg(folder.path().join("demo"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let mut demo = Self { child, links: BTreeMap::new(), folder };
        // What is printed last comes after all links.
        while !demo.links.contains_key("ken") || !demo.links.contains_key("radia") {
            let line = lines.recv_timeout(PATIENCE).expect("the demonstration does not start");
            demo.note(&line);
        }
        demo
    }

    /// Keeps the link of a line such as `ken  operator  http://ken.localhost:8410/sign-in/…`.
    fn note(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (Some(person), Some(link)) = (words.next(), words.next_back()) else { return };
        if link.contains("/sign-in/") {
            self.links.insert(person.to_owned(), link.to_owned());
        }
    }

    /// Returns the folder of its policy repo.
    pub fn policy(&self) -> std::path::PathBuf {
        self.folder.path().join("demo/policy")
    }

    /// Returns a person's sign-in link; it works once.
    pub fn link(&self, person: &str) -> &str {
        &self.links[person]
    }

    /// Returns the address of a page as that person opens it.
    pub fn page(&self, person: &str, path: &str) -> String {
        let (origin, _) = self.links[person].split_once("/sign-in/").unwrap();
        format!("{origin}{path}")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        // It may be gone already.
        let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _reaped = self.child.wait();
    }
}
