//! Buttons under Tribune's posts, as attachments with interactive actions.
//!
//! The server keeps what is handed out with a button to itself: readers of a post are never sent
//! `integration`, so that a state is known to the server and to Tribune alone. A press comes from
//! the server, which says who pressed; nothing in it proves that. Properties of a post are changed
//! by REST and never by the answer to a press, so that the text stays untouched and there is one
//! way in which Tribune's posts change.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::wire::is_id;
use super::{Mattermost, identity};
use crate::domain::body::Body;
use crate::domain::message::{AuthorKind, MessageRef};
use crate::domain::person::Account;
use crate::domain::press::{Button, Claim, Offer};
use crate::ports::buttons::Buttons;
use crate::ports::chat::ChatError;

/// The property that holds what stands below a post's text.
const ATTACHMENTS: &str = "attachments";

/// What the server sends when somebody presses, as far as Tribune reads it.
#[derive(Debug, Deserialize)]
struct Press {
    user_id: String,
    channel_id: String,
    post_id: String,
    context: Context,
}

/// What is handed out with a button and comes back with a press.
#[derive(Debug, Serialize, Deserialize)]
struct Context {
    state: String,
}

/// The answer to a press. It holds no `update`: see above.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    ephemeral_text: &'a str,
    /// The text is Markdown, not Slack's.
    skip_slack_parsing: bool,
}

/// Returns the name of a button in the server's addresses, which take letters and digits only.
fn id(offer: Offer) -> &'static str {
    match offer {
        Offer::Details => "details",
        Offer::Output => "output",
        Offer::WhoCould => "whocould",
        Offer::Ignore => "ignore",
        Offer::HowToReact => "howtoreact",
    }
}

/// Returns the buttons as the server takes them. `presses`: where it tells of presses.
pub fn render_buttons(buttons: &[Button], presses: &str) -> Value {
    let action = |button: &Button| {
        json!({
            "id": id(button.offer),
            "type": "button",
            "name": button.label,
            "style": "default",
            "integration": {
                "url": presses,
                "context": Context { state: button.state.clone() },
            },
        })
    };
    json!([{ "actions": buttons.iter().map(action).collect::<Vec<_>>() }])
}

#[async_trait]
impl Buttons for Mattermost {
    async fn offer(&self, at: &MessageRef, buttons: &[Button]) -> Result<(), ChatError> {
        let Some(presses) = &self.presses else { return Ok(()) };
        let me = self.me().await.map_err(|error| self.error(error))?;
        let post = self.existing(at).await?;
        if post.user_id != me.id {
            return Err(self.rejected("only its author may change a message"));
        }
        // The server replaces all of them by what it is sent.
        let mut props = post.props.unwrap_or_default();
        let stood = props.remove(ATTACHMENTS).is_some();
        if buttons.is_empty() && !stood {
            return Ok(());
        }
        if !buttons.is_empty() {
            props.insert(ATTACHMENTS.to_owned(), render_buttons(buttons, presses.as_str()));
        }
        let patched = self.rest.patch_props(at.id.as_str(), &props).await;
        patched.map(drop).map_err(|error| self.error(error))
    }

    fn read_press(&self, call: &[u8]) -> Option<Claim> {
        let Press { user_id, channel_id, post_id, context } = serde_json::from_slice(call).ok()?;
        if ![&user_id, &channel_id, &post_id].into_iter().all(|id| is_id(id)) {
            return None;
        }
        let (at, by) = (self.at(&channel_id, &post_id)?, self.account(&user_id)?);
        Some(Claim { at, by, state: context.state })
    }

    async fn kind_of(&self, account: &Account) -> Result<AuthorKind, ChatError> {
        let me = self.me().await.map_err(|error| self.error(error))?;
        let id = account.id.as_str();
        let users = self.users([id]).await.map_err(|error| self.error(error))?;
        Ok(identity::of_account(id, users.get(id), &me.id))
    }

    async fn answer(&self, body: &Body) -> String {
        let text = match self.text_of(body).await {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(%error, "a press is answered without words");
                String::new()
            }
        };
        let shown = Shown { ephemeral_text: &text, skip_slack_parsing: true };
        serde_json::to_string(&shown).expect("text and a flag are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_addresses_are_letters_and_digits_and_apart() {
        let all =
            [Offer::Details, Offer::Output, Offer::WhoCould, Offer::Ignore, Offer::HowToReact];
        let ids: std::collections::BTreeSet<&str> = all.into_iter().map(id).collect();
        assert_eq!(ids.len(), all.len());
        assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric())));
    }
}
