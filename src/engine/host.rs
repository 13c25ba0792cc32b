//! What may be done over the socket on the host. Every act is audited as `service host:<uid>`
//! and said in the operations channel; no command runs an intent past the gate.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::sessions::SessionError;
use super::{Engine, EngineError};
use crate::domain::audit::{Entry, Event};
use crate::domain::id::{PersonId, RequestId, ServiceId};
use crate::domain::message::{Post, PostKey};
use crate::domain::person::Principal;
use crate::domain::reply;
use crate::engine::runs::CancelOutcome;
use crate::ports::store::Change;

/// Returns the principal that acts over the socket.
pub fn principal(uid: u32) -> Principal {
    let name: ServiceId = format!("host:{uid}").parse().expect("host and a number is a name");
    Principal::Service(name)
}

impl Engine {
    /// Writes that somebody on the host does something, before it is done.
    pub async fn note_host_command(
        &self,
        uid: u32,
        command: &str,
        detail: serde_json::Value,
    ) -> Result<(), EngineError> {
        let now = self.now();
        let entry = Entry {
            at: now,
            actor: Some(principal(uid)),
            event: Event::HostCommand,
            request: None,
            revision: self.applied().map(|snapshot| snapshot.revision.clone()),
            detail: json!({ "command": command, "detail": detail }),
        };
        let mut nonce = [0_u8; 8];
        self.ports.clock.random(&mut nonce);
        let posts = self.operations_place().map(|place| Post {
            key: PostKey(format!("host:{}:{}", now.as_millisecond(), hex::encode(nonce))),
            place,
            body: reply::one_line([
                reply::text(format!("on the host, uid {uid}: ")),
                reply::code(format!("tribune {command}")),
            ]),
            seeds: Vec::new(),
        });
        let change =
            Change { audit: vec![entry], posts: posts.into_iter().collect(), ..Change::default() };
        self.ports.store.commit(change).await?;
        self.wake_outbox();
        self.wake_ledger();
        Ok(())
    }

    /// Writes that somebody spoke to the socket without showing its token; of many in a short
    /// while one row tells. Nothing is said in chat: a run could make it noisy.
    pub async fn note_host_refusal(&self, uid: Option<u32>) -> Result<(), EngineError> {
        let now = self.now();
        let Some(more) = self.host_refusals.pass(now) else { return Ok(()) };
        tracing::warn!(?uid, more, "a caller on the host's socket did not show its token");
        let entry = Entry {
            at: now,
            actor: uid.map(principal),
            event: Event::HostRefused,
            request: None,
            revision: self.applied().map(|snapshot| snapshot.revision.clone()),
            detail: json!({ "why": "the token was not shown", "more_since_last": more }),
        };
        self.ports.store.commit(Change { audit: vec![entry], ..Change::default() }).await?;
        self.wake_ledger();
        Ok(())
    }

    /// Ends a request, running or not.
    pub async fn cancel_from_host(
        self: &Arc<Self>,
        uid: u32,
        request: RequestId,
    ) -> Result<CancelOutcome, EngineError> {
        self.cancel(request, &principal(uid), Change::default()).await
    }

    /// Returns a link that signs somebody in once, and when it stops working.
    pub async fn sign_in_link(
        &self,
        person: &PersonId,
    ) -> Result<(String, Timestamp), SessionError> {
        let issued = self.sessions.issue_token(person).await?;
        let base = self.options.console_url.replace("{person}", person.as_str());
        Ok((format!("{}/sign-in/{}", base.trim_end_matches('/'), issued.token), issued.until))
    }

    /// Returns when the daemon started.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// Returns who is signed in to the console.
    pub fn sessions(&self) -> &Arc<super::sessions::Sessions> {
        &self.sessions
    }
}
