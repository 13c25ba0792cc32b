//! What people wrote since a place.
//!
//! The server can list what changed since a time, but at most a thousand posts and, of more, any
//! thousand. So channels are read backwards from their newest post to the place, page by page,
//! each page anchored at a post of the one before: new posts and deletions meanwhile shift
//! nothing. Only the oldest are kept when there are very many; the rest comes with the next call.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use regex::Regex;
use tokio::time::Instant;

use super::api::PAGE;
use super::hints::Dirty;
use super::places::{Place, Places};
use super::rest::RestError;
use super::wire::{Channel, Post};
use super::{Mattermost, identity};
use crate::domain::id::ChatChannelId;
use crate::domain::message::{Mentioned, Message};
use crate::ports::chat::{ChatError, Cursor};

/// Posts of a page when little is expected.
const FEW: usize = 50;
/// Posts of one channel that one call takes in.
const MOST: usize = 2_000;

/// For how long a post may be told of before it can be read, in milliseconds: a server with several
/// databases reads from one that is a little behind.
const BEHIND: i64 = 60_000;

/// How long it holds that nobody can move threads.
const UNMOVED: Duration = Duration::from_secs(60);

/// How long a list of channels holds: less than Tribune ever waits before it asks without a hint.
const LISTED: Duration = Duration::from_secs(30);

/// The channels that Tribune reads, as they were at a time.
#[derive(Clone)]
pub(super) struct Listed {
    at: Instant,
    channels: Vec<Channel>,
}

/// What was read of the channels.
struct Read {
    places: Places,
    posts: Vec<Post>,
    /// Channels of which there is more.
    left: BTreeMap<String, Option<i64>>,
}

impl Mattermost {
    /// As `Chat::since`.
    pub(super) async fn read_since(
        &self,
        cursor: Option<&Cursor>,
    ) -> Result<(Vec<Message>, Cursor), ChatError> {
        let mut from = cursor.cloned();
        loop {
            let (messages, next, has_more) = self.read_once(from.as_ref()).await?;
            // Nothing that counts among very many posts is not yet the end.
            if !messages.is_empty() || !has_more {
                return Ok((messages, next));
            }
            from = Some(next);
        }
    }

    async fn read_once(
        &self,
        cursor: Option<&Cursor>,
    ) -> Result<(Vec<Message>, Cursor, bool), ChatError> {
        let places = cursor.map(Places::of);
        let dirty = self.hints.take_dirty();
        let read = match places {
            Some(None) => return Err(self.rejected("the cursor is not its own")),
            None => self.begin().await,
            Some(Some(places)) => {
                // Of what was told last it is known which channels were read up to which post.
                let is_known = self.last_cursor.get().as_ref() == cursor;
                let known = match &dirty {
                    Dirty::Some(dirty) if is_known => Some(dirty),
                    Dirty::Some(_) | Dirty::All => None,
                };
                self.read_on(places, known).await
            }
        };
        let taken = match read {
            Ok(read) => self.taken_in(read).await,
            Err(error) => Err(error),
        };
        match taken {
            Ok(taken) => {
                self.last_cursor.set(Some(taken.1.clone()));
                Ok(taken)
            }
            Err(error) => {
                self.hints.put_back(dirty);
                Err(self.error(error))
            }
        }
    }

    async fn taken_in(&self, read: Read) -> Result<(Vec<Message>, Cursor, bool), RestError> {
        let messages = self.messages(read.posts).await?;
        let has_more = !read.left.is_empty();
        self.hints.put_back(Dirty::Some(read.left));
        Ok((messages, read.places.cursor(), has_more))
    }

    /// Returns the places of this moment, and no posts.
    async fn begin(&self) -> Result<Read, RestError> {
        let channels = self.readable().await?;
        let newest = channels.iter().map(|channel| channel.last_post_at).max().unwrap_or(0);
        let mut places = Places { direct: newest, ..Places::default() };
        self.newest.set(channels.iter().map(|it| (it.id.clone(), it.last_post_at)).collect());
        for channel in &channels {
            if !channel.is_direct() || !Place::at(newest).covers(channel) {
                let place = self.this_moment(channel).await?;
                places.channels.insert(channel.id.clone(), place);
            }
        }
        Ok(Read { places, posts: Vec::new(), left: BTreeMap::new() })
    }

