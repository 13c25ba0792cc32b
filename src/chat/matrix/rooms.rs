//! Which rooms Tribune is in, and what each of them is.
//!
//! It joins the rooms that the policy repo names and no other; every other invitation is
//! declined with the reason. What a room is gets asked once and again after it changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use serde_json::{Value, json};

use super::api::{Call, Failure};
use super::event::{self, Event, Said};
use super::{CLIENT, Matrix, Wanted, locked, render};
use crate::domain::channel::Absence;
use crate::domain::id::ChatChannelId;
use crate::domain::message::PostKey;
use crate::domain::person::Account;
use crate::domain::reply::room as reply;
use crate::ports::chat::{Chat as _, ChatError, Destination};

/// Under this name of its own Tribune notes at the server that it told a room.
const TOLD: &str = "org.tribune.told";
/// Invitations that are looked at in one round.
const INVITATIONS: usize = 20;

/// What a room is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// Whether what is written there cannot be read.
    pub encrypted: bool,
    /// The one person who is there beside Tribune, by id.
    pub direct: Option<String>,
    /// Whether that person is there or invited.
    pub present: bool,
}

/// An invitation that is not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Invitation {
    room: ChatChannelId,
    by: String,
    is_direct: bool,
    is_encrypted: bool,
}

/// What is known of rooms.
#[derive(Debug, Default)]
pub struct Rooms {
    known: Mutex<HashMap<ChatChannelId, Room>>,
    /// What was wanted when rooms were last looked at. Held while they are looked at, since two
    /// read at a time.
    kept: tokio::sync::Mutex<Option<Wanted>>,
    invitations: Mutex<Vec<Invitation>>,
    told: Mutex<BTreeSet<ChatChannelId>>,
    /// Rooms that are wanted and not heard.
    absent: Mutex<BTreeMap<ChatChannelId, Absence>>,
}

impl Rooms {
    /// Asks again next time what a room is.
    pub fn forget(&self, room: &ChatChannelId) {
        locked(&self.known).remove(room);
    }

    /// Returns the rooms that are wanted and not heard.
    pub fn absent(&self) -> BTreeMap<ChatChannelId, Absence> {
        locked(&self.absent).clone()
    }

    fn note(&self, room: &ChatChannelId, absence: Absence) {
        locked(&self.absent).insert(room.clone(), absence);
    }

    /// Notes that Tribune is in a room. An encrypted one stays what it is.
    pub fn came(&self, room: &ChatChannelId) {
        locked(&self.absent).retain(|it, why| it != room || *why == Absence::Encrypted);
    }
}

impl Matrix {
    /// Says whether messages of a room are for Tribune: it is wanted, or may be a direct one.
    pub(super) fn is_for_us(&self, room: &ChatChannelId, wanted: Option<&Wanted>) -> bool {
        // While nobody knows what is wanted: better one too many than one lost.
        let is_wanted = wanted.is_none_or(|wanted| wanted.rooms.contains(room));
        is_wanted || self.directs.account_of(room.as_str()).is_some()
    }

    /// Says whether the policy repo names a room.
    pub(super) fn is_wanted(&self, room: &ChatChannelId) -> bool {
        (self.wants)().is_some_and(|wanted| wanted.rooms.contains(room))
    }

    /// Returns what a room is.
    pub(super) async fn about(&self, room: &ChatChannelId) -> Result<Room, Failure> {
        if let Some(room) = locked(&self.rooms.known).get(room) {
            return Ok(room.clone());
        }
        let found = match self.directs.account_of(room.as_str()) {
            Some(account) => self.look_at_direct(room, account).await?,
            None => Room { encrypted: self.is_encrypted(room).await?, ..Room::default() },
        };
        locked(&self.rooms.known).insert(room.clone(), found.clone());
        Ok(found)
    }

