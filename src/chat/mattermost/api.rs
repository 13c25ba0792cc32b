//! The requests of which Tribune is made, each as the server's documentation has it.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::rest::{Ask, Content, Repeat, Rest, RestError};
use super::wire::{
    AppError, Channel, Member, NewPost, Post, PostList, Reaction, Team, Uploaded, User,
};

/// Posts of a page when much is expected; the most that the server gives.
pub(super) const PAGE: usize = 200;
/// The size of a post that every server takes, in characters.
const SIZE: usize = 16_383;
/// What the server calls it that somebody is in no channel.
const NO_CHANNELS: &str = "app.channel.get_channels.not_found.app_error";

/// What the server tells of itself, by name.
type Told = BTreeMap<String, String>;

impl Rest {
    /// Returns the account of the token.
    pub async fn me(&self) -> Result<User, RestError> {
        self.ask(Ask::get(&["users", "me"])).await
    }

    /// Returns accounts as they are now, those that are not there left out.
    pub async fn users(&self, ids: &[&str]) -> Result<Vec<User>, RestError> {
        self.users_by("ids", ids).await
    }

    /// Returns the accounts that bear these names now.
    pub async fn users_named(&self, names: &[&str]) -> Result<Vec<User>, RestError> {
        self.users_by("usernames", names).await
    }

    async fn users_by(&self, what: &str, wanted: &[&str]) -> Result<Vec<User>, RestError> {
        let mut found = Vec::new();
        for some in wanted.chunks(100) {
            let path = ["users", what];
            let users: Option<Vec<User>> =
                self.ask(Ask::json(Method::POST, &path, json!(some))).await?;
            found.extend(users.unwrap_or_default());
        }
        Ok(found)
    }

    /// Returns every channel that Tribune is in, direct talk included.
    pub async fn channels(&self) -> Result<Vec<Channel>, RestError> {
        let said = match self.send(Ask::get(&["users", "me", "channels"])).await {
            Err(RestError::Refused { id, .. }) if id == NO_CHANNELS => return Ok(Vec::new()),
            said => said?,
        };
        serde_json::from_slice(&said).or_else(|_| match is_none_of(&said) {
            true => Ok(Vec::new()),
            false => Err(RestError::Unreachable("its list of channels breaks off".to_owned())),
        })
    }

    /// Returns every team that Tribune is in.
    pub async fn teams(&self) -> Result<Vec<Team>, RestError> {
        self.ask(Ask::get(&["users", "me", "teams"])).await
    }

    /// Returns a channel.
    pub async fn channel(&self, id: &str) -> Result<Channel, RestError> {
        self.ask(Ask::get(&["channels", id])).await
    }

    /// Returns those of some accounts that are in a channel now.
    pub async fn members(&self, channel: &str, ids: &[&str]) -> Result<Vec<Member>, RestError> {
        let mut found = Vec::new();
        for some in ids.chunks(100) {
            let path = ["channels", channel, "members", "ids"];
            let ask = Ask::json(Method::POST, &path, json!(some));
            found.extend(self.ask::<Vec<Member>>(ask).await?);
        }
        Ok(found)
    }

    /// Returns the direct talk of two accounts, which is opened where it was not.
    pub async fn direct(&self, one: &str, other: &str) -> Result<Channel, RestError> {
        self.ask(Ask::json(Method::POST, &["channels", "direct"], json!([one, other]))).await
    }

    /// Returns what the server tells programs of its settings.
    pub async fn config(&self) -> Result<Told, RestError> {
        self.ask(Ask::get(&["config", "client"]).query("format", "old")).await
    }

    /// Returns how many characters a post may have.
    pub async fn post_size(&self) -> Result<usize, RestError> {
        let config = self.config().await?;
        let told = config.get("MaxPostSize").and_then(|size| size.parse().ok());
        Ok(told.filter(|size| *size > 0).unwrap_or(SIZE))
    }

    /// Says whether people can move threads from channel to channel. What is moved is posted
    /// anew, as of now and unedited, and as if those had who once wrote it.
    pub async fn moves_threads(&self) -> Result<bool, RestError> {
        let config = self.config().await?;
        if config.get("FeatureFlagMoveThreadsEnabled").is_none_or(|flag| flag != "true") {
            return Ok(false);
        }
        // Without a license the server lets nobody.
        let ask = Ask::get(&["license", "client"]).query("format", "old");
        let license: Told = self.ask(ask).await?;
        Ok(license.get("IsLicensed").is_none_or(|is| is != "false"))
    }

    /// Returns a post that is there.
    pub async fn post(&self, id: &str) -> Result<Post, RestError> {
        self.ask(Ask::get(&["posts", id])).await
    }

