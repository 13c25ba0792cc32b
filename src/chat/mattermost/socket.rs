//! The socket over which the server tells that something happened.
//!
//! One connection at a time. It shows the token, waits for `hello`, and then counts: each event
//! bears the number after that of the one before. Where a number is missing, or the server is
//! silent for too long, or no longer knows who listens, the connection is given up and a new one
//! begins at nought; what was missed in between is read again, so the old numbers are of no use.
//! Attempts come apart further and further, with chance in it, and come close again only after a
//! connection has held for a while: a server that takes logins and drops them is not stormed.
//! Nobody waits for the socket: while there is none, Tribune asks for new messages now and then by
//! REST, which shows no login.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rustls::ClientConfig;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message as Wire;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

use super::directory::Directory;
use super::hints::Hints;
use super::rest::{Rest, RestError, jittered};
use super::slot::Slot;
use super::wire::{Channel, Frame, Post, Reaction, User};
use super::{Configured, Me, Timing};
use crate::chat::tls;
use crate::domain::id::Platform;
use crate::domain::message::MessageRef;
use crate::ports::clock::Clock;

/// What the socket needs of the rest.
pub(super) struct Listener {
    pub platform: Platform,
    pub rest: Arc<Rest>,
    pub hints: Arc<Hints>,
    pub directory: Arc<Directory>,
    pub me: Arc<Slot<Option<Me>>>,
    pub configured: Configured,
    pub tls: Arc<ClientConfig>,
    pub timing: Timing,
    pub clock: Arc<dyn Clock>,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Listener {
    /// Listens until it is dropped.
    pub async fn run(self) {
        tokio::join!(self.keep_open(), self.ask_while_closed());
    }

    /// Hints at messages now and then while nothing else does.
    async fn ask_while_closed(&self) {
        loop {
            sleep(jittered(self.clock.as_ref(), self.timing.ask)).await;
            self.hints.ask_if_closed();
        }
    }

    async fn keep_open(&self) {
        let mut failures = 0_u32;
        loop {
            let mut up = None;
            let why = match self.listen(&mut up).await {
                Ok(never) => match never {},
                Err(why) => why,
            };
            let held = up.map_or(Duration::ZERO, |since| Instant::now() - since);
            failures = if held >= self.timing.steady { 0 } else { failures.saturating_add(1) };
            tracing::warn!(platform = %self.platform, %why, "the socket is closed");
            self.hints.down(why);
            let wait = self.timing.again * 2_u32.saturating_pow(failures.min(16));
            sleep(jittered(self.clock.as_ref(), wait.min(self.timing.most))).await;
        }
    }

    /// Connects and listens; returns why that ended.
    async fn listen(&self, up: &mut Option<Instant>) -> Result<std::convert::Infallible, String> {
        let mut socket = timeout(self.timing.connect, self.connect())
            .await
            .map_err(|_| "it takes too long to connect".to_owned())??;
        let mut next = 0;
        let mut number = 2_i64;
        let mut heard = Instant::now();
        let mut ping = tokio::time::interval(self.timing.ping);
        ping.reset();
        loop {
            let late = heard + self.timing.silence;
            let frame = tokio::select! {
                frame = socket.next() => frame,
                _ = ping.tick() => {
                    let ping = json!({ "action": "ping", "seq": number }).to_string();
                    number += 1;
                    send(&mut socket, ping).await?;
                    continue;
                }
                () = tokio::time::sleep_until(late) => return Err("it says nothing any more".into()),
            };
            heard = Instant::now();
            let text = match frame {
                None | Some(Ok(Wire::Close(_))) => return Err("it closed the connection".into()),
                Some(Err(_)) => return Err("the connection broke".into()),
                Some(Ok(Wire::Text(text))) => text,
                Some(Ok(_)) => continue,
            };
            let Ok(frame) = serde_json::from_str::<Frame>(&text) else {
                return Err("it says something that is no event".into());
            };
            if frame.seq_reply.is_some() {
                self.check_answer(&frame, up.is_some())?;
                continue;
            }
            let Some(event) = frame.event.as_deref() else { continue };
            if frame.seq != Some(next) {
                return Err(format!("event {next} is missing"));
            }
            next += 1;
            if event == "hello" && up.is_none() {
                *up = Some(Instant::now());
                tracing::info!(platform = %self.platform, "the socket is open");
                self.hints.open();
            } else {
                self.hear(event, &frame);
            }
        }
    }

    async fn connect(&self) -> Result<Socket, String> {
        // The file may hold a new token by now; reading it is cheap and logins are rare.
        let token = self.rest.token_again().await.map_err(in_words)?;
        let url = self.rest.socket();
        let connector = match url.scheme() {
            "wss" => Connector::Rustls(Arc::clone(&self.tls)),
            _ => Connector::Plain,
        };
        let connected = tokio_tungstenite::connect_async_tls_with_config(
            url.as_str(),
            None,
            true,
            Some(connector),
        );
        let (mut socket, _) = connected.await.map_err(|error| of_handshake(&error))?;
        let data = json!({ "token": token.reveal() });
        let challenge = json!({ "seq": 1, "action": "authentication_challenge", "data": data });
        send(&mut socket, challenge.to_string()).await?;
        Ok(socket)
    }

    /// The answer to the first thing sent says whether the token is accepted, that to a ping
    /// whether it still is: where it was revoked, or everybody's logins were, the server keeps the
    /// connection and says nothing on it any more.
    fn check_answer(&self, frame: &Frame, is_up: bool) -> Result<(), String> {
        match frame.status.as_deref() {
            Some("OK") | None => Ok(()),
            Some(_) if is_up => Err("it no longer knows who listens".into()),
            Some(_) => Err("it does not accept the token of mattermost.token_file".into()),
        }
    }

    /// Makes hints of an event.
    fn hear(&self, event: &str, frame: &Frame) {
        match event {
            "posted" => match frame.inner::<Post>("post") {
                Some(post) if self.is_own(&post.user_id) => {}
                // What is said where Tribune is not configured was not said to it, later neither.
                Some(post) if !self.is_read(&post.channel_id, frame) => {}
                Some(post) => {
                    self.hints.posted(&post.channel_id, Some(post.create_at));
                    self.touch(&post.channel_id, &post.root_id);
                }
                None => self.hints.gap(),
            },
            "post_edited" | "post_deleted" => match frame.inner::<Post>("post") {
                Some(post)
                    if event == "post_edited"
                        && self.hints.is_own_edit(&post.id, &post.message) => {}
                Some(post) => {
                    self.touch(&post.channel_id, &post.id);
                    self.touch(&post.channel_id, &post.root_id);
                }
                None => self.hints.gap(),
            },
            "reaction_added" | "reaction_removed" => {
                let channel = frame.broadcast.as_ref().map(|it| it.channel_id.as_str());
                match (frame.inner::<Reaction>("reaction"), channel) {
                    (Some(reaction), _) if self.is_own(&reaction.user_id) => {}
                    (Some(reaction), Some(channel)) if !channel.is_empty() => {
                        self.touch(channel, &reaction.post_id);
                    }
                    _ => self.hints.gap(),
                }
            }
            "user_updated" => self.user_updated(frame),
            "channel_updated" | "channel_converted" | "channel_deleted" | "channel_restored" => {
                let inner = frame.inner::<Channel>("channel").map(|channel| channel.id);
                let id = inner.or_else(|| frame.text("channel_id").map(str::to_owned));
                if let Some(id) = id {
                    self.directory.forget_channel(&id);
                }
                self.hints.channels_changed();
            }
            // Tribune may read more or less from now on.
            "user_added" | "user_removed" | "added_to_team" | "leave_team" => self.hints.gap(),
            "direct_added" => {
                if let Some(broadcast) = &frame.broadcast {
                    self.hints.posted(&broadcast.channel_id, None);
                }
            }
            _ => {}
        }
    }

    fn user_updated(&self, frame: &Frame) {
        let user = frame.data.as_ref().and_then(|data| data.get("user")).cloned();
        // An object with some versions, JSON within a text with others.
        let user = user.and_then(|user| match user.as_str() {
            Some(text) => serde_json::from_str::<User>(text).ok(),
            None => serde_json::from_value(user).ok(),
        });
        match user {
            Some(user) => {
                match user.username.is_empty() {
                    true => self.directory.forget_user(&user.id),
                    false => self.directory.heard_users([&user]),
                }
                if self.is_own(&user.id) {
                    self.me.set(None);
                }
            }
            None => self.me.set(None),
        }
    }

    fn touch(&self, channel: &str, id: &str) {
        if id.is_empty() {
            return;
        }
        let Ok(channel) = channel.parse() else { return };
        let Ok(id) = id.parse() else { return };
        self.hints.touched(MessageRef { platform: self.platform.clone(), channel, id });
    }

    fn is_read(&self, channel: &str, frame: &Frame) -> bool {
        frame.text("channel_type") == Some("D")
            || (self.configured)().iter().any(|id| id.as_str() == channel)
    }

    fn is_own(&self, user: &str) -> bool {
        self.me.with(|me| me.as_ref().is_some_and(|me| me.id == user))
    }
}

async fn send(socket: &mut Socket, text: String) -> Result<(), String> {
    socket.send(Wire::text(text)).await.map_err(|_| "the connection broke".to_owned())
}

fn in_words(error: RestError) -> String {
    match error {
        RestError::Unreachable(why) | RestError::Unknown(why) => why,
        RestError::Busy(_) => "it asks to wait".to_owned(),
        RestError::Refused { why, .. } => why,
    }
}

/// Says why there is no socket, without addresses.
fn of_handshake(error: &tokio_tungstenite::tungstenite::Error) -> String {
    use tokio_tungstenite::tungstenite::Error;
    match error {
        Error::Http(response) => {
            format!("its socket answers with status {}", response.status().as_u16())
        }
        error => tls::why_unreached(error, "mattermost.ca_file"),
    }
}