    /// Reads every channel that may hold something new. `known`: all but these, and those with a
    /// newer post, are known to hold nothing.
    async fn read_on(
        &self,
        mut places: Places,
        known: Option<&BTreeMap<String, Option<i64>>>,
    ) -> Result<Read, RestError> {
        let channels = match known.and_then(|told| self.listed_before(told)) {
            Some(channels) => channels,
            None => self.readable().await?,
        };
        let (mut posts, mut left) = (Vec::new(), BTreeMap::new());
        let before = self.newest.get();
        for channel in &channels {
            let told = known.and_then(|dirty| dirty.get(&channel.id));
            let is_same = before.get(&channel.id) == Some(&channel.last_post_at);
            if known.is_some() && told.is_none() && is_same {
                continue;
            }
            // Configured a moment ago: what was told of since then is read too.
            if let (Some(Some(at)), None) = (told, places.place(channel)) {
                places.channels.insert(channel.id.clone(), Place::before(*at));
            }
            self.read_channel(channel, told.is_some(), &mut places, &mut posts, &mut left).await?;
        }
        if left.is_empty() {
            places.all_read(&channels, self.rest.server_time());
        }
        // A channel that was left or is no longer configured begins anew when it comes back.
        places.channels.retain(|id, _| channels.iter().any(|channel| channel.id == *id));
        let seen = channels.into_iter().filter(|channel| !self.is_behind(channel, &places));
        self.newest.set(seen.map(|channel| (channel.id, channel.last_post_at)).collect());
        Ok(Read { places, posts, left })
    }

    /// Says whether a channel may have a newer post than any that could be read. What was edited
    /// looks the same, so that this is asked for a moment only.
    fn is_behind(&self, channel: &Channel, places: &Places) -> bool {
        let is_recent = |now: i64| (now - channel.last_post_at).abs() < BEHIND;
        places.place(channel).is_some_and(|place| place.at < channel.last_post_at)
            && self.rest.server_time().is_some_and(is_recent)
    }

    async fn read_channel(
        &self,
        channel: &Channel,
        is_told: bool,
        places: &mut Places,
        posts: &mut Vec<Post>,
        left: &mut BTreeMap<String, Option<i64>>,
    ) -> Result<(), RestError> {
        let Some(mut place) = places.place(channel) else {
            // Configured since: what was said before was not said to Tribune.
            let place = self.this_moment(channel).await?;
            places.channels.insert(channel.id.clone(), place);
            return Ok(());
        };
        if !is_told && place.covers(channel) {
            return Ok(());
        }
        let (found, has_more) = self.walk(&channel.id, &place).await?;
        posts.extend(place.take(found, self.rest.server_time()));
        places.channels.insert(channel.id.clone(), place);
        if has_more {
            left.insert(channel.id.clone(), None);
        }
        Ok(())
    }

    /// Returns the place after the newest post of a channel.
    async fn this_moment(&self, channel: &Channel) -> Result<Place, RestError> {
        let newest = self.rest.posts(&channel.id, None, FEW).await?;
        let now = self.rest.server_time();
        let mut place = Place::at(0);
        place.take(newest, now);
        // More than a page may stand in the time that is read again.
        let (around, _) = self.walk(&channel.id, &place).await?;
        place.take(around, now);
        Ok(place)
    }

    /// Returns the channels that Tribune reads as they were listed a moment ago, if the socket has
    /// told of nothing else since than of posts, and of some: `told` says where. Where nothing is
    /// told the server is asked, so that what is still on its way is found too.
    fn listed_before(&self, told: &BTreeMap<String, Option<i64>>) -> Option<Vec<Channel>> {
        let listed = self.listed.get()?;
        let is_fresh = !told.is_empty() && self.hints.is_open() && listed.at.elapsed() < LISTED;
        let knows = |id: &String| listed.channels.iter().any(|channel| channel.id == *id);
        let holds = is_fresh && (self.configured)() == self.read_of.get() && told.keys().all(knows);
        holds.then_some(listed.channels)
    }

    /// Returns the channels that Tribune reads: those of the policy repo that it is in, and
    /// direct talk with it.
    async fn readable(&self) -> Result<Vec<Channel>, RestError> {
        let at = Instant::now();
        let channels = self.rest.channels().await?;
        let is_new = |channel: &Channel| {
            !channel.team_id.is_empty() && self.directory.team_of(&channel.id).is_none()
        };
        let has_new = channels.iter().any(is_new);
        let teams = if has_new { self.rest.teams().await? } else { Vec::new() };
        self.directory.heard_channels(&channels, &teams);
        let configured = (self.configured)();
        self.read_of.set(configured.clone());
        self.note_absent(&configured, &channels);
        let is_read = |channel: &Channel| {
            channel.is_direct() || configured.iter().any(|id| id.as_str() == channel.id)
        };
        let channels: Vec<Channel> =
            channels.into_iter().filter(|it| it.delete_at == 0 && is_read(it)).collect();
        self.listed.set(Some(Listed { at, channels: channels.clone() }));
        Ok(channels)
    }

