//! Live events: what changes on the board, as the reader may see it.
//!
//! A stream begins after the sequence number that its page was made at, so nothing is lost in
//! between; a browser that comes back names the last one it had. Before each event session and
//! `view` are decided again; when they no longer hold, the stream says so and ends.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::Site;
use super::error::WebError;
use super::pages::run::Following;
use super::place::{self, Place};
use super::reader::Reader;
use super::view::{self, List};
use crate::domain::id::{MessageId, RunId};
use crate::ports::board::{BoardEvent, BoardMessage};

/// How often an idle stream is decided again.
const RECHECK: SignedDuration = SignedDuration::from_secs(10);
/// How often a page beside the chat is looked after.
const LOOK: SignedDuration = SignedDuration::from_secs(1);
/// How often an idle connection carries a comment, so that nothing between closes it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What the page shows, so that only that is rendered.
#[derive(Deserialize)]
pub struct Watch {
    after: Option<u64>,
    channel: Option<String>,
    thread: Option<MessageId>,
    /// Whether a page beside the chat is open: it hears that something changed, and looks again.
    #[serde(default)]
    page: bool,
    /// The run whose output is shown, and how much of it, in bytes.
    run: Option<String>,
    #[serde(default)]
    from: usize,
}

impl Watch {
    fn run(&self) -> Result<Option<RunId>, WebError> {
        let run = self.run.as_deref().map(str::parse).transpose();
        run.map_err(|_| WebError::BadForm("there is no such run".to_owned()))
    }
}

/// GET `/events`.
pub async fn events(
    State(site): State<Site>,
    reader: Reader,
    headers: HeaderMap,
    Query(watch): Query<Watch>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, WebError> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let after = match last.or(watch.after) {
        Some(after) => after,
        None => site.board.changes(None).await?.1,
    };
    let head = if watch.page { head(&site).await? } else { 0 };
    let now = site.clock.now();
    let feed = Feed {
        run: watch.run()?.map(|run| Following::new(run, watch.from)),
        next_look: now + LOOK,
        next_check: now + RECHECK,
        ready: VecDeque::new(),
        over: false,
        site,
        reader,
        watch,
        after,
        head,
    };
    let stream = futures_util::stream::unfold(feed, Feed::next);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Returns the number of the last audit row: everything that pages show leaves one.
async fn head(site: &Site) -> Result<u64, WebError> {
    Ok(site.store.audit_head().await?.map_or(0, |row| row.seq))
}

/// One reader's stream.
struct Feed {
    site: Site,
    reader: Reader,
    watch: Watch,
    after: u64,
    /// The last audit row that a page was told of.
    head: u64,
    /// The run whose output is shown.
    run: Option<Following>,
    /// When to look after a page again.
    next_look: Timestamp,
    /// When to decide again at the latest.
    next_check: Timestamp,
    ready: VecDeque<Event>,
    over: bool,
}

impl Feed {
    /// Gives the next event and the rest of the stream.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            if self.over {
                return None;
            }
            self.wait().await;
        }
    }

    /// Waits for changes, for the next time to decide again, or for the end.
    async fn wait(&mut self) {
        let wake = match self.watch.page {
            true => self.next_look.min(self.next_check),
            false => self.next_check,
        };
        tokio::select! {
            () = self.site.stopping.cancelled() => self.over = true,
            () = self.site.clock.sleep_until(wake) => self.look().await,
            changes = self.site.board.changes(Some(self.after)) => match changes {
                Ok((events, seq)) => self.take(events, seq).await,
                // The browser comes back by itself and asks for the same events again.
                Err(error) => {
                    tracing::warn!(%error, "live events stop");
                    self.over = true;
                }
            },
        }
    }

    /// Decides again when it is time to, and tells a page what has changed since.
    async fn look(&mut self) {
        let now = self.site.clock.now();
        if now >= self.next_check {
            self.next_check = now + RECHECK;
            if !self.still_signed_in().await {
                return;
            }
        }
        if self.watch.page {
            self.next_look = now + LOOK;
            if self.look_after_page().await.is_err() {
                self.over = true;
            }
        }
    }

    /// Tells a page beside the chat what is new.
    async fn look_after_page(&mut self) -> Result<(), WebError> {
        let head = head(&self.site).await?;
        if head != self.head && self.still_signed_in().await {
            self.head = head;
            self.push("changed", self.after, &json!({}));
        }
        if self.over {
            return Ok(());
        }
        if let Some(run) = &mut self.run
            && let Some(news) = run.news(&self.site, &self.reader).await?
        {
            self.push("output", self.after, &news);
        }
        Ok(())
    }

    /// Turns changes into events.
    async fn take(&mut self, events: Vec<BoardEvent>, seq: u64) {
        for event in events {
            if !self.still_signed_in().await {
                return;
            }
            if let Err(error) = self.render(&event).await {
                tracing::warn!(%error, "a live event is left out");
            }
            self.after = event.seq;
        }
        self.after = self.after.max(seq);
    }

    /// Decides the session again; says goodbye if it is over.
    async fn still_signed_in(&mut self) -> bool {
        match self.site.sessions.session(&self.reader.cookie, &self.reader.name.host).await {
            Ok(Some(who)) => {
                self.reader.who = who;
                true
            }
            Ok(None) => {
                self.ready.push_back(Event::default().event("signed-out").data("{}"));
                self.over = true;
                false
            }
            // Not known is not yes: the stream ends and the browser tries again.
            Err(_) => {
                self.over = true;
                false
            }
        }
    }

    /// Renders what an event changes on the reader's page.
    async fn render(&mut self, event: &BoardEvent) -> Result<(), WebError> {
        let Some(place) = place::with_id(&self.site, &self.reader, &event.message.channel) else {
            return Ok(());
        };
        if self.watch.channel.as_deref() != Some(place.slug.as_str()) {
            self.push("elsewhere", event.seq, &json!({ "channel": place.slug }));
            return Ok(());
        }
        let Some(message) = self.site.board.message(&event.message).await? else { return Ok(()) };
        let root = match &message.thread {
            None => Some(message.clone()),
            Some(root) => {
                let at = place::at(&self.site, &place, root.clone());
                self.site.board.message(&at).await?
            }
        };
        let root_id = root.as_ref().map(|root| root.id.clone());
        if let Some(root) = root {
            self.show(&place, List::Stream, &root, event.seq)?;
        }
        if self.watch.thread.is_some() && self.watch.thread == root_id {
            self.show(&place, List::Thread, &message, event.seq)?;
        }
        Ok(())
    }

    /// Sends one message as it looks in one list.
    fn show(
        &mut self,
        place: &Place,
        list: List,
        message: &BoardMessage,
        seq: u64,
    ) -> Result<(), WebError> {
        let view = view::message(&self.site, &self.reader, place, list, message);
        let data = json!({
            "list": match list { List::Stream => "stream", List::Thread => "thread" },
            "id": view.id,
            "sent": view.sent,
            "html": view::fragment(&view)?,
        });
        self.push("message", seq, &data);
        Ok(())
    }

    fn push(&mut self, name: &str, seq: u64, data: &serde_json::Value) {
        let event = Event::default().event(name).id(seq.to_string()).data(data.to_string());
        self.ready.push_back(event);
    }
}
