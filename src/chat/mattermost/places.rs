//! Up to where each channel has been read. Pure.
//!
//! Posts come in the order of their time, nearly: two machines of one server may disagree about
//! it a little, and a post that was begun first may be stored last. So a little of what was read
//! is read again each time, and what was seen there is known by its id.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wire::{Channel, Post};
use crate::ports::chat::Cursor;

/// How much is read again, in milliseconds.
const AGAIN: i64 = 5_000;
/// Posts whose time is further ahead of the server's own clock than this, in milliseconds, do
/// not move the place: somebody brought them in with a time of their choice.
const AHEAD: i64 = 60_000;

/// Up to where everything has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Places {
    /// By channel. Direct talk that is not here was read up to `direct`.
    pub channels: BTreeMap<String, Place>,
    /// In milliseconds.
    pub direct: i64,
}

/// Up to where one channel has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The time of the newest post that was read, in milliseconds.
    pub at: i64,
    /// Posts that were seen around that time, with theirs.
    pub seen: BTreeMap<String, i64>,
}

impl Places {
    /// Reads what [`Self::cursor`] wrote.
    pub fn of(cursor: &Cursor) -> Option<Self> {
        serde_json::from_str(&cursor.0).ok()
    }

    /// Returns the places as text.
    pub fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(self).expect("text and numbers are JSON"))
    }

    /// Returns the place of a channel; `None` where it begins with this moment.
    pub fn place(&self, channel: &Channel) -> Option<Place> {
        match self.channels.get(&channel.id) {
            Some(place) => Some(place.clone()),
            None if channel.is_direct() => Some(Place::at(self.direct)),
            None => None,
        }
    }

    /// Notes that all of `channels` have been read to their ends, and forgets the places of
    /// direct talk that the common one covers.
    pub fn all_read(&mut self, channels: &[Channel], now: Option<i64>) {
        let newest = channels.iter().map(|channel| channel.last_post_at);
        let newest = newest.filter(|at| is_past(*at, now)).max().unwrap_or(0);
        self.direct = self.direct.max(newest);
        for channel in channels.iter().filter(|channel| channel.is_direct()) {
            let covered = |place: &Place| {
                place.at < self.direct - AGAIN && place.seen.values().all(|at| *at <= place.at)
            };
            if self.channels.get(&channel.id).is_some_and(covered) {
                self.channels.remove(&channel.id);
            }
        }
    }
}

impl Place {
    /// Begins at a time.
    pub fn at(at: i64) -> Self {
        Self { at, seen: BTreeMap::new() }
    }

    /// Begins right before a time.
    pub fn before(at: i64) -> Self {
        Self::at(at + AGAIN)
    }

    /// Returns from when on to read.
    pub fn from(&self) -> i64 {
        self.at - AGAIN
    }

    /// Says whether nothing can be new in a channel.
    pub fn covers(&self, channel: &Channel) -> bool {
        channel.last_post_at < self.from()
    }

    /// Takes posts in and returns those that are new, oldest first. `now`: the server's time.
    pub fn take(&mut self, posts: Vec<Post>, now: Option<i64>) -> Vec<Post> {
        let from = self.from();
        let mut new: Vec<Post> = posts
            .into_iter()
            .filter(|post| post.create_at >= from && !self.seen.contains_key(&post.id))
            .collect();
        new.sort_by(|a, b| (a.create_at, &a.id).cmp(&(b.create_at, &b.id)));
        let times = new.iter().map(|post| post.create_at).filter(|at| is_past(*at, now));
        self.at = times.max().unwrap_or(0).max(self.at);
        self.seen.extend(new.iter().map(|post| (post.id.clone(), post.create_at)));
        let from = self.from();
        self.seen.retain(|_, at| *at >= from);
        new
    }
}

fn is_past(at: i64, now: Option<i64>) -> bool {
    now.is_none_or(|now| at <= now + AHEAD)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn post(id: &str, at: i64) -> Post {
        serde_json::from_value(json!({ "id": id, "create_at": at })).unwrap()
    }

    fn direct(id: &str, at: i64) -> Channel {
        serde_json::from_value(json!({ "id": id, "type": "D", "last_post_at": at })).unwrap()
    }

    fn ids(posts: &[Post]) -> Vec<&str> {
        posts.iter().map(|post| post.id.as_str()).collect()
    }

    #[test]
    fn what_was_seen_is_not_new_and_what_came_late_is() {
        let mut place = Place::at(10_000);
        let all = vec![post("b", 20_000), post("a", 20_000), post("old", 4_000)];
        assert_eq!(ids(&place.take(all.clone(), None)), ["a", "b"]);
        assert_eq!(place.take(all, None), []);
        // Stored last though it was begun first, and one of the same millisecond.
        let late = vec![post("late", 19_000), post("same", 20_000), post("b", 20_000)];
        assert_eq!(ids(&place.take(late, None)), ["late", "same"]);
        assert_eq!(ids(&place.take(vec![post("next", 90_000)], None)), ["next"]);
        assert_eq!(place.seen.len(), 1, "what is long past is forgotten");
    }

    #[test]
    fn a_post_from_the_future_hides_nothing() {
        let mut place = Place::at(10_000);
        let now = Some(12_000);
        assert_eq!(ids(&place.take(vec![post("imported", 9_000_000)], now)), ["imported"]);
        let both = vec![post("imported", 9_000_000), post("real", 12_000)];
        assert_eq!(ids(&place.take(both, now)), ["real"]);
        assert_eq!(place.at, 12_000);
    }

    #[test]
    fn direct_talk_is_kept_in_one_place_once_all_was_read() {
        let mut places = Places { direct: 10_000, ..Places::default() };
        let talks = [direct("d1", 11_000), direct("d2", 60_000)];
        for talk in &talks {
            let mut place = places.place(talk).unwrap();
            place.take(vec![post(&format!("p{}", talk.id), talk.last_post_at)], None);
            places.channels.insert(talk.id.clone(), place);
        }
        places.all_read(&talks, None);
        assert_eq!(places.direct, 60_000);
        assert_eq!(places.channels.keys().collect::<Vec<_>>(), ["d2"]);
        assert!(places.place(&talks[0]).unwrap().covers(&talks[0]));
        assert_eq!(Places::of(&places.cursor()), Some(places.clone()));
        let open: Channel = serde_json::from_value(json!({ "id": "c", "type": "O" })).unwrap();
        assert_eq!(places.place(&open), None);
    }
}
