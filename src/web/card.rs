//! How the request behind a card stands, so that a card can be seen at a glance.

use super::Site;
use super::error::WebError;
use crate::domain::message::MessageRef;
use crate::domain::reply::card::parse_key;
use crate::domain::request::State;

/// Returns the state that a card shows; `None` if the message is no card. A card that was
/// replaced by another shows `Void`, whatever became of its request.
pub async fn state(site: &Site, at: &MessageRef) -> Result<Option<State>, WebError> {
    let Some(found) = site.store.post_at(at).await? else { return Ok(None) };
    let Some((id, card)) = parse_key(&found.post.key) else { return Ok(None) };
    let request = site.store.request(id).await?;
    Ok(request.map(|request| if request.card == card { request.state } else { State::Void }))
}
