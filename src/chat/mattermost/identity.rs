//! Who is behind a post or a reaction. Pure, and in doubt a machine.
//!
//! An account is its immutable id; names, pictures and what a post says about its sender are not
//! looked at but to notice that somebody plays with them.

use serde_json::Value;

use super::wire::{Post, Reaction, User};
use crate::domain::message::{AuthorKind, Edited};

/// Properties that only posts of programs bear, or that change who seems to speak.
const OF_PROGRAMS: &[&str] = &[
    "from_webhook",
    "from_bot",
    "from_plugin",
    "from_oauth_app",
    "override_username",
    "override_icon_url",
    "override_icon_emoji",
    "webhook_display_name",
    "attachments",
    "mm_blocks",
    "mm_blocks_actions",
];

/// Returns what kind of account is behind a post. `user`: as the server has it now.
pub(super) fn of_post(post: &Post, user: Option<&User>, own: &str) -> AuthorKind {
    let told = post.props.iter().flatten();
    let is_program = told
        .filter(|(name, _)| OF_PROGRAMS.contains(&name.as_str()))
        .any(|(_, value)| is_set(value));
    match of_account(&post.user_id, user, own) {
        AuthorKind::Human if is_program || !post.kind.is_empty() => AuthorKind::Machine,
        AuthorKind::Human if is_remote(post.remote_id.as_deref()) => AuthorKind::Machine,
        kind => kind,
    }
}

/// Returns what kind of account is behind a reaction.
pub(super) fn of_reaction(reaction: &Reaction, user: Option<&User>, own: &str) -> AuthorKind {
    match of_account(&reaction.user_id, user, own) {
        AuthorKind::Human if is_remote(reaction.remote_id.as_deref()) => AuthorKind::Machine,
        kind => kind,
    }
}

/// Returns what kind an account is. One that the server does not show is nobody's.
pub(super) fn of_account(id: &str, user: Option<&User>, own: &str) -> AuthorKind {
    match user {
        _ if id == own => AuthorKind::Tribune,
        None => AuthorKind::Machine,
        Some(user) if user.id != id => AuthorKind::Machine,
        Some(user) if user.is_bot || is_remote(user.remote_id.as_deref()) => AuthorKind::Machine,
        Some(user) if user.delete_at != 0 => AuthorKind::Deactivated,
        Some(_) => AuthorKind::Human,
    }
}

/// The server does not tell who edited; that of others is found by comparing.
pub(super) fn edited(post: &Post) -> Edited {
    match post.edit_at {
        0 => Edited::No,
        _ => Edited::ByAuthor,
    }
}

/// A remote cluster is another server, which vouches for its people as it likes.
fn is_remote(id: Option<&str>) -> bool {
    id.is_some_and(|id| !id.is_empty())
}

/// Programs write `"true"` and `true`; whatever does not say no counts.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty() && text != "false",
        Value::Array(list) => !list.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(more: Value) -> User {
        let mut user = json!({ "id": "u1", "username": "ada" });
        user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(user).unwrap()
    }

    fn post(more: Value) -> Post {
        let mut post = json!({ "id": "p1", "user_id": "u1", "props": {} });
        post.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(post).unwrap()
    }

    #[test]
    fn a_post_that_a_person_typed_is_a_persons() {
        let ada = user(json!({ "remote_id": "" }));
        let fine = [
            json!({}),
            json!({ "props": null }),
            json!({ "props": { "from_webhook": "false", "attachments": [], "disable_group_highlight": true } }),
            json!({ "remote_id": "" }),
        ];
        for more in fine {
            assert_eq!(
                of_post(&post(more.clone()), Some(&ada), "own"),
                AuthorKind::Human,
                "{more}"
            );
        }
        assert_eq!(of_post(&post(json!({})), Some(&ada), "u1"), AuthorKind::Tribune);
    }

    #[test]
    fn what_a_program_could_have_sent_is_a_machines() {
        let ada = user(json!({}));
        let tricks = [
            json!({ "props": { "from_webhook": "true" } }),
            json!({ "props": { "from_bot": true } }),
            json!({ "props": { "from_plugin": "true" } }),
            json!({ "props": { "from_oauth_app": "true" } }),
            json!({ "props": { "override_username": "grace" } }),
            json!({ "props": { "override_icon_url": "https://x/y.png" } }),
            json!({ "props": { "override_icon_emoji": ":owl:" } }),
            json!({ "props": { "attachments": [{ "text": "!run x" }] } }),
            json!({ "type": "system_join_channel" }),
            json!({ "type": "custom_thing" }),
            json!({ "type": "slack_attachment" }),
            json!({ "remote_id": "r1" }),
        ];
        for more in tricks {
            assert_eq!(
                of_post(&post(more.clone()), Some(&ada), "own"),
                AuthorKind::Machine,
                "{more}"
            );
        }
        for more in [json!({ "is_bot": true }), json!({ "remote_id": "r1" }), json!({ "id": "u2" })]
        {
            let other = user(more.clone());
            assert_eq!(
                of_post(&post(json!({})), Some(&other), "own"),
                AuthorKind::Machine,
                "{more}"
            );
        }
        assert_eq!(of_post(&post(json!({})), None, "own"), AuthorKind::Machine);
    }

    #[test]
    fn a_closed_account_neither_asks_nor_approves() {
        let gone = user(json!({ "delete_at": 5 }));
        assert_eq!(of_post(&post(json!({})), Some(&gone), "own"), AuthorKind::Deactivated);
        let reaction: Reaction =
            serde_json::from_value(json!({ "user_id": "u1", "post_id": "p1" })).unwrap();
        assert_eq!(of_reaction(&reaction, Some(&gone), "own"), AuthorKind::Deactivated);
        let remote = Reaction { remote_id: Some("r1".into()), ..reaction };
        assert_eq!(of_reaction(&remote, Some(&user(json!({}))), "own"), AuthorKind::Machine);
    }
}
