//! Chat servers that both Tribune and people use, and what people do and see there.

mod matrix;
mod mattermost;

use std::net::SocketAddr;

use async_trait::async_trait;

pub use self::matrix::OnMatrix;
pub use self::mattermost::OnMattermost;
use super::chance::Chance;

/// Who is there beside Tribune.
pub const PEOPLE: [&str; 3] = ["ken", "radia", "grace"];

/// A message of Tribune's as people see it now.
#[derive(Debug)]
pub struct Seen {
    pub id: String,
    /// The message that begins the thread in which it stands, if in one.
    pub root: Option<String>,
    pub text: String,
    /// Tribune's own name for it.
    pub key: String,
}

/// A chat server with one channel, in which three people are.
#[async_trait]
pub trait Place: Send + Sync {
    fn platform(&self) -> &'static str;

    /// Returns where the server listens.
    fn server(&self) -> SocketAddr;

    /// Returns the settings by which Tribune reaches it through another address.
    fn settings(&self, through: SocketAddr) -> String;

    fn id_of(&self, name: &str) -> String;

    fn channel(&self) -> String;

    /// Somebody writes into the channel.
    async fn say(&self, name: &str, text: &str);

    /// Somebody reacts to a message with what approves.
    async fn approve(&self, name: &str, id: &str);

    /// Somebody takes that back.
    async fn withdraw(&self, name: &str, id: &str);

    /// Returns Tribune's messages of the channel, oldest first.
    async fn seen(&self) -> Vec<Seen>;

    /// Kills the server and starts it again with its data.
    async fn restart(&mut self);

    /// What the server tells comes late, twice, in another order or not at all from now on, as
    /// far as the server itself can do that.
    fn confuse(&self, chance: Chance);
}
