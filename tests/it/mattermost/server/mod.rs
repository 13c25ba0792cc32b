//! A Mattermost server as strict as the real one, for as much of it as Tribune and people need.
//!
//! It keeps the real one's limits, permissions and oddities: pages of at most 200, `since` that
//! returns any thousand, former versions of posts as rows of their own, a memory of pending ids
//! that fades and knows no owner, reactions out of a cache and with a time of the giver's choice,
//! sockets that go deaf when their token is revoked, 403 where one cannot see. What is asked that it does not
//! know, and what should never be asked, is noted and fails the test at its end.

mod actions;
mod http;
mod line;
mod live;
mod people;
mod posts;
mod reactions;
mod state;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;

pub use self::people::Person;
pub use self::state::{Fault, Trick};
use self::state::{State, Token};

/// How a server is reached.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// The path below which it lies.
    pub prefix: &'static str,
    /// Whether it speaks TLS, with the certificate of `tls/`.
    pub is_encrypted: bool,
}

/// The running server.
pub struct Server {
    state: Arc<Mutex<State>>,
    site: Site,
    port: u16,
    task: tokio::task::JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server with the team `town`, the channel `ops` and the bot `tribune` in it.
    pub async fn start() -> Self {
        Self::at(Site::default()).await
    }

    /// Starts a server that is reached in a way of its own.
    pub async fn at(site: Site) -> Self {
        let state = Arc::new(Mutex::new(State::new()));
        let (port, task) = http::serve(Arc::clone(&state), &site, 0).await;
        let folder = tempfile::tempdir().unwrap();
        let server = Self { state, site, port, task, folder };
        server.lock().add_team("town");
        server.lock().add_channel("ops", "town", "O");
        server.lock().add_user("tribune", true);
        server.lock().join("tribune", "ops");
        let token = server.lock().new_token("tribune");
        std::fs::write(server.token_file(), format!("{token}\n")).unwrap();
        server
    }

    /// Returns the address of the site.
    pub fn url(&self) -> String {
        let scheme = if self.site.is_encrypted { "https" } else { "http" };
        format!("{scheme}://localhost:{}{}", self.port, self.site.prefix)
    }

    /// Returns the file with the bot's token.
    pub fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// Somebody who acts through the server's own API; made, and put into `ops`, if new.
    pub fn person(&self, name: &str) -> Person {
        let mut state = self.lock();
        if state.user_named(name).is_none() {
            state.add_user(name, false);
            state.join(name, "ops");
        }
        let token = state.new_token(name);
        Person::new(self.url(), state.id_of(name), token)
    }

    /// Looks at the state or changes it, as an administrator with the database open.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Puts another token into the bot's file and makes the old one worthless.
    pub fn rotate(&self) {
        let mut state = self.lock();
        let bot = state.id_of("tribune");
        state.tokens.retain(|_, user| *user != bot);
        let token = state.new_token("tribune");
        std::fs::write(self.token_file(), token).unwrap();
    }

    /// Stops answering; what was there stays.
    pub async fn stop(&mut self) {
        self.task.abort();
        // Aborted or not, it is over.
        drop((&mut self.task).await);
        self.lock().drop_sockets();
    }

    /// Answers again, at the same address.
    pub async fn start_again(&mut self) {
        let (port, task) = http::serve(Arc::clone(&self.state), &self.site, self.port).await;
        self.port = port;
        self.task = task;
    }

    /// Returns the posts of a channel as they stand, oldest first.
    pub fn texts(&self, channel: &str) -> Vec<String> {
        let state = self.lock();
        let id = state.channel_id(channel);
        let mut posts: Vec<_> = state
            .posts
            .values()
            .filter(|post| post.channel_id == id && post.delete_at == 0)
            .filter(|post| !post.kind.starts_with("system_"))
            .collect();
        posts.sort_by_key(|post| (post.create_at, post.number));
        posts.iter().map(|post| post.message.clone()).collect()
    }

    /// Returns how often each path was asked, ids left out.
    pub fn asked(&self) -> BTreeMap<String, usize> {
        self.lock().asked.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        let wrong = self.state.lock().map(|state| state.wrong.clone()).unwrap_or_default();
        if !wrong.is_empty() && !std::thread::panicking() {
            panic!("the server was asked what it should not be:\n{}", wrong.join("\n"));
        }
    }
}

/// Returns a text of JSON, empty if there is none.
fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A user's id by token.
type Tokens = BTreeMap<Token, String>;
