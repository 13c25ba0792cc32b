//! Presses of buttons in a world.

use std::sync::Arc;

use serde_json::Value;
use tribune::domain::message::MessageRef;
use tribune::domain::press::{Offer, Seal};
use tribune::engine::Engine;
use tribune::ports::chat::Chat as _;

use super::chat::FakeChat;
use super::{World, story};

/// Returns the seal of the world.
pub fn seal() -> Seal {
    Seal::new(&[7; 32])
}

/// Plays a story in a new world whose chat shows buttons.
pub fn story_with_buttons(play: impl FnOnce(&mut World)) {
    story(|world| {
        world.chat.shows_buttons();
        play(world);
    });
}

impl World {
    /// Somebody presses a button under a message; what they are shown is told.
    pub fn press(&mut self, account: &str, at: &MessageRef, offer: Offer) -> String {
        let state = self.chat.state(at, offer);
        self.press_with(account, at, &state)
    }

    /// The chat server, or somebody who plays it, tells of a press with this state.
    pub fn press_with(&mut self, account: &str, at: &MessageRef, state: &str) -> String {
        self.call(&FakeChat::call_of(account, at, state))
    }

    /// Somebody sends this instead of a press.
    pub fn call(&mut self, call: &Value) -> String {
        let (engine, platform) = (Arc::clone(self.engine()), self.chat.platform().clone());
        let sent = call.to_string();
        let work = async move { engine.press(&platform, sent.as_bytes()).await };
        let shown = self.runtime.block_on(work).expect("it has buttons");
        let by = call["by"].as_str().unwrap_or("somebody");
        self.then(&format!("{by} presses, and is shown: {shown}"));
        shown
    }

    /// Two presses of one button arrive at the same moment.
    pub fn press_at_once(
        &mut self,
        accounts: [&str; 2],
        at: &MessageRef,
        offer: Offer,
    ) -> [String; 2] {
        let state = self.chat.state(at, offer);
        let platform = self.chat.platform().clone();
        let calls = accounts.map(|account| FakeChat::call_of(account, at, &state).to_string());
        let press = async |engine: Arc<Engine>, call: String| {
            engine.press(&platform, call.as_bytes()).await.expect("it has buttons")
        };
        let [one, other] = calls;
        let both = async {
            let engine = self.engine();
            tokio::join!(press(Arc::clone(engine), one), press(Arc::clone(engine), other))
        };
        let (one, other) = self.runtime.block_on(both);
        self.then(&format!("{} and {} press at once", accounts[0], accounts[1]));
        [one, other]
    }
}
