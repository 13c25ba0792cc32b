//! Posts, threads and files.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use super::actions::stripped;
use super::http::{Answer, Asked, forbidden, is_id, refuse};
use super::reactions::reaction_json;
use super::state::{Post, State};
use super::text;

/// What a new post may bear; the real one ignores the rest.
const OF_POSTS: &[&str] = &[
    "channel_id",
    "message",
    "root_id",
    "file_ids",
    "props",
    "pending_post_id",
    "create_at",
    "metadata",
    "user_id",
    "update_at",
    "reply_count",
];
/// What lists may be asked with.
const OF_LISTS: &[&str] = &[
    "page",
    "per_page",
    "since",
    "before",
    "after",
    "include_deleted",
    "skipFetchThreads",
    "collapsedThreads",
    "collapsedThreadsExtended",
];

impl State {
    /// Stores a post, and tells it.
    #[expect(clippy::too_many_arguments, reason = "one column each")]
    pub fn store_post(
        &mut self,
        user: &str,
        channel: &str,
        root: &str,
        message: &str,
        kind: &str,
        props: Value,
        file_ids: Vec<String>,
    ) -> Post {
        let (id, at, number) = (self.new_id(), self.tick(), self.number());
        let post = Post {
            number,
            id: id.clone(),
            create_at: at,
            update_at: at,
            edit_at: 0,
            delete_at: 0,
            user_id: user.to_owned(),
            channel_id: channel.to_owned(),
            root_id: root.to_owned(),
            original_id: String::new(),
            message: message.to_owned(),
            kind: kind.to_owned(),
            props,
            file_ids,
            remote_id: None,
        };
        self.posts.insert(id, post.clone());
        if let Some(root) = self.posts.get_mut(root) {
            root.update_at = at;
        }
        self.channels.get_mut(channel).unwrap().last_post_at = at;
        self.tell_posted(&post, "");
        post
    }

    /// Tells that something was posted.
    pub fn tell_posted(&mut self, post: &Post, pending: &str) {
        let mut json = self.post_json(post);
        json["pending_post_id"] = json!(pending);
        let channel = &self.channels[&post.channel_id];
        let sender = self.users.get(&post.user_id).map_or("", |user| user.username.as_str());
        let data = json!({
            "channel_type": channel.kind, "channel_display_name": channel.name,
            "channel_name": channel.name, "sender_name": format!("@{sender}"),
            "team_id": channel.team, "set_online": true, "post": json.to_string(),
        });
        self.tell("posted", data, &post.channel_id.clone());
    }

    pub fn post_json(&self, post: &Post) -> Value {
        let replies = |it: &&Post| it.root_id == post.id && it.delete_at == 0;
        let given: Vec<Value> = self.given(&post.id).map(reaction_json).collect();
        let mut metadata = json!({});
        if !given.is_empty() {
            metadata["reactions"] = json!(given);
        }
        let mut json = json!({
            "id": post.id, "create_at": post.create_at, "update_at": post.update_at,
            "edit_at": post.edit_at, "delete_at": post.delete_at, "is_pinned": false,
            "user_id": post.user_id, "channel_id": post.channel_id, "root_id": post.root_id,
            "original_id": post.original_id,
            "message": if post.delete_at == 0 { post.message.as_str() } else { "" },
            "type": post.kind, "props": stripped(&post.props), "hashtags": "", "file_ids": post.file_ids,
            "pending_post_id": "", "reply_count": self.posts.values().filter(replies).count(),
            "last_reply_at": 0, "participants": null, "metadata": metadata,
        });
        if !given.is_empty() {
            json["has_reactions"] = json!(true);
        }
        if let Some(remote) = &post.remote_id {
            json["remote_id"] = json!(remote);
        }
        json
    }

    /// Returns a post that somebody may read.
    pub fn readable(&self, asked: &Asked<'_>, id: &str) -> Result<Post, super::http::Refusal> {
        if !is_id(id) {
            return refuse(400, "api.context.invalid_url_param.app_error");
        }
        match self.posts.get(id).filter(|post| post.delete_at == 0) {
            None => refuse(404, "app.post.get.app_error"),
            Some(post) if self.is_member(&asked.user, &post.channel_id) => Ok(post.clone()),
            Some(_) => forbidden(),
        }
    }

