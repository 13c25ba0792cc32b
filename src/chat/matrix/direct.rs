//! Rooms with one person.
//!
//! Tribune opens them itself, without encryption, and only it may invite: so what is written
//! there is read by two. Which room is whose stands in the account data `m.direct`; a room that
//! is not as it was made, with a third person in it, is not a direct one.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::api::{Call, Failure};
use super::event::Event;
use super::rooms::Room;
use super::{CLIENT, Matrix, locked};
use crate::domain::id::ChatChannelId;
use crate::domain::person::Account;
use crate::ports::chat::ChatError;

/// Rooms by account, as `m.direct` has them.
#[derive(Debug, Default)]
pub struct Directs {
    rooms: Mutex<BTreeMap<String, Vec<String>>>,
    /// One room is opened at a time.
    opening: tokio::sync::Mutex<()>,
}

impl Directs {
    /// Returns whose direct room it is said to be; nobody's if it is said of two.
    pub fn account_of(&self, room: &str) -> Option<String> {
        let rooms = locked(&self.rooms);
        let mut owners = rooms.iter().filter(|(_, list)| list.iter().any(|it| it == room));
        match (owners.next(), owners.next()) {
            (Some((account, _)), None) => Some(account.clone()),
            _ => None,
        }
    }

    fn rooms_of(&self, account: &str) -> Vec<String> {
        locked(&self.rooms).get(account).cloned().unwrap_or_default()
    }
}

impl Matrix {
    /// Reads which rooms are direct ones.
    pub(super) async fn load_directs(&self, me: &str) -> Result<(), ChatError> {
        let path = [&CLIENT[..], &["user", me, "account_data", "m.direct"]].concat();
        let rooms = match self.api.call(Call::get(&path)).await {
            Ok(content) => serde_json::from_value(content).unwrap_or_default(),
            Err(failure) if failure.is_missing() => BTreeMap::new(),
            Err(failure) => return Err(self.unreadable(failure)),
        };
        *locked(&self.directs.rooms) = rooms;
        Ok(())
    }

    /// Looks whether a room is still one with this person alone.
    pub(super) async fn look_at_direct(
        &self,
        room: &ChatChannelId,
        account: String,
    ) -> Result<Room, Failure> {
        let path = [&CLIENT[..], &["rooms", room.as_str(), "state"]].concat();
        let state = Event::list(&self.api.call(Call::get(&path)).await?);
        let of_kind =
            |kind: &str| state.iter().filter(move |it| it.kind == kind).collect::<Vec<_>>();
        let encrypted = !of_kind("m.room.encryption").is_empty();
        let is_own = of_kind("m.room.create").iter().all(|it| self.is_me(&it.sender));
        let members = of_kind("m.room.member");
        let there = |who: &str| {
            members.iter().any(|it| {
                let is_in =
                    it.content["membership"] == "join" || it.content["membership"] == "invite";
                it.state_key.as_deref() == Some(who) && is_in
            })
        };
        let is_alone = members
            .iter()
            .filter_map(|it| it.state_key.as_deref())
            .all(|who| who == account || self.is_me(who) || !there(who));
        let present = there(&account);
        let direct = (is_own && is_alone).then_some(account);
        Ok(Room { encrypted, direct, present })
    }

    /// Returns the direct room with an account; opens one if there is none.
    pub(super) async fn direct_room(&self, account: &Account) -> Result<ChatChannelId, ChatError> {
        if account.platform != self.platform {
            return Err(self.rejected("the account is on another platform"));
        }
        let me = self.me().await?.id.clone();
        let id = account.id.as_str();
        let _opening = self.directs.opening.lock().await;
        for room in self.directs.rooms_of(id) {
            let Ok(room) = room.parse() else { continue };
            match self.about(&room).await {
                Ok(about) if !about.encrypted && about.direct.as_deref() == Some(id) => {
                    if !about.present {
                        self.invite(&room, id).await?;
                    }
                    return Ok(room);
                }
                Ok(_) | Err(Failure::Refused { .. }) => {}
                Err(failure) => return Err(self.failed(failure)),
            }
        }
        let room = self.open(id).await?;
        let rooms = {
            let mut rooms = locked(&self.directs.rooms);
            rooms.entry(id.to_owned()).or_default().insert(0, room.to_string());
            rooms.clone()
        };
        let path = [&CLIENT[..], &["user", &me, "account_data", "m.direct"]].concat();
        let noted = self.api.call(Call::put(&path, json!(rooms))).await;
        noted.map_err(|failure| self.failed(failure))?;
        Ok(room)
    }

    async fn invite(&self, room: &ChatChannelId, account: &str) -> Result<(), ChatError> {
        let path = [&CLIENT[..], &["rooms", room.as_str(), "invite"]].concat();
        let invited = self.api.call(Call::post(&path, json!({ "user_id": account }))).await;
        invited.map_err(|failure| self.failed(failure))?;
        self.rooms.forget(room);
        Ok(())
    }

    async fn open(&self, account: &str) -> Result<ChatChannelId, ChatError> {
        let state = |kind: &str, content: Value| json!({ "type": kind, "content": content });
        let body = json!({
            "preset": "private_chat",
            "visibility": "private",
            "is_direct": true,
            "invite": [account],
            "initial_state": [
                state("m.room.guest_access", json!({ "guest_access": "forbidden" })),
                state("m.room.history_visibility", json!({ "history_visibility": "shared" })),
            ],
            // Its maker alone invites and changes what the room is, in every room version.
            "power_level_content_override": {
                "users_default": 0, "events_default": 0, "state_default": 100, "invite": 100,
                "events": { "m.room.encryption": 100, "m.room.power_levels": 100 },
            },
        });
        let path = [&CLIENT[..], &["createRoom"]].concat();
        let made = self.api.call(Call::post(&path, body)).await.map_err(|it| self.failed(it))?;
        let room = made["room_id"].as_str().and_then(|room| room.parse().ok());
        let room = room.ok_or_else(|| self.unreachable("it made a room without an id"))?;
        tracing::info!(%room, with = account, "opened a direct room");
        Ok(room)
    }
}