    /// Returns posts of a channel, the newest first, replies among them, deleted ones left out.
    ///
    /// The server keeps pages of 30 and 60 in a cache; other sizes come from the database.
    pub async fn posts(
        &self,
        channel: &str,
        before: Option<&str>,
        size: usize,
    ) -> Result<Vec<Post>, RestError> {
        let path = ["channels", channel, "posts"];
        let mut ask = Ask::get(&path).query("per_page", size).query("skipFetchThreads", "true");
        if let Some(before) = before {
            ask = ask.query("before", before);
        }
        let list: PostList = self.ask(ask).await?;
        Ok(list.in_order())
    }

    /// Returns what stands in the thread of a post, oldest first.
    pub async fn thread(&self, root: &str) -> Result<Vec<Post>, RestError> {
        let path = ["posts", root, "thread"];
        let mut found: Vec<Post> = Vec::new();
        loop {
            let mut ask = Ask::get(&path)
                .query("perPage", PAGE)
                .query("direction", "down")
                .query("skipFetchThreads", "false");
            if let Some(last) = found.last() {
                ask = ask.query("fromPost", &last.id).query("fromCreateAt", last.create_at);
            }
            let list: PostList = self.ask(ask).await?;
            let has_next = list.has_next;
            let before = found.len();
            let new = list.in_order().into_iter().filter(|post| post.root_id == root);
            let new: Vec<Post> =
                new.filter(|post| !found.iter().any(|known| known.id == post.id)).collect();
            found.extend(new);
            found.sort_by(|a, b| (a.create_at, &a.id).cmp(&(b.create_at, &b.id)));
            if !has_next || found.len() == before {
                return Ok(found);
            }
        }
    }

    /// Posts. Never twice by itself: whoever calls must look first when the fate is unknown.
    pub async fn create(&self, post: &NewPost<'_>) -> Result<Post, RestError> {
        self.ask(Ask::json(Method::POST, &["posts"], json!(post)).once()).await
    }

    /// Changes the text of a post, and nothing else of it.
    pub async fn patch(&self, id: &str, message: &str) -> Result<Post, RestError> {
        let path = ["posts", id, "patch"];
        self.ask(Ask::json(Method::PUT, &path, json!({ "message": message }))).await
    }

    /// Changes all properties of a post, and not its text.
    pub async fn patch_props(
        &self,
        id: &str,
        props: &BTreeMap<String, Value>,
    ) -> Result<Post, RestError> {
        let path = ["posts", id, "patch"];
        self.ask(Ask::json(Method::PUT, &path, json!({ "props": props }))).await
    }

    /// Returns the reactions that stand under a post.
    ///
    /// Asked for one post, the server answers from a cache, in which two who react at the same
    /// moment may leave one of them out, or in, for half an hour; asked for several, it looks.
    pub async fn reactions(&self, id: &str) -> Result<Vec<Reaction>, RestError> {
        let path = ["posts", "ids", "reactions"];
        let ask = Ask::json(Method::POST, &path, json!([id]));
        let mut found: BTreeMap<String, Option<Vec<Reaction>>> = self.ask(ask).await?;
        match found.remove(id) {
            Some(given) => Ok(given.unwrap_or_default()),
            // Not to know them is not to know that there are none.
            None => Err(RestError::Unreachable("it does not tell the reactions".to_owned())),
        }
    }

    /// Reacts; doing it twice is fine.
    pub async fn react(&self, own: &str, id: &str, emoji: &str) -> Result<(), RestError> {
        let json = json!({ "user_id": own, "post_id": id, "emoji_name": emoji });
        self.send(Ask::json(Method::POST, &["reactions"], json)).await.map(drop)
    }

    /// Uploads a text for a channel and returns its id. Nobody sees it until a post names it.
    pub async fn upload(&self, channel: &str, name: &str, text: &str) -> Result<String, RestError> {
        let ask = Ask {
            method: Method::POST,
            path: &["files"],
            query: vec![("channel_id", channel.to_owned()), ("filename", name.to_owned())],
            content: Content::Bytes(text.as_bytes().to_vec()),
            repeat: Repeat::Fine,
        };
        let uploaded: Uploaded = self.ask(ask).await?;
        let first = uploaded.file_infos.into_iter().next();
        first.map(|file| file.id).ok_or_else(|| RestError::Unreachable("it took no file".into()))
    }
}

/// Says whether an answer is a list that the server had begun before it found nothing to put in.
fn is_none_of(said: &[u8]) -> bool {
    let rest = said.strip_prefix(b"[").unwrap_or(said);
    serde_json::from_slice::<AppError>(rest).is_ok_and(|told| told.id == NO_CHANNELS)
}
