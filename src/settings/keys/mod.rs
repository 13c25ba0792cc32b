//! The catalogue of settings: one entry per key, from which the reader takes names and defaults,
//! `tribune init` its commented file, and the documentation its table.

mod chat;
mod daemon;
mod places;
mod retention;
mod running;

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A file or folder; relative ones lie beside the settings file.
    Path,
    /// A time with its unit: `90s`, `30m`, `24h`, `7d`.
    Time,
    /// A time with its unit, or `forever`.
    Kept,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A list of folders.
    Paths,
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// Returns what is wanted, in words.
    pub fn wanted(self) -> String {
        match self {
            Self::Text => "text in quotes".to_owned(),
            Self::Path => "a path in quotes".to_owned(),
            Self::Time => "a time in quotes such as \"90s\", \"30m\", \"24h\" or \"7d\"".to_owned(),
            Self::Kept => "a time in quotes such as \"30d\", or \"forever\"".to_owned(),
            Self::Number => "a whole number".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Paths => "a list of absolute folders".to_owned(),
            Self::Choice(words) => {
                words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or ")
            }
        }
    }
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its full name, `table.key`.
    pub path: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// The value taken when none is given, as TOML; `None`: there is none.
    pub default: Option<&'static str>,
    /// A value for the commented file where there is no default.
    pub example: &'static str,
    /// What it does, one line of the commented file per line, units included.
    pub about: &'static str,
}

impl Key {
    /// Returns the table that the key stands in; empty for the top.
    pub fn table(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(table, _)| table)
    }

    /// Returns the key without its table.
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// Says whether a change is taken up on SIGHUP.
    pub fn is_live(&self) -> bool {
        LIVE.contains(&self.path)
    }

    /// Returns the environment variable that overrides the file.
    pub fn variable(&self) -> String {
        format!("TRIBUNE_{}", self.path.replace('.', "_").to_uppercase())
    }
}

/// What each table is about, in the order of the commented file.
pub const TABLES: &[(&str, &str)] = &[
    ("", "Where Tribune keeps what must survive."),
    ("source", "The git repository that holds policies, intents and inventory."),
    ("web", "The console and its HTTP API."),
    ("mattermost", "A Mattermost server; see docs/mattermost.md. Without a url there is none."),
    ("matrix", "A Matrix homeserver; see docs/matrix.md. Without a homeserver there is none."),
    ("operations", "Where Tribune speaks about itself."),
    ("chat", "How Tribune takes what people type, on every chat platform."),
    ("limits", "How much of what people type is heard."),
    ("exec", "How runs are executed on this machine."),
    ("file", "How files of this machine are managed."),
    ("audit", "The audit log beside the store."),
    ("retention", "How long things are kept after they ended; what is older is removed for good."),
    ("shutdown", "What happens on SIGTERM and Ctrl-C."),
    ("log", "The daemon's own log, on standard error."),
];

/// Every key, by what it is about.
const KEYS: [&[Key]; 5] = [places::KEYS, chat::KEYS, running::KEYS, retention::KEYS, daemon::KEYS];

/// Returns every key, in the order of the commented file.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    KEYS.into_iter().flatten()
}

/// Keys that are taken up on SIGHUP; the others wait for the next start. Secrets are, too.
pub const LIVE: &[&str] = &[
    "source.interval",
    "chat.late_after",
    "limits.person",
    "limits.channel",
    "exec.max_parallel",
    "retention.interval",
    "retention.messages",
    "retention.sign_ins",
    "retention.output",
    "retention.requests",
    "retention.posts",
    "retention.console",
    "retention.mirror",
    "retention.audit",
    "shutdown.grace",
    "log.level",
];

/// What one entry of `[secrets.NAME]` may say.
pub const SECRET_KEYS: &[&str] = &["file", "env", "credential", "command"];

/// Returns the key of that full name.
pub fn find(path: &str) -> Option<&'static Key> {
    keys().find(|key| key.path == path)
}

/// Returns the known name that is most like `name`, if one is like it at all.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
