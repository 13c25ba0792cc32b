//! The places a person may read: channels of the policy repo that are in the console, and their
//! direct talk with Tribune.

use super::Site;
use super::error::WebError;
use super::reader::Reader;
use crate::domain::id::{ChannelName, ChatChannelId, MessageId};
use crate::domain::message::MessageRef;

/// How the direct talk stands in paths; no channel can be called so.
const DIRECT: &str = "@tribune";

/// One place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// How it stands in paths: the channel's name, or `@tribune`.
    pub slug: String,
    /// Its id in the console.
    pub id: ChatChannelId,
    /// What people call it.
    pub title: String,
    /// What it is for.
    pub summary: String,
    /// The channel, unless it is the direct talk.
    pub channel: Option<ChannelName>,
    /// Whether only invited people read it.
    pub private: bool,
}

impl Place {
    /// Returns the path of its page.
    pub fn path(&self) -> String {
        format!("/c/{}", self.slug)
    }
}

/// Returns all places that the reader may read, channels first.
pub fn places(site: &Site, reader: &Reader) -> Vec<Place> {
    let mut places: Vec<Place> =
        channels(site).into_iter().filter(|place| may_view(site, reader, place)).collect();
    places.push(direct(site, reader));
    places
}

/// Returns the place of that name. One that the reader may not see looks like one that is not
/// there; wanting to see it is audited.
pub async fn find(site: &Site, reader: &Reader, slug: &str) -> Result<Place, WebError> {
    if slug == DIRECT {
        return Ok(direct(site, reader));
    }
    let place =
        channels(site).into_iter().find(|place| place.slug == slug).ok_or(WebError::NotFound)?;
    if may_view(site, reader, &place) {
        return Ok(place);
    }
    let what = format!("channel {}", place.slug);
    site.viewing.note_denied(&reader.who.person.id, &what).await?;
    Err(WebError::NotFound)
}

/// Returns the place with that id in the console, if the reader may read it. Not audited: live
/// events of every channel pass through here.
pub fn with_id(site: &Site, reader: &Reader, id: &ChatChannelId) -> Option<Place> {
    places(site, reader).into_iter().find(|place| place.id == *id)
}

/// Names a message of a place.
pub fn at(site: &Site, place: &Place, id: MessageId) -> MessageRef {
    MessageRef { platform: site.platform.clone(), channel: place.id.clone(), id }
}

fn may_view(site: &Site, reader: &Reader, place: &Place) -> bool {
    place.channel.as_ref().is_none_or(|name| site.viewing.may_view(&reader.who.person.id, name))
}

fn channels(site: &Site) -> Vec<Place> {
    let Some(snapshot) = site.sessions.applied() else { return Vec::new() };
    snapshot
        .repo
        .channels
        .values()
        .filter_map(|channel| {
            Some(Place {
                slug: channel.name.to_string(),
                id: channel.chat.get(&site.platform)?.id.clone(),
                title: channel.name.to_string(),
                summary: channel.summary.clone(),
                channel: Some(channel.name.clone()),
                private: channel.private,
            })
        })
        .collect()
}

fn direct(site: &Site, reader: &Reader) -> Place {
    Place {
        slug: DIRECT.to_owned(),
        id: site.board.direct_channel(&reader.who.account),
        title: "Tribune".to_owned(),
        summary: "Only you and Tribune read this.".to_owned(),
        channel: None,
        private: true,
    }
}
