//! The catalogue of settings: one entry per key, from which the reader takes names and defaults,
//! `tribune init` its commented file, and the documentation its table.

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

/// Every key, in the order of the commented file.
pub const KEYS: &[Key] = &[
    Key {
        path: "state",
        kind: Kind::Path,
        default: Some("\"/var/lib/tribune\""),
        example: "\"/var/lib/tribune\"",
        about: "Folder for the store, the mirror of the policy repo, the work folders of runs, the host\n\
                socket and the audit files. It is made with mode 0700. Nothing else may write there.",
    },
    Key {
        path: "source.url",
        kind: Kind::Text,
        default: None,
        example: "\"https://git.example.org/ops/policy.git\"",
        about: "Remote repository, https:// or ssh://. Give either this or source.path.",
    },
    Key {
        path: "source.path",
        kind: Kind::Path,
        default: None,
        example: "\"/srv/policy\"",
        about: "Local repository, watched for changes. Give either this or source.url.",
    },
    Key {
        path: "source.branch",
        kind: Kind::Text,
        default: Some("\"main\""),
        example: "\"main\"",
        about: "The branch that decides.",
    },
    Key {
        path: "source.interval",
        kind: Kind::Time,
        default: Some("\"1m\""),
        example: "\"1m\"",
        about: "How often to fetch when nothing else says so (time, at least 1s). Up to a tenth is added\n\
                at random so that many daemons do not fetch at once.",
    },
    Key {
        path: "source.start",
        kind: Kind::Text,
        default: None,
        example: "\"0123456789abcdef0123456789abcdef01234567\"",
        about: "The commit that must be the first one accepted (full name). Without it the first head\n\
                found is accepted as it is, announced and audited.",
    },
    Key {
        path: "source.trust",
        kind: Kind::Choice(&["fast-forward", "signed"]),
        default: Some("\"fast-forward\""),
        example: "\"fast-forward\"",
        about: "What a new revision must prove. \"fast-forward\": it descends from the accepted one.\n\
                \"signed\": besides, every commit on the way is signed by a key of a person of the accepted\n\
                revision.",
    },
    Key {
        path: "source.timeout",
        kind: Kind::Time,
        default: Some("\"2m\""),
        example: "\"2m\"",
        about: "How long one fetch may take (time).",
    },
    Key {
        path: "source.token_file",
        kind: Kind::Path,
        default: None,
        example: "\"/etc/tribune/git-token\"",
        about: "File with the token for an https:// repository, mode 0600. Read at start.",
    },
    Key {
        path: "source.ssh_key",
        kind: Kind::Path,
        default: None,
        example: "\"/etc/tribune/id_ed25519\"",
        about: "Private key for an ssh:// repository, mode 0600. Without it: what ssh finds for this user.",
    },
    Key {
        path: "source.known_hosts",
        kind: Kind::Path,
        default: None,
        example: "\"/etc/tribune/known_hosts\"",
        about: "The host keys that an ssh:// repository may show. Without it: the user's own list.",
    },
    Key {
        path: "source.ca_file",
        kind: Kind::Path,
        default: None,
        example: "\"/etc/tribune/ca.pem\"",
        about: "Certificates, in PEM, of the authorities that may vouch for an https:// repository. Without it:\n\
                those of this machine.",
    },
    Key {
        path: "web.listen",
        kind: Kind::Text,
        default: Some("\"127.0.0.1:8410\""),
        example: "\"127.0.0.1:8410\"",
        about: "Address and port of the console; port 0 takes one that is free, and `tribune status`\n\
                says which. Any address that is not loopback needs an https web.external_url, served by\n\
                a proxy in front.",
    },
    Key {
        path: "web.external_url",
        kind: Kind::Text,
        default: None,
        example: "\"https://tribune.example.org\"",
        about: "The address that people type, for links and for the check of Host and Origin. Without it:\n\
                http:// and web.listen, with localhost for a loopback address.",
    },
    Key {
        path: "mattermost.url",
        kind: Kind::Text,
        default: None,
        example: "\"https://chat.example.org\"",
        about: "The address of the site as people open it, with its path if it has one (https://example.org/chat).",
    },
    Key {
        path: "mattermost.token_file",
        kind: Kind::Path,
        default: None,
        example: "\"/etc/tribune/mattermost-token\"",
        about: "File with the token of the bot account, mode 0600. Read again when the server no longer accepts the\n\
                old one, so it can be changed without a restart.",
    },
    Key {
        path: "mattermost.ca_file",
        kind: Kind::Path,
        default: None,
        example: "\"/etc/tribune/mattermost-ca.pem\"",
        about: "Certificates (PEM) of authorities that are trusted beside those of the machine.",
    },
    Key {
        path: "mattermost.approve",
        kind: Kind::Text,
        default: Some("\"white_check_mark\""),
        example: "\"white_check_mark\"",
        about: "Names of emoji that approve, parted by spaces; tones of skin do not matter. Tribune puts the first.",
    },
    Key {
        path: "mattermost.veto",
        kind: Kind::Text,
        default: Some("\"x\""),
        example: "\"x\"",
        about: "Names of emoji that veto.",
    },
    Key {
        path: "mattermost.keep",
        kind: Kind::Text,
        default: Some("\"arrow_left\""),
        example: "\"arrow_left\"",
        about: "Names of emoji that say of drift: what is live shall stay.",
    },
    Key {
        path: "mattermost.ignore",
        kind: Kind::Text,
        default: Some("\"no_bell\""),
        example: "\"no_bell\"",
        about: "Names of emoji that say of drift: leave it for a while.",
    },
    Key {
        path: "matrix.homeserver",
        kind: Kind::Text,
        default: None,
        example: "\"https://matrix.example.org\"",
        about: "The address of the client-server API, with its path if it has one: the base_url that\n\
                /.well-known/matrix/client of the server's name says.",
    },
    Key {
        path: "matrix.token_file",
        kind: Kind::Path,
        default: None,
        example: "\"/etc/tribune/matrix-token\"",
        about: "File with the access token of Tribune's account, mode 0600. Read again when the server no longer\n\
                accepts the old one, so it can be changed without a restart.",
    },
    Key {
        path: "matrix.ca_file",
        kind: Kind::Path,
        default: None,
        example: "\"/etc/tribune/matrix-ca.pem\"",
        about: "Certificates (PEM) of authorities that are trusted beside those of the machine.",
    },
    Key {
        path: "matrix.approve",
        kind: Kind::Text,
        default: Some("\"✅\""),
        example: "\"✅\"",
        about: "Emoji that approve, parted by spaces; tones of skin do not matter. Tribune puts the first.",
    },
    Key {
        path: "matrix.veto",
        kind: Kind::Text,
        default: Some("\"❌\""),
        example: "\"❌\"",
        about: "Emoji that veto.",
    },
    Key {
        path: "matrix.keep",
        kind: Kind::Text,
        default: Some("\"⬅️\""),
        example: "\"⬅️\"",
        about: "Emoji that say of drift: what is live shall stay.",
    },
    Key {
        path: "matrix.ignore",
        kind: Kind::Text,
        default: Some("\"🔕\""),
        example: "\"🔕\"",
        about: "Emoji that say of drift: leave it for a while.",
    },
    Key {
        path: "matrix.machines",
        kind: Kind::Text,
        default: Some("\"@_*:*\""),
        example: "\"@_*:* @ci:example.org\"",
        about: "Ids of accounts that are no people, such as bots and those that bridges make, parted by spaces;\n\
                `*` stands for anything. What they write or react never asks or approves.",
    },
    Key {
        path: "operations.channel",
        kind: Kind::Text,
        default: Some("\"ops\""),
        example: "\"ops\"",
        about: "Channel of inventory/channels.yaml where new and bad revisions, host commands and audit\n\
                checkpoints are announced.",
    },
    Key {
        path: "chat.late_after",
        kind: Kind::Time,
        default: Some("\"10m\""),
        example: "\"10m\"",
        about: "A command that does something is asked about rather than obeyed if it is read so long after\n\
                it was typed (time, at least 1m), for example because Tribune was down.",
    },
    Key {
        path: "limits.person",
        kind: Kind::Number,
        default: Some("30"),
        example: "30",
        about: "Commands of one person that are heard within a minute (1 to 100000). Whoever gives more is\n\
                told once, and what that person types during the next minute is not acted on.",
    },
    Key {
        path: "limits.channel",
        kind: Kind::Number,
        default: Some("120"),
        example: "120",
        about: "Commands in one channel that are heard within a minute (1 to 100000). Reactions are never\n\
                limited.",
    },
    Key {
        path: "exec.path",
        kind: Kind::Paths,
        default: Some(
            "[\"/usr/local/sbin\", \"/usr/local/bin\", \"/usr/sbin\", \"/usr/bin\", \"/sbin\", \"/bin\"]",
        ),
        example: "[\"/usr/local/bin\", \"/usr/bin\", \"/bin\"]",
        about: "Where programs are looked for, in order. The environment's PATH is never used.",
    },
    Key {
        path: "exec.work",
        kind: Kind::Path,
        default: None,
        example: "\"/var/lib/tribune/runs\"",
        about: "Folder for the pinned trees and private work folders of runs. Without it: runs/ in state.",
    },
    Key {
        path: "exec.max_parallel",
        kind: Kind::Number,
        default: Some("4"),
        example: "4",
        about: "How many runs may be under way at once (1 to 64). More wait in the queue.",
    },
    Key {
        path: "exec.weak_sandbox",
        kind: Kind::Flag,
        default: Some("false"),
        example: "false",
        about: "Whether to run programs where the kernel lacks Landlock ABI 3 (Linux 6.2). Without Landlock\n\
                a run has the daemon's rights over the store. `tribune status` shows it.",
    },
    Key {
        path: "file.keep",
        kind: Kind::Number,
        default: Some("10"),
        example: "10",
        about: "How many previous copies of one managed file stay (1 to 1000), in previous/ in state. What\n\
                Tribune overwrites or removes is copied first; `tribune file restore` puts it back.",
    },
    Key {
        path: "audit.jsonl",
        kind: Kind::Path,
        default: None,
        example: "\"/var/log/tribune/audit.jsonl\"",
        about: "File that every audit row is also appended to, one JSON object a line. Without it:\n\
                audit.jsonl in state.",
    },
    Key {
        path: "audit.checkpoints",
        kind: Kind::Path,
        default: None,
        example: "\"/var/log/tribune/checkpoints\"",
        about: "Append-only file of signed checkpoints; best on another machine's disk or with chattr +a.\n\
                Without it: checkpoints in state.",
    },
    Key {
        path: "audit.key",
        kind: Kind::Path,
        default: None,
        example: "\"/etc/tribune/audit.key\"",
        about: "Ed25519 key that signs checkpoints, PKCS#8 PEM, mode 0600; made at first start. Without it:\n\
                audit.key in state. Whoever holds it can sign another history: keep it out of backups of\n\
                the store.",
    },
    Key {
        path: "retention.interval",
        kind: Kind::Time,
        default: Some("\"1h\""),
        example: "\"1h\"",
        about: "How often to look for what is too old (time, at least 1m). Up to a tenth is added at random.",
    },
    Key {
        path: "retention.messages",
        kind: Kind::Kept,
        default: Some("\"30d\""),
        example: "\"30d\"",
        about: "How long it is remembered that a message was handled (time, at least 1d, or \"forever\"; a day is\n\
                added). A message that is older than this is never acted on, also one that comes late.",
    },
    Key {
        path: "retention.sign_ins",
        kind: Kind::Kept,
        default: Some("\"7d\""),
        example: "\"7d\"",
        about: "How long sign-in links and sessions stay in the store after their end (time, at least 1h, or\n\
                \"forever\").",
    },
    Key {
        path: "retention.output",
        kind: Kind::Kept,
        default: Some("\"90d\""),
        example: "\"90d\"",
        about: "How long the output of runs is kept after their end (time, at least 1h, or \"forever\"). What was\n\
                said in chat stays there.",
    },
    Key {
        path: "retention.requests",
        kind: Kind::Kept,
        default: Some("\"400d\""),
        example: "\"400d\"",
        about: "How long requests with their runs, incidents of drift, and the state of their posts are kept\n\
                after their end (time, at least 1d, or \"forever\"). That a pull request was used is kept for\n\
                good.",
    },
    Key {
        path: "retention.posts",
        kind: Kind::Kept,
        default: Some("\"30d\""),
        example: "\"30d\"",
        about: "How long the state of posts that are said once, such as answers, is kept after they were sent\n\
                (time, at least 1h, or \"forever\"). The posts stay in the chat.",
    },
    Key {
        path: "retention.console",
        kind: Kind::Kept,
        default: Some("\"400d\""),
        example: "\"400d\"",
        about: "How long threads of the built-in console are kept after the last message in them (time, at\n\
                least 1d, or \"forever\"). Cards stay as long as their requests.",
    },
    Key {
        path: "retention.mirror",
        kind: Kind::Kept,
        default: Some("\"30d\""),
        example: "\"30d\"",
        about: "How long git objects of the mirror are kept that nothing reaches any more, such as those of\n\
                rewritten history (time, at least 1d, or \"forever\"). Looked for once a day.",
    },
    Key {
        path: "retention.audit",
        kind: Kind::Kept,
        default: Some("\"forever\""),
        example: "\"forever\"",
        about: "How long audit rows are kept in the store (time, at least 1d, or \"forever\"). They are removed up\n\
                to a signed checkpoint, which stays; the audit file and the checkpoints are never shortened.",
    },
    Key {
        path: "shutdown.grace",
        kind: Kind::Time,
        default: Some("\"30s\""),
        example: "\"30s\"",
        about: "How long runs under way may take to end (time). What is left then is killed and becomes\n\
                interrupted.",
    },
    Key {
        path: "log.format",
        kind: Kind::Choice(&["text", "json"]),
        default: Some("\"text\""),
        example: "\"text\"",
        about: "One line of text or one JSON object for each event.",
    },
    Key {
        path: "log.level",
        kind: Kind::Text,
        default: Some("\"info\""),
        example: "\"info\"",
        about: "error, warn, info, debug or trace; more finely as in \"info,tribune::source=debug\".",
    },
];

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
    KEYS.iter().find(|key| key.path == path)
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
