//! `!approve` and `!deny`: they count as replies in the thread of the current card, and are read
//! there again at dispatch. Anywhere else the answer is the way there.

use std::sync::Arc;

use super::{Answer, Given};
use crate::domain::id::RequestId;
use crate::domain::message::MessageRef;
use crate::domain::reply::{card, standing};
use crate::engine::{Engine, EngineError};

impl Engine {
    pub(super) async fn typed_vote(
        self: &Arc<Self>,
        given: &Given<'_>,
        id: RequestId,
    ) -> Result<Answer, EngineError> {
        let request = match self.visible(given, id).await? {
            Ok(request) => request,
            Err(answer) => return Ok(answer),
        };
        if request.state.is_final() {
            return Ok(Answer::say(standing::too_late(id, request.state)));
        }
        let key = card::key(request.id, request.card);
        let stands = self.where_posted(&key).await?;
        let typed_in = given
            .message
            .thread
            .as_ref()
            .map(|root| MessageRef { id: root.clone(), ..given.message.at.clone() });
        if stands.is_none() || stands != typed_in {
            return Ok(Answer::say(standing::vote_elsewhere(id, key)));
        }
        // The reply itself is the vote; the card says what it came to.
        self.consider(id);
        Ok(Answer::default())
    }
}
