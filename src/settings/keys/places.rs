//! Where things lie: the state folder, the policy repo, the console.

use super::{Key, Kind};

/// The keys, in the order of the commented file.
pub(super) const KEYS: &[Key] = &[
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
];