    async fn is_encrypted(&self, room: &ChatChannelId) -> Result<bool, Failure> {
        let path = [&CLIENT[..], &["rooms", room.as_str(), "state", "m.room.encryption"]].concat();
        match self.api.call(Call::get(&path)).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is_missing() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Says whether Tribune is in a room.
    pub(super) async fn is_in(&self, room: &ChatChannelId) -> Result<bool, ChatError> {
        let me = self.me().await?.id.as_str();
        self.is_joined(room, me).await
    }

    /// Says whether an account is in a room.
    pub(super) async fn is_joined(
        &self,
        room: &ChatChannelId,
        account: &str,
    ) -> Result<bool, ChatError> {
        let path = [&CLIENT[..], &["rooms", room.as_str(), "state", "m.room.member", account]];
        match self.api.call(Call::get(&path.concat())).await {
            Ok(content) => Ok(content["membership"] == "join"),
            Err(failure) if failure.is_missing() || failure.is("M_FORBIDDEN") => Ok(false),
            Err(failure) => Err(self.unreadable(failure)),
        }
    }

    /// Is in every room that is wanted, as far as that can be, and answers invitations.
    pub(super) async fn keep_rooms(&self, wanted: &Wanted) {
        let mut kept = self.rooms.kept.lock().await;
        if kept.as_ref() != Some(wanted) {
            match self.join_wanted(wanted).await {
                Ok(()) => *kept = Some(wanted.clone()),
                Err(error) => tracing::warn!(%error, "failed to look at rooms; trying again"),
            }
        }
        drop(kept);
        self.answer_invitations(wanted).await;
    }

    /// Returns the rooms that Tribune is in, by id.
    pub(super) async fn joined(&self) -> Result<BTreeSet<String>, ChatError> {
        let path = [&CLIENT[..], &["joined_rooms"]].concat();
        let answer = self.api.call(Call::get(&path)).await.map_err(|it| self.unreadable(it))?;
        let rooms = answer["joined_rooms"].as_array().into_iter().flatten();
        Ok(rooms.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    async fn join_wanted(&self, wanted: &Wanted) -> Result<(), ChatError> {
        let joined = self.joined().await?;
        for room in &wanted.rooms {
            if !joined.contains(room.as_str()) {
                match self.join(room).await {
                    Ok(()) => {}
                    Err(Failure::Refused { why, .. }) => {
                        tracing::warn!(%room, why, "cannot join a room: invite Tribune there");
                        self.rooms.note(room, Absence::NotIn);
                        continue;
                    }
                    Err(failure) => return Err(self.failed(failure)),
                }
            }
            match self.about(room).await {
                Ok(about) if about.encrypted => {
                    self.rooms.note(room, Absence::Encrypted);
                    self.tell_encrypted(room).await?;
                }
                Ok(_) => self.rooms.came(room),
                Err(Failure::Refused { .. }) => {}
                Err(failure) => return Err(self.failed(failure)),
            }
        }
        Ok(())
    }

    pub(super) async fn join(&self, room: &ChatChannelId) -> Result<(), Failure> {
        let path = [&CLIENT[..], &["rooms", room.as_str(), "join"]].concat();
        self.api.call(Call::post(&path, json!({}))).await?;
        tracing::info!(%room, "joined a room");
        self.rooms.came(room);
        Ok(())
    }

    /// Notes a room as encrypted, which it stays.
    pub(super) fn note_encryption(&self, room: &ChatChannelId) {
        locked(&self.rooms.known).entry(room.clone()).or_default().encrypted = true;
        self.rooms.note(room, Absence::Encrypted);
    }

    /// Notes rooms that Tribune is no longer in: it left them, or was put out of them.
    pub(super) fn note_departures(&self, left: &Value) {
        for room in left.as_object().into_iter().flatten().map(|(room, _)| room) {
            let Ok(room) = room.parse::<ChatChannelId>() else { continue };
            self.rooms.forget(&room);
            if self.is_wanted(&room) {
                tracing::warn!(%room, "no longer in a room that is wanted: invite Tribune there");
                self.rooms.note(&room, Absence::NotIn);
            }
        }
    }

    /// Says in a room, once for ever, that it cannot be read.
    pub(super) async fn tell_encrypted(&self, room: &ChatChannelId) -> Result<(), ChatError> {
        if locked(&self.rooms.told).contains(room) {
            return Ok(());
        }
        let me = self.me().await?.id.as_str();
        let path = ["user", me, "rooms", room.as_str(), "account_data", TOLD];
        let note = [&CLIENT[..], &path].concat();
        match self.api.call(Call::get(&note)).await {
            Ok(_) => {}
            Err(failure) if failure.is_missing() => {
                let rendered = render::render(&reply::encrypted(), &self.platform);
                let key = PostKey(format!("encrypted:{room}"));
                let content = event::content(&rendered, false, &self.full_key(&key));
                self.send(room, "m.room.message", &self.txn("post", &key.0), content)
                    .await
                    .map_err(|failure| self.failed(failure))?;
                self.api
                    .call(Call::put(&note, json!({ "encrypted": true })))
                    .await
                    .map_err(|failure| self.failed(failure))?;
            }
            Err(failure) => return Err(self.unreadable(failure)),
        }
        tracing::warn!(%room, "a room is encrypted and cannot be read");
        locked(&self.rooms.told).insert(room.clone());
        Ok(())
    }

    /// Notes invitations that came.
    pub(super) async fn note_invitations(&self, invites: &Value) -> Result<(), ChatError> {
        let me = self.me().await?.id.as_str();
        for (room, invite) in invites.as_object().into_iter().flatten() {
            let Ok(room) = room.parse() else { continue };
            let state = invite["invite_state"]["events"].as_array();
            let state = state.map_or(&[][..], Vec::as_slice);
            let own =
                state.iter().find(|it| it["type"] == "m.room.member" && it["state_key"] == me);
            let by = own.and_then(|it| it["sender"].as_str()).unwrap_or_default();
            let invitation = Invitation {
                room,
                by: by.to_owned(),
                is_direct: own.is_some_and(|it| it["content"]["is_direct"] == true),
                is_encrypted: state.iter().any(|it| it["type"] == "m.room.encryption"),
            };
            let mut waiting = locked(&self.rooms.invitations);
            waiting.retain(|other| other.room != invitation.room);
            waiting.push(invitation);
        }
        Ok(())
    }

    async fn answer_invitations(&self, wanted: &Wanted) {
        let some: Vec<Invitation> = {
            let mut waiting = locked(&self.rooms.invitations);
            let count = waiting.len().min(INVITATIONS);
            waiting.drain(..count).collect()
        };
        for invitation in some {
            match self.answer_invitation(&invitation, wanted).await {
                Ok(()) => {}
                Err(error @ ChatError::Rejected { .. }) => {
                    tracing::warn!(room = %invitation.room, %error, "failed to answer an invitation");
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to answer an invitation; trying again");
                    locked(&self.rooms.invitations).push(invitation);
                }
            }
        }
    }

    async fn answer_invitation(
        &self,
        invitation: &Invitation,
        wanted: &Wanted,
    ) -> Result<(), ChatError> {
        let room = &invitation.room;
        let is_known = wanted.accounts.iter().any(|account| account.as_str() == invitation.by);
        let why = if wanted.rooms.contains(room) && !invitation.is_encrypted {
            return self.join(room).await.map_err(|failure| self.failed(failure));
        } else if invitation.is_direct && is_known {
            self.open_instead(&invitation.by, room).await?
        } else if invitation.is_encrypted {
            reply::invited_to_encrypted()
        } else if invitation.is_direct {
            reply::invited_by_stranger(&invitation.by)
        } else {
            reply::invited_elsewhere()
        };
        let path = [&CLIENT[..], &["rooms", room.as_str(), "leave"]].concat();
        let left = self.api.call(Call::post(&path, json!({ "reason": why }))).await;
        left.map_err(|failure| self.failed(failure))?;
        tracing::info!(%room, by = invitation.by, why, "declined an invitation");
        Ok(())
    }

    /// Opens the direct room with a person and speaks there first; returns what to say where they
    /// invited Tribune to.
    async fn open_instead(&self, person: &str, to: &ChatChannelId) -> Result<String, ChatError> {
        let id = person.parse().map_err(|_| self.rejected("the account has no valid id"))?;
        let account = Account { platform: self.platform.clone(), id };
        let key = PostKey(format!("invited:{to}"));
        let direct = Destination::Direct(account);
        let posted = self.post(&direct, &reply::write_here(), &key).await?;
        Ok(reply::invited_to_direct(&self.room_link(&posted.at.channel)))
    }

    /// Takes up what events say about a room itself.
    pub(super) fn note_state(&self, room: &ChatChannelId, events: &[Event]) {
        for event in events {
            match event.said() {
                Said::Encryption => self.note_encryption(room),
                Said::Member { .. } if self.directs.account_of(room.as_str()).is_some() => {
                    self.rooms.forget(room);
                }
                _ => {}
            }
        }
    }
}
