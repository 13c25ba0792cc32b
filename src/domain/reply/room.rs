//! What Tribune says about rooms that it cannot or does not use.

use super::sentence;
use crate::domain::body::Body;
use crate::domain::channel::Absence;
use crate::domain::id::{ChannelName, Platform};

/// Returns that a place of a channel is not heard, why, and what to do.
pub fn unheard(channel: &ChannelName, platform: &Platform, why: Absence) -> String {
    let why = match why {
        Absence::NotIn => {
            "Tribune is not in it, or it was closed. Invite Tribune there, or mend the id in \
             inventory/channels.yaml"
        }
        Absence::Encrypted => {
            "it is encrypted, which Tribune cannot read. Make a room without encryption, and name \
             that one in inventory/channels.yaml"
        }
    };
    format!("#{channel} on {platform} is not heard: {why}")
}

/// Returns what is said once in a room that Tribune is in and cannot read.
pub fn encrypted() -> Body {
    sentence(
        "This room is encrypted, so I cannot read what is written here and do nothing here. \
         Encryption cannot be switched off again: make a room without it, invite me there, and \
         name that one in inventory/channels.yaml.",
    )
}

/// Returns why an invitation to an encrypted room is declined.
pub fn invited_to_encrypted() -> String {
    "This room is encrypted, and I cannot read such rooms. Invite me to one without encryption."
        .to_owned()
}

/// Returns why an invitation to a room that nobody configured is declined.
pub fn invited_elsewhere() -> String {
    "I only join rooms that inventory/channels.yaml names.".to_owned()
}

/// Returns why an invitation to a direct chat is declined to somebody whom the policy repo does
/// not name.
pub fn invited_by_stranger(account: &str) -> String {
    format!(
        "I do not know you: nobody in the policy repo has this account. An admin can add \
         chat: {{ matrix: \"{account}\" }} to a file of inventory/people/. Then invite me again."
    )
}

/// Returns why an invitation to a direct chat is declined, and where to write instead.
pub fn invited_to_direct(link: &str) -> String {
    format!(
        "For direct messages I open a room myself, without encryption, which I could not read: {link}"
    )
}

/// Returns what is said in the direct room that Tribune opens instead.
pub fn write_here() -> Body {
    sentence(
        "You invited me to another room. Write to me in this one: it is not encrypted, so I can \
         read it.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::body::{Block, plain};

    fn said(body: Body) -> String {
        let lines = body.0.iter().map(|block| match block {
            Block::Line(spans) => plain(spans),
            _ => String::new(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_not_heard_says_what_to_do() {
        let said = |why| unheard(&"ops".parse().unwrap(), &"matrix".parse().unwrap(), why);
        insta::assert_snapshot!(said(Absence::NotIn), @"#ops on matrix is not heard: Tribune is not in it, or it was closed. Invite Tribune there, or mend the id in inventory/channels.yaml");
        insta::assert_snapshot!(said(Absence::Encrypted), @"#ops on matrix is not heard: it is encrypted, which Tribune cannot read. Make a room without encryption, and name that one in inventory/channels.yaml");
    }

    #[test]
    fn what_is_said_about_rooms_reads_like_this() {
        insta::assert_snapshot!(said(encrypted()), @"This room is encrypted, so I cannot read what is written here and do nothing here. Encryption cannot be switched off again: make a room without it, invite me there, and name that one in inventory/channels.yaml.");
        insta::assert_snapshot!(invited_to_encrypted(), @"This room is encrypted, and I cannot read such rooms. Invite me to one without encryption.");
        insta::assert_snapshot!(invited_elsewhere(), @"I only join rooms that inventory/channels.yaml names.");
        insta::assert_snapshot!(invited_by_stranger("@zed:hs.test"), @r#"I do not know you: nobody in the policy repo has this account. An admin can add chat: { matrix: "@zed:hs.test" } to a file of inventory/people/. Then invite me again."#);
        insta::assert_snapshot!(invited_to_direct("https://matrix.to/#/x"), @"For direct messages I open a room myself, without encryption, which I could not read: https://matrix.to/#/x");
        insta::assert_snapshot!(said(write_here()), @"You invited me to another room. Write to me in this one: it is not encrypted, so I can read it.");
    }
}
