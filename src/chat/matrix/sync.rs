//! Reading on: `/sync`, what it left out, and what all that means.
//!
//! One place in the stream for both ways of asking: hints and lists. One of them reads on at a
//! time, so that a long backlog is listed once; what somebody waited for at the server is looked
//! at only if nobody has read on from the same place meanwhile.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::api::{Call, Failure};
use super::event::{Event, Said};
use super::reading::{Reading, left};
use super::stream::Stream;
use super::{CLIENT, Matrix, locked};
use crate::domain::id::ChatChannelId;
use crate::domain::message::AuthorKind;
use crate::ports::chat::ChatError;

/// Events of one room that one `/sync` brings; the rest is listed.
const TIMELINE: u32 = 100;
/// Events that one page of a listing brings.
const PAGE: &str = "500";
/// Events of one room that are listed at most; what is older is lost, and said so in the log.
const LISTED: usize = 50_000;
/// How long a server that does not answer is asked again before that is told.
const PATIENCE: SignedDuration = SignedDuration::from_secs(8);
/// The first pause between, and the longest.
const PAUSES: (SignedDuration, SignedDuration) =
    (SignedDuration::from_millis(250), SignedDuration::from_secs(2));
/// What Tribune reads of rooms.
const TYPES: [&str; 6] = [
    "m.room.message",
    "m.reaction",
    "m.room.redaction",
    "m.room.member",
    "m.room.encryption",
    "m.room.encrypted",
];

/// Notes for as long as it lives that somebody waits at the server.
struct Waits<'a>(&'a Mutex<Stream>);

impl<'a> Waits<'a> {
    fn from(stream: &'a Mutex<Stream>, place: Option<&str>) -> Self {
        locked(stream).waits(place);
        Self(stream)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        locked(self.0).waits(None);
    }
}

impl Matrix {
    /// Reads on, waiting at most so long for something to happen. The first time it only finds
    /// out where the stream is now, and joins rooms after that: what is said there as soon as it
    /// has come is said to it.
    pub(super) async fn pull(&self, wait: Duration) -> Result<(), ChatError> {
        self.me().await?;
        // There may be much to list already: nobody waits for more before that is done.
        let waits = !wait.is_zero() && locked(&self.stream).was_read();
        let first = if waits { None } else { Some(self.reads.lock().await) };
        let wait = if waits { wait } else { Duration::ZERO };
        let wanted = (self.wants)();
        let from = locked(&self.stream).position().map(str::to_owned);
        if let (Some(wanted), Some(_)) = (&wanted, &from) {
            self.keep_rooms(wanted).await;
        }
        let answer = {
            let _waits = waits.then(|| Waits::from(&self.stream, from.as_deref()));
            self.sync(from.as_deref(), wait).await?
        };
        let _alone = match first {
            Some(alone) => alone,
            None => self.reads.lock().await,
        };
        let to = answer["next_batch"].as_str();
        let to = to.ok_or_else(|| self.unreachable("it does not say where reading stopped"))?;
        self.note_invitations(&answer["rooms"]["invite"]).await?;
        let Some(from) = from else {
            locked(&self.stream).begin(to);
            if let Some(wanted) = &wanted {
                self.keep_rooms(wanted).await;
            }
            return Ok(());
        };
        if locked(&self.stream).position() != Some(&from) {
            return Ok(());
        }
        self.note_departures(&answer["rooms"]["leave"]);
        let mut reading = Reading::default();
        for (room, joined) in answer["rooms"]["join"].as_object().into_iter().flatten() {
            let Ok(room) = room.parse::<ChatChannelId>() else { continue };
            if !self.is_for_us(&room, wanted.as_ref()) {
                continue;
            }
            self.rooms.came(&room);
            self.note_state(&room, &Event::list(&joined["state"]["events"]));
            let events = self.timeline(&room, &joined["timeline"], &from, &mut reading).await?;
            self.read_room(&room, &events, &mut reading).await?;
        }
        locked(&self.stream).take(&from, to, reading.end());
        Ok(())
    }

