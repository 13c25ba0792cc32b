//! Buttons on the chat server: it keeps what is handed out with them, and hands it back.

use async_trait::async_trait;
use serde_json::{Value, json};
use tribune::domain::body::Body;
use tribune::domain::message::{AuthorKind, MessageRef};
use tribune::domain::person::Account;
use tribune::domain::press::{Button, Claim, Offer};
use tribune::ports::buttons::Buttons;
use tribune::ports::chat::ChatError;

use super::{FakeChat, TRIBUNE, plain};

impl FakeChat {
    /// From now on posts can have buttons.
    pub fn shows_buttons(&self) {
        self.server().has_buttons = true;
    }

    /// Returns what stands on the buttons under a message.
    pub fn labels(&self, at: &MessageRef) -> Vec<&'static str> {
        self.buttons_under(at).iter().map(|button| button.label).collect()
    }

    /// Returns the state of a button under a message, as only the server has it.
    pub fn state(&self, at: &MessageRef, offer: Offer) -> String {
        let buttons = self.buttons_under(at);
        let found = buttons.iter().find(|button| button.offer == offer);
        found.unwrap_or_else(|| panic!("there is no button {offer:?}")).state.clone()
    }

    fn buttons_under(&self, at: &MessageRef) -> Vec<Button> {
        let server = self.server();
        let place = server.place(at).expect("the message is there");
        server.messages[place].buttons.clone()
    }

    /// Returns what the server sends when an account presses.
    pub fn call_of(account: &str, at: &MessageRef, state: &str) -> Value {
        json!({ "by": account, "at": at, "state": state })
    }
}

#[async_trait]
impl Buttons for FakeChat {
    async fn offer(&self, at: &MessageRef, buttons: &[Button]) -> Result<(), ChatError> {
        let (mut server, place) = self.write_on(at)?;
        if server.messages[place].message.kind != AuthorKind::Tribune {
            return Err(self.rejected("that is somebody else's message"));
        }
        server.messages[place].buttons = buttons.to_vec();
        Ok(())
    }

    fn read_press(&self, call: &[u8]) -> Option<Claim> {
        let call: Value = serde_json::from_slice(call).ok()?;
        Some(Claim {
            at: serde_json::from_value(call["at"].clone()).ok()?,
            by: self.account(call["by"].as_str()?),
            state: call["state"].as_str()?.to_owned(),
        })
    }

    async fn kind_of(&self, account: &Account) -> Result<AuthorKind, ChatError> {
        Ok(match account.id.as_str() {
            TRIBUNE => AuthorKind::Tribune,
            _ => self.call()?.kind_of(&account.id),
        })
    }

    async fn answer(&self, body: &Body) -> String {
        plain(body)
    }
}
