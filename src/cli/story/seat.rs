//! Where a person sits: at a browser with the console, or at a client of a Matrix homeserver.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::browser::Browser;
use super::homeserver::{Homeserver, Member};
use super::page::Seen;
use super::transcript::StepError;
use crate::cli::demo::town::{Files, replace_block};
use crate::source::workbench::Content;

/// Where a person sits.
pub enum Seat {
    /// At the console.
    Console(Browser),
    /// At a client of a homeserver.
    Matrix(MatrixSeat),
}

/// Somebody at a client of a homeserver.
pub struct MatrixSeat {
    town: Arc<MatrixTown>,
    name: String,
}

/// The story's rooms and people on a homeserver.
pub struct MatrixTown {
    homeserver: Homeserver,
    rooms: BTreeMap<String, String>,
    members: BTreeMap<String, Member>,
    bot: Member,
}

impl Seat {
    /// Follows the console to another port, after a restart.
    pub fn follow(&mut self, console: SocketAddr) -> Result<(), StepError> {
        match self {
            Self::Console(browser) => Ok(browser.follow(console)?),
            Self::Matrix(_) => Ok(()),
        }
    }

    /// Writes a message into a channel; returns its id.
    pub async fn say(&self, channel: &str, text: &str) -> Result<String, StepError> {
        match self {
            Self::Console(browser) => Ok(browser.say(channel, text).await?),
            Self::Matrix(seat) => Ok(seat.member()?.say(seat.room(channel)?, text).await?),
        }
    }

    /// Clicks a reaction: `approve` or `veto`.
    pub async fn react(&self, channel: &str, id: &str, sign: &str) -> Result<(), StepError> {
        match self {
            Self::Console(browser) => Ok(browser.react(channel, id, sign).await?),
            Self::Matrix(seat) => {
                let emoji = if sign == "veto" { "❌" } else { "✅" };
                Ok(seat.member()?.react(seat.room(channel)?, id, emoji).await?)
            }
        }
    }

    /// Reads a channel.
    pub async fn stream(&self, channel: &str) -> Result<Vec<Seen>, StepError> {
        match self {
            Self::Console(browser) => Ok(browser.stream(channel).await?),
            Self::Matrix(seat) => Ok(seat.named(seat.member()?.stream(seat.room(channel)?).await?)),
        }
    }

    /// Reads a thread.
    pub async fn thread(&self, channel: &str, root: &str) -> Result<Vec<Seen>, StepError> {
        match self {
            Self::Console(browser) => Ok(browser.thread(channel, root).await?),
            Self::Matrix(seat) => {
                Ok(seat.named(seat.member()?.thread(seat.room(channel)?, root).await?))
            }
        }
    }
}

impl MatrixSeat {
    fn member(&self) -> Result<&Member, StepError> {
        let member = self.town.members.get(&self.name);
        member.ok_or_else(|| StepError::Broken(format!("{} has no account", self.name)))
    }

    fn room(&self, channel: &str) -> Result<&str, StepError> {
        let room = self.town.rooms.get(channel).map(String::as_str);
        room.ok_or_else(|| StepError::Broken(format!("#{channel} has no room")))
    }

    /// Names authors as commands do.
    fn named(&self, mut seen: Vec<Seen>) -> Vec<Seen> {
        for seen in &mut seen {
            seen.author = self.town.homeserver.name_of(&seen.author).to_owned();
        }
        seen
    }
}

impl MatrixTown {
    /// Makes an account for everybody and for Tribune, and a room for every channel, and writes
    /// both into the policy repo; channels are in these rooms alone.
    pub async fn settle(homeserver: Homeserver, files: &mut Files) -> Result<Self, StepError> {
        let bot = homeserver.member("tribune").await?;
        let mut members = BTreeMap::new();
        for (path, content) in &mut *files {
            let Some(name) = path.as_str().strip_prefix("inventory/people/") else { continue };
            let name = name.trim_end_matches(".yaml");
            let text = utf8(content)?;
            let member = homeserver.member(name).await?;
            let chat = format!("chat: {{ console: {name}, matrix: \"{}\" }}\n", member.id());
            *content = Content::text(replace_block(&text, "chat", &chat));
            members.insert(name.to_owned(), member);
        }
        let everybody: Vec<String> = members.values().map(|it| it.id().to_owned()).collect();
        let mut rooms = BTreeMap::new();
        let channels =
            files.iter_mut().find(|(path, _)| path.as_str() == "inventory/channels.yaml");
        if let Some((_, content)) = channels {
            let mut text = utf8(content)?;
            for name in consoles(&text) {
                let room = bot.make_room(&name, &everybody).await?;
                for member in members.values() {
                    member.join(&room).await?;
                }
                let before = format!("chat: {{ console: {name} }}");
                text = text.replace(&before, &format!("chat: {{ matrix: \"{room}\" }}"));
                rooms.insert(name, room);
            }
            *content = Content::text(text);
        }
        Ok(Self { homeserver, rooms, members, bot })
    }

    /// Returns the token that Tribune signs in with.
    pub fn bot_token(&self) -> &str {
        self.bot.token()
    }

    /// Returns the seat of somebody.
    pub fn seat(self: &Arc<Self>, name: &str) -> Seat {
        Seat::Matrix(MatrixSeat { town: Arc::clone(self), name: name.to_owned() })
    }
}

/// Returns the channels of the console that a file of channels names.
fn consoles(text: &str) -> Vec<String> {
    let channel = |line: &str| {
        let (_, rest) = line.split_once("chat: { console: ")?;
        Some(rest.split_once(" }")?.0.to_owned())
    };
    text.lines().filter_map(channel).collect()
}

fn utf8(content: &Content) -> Result<String, StepError> {
    String::from_utf8(content.bytes.clone()).map_err(StepError::broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_of_the_shipped_policy_repo_gets_a_room() {
        let files = crate::cli::shipped::files();
        let channels = files.iter().find(|(path, _)| path.as_str() == "inventory/channels.yaml");
        let text = utf8(channels.unwrap().1).unwrap();
        assert_eq!(consoles(&text), ["general", "ops", "prod"]);
    }
}
