//! The buttons under a post: made anew after each press, so that each serves once.

use jiff::SignedDuration;

use crate::domain::id::Platform;
use crate::domain::message::MessageRef;
use crate::domain::press::{Bound, Button};
use crate::domain::reply::{card, drift, press as reply};
use crate::domain::request::State;
use crate::engine::clocks::WAITING;
use crate::engine::{Engine, EngineError};
use crate::ports::chat::{Chat, ChatError};
use crate::ports::store::{Change, IncidentFilter, OutboxPost, RequestFilter};

/// How long a button may be pressed. One that is older is renewed when somebody tries.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Engine {
    /// Says whether posts on a platform have buttons.
    pub(in crate::engine) fn has_buttons(&self, platform: &Platform) -> bool {
        self.ports.chats.get(platform).is_some_and(|chat| chat.buttons().is_some())
    }

    /// Offers on cards that stand what should be offered there: buttons may be switched on since
    /// they were written.
    pub(in crate::engine) async fn offer_on_open_cards(&self) -> Result<(), EngineError> {
        let mut cards = Vec::new();
        let states = WAITING.into_iter().chain([State::Running]).collect();
        let open = RequestFilter { states, ..RequestFilter::default() };
        for request in self.ports.store.requests(&open).await? {
            let offers = card::offers(&request);
            cards.push((request.card_place.0, card::key(request.id, request.card), offers));
        }
        let open = IncidentFilter { open: true, ..IncidentFilter::default() };
        for incident in self.ports.store.incidents(&open).await? {
            let offers = drift::offers(&incident);
            cards.push((incident.place.0, drift::key(incident.id), offers));
        }
        let mut change = Change::default();
        for (platform, key, offers) in cards {
            let post = match self.has_buttons(&platform) {
                true => self.ports.store.post(&key).await?,
                false => None,
            };
            if post.is_some_and(|post| post.offers != offers) {
                change.offers.push((key, offers));
            }
        }
        if !change.offers.is_empty() {
            self.ports.store.commit(change).await?;
            self.wake_outbox();
        }
        Ok(())
    }

    /// Puts the buttons that a post should have, and writes down that they stand.
    pub(super) async fn put_buttons(
        &self,
        chat: &dyn Chat,
        post: &OutboxPost,
        at: &MessageRef,
    ) -> Result<(), EngineError> {
        let (key, round) = (&post.post.key, post.round);
        if let Some(buttons) = chat.buttons() {
            let until = self.now() + GOOD_FOR;
            let button = |offer| Button {
                offer,
                label: reply::label(offer),
                state: self.options.seal.close(at, &Bound { offer, round, until }),
            };
            let all: Vec<Button> = post.offers.iter().copied().map(button).collect();
            match buttons.offer(at, &all).await {
                Ok(()) => {}
                // People can type the commands without them.
                Err(error @ ChatError::Rejected { .. }) => {
                    tracing::warn!(post = %key, %error, "buttons cannot be put");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.ports.store.post_offered(key, round, &post.offers).await?)
    }
}
