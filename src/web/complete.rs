//! What the composer offers to complete: commands, and what this person may ask for with them.

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::Site;
use super::error::{AsJson, WebError};
use super::place;
use super::reader::Reader;
use crate::domain::command::{COMMANDS, CommandWord};
use crate::domain::intent::Intent;
use crate::domain::param::{Param, ParamKind};
use crate::domain::request::Request;
use crate::engine::sessions::SessionError;
use crate::ports::store::RequestFilter;

/// How many requests are offered.
const REQUESTS: u32 = 30;

/// Everything the composer knows.
#[derive(Serialize)]
pub struct Vocabulary {
    commands: Vec<CommandWords>,
    intents: Vec<IntentWords>,
    people: Vec<PersonWords>,
    requests: Vec<RequestWords>,
}

/// One command.
#[derive(Serialize)]
struct CommandWords {
    name: &'static str,
    usage: &'static str,
    summary: &'static str,
}

/// One intent.
#[derive(Serialize)]
struct IntentWords {
    name: String,
    summary: String,
    category: &'static str,
    can_check: bool,
    targets: Vec<String>,
    params: Vec<ParamWords>,
}

/// One parameter.
#[derive(Serialize)]
struct ParamWords {
    name: String,
    summary: Option<String>,
    kind: &'static str,
    values: Vec<String>,
    default: Option<String>,
}

/// One person.
#[derive(Serialize)]
struct PersonWords {
    name: String,
    full: String,
}

/// One request.
#[derive(Serialize)]
struct RequestWords {
    name: String,
    summary: String,
}

/// Where the composer stands.
#[derive(Deserialize)]
pub struct Where {
    channel: Option<String>,
}

/// GET `/complete`.
pub async fn complete(
    State(site): State<Site>,
    reader: Result<Reader, WebError>,
    Query(at): Query<Where>,
) -> Result<Json<Vocabulary>, AsJson> {
    let reader = reader.map_err(AsJson)?;
    Ok(Json(vocabulary(&site, &reader, at).await.map_err(AsJson)?))
}

async fn vocabulary(site: &Site, reader: &Reader, at: Where) -> Result<Vocabulary, WebError> {
    let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
    let channel = match at.channel {
        Some(slug) => place::find(site, reader, &slug).await?.channel,
        None => None,
    };
    let may = site.viewing.may_ask(&reader.who.person.id, channel.as_ref());
    let repo = &snapshot.repo;
    Ok(Vocabulary {
        commands: COMMANDS
            .map(|CommandWord { word, usage, summary, .. }| CommandWords {
                name: word,
                usage,
                summary,
            })
            .into(),
        intents: repo
            .intents
            .values()
            .filter(|intent| may.contains(&intent.name))
            .map(intent_words)
            .collect(),
        people: repo
            .people
            .values()
            .map(|person| PersonWords { name: person.id.to_string(), full: person.name.clone() })
            .collect(),
        requests: requests(site, reader).await?,
    })
}

/// Returns the latest requests that the reader made or could see in a channel.
async fn requests(site: &Site, reader: &Reader) -> Result<Vec<RequestWords>, WebError> {
    let me = &reader.who.person.id;
    let seen = |request: &Request| {
        let channel = request.channel.as_ref();
        request.requester.person() == Some(me)
            || channel.is_some_and(|name| site.viewing.may_view(me, name))
    };
    let filter = RequestFilter { limit: REQUESTS, ..RequestFilter::default() };
    let found = site.store.requests(&filter).await?;
    Ok(found.into_iter().filter(seen).map(request_words).collect())
}

fn request_words(request: Request) -> RequestWords {
    let state = request.state.as_str().replace('_', " ");
    RequestWords {
        name: request.id.to_string(),
        summary: format!("{} by {}, {state}", request.intent, request.requester),
    }
}

fn intent_words(intent: &Intent) -> IntentWords {
    IntentWords {
        name: intent.name.to_string(),
        summary: intent.summary.clone(),
        category: intent.category.as_str(),
        can_check: intent.can_check(),
        targets: intent.targets.clone(),
        params: intent
            .params
            .iter()
            .map(|(name, param)| param_words(name.as_str(), param))
            .collect(),
    }
}

fn param_words(name: &str, param: &Param) -> ParamWords {
    let values = match &param.kind {
        ParamKind::String { one_of, .. } => one_of.clone(),
        ParamKind::Boolean => vec!["true".to_owned(), "false".to_owned()],
        ParamKind::Integer { .. } => Vec::new(),
    };
    ParamWords {
        name: name.to_owned(),
        summary: param.summary.clone(),
        kind: param.kind.name(),
        values,
        default: param.default.as_ref().map(ToString::to_string),
    }
}
