//! What people write: messages and reactions. Whether a command in them may be done is decided
//! elsewhere, by what reads the board.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::Site;
use super::error::{AsJson, WebError};
use super::place::{self, Place};
use super::reader::{Posted, Reader};
use crate::domain::id::MessageId;
use crate::domain::message::{MessageRef, Sign};

/// How long a message may be, in characters.
const LONGEST: usize = 4000;

/// A new message.
#[derive(Deserialize)]
pub struct NewMessage {
    text: String,
    #[serde(default)]
    thread: Option<String>,
    nonce: String,
}

/// A reaction given or taken back.
#[derive(Deserialize)]
pub struct NewReaction {
    sign: Sign,
    give: bool,
}

/// A form without fields of its own.
#[derive(Deserialize)]
pub struct Nothing {}

/// POST `/c/{slug}/messages`.
pub async fn message(
    State(site): State<Site>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    posted: Posted<NewMessage>,
) -> Response {
    let form = posted.form;
    let write = async {
        let place = place::find(&site, &posted.reader, &slug).await?;
        let text = check_text(&form.text)?;
        let thread = match form.thread.filter(|thread| !thread.is_empty()) {
            None => None,
            Some(root) => Some(root_of(&site, &place, &root).await?),
        };
        let account = &posted.reader.who.account;
        let at = site.board.write(account, &place.id, thread.as_ref(), &text, &form.nonce).await?;
        let back = match thread {
            Some(root) => format!("{}/t/{root}#t-{}", place.path(), at.id),
            None => format!("{}#m-{}", place.path(), at.id),
        };
        Ok((back, json!({ "id": at.id })))
    };
    answer(&headers, write.await)
}

/// POST `/c/{slug}/m/{id}/react`.
pub async fn react(
    State(site): State<Site>,
    Path((slug, id)): Path<(String, MessageId)>,
    headers: HeaderMap,
    posted: Posted<NewReaction>,
) -> Response {
    let NewReaction { sign, give } = posted.form;
    let write = async {
        let (place, at) = locate(&site, &posted.reader, &slug, id).await?;
        let account = &posted.reader.who.account;
        if give {
            site.board.add(account, &at, sign).await?;
        } else {
            site.board.remove(account, &at, sign).await?;
        }
        Ok((format!("{}#m-{}", place.path(), at.id), json!({})))
    };
    answer(&headers, write.await)
}

/// POST `/c/{slug}/m/{id}/delete`: only the author's own; the board sees to that.
pub async fn delete(
    State(site): State<Site>,
    Path((slug, id)): Path<(String, MessageId)>,
    headers: HeaderMap,
    posted: Posted<Nothing>,
) -> Response {
    let write = async {
        let (place, at) = locate(&site, &posted.reader, &slug, id).await?;
        site.board.delete(&posted.reader.who.account, &at).await?;
        Ok((place.path(), json!({})))
    };
    answer(&headers, write.await)
}

/// Checks a text and gives it back with one kind of line end and no blanks around.
fn check_text(text: &str) -> Result<String, WebError> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    if text.is_empty() {
        return Err(WebError::BadForm("an empty message is not sent".to_owned()));
    }
    let length = text.chars().count();
    if length > LONGEST {
        return Err(WebError::BadForm(format!(
            "a message of {length} characters is too long; {LONGEST} are the most"
        )));
    }
    Ok(text)
}

/// Finds the message that a thread begins with.
async fn root_of(site: &Site, place: &Place, root: &str) -> Result<MessageId, WebError> {
    let id: MessageId = root.parse().map_err(|_| WebError::NotFound)?;
    let at = place::at(site, place, id.clone());
    let found = site.board.message(&at).await?.filter(|found| found.channel == place.id);
    Ok(found.ok_or(WebError::NotFound)?.thread.unwrap_or(id))
}

/// Finds a message in a place that the reader may read.
async fn locate(
    site: &Site,
    reader: &Reader,
    slug: &str,
    id: MessageId,
) -> Result<(Place, MessageRef), WebError> {
    let place = place::find(site, reader, slug).await?;
    let at = place::at(site, &place, id);
    let found = site.board.message(&at).await?.filter(|found| found.channel == place.id);
    found.ok_or(WebError::NotFound)?;
    Ok((place, at))
}

/// Answers a form: the page's script gets JSON, a browser without script goes back to the page.
fn answer(headers: &HeaderMap, done: Result<(String, serde_json::Value), WebError>) -> Response {
    let script = headers.get(header::ACCEPT).is_some_and(|value| value == "application/json");
    match (done, script) {
        (Ok((_, body)), true) => (StatusCode::OK, Json(body)).into_response(),
        (Ok((back, _)), false) => Redirect::to(&back).into_response(),
        (Err(error), true) => AsJson(error).into_response(),
        (Err(error), false) => error.into_response(),
    }
}
