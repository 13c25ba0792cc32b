//! The daemon itself: how it stops, and its log.

use super::{Key, Kind};

/// The keys, in the order of the commented file.
pub(super) const KEYS: &[Key] = &[
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