    pub fn create(&mut self, asked: &Asked<'_>) -> Answer {
        let new = asked.json()?;
        for name in new.as_object().into_iter().flat_map(|fields| fields.keys()) {
            if !OF_POSTS.contains(&name.as_str()) {
                self.wrong.push(format!("a new post bears {name}"));
            }
        }
        let (channel, root, message) =
            (text(&new, "channel_id"), text(&new, "root_id"), text(&new, "message"));
        if !self.channels.contains_key(channel) {
            return refuse(400, "api.context.invalid_param.app_error");
        }
        if !self.is_member(&asked.user, channel) {
            return forbidden();
        }
        if message.chars().count() > self.post_size {
            return refuse(400, "model.post.is_valid.message_length.app_error");
        }
        if !root.is_empty() {
            match self.posts.get(root) {
                Some(post) if post.delete_at == 0 && post.root_id.is_empty() => {
                    if post.channel_id != channel {
                        return refuse(400, "api.post.create_post.channel_root_id.app_error");
                    }
                }
                _ => return refuse(400, "api.post.create_post.root_id.app_error"),
            }
        }
        let pending = text(&new, "pending_post_id").to_owned();
        let remembers = self.remembers;
        self.pending.retain(|_, (_, since)| since.elapsed() < remembers);
        // Whose it is nobody asks.
        if let Some((known, _)) = self.pending.get(&pending) {
            return match self.readable(asked, known) {
                Ok(post) => Ok((201, self.post_json(&post))),
                Err(_) => refuse(500, "api.post.deduplicate_create_post.failed_to_get"),
            };
        }
        let mut props = match &new["props"] {
            Value::Object(props) => props.clone(),
            _ => serde_json::Map::new(),
        };
        if self.users[&asked.user].is_bot {
            props.insert("from_bot".into(), json!("true"));
        }
        self.check_actions(&Value::Object(props.clone()));
        let files: Vec<String> =
            serde_json::from_value(new["file_ids"].clone()).unwrap_or_default();
        if files.iter().any(|file| !self.files.contains_key(file)) {
            self.wrong.push("a post names a file that is not there".to_owned());
        }
        let (channel, root, message) = (channel.to_owned(), root.to_owned(), message.to_owned());
        let post = self.store_post(&asked.user, &channel, &root, &message, "", props.into(), files);
        if !pending.is_empty() {
            self.pending.insert(pending.clone(), (post.id.clone(), Instant::now()));
        }
        let mut json = self.post_json(&post);
        json["pending_post_id"] = json!(pending);
        Ok((201, json))
    }

    pub fn get(&mut self, asked: &Asked<'_>, id: &str) -> Answer {
        let post = self.readable(asked, id)?;
        Ok((200, self.post_json(&post)))
    }

    pub fn patch(&mut self, asked: &Asked<'_>, id: &str) -> Answer {
        let patch = asked.json()?;
        // The real one says so of posts that are not there, too.
        let Ok(post) = self.readable(asked, id) else { return forbidden() };
        if post.user_id != asked.user && !self.users[&asked.user].is_admin {
            return forbidden();
        }
        let is_late = |limit: i64| self.now() > post.create_at + limit * 1_000;
        if patch["message"].is_string() && self.edit_limit.is_some_and(is_late) {
            return refuse(400, "api.post.update_post.permissions_time_limit.app_error");
        }
        let message = patch["message"].as_str().unwrap_or(&post.message);
        let props = match &patch["props"] {
            Value::Null => post.props.clone(),
            given => given.clone(),
        };
        // What says who posted stays, and so must what Tribune knows its posts by.
        for name in ["from_bot", "tribune_key"] {
            if props[name] != post.props[name] {
                self.wrong.push(format!("a post loses {name}"));
            }
        }
        self.check_actions(&props);
        if message.chars().count() > self.post_size {
            return refuse(400, "model.post.is_valid.message_length.app_error");
        }
        let at = self.tick();
        let former = Post {
            number: self.number(),
            id: self.new_id(),
            original_id: post.id.clone(),
            delete_at: at,
            update_at: at,
            ..post.clone()
        };
        self.posts.insert(former.id.clone(), former);
        let stored = self.posts.get_mut(id).unwrap();
        stored.update_at = at;
        if stored.message != message || stored.props["attachments"] != props["attachments"] {
            stored.message = message.to_owned();
            stored.edit_at = at;
        }
        stored.props = props;
        let post = stored.clone();
        // An edit counts as the last thing that happened in the channel and, of a reply, to its root.
        self.channels.get_mut(&post.channel_id).unwrap().last_post_at = at;
        if let Some(root) = self.posts.get_mut(&post.root_id) {
            root.update_at = at;
        }
        let json = self.post_json(&post);
        self.tell("post_edited", json!({ "post": json.to_string() }), &post.channel_id);
        Ok((200, json))
    }

