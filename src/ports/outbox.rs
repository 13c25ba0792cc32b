//! Posts as the outbox sees them.

use jiff::Timestamp;

use crate::domain::body::Body;
use crate::domain::message::{Post, Posted};
use crate::domain::press::Offer;

/// A post as the outbox sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxPost {
    /// How it should stand.
    pub post: Post,
    /// How it stands; `None`: not posted yet.
    pub posted: Option<Posted>,
    /// The text as the server first returned it, for the comparison at dispatch.
    pub first_text: Option<String>,
    /// The body that was last sent.
    pub sent: Option<Body>,
    /// Raised each time the body changes; a sender names the generation it sent.
    pub generation: u64,
    /// The generation that was last sent.
    pub sent_generation: u64,
    /// Whether seeds were put under it.
    pub seeded: bool,
    /// Failed tries since the last that worked.
    pub failures: u32,
    /// Not to be tried before.
    pub not_before: Option<Timestamp>,
    /// The newest generation that is not tried any more; 0: none.
    pub given_up: u64,
    /// What people may press under it.
    pub offers: Vec<Offer>,
    /// How often buttons under it were pressed. Those that stand bear this number.
    pub round: u64,
    /// Whether the buttons that should stand under it do.
    pub offered: bool,
}

/// What waits to be sent on one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// How many posts.
    pub posts: u64,
    /// How many of them failed before.
    pub failing: u64,
}