    /// Notes which configured channels are not heard, and tells the log of those that are new.
    fn note_absent(&self, configured: &BTreeSet<ChatChannelId>, channels: &[Channel]) {
        let is_open = |id: &ChatChannelId| {
            channels.iter().any(|channel| channel.id == id.as_str() && channel.delete_at == 0)
        };
        let absent: BTreeSet<ChatChannelId> =
            configured.iter().filter(|id| !is_open(id)).cloned().collect();
        let before = self.absent.with(|known| std::mem::replace(known, absent.clone()));
        for id in absent.difference(&before) {
            tracing::warn!(platform = %self.platform, channel = %id, "not a member of this channel");
        }
    }

    /// Marks channels that were configured since as to be read.
    pub(super) fn look_for_new_channels(&self) {
        let configured = (self.configured)();
        let known = self.read_of.get();
        for channel in configured.difference(&known) {
            self.hints.posted(channel.as_str(), None);
        }
        self.read_of.set(configured);
    }

    /// Returns the oldest posts of a channel that are new from a place on, and whether there are
    /// more.
    async fn walk(&self, channel: &str, place: &Place) -> Result<(Vec<Post>, bool), RestError> {
        let from = place.from();
        let mut kept: VecDeque<Post> = VecDeque::new();
        let mut has_more = false;
        let mut before: Option<String> = None;
        let mut last: Option<String> = None;
        let mut known: HashSet<String> = HashSet::new();
        loop {
            let size = if before.is_some() { PAGE } else { FEW };
            let page = self.rest.posts(channel, before.as_deref(), size).await?;
            check_anchor(&page, before.as_deref(), last.as_deref())?;
            let is_last = page.len() < size || page.last().is_none_or(|it| it.create_at < from);
            let anchor = anchor_of(&page).map(|post| post.id.clone());
            last = page.last().map(|post| post.id.clone());
            let ids: HashSet<String> = page.iter().map(|post| post.id.clone()).collect();
            let fresh = page
                .into_iter()
                .filter(|post| post.create_at >= from && !place.seen.contains_key(&post.id));
            kept.extend(fresh.filter(|post| !known.contains(&post.id)));
            while kept.len() > MOST {
                kept.pop_front();
                has_more = true;
            }
            if is_last || anchor == before {
                return Ok((kept.into(), has_more));
            }
            known = ids;
            before = anchor;
        }
    }

    /// Makes messages of posts: of people and programs, not of the server and not its own.
    async fn messages(&self, mut posts: Vec<Post>) -> Result<Vec<Message>, RestError> {
        let me = self.me().await?;
        // Former versions of a post are rows of their own; they are nobody's messages.
        posts.retain(|post| {
            post.user_id != me.id
                && post.delete_at == 0
                && post.original_id.is_empty()
                && !post.kind.starts_with("system_")
        });
        posts.sort_by(|a, b| (a.create_at, &a.id).cmp(&(b.create_at, &b.id)));
        self.to_messages(posts).await
    }

