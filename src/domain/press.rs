//! Buttons under posts, and what a press of one proves.
//!
//! A platform hands back what it was given with a button, and says who pressed. The first is
//! proven by a seal: only this installation can have made it, for that post in that channel, for
//! that button, and until then. Each making of the buttons has a number, its round, so that one
//! round serves one press. The second is the platform's word alone, and cannot be read again
//! later. So buttons are for what needs no evidence: to approve, to deny, to repair and to keep
//! what is live are no offers on purpose.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::canonical::canonical_json;
use super::message::MessageRef;
use super::person::Account;

/// What people may press under a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offer {
    /// Why it stands as it does, or all of the difference.
    Details,
    /// What the last run printed.
    Output,
    /// Who could approve.
    WhoCould,
    /// Leave drift as it is for a while.
    Ignore,
    /// How one answers by reaction or reply.
    HowToReact,
}

/// A button as it is to stand under a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What it is for.
    pub offer: Offer,
    /// What it says.
    pub label: &'static str,
    /// What the platform hands back with a press, to nobody else.
    pub state: String,
}

/// What a platform says of a press. Nothing of it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Under which post.
    pub at: MessageRef,
    /// By whom.
    pub by: Account,
    /// What was handed out with the button.
    pub state: String,
}

/// What a state says once its seal was found good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Which button.
    pub offer: Offer,
    /// The round of buttons that it belongs to.
    pub round: u64,
    /// Until when it may be pressed.
    pub until: Timestamp,
}

/// States are shorter than this; what is longer is none.
const LONGEST: usize = 512;

/// The format of what is sealed. Raise it whenever a field changes meaning.
const VERSION: &str = "tribune-press-v1";

/// The key of this installation that seals states.
#[derive(Clone)]
pub struct Seal(Hmac<Sha256>);

impl Seal {
    /// Seals with a key that nobody else knows.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// Returns the state of a button under a post.
    pub fn close(&self, at: &MessageRef, bound: &Bound) -> String {
        let seal = self.over(at, bound).finalize().into_bytes();
        let said = URL_SAFE_NO_PAD.encode(canonical_json(bound));
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(seal))
    }

    /// Returns what a state says, if it was made here for a button under that post.
    pub fn open(&self, at: &MessageRef, state: &str) -> Option<Bound> {
        let (said, seal) = state.split_once('.').filter(|_| state.len() <= LONGEST)?;
        let bound = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(said).ok()?).ok()?;
        let seal = URL_SAFE_NO_PAD.decode(seal).ok()?;
        self.over(at, &bound).verify_slice(&seal).ok().map(|()| bound)
    }

    fn over(&self, at: &MessageRef, bound: &Bound) -> Hmac<Sha256> {
        let text = format!("{VERSION}\n{}", canonical_json(&(at, bound)));
        self.0.clone().chain_update(text)
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(channel: &str, id: &str) -> MessageRef {
        MessageRef {
            platform: "mattermost".parse().unwrap(),
            channel: channel.parse().unwrap(),
            id: id.parse().unwrap(),
        }
    }

    fn bound() -> Bound {
        Bound { offer: Offer::Details, round: 3, until: Timestamp::from_second(1_000).unwrap() }
    }

    #[test]
    fn a_state_is_good_for_its_own_post_and_channel_and_key() {
        let (seal, here) = (Seal::new(&[7; 32]), at("ops", "p1"));
        let state = seal.close(&here, &bound());
        assert!(state.len() < LONGEST / 2, "{state}");
        assert_eq!(seal.open(&here, &state), Some(bound()));
        assert_eq!(seal.open(&at("ops", "p2"), &state), None);
        assert_eq!(seal.open(&at("dev", "p1"), &state), None);
        let elsewhere = MessageRef { platform: "matrix".parse().unwrap(), ..here.clone() };
        assert_eq!(seal.open(&elsewhere, &state), None);
        assert_eq!(Seal::new(&[8; 32]).open(&here, &state), None);
    }

    #[test]
    fn a_state_that_says_something_else_is_none() {
        let (seal, here) = (Seal::new(&[7; 32]), at("ops", "p1"));
        let state = seal.close(&here, &bound());
        let (_, mac) = state.split_once('.').unwrap();
        let later = Timestamp::from_second(2_000).unwrap();
        for other in [
            Bound { offer: Offer::Ignore, ..bound() },
            Bound { round: 4, ..bound() },
            Bound { until: later, ..bound() },
        ] {
            let said = URL_SAFE_NO_PAD.encode(canonical_json(&other));
            assert_eq!(seal.open(&here, &format!("{said}.{mac}")), None, "{other:?}");
        }
    }

    #[test]
    fn nothing_that_is_sent_instead_of_a_state_is_taken_for_one() {
        let (seal, here) = (Seal::new(&[7; 32]), at("ops", "p1"));
        let state = seal.close(&here, &bound());
        let more = URL_SAFE_NO_PAD
            .encode(r#"{"offer":"approve","round":3,"until":"1970-01-01T00:16:40Z"}"#);
        let long = "A".repeat(1_000_000);
        for wrong in ["", ".", "a.b", &state[1..], &state[..state.len() - 1], &more, &long] {
            assert_eq!(seal.open(&here, wrong), None, "{}", wrong.len());
        }
        assert_eq!(seal.open(&here, &format!("{more}.{}", state.split_once('.').unwrap().1)), None);
        assert_eq!(format!("{seal:?}"), "Seal(***)");
    }
}