    async fn sync(&self, from: Option<&str>, wait: Duration) -> Result<Value, ChatError> {
        let timeline = if from.is_some() { TIMELINE } else { 1 };
        let filter = json!({
            "presence": { "types": [] },
            "account_data": { "types": [] },
            "room": {
                "ephemeral": { "types": [] },
                "account_data": { "types": [] },
                "state": { "types": ["m.room.encryption", "m.room.member"], "lazy_load_members": true },
                "timeline": { "types": TYPES, "limit": timeline, "lazy_load_members": true },
            },
        });
        let path = [&CLIENT[..], &["sync"]].concat();
        let mut call = Call::get(&path)
            .with("filter", filter.to_string())
            .with("timeout", wait.as_millis().to_string())
            .with("set_presence", "offline")
            .waiting(wait);
        if let Some(from) = from {
            call = call.with("since", from);
        }
        let (begun, mut pause) = (self.clock.now(), PAUSES.0);
        loop {
            match self.api.call(call.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Busy(after)) => self.api.pause(after).await,
                Err(Failure::Unreachable(why)) => {
                    if self.clock.now().duration_since(begun) > PATIENCE {
                        return Err(self.unreachable(why));
                    }
                    self.api.pause(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
                Err(failure) => return Err(self.unreadable(failure)),
            }
        }
    }

    /// Returns what happened in a room after a place, oldest first, since Tribune is in it; what
    /// the server left out is listed.
    async fn timeline(
        &self,
        room: &ChatChannelId,
        timeline: &Value,
        after: &str,
        reading: &mut Reading,
    ) -> Result<Vec<Event>, ChatError> {
        let mut events = Event::list(&timeline["events"]);
        events.reverse();
        let mut place = timeline["prev_batch"].as_str().map(str::to_owned);
        let mut is_more = timeline["limited"] == true;
        let filter = json!({ "types": TYPES }).to_string();
        while is_more && !events.iter().any(|event| self.is_own_coming(event)) {
            let Some(from) = place.filter(|_| events.len() < LISTED) else {
                tracing::error!(%room, "more happened than can be listed: messages are lost");
                reading.unlisted.insert(room.clone());
                break;
            };
            let path = [&CLIENT[..], &["rooms", room.as_str(), "messages"]].concat();
            let call = Call::get(&path)
                .with("dir", "b")
                .with("from", from)
                .with("to", after)
                .with("limit", PAGE)
                .with("filter", filter.as_str());
            let answer = match self.api.call(call).await {
                Ok(answer) => answer,
                // Tribune is no longer there.
                Err(Failure::Refused { .. }) => break,
                Err(failure) => return Err(self.failed(failure)),
            };
            events.extend(Event::list(&answer["chunk"]));
            place = answer["end"].as_str().map(str::to_owned);
            is_more = place.is_some();
        }
        let come = events.iter().position(|event| self.is_own_coming(event));
        events.truncate(come.unwrap_or(events.len()));
        let mut seen = HashSet::new();
        events.retain(|event| seen.insert(event.event_id.clone()));
        events.reverse();
        Ok(events)
    }

    /// Says whether Tribune came into the room by this event.
    fn is_own_coming(&self, event: &Event) -> bool {
        match event.said() {
            Said::Member { who, membership, was_joined } => {
                self.is_me(&who) && membership == "join" && !was_joined
            }
            _ => false,
        }
    }

    async fn read_room(
        &self,
        room: &ChatChannelId,
        events: &[Event],
        reading: &mut Reading,
    ) -> Result<(), ChatError> {
        self.note_state(room, events);
        let about = match self.about(room).await {
            Ok(about) => about,
            // Tribune is no longer there.
            Err(Failure::Refused { .. }) => return Ok(()),
            Err(failure) => return Err(self.failed(failure)),
        };
        if about.encrypted {
            // That it cannot be told now must not keep other rooms from being read.
            if let Err(error) = self.tell_encrypted(room).await {
                tracing::warn!(%room, %error, "failed to tell that a room is encrypted");
            }
            return Ok(());
        }
        let left = left(events);
        let mut messages = Vec::new();
        for event in events {
            let is_own = self.is_me(&event.sender);
            let touched = reading.note(event, is_own, &mut locked(&self.relations));
            reading.touched.extend(touched.iter().filter_map(|id| self.at(room, id)));
            if is_own || event.said() != Said::Message {
                continue;
            }
            if let Some(mut message) = self.message(room, event, about.direct.is_some()) {
                if message.kind == AuthorKind::Human && left.contains(event.sender.as_str()) {
                    message.kind = AuthorKind::Absent;
                }
                messages.push(message);
            }
        }
        reading.rooms.push(messages);
        Ok(())
    }
}
