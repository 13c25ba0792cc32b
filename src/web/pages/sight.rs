//! Which requests a reader may see: their own, and those whose card stands in a channel that
//! policy lets them view. A direct message is nobody else's to see.

use std::collections::BTreeSet;

use crate::domain::id::{ChatChannelId, Platform, RequestId};
use crate::domain::reply::card;
use crate::domain::request::Request;
use crate::engine::sessions::SessionError;
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

/// What one reader may see, decided once for a page.
pub struct Sight<'a> {
    reader: &'a Reader,
    places: BTreeSet<(Platform, ChatChannelId)>,
}

/// One page of requests.
pub struct Found {
    /// The requests, newest first.
    pub requests: Vec<Request>,
    /// Where to go on; `None`: there are no older ones.
    pub older: Option<RequestId>,
}

impl<'a> Sight<'a> {
    /// Decides which channels' requests the reader may see.
    pub fn of(site: &Site, reader: &'a Reader) -> Result<Self, WebError> {
        let snapshot = site.sessions.applied().ok_or(SessionError::NoPolicy)?;
        let me = &reader.who.person.id;
        let channels = snapshot.repo.channels.values();
        let places = channels
            .filter(|channel| site.viewing.may_view(me, &channel.name))
            .flat_map(|channel| channel.chat.clone())
            .collect();
        Ok(Self { reader, places })
    }

    /// Says whether the reader may see a request.
    pub fn sees(&self, request: &Request) -> bool {
        request.requester.person() == Some(&self.reader.who.person.id)
            || self.places.contains(&request.card_place)
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
        let (platform, place) = &request.card_place;
        let what = format!("request {id}");
        match snapshot.repo.channel_at(platform, place) {
            Some(channel) => {
                let title = format!("request {id}");
                let viewed = Viewed::Channel(&channel.name);
                Err(deny(site, self.reader, &what, &title, viewed).await)
            }
            None => {
                site.viewing.note_denied(&self.reader.who.person.id, &what).await?;
                Err(WebError::NotFound)
            }
        }
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
