//! Running programs, managing files, and the audit log.

use super::{Key, Kind};

/// The keys, in the order of the commented file.
pub(super) const KEYS: &[Key] = &[
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
];