    /// Makes messages of posts; who wrote them is asked of the server now.
    pub(super) async fn to_messages(&self, posts: Vec<Post>) -> Result<Vec<Message>, RestError> {
        if !posts.is_empty() {
            self.check_unmoved().await?;
        }
        let me = self.me().await?;
        let users = self.users(posts.iter().map(|post| post.user_id.as_str())).await?;
        let named = self.mentioned(&posts).await?;
        let mut messages = Vec::with_capacity(posts.len());
        for post in posts {
            let channel = self.channel(&post.channel_id).await?;
            let kind = identity::of_post(&post, users.get(&post.user_id), &me.id);
            // What has no form of an id is nothing that could be answered.
            if let Some(message) = self.message(post, kind, channel.is_direct(), &named) {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    /// Checks that a post is what its author wrote then and there. Where people can move threads,
    /// anybody can have the server say again what another once wrote, and nothing tells the one
    /// from the other.
    async fn check_unmoved(&self) -> Result<(), RestError> {
        if self.unmoved.get().is_some_and(|at| at.elapsed() < UNMOVED) {
            return Ok(());
        }
        let at = Instant::now();
        if self.rest.moves_threads().await? {
            let why = "threads can be moved there, which says old messages again in the name of who \
                       wrote them; turn its feature flag MoveThreadsEnabled off";
            return Err(RestError::Unreachable(why.to_owned()));
        }
        self.unmoved.set(Some(at));
        Ok(())
    }

    /// Returns the accounts that are mentioned in posts, by the word that mentions them.
    async fn mentioned(&self, posts: &[Post]) -> Result<BTreeMap<String, String>, RestError> {
        let words: BTreeSet<String> =
            posts.iter().flat_map(|post| words_of(&post.message)).collect();
        if words.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names: BTreeSet<String> = words.iter().flat_map(|word| names_of(word)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let users = self.rest.users_named(&names).await?;
        self.directory.heard_users(&users);
        let by_name: BTreeMap<&str, &str> =
            users.iter().map(|user| (user.username.as_str(), user.id.as_str())).collect();
        let mut found = BTreeMap::new();
        for word in words {
            let meant = names_of(&word).find_map(|name| Some((name.len(), *by_name.get(&*name)?)));
            if let Some((length, id)) = meant {
                found.insert(word[..=length].to_owned(), id.to_owned());
            }
        }
        Ok(found)
    }

    pub(super) fn mentions_in(
        &self,
        text: &str,
        named: &BTreeMap<String, String>,
    ) -> Vec<Mentioned> {
        let mut found = Vec::new();
        for word in words_of(text) {
            let meant = names_of(&word).find_map(|name| {
                let typed = &word[..=name.len()];
                Some((typed.to_owned(), named.get(typed)?))
            });
            if let Some((typed, id)) = meant
                && let Some(account) = self.account(id)
            {
                found.push(Mentioned { typed, account });
            }
        }
        found
    }
}

/// Returns the post to page on from: the oldest whose time differs from that of the last, so
/// that the last one's millisecond is read again and whole.
pub(super) fn anchor_of(page: &[Post]) -> Option<&Post> {
    let last = page.last()?;
    page.iter().rev().find(|post| post.create_at > last.create_at).or(Some(last))
}

/// Checks that a page was read on from a post that is there. From one that is gone for good the
/// server reads nothing and says so in no way; but the last of the page before comes again.
pub(super) fn check_anchor(
    page: &[Post],
    before: Option<&str>,
    last: Option<&str>,
) -> Result<(), RestError> {
    match page.is_empty() && before.is_some() && before != last {
        true => Err(RestError::Unreachable("what was to be read on from is gone".to_owned())),
        false => Ok(()),
    }
}

/// Returns the words of a text that may mention somebody.
fn words_of(text: &str) -> Vec<String> {
    let word = Regex::new(r"@[A-Za-z0-9._-]+").expect("a literal pattern");
    let stands_alone =
        |at: usize| text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '@');
    word.find_iter(text)
        .filter(|found| stands_alone(found.start()))
        .map(|found| found.as_str().to_owned())
        .collect()
}

/// Returns the names that a word may mean, the longest first: what ends it may be punctuation.
fn names_of(word: &str) -> impl Iterator<Item = String> + use<> {
    let mut next = Some(word.trim_start_matches('@').to_ascii_lowercase());
    std::iter::from_fn(move || {
        let name = next.take()?;
        next = name.strip_suffix(['.', '-', '_']).map(str::to_owned);
        (!name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_anchor_leaves_the_last_millisecond_whole() {
        let page = |times: &[i64]| -> Vec<Post> {
            let posts = times.iter().enumerate();
            posts
                .map(|(at, time)| {
                    serde_json::from_value(json!({ "id": at.to_string(), "create_at": time }))
                        .unwrap()
                })
                .collect()
        };
        let anchor = |times: &[i64]| anchor_of(&page(times)).map(|post| post.id.clone());
        assert_eq!(anchor(&[9, 8, 7, 7]).as_deref(), Some("1"));
        assert_eq!(anchor(&[7, 7]).as_deref(), Some("1"));
        assert_eq!(anchor(&[]), None);
    }

    #[test]
    fn a_mention_is_a_word_of_its_own() {
        assert_eq!(words_of("@ada, ask (@Ken.) not a@b.c or @@x"), ["@ada", "@Ken."]);
        assert_eq!(names_of("@Ken._").collect::<Vec<_>>(), ["ken._", "ken.", "ken"]);
    }
}
