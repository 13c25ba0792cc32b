//! Which requests a reader may see, as [`Viewing`] decides, over whole lists of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::id::{ChannelName, ChatChannelId, IntentName, Platform, RequestId};
use crate::domain::reply::card;
use crate::domain::request::Request;
use crate::engine::sessions::SessionError;
use crate::engine::sessions::viewing::Viewing;
use crate::policy::Viewed;
use crate::ports::store::RequestFilter;
use crate::web::Site;
use crate::web::error::WebError;
use crate::web::reader::Reader;
use crate::web::shell::deny;

/// How many requests are read at once.
const BATCH: u32 = 200;
/// How many times at most for one page; the rest is reached by paging on.
const BATCHES: usize = 25;

/// All that the decision on somebody else's request depends on.
type Kind = (IntentName, (Platform, ChatChannelId), Option<ChannelName>);

/// What one reader may see, decided once for a page.
pub struct Sight<'a> {
    reader: &'a Reader,
    viewing: &'a Viewing,
    known: Mutex<HashMap<Kind, bool>>,
}

/// One page of requests.
pub struct Found {
    /// The requests, newest first.
    pub requests: Vec<Request>,
    /// Where to go on; `None`: there are no older ones.
    pub older: Option<RequestId>,
}

impl<'a> Sight<'a> {
    /// Looks with the reader's eyes.
    pub fn of(site: &'a Site, reader: &'a Reader) -> Self {
        Self { reader, viewing: &site.viewing, known: Mutex::default() }
    }

    /// Says whether the reader may see a request.
    pub fn sees(&self, request: &Request) -> bool {
        let me = &self.reader.who.person.id;
        if request.requester.person() == Some(me) {
            return true;
        }
        let kind = (request.intent.clone(), request.card_place.clone(), request.channel.clone());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(kind).or_insert_with(|| self.viewing.may_view_request(me, request))
    }

    /// Lists requests that the reader may see and that `keep` keeps, at most `most`.
    pub async fn list(
        &self,
        site: &Site,
        filter: RequestFilter,
        most: usize,
        keep: impl Fn(&Request) -> bool,
    ) -> Result<Found, WebError> {
        let mut filter = RequestFilter { limit: BATCH, ..filter };
        let mut requests: Vec<Request> = Vec::new();
        for _ in 0..BATCHES {
            let batch = site.store.requests(&filter).await?;
            let whole = batch.len() == BATCH as usize;
            filter.before = batch.last().map(|last| last.id).or(filter.before);
            for request in batch {
                if !self.sees(&request) || !keep(&request) {
                    continue;
                }
                if requests.len() == most {
                    let older = requests.last().map(|last| last.id);
                    return Ok(Found { requests, older });
                }
                requests.push(request);
            }
            if !whole {
                return Ok(Found { requests, older: None });
            }
        }
        Ok(Found { requests, older: filter.before })
    }

    /// Returns a request that the reader may see. Wanting to see another is audited.
    pub async fn request(&self, site: &Site, id: RequestId) -> Result<Request, WebError> {
        let request = site.store.request(id).await?.ok_or(WebError::NotFound)?;
        if self.sees(&request) {
            return Ok(request);
        }
        let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
        let repo = &snapshot.repo;
        let me = &self.reader.who.person.id;
        let what = format!("request {id}");
        let (platform, place) = &request.card_place;
        let card = repo.channel_at(platform, place).map(|channel| &channel.name);
        let typed = request.channel.as_ref().filter(|name| repo.channels.contains_key(*name));
        let hidden = card.into_iter().chain(typed).find(|name| !self.viewing.may_view(me, name));
        let viewed = match hidden {
            Some(channel) => Viewed::Channel(channel),
            None if repo.intents.contains_key(&request.intent)
                && !self.viewing.may_view_intent(me, &request.intent) =>
            {
                Viewed::Intent(&request.intent)
            }
            None => {
                self.viewing.note_denied(me, &what).await?;
                return Err(WebError::NotFound);
            }
        };
        Err(deny(site, self.reader, &what, &what, viewed).await)
    }
}

/// Returns the path of a request's card in the chat, if it stands in the console.
pub async fn card_path(site: &Site, request: &Request) -> Result<Option<String>, WebError> {
    let post = site.store.post(&card::key(request.id, request.card)).await?;
    let at = post.and_then(|post| post.posted).map(|posted| posted.at);
    Ok(at
        .filter(|at| at.platform == site.platform)
        .map(|at| format!("/m/{}/{}", at.channel, at.id)))
}
