//! How long things are kept.

use super::{Key, Kind};

/// The keys, in the order of the commented file.
pub(super) const KEYS: &[Key] = &[
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
];