    pub fn delete(&mut self, asked: &Asked<'_>, id: &str) -> Answer {
        let post = self.readable(asked, id)?;
        if post.user_id != asked.user && !self.users[&asked.user].is_admin {
            return forbidden();
        }
        // The event bears the post as it was.
        let json = self.post_json(&post);
        let at = self.tick();
        for gone in self.posts.values_mut().filter(|it| it.id == id || it.root_id == id) {
            (gone.delete_at, gone.update_at) = (at, at);
        }
        self.tell("post_deleted", json!({ "post": json.to_string() }), &post.channel_id);
        Ok((200, json!({ "status": "OK" })))
    }

    /// Moves a thread: every post of it stands anew in the other channel, as of now, unedited and by
    /// who wrote it, and nothing on it tells.
    pub fn move_thread(&mut self, asked: &Asked<'_>, id: &str) -> Answer {
        if !self.moves_threads || !self.is_licensed {
            return refuse(501, "api.post.move_thread.disabled.app_error");
        }
        let root = self.readable(asked, id)?;
        let to = text(&asked.json()?, "channel_id").to_owned();
        if !self.is_member(&asked.user, &to) {
            return forbidden();
        }
        let mut thread: Vec<Post> = self
            .posts
            .values()
            .filter(|it| it.root_id == id && it.delete_at == 0)
            .cloned()
            .collect();
        thread.sort_by_key(|post| (post.create_at, post.number));
        let moved = self.store_post(&root.user_id, &to, "", &root.message, "", root.props, vec![]);
        for it in thread {
            self.store_post(&it.user_id, &to, &moved.id, &it.message, "", it.props, vec![]);
        }
        let note = "This thread was moved from another channel";
        self.store_post(&asked.user, &to, &moved.id, note, "system_wrangler", json!({}), vec![]);
        let at = self.tick();
        for gone in self.posts.values_mut().filter(|it| it.id == id || it.root_id == id) {
            (gone.delete_at, gone.update_at) = (at, at);
        }
        Ok((200, json!({ "status": "OK" })))
    }

    pub fn list(&mut self, asked: &Asked<'_>, channel: &str) -> Answer {
        for name in asked.query.keys().filter(|name| !OF_LISTS.contains(&name.as_str())) {
            self.wrong.push(format!("posts are listed with {name}"));
        }
        if !self.is_member(&asked.user, channel) {
            return forbidden();
        }
        let size = asked.number("per_page")?.filter(|size| *size >= 0).unwrap_or(60).min(200);
        let page = asked.number("page")?.unwrap_or(0).max(0);
        let here = |post: &&Post| post.channel_id == channel && !self.behind.contains(&post.id);
        if let Some(since) = asked.number("since")?.filter(|since| *since > 0) {
            // Any thousand of them, former versions and deleted ones among them.
            let changed = self.posts.values().filter(here).filter(|post| post.update_at > since);
            return Ok((200, self.post_list(changed.take(1_000).collect())));
        }
        let anchor =
            ["before", "after"].into_iter().find_map(|name| Some((name, asked.query.get(name)?)));
        let mut posts: Vec<&Post> =
            self.posts.values().filter(here).filter(|post| post.delete_at == 0).collect();
        posts.sort_by_key(|post| std::cmp::Reverse((post.create_at, post.number)));
        if let Some((side, id)) = anchor {
            if !is_id(id) {
                return refuse(400, "api.context.invalid_url_param.app_error");
            }
            // A deleted anchor serves, one that never was does not.
            let at = self.posts.get(id).map(|post| post.create_at);
            posts.retain(|post| match (side, at) {
                (_, None) => false,
                ("before", Some(at)) => post.create_at < at,
                (_, Some(at)) => post.create_at > at,
            });
            if side == "after" {
                posts.reverse();
            }
        }
        let skip = usize::try_from(page * size).unwrap();
        let posts = posts.into_iter().skip(skip).take(usize::try_from(size).unwrap());
        Ok((200, self.post_list(posts.collect())))
    }

