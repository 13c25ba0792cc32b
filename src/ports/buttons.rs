//! The buttons of a chat platform, where it has some.
//!
//! A press comes from the platform over HTTP. The adapter translates it and the answer, and looks
//! up who an account is; what a press may do is decided elsewhere.

use async_trait::async_trait;

use super::chat::ChatError;
use crate::domain::body::Body;
use crate::domain::message::{AuthorKind, MessageRef};
use crate::domain::person::Account;
use crate::domain::press::{Button, Claim};

/// A chat platform that shows buttons.
#[async_trait]
pub trait Buttons: Send + Sync {
    /// Puts buttons under one of Tribune's own posts, in place of those that are there; none takes
    /// them away. The text of the post stays as it is.
    async fn offer(&self, at: &MessageRef, buttons: &[Button]) -> Result<(), ChatError>;

    /// Reads what the platform sends when somebody presses; `None` if that cannot be.
    fn read_press(&self, call: &[u8]) -> Option<Claim>;

    /// Says what kind of account it is, as the server has it now.
    async fn kind_of(&self, account: &Account) -> Result<AuthorKind, ChatError>;

    /// Returns the answer to a press, which only whoever pressed is shown; an empty body says
    /// nothing.
    async fn answer(&self, body: &Body) -> String;
}
