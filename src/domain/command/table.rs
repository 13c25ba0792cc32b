//! Every command word with how it is typed, for help, completion and hints.

/// One command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandWord {
    /// The word after `!`.
    pub word: &'static str,
    /// How it is typed, without `!`.
    pub usage: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// A correct example, with `!`.
    pub example: &'static str,
}

const fn command(
    word: &'static str,
    usage: &'static str,
    summary: &'static str,
    example: &'static str,
) -> CommandWord {
    CommandWord { word, usage, summary, example }
}

/// All commands, in the order in which help lists them.
pub const COMMANDS: [CommandWord; 25] = [
    command("help", "help [intent]", "what you may do, or how an intent is typed", "!help"),
    command("intents", "intents", "every intent with its summary", "!intents"),
    command(
        "run",
        "run <intent> [on <target>…] [key=value …] [pr <number>]",
        "ask for an intent to be run",
        "!run restart-service on web1 service=nginx",
    ),
    command(
        "check",
        "check <intent> [on <target>…] [key=value …]",
        "look what an intent would change, without changing it",
        "!check restart-service on web1 service=nginx",
    ),
    command("approve", "approve <id>", "approve a request, in its thread", "!approve r42"),
    command("deny", "deny <id> [reason]", "veto a request, in its thread", "!deny r42 not today"),
    command("cancel", "cancel <id>", "end your own request", "!cancel r42"),
    command("again", "again <id>", "ask for the same once more", "!again r42"),
    command("status", "status [id]", "how Tribune or a request is doing", "!status r42"),
    command("requests", "requests [mine|open]", "the latest requests", "!requests open"),
    command("output", "output <id>", "what a run wrote", "!output r42"),
    command(
        "why",
        "why <id> | why @person <intent> [on <target>…] [key=value …]",
        "the reasons of a decision, or what a decision would be",
        "!why r42",
    ),
    command("who", "who <id>", "who could approve a request", "!who r42"),
    command("whoami", "whoami", "how Tribune knows you", "!whoami"),
    command("whois", "whois @person", "how Tribune knows somebody", "!whois @ada"),
    command(
        "ban",
        "ban @person \"<reason>\" <duration|permanent>",
        "ban somebody at once, for a day at most unless it is merged",
        "!ban @bob \"shared an account\" 7d",
    ),
    command("unban", "unban @person", "lift a ban, or prepare that it is lifted", "!unban @bob"),
    command("banlist", "banlist", "who is banned, until when and why", "!banlist"),
    command(
        "audit",
        "audit [id] [@person] [duration]",
        "the latest audit entries",
        "!audit @ada 24h",
    ),
    command(
        "drift",
        "drift [check [intent] | <intent> | <id> | repair <id> | keep <id> | ignore <id> <duration> [reason]]",
        "what differs from what is declared, and what to do about it",
        "!drift ignore d7 24h \"being tested\"",
    ),
    command(
        "pause",
        "pause <intent|all> <duration> \"<reason>\"",
        "hold an intent, or all of them, for a while",
        "!pause restart-service 2h \"storage moves\"",
    ),
    command(
        "resume",
        "resume <intent|all>",
        "let an intent, or all of them, go on",
        "!resume restart-service",
    ),
    command("reconcile", "reconcile", "fetch the policy repo now", "!reconcile"),
    command("login", "login", "a link to the web page, by direct message", "!login"),
    command("ping", "ping", "whether Tribune is there", "!ping"),
];

/// Words of commands that change the policy repo or the daemon and are not there yet, each with
/// what to do instead.
pub(super) const NOT_YET: [(&str, &str); 3] = [
    ("adduser", "propose it by pull request: add a file to `inventory/people/`"),
    ("deluser", "propose it by pull request: remove the file from `inventory/people/`"),
    ("chattr", "propose it by pull request: change the person's file in `inventory/people/`"),
];

/// Returns the command of that word.
pub(super) fn find(word: &str) -> Option<&'static CommandWord> {
    COMMANDS.iter().find(|command| command.word == word)
}