    /// Lists posts, newest first; the first posts of their threads come along.
    fn post_list(&self, mut posts: Vec<&Post>) -> Value {
        posts.sort_by_key(|post| std::cmp::Reverse((post.create_at, post.number)));
        let roots = posts.iter().filter_map(|post| self.posts.get(&post.root_id));
        let all: BTreeMap<&str, Value> = posts
            .iter()
            .copied()
            .chain(roots)
            .map(|post| (post.id.as_str(), self.post_json(post)))
            .collect();
        let order: Vec<&str> = posts.iter().map(|post| post.id.as_str()).collect();
        json!({
            "order": order, "posts": all, "next_post_id": "", "prev_post_id": "",
            "first_inaccessible_post_time": 0,
        })
    }

    pub fn thread(&mut self, asked: &Asked<'_>, id: &str) -> Answer {
        let post = self.readable(asked, id)?;
        let root = if post.root_id.is_empty() { post.id.clone() } else { post.root_id.clone() };
        let size = asked.number("perPage")?.unwrap_or(0);
        if size > 200 {
            return refuse(400, "api.context.invalid_url_param.app_error");
        }
        let from = asked.number("fromCreateAt")?;
        let from_post = asked.query.get("fromPost");
        if from_post.is_some() != from.is_some() {
            return refuse(400, "api.context.invalid_url_param.app_error");
        }
        let mut replies: Vec<&Post> = self
            .posts
            .values()
            .filter(|post| post.root_id == root && post.delete_at == 0)
            .filter(|post| match (from, from_post) {
                (Some(at), Some(id)) => (post.create_at, &post.id) > (at, id),
                _ => true,
            })
            .collect();
        replies.sort_by(|a, b| (a.create_at, &a.id).cmp(&(b.create_at, &b.id)));
        let size = if size == 0 { usize::MAX } else { usize::try_from(size).unwrap() };
        let has_next = replies.len() > size;
        replies.truncate(size);
        let posts: Vec<&Post> = std::iter::once(&self.posts[&root]).chain(replies).collect();
        let order: Vec<&str> = posts.iter().map(|post| post.id.as_str()).collect();
        let all: BTreeMap<&str, Value> =
            posts.iter().map(|post| (post.id.as_str(), self.post_json(post))).collect();
        Ok((
            200,
            json!({
                "order": order, "posts": all, "next_post_id": "", "prev_post_id": "",
                "has_next": has_next, "first_inaccessible_post_time": 0,
            }),
        ))
    }

    pub fn upload(&mut self, asked: &Asked<'_>, headers: &HeaderMap) -> Answer {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let (Some(channel), Some(name)) =
            (asked.query.get("channel_id"), asked.query.get("filename"))
        else {
            return refuse(400, "api.file.upload_file.incorrect_channelId.app_error");
        };
        if kind.is_none_or(|kind| kind.starts_with("multipart/")) {
            self.wrong.push("a file comes in a form".to_owned());
        }
        if !self.is_member(&asked.user, channel) {
            return forbidden();
        }
        let id = self.new_id();
        let content = String::from_utf8_lossy(asked.body).into_owned();
        self.files.insert(id.clone(), (name.clone(), content));
        let info = json!({
            "id": id, "user_id": asked.user, "create_at": 1, "update_at": 1, "delete_at": 0,
            "name": name, "extension": "txt", "size": asked.body.len(), "mime_type": "text/plain",
        });
        Ok((201, json!({ "file_infos": [info], "client_ids": [] })))
    }
}
