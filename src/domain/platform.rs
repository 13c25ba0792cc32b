//! How ids look on the chat platforms that Tribune knows by name.
//!
//! People and channels are bound by ids that a platform never gives out twice. Names that people
//! choose for themselves can be taken by others, so one that stands where an id belongs binds
//! nobody, and whoever looks at the file should know.

use super::id::{AccountId, ChatChannelId, Platform};

/// The chat platforms that there are.
pub const PLATFORMS: [&str; 3] = ["console", "mattermost", "matrix"];

/// What is wrong with an id, and how to find the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What is wrong, lower case, no full stop.
    pub why: String,
    /// How to find the right one.
    pub hint: &'static str,
}

/// Says what is wrong with the id of an account, if anything can be told.
pub fn account_misfit(platform: &Platform, id: &AccountId) -> Option<Misfit> {
    let id = id.as_str();
    match platform.as_str() {
        "mattermost" if !is_mattermost_id(id) => Some(Misfit {
            why: format!("`{id}` looks like a user name; an id has 26 of a-z and 0-9"),
            hint: "let them type `!whoami` to Tribune, or look them up in the System Console \
                   under Users",
        }),
        "matrix" if !is_mxid(id) => Some(Misfit {
            why: format!("`{id}` is no Matrix id; one is written \"@ada:example.org\""),
            hint: "let them type `!whoami` to Tribune, or copy the id below the display name in \
                   their profile",
        }),
        "matrix" if id.chars().any(|c| c.is_ascii_uppercase()) => Some(Misfit {
            why: format!("`{id}` has capitals, which only very old Matrix ids have"),
            hint: "compare with what `!whoami` prints for that account",
        }),
        _ => None,
    }
}

/// Says what is wrong with the id of a channel, if anything can be told.
pub fn channel_misfit(platform: &Platform, id: &ChatChannelId) -> Option<Misfit> {
    let id = id.as_str();
    match platform.as_str() {
        "mattermost" if !is_mattermost_id(id) => Some(Misfit {
            why: format!("`{id}` looks like a channel's name; an id has 26 of a-z and 0-9"),
            hint: "the id stands at the end of the channel's View Info",
        }),
        "matrix" if id.starts_with('#') => Some(Misfit {
            why: format!("`{id}` is an alias, which can be moved to another room"),
            hint: "the id begins with `!` and stands in the room's settings under Advanced",
        }),
        "matrix" if !is_room_id(id) => Some(Misfit {
            why: format!("`{id}` is no room id; one is written \"!aBcDeF:example.org\""),
            hint: "the id begins with `!` and stands in the room's settings under Advanced",
        }),
        _ => None,
    }
}

fn is_mattermost_id(id: &str) -> bool {
    id.len() == 26 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn is_mxid(id: &str) -> bool {
    let parts = id.strip_prefix('@').and_then(|rest| rest.split_once(':'));
    parts.is_some_and(|(local, server)| !local.is_empty() && is_server(server))
}

/// Rooms of version 12 and later have no server in their id.
fn is_room_id(id: &str) -> bool {
    let Some(rest) = id.strip_prefix('!') else { return false };
    match rest.split_once(':') {
        Some((local, server)) => !local.is_empty() && is_server(server),
        None => {
            let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            rest.len() == 43 && rest.bytes().all(base64)
        }
    }
}

/// A host name or address with an optional port.
fn is_server(server: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'[' | b']');
    !server.is_empty() && !server.starts_with(':') && server.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(platform: &str, id: &str) -> Option<String> {
        account_misfit(&platform.parse().unwrap(), &id.parse().unwrap()).map(|it| it.why)
    }

    fn channel(platform: &str, id: &str) -> Option<String> {
        channel_misfit(&platform.parse().unwrap(), &id.parse().unwrap()).map(|it| it.why)
    }

    #[test]
    fn ids_of_accounts_are_told_from_names() {
        for (platform, id) in [
            ("console", "ada"),
            ("mattermost", "8x3k1mq7rtyw5e9uziopasdfgh"),
            ("matrix", "@ada:example.org"),
            ("matrix", "@ada=2f.b-1:localhost:8448"),
            ("matrix", "@ada:[::1]:8448"),
            ("slack", "anything"),
        ] {
            assert_eq!(account(platform, id), None, "{platform} {id}");
        }
        for (platform, id) in [
            ("mattermost", "ada"),
            ("mattermost", "@ada"),
            ("mattermost", "8X3K1MQ7RTYW5E9UZIOPASDFGH"),
            ("matrix", "ada"),
            ("matrix", "@ada"),
            ("matrix", "@:example.org"),
            ("matrix", "@ada:"),
            ("matrix", "@ada::8448"),
            ("matrix", "ada:example.org"),
            ("matrix", "@Ada:example.org"),
        ] {
            assert!(account(platform, id).is_some(), "{platform} {id}");
        }
    }

    #[test]
    fn ids_of_channels_are_told_from_names() {
        let new = format!("!{}", "a-B_9".repeat(9).chars().take(43).collect::<String>());
        for (platform, id) in [
            ("console", "ops"),
            ("mattermost", "8x3k1mq7rtyw5e9uziopasdfgh"),
            ("matrix", "!aBcDeF:example.org"),
            ("matrix", new.as_str()),
        ] {
            assert_eq!(channel(platform, id), None, "{platform} {id}");
        }
        for (platform, id) in [
            ("mattermost", "ops"),
            ("mattermost", "~ops"),
            ("matrix", "#ops:example.org"),
            ("matrix", "ops"),
            ("matrix", "!ops"),
            ("matrix", "!:example.org"),
        ] {
            assert!(channel(platform, id).is_some(), "{platform} {id}");
        }
    }
}
