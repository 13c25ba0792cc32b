//! The chat's pages: the menu, a channel, a thread beside it, and links to messages.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Redirect, Response};
use serde::Deserialize;

use super::Site;
use super::error::{WebError, show};
use super::place::{self, Place};
use super::reader::Reader;
use super::shell::{Here, Shell};
use super::view::{self, List, MessageView};
use crate::domain::id::{ChatChannelId, MessageId};

/// How many messages a page holds.
const PAGE: u32 = 60;

/// The one page there is; what is not open is `None`.
#[derive(Template)]
#[template(path = "chat.html")]
struct ChatPage {
    shell: Shell,
    stream: Option<Stream>,
    thread: Option<Thread>,
}

/// An open channel.
struct Stream {
    place: Place,
    messages: Vec<MessageView>,
    older: Option<String>,
    is_latest: bool,
    nonce: String,
}

/// An open thread.
struct Thread {
    root: String,
    messages: Vec<MessageView>,
    nonce: String,
}

/// Which part of a channel to show.
#[derive(Deserialize)]
pub struct Part {
    before: Option<MessageId>,
}

/// GET `/`: goes to the first channel.
pub async fn home(State(site): State<Site>, reader: Reader) -> Redirect {
    let first = place::places(&site, &reader).first().map(Place::path);
    Redirect::to(&first.unwrap_or_else(|| "/menu".to_owned()))
}

/// GET `/menu`: navigation alone, for narrow screens.
pub async fn menu(State(site): State<Site>, reader: Reader) -> Result<Response, WebError> {
    let shell = Shell::around(&site, &reader, Here::Menu).await?;
    Ok(show(&ChatPage { shell, stream: None, thread: None }))
}

/// GET `/c/{slug}`.
pub async fn channel(
    State(site): State<Site>,
    reader: Reader,
    Path(slug): Path<String>,
    Query(part): Query<Part>,
) -> Result<Response, WebError> {
    // The shell knows the sequence before the messages are read: nothing falls in between.
    let shell = Shell::around(&site, &reader, Here::Channel(&slug)).await?;
    let stream = open_stream(&site, &reader, &slug, part.before).await?;
    Ok(show(&ChatPage { shell, stream: Some(stream), thread: None }))
}

/// GET `/c/{slug}/t/{root}`.
pub async fn thread(
    State(site): State<Site>,
    reader: Reader,
    Path((slug, root)): Path<(String, MessageId)>,
) -> Result<Response, WebError> {
    let shell = Shell::around(&site, &reader, Here::Channel(&slug)).await?;
    let stream = open_stream(&site, &reader, &slug, None).await?;
    let found = site.board.thread(&place::at(&site, &stream.place, root.clone())).await?;
    if found.first().is_none_or(|first| first.channel != stream.place.id) {
        return Err(WebError::NotFound);
    }
    let messages = view::messages(&site, &reader, &stream.place, List::Thread, &found);
    let thread = Thread { root: root.to_string(), messages, nonce: site.nonce() };
    Ok(show(&ChatPage { shell, stream: Some(stream), thread: Some(thread) }))
}

/// GET `/m/{channel}/{id}`: goes to where a message stands. This is what links in messages use.
pub async fn permalink(
    State(site): State<Site>,
    reader: Reader,
    Path((channel, id)): Path<(ChatChannelId, MessageId)>,
) -> Result<Redirect, WebError> {
    let place = place::with_id(&site, &reader, &channel).ok_or(WebError::NotFound)?;
    let at = place::at(&site, &place, id.clone());
    let message = site.board.message(&at).await?.ok_or(WebError::NotFound)?;
    let path = match message.thread {
        Some(root) => format!("{}/t/{root}#t-{id}", place.path()),
        None => format!("{}/t/{id}#m-{id}", place.path()),
    };
    Ok(Redirect::to(&path))
}

async fn open_stream(
    site: &Site,
    reader: &Reader,
    slug: &str,
    before: Option<MessageId>,
) -> Result<Stream, WebError> {
    let place = place::find(site, reader, slug).await?;
    let found = site.board.messages(&place.id, before.as_ref(), PAGE).await?;
    let full = found.len() >= PAGE as usize;
    let older = found.first().filter(|_| full).map(|first| first.id.to_string());
    let messages = view::messages(site, reader, &place, List::Stream, &found);
    Ok(Stream { place, messages, older, is_latest: before.is_none(), nonce: site.nonce() })
}
