//! Where people speak: chat platforms, and how much they may say.

use super::{Key, Kind};

/// The keys, in the order of the commented file.
pub(super) const KEYS: &[Key] = &[
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
        path: "mattermost.buttons",
        kind: Kind::Text,
        default: None,
        example: "\"https://tribune.example.org\"",
        about: "The address at which the Mattermost server reaches this daemon's console, for buttons under cards.\n\
                Without it there are none. The server must allow it: AllowedUntrustedInternalConnections.",
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
];
